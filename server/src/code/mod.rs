//! Code that opens a buffer, for one program: a few lines that can be run as they are.

mod literal;
mod node;
mod picture;
mod python;
mod rust;

use dcc_mcp_shm::{BufferState, Descriptor, FileRole};
use schemars::JsonSchema;
use serde::Deserialize;

use self::picture::is_picture;
use self::python::Taken;
pub(crate) use self::python::{numpy, pool, store_argument};

/// What to do where a program cannot read the buffer by itself.
const BY_PYTHON: &str = "call `read_descriptor` without `for` and run that Python";
/// What `is_mesh` and `is_picture` look for.
const A_MESH: &str = "a mesh with `position` (n, 3) and `corner_vert`";
const A_PICTURE: &str = "a picture with `pixels`";

/// A program that code is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Program {
    #[default]
    Python,
    Numpy,
    Blender,
    Trimesh,
    Rust,
    Node,
}

impl Program {
    /// The language of its code.
    pub(crate) fn language(self) -> &'static str {
        match self {
            Self::Python | Self::Numpy | Self::Blender | Self::Trimesh => "Python",
            Self::Rust => "Rust",
            Self::Node => "JavaScript",
        }
    }

    /// The code for this program.
    ///
    /// # Errors
    /// The program cannot use the buffer: a sentence that says why, and what to do instead.
    pub(crate) fn code(self, descriptor: &Descriptor) -> Result<String, String> {
        match self {
            Self::Python => Ok(python::library(descriptor)),
            Self::Numpy => {
                check_flat(descriptor)?;
                numpy(descriptor).ok_or_else(|| format!("It has no arrays with numbers: {BY_PYTHON}."))
            }
            Self::Blender => {
                check_sealed(descriptor)?;
                let taken = taken(descriptor).ok_or_else(|| {
                    format!("It is neither {A_MESH} nor {A_PICTURE}: {BY_PYTHON} in Blender's console.")
                })?;
                Ok(python::blender(descriptor, taken))
            }
            Self::Trimesh => {
                check_sealed(descriptor)?;
                if !is_mesh(descriptor) {
                    return Err(format!("It is not {A_MESH}: {BY_PYTHON}."));
                }
                Ok(python::trimesh(descriptor))
            }
            Self::Rust if descriptor.role != FileRole::Scene => Ok(rust::buffer(descriptor)),
            Self::Rust => check_sealed(descriptor).map(|()| rust::scene(descriptor)),
            Self::Node => check_flat(descriptor).map(|()| node::code(descriptor)),
        }
    }
}

/// Python on one line that brings data of a kind that Blender takes into its scene, once it is sealed.
pub(crate) fn in_blender(descriptor: &Descriptor) -> Option<String> {
    Some(python::blender_call(descriptor, taken(descriptor)?).join("; "))
}

fn taken(descriptor: &Descriptor) -> Option<Taken> {
    if is_mesh(descriptor) {
        return Some(Taken::Mesh);
    }
    is_picture(descriptor).then_some(Taken::Picture)
}

/// Whether the arrays are those of a mesh with faces, as far as their names and shapes tell.
fn is_mesh(descriptor: &Descriptor) -> bool {
    let shape = |name| descriptor.arrays.get(name).map(|array| array.shape.as_slice());
    matches!(shape("position"), Some(&[points, 3]) if points > 0)
        && shape("corner_vert").is_some_and(|shape| !shape.contains(&0))
}

/// Refuses what cannot be read yet, and what has to be read by the library because it is rewritten.
fn check_sealed(descriptor: &Descriptor) -> Result<(), String> {
    if descriptor.role != FileRole::Scene {
        return Err(format!(
            "It can be rewritten at any moment, and dcc_mcp_shm makes sure that one complete write is read: {BY_PYTHON}."
        ));
    }
    match descriptor.state {
        BufferState::Sealed => Ok(()),
        state => Err(format!(
            "It is {}, and can be read once it is sealed: call `wait_for_buffer` with it, then this again.",
            state.as_str()
        )),
    }
}

/// Refuses all but sealed scenes whose data lies in the file as it is.
fn check_flat(descriptor: &Descriptor) -> Result<(), String> {
    check_sealed(descriptor)?;
    if descriptor.use_compression {
        return Err(format!(
            "It is compressed, which dcc_mcp_shm undoes: {BY_PYTHON}, or that for `rust`."
        ));
    }
    Ok(())
}
