//! NumPy's arrays as the library's sources and sinks. They are contiguous, in C order and aligned: Python sees to that.

use half::{bf16, f16};
use numpy::{PyReadonlyArrayDyn, PyReadwriteArrayDyn, PyUntypedArrayMethods};
use pyo3::{exceptions::PyTypeError, prelude::*};
use wgpu_activations::{
    Element, ElementType,
    io::{Shared, Slice, Source},
};

/// The elements of an array that is read. Halves come as their bits.
pub(crate) enum Input<'py> {
    F32(PyReadonlyArrayDyn<'py, f32>),
    F16(PyReadonlyArrayDyn<'py, u16>),
    Bf16(PyReadonlyArrayDyn<'py, u16>),
}

/// The elements of an array that is written.
pub(crate) enum Output<'py> {
    F32(PyReadwriteArrayDyn<'py, f32>),
    Half(PyReadwriteArrayDyn<'py, u16>),
}

/// An element type by the name that Python gives it.
pub(crate) fn element(name: &str) -> PyResult<ElementType> {
    let mut elements = ElementType::ALL.into_iter();
    let found = elements.find(|element| element.name() == name);
    found.ok_or_else(|| PyTypeError::new_err(format!("elements of type {name}")))
}

impl<'py> Input<'py> {
    pub(crate) fn new(array: &Bound<'py, PyAny>, element: ElementType) -> PyResult<Self> {
        Ok(match element {
            ElementType::F32 => Self::F32(array.extract()?),
            ElementType::F16 => Self::F16(array.extract()?),
            ElementType::Bf16 => Self::Bf16(array.extract()?),
        })
    }

    pub(crate) fn all(arrays: &[Bound<'py, PyAny>], element: ElementType) -> PyResult<Vec<Self>> {
        arrays
            .iter()
            .map(|array| Self::new(array, element))
            .collect()
    }

    pub(crate) fn element(&self) -> ElementType {
        match self {
            Self::F32(_) => ElementType::F32,
            Self::F16(_) => ElementType::F16,
            Self::Bf16(_) => ElementType::Bf16,
        }
    }

    pub(crate) fn bytes(&self) -> PyResult<&[u8]> {
        Ok(match self {
            Self::F32(array) => bytemuck::cast_slice(array.as_slice()?),
            Self::F16(array) | Self::Bf16(array) => bytemuck::cast_slice(array.as_slice()?),
        })
    }

    pub(crate) fn shape(&self) -> &[usize] {
        match self {
            Self::F32(array) => array.shape(),
            Self::F16(array) | Self::Bf16(array) => array.shape(),
        }
    }

    /// As the library reads it.
    pub(crate) fn source(&self) -> PyResult<Box<dyn Source + '_>> {
        Ok(match self {
            Self::F32(array) => Box::new(Slice(array.as_slice()?)),
            Self::F16(array) => Box::new(Slice(bytemuck::cast_slice::<_, f16>(array.as_slice()?))),
            Self::Bf16(array) => {
                Box::new(Slice(bytemuck::cast_slice::<_, bf16>(array.as_slice()?)))
            }
        })
    }
}

impl<'py> Output<'py> {
    pub(crate) fn new(array: &Bound<'py, PyAny>, element: ElementType) -> PyResult<Self> {
        Ok(match element {
            ElementType::F32 => Self::F32(array.extract()?),
            ElementType::F16 | ElementType::Bf16 => Self::Half(array.extract()?),
        })
    }

    pub(crate) fn shape(&self) -> &[usize] {
        match self {
            Self::F32(array) => array.shape(),
            Self::Half(array) => array.shape(),
        }
    }

    pub(crate) fn bytes(&mut self) -> PyResult<&mut [u8]> {
        Ok(match self {
            Self::F32(array) => bytemuck::cast_slice_mut(array.as_slice_mut()?),
            Self::Half(array) => bytemuck::cast_slice_mut(array.as_slice_mut()?),
        })
    }

    /// As the library writes it: as a whole on the CPU, which then computes where the results belong.
    pub(crate) fn sink(&mut self, on_cpu: bool) -> PyResult<Shared<'_>> {
        Ok(match self {
            Self::F32(array) => shared(array.as_slice_mut()?, on_cpu),
            Self::Half(array) => {
                let halves: &mut [f16] = bytemuck::cast_slice_mut(array.as_slice_mut()?);
                shared(halves, on_cpu)
            }
        })
    }
}

fn shared<T: Element>(slice: &mut [T], on_cpu: bool) -> Shared<'_> {
    match on_cpu {
        true => Shared::undivided(slice),
        false => Shared::new(slice),
    }
}
