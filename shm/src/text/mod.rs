//! Texts for people and models: what others wrote, so that nothing in it is hidden; times, and sizes.

mod size;
mod time;
mod visible;

pub use size::{NotASize, parse_size};
pub(crate) use time::rfc3339;
pub(crate) use visible::printable;
pub use visible::{is_hidden, push_escaped, unescaped, visible};
