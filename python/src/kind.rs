//! The enumeration of data kinds.

use dcc_mcp_shm::SceneDataKind as Kind;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::errors::invalid;

/// The kind of a buffer's data.
#[pyclass(frozen, eq, eq_int, module = "dcc_mcp_shm", from_py_object)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SceneDataKind {
    /// Meshes and other geometry.
    Geometry,
    /// Values that change over a range of frames.
    AnimationCache,
    /// An image: a viewport, a render, a texture.
    Screenshot,
    /// Anything else.
    Arbitrary,
}

#[pymethods]
impl SceneDataKind {
    /// The hash of the integer that equals the member.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the protocol's form")]
    fn __hash__(&self) -> isize {
        *self as isize
    }

    /// Pickles the member by its name.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let py = slf.py();
        let getattr = py.import("builtins")?.getattr("getattr")?;
        (getattr, (py.get_type::<Self>(), Kind::from(*slf.get()).as_str())).into_pyobject(py)
    }
}

impl From<SceneDataKind> for Kind {
    fn from(kind: SceneDataKind) -> Self {
        match kind {
            SceneDataKind::Geometry => Self::Geometry,
            SceneDataKind::AnimationCache => Self::AnimationCache,
            SceneDataKind::Screenshot => Self::Screenshot,
            SceneDataKind::Arbitrary => Self::Arbitrary,
        }
    }
}

impl From<Kind> for SceneDataKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Geometry => Self::Geometry,
            Kind::AnimationCache => Self::AnimationCache,
            Kind::Screenshot => Self::Screenshot,
            Kind::Arbitrary => Self::Arbitrary,
        }
    }
}

/// A kind as an argument: a member, or its name.
pub(crate) struct KindArgument(pub(crate) Kind);

impl<'py> FromPyObject<'_, 'py> for KindArgument {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(kind) = object.extract::<SceneDataKind>() {
            return Ok(Self(kind.into()));
        }
        let name = object.extract::<String>().unwrap_or_default();
        [Kind::Geometry, Kind::AnimationCache, Kind::Screenshot, Kind::Arbitrary]
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .map(Self)
            .ok_or_else(|| {
                invalid(
                    "kind",
                    format!(
                        "{} is no SceneDataKind (Geometry, AnimationCache, Screenshot, Arbitrary)",
                        object.as_any()
                    ),
                )
            })
    }
}
