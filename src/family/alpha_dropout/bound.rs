//! What alpha dropout should have given, and how far from it a result may be.

use crate::accuracy::{
    Report,
    bound::{Bound, storage},
    ulp,
};
use crate::{
    element::{Element, ElementType},
    error::{Error, Result},
    family::alpha_dropout::reference::{Mask, Transform},
};

/// A pass of alpha dropout over `input`: x, or the upstream gradient.
///
/// ```
/// use wgpu_activations::family::alpha_dropout::bound::Expectation;
/// use wgpu_activations::family::alpha_dropout::reference::{Mask, Transform};
///
/// let expectation = Expectation {
///     transform: Transform::new(0.5),
///     mask: Mask::new(0.5, 1),
///     backward: true,
///     input: &[1.0f32; 8],
/// };
/// let dx: Vec<f32> = (0..8).map(|index| expectation.expected(index, 1.0) as f32).collect();
/// assert!(expectation.check(&dx, 0..8)?.passed());
/// assert!(!expectation.check(&[0.5; 8], 0..8)?.passed());
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Expectation<'a, T> {
    /// What becomes of an element.
    pub transform: Transform,
    /// Which elements are kept.
    pub mask: Mask,
    /// Whether dx is expected, not y.
    pub backward: bool,
    /// Inputs.
    pub input: &'a [T],
}

impl<T: Element> Expectation<'_, T> {
    /// Compares the elements of `found` at `indices`: 2 ULP of f32 of the result, and of b for where
    /// a x and b cancel; in a 16-bit type its rounding comes on top.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if there are not as many as inputs.
    pub fn check(&self, found: &[T], indices: impl IntoIterator<Item = usize>) -> Result<Report> {
        if found.len() != self.input.len() {
            return Err(Error::LengthMismatch {
                shape: vec![self.input.len()],
                expected: self.input.len(),
                found: found.len(),
            });
        }
        let mut report = Report::default();
        for index in indices {
            let input = self.input[index].to_f32();
            let sample = |input: f32| {
                self.bound(index, input)
                    .sample(index, input, 1.0, found[index])
            };
            let mut best = sample(input);
            // An adapter may flush subnormal inputs.
            if best.severity > 0.0 && input.is_subnormal() {
                let flushed = sample(0.0 * input);
                best = if flushed.severity < best.severity {
                    flushed
                } else {
                    best
                };
            }
            report.add(best);
        }
        Ok(report)
    }

    /// What the reference says of element `index` of value `input`.
    pub fn expected(&self, index: usize, input: f64) -> f64 {
        let kept = self.mask.keeps(index as u64);
        if self.backward {
            self.transform.backward(input, kept)
        } else {
            self.transform.value(input, kept)
        }
    }

    fn bound(&self, index: usize, input: f32) -> Bound {
        let expected = self.expected(index, f64::from(input));
        let shift = if self.backward {
            0.0
        } else {
            ulp(self.transform.b, ElementType::F32)
        };
        Bound {
            expected,
            allowed: 2.0 * (ulp(expected, ElementType::F32) + shift) + storage(expected, T::TYPE),
        }
    }
}
