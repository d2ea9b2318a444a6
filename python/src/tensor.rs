//! Arrays that stay on a GPU.

use pyo3::{exceptions::PyTypeError, prelude::*};
use wgpu_activations::{ElementType, Gpu, Result, Tensor as Resident, with_element};

use crate::{
    array::{Input, Output, element},
    device::Device,
    error::raised,
    moments::Moments,
};

/// An array that stays on a GPU.
#[pyclass(frozen, module = "wgpu_activations._native")]
pub(crate) struct Tensor {
    tensor: Option<Resident>,
    process: u32,
}

impl Tensor {
    pub(crate) fn new(tensor: Resident) -> Self {
        Self {
            tensor: Some(tensor),
            process: std::process::id(),
        }
    }

    pub(crate) fn get(&self) -> PyResult<&Resident> {
        let own = self.process == std::process::id();
        self.tensor.as_ref().filter(|_| own).ok_or_else(|| {
            PyTypeError::new_err(
                "this tensor is of the process that forked this one; upload it here",
            )
        })
    }
}

impl Drop for Tensor {
    /// The device of a parent process is dead in a child: nothing of it may be touched.
    fn drop(&mut self) {
        if self.process != std::process::id() {
            std::mem::forget(self.tensor.take());
        }
    }
}

#[pymethods]
impl Tensor {
    /// A copy of `x` on a GPU.
    #[staticmethod]
    fn upload(device: &Device, x: &Bound<'_, PyAny>, element_name: &str) -> PyResult<Self> {
        let py = x.py();
        let x = Input::new(x, element(element_name)?)?;
        let (shape, element, bytes) = (x.shape().to_vec(), x.element(), x.bytes()?);
        let uploaded = py.detach(|| match device.gpu()? {
            Some(gpu) => upload(&gpu, bytes, shape, element).map(Some),
            None => Ok(None),
        });
        device.after(uploaded)?.map(Self::new).ok_or_else(|| {
            PyTypeError::new_err("the CPU computes on arrays; a tensor stays on a GPU")
        })
    }

    /// Copies its elements to `y`.
    fn download(&self, y: &Bound<'_, PyAny>) -> PyResult<()> {
        let tensor = self.get()?;
        let mut array = Output::new(y, tensor.element())?;
        let bytes = array.bytes()?;
        y.py().detach(|| download(tensor, bytes)).map_err(raised)
    }

    #[getter]
    fn shape(&self) -> PyResult<Vec<usize>> {
        Ok(self.get()?.shape().to_vec())
    }

    #[getter]
    fn element(&self) -> PyResult<&'static str> {
        Ok(self.get()?.element().name())
    }

    /// The same elements under another shape, in the same memory.
    fn reshaped(&self, shape: Vec<usize>) -> PyResult<Self> {
        let reshaped = self.get()?.clone().reshaped(shape);
        reshaped.map(Self::new).map_err(raised)
    }

    /// Those of its channels.
    fn moments(&self, py: Python<'_>, axis: i64) -> PyResult<Moments> {
        let tensor = self.get()?;
        let moments = py.detach(|| tensor.moments(axis)?.download());
        moments.map(Moments).map_err(raised)
    }
}

fn upload(gpu: &Gpu, bytes: &[u8], shape: Vec<usize>, element: ElementType) -> Result<Resident> {
    with_element!(element, T => gpu.upload::<T>(bytemuck::cast_slice(bytes), shape))
}

fn download(tensor: &Resident, bytes: &mut [u8]) -> Result<()> {
    with_element!(tensor.element(), T => tensor.download_into::<T>(bytemuck::cast_slice_mut(bytes)))
}
