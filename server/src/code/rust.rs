//! Rust, with the crate `dcc-mcp-shm`.

use dcc_mcp_shm::{Descriptor, FileRole};

use super::literal::braced as literal;

/// Code that reads a sealed scene: the bytes of its first array, or of all if it has none.
pub(super) fn scene(descriptor: &Descriptor) -> String {
    let open = open("scene", "SharedSceneBuffer", descriptor);
    let Some((name, array)) = descriptor.arrays.first() else {
        let data = if descriptor.use_compression {
            "scene.read()?; // decompressed"
        } else {
            "scene.view()?; // shared memory, no copy"
        };
        return program(&format!(
            "{open}\n    let data = {data}\n    println!(\"{{}} bytes\", data.len());"
        ));
    };
    let (name, dtype, shape) = (literal(name), array.dtype, &array.shape);
    let bytes = if descriptor.use_compression {
        "let bytes = scene.read_range(array.offset, array.size())?; // decompressed"
    } else {
        "let data = scene.view()?; // shared memory, no copy\n    \
         let bytes = &data[usize::try_from(array.offset)?..][..usize::try_from(array.size())?];"
    };
    program(&format!(
        "{open}\n    let array = scene.array({name})?; // {dtype} {shape:?}\n    {bytes}\n    \
         println!(\"{{}} bytes\", bytes.len());"
    ))
}

/// Code that reads what is rewritten.
pub(super) fn buffer(descriptor: &Descriptor) -> String {
    let open = if descriptor.role == FileRole::Slot {
        let json = literal(&descriptor.to_json());
        format!(
            "let descriptor = {json}; // stale once the slot is given to somebody else\n    \
             let buffer = dcc_mcp_shm::SharedBuffer::from_descriptor(descriptor)?;"
        )
    } else {
        open("buffer", "SharedBuffer", descriptor)
    };
    program(&format!(
        "{open}\n    let data = buffer.read()?; // one complete write\n    println!(\"{{}} bytes\", data.len());"
    ))
}

/// The statement that opens a file, whichever store it is in.
fn open(variable: &str, class: &str, descriptor: &Descriptor) -> String {
    let (path, id) = (literal(&descriptor.path), descriptor.id);
    format!("let {variable} = dcc_mcp_shm::{class}::open_path({path}.as_ref(), \"{id}\".parse()?)?;")
}

fn program(statements: &str) -> String {
    format!("fn main() -> Result<(), Box<dyn std::error::Error>> {{\n    {statements}\n    Ok(())\n}}")
}
