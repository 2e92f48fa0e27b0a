//! Waits that let other threads go on, and that end on a signal such as Ctrl-C.

use pyo3::prelude::*;

use crate::errors::raise;

/// Calls `wait` with the GIL released. `wait` asks its argument, every few milliseconds, whether to go on.
pub(crate) fn wait<T: Send>(
    py: Python<'_>,
    wait: impl FnOnce(&mut dyn FnMut() -> bool) -> dcc_mcp_shm::Result<T> + Send,
) -> PyResult<T> {
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method is not general over the lifetime"
    )]
    let check = || Python::try_attach(|py| py.check_signals());
    let mut raised = None;
    let mut go_on = || {
        // The check gives `None` while the interpreter ends; then the wait ends too.
        match check() {
            Some(Ok(())) => true,
            Some(Err(error)) => {
                raised = Some(error);
                false
            }
            None => false,
        }
    };
    let result = py.detach(|| wait(&mut go_on));
    raised.map_or_else(|| result.map_err(raise), Err)
}
