//! Dice: a sigmoid gate on what is normalised over the batch, with a learned slope per channel.

pub mod bound;
pub mod reference;

use crate::kernel::{
    dispatch, expect_alike, fold_over,
    launch::{Launch, Pass},
    moments::{TensorMoments, record_moments},
    recorder::{self, Recorder},
    reduce::{Reduce, bind},
    tiles,
};
use crate::{
    element::ElementType,
    error::{Error, Result},
    gpu::{
        Binding::{self, Read, Write},
        Gpu, Kernel, PipelineKey,
    },
    tensor::{Tensor, View},
    wgsl::{Math, ParameterSource, Reduction},
};

const OP: &str = "dice";

/// f32 words of the shader's `Parameter`.
const PARAMETER: usize = 5;

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
/// ```no_run
/// use wgpu_activations::{Dice, Gpu};
///
/// let gpu = Gpu::new()?;
/// let dice = Dice::new(&gpu, 2)?;
/// let x = gpu.upload(&[1.0f32, 2.0, 3.0, 5.0], [2, 2])?;
/// let (y, batch) = dice.train(&x)?;
/// let gradients = dice.backward(&x, &y, &batch)?; // y as the upstream gradient
/// println!("{:?}", gradients.alpha.download::<f32>()?);
/// let y = dice.infer(&x)?;
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug)]
pub struct Dice {
    alpha: Tensor,
    running_mean: Tensor,
    running_variance: Tensor,
    epsilon: f32,
    momentum: f32,
    biased: bool,
    axis: i64,
    math: Math,
}

/// What Dice's backward pass gives.
///
/// ```no_run
/// use wgpu_activations::{Dice, DiceGradients, Gpu};
///
/// # let gpu = Gpu::new()?;
/// let x = gpu.upload(&[0.0f32], [1, 1])?;
/// let upstream = gpu.upload(&[1.0f32], [1, 1])?;
/// let DiceGradients { dx, alpha } = Dice::new(&gpu, 1)?.infer_backward(&x, &upstream)?;
/// assert_eq!(dx.download::<f32>()?, [0.5]);
/// assert_eq!(alpha.download::<f32>()?, [0.0]);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug)]
pub struct DiceGradients {
    /// With respect to x, of its shape and type.
    pub dx: Tensor,
    /// With respect to alpha: f32, one value per channel.
    pub alpha: Tensor,
}

impl Dice {
    /// Dice of `channels` channels along the last axis: alpha 0, running mean 0 and variance 1,
    /// epsilon 1e-8, momentum 0.1, the running variance unbiased.
    ///
    /// ```no_run
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
        let limit = gpu.limits().max_storage_buffer_binding_size & !0xfff;
        let bytes = (channels * PARAMETER * 4) as u64;
        if bytes > limit {
            return Err(Error::TooLarge {
                what: format!("{OP}: what it knows of {channels} channels"),
                bytes,
                limit,
                advice: "split the tensor along its channels",
            });
        }
        let filled = |value: f32| gpu.upload(&vec![value; channels], [channels]);
        Ok(Self {
            alpha: filled(0.0)?,
            running_mean: filled(0.0)?,
            running_variance: filled(1.0)?,
            epsilon: 1e-8,
            momentum: 0.1,
            biased: false,
            axis: -1,
            math: Math::Accurate,
        })
    }

    /// With the channels along `axis`, which counts from the end where negative.
    #[must_use]
    pub fn axis(self, axis: i64) -> Self {
        Self { axis, ..self }
    }

    /// With `epsilon` added to the variance.
    ///
    /// # Errors
    ///
    /// [`Error::ParameterOutOfRange`] unless it is a finite number > 0.
    pub fn epsilon(self, epsilon: f32) -> Result<Self> {
        Self::expect_epsilon(epsilon)?;
        Ok(Self { epsilon, ..self })
    }

    /// With the share of the batch in the running statistics.
    ///
    /// ```no_run
    /// # use wgpu_activations::{Dice, Gpu};
    /// # let gpu = Gpu::new()?;
    /// let dice = Dice::new(&gpu, 1)?.momentum(0.5)?;
    /// dice.train(&gpu.upload(&[2.0f32, 4.0], [2, 1])?)?; // mean 3; it was 0
    /// assert_eq!(dice.running_mean().download::<f32>()?, [1.5]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::ParameterOutOfRange`] unless it is from 0 to 1.
    pub fn momentum(self, momentum: f32) -> Result<Self> {
        Self::expect_momentum(momentum)?;
        Ok(Self { momentum, ..self })
    }

    /// The rule of [`Dice::epsilon`].
    #[doc(hidden)]
    pub fn expect_epsilon(epsilon: f32) -> Result<()> {
        let fits = epsilon.is_finite() && epsilon >= f32::MIN_POSITIVE;
        let rule = "a finite number > 0 (at least 1.18e-38)";
        expect_range(fits, "epsilon", epsilon, rule)
    }

    /// The rule of [`Dice::momentum`].
    #[doc(hidden)]
    pub fn expect_momentum(momentum: f32) -> Result<()> {
        let fits = (0.0..=1.0).contains(&momentum);
        expect_range(fits, "momentum", momentum, "a number from 0 to 1")
    }

    /// With the batch's own variance in the running one, in place of the unbiased estimate.
    ///
    /// ```no_run
    /// # use wgpu_activations::{Dice, Gpu};
    /// # let gpu = Gpu::new()?;
    /// let dice = Dice::new(&gpu, 1)?.momentum(1.0)?.biased();
    /// dice.train(&gpu.upload(&[2.0f32, 4.0], [2, 1])?)?;
    /// assert_eq!(dice.running_variance().download::<f32>()?, [1.0]); // else 2
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    #[must_use]
    pub fn biased(self) -> Self {
        Self {
            biased: true,
            ..self
        }
    }

    /// With elementary functions from `math`.
    ///
    /// ```no_run
    /// # use wgpu_activations::{Dice, Gpu, Math};
    /// # let gpu = Gpu::new()?;
    /// let dice = Dice::new(&gpu, 1)?.math(Math::Native);
    /// # let x = gpu.upload(&[0.0f32], [1, 1])?;
    /// assert_eq!(dice.infer(&x)?.download::<f32>()?, [0.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    #[must_use]
    pub fn math(self, math: Math) -> Self {
        Self { math, ..self }
    }

    /// The slope of each channel where it is switched off: f32, `[channels]`.
    ///
    /// ```no_run
    /// # use wgpu_activations::{Dice, Gpu};
    /// # let gpu = Gpu::new()?;
    /// let dice = Dice::new(&gpu, 2)?;
    /// dice.alpha().write(&[0.25f32, 1.0])?; // with 1 a channel is the identity
    /// let x = gpu.upload(&[0.0f32, -3.0], [1, 2])?;
    /// assert_eq!(dice.infer(&x)?.download::<f32>()?, [0.0, -3.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
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

    /// y with the statistics of x, which it returns beside it for [`Dice::backward`]; the running
    /// ones are moved.
    ///
    /// ```no_run
    /// # use wgpu_activations::{Dice, Gpu};
    /// # let gpu = Gpu::new()?;
    /// let x = gpu.upload(&[1.0f32, 3.0], [2, 1])?;
    /// let (y, batch) = Dice::new(&gpu, 1)?.train(&x)?;
    /// assert_eq!(batch.download()?.mean(), [2.0]);
    /// assert!((y.download::<f32>()?[0] - 0.2689414).abs() < 1e-5); // sigmoid(-1)
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::BatchTooSmall`] if each channel has one element only, and as [`Dice::infer`].
    pub fn train(&self, x: &Tensor) -> Result<(Tensor, TensorMoments)> {
        let y = x.gpu().allocate(x.shape(), x.element())?;
        let batch = recorder::submit(x.gpu(), |recorder| self.record_train(recorder, x, &y))?;
        Ok((y, batch))
    }

    /// Records [`Dice::train`] into the caller's encoder, y into a tensor of x's shape and type. Submits
    /// nothing and waits for nothing; the tensors' buffers are kept until the caller's commands are done
    /// with them.
    ///
    /// ```no_run
    /// # use wgpu_activations::{Dice, ElementType, Gpu};
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[1.0f32, 3.0], [2, 1])?;
    /// # let upstream = gpu.upload(&[1.0f32, 1.0], [2, 1])?;
    /// # let y = gpu.allocate([2, 1], ElementType::F32)?;
    /// let dice = Dice::new(&gpu, 1)?;
    /// let mut encoder = gpu.device().create_command_encoder(&Default::default());
    /// let batch = dice.encode_train(&mut encoder, &x, &y)?;
    /// let gradients = dice.encode_backward(&mut encoder, &x, &upstream, &batch)?;
    /// gpu.queue().submit([encoder.finish()]);
    /// assert!((gradients.alpha.download::<f32>()?[0] - 1.5378828).abs() < 1e-5);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`], [`Error::ElementMismatch`] or [`Error::Aliased`] if y does not serve,
    /// and as [`Dice::train`].
    pub fn encode_train(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        y: &Tensor,
    ) -> Result<TensorMoments> {
        let record = |recorder: &mut Recorder<'_>| self.record_train(recorder, x, y);
        let batch = recorder::encode(x.gpu(), encoder, record)?;
        self.expose(&[x, y, &batch.words]);
        Ok(batch)
    }

    pub(crate) fn record_train(
        &self,
        recorder: &mut Recorder<'_>,
        x: &Tensor,
        y: &Tensor,
    ) -> Result<TensorMoments> {
        let pass = Pass::Forward { x, y };
        pass.expect_fit(OP)?;
        let view = self.view(x)?;
        if x.len() == view.extent && !x.is_empty() {
            return Err(Error::BatchTooSmall {
                op: OP.to_owned(),
                axis: x.axis(self.axis)?,
                shape: x.shape().to_vec(),
            });
        }
        let batch = record_moments(recorder, OP, x, view)?;
        if x.is_empty() {
            return Ok(batch);
        }
        let parameters = self.allocate_parameters(recorder)?;
        self.statistics(
            recorder,
            "train",
            &[Read(0), Read(1), Write(2), Write(3), Write(4)],
            &[
                (0, &batch.words),
                (1, &self.alpha),
                (2, &parameters),
                (3, &self.running_mean),
                (4, &self.running_variance),
            ],
        )?;
        self.launch(recorder, view, &parameters, pass)?;
        recorder.done_with(parameters);
        Ok(batch)
    }

    /// y with the running statistics.
    ///
    /// ```no_run
    /// # use wgpu_activations::{Dice, Gpu};
    /// # let gpu = Gpu::new()?;
    /// let dice = Dice::new(&gpu, 1)?;
    /// dice.running_mean().write(&[2.0f32])?;
    /// let x = gpu.upload(&[2.0f32], [1, 1])?;
    /// assert_eq!(dice.infer(&x)?.download::<f32>()?, [1.0]); // half of it
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`], [`Error::ChannelMismatch`], [`Error::ForeignTensor`], and what
    /// the device reports.
    pub fn infer(&self, x: &Tensor) -> Result<Tensor> {
        let y = x.gpu().allocate(x.shape(), x.element())?;
        recorder::submit(x.gpu(), |recorder| self.record_infer(recorder, x, &y))?;
        Ok(y)
    }

    /// Records [`Dice::infer`]: see [`Dice::encode_train`].
    ///
    /// ```no_run
    /// # use wgpu_activations::{Dice, ElementType, Gpu};
    /// # let gpu = Gpu::new()?;
    /// # let dice = Dice::new(&gpu, 1)?;
    /// # let x = gpu.upload(&[0.0f32], [1, 1])?;
    /// # let upstream = gpu.upload(&[1.0f32], [1, 1])?;
    /// # let y = gpu.allocate([1, 1], ElementType::F32)?;
    /// # let mut encoder = gpu.device().create_command_encoder(&Default::default());
    /// dice.encode_infer(&mut encoder, &x, &y)?;
    /// let gradients = dice.encode_infer_backward(&mut encoder, &x, &upstream)?;
    /// gpu.queue().submit([encoder.finish()]);
    /// assert_eq!(gradients.dx.download::<f32>()?, [0.5]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Dice::encode_train`].
    pub fn encode_infer(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        y: &Tensor,
    ) -> Result<()> {
        let record = |recorder: &mut Recorder<'_>| self.record_infer(recorder, x, y);
        recorder::encode(x.gpu(), encoder, record)?;
        self.expose(&[x, y]);
        Ok(())
    }

    fn record_infer(&self, recorder: &mut Recorder<'_>, x: &Tensor, y: &Tensor) -> Result<()> {
        let pass = Pass::Forward { x, y };
        pass.expect_fit(OP)?;
        let view = self.view(x)?;
        if x.is_empty() {
            return Ok(());
        }
        let parameters = self.running_parameters(recorder)?;
        self.launch(recorder, view, &parameters, pass)?;
        recorder.done_with(parameters);
        Ok(())
    }

    /// The gradients of a pass that [`Dice::train`] made: `batch` is what it returned for `x`.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`] or [`Error::ElementMismatch`] if upstream is not like x, and as
    /// [`Dice::train`].
    pub fn backward(
        &self,
        x: &Tensor,
        upstream: &Tensor,
        batch: &TensorMoments,
    ) -> Result<DiceGradients> {
        recorder::submit(x.gpu(), |recorder| {
            self.record_backward(recorder, x, upstream, batch)
        })
    }

    /// Records [`Dice::backward`]: see [`Dice::encode_train`].
    ///
    /// # Errors
    ///
    /// As [`Dice::backward`].
    pub fn encode_backward(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        upstream: &Tensor,
        batch: &TensorMoments,
    ) -> Result<DiceGradients> {
        let gradients = recorder::encode(x.gpu(), encoder, |recorder| {
            self.record_backward(recorder, x, upstream, batch)
        })?;
        let DiceGradients { dx, alpha } = &gradients;
        self.expose(&[x, upstream, &batch.words, dx, alpha]);
        Ok(gradients)
    }

    pub(crate) fn record_backward(
        &self,
        recorder: &mut Recorder<'_>,
        x: &Tensor,
        upstream: &Tensor,
        batch: &TensorMoments,
    ) -> Result<DiceGradients> {
        let view = self.view_of_both(x, upstream)?;
        if !batch.words.gpu().same_device(x.gpu()) {
            return Err(Error::ForeignTensor { op: OP.to_owned() });
        }
        let channels = batch.words.len() / Reduction::Moments.words();
        if channels != view.extent {
            return Err(Error::ChannelMismatch {
                op: OP.to_owned(),
                parameter: "the batch's moments",
                found: channels,
                channels: view.extent,
                axis: x.axis(self.axis)?,
                shape: x.shape().to_vec(),
            });
        }
        if x.is_empty() {
            return self.no_gradients(x);
        }
        let sums = self.record_sums(recorder, x, upstream, batch)?;
        let gradients = self.record_backward_through(recorder, (x, upstream), batch, &sums)?;
        recorder.done_with(sums);
        Ok(gradients)
    }

    /// The sums over a batch, or over a part of it, that its gradients need: [channels, 4], of which
    /// those of parts add up.
    pub(crate) fn sums(
        &self,
        x: &Tensor,
        upstream: &Tensor,
        batch: &TensorMoments,
    ) -> Result<Tensor> {
        recorder::submit(x.gpu(), |recorder| {
            self.record_sums(recorder, x, upstream, batch)
        })
    }

    fn record_sums(
        &self,
        recorder: &mut Recorder<'_>,
        x: &Tensor,
        upstream: &Tensor,
        batch: &TensorMoments,
    ) -> Result<Tensor> {
        let view = self.view_of_both(x, upstream)?;
        let known = self.parameters_of(recorder, batch)?;
        let sums = self.reduce(x, upstream, view, &known).record(recorder)?;
        recorder.done_with(known);
        Ok(sums)
    }

    /// The gradients of a batch, or of a part of it, from moments and sums of the whole batch.
    pub(crate) fn backward_through(
        &self,
        x: &Tensor,
        upstream: &Tensor,
        batch: &TensorMoments,
        sums: &Tensor,
    ) -> Result<DiceGradients> {
        recorder::submit(x.gpu(), |recorder| {
            self.record_backward_through(recorder, (x, upstream), batch, sums)
        })
    }

    fn record_backward_through(
        &self,
        recorder: &mut Recorder<'_>,
        (x, upstream): (&Tensor, &Tensor),
        batch: &TensorMoments,
        sums: &Tensor,
    ) -> Result<DiceGradients> {
        let view = self.view_of_both(x, upstream)?;
        let parameters = self.allocate_parameters(recorder)?;
        let alpha = recorder.allocate(x.gpu(), [view.extent], ElementType::F32)?;
        self.statistics(
            recorder,
            "through_batch",
            &[Read(0), Read(1), Write(2), Read(5), Write(6)],
            &[
                (0, &batch.words),
                (1, &self.alpha),
                (2, &parameters),
                (5, sums),
                (6, &alpha),
            ],
        )?;
        let dx = recorder.allocate(x.gpu(), x.shape(), x.element())?;
        let pass = Pass::Backward {
            x,
            upstream,
            dx: &dx,
        };
        self.launch(recorder, view, &parameters, pass)?;
        recorder.done_with(parameters);
        Ok(DiceGradients { dx, alpha })
    }

    /// The gradients of a pass that [`Dice::infer`] made.
    ///
    /// # Errors
    ///
    /// As [`Dice::backward`].
    pub fn infer_backward(&self, x: &Tensor, upstream: &Tensor) -> Result<DiceGradients> {
        recorder::submit(x.gpu(), |recorder| {
            self.record_infer_backward(recorder, x, upstream)
        })
    }

    /// Records [`Dice::infer_backward`]: see [`Dice::encode_train`].
    ///
    /// # Errors
    ///
    /// As [`Dice::infer_backward`].
    pub fn encode_infer_backward(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        upstream: &Tensor,
    ) -> Result<DiceGradients> {
        let gradients = recorder::encode(x.gpu(), encoder, |recorder| {
            self.record_infer_backward(recorder, x, upstream)
        })?;
        let DiceGradients { dx, alpha } = &gradients;
        self.expose(&[x, upstream, dx, alpha]);
        Ok(gradients)
    }

    fn record_infer_backward(
        &self,
        recorder: &mut Recorder<'_>,
        x: &Tensor,
        upstream: &Tensor,
    ) -> Result<DiceGradients> {
        let view = self.view_of_both(x, upstream)?;
        if x.is_empty() {
            return self.no_gradients(x);
        }
        let parameters = self.running_parameters(recorder)?;
        let dx = recorder.allocate(x.gpu(), x.shape(), x.element())?;
        let mut reduce = self.reduce(x, upstream, view, &parameters);
        if reduce.takes_dx() {
            reduce.dx = Some(&dx);
        } else {
            let pass = Pass::Backward {
                x,
                upstream,
                dx: &dx,
            };
            self.launch(recorder, view, &parameters, pass)?;
        }
        let sums = reduce.record(recorder)?;
        let alpha = recorder.allocate(x.gpu(), [view.extent], ElementType::F32)?;
        self.statistics(
            recorder,
            "alpha_of_sums",
            &[Read(5), Write(6)],
            &[(5, &sums), (6, &alpha)],
        )?;
        recorder.done_with(sums);
        recorder.done_with(parameters);
        Ok(DiceGradients { dx, alpha })
    }

    /// Keeps tensors that the caller's commands use, and those of this Dice, out of the pool.
    fn expose(&self, tensors: &[&Tensor]) {
        let own = [&self.alpha, &self.running_mean, &self.running_variance];
        own.iter().chain(tensors).for_each(|tensor| tensor.expose());
    }

    fn view(&self, x: &Tensor) -> Result<View> {
        if !x.gpu().same_device(self.alpha.gpu()) {
            return Err(Error::ForeignTensor { op: OP.to_owned() });
        }
        let view = x.view(self.axis)?;
        if view.extent != self.alpha.len() {
            return Err(Error::ChannelMismatch {
                op: OP.to_owned(),
                parameter: "alpha",
                found: self.alpha.len(),
                channels: view.extent,
                axis: x.axis(self.axis)?,
                shape: x.shape().to_vec(),
            });
        }
        Ok(view)
    }

    fn view_of_both(&self, x: &Tensor, upstream: &Tensor) -> Result<View> {
        expect_alike(OP, ("upstream", upstream), ("x", x))?;
        self.view(x)
    }

    fn no_gradients(&self, x: &Tensor) -> Result<DiceGradients> {
        let channels = self.alpha.len();
        Ok(DiceGradients {
            dx: x.gpu().allocate(x.shape(), x.element())?,
            alpha: x.gpu().upload(&vec![0.0f32; channels], [channels])?,
        })
    }

    /// What the kernels know of each channel, from a batch.
    fn parameters_of(&self, recorder: &mut Recorder<'_>, batch: &TensorMoments) -> Result<Tensor> {
        let parameters = self.allocate_parameters(recorder)?;
        self.statistics(
            recorder,
            "from_batch",
            &[Read(0), Read(1), Write(2)],
            &[(0, &batch.words), (1, &self.alpha), (2, &parameters)],
        )?;
        Ok(parameters)
    }

    /// From the running statistics.
    fn running_parameters(&self, recorder: &mut Recorder<'_>) -> Result<Tensor> {
        let parameters = self.allocate_parameters(recorder)?;
        self.statistics(
            recorder,
            "from_running",
            &[Read(1), Write(2), Write(3), Write(4)],
            &[
                (1, &self.alpha),
                (2, &parameters),
                (3, &self.running_mean),
                (4, &self.running_variance),
            ],
        )?;
        Ok(parameters)
    }

    fn allocate_parameters(&self, recorder: &mut Recorder<'_>) -> Result<Tensor> {
        let words = self.alpha.len() * PARAMETER;
        recorder.allocate(self.alpha.gpu(), [words], ElementType::F32)
    }

    /// Runs an entry point of the kernel that has one thread per channel.
    fn statistics(
        &self,
        recorder: &mut Recorder<'_>,
        entry_point: &'static str,
        bindings: &'static [Binding],
        tensors: &[(u32, &Tensor)],
    ) -> Result<()> {
        let gpu = self.alpha.gpu();
        let pipeline = gpu.pipeline(&PipelineKey {
            kernel: Kernel::DiceStatistics,
            entry_point,
            bindings,
            activations: Vec::new(),
            element: ElementType::F32,
            math: self.math,
            constants: Vec::new(),
        })?;
        let channels = self.alpha.len();
        let arguments = [
            channels as u32,
            self.epsilon.to_bits(),
            self.momentum.to_bits(),
            u32::from(self.biased),
            0,
            0,
            0,
            0,
        ];
        let entries: Vec<_> = tensors
            .iter()
            .map(|(binding, tensor)| bind(*binding, tensor))
            .collect();
        let groups = fold_over((channels as u64).div_ceil(pipeline.workgroup.into()));
        let mut pass = recorder.encoder.begin_compute_pass(&Default::default());
        dispatch(gpu, &mut pass, &pipeline, &entries, arguments, groups);
        Ok(())
    }
    fn launch(
        &self,
        recorder: &mut Recorder<'_>,
        view: View,
        parameters: &Tensor,
        pass: Pass<'_>,
    ) -> Result<()> {
        let launch = Launch {
            key: PipelineKey {
                kernel: Kernel::Dice,
                entry_point: pass.entry_point(),
                bindings: pass.bindings(ParameterSource::Channel),
                activations: Vec::new(),
                element: pass.x().element(),
                math: self.math,
                constants: Vec::new(),
            },
            parameter: 0.0,
            parameters: Some(parameters),
            view,
        };
        tiles::encode(recorder.encoder, &launch, pass)
    }

    /// The sums that the gradients need.
    fn reduce<'a>(
        &self,
        x: &'a Tensor,
        upstream: &'a Tensor,
        view: View,
        parameters: &'a Tensor,
    ) -> Reduce<'a> {
        Reduce {
            op: OP,
            reduction: Reduction::Dice,
            activation: None,
            math: self.math,
            view,
            x,
            upstream: Some(upstream),
            parameters: Some(parameters),
            dx: None,
        }
    }
}

fn expect_range(fits: bool, parameter: &'static str, value: f32, rule: &'static str) -> Result<()> {
    if fits {
        return Ok(());
    }
    Err(Error::ParameterOutOfRange {
        op: OP.to_owned(),
        parameter,
        value,
        rule,
    })
}
