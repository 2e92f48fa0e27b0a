//! The Python module `dcc_mcp_shm._native`. Users import `dcc_mcp_shm`.

mod arguments;
mod arrays;
mod assign;
mod attrs;
mod buffer;
mod default_store;
mod element;
mod errors;
mod exporter;
mod handle;
mod json;
mod kind;
mod masked;
mod options;
mod pool;
mod scene;
mod store;
mod wait;
mod writer;

#[pyo3::pymodule(gil_used = false)]
mod _native {
    use pyo3::prelude::*;

    /// PyO3 makes some values at their first use, and lets go of the GIL half-way. If another thread forks at that moment, the
    /// child waits for the same value for ever. So the values that this module needs are made when it is imported.
    #[pymodule_init]
    fn make_lazy_values(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let py = module.py();
        py.detach(|| Python::attach(|_| ()));
        // Two of the values are for errors: the name of a type, and the error for an argument of a wrong type.
        let class = py.get_type::<PyStore>();
        class.qualname()?;
        let refused = class.call1((0,));
        debug_assert!(refused.is_err());
        Ok(())
    }

    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "Python's name for it")]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_export]
    use crate::buffer::{PyBufferEdit, PySharedBuffer};
    #[pymodule_export]
    use crate::errors::{
        Busy, CapacityExceeded, Compressed, Damaged, Exhausted, Forked, Interrupted, InvalidArgument,
        InvalidDescriptor, NameTaken, NoSuchArray, NotFound, NotSealed, OutOfMemory, Sealed, ShmError, Stale,
        StillWritable, StoreFull, SystemFailure, TooManyOpenFiles, UnsafeStore, UnsupportedVersion, WrongRole,
    };
    #[pymodule_export]
    use crate::exporter::ArrayView;
    #[pymodule_export]
    use crate::kind::SceneDataKind;
    #[pymodule_export]
    use crate::pool::PyBufferPool;
    #[pymodule_export]
    use crate::scene::PySharedSceneBuffer;
    #[pymodule_export]
    use crate::store::{PyStore, gc};
    #[pymodule_export]
    use crate::writer::PySceneWriter;
}
