//! Count, mean and variance of channels, which merge.

use numpy::{PyArray1, PyReadonlyArrayDyn};
use pyo3::prelude::*;

use crate::error::raised;

/// Count, mean and sum of squared deviations (`m2`) per channel. Those of parts add up: `a + b` are those of both.
#[pyclass(frozen, module = "wgpu_activations")]
#[derive(Clone, PartialEq)]
pub(crate) struct Moments(pub(crate) wgpu_activations::Moments);

type Vector<'py> = Bound<'py, PyArray1<f64>>;

#[pymethods]
impl Moments {
    #[new]
    fn new(count: u64, mean: Vec<f64>, m2: Vec<f64>) -> PyResult<Self> {
        let moments = wgpu_activations::Moments::new(count, mean, m2);
        moments.map(Self).map_err(raised)
    }

    /// Those of a contiguous array that is [outer, channels, inner].
    #[staticmethod]
    fn of(
        py: Python<'_>,
        x: PyReadonlyArrayDyn<'_, f64>,
        channels: usize,
        inner: usize,
    ) -> PyResult<Self> {
        let x = x.as_slice()?;
        let moments = py.detach(|| wgpu_activations::Moments::of(x, channels, inner));
        moments.map(Self).map_err(raised)
    }

    /// Elements of each channel.
    #[getter]
    fn count(&self) -> u64 {
        self.0.count()
    }

    /// Their mean.
    #[getter]
    fn mean<'py>(&self, py: Python<'py>) -> Vector<'py> {
        PyArray1::from_slice(py, self.0.mean())
    }

    /// The sum of their squared deviations from it.
    #[getter]
    fn m2<'py>(&self, py: Python<'py>) -> Vector<'py> {
        PyArray1::from_slice(py, self.0.m2())
    }

    /// m2 / count, as `numpy.var` has it.
    #[getter]
    fn variance<'py>(&self, py: Python<'py>) -> Vector<'py> {
        PyArray1::from_vec(py, self.0.variance())
    }

    /// m2 / (count - 1).
    #[getter]
    fn unbiased_variance<'py>(&self, py: Python<'py>) -> Vector<'py> {
        PyArray1::from_vec(py, self.0.unbiased_variance())
    }

    fn __add__(&self, other: &Self) -> PyResult<Self> {
        self.0.merge(&other.0).map(Self).map_err(raised)
    }

    /// `sum(parts)` begins with 0.
    fn __radd__(&self, zero: u64) -> PyResult<Self> {
        match zero {
            0 => Ok(self.clone()),
            _ => Err(pyo3::exceptions::PyTypeError::new_err(
                "moments add to moments",
            )),
        }
    }

    fn __eq__(&self, other: &Self) -> bool {
        self == other
    }

    fn __repr__(&self) -> String {
        let channels = self.0.mean().len();
        format!(
            "Moments({channels} channels of {} elements)",
            self.0.count()
        )
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> (Bound<'py, PyAny>, (u64, Vec<f64>, Vec<f64>)) {
        let (count, mean, m2) = self.0.clone().into_parts();
        (py.get_type::<Self>().into_any(), (count, mean, m2))
    }
}
