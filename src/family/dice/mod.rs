//! Dice: a sigmoid gate on what is normalised over the batch, with a learned slope per channel.

mod bound;
mod channels;
mod cpu;
mod entry;
mod gradients;
mod launch;
mod operation;
pub mod reference;
mod shader;
mod training;

pub use channels::PerChannel;
pub(super) use entry::OfDice;
pub use gradients::DiceGradients;
pub use training::Dice;

use crate::{
    element::count,
    error::{Error, Result},
    family::Array,
    tensor::{View, axis_of},
    wgsl::Math,
};

const NAME: &str = "dice";

/// Dice (Zhou et al., Deep Interest Network for Click-Through Rate Prediction, KDD 2018) as an operation: per channel
/// y = x (p + (1 - p) alpha), p = sigmoid((x - mean) / sqrt(variance + epsilon)).
///
/// Mean and variance are those of the batch, as in training, or given ones, as in inference. Nothing is changed by
/// applying it: [`Dice`] is the layer that moves running statistics on the device.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// use wgpu_activations::{Chain, Gpu, family::dice::Function};
///
/// let gpu = Gpu::new()?;
/// let x = gpu.upload(&[1.0f32, 3.0], [2, 1])?;
/// let train = Chain::new(Function::new().alpha(1.0)); // with 1 a channel is the identity
/// assert_eq!(train.forward(&x)?.download::<f32>()?, [1.0, 3.0]);
/// let infer = Chain::new(Function::new().running(1.0, vec![4.0]).infer());
/// assert_eq!(infer.forward(&x)?.download::<f32>()?[0], 0.5); // half of it at the mean
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    alpha: PerChannel,
    epsilon: f32,
    momentum: f32,
    biased: bool,
    /// The running statistics.
    mean: PerChannel,
    variance: PerChannel,
    statistics: Statistics,
    axis: i64,
    math: Math,
}

/// Where mean and variance come from.
#[derive(Debug, Clone, PartialEq)]
enum Statistics {
    /// The tensor itself.
    Batch,
    /// The running ones.
    Running,
    /// A batch of which the tensor is a part: moments of its channels and, once they are known, the sums that
    /// gradients need, four words for each channel.
    Whole { moments: Array, sums: Option<Array> },
}

impl Default for Function {
    fn default() -> Self {
        Self::new()
    }
}

impl Function {
    /// With the statistics of the batch, along the last axis: alpha 0, epsilon 1e-8, momentum 0.1, running mean 0 and
    /// variance 1, the running variance unbiased.
    pub const fn new() -> Self {
        Self {
            alpha: PerChannel::All(0.0),
            epsilon: 1e-8,
            momentum: 0.1,
            biased: false,
            mean: PerChannel::All(0.0),
            variance: PerChannel::All(1.0),
            statistics: Statistics::Batch,
            axis: -1,
            math: Math::Accurate,
        }
    }

    /// The slope far below the mean, for all channels or for each.
    #[must_use]
    pub fn alpha(mut self, alpha: impl Into<PerChannel>) -> Self {
        self.alpha = alpha.into();
        self
    }

    /// What is added to the variance.
    ///
    /// # Errors
    ///
    /// [`Error::ParameterOutOfRange`] unless it is a finite number > 0.
    pub fn epsilon(self, epsilon: f32) -> Result<Self> {
        let fits = epsilon.is_finite() && epsilon >= f32::MIN_POSITIVE;
        let rule = "a finite number > 0 (at least 1.18e-38)";
        expect_range(fits, "epsilon", epsilon, rule)?;
        Ok(Self { epsilon, ..self })
    }

    /// The share of the batch in the running statistics.
    ///
    /// # Errors
    ///
    /// [`Error::ParameterOutOfRange`] unless it is from 0 to 1.
    pub fn momentum(self, momentum: f32) -> Result<Self> {
        let fits = (0.0..=1.0).contains(&momentum);
        expect_range(fits, "momentum", momentum, "a number from 0 to 1")?;
        Ok(Self { momentum, ..self })
    }

    /// The batch's own variance in the running one, in place of the unbiased estimate.
    #[must_use]
    pub fn biased(mut self) -> Self {
        self.biased = true;
        self
    }

    /// The running mean and variance.
    #[must_use]
    pub fn running(mut self, mean: impl Into<PerChannel>, variance: impl Into<PerChannel>) -> Self {
        (self.mean, self.variance) = (mean.into(), variance.into());
        self
    }

    /// The running statistics in place of the batch's.
    #[must_use]
    pub fn infer(mut self) -> Self {
        self.statistics = Statistics::Running;
        self
    }

    /// The channels along `axis`, which counts from the end where negative.
    #[must_use]
    pub fn axis(self, axis: i64) -> Self {
        Self { axis, ..self }
    }

    /// Elementary functions from `math`.
    #[must_use]
    pub fn math(self, math: Math) -> Self {
        Self { math, ..self }
    }

    /// What [`Function::alpha`] sets.
    ///
    /// ```
    /// use wgpu_activations::{Math, family::dice::{Function, PerChannel}};
    ///
    /// let dice = Function::new().alpha(0.25).epsilon(1e-9)?.momentum(0.01)?.axis(1);
    /// assert_eq!(dice.get_alpha(), &PerChannel::All(0.25));
    /// assert_eq!((dice.get_epsilon(), dice.get_momentum(), dice.get_axis()), (1e-9, 0.01, 1));
    /// assert_eq!(dice.get_running(), (&PerChannel::All(0.0), &PerChannel::All(1.0)));
    /// assert!(!dice.is_biased() && !dice.infers() && dice.infer().infers());
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    pub const fn get_alpha(&self) -> &PerChannel {
        &self.alpha
    }

    /// What [`Function::epsilon`] sets.
    pub const fn get_epsilon(&self) -> f32 {
        self.epsilon
    }

    /// What [`Function::momentum`] sets.
    pub const fn get_momentum(&self) -> f32 {
        self.momentum
    }

    /// Whether [`Function::biased`] was called.
    pub const fn is_biased(&self) -> bool {
        self.biased
    }

    /// What [`Function::running`] sets: mean and variance.
    pub const fn get_running(&self) -> (&PerChannel, &PerChannel) {
        (&self.mean, &self.variance)
    }

    /// Whether it takes the running statistics: [`Function::infer`].
    pub const fn infers(&self) -> bool {
        matches!(self.statistics, Statistics::Running)
    }

    /// What [`Function::axis`] sets.
    pub const fn get_axis(&self) -> i64 {
        self.axis
    }

    /// What [`Function::math`] sets.
    pub const fn get_math(&self) -> Math {
        self.math
    }

    /// A tensor of this shape, seen along the channels.
    fn view(&self, shape: &[usize]) -> Result<View> {
        let axis = axis_of(shape, self.axis)?;
        self.alpha.expect_fits("alpha", shape, axis)?;
        self.mean.expect_fits("mean", shape, axis)?;
        self.variance.expect_fits("variance", shape, axis)?;
        Ok(View::along(shape, axis))
    }

    /// That a tensor of this shape has a variance.
    fn expect_batch(&self, shape: &[usize]) -> Result<()> {
        let axis = axis_of(shape, self.axis)?;
        let one_each = shape[axis] > 0 && count(shape) == Some(shape[axis]);
        if one_each {
            return Err(Error::BatchTooSmall {
                op: NAME.to_owned(),
                axis,
                shape: shape.to_vec(),
            });
        }
        Ok(())
    }
}

fn expect_range(fits: bool, parameter: &'static str, value: f32, rule: &'static str) -> Result<()> {
    if fits {
        return Ok(());
    }
    Err(Error::ParameterOutOfRange {
        op: NAME.to_owned(),
        parameter,
        value,
        rule,
    })
}
