//! The tensors that an operation takes.

use super::Operation;
use crate::{
    error::{Error, Result},
    kernel::expect_alike,
    tensor::Tensor,
};

/// The tensors that an operation takes: one, or several in its order.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// use wgpu_activations::{Chain, Gpu};
///
/// let gpu = Gpu::new()?;
/// let (gate, up) = (gpu.upload(&[1.0f32], [1])?, gpu.upload(&[2.0f32], [1])?);
/// let (relu, reglu) = ("relu".parse::<Chain>()?, "reglu".parse::<Chain>()?);
/// assert_eq!(relu.forward(&gate)?.download::<f32>()?, [1.0]);
/// assert_eq!(reglu.forward([&gate, &up])?.download::<f32>()?, [2.0]);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Inputs<'t>(Vec<&'t Tensor>);

impl<'t> From<&'t Tensor> for Inputs<'t> {
    fn from(x: &'t Tensor) -> Self {
        Self(vec![x])
    }
}

impl<'t, const N: usize> From<[&'t Tensor; N]> for Inputs<'t> {
    fn from(x: [&'t Tensor; N]) -> Self {
        Self(x.into())
    }
}

impl<'t> From<&[&'t Tensor]> for Inputs<'t> {
    fn from(x: &[&'t Tensor]) -> Self {
        Self(x.into())
    }
}

impl<'t> Inputs<'t> {
    /// The tensors, if they are those that `operation` takes: as many, and alike.
    pub(crate) fn expect(self, operation: &dyn Operation) -> Result<Vec<&'t Tensor>> {
        let Self(x) = self;
        let names = operation.input_names();
        if x.len() != names.len() || x.is_empty() {
            return Err(inputs_error(operation, x.len()));
        }
        for (name, other) in names.iter().zip(&x).skip(1) {
            expect_alike(&operation.name(), (name, other), (names[0], x[0]))?;
        }
        Ok(x)
    }
}

/// An operation was given another number of tensors than it takes.
pub(crate) fn inputs_error(operation: &dyn Operation, found: usize) -> Error {
    Error::InputCount {
        op: operation.to_string(),
        names: operation.input_names().join(" and "),
        expected: operation.inputs(),
        found,
        advice: match operation.inputs() {
            1 => "give the one that its layout says",
            _ => "give all, or take a layout that has both in one",
        },
    }
}
