//! Softmax and log-softmax along an axis, forward and backward.

pub mod bound;
mod parts;
pub mod reference;
mod rows;
mod splits;

use crate::kernel::{
    expect_alike, expect_apart,
    recorder::{self, Recorder},
};
use crate::{
    error::Result,
    family::softmax::reference::{Form, MaskedRows},
    gpu::{Binding, Kernel, PipelineKey},
    tensor::Tensor,
    wgsl::{Math, SoftmaxKernel},
};

/// Softmax, y = e^x / sum of e^x, or log-softmax, y = x - ln(sum of e^x), along one axis of a
/// tensor of any shape.
///
/// The largest element of a row is taken out before the exponentials, so that no row overflows. A row
/// that holds NaN or +infinity, or is -infinity throughout, gives NaN throughout. A -infinity beside
/// finite elements gives 0, in log-softmax -infinity.
///
/// Rows of up to 16,384 elements along the innermost axis, a multiple of 4, take one dispatch; others
/// take several, and up to 17 MiB of scratch memory. The same tensors on the same adapter give the
/// same bits.
///
/// The power-of-two scaling follows Dukhan and Ablavatski, "The Two-Pass Softmax Algorithm", 2020.
///
/// ```no_run
/// use wgpu_activations::{Gpu, Softmax};
///
/// let gpu = Gpu::new()?;
/// let scores = gpu.upload(&[0.0f32, 0.0, 1.0, 1.0], [2, 2])?;
/// let softmax = Softmax::new(-1);
/// let y = softmax.forward(&scores)?;
/// assert_eq!(y.download::<f32>()?, [0.5; 4]);
/// // The gradient of the loss with respect to y gives that with respect to the scores.
/// let upstream = gpu.upload(&[1.0f32, 0.0, 0.0, 1.0], [2, 2])?;
/// let dx = softmax.backward(&y, &upstream)?;
/// assert_eq!(dx.download::<f32>()?, [0.25, -0.25, -0.25, 0.25]);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Softmax {
    form: Form,
    axis: i64,
    masked: MaskedRows,
    math: Math,
    threads: Option<u32>,
}

/// What a call computes, by the tensors it touches.
#[derive(Clone, Copy)]
enum Pass<'a> {
    Forward {
        x: &'a Tensor,
        y: &'a Tensor,
    },
    Backward {
        y: &'a Tensor,
        upstream: &'a Tensor,
        dx: &'a Tensor,
    },
}

impl Softmax {
    /// Softmax along `axis`, which counts from the end where negative.
    pub const fn new(axis: i64) -> Self {
        Self::with_form(Form::Softmax, axis)
    }

    /// Log-softmax along `axis`, which counts from the end where negative.
    ///
    /// ```no_run
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
            axis,
            masked: MaskedRows::Nan,
            math: Math::Accurate,
            threads: None,
        }
    }

    /// With zeros in place of NaN for a row that is -infinity throughout, as where attention is
    /// masked altogether; log-softmax gives -infinity there, the logarithm of 0.
    ///
    /// ```no_run
    /// # use wgpu_activations::{Gpu, Softmax};
    /// # let gpu = Gpu::new()?;
    /// let masked = gpu.upload(&[f32::NEG_INFINITY; 4], [1, 4])?;
    /// let y = Softmax::new(-1).zeros_for_masked_rows().forward(&masked)?;
    /// assert_eq!(y.download::<f32>()?, [0.0; 4]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    #[must_use]
    pub const fn zeros_for_masked_rows(self) -> Self {
        Self {
            masked: MaskedRows::Zeros,
            ..self
        }
    }

    /// With elementary functions from `math`.
    ///
    /// ```no_run
    /// # use wgpu_activations::{Gpu, Math, Softmax};
    /// # let gpu = Gpu::new()?;
    /// # let scores = gpu.upload(&[3.0f32, 3.0], [2])?;
    /// let y: Vec<f32> = Softmax::new(-1).math(Math::Native).forward(&scores)?.download()?;
    /// assert!((y[0] - 0.5).abs() < 1e-4);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    #[must_use]
    pub const fn math(self, math: Math) -> Self {
        Self { math, ..self }
    }

    /// With this many threads for each row that takes one pass, rounded down to a power of two and
    /// to what the row and the device allow. Where it is not said, one on software adapters and 32
    /// to 1,024, by the row's length, on others. A matter of speed; the last bits of results depend on it.
    ///
    /// ```no_run
    /// # use wgpu_activations::{Gpu, Softmax};
    /// # let gpu = Gpu::new()?;
    /// # let scores = gpu.upload(&[0.0f32; 1024], [1, 1024])?;
    /// let y = Softmax::new(-1).threads_per_row(64).forward(&scores)?;
    /// assert!((y.download::<f32>()?[0] * 1024.0 - 1.0).abs() < 1e-6);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    #[must_use]
    pub const fn threads_per_row(self, threads: u32) -> Self {
        Self {
            threads: Some(threads),
            ..self
        }
    }

    /// Which of the two.
    pub const fn form(&self) -> Form {
        self.form
    }

    /// y, a new tensor of x's shape and type.
    ///
    /// ```no_run
    /// # use wgpu_activations::{Gpu, Softmax};
    /// # let gpu = Gpu::new()?;
    /// let x = gpu.upload(&[0.0f32, 0.0, f32::NEG_INFINITY], [3])?;
    /// let y = Softmax::new(0).forward(&x)?;
    /// assert_eq!(y.download::<f32>()?, [0.5, 0.5, 0.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`](crate::Error::AxisOutOfRange), and what the device reports.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = x.gpu().allocate(x.shape(), x.element())?;
        self.forward_into(x, &y)?;
        Ok(y)
    }

    /// y into a tensor of x's shape and type.
    ///
    /// ```no_run
    /// # use wgpu_activations::{ElementType, Gpu, Softmax};
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[3.0f32, 3.0], [2])?;
    /// let y = gpu.allocate([2], ElementType::F32)?;
    /// Softmax::new(-1).forward_into(&x, &y)?;
    /// assert_eq!(y.download::<f32>()?, [0.5, 0.5]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch),
    /// [`Error::ElementMismatch`](crate::Error::ElementMismatch),
    /// [`Error::ForeignTensor`](crate::Error::ForeignTensor) or
    /// [`Error::Aliased`](crate::Error::Aliased) if y does not serve, and as [`Softmax::forward`].
    pub fn forward_into(&self, x: &Tensor, y: &Tensor) -> Result<()> {
        self.submit(Pass::Forward { x, y })
    }

    /// dx, a new tensor of y's shape and type, from the result `y` of the forward pass and the
    /// gradient `upstream` of the loss with respect to it: y (g - sum of g y) for softmax,
    /// g - e^y sum of g for log-softmax.
    ///
    /// ```no_run
    /// # use wgpu_activations::{Gpu, Softmax};
    /// # let gpu = Gpu::new()?;
    /// let y = gpu.upload(&[0.5f32, 0.5], [2])?; // what the forward pass gave
    /// let upstream = gpu.upload(&[1.0f32, 0.0], [2])?;
    /// let dx = Softmax::new(-1).backward(&y, &upstream)?;
    /// assert_eq!(dx.download::<f32>()?, [0.25, -0.25]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch),
    /// [`Error::ElementMismatch`](crate::Error::ElementMismatch) or
    /// [`Error::ForeignTensor`](crate::Error::ForeignTensor) if upstream is not like y, and as
    /// [`Softmax::forward`].
    pub fn backward(&self, y: &Tensor, upstream: &Tensor) -> Result<Tensor> {
        let dx = y.gpu().allocate(y.shape(), y.element())?;
        self.backward_into(y, upstream, &dx)?;
        Ok(dx)
    }

    /// dx into a tensor of y's shape and type: see [`Softmax::backward`].
    ///
    /// ```no_run
    /// # use wgpu_activations::{ElementType, Gpu, Softmax};
    /// # let gpu = Gpu::new()?;
    /// # let y = gpu.upload(&[0.5f32, 0.5], [2])?;
    /// # let upstream = gpu.upload(&[1.0f32, 0.0], [2])?;
    /// let dx = gpu.allocate([2], ElementType::F32)?;
    /// Softmax::new(-1).backward_into(&y, &upstream, &dx)?;
    /// assert_eq!(dx.download::<f32>()?, [0.25, -0.25]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Softmax::backward`] and [`Softmax::forward_into`].
    pub fn backward_into(&self, y: &Tensor, upstream: &Tensor, dx: &Tensor) -> Result<()> {
        self.submit(Pass::Backward { y, upstream, dx })
    }

    /// Records the forward pass into the caller's encoder. Submits nothing and waits for nothing;
    /// the tensors' buffers are kept until the caller's commands are done with them.
    ///
    /// ```no_run
    /// # use wgpu_activations::{ElementType, Gpu, Softmax};
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[3.0f32, 3.0], [2])?;
    /// # let upstream = gpu.upload(&[1.0f32, 0.0], [2])?;
    /// # let y = gpu.allocate([2], ElementType::F32)?;
    /// # let dx = gpu.allocate([2], ElementType::F32)?;
    /// let softmax = Softmax::new(-1);
    /// let mut encoder = gpu.device().create_command_encoder(&Default::default());
    /// softmax.encode_forward(&mut encoder, &x, &y)?;
    /// softmax.encode_backward(&mut encoder, &y, &upstream, &dx)?;
    /// gpu.queue().submit([encoder.finish()]);
    /// assert_eq!(dx.download::<f32>()?, [0.25, -0.25]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Softmax::forward_into`].
    pub fn encode_forward(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        y: &Tensor,
    ) -> Result<()> {
        self.encode_exposed(encoder, Pass::Forward { x, y })
    }

    /// Records the backward pass: see [`Softmax::encode_forward`].
    ///
    /// # Errors
    ///
    /// As [`Softmax::backward_into`].
    pub fn encode_backward(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        y: &Tensor,
        upstream: &Tensor,
        dx: &Tensor,
    ) -> Result<()> {
        self.encode_exposed(encoder, Pass::Backward { y, upstream, dx })
    }

    fn submit(&self, pass: Pass<'_>) -> Result<()> {
        recorder::submit(pass.input().gpu(), |recorder| self.record(recorder, pass))
    }

    fn encode_exposed(&self, encoder: &mut wgpu::CommandEncoder, pass: Pass<'_>) -> Result<()> {
        recorder::encode(pass.input().gpu(), encoder, |recorder| {
            self.record(recorder, pass)
        })?;
        pass.tensors().for_each(|(_, tensor)| tensor.expose());
        Ok(())
    }

    fn record(&self, recorder: &mut Recorder<'_>, pass: Pass<'_>) -> Result<()> {
        pass.expect_fit(self.form.name())?;
        let view = pass.input().view(self.axis)?;
        if pass.input().is_empty() {
            return Ok(());
        }
        if rows::fits(pass.input(), view) {
            return self.encode_rows(recorder.encoder, pass, view);
        }
        self.record_splits(recorder, pass, view)
    }

    /// The pipeline that a pass runs at one of its entry points.
    fn key(
        &self,
        pass: Pass<'_>,
        kernel: (SoftmaxKernel, u32),
        entry_point: &'static str,
        bindings: &'static [Binding],
    ) -> PipelineKey {
        let (kernel, workgroup) = kernel;
        PipelineKey {
            kernel: Kernel::Softmax(kernel, workgroup),
            entry_point,
            bindings,
            activations: Vec::new(),
            element: pass.input().element(),
            math: self.math,
            constants: vec![
                ("LOG", u32::from(self.form == Form::LogSoftmax)),
                ("ZEROS", u32::from(self.masked == MaskedRows::Zeros)),
                ("BACKWARD", u32::from(pass.is_backward())),
            ],
        }
    }
}

impl<'a> Pass<'a> {
    const fn is_backward(self) -> bool {
        matches!(self, Self::Backward { .. })
    }

    /// The tensor that the rows are read from: x, or y in a backward pass.
    const fn input(self) -> &'a Tensor {
        match self {
            Self::Forward { x, .. } => x,
            Self::Backward { y, .. } => y,
        }
    }

    /// The tensors by their role: 0 the input, 1 upstream, 2 the output.
    fn tensors(self) -> impl Iterator<Item = (u32, &'a Tensor)> {
        let tensors = match self {
            Self::Forward { x, y } => [Some((0, x)), None, Some((2, y))],
            Self::Backward { y, upstream, dx } => {
                [Some((0, y)), Some((1, upstream)), Some((2, dx))]
            }
        };
        tensors.into_iter().flatten()
    }

    fn expect_fit(self, op: &str) -> Result<()> {
        const INSTEAD: &str = "a tensor of its own";
        match self {
            Self::Forward { x, y } => {
                expect_alike(op, ("y", y), ("x", x))?;
                expect_apart(op, ("x", x), ("y", y), INSTEAD)
            }
            Self::Backward { y, upstream, dx } => {
                expect_alike(op, ("upstream", upstream), ("y", y))?;
                expect_alike(op, ("dx", dx), ("y", y))?;
                expect_apart(op, ("y", y), ("dx", dx), INSTEAD)?;
                expect_apart(op, ("upstream", upstream), ("dx", dx), INSTEAD)
            }
        }
    }
}
