//! Log-sum-exp along an axis: the logarithm of softmax's divisor.

mod entry;
mod launch;
mod operation;
pub mod reference;
mod shader;

pub(super) use entry::LOGSUMEXP;

use crate::{error::Result, family::Operation, kernel::recorder, tensor::Tensor, wgsl::Math};
use launch::Pass;

const NAME: &str = "logsumexp";

/// Log-sum-exp, y = ln(sum of e^x) along one axis, which keeps its place with length 1.
///
/// The largest element of a row is taken out before the exponentials, so that no row overflows, and counts 1 beside
/// the sum of the others. Its gradient is upstream times [softmax](crate::Softmax).
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// use wgpu_activations::{Gpu, LogSumExp};
///
/// let gpu = Gpu::new()?;
/// let scores = gpu.upload(&[1000.0f32, 1000.0, 0.0, f32::NEG_INFINITY], [2, 2])?;
/// let y = LogSumExp::new(-1).forward(&scores)?;
/// assert_eq!(y.shape(), [2, 1]);
/// assert_eq!(y.download::<f32>()?, [1000.0 + std::f32::consts::LN_2, 0.0]);
/// let upstream = gpu.upload(&[1.0f32, 2.0], [2, 1])?;
/// let dx = LogSumExp::new(-1).backward(&scores, &upstream)?;
/// assert_eq!(dx.download::<f32>()?, [0.5, 0.5, 2.0, 0.0]);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct LogSumExp {
    axis: i64,
    math: Math,
}

impl LogSumExp {
    /// Along `axis`, which counts from the end where negative.
    pub const fn new(axis: i64) -> Self {
        Self {
            axis,
            math: Math::Accurate,
        }
    }

    /// With elementary functions from `math`.
    #[must_use]
    pub fn math(self, math: Math) -> Self {
        Self { math, ..self }
    }

    /// y, a new tensor of x's type, the axis of length 1.
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`](crate::Error::AxisOutOfRange),
    /// [`Error::NoElements`](crate::Error::NoElements) if rows have none, and what the device reports.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = x
            .gpu()
            .allocate(self.output_shape(x.shape())?, x.element())?;
        self.forward_into(x, &y)?;
        Ok(y)
    }

    /// y into a tensor of its shape and x's type.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch),
    /// [`Error::ElementMismatch`](crate::Error::ElementMismatch),
    /// [`Error::ForeignTensor`](crate::Error::ForeignTensor) or
    /// [`Error::Aliased`](crate::Error::Aliased) if y does not serve, and as [`LogSumExp::forward`].
    pub fn forward_into(&self, x: &Tensor, y: &Tensor) -> Result<()> {
        let pass = Pass::forward(x, y);
        recorder::submit(x.gpu(), |recorder| self.record(recorder, pass))
    }

    /// dx, a new tensor of x's shape and type, from what the forward pass was given and the gradient `upstream` of
    /// the loss with respect to its result.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch),
    /// [`Error::ElementMismatch`](crate::Error::ElementMismatch) or
    /// [`Error::ForeignTensor`](crate::Error::ForeignTensor) if upstream is not like y, and as [`LogSumExp::forward`].
    pub fn backward(&self, x: &Tensor, upstream: &Tensor) -> Result<Tensor> {
        let dx = x.gpu().allocate(x.shape(), x.element())?;
        self.backward_into(x, upstream, &dx)?;
        Ok(dx)
    }

    /// dx into a tensor of x's shape and type: see [`LogSumExp::backward`].
    ///
    /// # Errors
    ///
    /// As [`LogSumExp::backward`] and [`LogSumExp::forward_into`].
    pub fn backward_into(&self, x: &Tensor, upstream: &Tensor, dx: &Tensor) -> Result<()> {
        let pass = Pass::backward(x, upstream, dx);
        recorder::submit(x.gpu(), |recorder| self.record(recorder, pass))
    }

    /// Records the forward pass into the caller's encoder. Submits nothing and waits for nothing; the tensors'
    /// buffers are kept until the caller's commands are done with them.
    ///
    /// # Errors
    ///
    /// As [`LogSumExp::forward_into`].
    pub fn encode_forward(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        y: &Tensor,
    ) -> Result<()> {
        self.encode(encoder, Pass::forward(x, y))
    }

    /// Records the backward pass: see [`LogSumExp::encode_forward`].
    ///
    /// # Errors
    ///
    /// As [`LogSumExp::backward_into`].
    pub fn encode_backward(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        upstream: &Tensor,
        dx: &Tensor,
    ) -> Result<()> {
        self.encode(encoder, Pass::backward(x, upstream, dx))
    }
}
