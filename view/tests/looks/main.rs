//! What is drawn and what is said of data, of every kind that programs really write: each kind by a property or a table of
//! its forms.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "small numbers"
)]

mod asked;
mod exr;
mod exr_files;
mod exr_matrix;
mod exr_public;
mod faces;
mod mesh_check;
mod pixels;
#[path = "../../../tests/properties.rs"]
mod properties;
mod reach;
mod scenes;
mod sizes;
