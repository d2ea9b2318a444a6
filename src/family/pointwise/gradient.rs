//! Gradients of an activation's parameter: for each channel the sum of df/dparameter upstream.

use crate::kernel::{
    expect_alike,
    launch::Pass,
    recorder::{self, Recorder},
    reduce::Reduce,
};

use super::Pointwise;
use crate::{
    error::Result,
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
/// let Gradients { dx, parameter } = prelu.gradients(&x, &upstream)?;
/// assert_eq!(dx.download::<f32>()?, [0.25, 1.0]);
/// assert_eq!(parameter.download::<f32>()?, [-2.0]);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug)]
pub struct Gradients {
    /// With respect to x, of its shape and type.
    pub dx: Tensor,
    /// With respect to the parameter: f32, one value per channel, or one where a single parameter
    /// serves the whole tensor.
    pub parameter: Tensor,
}

impl Pointwise {
    /// The gradient of the loss with respect to the parameter: f32, one value per channel, or one
    /// where a single parameter serves the whole tensor. `upstream` is the gradient with respect
    /// to y. The same tensors on the same adapter give the same bits.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Activation, Gpu, Pointwise};
    /// # let gpu = Gpu::new()?;
    /// let x = gpu.upload(&[-2.0f32, -1.0, 3.0], [3])?;
    /// let upstream = gpu.upload(&[1.0f32, 2.0, 3.0], [3])?;
    /// let gradient = Pointwise::new(Activation::PRELU).parameter_gradient(&x, &upstream)?;
    /// assert_eq!(gradient.download::<f32>()?, [-4.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::UnknownParameter`](crate::Error::UnknownParameter) if the activation has none, [`Error::TooLarge`](crate::Error::TooLarge) if the partial
    /// results exceed the device's largest binding, and as [`Pointwise::backward`].
    pub fn parameter_gradient(&self, x: &Tensor, upstream: &Tensor) -> Result<Tensor> {
        recorder::submit(x.gpu(), |recorder| {
            self.record_reduction(recorder, x, upstream, None)
        })
    }

    /// dx and the parameter's gradient, as [`Pointwise::backward`] and
    /// [`Pointwise::parameter_gradient`] give them, from one pass over x and upstream.
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
    /// assert_eq!(gradients.parameter.download::<f32>()?, [-2.0, -1.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Pointwise::parameter_gradient`].
    pub fn gradients(&self, x: &Tensor, upstream: &Tensor) -> Result<Gradients> {
        recorder::submit(x.gpu(), |recorder| self.record_both(recorder, x, upstream))
    }

    /// Records [`Pointwise::gradients`] into the caller's encoder: see [`Pointwise::encode_forward`].
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Activation, Gpu, Pointwise};
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[-2.0f32, 4.0], [2])?;
    /// # let upstream = gpu.upload(&[1.0f32, 1.0], [2])?;
    /// # let prelu = Pointwise::new(Activation::PRELU);
    /// let mut encoder = gpu.device().create_command_encoder(&Default::default());
    /// let gradients = prelu.encode_gradients(&mut encoder, &x, &upstream)?;
    /// gpu.queue().submit([encoder.finish()]);
    /// assert_eq!(gradients.parameter.download::<f32>()?, [-2.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Pointwise::gradients`].
    pub fn encode_gradients(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        upstream: &Tensor,
    ) -> Result<Gradients> {
        recorder::encode(x.gpu(), encoder, |recorder| {
            [x, upstream]
                .into_iter()
                .for_each(|tensor| recorder.keep(tensor));
            self.record_both(recorder, x, upstream)
        })
    }

    fn record_both(
        &self,
        recorder: &mut Recorder<'_>,
        x: &Tensor,
        upstream: &Tensor,
    ) -> Result<Gradients> {
        let dx = recorder.allocate(x.gpu(), x.shape(), x.element())?;
        let parameter = self.record_gradients(recorder, x, upstream, &dx)?;
        Ok(Gradients { dx, parameter })
    }

    /// Records dx, which may be upstream, and gives the parameter's gradient.
    pub(crate) fn record_gradients(
        &self,
        recorder: &mut Recorder<'_>,
        x: &Tensor,
        upstream: &Tensor,
        dx: &Tensor,
    ) -> Result<Tensor> {
        if !dx.is(upstream) {
            return self.record_reduction(recorder, x, upstream, Some(dx));
        }
        // What is written must not be what is read by other threads.
        let parameter = self.record_reduction(recorder, x, upstream, None)?;
        self.record(recorder, Pass::BackwardInPlace { x, upstream })?;
        Ok(parameter)
    }

    fn record_reduction(
        &self,
        recorder: &mut Recorder<'_>,
        x: &Tensor,
        upstream: &Tensor,
        dx: Option<&Tensor>,
    ) -> Result<Tensor> {
        let op = self.activation.name();
        self.parameter_name()?;
        expect_alike(&op, ("upstream", upstream), ("x", x))?;
        let one_channel = View {
            outer: x.len(),
            ..View::ONE_CHANNEL
        };
        let (parameters, view) = self.channels_of(recorder, x)?.unzip();
        let view = view.unwrap_or(one_channel);
        let gpu = x.gpu();
        if x.is_empty() {
            return gpu.filled(0.0, [view.extent]);
        }
        let parameters = match (parameters, self.activation.parameter()) {
            (Some(parameters), _) => parameters,
            (None, scalar) => gpu.upload(&[scalar.unwrap_or(0.0)], [1])?,
        };
        recorder.keep(&parameters);
        let mut reduce = Reduce {
            op,
            reduction: Reduction::terms(self.activation.definition(), self.math),
            view,
            x,
            upstream: Some(upstream),
            parameters: Some(&parameters),
            dx: None,
        };
        match dx {
            Some(dx) if reduce.takes_dx() => reduce.dx = Some(dx),
            Some(dx) => self.record(recorder, Pass::Backward { x, upstream, dx })?,
            None => {}
        }
        reduce.record(recorder)?.reshaped([view.extent])
    }
}
