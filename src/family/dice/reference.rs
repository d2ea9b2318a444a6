//! Dice, x (p + (1 - p) alpha) with p the sigmoid of the normalised x (Zhou et al., Deep Interest
//! Network for Click-Through Rate Prediction, KDD 2018).

use crate::error::Result;
use crate::moments::Moments;

/// Dice of a tensor seen as [outer, channels, inner], with what it knows of each channel.
///
/// ```
/// use wgpu_activations::family::dice::reference::Dice;
///
/// // Two channels along the last axis, of means 2 and 0.
/// let dice = Dice::of_batch(&[1.0, 0.0, 3.0, 0.0], vec![0.0, 0.25], 1e-8, 1)?;
/// assert_eq!(dice.channel(2), 0);
/// assert!((dice.value(2, 3.0) - 2.1931758).abs() < 1e-6); // 3 sigmoid(1)
/// // As many digits as 2 sigma, the mean's distance from 0, loses.
/// assert!((dice.conditioning(2) - 2.0).abs() < 1e-6);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Dice {
    /// Mean of each channel.
    pub mean: Vec<f64>,
    /// Biased variance of each channel.
    pub variance: Vec<f64>,
    /// Slope of each channel where it is switched off.
    pub alpha: Vec<f64>,
    /// Added to the variance.
    pub epsilon: f64,
    /// Elements from one channel to the next.
    pub inner: usize,
}

/// What Dice's backward pass gives.
///
/// ```
/// use wgpu_activations::family::dice::reference::{Dice, Gradients};
///
/// let dice = Dice::of_batch(&[-1.0, 1.0], vec![0.5], 1e-8, 1)?;
/// let Gradients { alpha, alpha_magnitude, .. } = dice.train_backward(&[-1.0, 1.0], &[1.0, 1.0]);
/// assert!((alpha[0] + 0.4621172).abs() < 1e-6); // sigmoid(-1) - sigmoid(1)
/// assert!((alpha_magnitude[0] - 1.0).abs() < 1e-6);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients {
    /// With respect to x.
    pub dx: Vec<f64>,
    /// With respect to alpha, for each channel.
    pub alpha: Vec<f64>,
    /// Sum of the magnitudes of alpha's terms, which its error is measured by.
    pub alpha_magnitude: Vec<f64>,
}

impl Dice {
    /// With the statistics of `x` itself, as in training.
    ///
    /// # Errors
    ///
    /// As [`Moments::of`].
    pub fn of_batch(x: &[f64], alpha: Vec<f64>, epsilon: f64, inner: usize) -> Result<Self> {
        let moments = Moments::of(x, alpha.len(), inner)?;
        Ok(Self {
            mean: moments.mean().to_vec(),
            variance: moments.variance(),
            alpha,
            epsilon,
            inner,
        })
    }

    /// The channel of element `index`.
    pub fn channel(&self, index: usize) -> usize {
        index / self.inner % self.alpha.len()
    }

    /// How many standard deviations the mean of element `index`'s channel lies from 0: x - mean
    /// loses as many digits.
    pub fn conditioning(&self, index: usize) -> f64 {
        let channel = self.channel(index);
        self.mean[channel].abs() / (self.variance[channel] + self.epsilon).sqrt()
    }

    /// y for element `index` of value `x`.
    pub fn value(&self, index: usize, x: f64) -> f64 {
        let share = sigmoid(self.z(index, x));
        x * (share + (1.0 - share) * self.alpha[self.channel(index)])
    }

    /// Gradients where the statistics are given, as in inference.
    ///
    /// ```
    /// use wgpu_activations::family::dice::reference::Dice;
    ///
    /// let dice =
    ///     Dice { mean: vec![0.0], variance: vec![1.0], alpha: vec![0.5], epsilon: 0.0, inner: 1 };
    /// assert_eq!(dice.infer_backward(&[0.0], &[1.0]).dx, [0.75]);
    /// ```
    pub fn infer_backward(&self, x: &[f64], upstream: &[f64]) -> Gradients {
        let zeros = vec![0.0; self.alpha.len()];
        self.gradients(x, upstream, &zeros, &zeros)
    }

    /// Gradients where the statistics are those of x, as in training.
    ///
    /// ```
    /// use wgpu_activations::family::dice::reference::Dice;
    ///
    /// // With alpha 1 a channel is the identity.
    /// let x = [1.0, 3.0];
    /// let dice = Dice::of_batch(&x, vec![1.0], 1e-8, 1)?;
    /// assert_eq!(dice.train_backward(&x, &[0.5, 2.0]).dx, [0.5, 2.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    pub fn train_backward(&self, x: &[f64], upstream: &[f64]) -> Gradients {
        let channels = self.alpha.len();
        let count = (x.len() / channels.max(1)) as f64;
        let (mut mean_k, mut mean_kz) = (vec![0.0; channels], vec![0.0; channels]);
        for (index, (&x, &g)) in x.iter().zip(upstream).enumerate() {
            let k = self.through_z(index, x, g);
            mean_k[self.channel(index)] += k / count;
            mean_kz[self.channel(index)] += k * self.z(index, x) / count;
        }
        self.gradients(x, upstream, &mean_k, &mean_kz)
    }

    fn gradients(&self, x: &[f64], upstream: &[f64], mean_k: &[f64], mean_kz: &[f64]) -> Gradients {
        let channels = self.alpha.len();
        let mut gradients = Gradients {
            dx: Vec::with_capacity(x.len()),
            alpha: vec![0.0; channels],
            alpha_magnitude: vec![0.0; channels],
        };
        for (index, (&x, &g)) in x.iter().zip(upstream).enumerate() {
            let c = self.channel(index);
            let (dx, term) = self.backward(index, x, g, (mean_k[c], mean_kz[c]));
            gradients.dx.push(dx);
            gradients.alpha[c] += term;
            gradients.alpha_magnitude[c] += term.abs();
        }
        gradients
    }

    /// For element `index` of value `x`, dx and its term of alpha's gradient; the means over its
    /// channel of what goes through z, and of that times z, are 0 where the statistics are given.
    ///
    /// ```
    /// use wgpu_activations::family::dice::reference::Dice;
    ///
    /// let x = [1.0, 3.0];
    /// let dice = Dice::of_batch(&x, vec![0.25], 1e-8, 1)?;
    /// let (mut k, mut kz) = (0.0, 0.0);
    /// for (index, x) in x.into_iter().enumerate() {
    ///     let through = dice.through_statistics(index, x, 1.0);
    ///     (k, kz) = (k + through.0 / 2.0, kz + through.1 / 2.0);
    /// }
    /// let (dx, _) = dice.backward(0, x[0], 1.0, (k, kz));
    /// assert_eq!(dx, dice.train_backward(&x, &[1.0, 1.0]).dx[0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    pub fn backward(&self, index: usize, x: f64, upstream: f64, means: (f64, f64)) -> (f64, f64) {
        let (mean_k, mean_kz) = means;
        let channel = self.channel(index);
        let alpha = self.alpha[channel];
        let z = self.z(index, x);
        let through = self.through_z(index, x, upstream) - mean_k - z * mean_kz;
        let dx = upstream * (alpha + (1.0 - alpha) * sigmoid(z)) + self.inverse(channel) * through;
        (dx, upstream * x * sigmoid(-z))
    }

    /// What goes through the statistics for element `index`: k, the gradient with respect to z, and
    /// k z.
    ///
    /// ```
    /// use wgpu_activations::family::dice::reference::Dice;
    ///
    /// let dice =
    ///     Dice { mean: vec![1.0], variance: vec![1.0], alpha: vec![0.0], epsilon: 0.0, inner: 1 };
    /// // At the mean z is 0 and the sigmoid's slope 1/4.
    /// assert_eq!(dice.through_statistics(0, 1.0, 1.0), (0.25, 0.0));
    /// ```
    pub fn through_statistics(&self, index: usize, x: f64, upstream: f64) -> (f64, f64) {
        let k = self.through_z(index, x, upstream);
        (k, k * self.z(index, x))
    }

    /// The gradient with respect to z.
    fn through_z(&self, index: usize, x: f64, upstream: f64) -> f64 {
        let z = self.z(index, x);
        let alpha = self.alpha[self.channel(index)];
        upstream * x * (1.0 - alpha) * sigmoid(z) * sigmoid(-z)
    }

    fn z(&self, index: usize, x: f64) -> f64 {
        let channel = self.channel(index);
        (x - self.mean[channel]) * self.inverse(channel)
    }

    fn inverse(&self, channel: usize) -> f64 {
        1.0 / (self.variance[channel] + self.epsilon).sqrt()
    }
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}
