//! Linux.

mod files;
mod process;
mod readiness;
mod session;
mod standard;
mod terminal;

pub(crate) use self::files::{can_reach, can_write, file_builder, file_identity, file_system, keep_owner, look_at};
pub(crate) use self::process::{check_descriptors, give_way, kernel_release, seconds_of_ticks, user};
pub(crate) use self::readiness::StoreReadiness;
pub(crate) use self::session::{Reader, Terminations, is_output_hung_up, survive_file_size_limit};
pub(crate) use self::standard::{input, output};
pub(crate) use self::terminal::{Keys, RawTerminal, Resizes, window_size};
