//! Gradients of the layer, over a whole batch or a part of it.

use super::{Dice, NAME, launch::Launcher};
use crate::{
    element::ElementType,
    error::Result,
    family::{Gradient, Operation, calls},
    kernel::{
        expect_alike,
        launch::Pass,
        moments::{self, TensorMoments},
        recorder::{self, Recorder},
    },
    tensor::Tensor,
};

/// What Dice's backward pass gives.
#[derive(Debug)]
pub struct DiceGradients {
    /// With respect to x, of its shape and type.
    pub dx: Tensor,
    /// With respect to alpha: f32, one value per channel.
    pub alpha: Tensor,
}

/// Where a backward pass takes its statistics from: the running ones where there is no batch, else that with its sums,
/// which are those of x where none are given.
type From<'a> = (Option<&'a TensorMoments>, Option<&'a Tensor>);

impl Dice {
    /// The gradients of a pass that [`Dice::train`] made: `batch` is what it returned for `x`.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) or
    /// [`Error::ElementMismatch`](crate::Error::ElementMismatch) if upstream is not like x, and as [`Dice::train`].
    pub fn backward(
        &self,
        x: &Tensor,
        upstream: &Tensor,
        batch: &TensorMoments,
    ) -> Result<DiceGradients> {
        self.call((x, upstream), (Some(batch), None))
    }

    /// [`Dice::backward`] into tensors of the shapes and types that it gives them: see [`Dice::train_into`].
    ///
    /// # Errors
    ///
    /// As [`Dice::backward`], and where a tensor does not serve.
    pub fn backward_into(
        &self,
        x: &Tensor,
        upstream: &Tensor,
        batch: &TensorMoments,
        gradients: &DiceGradients,
    ) -> Result<()> {
        self.call_into((x, upstream), (Some(batch), None), gradients)
    }

    /// Records [`Dice::backward_into`]: see [`Dice::encode_train`].
    ///
    /// # Errors
    ///
    /// As [`Dice::backward_into`].
    pub fn encode_backward(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        upstream: &Tensor,
        batch: &TensorMoments,
        gradients: &DiceGradients,
    ) -> Result<()> {
        self.encode(encoder, (x, upstream), (Some(batch), None), gradients)
    }

    /// The sums that the gradients of a batch need, over the part of it that `x` is: f32, [channels, 4], the last word
    /// of four unused. Those of all parts add up to those of the batch, whose moments `batch` are.
    ///
    /// # Errors
    ///
    /// As [`Dice::backward`].
    pub fn sums(&self, x: &Tensor, upstream: &Tensor, batch: &TensorMoments) -> Result<Tensor> {
        recorder::submit(x.gpu(), |recorder| {
            self.record_sums(recorder, (x, upstream), batch)
        })
    }

    /// [`Dice::sums`] into a tensor of its shape: see [`Dice::backward_with_into`].
    ///
    /// # Errors
    ///
    /// As [`Dice::sums`], and where the tensor does not serve.
    pub fn sums_into(
        &self,
        x: &Tensor,
        upstream: &Tensor,
        batch: &TensorMoments,
        sums: &Tensor,
    ) -> Result<()> {
        recorder::submit(x.gpu(), |recorder| {
            self.record_sums_into(recorder, (x, upstream), batch, sums)
        })
    }

    /// Records [`Dice::sums_into`]: see [`Dice::encode_backward_with`].
    ///
    /// # Errors
    ///
    /// As [`Dice::sums_into`].
    pub fn encode_sums(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        upstream: &Tensor,
        batch: &TensorMoments,
        sums: &Tensor,
    ) -> Result<()> {
        calls::encode_over(encoder, [x, upstream, &batch.words, sums], |recorder| {
            self.record_sums_into(recorder, (x, upstream), batch, sums)
        })
    }

    /// The gradients of a batch that several devices or machines share, for the part of it that `x` is: `batch` and
    /// `sums` are moments and sums of the whole batch, and so is alpha's gradient.
    ///
    /// Only moments and sums travel, 16 bytes per channel each:
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// use wgpu_activations::{Dice, Gpu, TensorMoments};
    ///
    /// // Two parts of a batch, each with its upstream gradients; here one device stands for both.
    /// let gpu = Gpu::new()?;
    /// let dice = Dice::new(&gpu, 1)?;
    /// let x = [gpu.upload(&[1.0f32, 2.0], [2, 1])?, gpu.upload(&[6.0f32], [1, 1])?];
    /// let upstream = [gpu.upload(&[1.0f32, 0.5], [2, 1])?, gpu.upload(&[2.0f32], [1, 1])?];
    ///
    /// // Forward: moments out, those of the batch in.
    /// let merged = x[0].moments(-1)?.download()?.merge(&x[1].moments(-1)?.download()?)?;
    /// let batch = TensorMoments::upload(&gpu, &merged)?;
    /// let y = dice.train_with(&x[0], &batch)?;
    ///
    /// // Backward: sums out, those of the batch in.
    /// let first: Vec<f32> = dice.sums(&x[0], &upstream[0], &batch)?.download()?;
    /// let second: Vec<f32> = dice.sums(&x[1], &upstream[1], &batch)?.download()?;
    /// let sums: Vec<f32> = first.iter().zip(&second).map(|(a, b)| a + b).collect();
    /// let sums = gpu.upload(&sums, [1, 4])?;
    /// let gradients = dice.backward_with(&x[0], &upstream[0], &batch, &sums)?;
    ///
    /// // As one device gives it for the whole batch.
    /// let (x, upstream) = ([1.0f32, 2.0, 6.0], [1.0f32, 0.5, 2.0]);
    /// let (x, upstream) = (gpu.upload(&x, [3, 1])?, gpu.upload(&upstream, [3, 1])?);
    /// let whole = dice.backward(&x, &upstream, &batch)?;
    /// let (part, whole) = (gradients.dx.download::<f32>()?, whole.dx.download::<f32>()?);
    /// assert!(part.iter().zip(&whole).all(|(a, b)| (a - b).abs() < 1e-5));
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Dice::backward`], and [`Error::ChannelMismatch`](crate::Error::ChannelMismatch) if the sums are of other
    /// channels.
    pub fn backward_with(
        &self,
        x: &Tensor,
        upstream: &Tensor,
        batch: &TensorMoments,
        sums: &Tensor,
    ) -> Result<DiceGradients> {
        self.call((x, upstream), (Some(batch), Some(sums)))
    }

    /// [`Dice::backward_with`] into tensors of the shapes and types that it gives them.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Dice, ElementType, Gpu};
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[1.0f32, 3.0], [2, 1])?;
    /// # let upstream = gpu.upload(&[1.0f32, 1.0], [2, 1])?;
    /// let dice = Dice::new(&gpu, 1)?;
    /// let batch = x.moments(-1)?; // x as the only part
    /// let y = gpu.allocate([2, 1], ElementType::F32)?;
    /// let sums = gpu.allocate([1, 4], ElementType::F32)?;
    /// let gradients = dice.allocate_gradients(&x)?;
    /// dice.train_with_into(&x, &batch, &y)?;
    /// dice.sums_into(&x, &upstream, &batch, &sums)?;
    /// dice.backward_with_into(&x, &upstream, &batch, &sums, &gradients)?;
    /// assert!((gradients.alpha.download::<f32>()?[0] - 1.5378828).abs() < 1e-5);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Dice::backward_with`], and where a tensor does not serve.
    pub fn backward_with_into(
        &self,
        x: &Tensor,
        upstream: &Tensor,
        batch: &TensorMoments,
        sums: &Tensor,
        gradients: &DiceGradients,
    ) -> Result<()> {
        self.call_into((x, upstream), (Some(batch), Some(sums)), gradients)
    }

    /// Records [`Dice::backward_with_into`] into the caller's encoder.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Dice, ElementType, Gpu};
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[1.0f32, 3.0], [2, 1])?;
    /// # let upstream = gpu.upload(&[1.0f32, 1.0], [2, 1])?;
    /// # let y = gpu.allocate([2, 1], ElementType::F32)?;
    /// # let sums = gpu.allocate([1, 4], ElementType::F32)?;
    /// let dice = Dice::new(&gpu, 1)?;
    /// let gradients = dice.allocate_gradients(&x)?;
    /// let mut encoder = gpu.device().create_command_encoder(&Default::default());
    /// let batch = x.encode_moments(&mut encoder, -1)?; // x as the only part
    /// dice.encode_train_with(&mut encoder, &x, &batch, &y)?;
    /// dice.encode_sums(&mut encoder, &x, &upstream, &batch, &sums)?;
    /// dice.encode_backward_with(&mut encoder, &x, &upstream, &batch, &sums, &gradients)?;
    /// gpu.queue().submit([encoder.finish()]);
    /// assert!((gradients.alpha.download::<f32>()?[0] - 1.5378828).abs() < 1e-5);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Dice::backward_with_into`].
    pub fn encode_backward_with(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        upstream: &Tensor,
        batch: &TensorMoments,
        sums: &Tensor,
        gradients: &DiceGradients,
    ) -> Result<()> {
        self.encode(encoder, (x, upstream), (Some(batch), Some(sums)), gradients)
    }

    /// The gradients of a pass that [`Dice::infer`] made.
    ///
    /// # Errors
    ///
    /// As [`Dice::backward`].
    pub fn infer_backward(&self, x: &Tensor, upstream: &Tensor) -> Result<DiceGradients> {
        self.call((x, upstream), (None, None))
    }

    /// [`Dice::infer_backward`] into tensors of the shapes and types that it gives them: see [`Dice::train_into`].
    ///
    /// # Errors
    ///
    /// As [`Dice::infer_backward`], and where a tensor does not serve.
    pub fn infer_backward_into(
        &self,
        x: &Tensor,
        upstream: &Tensor,
        gradients: &DiceGradients,
    ) -> Result<()> {
        self.call_into((x, upstream), (None, None), gradients)
    }

    /// Records [`Dice::infer_backward_into`]: see [`Dice::encode_train`].
    ///
    /// # Errors
    ///
    /// As [`Dice::infer_backward_into`].
    pub fn encode_infer_backward(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        upstream: &Tensor,
        gradients: &DiceGradients,
    ) -> Result<()> {
        self.encode(encoder, (x, upstream), (None, None), gradients)
    }

    /// Tensors for the gradients of a pass over x, their contents unspecified.
    ///
    /// # Errors
    ///
    /// As [`Dice::infer`].
    pub fn allocate_gradients(&self, x: &Tensor) -> Result<DiceGradients> {
        let channels = self.function.view(x.shape())?.extent;
        Ok(DiceGradients {
            dx: x.gpu().allocate(x.shape(), x.element())?,
            alpha: x.gpu().allocate([channels], ElementType::F32)?,
        })
    }

    fn call(&self, (x, upstream): (&Tensor, &Tensor), from: From<'_>) -> Result<DiceGradients> {
        recorder::submit(x.gpu(), |recorder| {
            let dx = recorder.allocate(x.gpu(), x.shape(), x.element())?;
            let alpha = self.record_gradients(recorder, (x, upstream), from, &dx)?;
            Ok(DiceGradients { dx, alpha })
        })
    }

    fn call_into(
        &self,
        tensors: (&Tensor, &Tensor),
        from: From<'_>,
        gradients: &DiceGradients,
    ) -> Result<()> {
        recorder::submit(tensors.0.gpu(), |recorder| {
            self.record_into(recorder, tensors, from, gradients)
        })
    }

    fn encode(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        (x, upstream): (&Tensor, &Tensor),
        (batch, sums): From<'_>,
        gradients: &DiceGradients,
    ) -> Result<()> {
        let DiceGradients { dx, alpha } = gradients;
        let given = batch.map(|batch| &batch.words).into_iter().chain(sums);
        let used = [x, upstream, dx, alpha].into_iter().chain(given);
        calls::encode_over(encoder, used, |recorder| {
            self.record_into(recorder, (x, upstream), (batch, sums), gradients)
        })
    }

    fn record_into(
        &self,
        recorder: &mut Recorder<'_>,
        (x, upstream): (&Tensor, &Tensor),
        from: From<'_>,
        DiceGradients { dx, alpha }: &DiceGradients,
    ) -> Result<()> {
        let pass = Pass::Backward { x, upstream, dx };
        pass.expect_fit(&NAME, x.shape(), false)?;
        let (wanted, alpha) = (
            self.function.gradients(x.shape()),
            std::slice::from_ref(alpha),
        );
        calls::expect_parameters(&NAME, &wanted, alpha, x, &[x, upstream, dx])?;
        let found = self.record_gradients(recorder, (x, upstream), from, dx)?;
        calls::copy_parameters(recorder, vec![found], alpha)
    }

    /// Records dx, and gives alpha's gradient.
    fn record_gradients(
        &self,
        recorder: &mut Recorder<'_>,
        (x, upstream): (&Tensor, &Tensor),
        (batch, sums): From<'_>,
        dx: &Tensor,
    ) -> Result<Tensor> {
        expect_alike(&NAME, ("upstream", upstream), ("x", x))?;
        let launcher = Launcher::new(&self.function, recorder, x)?;
        let Some(batch) = batch else {
            return launcher.backward_of_running(recorder, (upstream, dx));
        };
        self.expect_of_batch(x, "the batch's moments", &batch.words)?;
        if let Some(sums) = sums {
            self.expect_of_batch(x, "the batch's sums", sums)?;
        }
        launcher.backward_of_batch(recorder, (upstream, dx), &batch.words, sums)
    }

    fn record_sums_into(
        &self,
        recorder: &mut Recorder<'_>,
        (x, upstream): (&Tensor, &Tensor),
        batch: &TensorMoments,
        sums: &Tensor,
    ) -> Result<()> {
        let channels = self.function.view(x.shape())?.extent;
        let wanted = [Gradient {
            name: "the sums",
            shape: vec![channels, moments::WORDS],
            per_channel: true,
        }];
        let sums = std::slice::from_ref(sums);
        calls::expect_parameters(&NAME, &wanted, sums, x, &[x, upstream])?;
        let found = self.record_sums(recorder, (x, upstream), batch)?;
        calls::copy_parameters(recorder, vec![found], sums)
    }

    fn record_sums(
        &self,
        recorder: &mut Recorder<'_>,
        (x, upstream): (&Tensor, &Tensor),
        batch: &TensorMoments,
    ) -> Result<Tensor> {
        expect_alike(&NAME, ("upstream", upstream), ("x", x))?;
        let launcher = Launcher::new(&self.function, recorder, x)?;
        self.expect_of_batch(x, "the batch's moments", &batch.words)?;
        let shape = [launcher.view.extent, moments::WORDS];
        if x.is_empty() {
            return x.gpu().filled(0.0, shape);
        }
        let sums = launcher.sums(recorder, upstream, &batch.words)?;
        sums.reshaped(shape)
    }
}
