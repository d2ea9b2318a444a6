//! Gradients of the layer, over a whole batch or a part of it.

use super::{Dice, NAME, launch::Launcher, training::keep};
use crate::{
    error::Result,
    kernel::{
        expect_alike,
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
        recorder::submit(x.gpu(), |recorder| {
            self.record_gradients(recorder, (x, upstream), Some(batch), None)
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
        recorder::encode(x.gpu(), encoder, |recorder| {
            keep(recorder, &[x, upstream, &batch.words]);
            self.record_gradients(recorder, (x, upstream), Some(batch), None)
        })
    }

    /// The sums that the gradients of a batch need, over the part of it that `x` is: f32, [channels, 4], the last word
    /// of four unused. Those of all parts add up to those of the batch, whose moments `batch` are.
    ///
    /// # Errors
    ///
    /// As [`Dice::backward`].
    pub fn sums(&self, x: &Tensor, upstream: &Tensor, batch: &TensorMoments) -> Result<Tensor> {
        recorder::submit(x.gpu(), |recorder| {
            expect_alike(&NAME, ("upstream", upstream), ("x", x))?;
            let launcher = Launcher::new(&self.function, recorder, x)?;
            self.expect_of_batch(x, "the batch's moments", &batch.words)?;
            let shape = [launcher.view.extent, moments::WORDS];
            if x.is_empty() {
                return x.gpu().filled(0.0, shape);
            }
            let sums = launcher.sums(recorder, upstream, &batch.words)?;
            sums.reshaped(shape)
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
        recorder::submit(x.gpu(), |recorder| {
            self.record_gradients(recorder, (x, upstream), Some(batch), Some(sums))
        })
    }

    /// The gradients of a pass that [`Dice::infer`] made.
    ///
    /// # Errors
    ///
    /// As [`Dice::backward`].
    pub fn infer_backward(&self, x: &Tensor, upstream: &Tensor) -> Result<DiceGradients> {
        recorder::submit(x.gpu(), |recorder| {
            self.record_gradients(recorder, (x, upstream), None, None)
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
        recorder::encode(x.gpu(), encoder, |recorder| {
            keep(recorder, &[x, upstream]);
            self.record_gradients(recorder, (x, upstream), None, None)
        })
    }

    /// With the running statistics where there is no batch, else with the sums of x itself where there are none.
    fn record_gradients(
        &self,
        recorder: &mut Recorder<'_>,
        (x, upstream): (&Tensor, &Tensor),
        batch: Option<&TensorMoments>,
        sums: Option<&Tensor>,
    ) -> Result<DiceGradients> {
        expect_alike(&NAME, ("upstream", upstream), ("x", x))?;
        let launcher = Launcher::new(&self.function, recorder, x)?;
        let dx = recorder.allocate(x.gpu(), x.shape(), x.element())?;
        let alpha = match batch {
            None => launcher.backward_of_running(recorder, (upstream, &dx))?,
            Some(batch) => {
                self.expect_of_batch(x, "the batch's moments", &batch.words)?;
                if let Some(sums) = sums {
                    self.expect_of_batch(x, "the batch's sums", sums)?;
                }
                launcher.backward_of_batch(recorder, (upstream, &dx), &batch.words, sums)?
            }
        };
        Ok(DiceGradients { dx, alpha })
    }
}
