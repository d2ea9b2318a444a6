//! The pointwise family: y = f(x) and dx = f'(x) upstream, element by element.

mod catalogue;
mod cpu;
pub(crate) mod fused;
mod gradient;
mod operation;
mod shader;

pub use gradient::Gradients;
use shader::shaders;

use crate::{
    activation::Activation,
    error::{Error, Result},
    family::{Array, Operation, calls},
    kernel::{
        launch::{Launch, Pass},
        recorder::Recorder,
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
        parameters.expect_f32(self.activation.name(), "the parameter tensor")?;
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

    pub(crate) fn record(&self, recorder: &mut Recorder<'_>, pass: Pass<'_>) -> Result<()> {
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

calls!(Pointwise, "Pointwise::new(Activation::RELU)", in place);

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
