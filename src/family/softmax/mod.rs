//! Softmax and log-softmax along an axis, forward and backward.

pub mod bound;
mod case;
pub(super) mod cpu;
mod entry;
mod launch;
mod operation;
pub mod reference;
mod rows;
mod shader;
mod splits;

pub(super) use entry::{LOG_SOFTMAX, OfSoftmin, SOFTMAX};
pub use shader::shaders;

use crate::{
    error::Result,
    family::{
        Array, Operation, calls,
        softmax::reference::{Form, MaskedRows},
    },
    kernel::launch::Pass,
    tensor::Tensor,
    wgsl::Math,
};

/// Softmax, y = e^x / sum of e^x, or log-softmax, y = x - ln(sum of e^x), along one axis of a
/// tensor of any shape.
///
/// The largest element of a row is taken out before the exponentials, so that no row overflows. A row
/// that holds NaN or +infinity, or is -infinity throughout, gives NaN throughout. A -infinity beside
/// finite elements gives 0, in log-softmax -infinity.
///
/// Rows of up to 16,384 elements along the innermost axis, a multiple of 4, take one dispatch; others
/// take several, and up to 25 MiB of scratch memory. The same tensors on the same adapter give the
/// same bits.
///
/// The backward pass takes what the forward pass was given, and computes y from it in f32: y rounded to
/// f16 would be too far off where one element dominates its row.
///
/// The power-of-two scaling follows Dukhan and Ablavatski, "The Two-Pass Softmax Algorithm", 2020.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// use wgpu_activations::{Gpu, Softmax};
///
/// let gpu = Gpu::new()?;
/// let scores = gpu.upload(&[0.0f32, 0.0, 1.0, 1.0], [2, 2])?;
/// let softmax = Softmax::new(-1);
/// let y = softmax.forward(&scores)?;
/// assert_eq!(y.download::<f32>()?, [0.5; 4]);
/// // The gradient of the loss with respect to y gives that with respect to the scores.
/// let upstream = gpu.upload(&[1.0f32, 0.0, 0.0, 1.0], [2, 2])?;
/// let dx = softmax.backward(&scores, &upstream)?;
/// assert_eq!(dx.download::<f32>()?, [0.25, -0.25, -0.25, 0.25]);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Softmax {
    form: Form,
    /// Whether it is of -x: softmin.
    negated: bool,
    axis: i64,
    masked: MaskedRows,
    math: Math,
    threads: Option<u32>,
    /// For a tensor that has only parts of its rows, three numbers for each row: `Known` of the shader.
    known: Option<Array>,
}

impl Softmax {
    /// Softmax along `axis`, which counts from the end where negative.
    pub const fn new(axis: i64) -> Self {
        Self::with_form(Form::Softmax, axis)
    }

    /// Log-softmax along `axis`, which counts from the end where negative.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Gpu, Softmax};
    /// # let gpu = Gpu::new()?;
    /// let scores = gpu.upload(&[3.0f32, 3.0], [2])?;
    /// let y: Vec<f32> = Softmax::log(-1).forward(&scores)?.download()?;
    /// assert!(y.iter().all(|y| (y + std::f32::consts::LN_2).abs() < 1e-6));
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    pub const fn log(axis: i64) -> Self {
        Self::with_form(Form::LogSoftmax, axis)
    }

    /// Softmin along `axis`, which counts from the end where negative: softmax of -x, the least element having the
    /// largest share.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Gpu, Softmax};
    /// # let gpu = Gpu::new()?;
    /// let distances = gpu.upload(&[1.0f32, 1.0, f32::INFINITY], [3])?;
    /// let y: Vec<f32> = Softmax::min(-1).forward(&distances)?.download()?;
    /// assert!((y[0] - 0.5).abs() < 1e-6 && y[1] == y[0] && y[2] == 0.0);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    pub const fn min(axis: i64) -> Self {
        let mut softmin = Self::new(axis);
        softmin.negated = true;
        softmin
    }

    /// Either along `axis`, which counts from the end where negative.
    ///
    /// ```
    /// use wgpu_activations::{Softmax, family::softmax::reference::Form};
    ///
    /// let both = Form::ALL.map(|form| Softmax::with_form(form, -1));
    /// assert_eq!(both.map(|softmax| softmax.form().name()), ["softmax", "log-softmax"]);
    /// ```
    pub const fn with_form(form: Form, axis: i64) -> Self {
        Self {
            form,
            negated: false,
            axis,
            masked: MaskedRows::Nan,
            math: Math::Accurate,
            threads: None,
            known: None,
        }
    }

    /// With this in a row that is -infinity throughout: [`MaskedRows::Zeros`] where attention is masked
    /// altogether. Log-softmax then gives -infinity there, the logarithm of 0.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Gpu, Softmax, family::softmax::reference::MaskedRows};
    /// # let gpu = Gpu::new()?;
    /// let masked = gpu.upload(&[f32::NEG_INFINITY; 4], [1, 4])?;
    /// let y = Softmax::new(-1).masked(MaskedRows::Zeros).forward(&masked)?;
    /// assert_eq!(y.download::<f32>()?, [0.0; 4]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    #[must_use]
    pub fn masked(self, masked: MaskedRows) -> Self {
        Self { masked, ..self }
    }

    /// With elementary functions from `math`.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Gpu, Math, Softmax};
    /// # let gpu = Gpu::new()?;
    /// # let scores = gpu.upload(&[3.0f32, 3.0], [2])?;
    /// let y: Vec<f32> = Softmax::new(-1).math(Math::Native).forward(&scores)?.download()?;
    /// assert!((y[0] - 0.5).abs() < 1e-4);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    #[must_use]
    pub fn math(self, math: Math) -> Self {
        Self { math, ..self }
    }

    /// With this many threads for each row that takes one pass, rounded down to a power of two and
    /// to what the row and the device allow. Where it is not said, one on software adapters and 32
    /// to 1,024, by the row's length, on others. A matter of speed; the last bits of results depend on it.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Gpu, Softmax};
    /// # let gpu = Gpu::new()?;
    /// # let scores = gpu.upload(&[0.0f32; 1024], [1, 1024])?;
    /// let y = Softmax::new(-1).threads_per_row(64).forward(&scores)?;
    /// assert!((y.download::<f32>()?[0] * 1024.0 - 1.0).abs() < 1e-6);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    #[must_use]
    pub fn threads_per_row(self, threads: u32) -> Self {
        Self {
            threads: Some(threads),
            ..self
        }
    }

    /// Which of the two.
    pub const fn form(&self) -> Form {
        self.form
    }

    /// The axis of its rows, counted from the end where negative.
    pub const fn axis(&self) -> i64 {
        self.axis
    }

    /// What [`Softmax::masked`] sets.
    ///
    /// ```
    /// use wgpu_activations::{Math, Softmax, family::softmax::reference::MaskedRows};
    ///
    /// let softmax = Softmax::new(-1).masked(MaskedRows::Zeros).threads_per_row(64);
    /// assert_eq!(softmax.get_masked(), MaskedRows::Zeros);
    /// assert_eq!(softmax.get_threads_per_row(), Some(64));
    /// assert_eq!((softmax.axis(), softmax.get_math()), (-1, Math::Accurate));
    /// ```
    pub const fn get_masked(&self) -> MaskedRows {
        self.masked
    }

    /// What [`Softmax::math`] sets.
    pub const fn get_math(&self) -> Math {
        self.math
    }

    /// What [`Softmax::threads_per_row`] sets, if anything.
    pub const fn get_threads_per_row(&self) -> Option<u32> {
        self.threads
    }
}

calls!(Softmax, "Softmax::new(-1)");
