//! The commands for people at a terminal, one a file. They work on the same store that the server serves.

mod doctor;
mod find;
mod foreign;
mod gc;
mod json;
mod keep;
mod ls;
mod overview;
mod process;
mod rm;
mod show;
mod store;
mod table;
mod terminal;
mod time_span;
mod top;

pub(crate) use self::doctor::Doctor;
pub(crate) use self::gc::Gc;
pub(crate) use self::keep::Keep;
pub(crate) use self::ls::Ls;
pub(crate) use self::rm::Rm;
pub(crate) use self::show::Show;
pub(crate) use self::top::Top;
