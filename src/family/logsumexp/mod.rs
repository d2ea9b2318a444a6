//! Log-sum-exp along an axis: the logarithm of softmax's divisor.

mod cpu;
mod entry;
mod launch;
mod operation;
pub mod reference;
mod shader;

pub(super) use entry::OfLogSumExp;

use crate::{
    error::Result,
    family::{Operation, calls},
    kernel::launch::Pass,
    tensor::Tensor,
    wgsl::Math,
};

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

    /// The axis of its rows, counted from the end where negative.
    ///
    /// ```
    /// use wgpu_activations::{LogSumExp, Math};
    ///
    /// let operation = LogSumExp::new(-2).math(Math::Native);
    /// assert_eq!((operation.axis(), operation.get_math()), (-2, Math::Native));
    /// ```
    pub const fn axis(&self) -> i64 {
        self.axis
    }

    /// What [`LogSumExp::math`] sets.
    pub const fn get_math(&self) -> Math {
        self.math
    }
}

calls!(LogSumExp, "LogSumExp::new(-1)");
