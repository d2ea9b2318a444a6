//! Gradients of an activation's parameters: for each channel the sum of df/dparameter upstream.

use super::Pointwise;
use crate::{
    element::ElementType,
    error::Result,
    family::{Array, Operation, calls},
    kernel::{
        arrange::Arrangement,
        expect_alike,
        launch::Pass,
        recorder::{self, Recorder},
        reduce::{self, Reduce},
    },
    tensor::{Tensor, View},
    wgsl::Reduction,
};

/// The gradients of one backward pass.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// use wgpu_activations::{Activation, Gpu, Gradients, Pointwise};
///
/// # let gpu = Gpu::new()?;
/// let x = gpu.upload(&[-2.0f32, 4.0], [2])?;
/// let upstream = gpu.upload(&[1.0f32, 1.0], [2])?;
/// let prelu = Pointwise::new(Activation::PRELU); // one slope, 0.25
/// let Gradients { dx, parameters } = prelu.gradients(&x, &upstream)?;
/// assert_eq!(dx.download::<f32>()?, [0.25, 1.0]);
/// assert_eq!(parameters[0].download::<f32>()?, [-2.0]);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug)]
pub struct Gradients {
    /// With respect to x, of its shape and type.
    pub dx: Tensor,
    /// With respect to each parameter: f32, one value per channel, or one where a single number serves the whole
    /// tensor.
    pub parameters: Vec<Tensor>,
}

impl Pointwise {
    /// The gradients of the loss with respect to the parameters, as [`Gradients::parameters`] has them, from one pass
    /// over x and upstream. `upstream` is the gradient with respect to y. The same tensors on the same adapter give
    /// the same bits.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Activation, Gpu, Pointwise};
    /// # let gpu = Gpu::new()?;
    /// let x = gpu.upload(&[-2.0f32, -1.0, 3.0], [3])?;
    /// let upstream = gpu.upload(&[1.0f32, 2.0, 3.0], [3])?;
    /// let gradients = Pointwise::new(Activation::PRELU).parameter_gradients(&x, &upstream)?;
    /// assert_eq!(gradients[0].download::<f32>()?, [-4.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::UnknownParameter`](crate::Error::UnknownParameter) if the activation has none, [`Error::TooLarge`](crate::Error::TooLarge) if the partial
    /// results exceed the device's largest binding, and as [`Pointwise::backward`].
    pub fn parameter_gradients(&self, x: &Tensor, upstream: &Tensor) -> Result<Vec<Tensor>> {
        recorder::submit(x.gpu(), |recorder| {
            self.record_reduction(recorder, x, upstream, None)
        })
    }

    /// dx and the parameters' gradients, as [`Pointwise::backward`] and
    /// [`Pointwise::parameter_gradients`] give them, from one pass over x and upstream.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// use wgpu_activations::{Activation, Gpu, Pointwise};
    ///
    /// let gpu = Gpu::new()?;
    /// let x = gpu.upload(&[-2.0f32, -1.0, 1.0, 2.0], [2, 2])?;
    /// let upstream = gpu.upload(&[1.0f32; 4], [2, 2])?;
    /// let alpha = gpu.upload(&[0.25f32, 0.5], [2])?;
    /// let prelu = Pointwise::new(Activation::PRELU).per_channel(&alpha, -1)?;
    /// let gradients = prelu.gradients(&x, &upstream)?;
    /// assert_eq!(gradients.dx.download::<f32>()?, [0.25, 0.5, 1.0, 1.0]);
    /// assert_eq!(gradients.parameters[0].download::<f32>()?, [-2.0, -1.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Pointwise::parameter_gradients`].
    pub fn gradients(&self, x: &Tensor, upstream: &Tensor) -> Result<Gradients> {
        recorder::submit(x.gpu(), |recorder| self.record_both(recorder, x, upstream))
    }

    /// [`Pointwise::gradients`] into tensors of the shapes and types that it gives them.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Activation, Gpu, Pointwise};
    /// # let gpu = Gpu::new()?;
    /// let prelu = Pointwise::new(Activation::PRELU);
    /// let x = gpu.upload(&[-2.0f32, 4.0], [2])?;
    /// let upstream = gpu.upload(&[1.0f32, 1.0], [2])?;
    /// let gradients = prelu.gradients(&x, &upstream)?;
    /// // Another batch, into the same memory.
    /// x.write(&[-3.0f32, 4.0])?;
    /// prelu.gradients_into(&x, &upstream, &gradients)?;
    /// assert_eq!(gradients.parameters[0].download::<f32>()?, [-3.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Pointwise::gradients`], and where a tensor does not serve.
    pub fn gradients_into(
        &self,
        x: &Tensor,
        upstream: &Tensor,
        gradients: &Gradients,
    ) -> Result<()> {
        recorder::submit(x.gpu(), |recorder| {
            self.record_into(recorder, x, upstream, gradients)
        })
    }

    /// [`Pointwise::parameter_gradients`] into tensors like those that it gives.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Activation, Gpu, Pointwise};
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[-2.0f32, 4.0], [2])?;
    /// # let upstream = gpu.upload(&[1.0f32, 1.0], [2])?;
    /// let alpha = [gpu.upload(&[0.0f32], [1])?];
    /// Pointwise::new(Activation::PRELU).parameter_gradients_into(&x, &upstream, &alpha)?;
    /// assert_eq!(alpha[0].download::<f32>()?, [-2.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Pointwise::parameter_gradients`], and where a tensor does not serve.
    pub fn parameter_gradients_into(
        &self,
        x: &Tensor,
        upstream: &Tensor,
        parameters: &[Tensor],
    ) -> Result<()> {
        recorder::submit(x.gpu(), |recorder| {
            self.record_parameters(recorder, x, upstream, parameters)
        })
    }

    /// Records [`Pointwise::gradients_into`] into the caller's encoder: see [`Pointwise::encode_forward`].
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Activation, Gpu, Pointwise};
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[-2.0f32, 4.0], [2])?;
    /// # let upstream = gpu.upload(&[1.0f32, 1.0], [2])?;
    /// let prelu = Pointwise::new(Activation::PRELU);
    /// let gradients = prelu.allocate_gradients(&x)?;
    /// let mut encoder = gpu.device().create_command_encoder(&Default::default());
    /// prelu.encode_gradients(&mut encoder, &x, &upstream, &gradients)?;
    /// gpu.queue().submit([encoder.finish()]);
    /// assert_eq!(gradients.parameters[0].download::<f32>()?, [-2.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Pointwise::gradients_into`].
    pub fn encode_gradients(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        upstream: &Tensor,
        gradients: &Gradients,
    ) -> Result<()> {
        let Gradients { dx, parameters } = gradients;
        let tensors = [x, upstream, dx].into_iter().chain(parameters);
        calls::encode_over(encoder, tensors, |recorder| {
            self.record_into(recorder, x, upstream, gradients)
        })
    }

    /// Records [`Pointwise::parameter_gradients_into`] into the caller's encoder: see [`Pointwise::encode_forward`].
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Activation, Gpu, Pointwise};
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[-2.0f32, 4.0], [2])?;
    /// # let upstream = gpu.upload(&[1.0f32, 1.0], [2])?;
    /// # let alpha = [gpu.upload(&[0.0f32], [1])?];
    /// let prelu = Pointwise::new(Activation::PRELU);
    /// let mut encoder = gpu.device().create_command_encoder(&Default::default());
    /// prelu.encode_parameter_gradients(&mut encoder, &x, &upstream, &alpha)?;
    /// gpu.queue().submit([encoder.finish()]);
    /// assert_eq!(alpha[0].download::<f32>()?, [-2.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Pointwise::parameter_gradients_into`].
    pub fn encode_parameter_gradients(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        upstream: &Tensor,
        parameters: &[Tensor],
    ) -> Result<()> {
        let tensors = [x, upstream].into_iter().chain(parameters);
        calls::encode_over(encoder, tensors, |recorder| {
            self.record_parameters(recorder, x, upstream, parameters)
        })
    }

    /// Tensors for the gradients of a pass over x, their contents unspecified.
    ///
    /// # Errors
    ///
    /// As [`Pointwise::forward`].
    pub fn allocate_gradients(&self, x: &Tensor) -> Result<Gradients> {
        self.output_shape(x.shape())?;
        let parameters = Operation::gradients(self, x.shape());
        Ok(Gradients {
            dx: x.gpu().allocate(x.shape(), x.element())?,
            parameters: calls::allocate_parameters(x.gpu(), parameters)?,
        })
    }

    fn record_into(
        &self,
        recorder: &mut Recorder<'_>,
        x: &Tensor,
        upstream: &Tensor,
        Gradients { dx, parameters }: &Gradients,
    ) -> Result<()> {
        self.expect_a_parameter()?;
        let pass = Pass::Backward { x, upstream, dx };
        pass.expect_fit(&self.activation.name(), x.shape(), false)?;
        let dx = std::slice::from_ref(dx);
        calls::record_gradients(self, recorder, &[x], upstream, dx, parameters)
    }

    fn record_parameters(
        &self,
        recorder: &mut Recorder<'_>,
        x: &Tensor,
        upstream: &Tensor,
        parameters: &[Tensor],
    ) -> Result<()> {
        self.expect_a_parameter()?;
        let (op, wanted) = (
            self.activation.name(),
            Operation::gradients(self, x.shape()),
        );
        calls::expect_parameters(&op, &wanted, parameters, x, &[x, upstream])?;
        let found = self.record_reduction(recorder, x, upstream, None)?;
        calls::copy_parameters(recorder, found, parameters)
    }

    fn expect_a_parameter(&self) -> Result<()> {
        match self.activation.parameters() {
            [] => Err(self.activation.no_parameter("gradient".to_owned())),
            _ => Ok(()),
        }
    }

    fn record_both(
        &self,
        recorder: &mut Recorder<'_>,
        x: &Tensor,
        upstream: &Tensor,
    ) -> Result<Gradients> {
        let dx = recorder.allocate(x.gpu(), x.shape(), x.element())?;
        let parameters = self.record_gradients(recorder, x, upstream, &dx)?;
        Ok(Gradients { dx, parameters })
    }

    /// Records dx, which may be upstream, and gives the parameters' gradients.
    pub(crate) fn record_gradients(
        &self,
        recorder: &mut Recorder<'_>,
        x: &Tensor,
        upstream: &Tensor,
        dx: &Tensor,
    ) -> Result<Vec<Tensor>> {
        if !dx.is(upstream) {
            return self.record_reduction(recorder, x, upstream, Some(dx));
        }
        // What is written must not be what is read by other threads.
        let parameters = self.record_reduction(recorder, x, upstream, None)?;
        self.record(recorder, Pass::BackwardInPlace { x, upstream })?;
        Ok(parameters)
    }

    fn record_reduction(
        &self,
        recorder: &mut Recorder<'_>,
        x: &Tensor,
        upstream: &Tensor,
        dx: Option<&Tensor>,
    ) -> Result<Vec<Tensor>> {
        let (op, numbers) = (self.activation.name(), self.activation.parameters());
        self.expect_a_parameter()?;
        expect_alike(&op, ("upstream", upstream), ("x", x))?;
        let gpu = x.gpu();
        let (parameters, view) = match self.channels_of(recorder, x)? {
            Some(channels) => channels,
            None => {
                let uploads = numbers.iter().map(|number| gpu.upload(&[*number], [1]));
                let parameters = uploads.collect::<Result<Vec<_>>>()?;
                parameters.iter().for_each(|tensor| recorder.keep(tensor));
                let outer = x.len();
                (
                    parameters,
                    View {
                        outer,
                        ..View::ONE_CHANNEL
                    },
                )
            }
        };
        if x.is_empty() {
            let zeros = self.channels.iter().take(numbers.len());
            let zeros = zeros.map(|array| gpu.filled(0.0, [Self::values(array.as_ref(), view)]));
            return zeros.collect();
        }
        let mut reduce = Reduce {
            op,
            reduction: Reduction::terms(self.activation.definition(), self.math),
            view,
            x,
            upstream: Some(upstream),
            parameters: &parameters,
            dx: None,
        };
        match dx {
            Some(dx) if reduce.takes_dx() => reduce.dx = Some(dx),
            Some(dx) => self.record(recorder, Pass::Backward { x, upstream, dx })?,
            None => {}
        }
        let sums = reduce.record(recorder)?;
        self.apart(recorder, sums, view)
    }

    /// How many values the gradient of a parameter has.
    fn values(array: Option<&Array>, view: View) -> usize {
        array.map_or(1, |_| view.extent)
    }

    /// The gradients, of the sums of all parameters for each channel.
    fn apart(&self, recorder: &mut Recorder<'_>, sums: Tensor, view: View) -> Result<Vec<Tensor>> {
        let count = self.activation.parameters().len();
        if count == 1 {
            return Ok(vec![sums.reshaped([view.extent])?]);
        }
        let words = sums.len() / view.extent;
        let arrays = &self.channels[..count];
        // A number has one gradient for all channels.
        let of_all = match view.extent > 1 && arrays.iter().any(Option::is_none) {
            true => reduce::total(recorder, self.activation.name(), &sums, words)?,
            false => sums.clone(),
        };
        let mut gradients = Vec::new();
        for (index, array) in arrays.iter().enumerate() {
            let len = Self::values(array.as_ref(), view);
            let gradient = recorder.allocate(sums.gpu(), [len], ElementType::F32)?;
            let of_parameter = Arrangement {
                shape: [1, 1, len],
                there: [1, len],
                offset: index,
                strides: [0, 0, words],
            };
            let from = if array.is_some() { &sums } else { &of_all };
            of_parameter.encode(recorder.encoder, from, &gradient)?;
            gradients.push(gradient);
        }
        if !of_all.is(&sums) {
            recorder.done_with(of_all);
        }
        recorder.done_with(sums);
        Ok(gradients)
    }
}
