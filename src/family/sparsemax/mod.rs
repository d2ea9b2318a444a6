//! Sparsemax and hardmax along an axis: distributions most of whose shares are exactly 0.

mod cpu;
mod entry;
mod launch;
mod operation;
pub mod reference;
mod shader;

pub(super) use entry::{HARDMAX, SPARSEMAX};

use self::reference::Form;
use crate::{
    error::Result,
    family::{Operation, calls},
    kernel::launch::Pass,
    tensor::Tensor,
};

/// Sparsemax, the distribution nearest to a row, or hardmax, the first of its largest elements alone.
///
/// As [softmax](crate::Softmax) a row's results are shares that sum to 1. Those of sparsemax are 0 for elements far
/// below the largest, and linear in the others.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// use wgpu_activations::{Gpu, Sparsemax};
///
/// let gpu = Gpu::new()?;
/// let scores = gpu.upload(&[0.5f32, 0.25, -2.0], [1, 3])?;
/// let y = Sparsemax::new(-1).forward(&scores)?;
/// assert_eq!(y.download::<f32>()?, [0.625, 0.375, 0.0]);
/// let upstream = gpu.upload(&[1.0f32, 0.0, 5.0], [1, 3])?;
/// let dx = Sparsemax::new(-1).backward(&scores, &upstream)?;
/// assert_eq!(dx.download::<f32>()?, [0.5, -0.5, 0.0]);
/// let y = Sparsemax::hard(-1).forward(&scores)?;
/// assert_eq!(y.download::<f32>()?, [1.0, 0.0, 0.0]);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Sparsemax {
    form: Form,
    axis: i64,
}

impl Sparsemax {
    /// Sparsemax along `axis`, which counts from the end where negative.
    pub const fn new(axis: i64) -> Self {
        let form = Form::Sparsemax;
        Self { form, axis }
    }

    /// Hardmax along `axis`, which counts from the end where negative.
    pub const fn hard(axis: i64) -> Self {
        let form = Form::Hardmax;
        Self { form, axis }
    }

    /// The axis of its rows, counted from the end where negative.
    ///
    /// ```
    /// assert_eq!(wgpu_activations::Sparsemax::hard(-2).axis(), -2);
    /// ```
    pub const fn axis(&self) -> i64 {
        self.axis
    }

    /// Which of the two.
    pub const fn form(&self) -> Form {
        self.form
    }
}

calls!(Sparsemax, "Sparsemax::new(-1)");
