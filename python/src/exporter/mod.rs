//! Memory across the border to Python: buffers given out ([`ArrayView`], also by DLPack), buffers taken in ([`Input`]), and `bytes`
//! filled in place ([`filled_bytes`]). All unsafe code of this crate is here.
#![allow(unsafe_code)]

mod array_view;
mod basic_index;
mod bytes;
mod dlpack;
mod input;
mod memory;
mod rows;

pub(crate) use array_view::ArrayView;
pub(crate) use bytes::{NewBytes, filled_bytes};
pub(crate) use input::Input;
pub(crate) use memory::Memory;
