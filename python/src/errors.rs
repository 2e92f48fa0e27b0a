//! Exceptions: a subclass of `ShmError` for each kind of failure, named as in the Rust crate. Only `SystemFailure` has
//! a name of its own: it stands for `Io`, `TooManyWatches` and `NoLeases`.

use dcc_mcp_shm::Error;
use pyo3::create_exception;
use pyo3::exceptions::{PyBufferError, PyRuntimeError, PyTypeError, PyUnicodeError, PyValueError};
use pyo3::prelude::*;

use crate::json::{from_json, json};

create_exception!(
    dcc_mcp_shm,
    ShmError,
    PyRuntimeError,
    "A failure of dcc_mcp_shm; the classes below say which."
);

macro_rules! exceptions {
    ($($name:ident: $doc:literal;)*) => {
        $(create_exception!(dcc_mcp_shm, $name, ShmError, $doc);)*
    };
}

exceptions! {
    NotFound: "No buffer, scene or pool of this id or name exists (any more).";
    Stale: "The pool slot was given to somebody else since the descriptor was made: `expected` and `found` are its generations.";
    NameTaken: "Another buffer has the name: `holder` is its id. Publish with `replace=True` to take it over.";
    InvalidArgument: "An argument is outside of what it may be: `argument` is its name.";
    CapacityExceeded: "More data than the buffer holds: `needed` and `capacity` are bytes.";
    StoreFull: "There is no room; nothing was created. `requested`, `available` and `reclaimable` are bytes, `limit` says what set them.";
    Busy: "Others held what is needed for too long; try again. `holder` is a dict with pid, program and stopped, or None.";
    Exhausted: "All `slots` slots of the pool are in use: `holders` are dicts with pid, program and since; `waited` is in seconds.";
    NotSealed: "The scene is not finished: `state` is empty or filling.";
    Sealed: "The scene is finished and never changes.";
    StillWritable: "The scene cannot be sealed, as something can still write to it.";
    Forked: "The write was begun by the process that forked this one, which alone can finish it.";
    OutOfMemory: "There is no memory, for a copy or for the operating system to do its part: `requested` is how many bytes, or None.";
    Interrupted: "The last writer died while it wrote; write again.";
    Damaged: "The bytes of a file are not what they must be.";
    UnsupportedVersion: "A file or descriptor of a newer format: `found` and `known` are versions.";
    InvalidDescriptor: "A descriptor that cannot be used.";
    WrongRole: "The id is of something else: `expected` and `found` say what.";
    NoSuchArray: "The scene has no array of this name; `available` lists those it has.";
    Compressed: "A compressed scene has no view; use read.";
    UnsafeStore: "The store's directory is one that others could tamper with, or is no directory.";
    TooManyOpenFiles: "The process has no file descriptor left.";
    SystemFailure: "The operating system refused; `errno` says why. What was to be made is not published then.";
}

/// The exception for an error of the crate, with the error's facts as attributes.
#[expect(clippy::needless_pass_by_value, reason = "it is what map_err calls")]
pub(crate) fn raise(error: Error) -> PyErr {
    Python::attach(|py| raised(py, &error).unwrap_or_else(|failure| failure))
}

/// `InvalidArgument` for an argument that is refused before the crate sees it.
pub(crate) fn invalid(argument: &'static str, problem: impl Into<String>) -> PyErr {
    raise(Error::InvalidArgument {
        argument,
        problem: problem.into(),
    })
}

/// The same error about an array of this name. Its type stays, and so does an error that is not about the array, such as Ctrl-C.
pub(crate) fn named(name: &str, py: Python<'_>, error: PyErr) -> PyErr {
    let text = error.value(py).to_string();
    let quoted = format!("{name:?}");
    if text.starts_with(&quoted) || text.starts_with(&format!("arrays: {quoted}")) {
        return error;
    }
    let renamed = format!("{quoted}: {text}");
    let value = error.value(py);
    if value.is_instance_of::<PyBufferError>() {
        PyBufferError::new_err(renamed)
    } else if value.is_instance_of::<PyTypeError>() {
        PyTypeError::new_err(renamed)
    } else if value.is_instance_of::<PyValueError>() && !value.is_instance_of::<PyUnicodeError>() {
        PyValueError::new_err(renamed)
    } else {
        error
    }
}

fn raised(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let text = error.to_string();
    macro_rules! exception {
        ($class:ident $(, $field:ident = $value:expr)*) => {{
            let exception = $class::new_err(text);
            // Attributes live in `__dict__`, which pickling and copying keep.
            $(exception.value(py).setattr(stringify!($field), $value)?;)*
            exception
        }};
    }
    Ok(match error {
        Error::NotFound { .. } => exception!(NotFound),
        Error::Stale { expected, found, .. } => exception!(Stale, expected = expected, found = found),
        Error::NameTaken { holder, .. } => exception!(NameTaken, holder = holder.to_string()),
        Error::InvalidArgument { argument, .. } => exception!(InvalidArgument, argument = argument),
        Error::CapacityExceeded { needed, capacity } => {
            exception!(CapacityExceeded, needed = needed, capacity = capacity)
        }
        Error::StoreFull {
            requested,
            available,
            limit,
            reclaimable,
        } => exception!(
            StoreFull,
            requested = requested,
            available = available,
            reclaimable = reclaimable,
            limit = limit.to_string()
        ),
        Error::Busy { holder, .. } => exception!(Busy, holder = from_json(py, &json(holder))?),
        Error::Exhausted {
            slots, holders, waited, ..
        } => exception!(
            Exhausted,
            slots = slots,
            holders = from_json(py, &json(holders))?,
            waited = waited.as_secs_f64()
        ),
        Error::NotSealed { state, .. } => exception!(NotSealed, state = state),
        Error::Sealed { .. } => exception!(Sealed),
        Error::StillWritable { .. } => exception!(StillWritable),
        Error::Forked { .. } => exception!(Forked),
        Error::OutOfMemory { requested, .. } => exception!(OutOfMemory, requested = requested),
        Error::Interrupted { .. } => exception!(Interrupted),
        Error::Damaged { .. } => exception!(Damaged),
        Error::UnsupportedVersion { found, known, .. } => exception!(UnsupportedVersion, found = found, known = known),
        Error::InvalidDescriptor { .. } => exception!(InvalidDescriptor),
        Error::WrongRole { expected, found, .. } => exception!(WrongRole, expected = expected, found = found),
        Error::NoSuchArray { available, .. } => exception!(NoSuchArray, available = available),
        Error::Compressed { .. } => exception!(Compressed),
        Error::UnsafeStore { .. } => exception!(UnsafeStore),
        Error::TooManyOpenFiles { .. } => exception!(TooManyOpenFiles),
        Error::Io { source, .. } | Error::TooManyWatches { source } | Error::NoLeases { source, .. } => {
            exception!(SystemFailure, errno = source.raw_os_error())
        }
        // A kind of error without a class of its own.
        _ => exception!(ShmError),
    })
}
