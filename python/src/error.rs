//! The library's errors as Python's exceptions.

use pyo3::{
    PyErr, create_exception,
    exceptions::{
        PyKeyboardInterrupt, PyLookupError, PyMemoryError, PyOSError, PyRuntimeError, PyTypeError,
        PyValueError,
    },
};
use wgpu_activations::{Error, ErrorKind};

create_exception!(
    wgpu_activations,
    DeviceNotFoundError,
    PyLookupError,
    "This machine has no such device."
);
create_exception!(
    wgpu_activations,
    DeviceLostError,
    PyRuntimeError,
    "The device is gone: unplugged, reset, or its driver failed. The next call opens it again."
);

/// By what it is about.
pub(crate) fn raised(error: Error) -> PyErr {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::NoDevice => DeviceNotFoundError::new_err(text),
        ErrorKind::DeviceLost => DeviceLostError::new_err(text),
        ErrorKind::OutOfMemory => PyMemoryError::new_err(text),
        ErrorKind::ElementType => PyTypeError::new_err(text),
        ErrorKind::File => PyOSError::new_err(text),
        ErrorKind::Cancelled => PyKeyboardInterrupt::new_err(text),
        ErrorKind::Internal | ErrorKind::Verification => PyRuntimeError::new_err(text),
        _ => PyValueError::new_err(text),
    }
}
