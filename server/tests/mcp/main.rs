//! The built server, spoken to as clients do.

mod adverse_store;
mod answers;
mod bounded;
mod client;
mod deleting;
mod describe_buffer;
mod fuzz;
mod hidden;
mod lanes;
mod leaving;
mod lenient;
mod limits;
mod long;
mod manifest;
mod order;
mod pictures;
mod programs;
mod protocol;
mod read_buffer;
#[path = "../../../shm/tests/common/refusal.rs"]
mod refusal;
mod resources;
mod scenes;
mod stalled;
mod stdio;
mod tools;
mod untrusted;
mod waiting;
