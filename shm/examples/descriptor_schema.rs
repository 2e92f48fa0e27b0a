//! Prints the JSON Schema of descriptors, which is kept in `docs/descriptor.schema.json`.

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

fn main() {
    println!("{:#}", dcc_mcp_shm::Descriptor::json_schema().as_value());
}
