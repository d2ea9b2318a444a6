//! What results of Dice may differ from the reference by.

use super::reference::{Channel, Through, sigmoid};
use crate::{accuracy::bound::Bound, wgsl::Math};

/// What parameters' gradients may be off by: a share of their terms.
pub(super) const fn share(math: Math) -> f64 {
    match math {
        Math::Accurate => 1e-6,
        Math::Native => 1e-5,
    }
}

/// The unit of errors: half of f32's last digit, or of what builtin functions keep.
pub(super) const fn unit(math: Math) -> f64 {
    match math {
        Math::Accurate => f32::EPSILON as f64 / 2.0,
        Math::Native => 2e-6,
    }
}

/// y: 8 units of x times its share, and what 16 of z do to the sigmoid. How far the mean lies from 0 does not count.
pub(super) fn forward(channel: &Channel, math: Math, x: f64) -> Bound {
    let z = channel.z(x);
    let (p, not_p) = (sigmoid(z), sigmoid(-z));
    let share = p + not_p * channel.alpha.abs();
    let through_z = (1.0 - channel.alpha).abs() * p * not_p * (1.0 + z.abs());
    let allowed = unit(math) * x.abs() * (8.0 * share + 16.0 * through_z) + FLUSHED;
    Bound {
        expected: channel.value(x),
        allowed: if keeps_inverse(channel) {
            allowed
        } else {
            f64::INFINITY
        },
    }
}

/// What a term of alpha's gradient may be off by beside its rounding: 4 units of z, by what they do to the sigmoid.
pub(super) fn alpha_term(channel: &Channel, math: Math, x: f64, g: f64) -> f64 {
    if !keeps_inverse(channel) {
        return f64::INFINITY;
    }
    let z = channel.z(x);
    let off = (g * x).abs() * 4.0 * unit(math) * z.abs() * sigmoid(z) * sigmoid(-z);
    // A subnormal x may be flushed, and so may the term.
    let flushed = FLUSHED * (1.0 + g.abs());
    if off.is_nan() { 0.0 } else { off + flushed }
}

/// Whether 1 over the standard deviation is a normal f32: one below that may be flushed, and then nothing is asked.
fn keeps_inverse(channel: &Channel) -> bool {
    let inverse = channel.inverse();
    !(inverse > 0.0 && inverse < FLUSHED)
}

/// What may be flushed to 0.
const FLUSHED: f64 = f32::MIN_POSITIVE as f64;

/// dx: the same for what upstream gives directly; of what goes through the statistics, whose sums have terms of all
/// elements, 16 units of the largest term, in standard deviations. `steepest` is the largest upstream gradient. Nothing
/// is asked where a thousand such terms leave f32's range.
pub(super) fn backward(
    channel: &Channel,
    math: Math,
    (x, g): (f64, f64),
    means: Through,
    steepest: f64,
) -> Bound {
    let z = channel.z(x).abs();
    let direct = g.abs() * (1.0 + channel.alpha.abs());
    let typical = channel.mean.abs() + channel.variance.sqrt();
    let terms = steepest * (1.0 - channel.alpha).abs() * (x.abs() + typical);
    let through = channel.inverse() * terms * (1.0 + z) / 4.0;
    let overflows = 1e3 * terms > f64::from(f32::MAX);
    let allowed = 16.0 * unit(math) * (direct + through) + FLUSHED;
    Bound {
        expected: channel.backward(x, g, means),
        allowed: if keeps_inverse(channel) && !overflows {
            allowed
        } else {
            f64::INFINITY
        },
    }
}

/// What is as it was.
pub(super) const fn exact(expected: f64) -> Bound {
    Bound {
        expected,
        allowed: 0.0,
    }
}

/// The mean of a batch: 1e-6 of what enters it, which may be flushed to 0.
pub(super) fn mean(mean: f64, variance: f64) -> Bound {
    Bound {
        expected: mean,
        allowed: 1e-6 * (mean.abs() + variance.sqrt()) + FLUSHED,
    }
}

/// The variance of a batch: 1e-6 of it. What f32 cannot hold may be flushed to 0.
pub(super) fn variance(variance: f64) -> Bound {
    Bound {
        expected: variance,
        allowed: 1e-6 * variance + FLUSHED,
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
