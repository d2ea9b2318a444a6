//! Count, mean and M2 per channel, by a parallel reduction.

use super::{
    recorder::{self, Recorder},
    reduce::Reduce,
};
use crate::{
    element::ElementType,
    error::Result,
    gpu::Gpu,
    moments::Moments,
    tensor::{Tensor, View},
    wgsl::{Reduction, Shader},
};

/// How an M2 beyond f32's range is held.
pub(crate) const M2: &str = include_str!("../../shaders/reduction/m2.wgsl");

/// f32 words of the moments of a channel.
pub(crate) const WORDS: usize = 4;

/// Count, mean, M2 and what is to be added to the mean.
pub(super) fn reduction() -> Reduction {
    let text = include_str!("../../shaders/reduction/moments.wgsl");
    Reduction::new(Shader::own(&[M2, text]), WORDS)
}

/// The [`Moments`] of a tensor's channels, on the device.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// use wgpu_activations::{Dice, Gpu};
///
/// # let gpu = Gpu::new()?;
/// let x = gpu.upload(&[1.0f32, 10.0, 3.0, 10.0], [2, 2])?;
/// // Dice gives those of its batch; its backward pass takes them.
/// let (y, batch) = Dice::new(&gpu, 2)?.train(&x)?;
/// assert_eq!(batch.count(), 2);
/// assert_eq!(batch.download()?.unbiased_variance(), [2.0, 0.0]);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug)]
pub struct TensorMoments {
    count: u64,
    /// [channels] of count, mean, M2 and what is to be added to the mean.
    pub(crate) words: Tensor,
}

impl Tensor {
    /// Count, mean and M2 of each channel along `axis`, over all other axes, computed in f32 and
    /// kept on the device. A channel of equal elements has that mean exactly, and variance 0; one
    /// that holds NaN or an infinity has moments of NaN.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// use wgpu_activations::Gpu;
    ///
    /// let gpu = Gpu::new()?;
    /// let x = gpu.upload(&[1.0f32, 10.0, 3.0, 10.0], [2, 2])?;
    /// let moments = x.moments(-1)?.download()?;
    /// assert_eq!(moments.mean(), [2.0, 10.0]);
    /// assert_eq!(moments.variance(), [1.0, 0.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`](crate::Error::AxisOutOfRange),
    /// [`Error::TooLarge`](crate::Error::TooLarge) if the partial results, 16 bytes per channel and
    /// thread, exceed the device's largest binding, and what the device reports.
    pub fn moments(&self, axis: i64) -> Result<TensorMoments> {
        let view = self.view(axis)?;
        recorder::submit(self.gpu(), |recorder| {
            record_moments(recorder, "moments", self, view)
        })
    }

    /// Records [`Tensor::moments`] into the caller's encoder. Submits nothing and waits for nothing; the
    /// result holds once the caller's commands have run.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::Gpu;
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[1.0f32, 10.0, 3.0, 10.0], [2, 2])?;
    /// let mut encoder = gpu.device().create_command_encoder(&Default::default());
    /// let moments = x.encode_moments(&mut encoder, -1)?;
    /// gpu.queue().submit([encoder.finish()]);
    /// assert_eq!(moments.download()?.mean(), [2.0, 10.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Tensor::moments`].
    pub fn encode_moments(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        axis: i64,
    ) -> Result<TensorMoments> {
        let view = self.view(axis)?;
        let moments = recorder::encode(self.gpu(), encoder, |recorder| {
            record_moments(recorder, "moments", self, view)
        })?;
        self.expose();
        moments.words.expose();
        Ok(moments)
    }
}

/// The moments of the channels of `x` seen as `view`, for the operation `op`.
pub(crate) fn record_moments(
    recorder: &mut Recorder<'_>,
    op: &'static str,
    x: &Tensor,
    view: View,
) -> Result<TensorMoments> {
    let words = if x.is_empty() {
        x.gpu().filled(0.0, [view.extent, WORDS])?
    } else {
        let reduce = Reduce {
            op,
            reduction: reduction(),
            view,
            x,
            upstream: None,
            parameters: &[],
            dx: None,
        };
        reduce.record(recorder)?
    };
    debug_assert_eq!(words.element(), ElementType::F32);
    Ok(TensorMoments {
        count: (x.len() / view.extent.max(1)) as u64,
        words,
    })
}

impl TensorMoments {
    /// Copies `moments` to the device, in f32, each mean as a sum of two: those of a batch that several devices or machines
    /// share, merged on the host.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// use wgpu_activations::{Gpu, Moments, TensorMoments};
    ///
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[1.0f32, 10.0, 3.0, 10.0], [2, 2])?;
    /// # let elsewhere = Moments::of(&[5.0, 10.0], 2, 1)?;
    /// let here = x.moments(-1)?.download()?;
    /// let batch = TensorMoments::upload(&gpu, &here.merge(&elsewhere)?)?;
    /// assert_eq!(batch.count(), 3);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Gpu::allocate`].
    pub fn upload(gpu: &Gpu, moments: &Moments) -> Result<Self> {
        let count = moments.count();
        let channels = moments.mean().iter().zip(moments.m2());
        let words = channels.flat_map(|(&mean, &m2)| {
            let [mean, rest] = in_two(mean);
            [count as f32, mean as f32, m2_word(m2), rest as f32]
        });
        let words: Vec<f32> = words.collect();
        Ok(Self {
            count,
            words: gpu.upload(&words, [words.len()])?,
        })
    }

    /// [channels] of count, mean, M2 and what is to be added to the mean.
    pub(crate) fn into_words(self) -> Tensor {
        self.words
    }

    /// Elements in each channel.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Copies them to the host.
    ///
    /// # Errors
    ///
    /// What the device reports.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn download(&self) -> Result<Moments> {
        self.of_words(&self.words.download()?)
    }

    /// [`TensorMoments::download`] for asynchronous callers.
    ///
    /// # Errors
    ///
    /// As [`TensorMoments::download`].
    pub async fn download_async(&self) -> Result<Moments> {
        self.of_words(&self.words.download_async().await?)
    }

    /// As `Tensor::fetch`.
    #[cfg(feature = "bench")]
    pub(crate) async fn fetch(&self) -> Result<Moments> {
        self.of_words(&self.words.fetch().await?)
    }

    fn of_words(&self, words: &[f32]) -> Result<Moments> {
        let column = |index: usize| -> Vec<f64> {
            let words = words.iter().skip(index).step_by(WORDS);
            words.map(|&word| f64::from(word)).collect()
        };
        let means = column(1).into_iter().zip(column(3));
        let means = means.map(|(mean, rest)| mean + rest).collect();
        let m2 = column(2).into_iter().map(m2_of_word).collect();
        Moments::new(self.count, means, m2)
    }
}

/// A square that may leave f32's range is held as -2^-160 of itself: see `shaders/reduction/m2.wgsl`.
const SMALL: f64 = 1.0 / (1u128 << 80) as f64 / (1u128 << 80) as f64;

/// M2 as a device holds it.
pub(crate) fn m2_word(m2: f64) -> f32 {
    let large = m2 > (1u128 << 100) as f64;
    (if large { -m2 * SMALL } else { m2 }) as f32
}

/// M2 that a device holds so.
pub(crate) fn m2_of_word(word: f64) -> f64 {
    if word < 0.0 { -word / SMALL } else { word }
}

/// A number as what f32 holds of it and the rest.
pub(crate) fn in_two(number: f64) -> [f64; 2] {
    let held = f64::from(number as f32);
    let rest = number - held;
    [held, if rest.is_finite() { rest } else { 0.0 }]
}
