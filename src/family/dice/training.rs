//! Dice as a layer in training: its state lives on the device.

use super::{
    Function, NAME,
    channels::expect_channels,
    launch::{Launcher, Source, expect_bindable},
};
use crate::{
    error::{Error, Result},
    family::calls,
    gpu::Gpu,
    kernel::{
        launch::Pass,
        moments::{self, TensorMoments, record_moments},
        recorder::{self, Recorder},
    },
    tensor::{Tensor, axis_of},
    wgsl::Math,
};

/// Dice (Zhou et al., Deep Interest Network for Click-Through Rate Prediction, KDD 2018): per
/// channel y = x (p + (1 - p) alpha), p = sigmoid((x - mean) / sqrt(variance + epsilon)).
///
/// [`Dice::train`] takes mean and biased variance from the batch and moves the running ones,
/// running = (1 - momentum) running + momentum batch; [`Dice::infer`] uses the running ones. State
/// (alpha, running mean, running variance) lives on the device: read it with [`Tensor::download`],
/// set it with [`Tensor::write`]. Statistics are kept in f32 whatever the elements are.
///
/// Libraries differ: DeepCTR and EasyRec take an epsilon of 1e-9; a momentum of 0.99 in
/// TensorFlow's convention is 0.01 here.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// use wgpu_activations::{Dice, Gpu};
///
/// let gpu = Gpu::new()?;
/// let dice = Dice::new(&gpu, 2)?;
/// dice.alpha().write(&[0.25f32, 1.0])?; // with 1 a channel is the identity
/// let x = gpu.upload(&[1.0f32, 2.0, 3.0, 5.0], [2, 2])?;
/// let (y, batch) = dice.train(&x)?;
/// let gradients = dice.backward(&x, &y, &batch)?; // y as the upstream gradient
/// println!("{:?}", gradients.alpha.download::<f32>()?);
/// let y = dice.infer(&x)?;
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
///
/// A batch that several devices or machines share is trained on by [`Dice::train_with`] and [`Dice::backward_with`].
#[derive(Debug)]
pub struct Dice {
    alpha: Tensor,
    running_mean: Tensor,
    running_variance: Tensor,
    /// The operation with that state.
    pub(super) function: Function,
}

impl Dice {
    /// Dice of `channels` channels along the last axis: alpha 0, running mean 0 and variance 1,
    /// epsilon 1e-8, momentum 0.1, the running variance unbiased.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Dice, Gpu};
    /// # let gpu = Gpu::new()?;
    /// // Channels in the middle; epsilon and statistics as in DeepCTR.
    /// let dice = Dice::new(&gpu, 64)?.axis(1).epsilon(1e-9)?.momentum(0.01)?.biased();
    /// let x = gpu.upload(&vec![0.5f32; 8 * 64 * 3], [8, 64, 3])?;
    /// assert_eq!(dice.infer(&x)?.shape(), [8, 64, 3]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] for more channels than the device binds, [`Error::OutOfMemory`].
    pub fn new(gpu: &Gpu, channels: usize) -> Result<Self> {
        expect_bindable(gpu, channels)?;
        let filled = |value: f32| gpu.filled(value, [channels]);
        let (alpha, mean, variance) = (filled(0.0)?, filled(0.0)?, filled(1.0)?);
        Ok(Self {
            function: Function::new().alpha(&alpha).running(&mean, &variance),
            alpha,
            running_mean: mean,
            running_variance: variance,
        })
    }

    /// With the channels along `axis`, which counts from the end where negative.
    #[must_use]
    pub fn axis(mut self, axis: i64) -> Self {
        self.function = self.function.axis(axis);
        self
    }

    /// With `epsilon` added to the variance.
    ///
    /// # Errors
    ///
    /// As [`Function::epsilon`].
    pub fn epsilon(mut self, epsilon: f32) -> Result<Self> {
        self.function = self.function.epsilon(epsilon)?;
        Ok(self)
    }

    /// With the share of the batch in the running statistics.
    ///
    /// # Errors
    ///
    /// As [`Function::momentum`].
    pub fn momentum(mut self, momentum: f32) -> Result<Self> {
        self.function = self.function.momentum(momentum)?;
        Ok(self)
    }

    /// With the batch's own variance in the running one, in place of the unbiased estimate.
    #[must_use]
    pub fn biased(mut self) -> Self {
        self.function = self.function.biased();
        self
    }

    /// With elementary functions from `math`.
    #[must_use]
    pub fn math(mut self, math: Math) -> Self {
        self.function = self.function.math(math);
        self
    }

    /// The slope of each channel where it is switched off: f32, `[channels]`.
    pub fn alpha(&self) -> &Tensor {
        &self.alpha
    }

    /// The running mean of each channel: f32, `[channels]`.
    pub fn running_mean(&self) -> &Tensor {
        &self.running_mean
    }

    /// The running variance of each channel: f32, `[channels]`.
    pub fn running_variance(&self) -> &Tensor {
        &self.running_variance
    }

    /// The operation with this state: its settings, and what goes into a [`Chain`](crate::Chain), where it moves nothing.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Dice, Gpu};
    /// # let gpu = Gpu::new()?;
    /// let dice = Dice::new(&gpu, 64)?.epsilon(1e-9)?;
    /// assert_eq!(dice.function().get_epsilon(), 1e-9);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    pub fn function(&self) -> &Function {
        &self.function
    }

    /// y with the statistics of x, which it returns beside it for [`Dice::backward`]; the running ones are moved.
    ///
    /// # Errors
    ///
    /// [`Error::BatchTooSmall`] if each channel has one element only, and as [`Dice::infer`].
    pub fn train(&self, x: &Tensor) -> Result<(Tensor, TensorMoments)> {
        let y = x.gpu().allocate(x.shape(), x.element())?;
        let batch = self.train_into(x, &y)?;
        Ok((y, batch))
    }

    /// [`Dice::train`] with y into a tensor of x's shape and type.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Dice, Gpu};
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[1.0f32, 3.0], [2, 1])?;
    /// let dice = Dice::new(&gpu, 1)?;
    /// let (y, batch) = dice.train(&x)?;
    /// let gradients = dice.backward(&x, &y, &batch)?; // y as the upstream gradient
    /// // Another batch, into the same memory.
    /// x.write(&[5.0f32, 7.0])?;
    /// let batch = dice.train_into(&x, &y)?;
    /// dice.backward_into(&x, &y, &batch, &gradients)?;
    /// assert_eq!(batch.download()?.mean(), [6.0]);
    /// // At rest.
    /// dice.infer_into(&x, &y)?;
    /// dice.infer_backward_into(&x, &y, &gradients)?;
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`], [`Error::ElementMismatch`] or [`Error::Aliased`] if y does not serve,
    /// and as [`Dice::train`].
    pub fn train_into(&self, x: &Tensor, y: &Tensor) -> Result<TensorMoments> {
        recorder::submit(x.gpu(), |recorder| self.record_train(recorder, x, y))
    }

    /// Records [`Dice::train_into`] into the caller's encoder. Submits nothing and waits for nothing; the tensors'
    /// buffers are kept until the caller's commands are done with them.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Dice, ElementType, Gpu};
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[1.0f32, 3.0], [2, 1])?;
    /// # let upstream = gpu.upload(&[1.0f32, 1.0], [2, 1])?;
    /// # let y = gpu.allocate([2, 1], ElementType::F32)?;
    /// let dice = Dice::new(&gpu, 1)?;
    /// let gradients = dice.allocate_gradients(&x)?;
    /// let mut encoder = gpu.device().create_command_encoder(&Default::default());
    /// let batch = dice.encode_train(&mut encoder, &x, &y)?;
    /// dice.encode_backward(&mut encoder, &x, &upstream, &batch, &gradients)?;
    /// gpu.queue().submit([encoder.finish()]);
    /// assert!((gradients.alpha.download::<f32>()?[0] - 1.5378828).abs() < 1e-5);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Dice::train_into`].
    pub fn encode_train(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        y: &Tensor,
    ) -> Result<TensorMoments> {
        calls::encode_over(encoder, [x, y], |recorder| {
            self.record_train(recorder, x, y)
        })
    }

    /// [`Dice::train`] with the moments of a batch of which x is a part: those of all parts merged. See
    /// [`Dice::backward_with`].
    ///
    /// # Errors
    ///
    /// As [`Dice::train`], and [`Error::ChannelMismatch`] if the moments are of other channels.
    pub fn train_with(&self, x: &Tensor, batch: &TensorMoments) -> Result<Tensor> {
        let y = x.gpu().allocate(x.shape(), x.element())?;
        self.train_with_into(x, batch, &y)?;
        Ok(y)
    }

    /// [`Dice::train_with`] with y into a tensor of x's shape and type: see [`Dice::backward_with_into`].
    ///
    /// # Errors
    ///
    /// As [`Dice::train_with`], and where y does not serve.
    pub fn train_with_into(&self, x: &Tensor, batch: &TensorMoments, y: &Tensor) -> Result<()> {
        recorder::submit(x.gpu(), |recorder| {
            self.record_y(recorder, x, y, Some(batch))
        })
    }

    /// Records [`Dice::train_with_into`]: see [`Dice::encode_backward_with`].
    ///
    /// # Errors
    ///
    /// As [`Dice::train_with_into`].
    pub fn encode_train_with(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        batch: &TensorMoments,
        y: &Tensor,
    ) -> Result<()> {
        calls::encode_over(encoder, [x, &batch.words, y], |recorder| {
            self.record_y(recorder, x, y, Some(batch))
        })
    }

    fn record_train(
        &self,
        recorder: &mut Recorder<'_>,
        x: &Tensor,
        y: &Tensor,
    ) -> Result<TensorMoments> {
        let view = self.function.view(x.shape())?;
        self.function.expect_batch(x.shape())?;
        let batch = record_moments(recorder, NAME, x, view)?;
        self.record_y(recorder, x, y, Some(&batch))?;
        Ok(batch)
    }

    /// y with the running statistics.
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`], [`Error::ChannelMismatch`], [`Error::ForeignTensor`], and what the device reports.
    pub fn infer(&self, x: &Tensor) -> Result<Tensor> {
        let y = x.gpu().allocate(x.shape(), x.element())?;
        self.infer_into(x, &y)?;
        Ok(y)
    }

    /// [`Dice::infer`] with y into a tensor of x's shape and type: see [`Dice::train_into`].
    ///
    /// # Errors
    ///
    /// As [`Dice::infer`], and where y does not serve.
    pub fn infer_into(&self, x: &Tensor, y: &Tensor) -> Result<()> {
        recorder::submit(x.gpu(), |recorder| self.record_y(recorder, x, y, None))
    }

    /// Records [`Dice::infer_into`]: see [`Dice::encode_train`].
    ///
    /// # Errors
    ///
    /// As [`Dice::infer_into`].
    pub fn encode_infer(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        y: &Tensor,
    ) -> Result<()> {
        calls::encode_over(encoder, [x, y], |recorder| {
            self.record_y(recorder, x, y, None)
        })
    }

    /// With the running statistics, or with those of a batch, which move them.
    fn record_y(
        &self,
        recorder: &mut Recorder<'_>,
        x: &Tensor,
        y: &Tensor,
        batch: Option<&TensorMoments>,
    ) -> Result<()> {
        let pass = Pass::Forward { x, y };
        pass.expect_fit(&NAME, x.shape(), false)?;
        let launcher = Launcher::new(&self.function, recorder, x)?;
        let source = match batch {
            None => Source::Running,
            Some(batch) => {
                self.expect_of_batch(x, "the batch's moments", &batch.words)?;
                Source::Training(&batch.words)
            }
        };
        launcher.record(recorder, pass, source)
    }

    /// That `words` are four for each channel of x, on its device.
    pub(super) fn expect_of_batch(
        &self,
        x: &Tensor,
        name: &'static str,
        words: &Tensor,
    ) -> Result<()> {
        if !words.gpu().same_device(x.gpu()) {
            return Err(Error::ForeignTensor {
                op: NAME.to_owned(),
            });
        }
        let axis = axis_of(x.shape(), self.function.axis)?;
        expect_channels(name, words.len() / moments::WORDS, x.shape(), axis)
    }
}
