//! The pointwise family: y = f(x) and dx = f'(x) upstream, element by element.

mod catalogue;
pub(super) mod cpu;
mod gradient;
mod operation;
mod shader;

pub use gradient::Gradients;
use shader::shaders;

use crate::{
    activation::{Activation, MOST_PARAMETERS},
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
    activation: Activation,
    /// The parameters of which each channel has its own, at their places in the definition,
    channels: [Option<Array>; MOST_PARAMETERS],
    /// along this axis.
    axis: i64,
    math: Math,
}

impl Pointwise {
    /// The activation with its own parameters for the whole tensor.
    pub const fn new(activation: Activation) -> Self {
        Self {
            activation,
            channels: [const { None }; MOST_PARAMETERS],
            axis: -1,
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
    /// [`Error::UnknownParameter`] if the activation has none, [`Error::Argument`] if it has several,
    /// [`Error::ElementMismatch`] if they lie on a device and are not f32.
    pub fn per_channel(self, parameters: impl Into<Array>, axis: i64) -> Result<Self> {
        let name = self
            .activation
            .only_parameter("one per channel".to_owned())?;
        self.per_channel_named(name, parameters, axis)
    }

    /// One value of the parameter called `name` per channel along `axis`, which is that of all parameters:
    /// see [`Pointwise::per_channel`].
    ///
    /// # Errors
    ///
    /// [`Error::UnknownParameter`] if there is none of that name, [`Error::Argument`] if others are along another axis,
    /// [`Error::ElementMismatch`] if they lie on a device and are not f32.
    pub fn per_channel_named(
        mut self,
        name: &str,
        parameters: impl Into<Array>,
        axis: i64,
    ) -> Result<Self> {
        let op = self.activation.name();
        let parameters = parameters.into();
        parameters.expect_f32(op, "the parameter tensor")?;
        if self.has_channels() && self.axis != axis {
            return Err(Error::Argument {
                op: op.to_owned(),
                argument: format!("{name} along axis {axis}"),
                reason: format!(
                    "another parameter goes along axis {}; take one axis",
                    self.axis
                ),
            });
        }
        let known = self.activation.definition().parameters.iter();
        let place = known
            .zip(&mut self.channels)
            .find(|(known, _)| known.name == name);
        let Some((_, own)) = place else {
            return Err(self.activation.no_parameter(name.to_owned()));
        };
        *own = Some(parameters);
        self.axis = axis;
        Ok(self)
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

    /// The values of the parameter called `name`, if each channel has its own.
    ///
    /// ```
    /// use wgpu_activations::{Activation, Math, Pointwise};
    ///
    /// let prelu = Pointwise::new(Activation::PRELU).per_channel(vec![0.25, 0.5], 1)?;
    /// assert_eq!(prelu.get_per_channel("alpha").map(|values| values.len()), Some(2));
    /// assert_eq!((prelu.axis(), prelu.get_math()), (Some(1), Math::Accurate));
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    pub fn get_per_channel(&self, name: &str) -> Option<&Array> {
        let mut known = self.activation.definition().parameters.iter();
        let place = known.position(|known| known.name == name)?;
        self.channels[place].as_ref()
    }

    /// The axis of the channels, counted from the end where negative, if a parameter has a value for each of them.
    pub fn axis(&self) -> Option<i64> {
        self.has_channels().then_some(self.axis)
    }

    /// What [`Pointwise::math`] sets.
    pub const fn get_math(&self) -> Math {
        self.math
    }

    pub(crate) fn record(&self, recorder: &mut Recorder<'_>, pass: Pass<'_>) -> Result<()> {
        let x = pass.x();
        let channels = self.channels_of(recorder, x)?;
        if x.is_empty() {
            return Ok(());
        }
        let numbers = self.activation.parameters();
        let source = match (numbers, &channels) {
            ([], _) => ParameterSource::None,
            (_, None) => ParameterSource::Scalar,
            (_, Some(_)) => ParameterSource::Channel,
        };
        let are_one = source == ParameterSource::Scalar && numbers.iter().all(|it| *it == 1.0);
        let definition = self.activation.definition();
        let (parameters, view) = channels.unzip();
        let launch = Launch {
            shader: &|vectors| wgsl::pointwise(definition, vectors, source, self.math),
            columns: view.map(|_| (definition.into(), self.math)),
            element: x.element(),
            constant: are_one.then_some(("ONE", 1)),
            numbers: self.activation.all_parameters(),
            parameters: parameters.as_deref().unwrap_or_default(),
            first_parameter: 0,
            view: view.unwrap_or(View::ONE_CHANNEL),
        };
        tiles::encode(recorder.encoder, &launch, pass)
    }

    /// Whether a parameter has a value for each channel.
    fn has_channels(&self) -> bool {
        self.channels.iter().any(Option::is_some)
    }

    /// The parameters on the device and how they lie in x, if some have a value per channel; those that have not
    /// have the same for each.
    fn channels_of(
        &self,
        recorder: &mut Recorder<'_>,
        x: &Tensor,
    ) -> Result<Option<(Vec<Tensor>, View)>> {
        if !self.has_channels() {
            return Ok(None);
        }
        self.output_shape(x.shape())?;
        let (gpu, view) = (x.gpu(), x.view(self.axis)?);
        let bytes = view.extent as u64 * 4;
        let limit = gpu.limits().max_storage_buffer_binding_size;
        if bytes.next_multiple_of(16) > limit {
            return Err(Error::TooLarge {
                what: format!("{}: one parameter per channel", self.activation.name()),
                bytes,
                limit,
                advice: "split the tensor along its channels",
            });
        }
        let numbers = self.activation.parameters().iter().zip(&self.channels);
        let tensors = numbers.map(|(number, array)| match array {
            Some(array) => array.on_device(recorder, gpu, self.activation.name()),
            None => {
                let same = gpu.filled(*number, [view.extent])?;
                recorder.keep(&same);
                Ok(same)
            }
        });
        Ok(Some((tensors.collect::<Result<_>>()?, view)))
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
