//! The native half of the Python package `wgpu_activations`: contiguous arrays, devices, chains, tensors.
//!
//! Operations come from the library's list of families, so that one that is added there is here, too. What
//! Python is good at (defaults, orders of memory, gradients for PyTorch and JAX) is in `wgpu_activations/*.py`.

mod array;
mod catalogue;
mod chain;
mod device;
mod error;
mod file;
mod job;
mod moments;
mod tensor;

use pyo3::prelude::*;

/// Native half of `wgpu_activations`.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::{
        catalogue::catalogue,
        chain::Chain,
        device::{Device, device_names},
        error::{DeviceLostError, DeviceNotFoundError},
        file::run_file,
        moments::Moments,
        tensor::Tensor,
    };
}
