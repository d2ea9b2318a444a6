//! The pointwise family: y = f(x) and dx = f'(x) upstream, element by element.

pub(crate) mod fused;
mod gradient;

pub use gradient::Gradients;

use crate::kernel::{
    launch::{Launch, Pass},
    tiles,
};
use crate::{
    activation::Activation,
    element::ElementType,
    error::{Error, Result},
    gpu::{Kernel, PipelineKey},
    tensor::{Tensor, View},
    wgsl::{Math, ParameterSource},
};

/// An activation ready to be applied to tensors.
///
/// ```no_run
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
#[derive(Debug, Clone, Copy)]
pub struct Pointwise<'a> {
    pub(crate) activation: Activation,
    pub(crate) channels: Option<(&'a Tensor, i64)>,
    pub(crate) math: Math,
}

impl<'a> Pointwise<'a> {
    /// The activation with its own parameter for the whole tensor.
    pub const fn new(activation: Activation) -> Self {
        Self {
            activation,
            channels: None,
            math: Math::Accurate,
        }
    }

    /// With one parameter per channel along `axis`, which counts from the end where negative.
    /// `parameters` is an f32 tensor of as many values as that axis is long.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownParameter`] if the activation has none, [`Error::ElementMismatch`] if
    /// `parameters` is not f32.
    pub fn per_channel<'b>(self, parameters: &'b Tensor, axis: i64) -> Result<Pointwise<'b>> {
        self.parameter_name()?;
        if parameters.element() != ElementType::F32 {
            return Err(Error::ElementMismatch {
                op: self.activation.name().to_owned(),
                left: "the parameter tensor",
                left_type: parameters.element().name(),
                right: "the kernel",
                right_type: ElementType::F32.name(),
            });
        }
        Ok(Pointwise {
            channels: Some((parameters, axis)),
            ..self
        })
    }

    /// With elementary functions from `math`.
    ///
    /// ```no_run
    /// # use wgpu_activations::{Activation, Gpu, Math, Pointwise};
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[1.0f32], [1])?;
    /// let y = Pointwise::new(Activation::TANH).math(Math::Native).forward(&x)?;
    /// assert!((y.download::<f32>()?[0] - 0.7615942).abs() < 1e-4);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    #[must_use]
    pub const fn math(self, math: Math) -> Self {
        Self { math, ..self }
    }

    /// The activation.
    pub const fn activation(&self) -> Activation {
        self.activation
    }

    /// y = f(x), a new tensor of x's shape and type.
    ///
    /// ```no_run
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
    /// ```no_run
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
    /// ```no_run
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
    /// ```no_run
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
    /// ```no_run
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
    /// ```no_run
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
    /// ```no_run
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
    /// ```no_run
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
        let gpu = pass.x().gpu();
        gpu.submit(|encoder| self.encode(encoder, pass)).map(|_| ())
    }

    fn encode_exposed(&self, encoder: &mut wgpu::CommandEncoder, pass: Pass<'_>) -> Result<()> {
        pass.x().gpu().guarded(|| self.encode(encoder, pass))?;
        pass.tensors()
            .iter()
            .flatten()
            .for_each(|(_, tensor)| tensor.expose());
        if let Some((parameters, _)) = self.channels {
            parameters.expose();
        }
        Ok(())
    }

    pub(crate) fn encode(&self, encoder: &mut wgpu::CommandEncoder, pass: Pass<'_>) -> Result<()> {
        let op = self.activation.name();
        pass.expect_fit(op)?;
        let x = pass.x();
        let channels = self.channels_of(x)?;
        if x.is_empty() {
            return Ok(());
        }
        let source = match (self.activation.parameter(), channels) {
            (None, _) => ParameterSource::None,
            (Some(_), None) => ParameterSource::Scalar,
            (Some(_), Some(_)) => ParameterSource::Channel,
        };
        let constants = match (source, self.activation.parameter()) {
            (ParameterSource::Scalar, Some(1.0)) => vec![("ONE", 1)],
            _ => Vec::new(),
        };
        let launch = Launch {
            key: PipelineKey {
                kernel: Kernel::Pointwise(source),
                entry_point: pass.entry_point(),
                bindings: pass.bindings(source),
                activations: vec![op],
                element: x.element(),
                math: self.math,
                constants,
            },
            parameter: self.activation.parameter().unwrap_or(0.0),
            parameters: self.channels.map(|(parameters, _)| parameters),
            view: channels.unwrap_or(View::ONE_CHANNEL),
        };
        tiles::encode(encoder, &launch, pass)
    }

    /// How the parameters lie in x, if there is one per channel.
    pub(crate) fn channels_of(&self, x: &Tensor) -> Result<Option<View>> {
        let Some((parameters, axis)) = self.channels else {
            return Ok(None);
        };
        if !parameters.gpu().same_device(x.gpu()) {
            return Err(Error::ForeignTensor {
                op: self.activation.name().to_owned(),
            });
        }
        let view = x.view(axis)?;
        let (axis, channels) = (x.axis(axis)?, view.extent);
        if parameters.len() != channels {
            return Err(Error::ChannelMismatch {
                op: self.activation.name().to_owned(),
                parameter: self.parameter_name()?,
                found: parameters.len(),
                channels,
                axis,
                shape: x.shape().to_vec(),
            });
        }
        let limit = x.gpu().limits().max_storage_buffer_binding_size;
        if parameters.bytes().next_multiple_of(16) > limit {
            return Err(Error::TooLarge {
                what: format!("{}: one parameter per channel", self.activation.name()),
                bytes: parameters.bytes(),
                limit,
                advice: "split the tensor along its channels",
            });
        }
        Ok(Some(view))
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
    /// ```no_run
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
    /// ```no_run
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
