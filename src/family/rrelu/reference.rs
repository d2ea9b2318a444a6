//! Randomised leaky ReLU in f64.

use crate::random::{Random, Stream};

/// The stream of words that slopes come from; `STREAM` of the shader.
pub(super) const STREAM: Stream = Stream(3);

/// The slopes below 0 of a tensor's elements.
///
/// ```
/// use wgpu_activations::family::rrelu::reference::Slopes;
///
/// let slopes = Slopes { lower: 0.125, upper: 0.375, seed: Some(7) };
/// assert!((0.125..0.375).contains(&slopes.of(12)));
/// assert_eq!(Slopes { seed: None, ..slopes }.of(12), 0.25);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slopes {
    /// The lowest.
    pub lower: f64,
    /// The highest.
    pub upper: f64,
    /// What each element's follows from, with its place; without one all are the mean, as in inference.
    pub seed: Option<u64>,
}

impl Slopes {
    /// That of an element, by its place in C order.
    pub fn of(&self, element: u64) -> f64 {
        match self.seed {
            None => (self.lower + self.upper) / 2.0,
            Some(seed) => {
                let word = Random::new(seed, STREAM).word(element);
                self.lower + (self.upper - self.lower) * f64::from(word >> 8) / 16_777_216.0
            }
        }
    }

    /// `factor` where x is above 0, else what the slope makes of it: of x itself y, of an upstream gradient dx.
    pub fn value(&self, element: u64, x: f64, factor: f64) -> f64 {
        if x.is_nan() || factor.is_nan() {
            return f64::NAN;
        }
        match self.of(element) {
            _ if x > 0.0 => factor,
            slope if slope == 0.0 => slope * factor.clamp(f64::MIN, f64::MAX),
            slope => slope * factor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uniform: the mean and the variance of a million are within four of their standard errors.
    #[test]
    fn slopes_fill_their_range() {
        let slopes = Slopes {
            lower: 0.0,
            upper: 1.0,
            seed: Some(1),
        };
        let count = 1_000_000;
        let all: Vec<_> = (0..count).map(|element| slopes.of(element)).collect();
        let mean = all.iter().sum::<f64>() / count as f64;
        let variance = all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count as f64;
        assert!((mean - 0.5).abs() < 4.0 * 0.288_7e-3, "{mean}");
        assert!(
            (variance - 1.0 / 12.0).abs() < 4.0 * 0.074_6e-3,
            "{variance}"
        );
        assert!(all.iter().all(|slope| (0.0..1.0).contains(slope)));
    }
}
