//! The built server, spoken to as clients do.

mod client;
mod manifest;
mod stdio;
mod tools;
mod untrusted;
