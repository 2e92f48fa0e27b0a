//! What is drawn and what is said of data, of every kind that programs really write: each kind by a property or a table of
//! its forms.

mod exr;
mod exr_files;
mod faces;
mod pixels;
#[path = "../../../tests/properties.rs"]
mod properties;
mod reach;
mod scenes;
