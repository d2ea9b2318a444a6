//! What results of Dice may differ from the reference by.

use super::reference::Channel;
use crate::{accuracy::bound::Bound, wgsl::Math};

/// The error of computing in f32, beside what x - mean loses.
pub(super) const fn share(math: Math) -> f64 {
    match math {
        Math::Accurate => 1e-6,
        Math::Native => 1e-5,
    }
}

/// By how much more a result is off than a sigmoid: x - mean loses |mean| / sigma of its precision.
pub(super) fn conditioning(channel: &Channel) -> f64 {
    1.0 + channel.conditioning()
}

/// y: absolute and relative, times the conditioning.
pub(super) fn forward(channel: &Channel, math: Math, x: f64) -> Bound {
    let expected = channel.value(x);
    Bound {
        expected,
        allowed: share(math) * conditioning(channel) * (1.0 + expected.abs()),
    }
}

/// dx. What it owes to the statistics is multiplied by 1 / sigma, which loses as many digits again; `steepest` is the
/// largest upstream gradient that enters it.
pub(super) fn backward(channel: &Channel, math: Math, expected: f64, steepest: f64) -> Bound {
    let allowed = conditioning(channel).powi(2) * (steepest + expected.abs());
    Bound {
        expected,
        allowed: share(math) * allowed,
    }
}

/// The mean of a batch: 1e-6 of what enters it.
pub(super) fn mean(mean: f64, variance: f64) -> Bound {
    Bound {
        expected: mean,
        allowed: 1e-6 * (mean.abs() + variance.sqrt()),
    }
}

/// The variance of a batch: 1e-6 of what enters it.
pub(super) fn variance(mean: f64, variance: f64) -> Bound {
    Bound {
        expected: variance,
        allowed: 1e-6 * (variance + mean.abs() * variance.sqrt()),
    }
}

/// A running statistic, moved by `momentum` towards one of the batch.
pub(super) fn moved(running: f64, momentum: f64, batch: Bound) -> Bound {
    let expected = (1.0 - momentum) * running + momentum * batch.expected;
    Bound {
        expected,
        allowed: momentum * batch.allowed + f64::from(f32::EPSILON) * expected.abs(),
    }
}
