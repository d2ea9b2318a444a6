//! What the moments of channels may be off by.

use super::{
    Report,
    bound::{self, Bound},
};
use crate::moments::Moments;

/// Bounds of the mean and of the biased variance of each channel: 1e-6 of the mean and of sigma, 1e-6 of the variance
/// and of mean times sigma.
pub(crate) fn bounds(expected: &Moments) -> [Vec<Bound>; 2] {
    let variance = expected.variance();
    let pairs = || expected.mean().iter().zip(&variance);
    let mean = pairs().map(|(&mean, variance)| Bound {
        expected: mean,
        // Too small a number may be flushed to 0.
        allowed: 1e-6 * (mean.abs() + variance.sqrt()) + f64::from(f32::MIN_POSITIVE),
    });
    let variance = pairs().map(|(mean, &variance)| Bound {
        expected: variance,
        // Too small a variance may be flushed to 0.
        allowed: 1e-6 * (variance + mean.abs() * variance.sqrt()) + f64::from(f32::MIN_POSITIVE),
    });
    [mean.collect(), variance.collect()]
}

/// Compares means and variances with those of the reference.
pub(crate) fn compare(found: &Moments, expected: &Moments) -> Report {
    let narrow = |values: &[f64]| values.iter().map(|&value| value as f32).collect::<Vec<_>>();
    let [mean, variance] = bounds(expected);
    let means = bound::compare(&narrow(found.mean()), &mean);
    means.merge(bound::compare(&narrow(&found.variance()), &variance))
}
