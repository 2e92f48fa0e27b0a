//! The commands for people at a terminal, one a file. They work on the same store that the server serves.

mod doctor;
mod find;
mod foreign;
mod gc;
mod get;
mod json;
mod keep;
mod kind;
mod ls;
mod overview;
mod put;
mod rm;
mod show;
mod stats;
mod statuses;
mod store;
mod table;
mod terminal;
mod time_span;
mod top;
mod usage;
mod wait;

pub(crate) use self::doctor::Doctor;
pub(crate) use self::gc::Gc;
pub(crate) use self::get::Get;
pub(crate) use self::keep::Keep;
pub(crate) use self::ls::Ls;
pub(crate) use self::put::Put;
pub(crate) use self::rm::Rm;
pub(crate) use self::show::Show;
pub(crate) use self::stats::Stats;
pub(crate) use self::top::Top;
pub(crate) use self::wait::Wait;
