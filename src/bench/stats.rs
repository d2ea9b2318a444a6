//! Medians, percentiles and how sure they are.

use super::record::{Baseline, Measurement, Summary};
use crate::accuracy::inputs::words;

/// Draws of the bootstrap.
const DRAWS: usize = 2000;

/// The value below which `share` of `values` lies, between two neighbours by their distances; NaN of none.
///
/// ```
/// use wgpu_activations::bench::stats::percentile;
///
/// assert_eq!(percentile(&[4.0, 0.0, 2.0], 0.5), 2.0);
/// assert_eq!(percentile(&[4.0, 0.0, 2.0], 0.25), 1.0);
/// assert_eq!(percentile(&[5.0], 0.1), 5.0);
/// ```
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = share.clamp(0.0, 1.0) * last as f64;
    let (low, high) = (sorted[place as usize], sorted[place.ceil() as usize]);
    low + (high - low) * place.fract()
}

/// The middle of `values`; NaN of none.
///
/// ```
/// use wgpu_activations::bench::stats::median;
///
/// assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
/// assert_eq!(median(&[1.0, 2.0]), 1.5);
/// assert!(median(&[]).is_nan());
/// ```
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

/// Sample by sample, how many times as long as its baseline an execution took, round by round.
///
/// ```
/// use wgpu_activations::bench::stats::ratios;
///
/// // Two rounds, of two samples and of one.
/// let measured = [vec![3.0, 4.0], vec![5.0]];
/// let baseline = [vec![2.0, 2.0], vec![2.0]];
/// assert_eq!(ratios(&measured, &baseline), [vec![1.5, 2.0], vec![2.5]]);
/// ```
pub fn ratios(measured: &[Vec<f64>], baseline: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let pairs = measured.iter().zip(baseline);
    pairs
        .map(|(measured, baseline)| measured.iter().zip(baseline).map(|(a, b)| a / b).collect())
        .collect()
}

/// What follows from the samples of a row whose bytes that count are `moved_bytes`.
///
/// ```
/// use wgpu_activations::bench::{record::Baseline, stats::summary};
///
/// let baseline = Baseline {
///     name: "copy".to_owned(),
///     moved_bytes: 4000,
///     rounds_ns: vec![vec![20.0, 20.0]],
/// };
/// let summary = summary(4000, &[vec![40.0, 40.0]], Some(&baseline));
/// assert_eq!((summary.median_ns, summary.gb_per_s), (40.0, 100.0));
/// assert_eq!(summary.fraction, Some(0.5));
/// ```
pub fn summary(moved_bytes: u64, rounds_ns: &[Vec<f64>], baseline: Option<&Baseline>) -> Summary {
    let all = rounds_ns.concat();
    let median_ns = median(&all);
    Summary {
        median_ns,
        p10_ns: percentile(&all, 0.1),
        p90_ns: percentile(&all, 0.9),
        gb_per_s: moved_bytes as f64 / median_ns,
        fraction: baseline.map(|baseline| {
            let ratio = median(&ratios(rounds_ns, &baseline.rounds_ns).concat());
            moved_bytes as f64 / baseline.moved_bytes as f64 / ratio
        }),
    }
}

/// A number with the interval in which it lies with 99 % confidence.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The median of the samples in `after` over that of `before`, with a bootstrap interval: rounds are
/// drawn first, then samples within each, since what disturbs a machine lasts longer than a sample and
/// each round lays out memory anew. A percentile interval of few rounds is too narrow: it is widened, in
/// the logarithm, as Student's interval of as many rounds would be.
///
/// ```
/// use wgpu_activations::bench::stats::ratio_of_medians;
///
/// let before = vec![vec![10.0, 10.1, 10.2]; 5];
/// let after = vec![vec![20.0, 20.2, 20.4]; 5];
/// let ratio = ratio_of_medians(&before, &after);
/// assert_eq!(ratio.value, 2.0);
/// assert!(ratio.low > 1.0); // slower, beyond noise
/// ```
pub fn ratio_of_medians(before: &[Vec<f64>], after: &[Vec<f64>]) -> Estimate {
    let mut words = words(0x5eed);
    let mut drawn: Vec<_> = (0..DRAWS)
        .map(|_| resampled_median(after, &mut words) / resampled_median(before, &mut words))
        .collect();
    drawn.sort_by(f64::total_cmp);
    let value = median(&after.concat()) / median(&before.concat());
    let wider = |end: f64| value * (end / value).powf(widening(before.len().min(after.len())));
    Estimate {
        value,
        low: wider(percentile(&drawn, 0.005)),
        high: wider(percentile(&drawn, 0.995)),
    }
}

/// How much wider an interval from `rounds` rounds on both sides must be than their spread says: the
/// spread itself is low by sqrt(1 - 1/n), and its own error makes Student's quantile of the normal one,
/// here by its expansion in the degrees of freedom.
fn widening(rounds: usize) -> f64 {
    const Z: f64 = 2.5758;
    if rounds < 2 {
        return 1.0;
    }
    let n = rounds as f64;
    let freedom = 2.0 * (n - 1.0);
    let student = Z
        + (Z.powi(3) + Z) / (4.0 * freedom)
        + (5.0 * Z.powi(5) + 16.0 * Z.powi(3) + 3.0 * Z) / (96.0 * freedom.powi(2));
    (n / (n - 1.0)).sqrt() * student / Z
}

fn resampled_median(rounds: &[Vec<f64>], words: &mut impl Iterator<Item = u32>) -> f64 {
    let mut below =
        |count: usize| ((u64::from(words.next().unwrap_or(0)) * count as u64) >> 32) as usize;
    let mut samples = Vec::new();
    for _ in 0..rounds.len() {
        let round = &rounds[below(rounds.len())];
        samples.extend((0..round.len()).map(|_| round[below(round.len())]));
    }
    median(&samples)
}

impl Measurement {
    /// The ratio of each execution's time to its baseline's, round by round, where there is one.
    pub fn ratios(&self) -> Option<Vec<Vec<f64>>> {
        let baseline = self.baseline.as_ref()?;
        Some(ratios(&self.rounds_ns, &baseline.rounds_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::widening;

    #[test]
    fn few_rounds_make_wide_intervals() {
        // Student's 99.5 % quantile with 8 degrees of freedom is 3.355.
        let expected = (5.0f64 / 4.0).sqrt() * 3.355 / 2.5758;
        assert!((widening(5) - expected).abs() < 0.02 * expected);
        assert!((widening(10_000) - 1.0).abs() < 1e-3);
        assert_eq!(widening(1), 1.0);
    }
}
