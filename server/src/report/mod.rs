//! Reports that tools return and that resources contain.

mod deleted;
mod descriptor;
mod pools;
mod status;

pub(crate) use self::deleted::Deleted;
pub(crate) use self::descriptor::Described;
pub(crate) use self::pools::Pools;
pub(crate) use self::status::Status;
