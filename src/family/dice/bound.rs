//! What Dice should have given, and how far from it a result may be.

#[cfg(feature = "check")]
use crate::accuracy::bound::compare;
use crate::accuracy::{
    Report,
    bound::{Bound, storage},
};
#[cfg(feature = "check")]
use crate::moments::Moments;
use crate::{
    element::Element,
    error::{Error, Result},
    family::dice::reference::{Dice, Gradients},
    wgsl::Math,
};

/// A pass of Dice.
///
/// ```
/// use wgpu_activations::{Math, family::dice::bound::Expectation, family::dice::reference::Dice};
///
/// let x = [1.0f32, 3.0];
/// let reference = Dice::of_batch(&[1.0, 3.0], vec![0.0], 1e-8, 1)?;
/// let expectation = Expectation {
///     reference: &reference,
///     math: Math::Accurate,
///     x: &x,
///     backward: None,
/// };
/// assert!(expectation.check(&[0.2689414, 2.1931758], 0..2)?.passed());
/// assert!(!expectation.check(&[0.2689414, 2.1932758], 0..2)?.passed());
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Expectation<'a, T> {
    /// What it knows of its channels.
    pub reference: &'a Dice,
    /// Where the elementary functions come from.
    pub math: Math,
    /// Inputs.
    pub x: &'a [T],
    /// Gradients by the reference, and the upstream ones, for a backward pass.
    pub backward: Option<(&'a Gradients, &'a [T])>,
}

impl<T: Element> Expectation<'_, T> {
    /// Compares the elements of `found`, y or dx, at `indices`.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if there are not as many as inputs.
    pub fn check(&self, found: &[T], indices: impl IntoIterator<Item = usize>) -> Result<Report> {
        let upstream = self.backward.map(|(_, upstream)| upstream);
        for len in [found.len(), upstream.map_or(self.x.len(), <[T]>::len)] {
            if len != self.x.len() {
                return Err(Error::LengthMismatch {
                    shape: vec![self.x.len()],
                    expected: self.x.len(),
                    found: len,
                });
            }
        }
        let steepest = upstream
            .iter()
            .flat_map(|upstream| upstream.iter())
            .map(|g| f64::from(g.to_f32()).abs())
            .fold(0.0, f64::max);
        let mut report = Report::default();
        for index in indices {
            let g = upstream.map_or(1.0, |upstream| upstream[index].to_f32());
            let bound = self.bound(index, steepest);
            report.add(bound.sample(index, self.x[index].to_f32(), g, found[index]));
        }
        Ok(report)
    }

    /// Gradients of alpha: 1e-6 of the sum of the terms' magnitudes, times the conditioning.
    ///
    /// ```
    /// use wgpu_activations::{Math, accuracy::bound::compare, family::dice::bound::Expectation};
    /// use wgpu_activations::family::dice::reference::Dice;
    ///
    /// let reference = Dice::of_batch(&[1.0, 3.0], vec![0.0], 1e-8, 1)?;
    /// let gradients = reference.train_backward(&[1.0, 3.0], &[1.0, 1.0]);
    /// let expectation = Expectation {
    ///     reference: &reference,
    ///     math: Math::Accurate,
    ///     x: &[1.0f32, 3.0],
    ///     backward: Some((&gradients, &[1.0, 1.0])),
    /// };
    /// // Of the one channel: 1 sigmoid(1) + 3 sigmoid(-1).
    /// assert!(compare(&[1.5378828], &expectation.alpha()).passed());
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    pub fn alpha(&self) -> Vec<Bound> {
        let Some((gradients, _)) = self.backward else {
            return Vec::new();
        };
        let sums = gradients.alpha.iter().zip(&gradients.alpha_magnitude);
        sums.enumerate()
            .map(|(channel, (&expected, magnitude))| Bound {
                expected,
                allowed: self.share()
                    * self.conditioning(channel * self.reference.inner)
                    * magnitude
                    + f64::from(f32::MIN_POSITIVE),
            })
            .collect()
    }

    /// Forward 1e-6 absolute and relative, times the conditioning. What a gradient owes to the
    /// statistics is multiplied by 1 / sigma, which loses as many digits again.
    fn bound(&self, index: usize, steepest: f64) -> Bound {
        let conditioning = self.conditioning(index);
        let (expected, allowed) = match self.backward {
            None => {
                let x = f64::from(self.x[index].to_f32());
                return forward_bound::<T>(self.reference, self.math, index, x);
            }
            Some((gradients, _)) => {
                let expected = gradients.dx[index];
                (expected, conditioning.powi(2) * (steepest + expected.abs()))
            }
        };
        Bound {
            expected,
            allowed: self.share() * allowed + storage(expected, T::TYPE),
        }
    }

    const fn share(&self) -> f64 {
        share(self.math)
    }

    fn conditioning(&self, index: usize) -> f64 {
        1.0 + self.reference.conditioning(index)
    }
}

/// What element `index` of value x should become.
pub(crate) fn forward_bound<T: Element>(
    reference: &Dice,
    math: Math,
    index: usize,
    x: f64,
) -> Bound {
    let expected = reference.value(index, x);
    let conditioning = 1.0 + reference.conditioning(index);
    Bound {
        expected,
        allowed: share(math) * conditioning * (1.0 + expected.abs()) + storage(expected, T::TYPE),
    }
}

const fn share(math: Math) -> f64 {
    match math {
        Math::Accurate => 1e-6,
        Math::Native => 1e-5,
    }
}

/// Mean and variance of a batch: 1e-6 of what enters them.
///
/// ```
/// use wgpu_activations::{accuracy::bound::compare, family::dice::bound::statistics};
/// use wgpu_activations::family::dice::reference::Dice;
///
/// let (mean, variance) = statistics(&Dice::of_batch(&[1.0, 3.0], vec![0.0], 1e-8, 1)?);
/// assert!(compare(&[2.0], &mean).passed());
/// assert!(compare(&[1.0], &variance).passed());
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
pub fn statistics(reference: &Dice) -> (Vec<Bound>, Vec<Bound>) {
    let pairs = || reference.mean.iter().zip(&reference.variance);
    let mean = pairs().map(|(&mean, variance)| Bound {
        expected: mean,
        allowed: 1e-6 * (mean.abs() + variance.sqrt()),
    });
    let variance = pairs().map(|(mean, &variance)| Bound {
        expected: variance,
        allowed: 1e-6 * (variance + mean.abs() * variance.sqrt()),
    });
    (mean.collect(), variance.collect())
}

/// Compares the moments of a batch with what its reference knows of it.
#[cfg(feature = "check")]
pub(crate) fn check_moments(found: &Moments, reference: &Dice) -> Report {
    let (mean, variance) = statistics(reference);
    let narrow = |x: &[f64]| x.iter().map(|&x| x as f32).collect::<Vec<_>>();
    compare(&narrow(found.mean()), &mean).merge(compare(&narrow(&found.variance()), &variance))
}
