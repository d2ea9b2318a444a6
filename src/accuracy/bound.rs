//! What an element should be, and by how much it may be off.

use super::{Report, Sample, ulp, ulp_error};
use crate::element::{Element, ElementType};

/// What an element should be, and by how much it may be off.
///
/// ```
/// use wgpu_activations::accuracy::bound::Bound;
///
/// let bound = Bound { expected: 1.0, allowed: 1e-6 };
/// // For element 0 of input 0.5, the upstream gradient being 1.
/// let sample = bound.sample(0, 0.5, 1.0, 1.0f32.next_up());
/// assert_eq!(sample.ulp, 1.0);
/// assert!(sample.severity < 1.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// By the reference.
    pub expected: f64,
    /// Difference allowed. NaN and infinities must be met whatever it is.
    pub allowed: f64,
}

impl Bound {
    /// The same for a result that was rounded to an element type.
    #[must_use]
    pub fn stored(self, element: ElementType) -> Self {
        // What may be off by much is rounded as the larger number that it may be.
        let largest = self.expected.abs() + self.allowed;
        let rounding = storage(self.expected, element).max(0.5 * storage(largest, element));
        Self {
            allowed: self.allowed + rounding,
            ..self
        }
    }

    /// No demand at all: what is not defined.
    pub const ANYTHING: Self = Self {
        expected: f64::NAN,
        allowed: f64::INFINITY,
    };

    /// How far `found`, the result for input `x`, is from what it should be.
    pub fn sample<T: Element>(self, index: usize, x: f32, upstream: f32, found: T) -> Sample {
        let sample = self.number(index, found);
        Sample {
            x: Some(x),
            upstream,
            ..sample
        }
    }

    /// The same of a number that is no result of one input.
    fn number<T: Element>(self, index: usize, found: T) -> Sample {
        let Self { expected, allowed } = self;
        let ulps = ulp_error(found, expected);
        let severity = if allowed == f64::INFINITY {
            0.0
        } else if ulps.is_infinite() && found.to_f32().is_finite() && expected.is_finite() {
            // What is expected lies beyond the format, and may be off by as much: by a gradient that was flushed.
            (f64::from(found.to_f32()) - expected).abs() / allowed
        } else if ulps == 0.0 || !ulps.is_finite() {
            ulps
        } else {
            // Beyond the format's range they are those of its largest numbers.
            let largest = match T::TYPE {
                ElementType::F16 => 65504.0,
                ElementType::F32 | ElementType::Bf16 => f64::from(f32::MAX),
            };
            ulps * ulp(expected.clamp(-largest, largest), T::TYPE) / allowed
        };
        Sample {
            index,
            x: None,
            upstream: 1.0,
            found: f64::from(found.to_f32()),
            expected,
            ulp: ulps,
            severity,
        }
    }
}

/// What rounding to a 16-bit type may add to an error; nothing in f32.
pub(crate) fn storage(expected: f64, element: ElementType) -> f64 {
    match element {
        ElementType::F32 => 0.0,
        ElementType::F16 | ElementType::Bf16 => ulp(expected, element),
    }
}

/// Numbers that are no result of one input: statistics, gradients of parameters. The report's
/// samples carry no input.
///
/// ```
/// use wgpu_activations::accuracy::bound::{Bound, compare};
///
/// let bounds = [Bound { expected: 1.0, allowed: 1e-6 }; 3];
/// assert!(compare(&[1.0, 1.0, 1.0], &bounds).passed());
/// assert!(!compare(&[1.0, 1.0], &bounds).passed()); // one is missing
/// let wrong = compare(&[1.0, 1.5, 1.0], &bounds);
/// assert_eq!(
///     wrong.to_string(),
///     "1 of 3 elements outside the tolerance; worst: number 1 gave 1.5e0, expected 1e0 (4e6 ULP)"
/// );
/// ```
pub fn compare(found: &[f32], bounds: &[Bound]) -> Report {
    // Too short an answer is a wrong one, and so is one too long.
    let wrong = found.len().abs_diff(bounds.len()) as u64;
    let mut report = Report {
        compared: wrong,
        failed: wrong,
        ..Report::default()
    };
    for (index, (found, bound)) in found.iter().zip(bounds).enumerate() {
        report.add(bound.number(index, *found));
    }
    report
}
