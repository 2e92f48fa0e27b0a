//! Looks at scene data that dcc-mcp-shm shares: what a buffer holds in brief, windows of its numbers and bytes, and
//! pictures of it.
//!
//! A look takes a [`DataReader`](dcc_mcp_shm::DataReader) and what is wanted of the data. A look that can take long
//! also takes a [`Progress`], which is told how far the look is and can end it. [`Contents`] and [`Window`] are both
//! data ([`serde::Serialize`]) and text ([`Display`](std::fmt::Display)); a [`Picture`] becomes an image file, and has
//! a text as well. A look that fails gives a [`LookError`]. [`look()`] opens the reader and makes sure that the data
//! was not rewritten meanwhile.
//!
//! ```
//! use dcc_mcp_shm::{BufferOptions, SharedSceneBuffer, Store, StoreOptions};
//! use dcc_mcp_shm_view::{Window, WindowRequest, look};
//!
//! let parent = tempfile::tempdir()?;
//! let store = Store::open(&StoreOptions::at(parent.path().join("store")))?;
//! let scene = SharedSceneBuffer::write(&store, b"a cube", &BufferOptions::default())?;
//! let from_2_on = WindowRequest {
//!     array: None,
//!     format: None,
//!     start: 2,
//!     count: u64::MAX,
//!     limit: 1000,
//! };
//! let window = look(&store, &scene.id().into(), |reader| Window::of(reader, &from_2_on))?;
//! assert_eq!(window.to_string(), "4 bytes from byte 2 on as text; none follow:\n```\ncube\n```");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attributes;
mod contents;
mod coordinates;
mod decode;
mod elements;
mod error;
mod frames;
mod image_format;
mod left_out;
mod look;
pub mod memory;
mod mesh_check;
mod mesh_layout;
mod names;
mod number;
mod number_stream;
mod picture;
mod placement;
mod progress;
#[cfg(test)]
#[path = "../../tests/properties.rs"]
mod properties;
mod request;
mod rows;
mod statistics;
pub mod text;
mod window;

pub use contents::{Contents, MAX_ARRAYS};
pub use error::{LookError, NamedArray, TooLarge};
pub use frames::NoSuchFrame;
pub use left_out::LeftOut;
pub use look::look;
pub use picture::{Encoded, Picture, PixelOrder, draw};
pub use progress::Progress;
pub use request::{PictureRequest, View};
pub use window::{Format, Window, WindowRequest};
