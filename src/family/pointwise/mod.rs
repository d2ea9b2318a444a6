//! The pointwise family: y = f(x) and dx = f'(x) upstream, element by element.

mod catalogue;
pub(crate) mod fused;
mod gradient;
mod operation;
mod shader;

pub use gradient::Gradients;
use shader::shaders;

use crate::{
    activation::Activation,
    error::{Error, Result},
    family::{Array, Operation},
    kernel::{
        launch::{Launch, Pass},
        recorder::{self, Recorder},
        tiles,
    },
    tensor::{Tensor, View},
    wgsl::{self, Math, ParameterSource},
};

/// An activation ready to be applied to tensors.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// use wgpu_activations::{Activation, Gpu, Math, Pointwise};
///
/// let gpu = Gpu::new()?;
/// let x = gpu.upload(&[-2.0f32, -1.0, 1.0, 2.0], [2, 2])?;
/// // PReLU: a learned slope per channel, here along the last axis.
/// let slopes = gpu.upload(&[0.25f32, 0.5], [2])?;
/// let prelu = Pointwise::new(Activation::PRELU).per_channel(&slopes, -1)?;
/// assert_eq!(prelu.forward(&x)?.download::<f32>()?, [-0.5, -0.5, 1.0, 2.0]);
/// // Builtin math in place of the crate's own.
/// let y = Pointwise::new(Activation::GELU).math(Math::Native).forward(&x)?;
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Pointwise {
    pub(crate) activation: Activation,
    pub(crate) channels: Option<(Array, i64)>,
    pub(crate) math: Math,
}

impl Pointwise {
    /// The activation with its own parameter for the whole tensor.
    pub const fn new(activation: Activation) -> Self {
        Self {
            activation,
            channels: None,
            math: Math::Accurate,
        }
    }

    /// One parameter per channel along `axis`, which counts from the end where negative: as many numbers as that axis
    /// is long, on the host or on the device.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// use wgpu_activations::{Activation, Gpu, Pointwise};
    ///
    /// let gpu = Gpu::new()?;
    /// let prelu = Pointwise::new(Activation::PRELU).per_channel(vec![0.25, 0.5], -1)?;
    /// let x = gpu.upload(&[-2.0f32, -1.0], [1, 2])?;
    /// assert_eq!(prelu.forward(&x)?.download::<f32>()?, [-0.5, -0.5]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::UnknownParameter`] if the activation has none, [`Error::ElementMismatch`] if they lie on a device and are not
    /// f32.
    pub fn per_channel(self, parameters: impl Into<Array>, axis: i64) -> Result<Self> {
        self.parameter_name()?;
        let parameters = parameters.into();
        parameters.expect_f32(self.activation.name())?;
        Ok(Self {
            channels: Some((parameters, axis)),
            ..self
        })
    }

    /// With elementary functions from `math`.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Activation, Gpu, Math, Pointwise};
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[1.0f32], [1])?;
    /// let y = Pointwise::new(Activation::TANH).math(Math::Native).forward(&x)?;
    /// assert!((y.download::<f32>()?[0] - 0.7615942).abs() < 1e-4);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    #[must_use]
    pub fn math(self, math: Math) -> Self {
        Self { math, ..self }
    }

    /// The activation.
    pub const fn activation(&self) -> Activation {
        self.activation
    }

    /// y = f(x), a new tensor of x's shape and type.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Activation, Gpu, Pointwise};
    /// # let gpu = Gpu::new()?;
    /// let x = gpu.upload(&[-1.0f32, 2.0], [2])?;
    /// let y = Pointwise::new(Activation::RELU).forward(&x)?;
    /// assert_eq!(y.download::<f32>()?, [0.0, 2.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`] and [`Error::ChannelMismatch`] where x does not fit the
    /// parameters, [`Error::TooLarge`] for more parameters than the device binds, and what the
    /// device reports.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = x.gpu().allocate(x.shape(), x.element())?;
        self.forward_into(x, &y)?;
        Ok(y)
    }

    /// y = f(x) into a tensor of x's shape and type.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Activation, ElementType, Gpu, Pointwise};
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[-1.0f32, 2.0], [2])?;
    /// let y = gpu.allocate([2], ElementType::F32)?; // once, for many batches
    /// Pointwise::new(Activation::RELU).forward_into(&x, &y)?;
    /// assert_eq!(y.download::<f32>()?, [0.0, 2.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`], [`Error::ElementMismatch`] or [`Error::Aliased`] if y does not
    /// serve, and as [`Pointwise::forward`].
    pub fn forward_into(&self, x: &Tensor, y: &Tensor) -> Result<()> {
        self.submit(Pass::Forward { x, y })
    }

    /// x = f(x).
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Activation, Gpu, Pointwise};
    /// # let gpu = Gpu::new()?;
    /// let x = gpu.upload(&[-1.0f32, 2.0], [2])?;
    /// Pointwise::new(Activation::RELU).forward_in_place(&x)?;
    /// assert_eq!(x.download::<f32>()?, [0.0, 2.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Pointwise::forward`].
    pub fn forward_in_place(&self, x: &Tensor) -> Result<()> {
        self.submit(Pass::ForwardInPlace { x })
    }

    /// dx = f'(x) upstream, a new tensor of x's shape and type. `upstream` is the gradient of the
    /// loss with respect to y.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Activation, Gpu, Pointwise};
    /// # let gpu = Gpu::new()?;
    /// let x = gpu.upload(&[-1.0f32, 2.0], [2])?;
    /// let upstream = gpu.upload(&[0.5f32, 0.25], [2])?;
    /// let dx = Pointwise::new(Activation::RELU).backward(&x, &upstream)?;
    /// assert_eq!(dx.download::<f32>()?, [0.0, 0.25]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`] or [`Error::ElementMismatch`] if upstream is not like x, and as
    /// [`Pointwise::forward`].
    pub fn backward(&self, x: &Tensor, upstream: &Tensor) -> Result<Tensor> {
        let dx = x.gpu().allocate(x.shape(), x.element())?;
        self.backward_into(x, upstream, &dx)?;
        Ok(dx)
    }

    /// dx = f'(x) upstream into a tensor of x's shape and type.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Activation, ElementType, Gpu, Pointwise};
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[-1.0f32, 2.0], [2])?;
    /// # let upstream = gpu.upload(&[0.5f32, 0.25], [2])?;
    /// let dx = gpu.allocate([2], ElementType::F32)?;
    /// Pointwise::new(Activation::RELU).backward_into(&x, &upstream, &dx)?;
    /// assert_eq!(dx.download::<f32>()?, [0.0, 0.25]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Pointwise::backward`] and [`Pointwise::forward_into`].
    pub fn backward_into(&self, x: &Tensor, upstream: &Tensor, dx: &Tensor) -> Result<()> {
        self.submit(Pass::Backward { x, upstream, dx })
    }

    /// upstream = f'(x) upstream.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Activation, Gpu, Pointwise};
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[-1.0f32, 2.0], [2])?;
    /// # let upstream = gpu.upload(&[0.5f32, 0.25], [2])?;
    /// Pointwise::new(Activation::RELU).backward_in_place(&x, &upstream)?;
    /// assert_eq!(upstream.download::<f32>()?, [0.0, 0.25]); // dx by now
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Pointwise::backward`], and [`Error::Aliased`] if both are one buffer.
    pub fn backward_in_place(&self, x: &Tensor, upstream: &Tensor) -> Result<()> {
        self.submit(Pass::BackwardInPlace { x, upstream })
    }

    /// Records y = f(x) into the caller's encoder. Submits nothing and waits for nothing; the
    /// tensors' buffers are kept until the caller's commands are done with them.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Activation, ElementType, Gpu, Pointwise};
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[-1.0f32, 2.0], [2])?;
    /// # let upstream = gpu.upload(&[0.5f32, 0.25], [2])?;
    /// # let y = gpu.allocate([2], ElementType::F32)?;
    /// # let dx = gpu.allocate([2], ElementType::F32)?;
    /// let relu = Pointwise::new(Activation::RELU);
    /// let mut encoder = gpu.device().create_command_encoder(&Default::default());
    /// relu.encode_forward(&mut encoder, &x, &y)?;
    /// relu.encode_backward(&mut encoder, &x, &upstream, &dx)?;
    /// gpu.queue().submit([encoder.finish()]);
    /// assert_eq!(y.download::<f32>()?, [0.0, 2.0]);
    /// assert_eq!(dx.download::<f32>()?, [0.0, 0.25]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Pointwise::forward_into`].
    pub fn encode_forward(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        y: &Tensor,
    ) -> Result<()> {
        self.encode_exposed(encoder, Pass::Forward { x, y })
    }

    /// Records x = f(x): see [`Pointwise::encode_forward`].
    ///
    /// # Errors
    ///
    /// As [`Pointwise::forward_in_place`].
    pub fn encode_forward_in_place(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
    ) -> Result<()> {
        self.encode_exposed(encoder, Pass::ForwardInPlace { x })
    }

    /// Records dx = f'(x) upstream: see [`Pointwise::encode_forward`].
    ///
    /// # Errors
    ///
    /// As [`Pointwise::backward_into`].
    pub fn encode_backward(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        upstream: &Tensor,
        dx: &Tensor,
    ) -> Result<()> {
        self.encode_exposed(encoder, Pass::Backward { x, upstream, dx })
    }

    /// Records upstream = f'(x) upstream: see [`Pointwise::encode_forward`].
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Activation, ElementType, Gpu, Pointwise};
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[-1.0f32, 2.0], [2])?;
    /// # let upstream = gpu.upload(&[0.5f32, 0.25], [2])?;
    /// # let relu = Pointwise::new(Activation::RELU);
    /// # let mut encoder = gpu.device().create_command_encoder(&Default::default());
    /// relu.encode_backward_in_place(&mut encoder, &x, &upstream)?; // needs x,
    /// relu.encode_forward_in_place(&mut encoder, &x)?; // so this comes after it
    /// gpu.queue().submit([encoder.finish()]);
    /// assert_eq!(upstream.download::<f32>()?, [0.0, 0.25]);
    /// assert_eq!(x.download::<f32>()?, [0.0, 2.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Pointwise::backward_in_place`].
    pub fn encode_backward_in_place(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        upstream: &Tensor,
    ) -> Result<()> {
        self.encode_exposed(encoder, Pass::BackwardInPlace { x, upstream })
    }

    fn submit(&self, pass: Pass<'_>) -> Result<()> {
        recorder::submit(pass.x().gpu(), |recorder| self.record(recorder, pass))
    }

    fn encode_exposed(&self, encoder: &mut wgpu::CommandEncoder, pass: Pass<'_>) -> Result<()> {
        recorder::encode(pass.x().gpu(), encoder, |recorder| {
            let tensors = pass.tensors().into_iter().flatten();
            tensors.for_each(|(_, tensor)| recorder.keep(tensor));
            self.record(recorder, pass)
        })
    }

    pub(crate) fn record(&self, recorder: &mut Recorder<'_>, pass: Pass<'_>) -> Result<()> {
        pass.expect_fit(self.activation.name())?;
        let x = pass.x();
        let channels = self.channels_of(recorder, x)?;
        if x.is_empty() {
            return Ok(());
        }
        let (parameters, view) = channels.unzip();
        let source = match (self.activation.parameter(), view) {
            (None, _) => ParameterSource::None,
            (Some(_), None) => ParameterSource::Scalar,
            (Some(_), Some(_)) => ParameterSource::Channel,
        };
        let is_one = source == ParameterSource::Scalar && self.activation.parameter() == Some(1.0);
        let definition = self.activation.definition();
        let launch = Launch {
            shader: &|vectors| wgsl::pointwise(definition, vectors, source, self.math),
            columns: view.map(|_| (definition.into(), self.math)),
            element: x.element(),
            constant: is_one.then_some(("ONE", 1)),
            parameter: self.activation.parameter().unwrap_or(0.0),
            parameters: parameters.as_ref(),
            first_parameter: 0,
            view: view.unwrap_or(View::ONE_CHANNEL),
        };
        tiles::encode(recorder.encoder, &launch, pass)
    }

    /// The parameters on the device and how they lie in x, if there is one per channel.
    pub(crate) fn channels_of(
        &self,
        recorder: &mut Recorder<'_>,
        x: &Tensor,
    ) -> Result<Option<(Tensor, View)>> {
        let Some((parameters, axis)) = &self.channels else {
            return Ok(None);
        };
        self.output_shape(x.shape())?;
        let bytes = parameters.len() as u64 * 4;
        let limit = x.gpu().limits().max_storage_buffer_binding_size;
        if bytes.next_multiple_of(16) > limit {
            return Err(Error::TooLarge {
                what: format!("{}: one parameter per channel", self.activation.name()),
                bytes,
                limit,
                advice: "split the tensor along its channels",
            });
        }
        let parameters = parameters.on_device(recorder, x.gpu(), self.activation.name())?;
        Ok(Some((parameters, x.view(*axis)?)))
    }

    pub(crate) fn parameter_name(&self) -> Result<&'static str> {
        let parameter = self.activation.definition().parameter.as_ref();
        parameter
            .map(|parameter| parameter.name)
            .ok_or_else(|| Error::UnknownParameter {
                op: self.activation.name().to_owned(),
                name: "one per channel".to_owned(),
                known: Vec::new(),
            })
    }
}

impl Activation {
    /// y = f(x): see [`Pointwise::forward`].
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Activation, Gpu};
    /// # let gpu = Gpu::new()?;
    /// let x = gpu.upload(&[-1.0f32, 0.0, 1.0], [3])?;
    /// let y = "leaky-relu(slope=0.25)".parse::<Activation>()?.forward(&x)?;
    /// assert_eq!(y.download::<f32>()?, [-0.25, 0.0, 1.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What the device reports.
    pub fn forward(self, x: &Tensor) -> Result<Tensor> {
        Pointwise::new(self).forward(x)
    }

    /// dx = f'(x) upstream: see [`Pointwise::backward`].
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Activation, Gpu};
    /// # let gpu = Gpu::new()?;
    /// let x = gpu.upload(&[-1.0f32, 0.0], [2])?;
    /// let upstream = gpu.upload(&[1.0f32, 2.0], [2])?;
    /// let dx = Activation::SIGMOID.backward(&x, &upstream)?;
    /// assert_eq!(dx.download::<f32>()?[1], 0.5);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`] or [`Error::ElementMismatch`] if upstream is not like x.
    pub fn backward(self, x: &Tensor, upstream: &Tensor) -> Result<Tensor> {
        Pointwise::new(self).backward(x, upstream)
    }
}
