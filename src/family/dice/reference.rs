//! Dice in f64: x (p + (1 - p) alpha) with p the sigmoid of the normalised x (Zhou et al., Deep Interest
//! Network for Click-Through Rate Prediction, KDD 2018).

/// A channel: its statistics and its slope.
///
/// ```
/// use wgpu_activations::family::dice::reference::Channel;
///
/// let channel = Channel { mean: 2.0, variance: 1.0, alpha: 0.0, epsilon: 1e-8 };
/// assert!((channel.value(3.0) - 2.1931758).abs() < 1e-6); // 3 sigmoid(1)
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Channel {
    /// Its mean.
    pub mean: f64,
    /// Its biased variance.
    pub variance: f64,
    /// Its slope far below the mean.
    pub alpha: f64,
    /// Added to the variance.
    pub epsilon: f64,
}

/// What gradients owe to statistics that depend on x: means over the channel; 0 where they are given.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Through {
    /// Of k, the gradient with respect to z.
    pub k: f64,
    /// Of k z.
    pub kz: f64,
}

impl Channel {
    /// y.
    pub fn value(&self, x: f64) -> f64 {
        let share = sigmoid(self.z(x));
        x * (share + (1.0 - share) * self.alpha)
    }

    /// dx, the gradient with respect to x.
    pub fn backward(&self, x: f64, upstream: f64, means: Through) -> f64 {
        let z = self.z(x);
        let through = self.through(x, upstream).k - means.k - z * means.kz;
        let slope = self.alpha + (1.0 - self.alpha) * sigmoid(z);
        upstream * slope + self.inverse() * through
    }

    /// A term of alpha's gradient, which is the sum of them over the channel.
    pub fn alpha_term(&self, x: f64, upstream: f64) -> f64 {
        upstream * x * sigmoid(-self.z(x))
    }

    /// What an element adds to the sums whose means are [`Through`]: at the mean z is 0 and the sigmoid's slope 1/4.
    pub fn through(&self, x: f64, upstream: f64) -> Through {
        let z = self.z(x);
        let k = upstream * x * (1.0 - self.alpha) * sigmoid(z) * sigmoid(-z);
        Through { k, kz: k * z }
    }

    /// x less the mean, in standard deviations.
    pub fn z(&self, x: f64) -> f64 {
        (x - self.mean) * self.inverse()
    }

    /// Of the standard deviation.
    pub fn inverse(&self) -> f64 {
        1.0 / (self.variance + self.epsilon).sqrt()
    }
}

pub(super) fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}
