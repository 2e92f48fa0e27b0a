//! Linux.

mod files;
mod library;
mod process;
mod readiness;
mod session;
mod standard;
mod terminal;

pub(crate) use self::files::{
    can_make_in, can_write, file_builder, file_identity, file_system, keep_owner, look_at, used_by_own_file_system,
};
pub(crate) use self::library::version_of;
pub(crate) use self::process::{check_descriptors, give_way, kernel_release, program_of, started, user};
pub(crate) use self::readiness::StoreReadiness;
pub(crate) use self::session::{OutputReader, Terminations, is_output_hung_up, survive_file_size_limit};
pub(crate) use self::standard::{input, output};
pub(crate) use self::terminal::{Keys, RawTerminal, Resizes, window_size};
