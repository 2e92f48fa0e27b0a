//! All tests of the crate but those that follow a process call by call (`tests/faults`), in one program: it is linked once, and
//! a test that waits leaves the processor to another.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../../../tests/properties.rs"]
mod properties;
#[path = "../common/refusal.rs"]
mod refusal;

mod abused_store;
mod buffer_waits;
mod codec;
mod collectors;
mod crashes;
mod deletions;
mod descriptors;
mod file_size_limit;
mod full_disk;
mod full_speed;
mod golden;
mod holders;
mod hostile_files;
mod hostile_readers;
mod inodes;
mod interleavings;
mod keeping;
mod linked_parents;
mod little_memory;
mod model;
mod order;
mod owners;
mod pool_frames;
mod pool_waits;
mod pools;
mod reader;
mod refused_calls;
mod reserve;
mod sealing;
mod stamps;
mod stopped_holder;
mod store_waits;
mod time_namespaces;
mod torn_reads;
mod unprivileged;
mod watch;
