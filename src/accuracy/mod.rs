//! How far a result is from the reference, and how far it may be.

pub mod bound;
pub mod inputs;
#[cfg(feature = "bench")]
pub(crate) mod moments;

use std::fmt;

use bound::Bound;

use crate::{
    activation::{Activation, MOST_PARAMETERS},
    element::{Element, ElementType},
    error::{Error, Result},
    wgsl::Math,
};

/// What a result may differ by.
///
/// ```
/// use wgpu_activations::{Activation, ElementType, Math, accuracy::Tolerance};
///
/// let forward = Tolerance::forward(Activation::GELU, ElementType::F16, Math::Accurate);
/// assert_eq!(forward, Tolerance::Ulp(1.0));
/// // GELU's slope crosses zero, where no relative bound can hold.
/// let backward = Tolerance::backward(Activation::GELU, ElementType::F32, Math::Accurate);
/// assert_eq!(backward, Tolerance::Terms(2.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tolerance {
    /// This many units in the last place of the expected value in the result's type.
    Ulp(f64),
    /// Of dx: this many times 2^-23 of the magnitudes of the slope's two terms, f(x) / x and what f'(x) is beside it,
    /// the rounding of the slope's product with the upstream gradient, and in f16 and bf16 that to the type. Where the
    /// slope is 0 the two terms cancel.
    Terms(f64),
    /// An absolute part, per unit of the upstream gradient in a backward pass, a part relative to
    /// the expected value, and in f16 and bf16 the rounding to that type.
    Mixed {
        /// Absolute part.
        absolute: f64,
        /// Relative part.
        relative: f64,
    },
}

impl Tolerance {
    /// What is asked of y = f(x): 2.5 ULP in f32 or what the definition says, 1 ULP in f16 and bf16; of native math 1e-5
    /// absolute and 1e-4 relative.
    pub fn forward(activation: Activation, element: ElementType, math: Math) -> Self {
        match (math, element) {
            (Math::Accurate, ElementType::F32) => Self::Ulp(activation.definition().ulp),
            (Math::Accurate, _) => Self::Ulp(1.0),
            (Math::Native, _) => Self::NATIVE,
        }
    }

    /// What is asked of dx = f'(x) upstream: where f' has no zero crossing 3 ULP in f32, as forward in f16 and bf16;
    /// else 2^-22 of its terms' magnitudes. Of a user's own function, 1e-6 absolute per unit of upstream and 1e-5
    /// relative.
    pub fn backward(activation: Activation, element: ElementType, math: Math) -> Self {
        let properties = activation.definition().properties;
        match (math, properties.map(|it| it.turning_point)) {
            (Math::Accurate, None) => Self::Mixed {
                absolute: 1e-6,
                relative: 1e-5,
            },
            (Math::Accurate, Some(Some(_))) => Self::Terms(2.0),
            (Math::Accurate, Some(None)) if element == ElementType::F32 => Self::Ulp(3.0),
            (Math::Accurate, Some(None)) => Self::forward(activation, element, math),
            (Math::Native, _) => Self::NATIVE,
        }
    }

    const NATIVE: Self = Self::Mixed {
        absolute: 1e-5,
        relative: 1e-4,
    };

    /// The difference allowed at one element, whose size is that of its terms.
    pub(crate) fn allowed(
        self,
        (expected, size): (f64, f64),
        upstream: f64,
        element: ElementType,
    ) -> f64 {
        // Terms that leave f32's range, while their sum does not, may give anything.
        let largest = f64::from(f32::MAX);
        if size.abs() > largest && expected.abs() <= largest {
            return f64::INFINITY;
        }
        // Of several terms two may be flushed.
        let flushed = if size.abs() == expected.abs() {
            0.0
        } else {
            2.0 * f64::from(f32::MIN_POSITIVE)
        };
        match self {
            Self::Ulp(count) => count * ulp(size, element) + flushed,
            Self::Terms(count) => {
                // Below the normal numbers units no longer shrink.
                let size = size.abs().max(f64::from(f32::MIN_POSITIVE));
                let product = 0.5 * ulp(expected, ElementType::F32);
                let storage = bound::storage(expected, element);
                count * f64::from(f32::EPSILON) * size + product + storage + flushed
            }
            Self::Mixed { absolute, relative } => {
                let storage = bound::storage(expected, element);
                absolute * upstream.abs() + relative * size.abs() + storage
            }
        }
    }
}

/// The distance between two neighbours in `element`'s format at the magnitude of `value`.
///
/// ```
/// use wgpu_activations::{ElementType, accuracy::ulp};
///
/// assert_eq!(ulp(1.5, ElementType::F32), f64::from(f32::EPSILON));
/// assert_eq!(ulp(1.5, ElementType::Bf16), 1.0 / 128.0);
/// assert_eq!(ulp(4.0, ElementType::Bf16), 4.0 / 128.0);
/// ```
pub fn ulp(value: f64, element: ElementType) -> f64 {
    let (digits, least) = match element {
        ElementType::F32 => (23, -149),
        ElementType::F16 => (10, -24),
        ElementType::Bf16 => (7, -133),
    };
    let exponent = ((value.to_bits() >> 52) & 0x7ff) as i32 - 1023;
    f64::powi(2.0, (exponent - digits).max(least))
}

/// The error of `found` in units in the last place of `expected`: 0 if both are NaN or the same
/// infinity, infinite if only one is.
///
/// An expected value that rounds to infinity is infinity. Below 1.18e-38 an f32 or bf16 result may
/// be flushed to zero, as the hardware of some adapters does.
///
/// ```
/// use wgpu_activations::accuracy::ulp_error;
///
/// assert_eq!(ulp_error(1.0f32.next_up(), 1.0), 1.0);
/// assert_eq!(ulp_error(f32::INFINITY, 1e39), 0.0); // more than f32 holds
/// assert_eq!(ulp_error(f32::NAN, 1.0), f64::INFINITY);
/// ```
pub fn ulp_error<T: Element>(found: T, expected: f64) -> f64 {
    let found = f64::from(found.to_f32());
    let rounded = f64::from(T::from_f64(expected).to_f32());
    if found.is_nan() && expected.is_nan() || found == rounded && rounded.is_infinite() {
        0.0
    } else if found.is_nan() || expected.is_nan() {
        f64::INFINITY
    } else if found.is_infinite() || rounded.is_infinite() {
        overflow_error::<T>(found, expected)
    } else if found != rounded && flushed::<T>(found, expected) {
        0.0
    } else {
        (found - expected).abs() / ulp(expected, T::TYPE)
    }
}

/// At the edge of the format one of the two may round to infinity and the other not: then infinity
/// counts as the number that would follow the largest.
fn overflow_error<T: Element>(found: f64, expected: f64) -> f64 {
    let edge = match T::TYPE {
        ElementType::F32 | ElementType::Bf16 => f64::powi(2.0, 128),
        ElementType::F16 => 65536.0,
    };
    let is_near = expected.abs() >= edge / 2.0;
    if expected.is_infinite() || found.signum() != expected.signum() || !is_near {
        return f64::INFINITY;
    }
    let found = found.abs().min(edge);
    (found - expected.abs()).abs() / ulp(edge / 2.0, T::TYPE)
}

fn flushed<T: Element>(found: f64, expected: f64) -> bool {
    // A result on the edge may round to below it before it is flushed.
    let edge = f64::from(f32::MIN_POSITIVE) * (1.0 + 4.0 * f64::from(f32::EPSILON));
    T::TYPE != ElementType::F16 && found == 0.0 && expected.abs() < edge
}

/// One compared element.
///
/// ```
/// use wgpu_activations::accuracy::bound::Bound;
///
/// // Element 3, x = 1, should be 2 and came out as 2.5.
/// let sample = Bound { expected: 2.0, allowed: 0.25 }.sample(3, 1.0, 1.0, 2.5f32);
/// assert_eq!(sample.severity, 2.0);
/// assert_eq!(
///     sample.to_string(),
///     "element 3: x = 1e0 (bits 0x3f800000) gave 2.5e0, expected 2e0 (2e6 ULP)"
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Sample {
    /// Place in the tensor, or among numbers that are no result of one input.
    pub index: usize,
    /// Input, where it is the result of one.
    pub x: Option<f32>,
    /// Upstream gradient of a backward pass, 1 in a forward pass.
    pub upstream: f32,
    /// The result, exactly.
    pub found: f64,
    /// What the reference says.
    pub expected: f64,
    /// Distance in units in the last place.
    pub ulp: f64,
    /// Distance as a fraction of what the tolerance allows: beyond 1 is a failure.
    pub severity: f64,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            index, expected, ..
        } = self;
        match self.x {
            Some(x) => write!(f, "element {index}: x = {x:e} (bits {:#010x})", x.to_bits())?,
            None => write!(f, "number {index}")?,
        }
        if self.upstream != 1.0 {
            write!(f, ", upstream = {:e}", self.upstream)?;
        }
        write!(f, " gave {:e}, expected {expected:e} (", self.found)?;
        // Large ones as powers of ten.
        if self.ulp < 1e5 {
            write!(f, "{:.2} ULP)", self.ulp)
        } else {
            write!(f, "{:.0e} ULP)", self.ulp)
        }
    }
}

/// A comparison of results with the reference.
///
/// ```
/// use wgpu_activations::accuracy::bound::{Bound, compare};
///
/// let bounds = [Bound { expected: 1.0, allowed: 0.25 }; 2];
/// let report = compare(&[1.0, 1.125], &bounds);
/// assert!(report.passed());
/// let report = report.merge(compare(&[1.0, 1.5], &bounds));
/// assert!(!report.passed());
/// assert_eq!((report.compared, report.failed), (4, 1));
/// assert_eq!(report.worst.map(|worst| worst.found), Some(1.5));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// Elements compared.
    pub compared: u64,
    /// Elements outside the tolerance.
    pub failed: u64,
    /// The element furthest from the reference as the tolerance measures it.
    pub worst: Option<Sample>,
    /// What that is of where it is not of the result, such as `gradient of alpha`.
    pub of: Option<String>,
}

impl Report {
    /// Whether every element was within the tolerance. Where nothing was compared, nothing passed.
    pub fn passed(&self) -> bool {
        self.failed == 0 && self.compared > 0
    }

    /// Takes in one more element.
    #[doc(hidden)]
    pub fn add(&mut self, sample: Sample) {
        self.compared += 1;
        self.failed += u64::from(sample.severity > 1.0);
        if self
            .worst
            .is_none_or(|worst| sample.severity > worst.severity)
        {
            self.worst = Some(sample);
        }
    }

    /// Both reports as one.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let worse = |a: &Sample, b: &Sample| a.severity.total_cmp(&b.severity).is_lt();
        let (worst, of) = match (self.worst, other.worst) {
            (Some(a), Some(b)) if worse(&a, &b) => (Some(b), other.of),
            (None, Some(b)) => (Some(b), other.of),
            (a, _) => (a, self.of),
        };
        Self {
            compared: self.compared + other.compared,
            failed: self.failed + other.failed,
            worst,
            of,
        }
    }

    /// The worst in words, with what it is of.
    #[doc(hidden)]
    pub fn told(&self) -> Option<String> {
        let worst = self.worst?;
        let of = self.of.iter().map(|of| format!("{of}: "));
        Some(of.chain([worst.to_string()]).collect())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (failed, compared) = (self.failed, self.compared);
        write!(f, "{failed} of {compared} elements outside the tolerance")?;
        match self.told() {
            Some(worst) => write!(f, "; worst: {worst}"),
            None => Ok(()),
        }
    }
}

/// What a pass over a tensor should have given.
///
/// ```
/// use wgpu_activations::{Activation, ElementType, Math, accuracy::{Expectation, Tolerance}};
///
/// let x = [-1.0f32, 0.0, 1.0];
/// let expectation = Expectation {
///     activation: Activation::RELU,
///     channels: None,
///     x: &x,
///     upstream: None,
///     tolerance: Tolerance::forward(Activation::RELU, ElementType::F32, Math::Accurate),
/// };
/// assert_eq!(expectation.expected(2), 1.0);
/// assert!(expectation.check(&[0.0, 0.0, 1.0])?.passed());
/// assert!(!expectation.check(&[0.0, 0.0, 1.1])?.passed());
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Expectation<'a, T> {
    /// The activation.
    pub activation: Activation,
    /// The first parameter, one per channel, and the number of elements from one channel to the next.
    pub channels: Option<(&'a [f32], usize)>,
    /// Inputs.
    pub x: &'a [T],
    /// Upstream gradients, for a backward pass.
    pub upstream: Option<&'a [T]>,
    /// What is allowed.
    pub tolerance: Tolerance,
}

impl<T: Element> Expectation<'_, T> {
    /// The reference's result for element `index`.
    pub fn expected(&self, index: usize) -> f64 {
        let x = f64::from(self.x[index].to_f32());
        self.at(index, x, self.upstream(index))
    }

    /// Compares every element of `found`.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if there are not as many as inputs.
    pub fn check(&self, found: &[T]) -> Result<Report> {
        self.check_at(found, 0..self.x.len())
    }

    /// Compares the elements at `indices`.
    ///
    /// # Errors
    ///
    /// As [`Expectation::check`].
    pub fn check_at(
        &self,
        found: &[T],
        indices: impl IntoIterator<Item = usize>,
    ) -> Result<Report> {
        for len in [found.len(), self.upstream.map_or(self.x.len(), <[T]>::len)] {
            if len != self.x.len() {
                return Err(Error::LengthMismatch {
                    shape: vec![self.x.len()],
                    expected: self.x.len(),
                    found: len,
                });
            }
        }
        let mut report = Report::default();
        for index in indices {
            // What an infinite gradient does to a slope that underflows is not defined.
            if self.upstream(index).is_infinite() {
                continue;
            }
            report.add(self.sample(index, found[index], self.expected(index)));
        }
        Ok(report)
    }

    /// Compares one element with what the reference says of it.
    pub(crate) fn sample(&self, index: usize, found: T, expected: f64) -> Sample {
        let x = self.x[index].to_f32();
        let upstream = self.upstream(index);
        let measure = |x: f64, expected: f64| {
            let size = self.size(index, x, expected, upstream);
            let allowed = self.tolerance.allowed((expected, size), upstream, T::TYPE);
            let bound = Bound {
                expected,
                // That of an infinite result is no leave to give another.
                allowed: allowed.min(f64::MAX),
            };
            bound.sample(index, x as f32, upstream as f32, found)
        };
        let mut best = measure(f64::from(x), expected);
        // An adapter may flush subnormal inputs.
        if best.severity > 0.0 && (x.is_subnormal() || (upstream as f32).is_subnormal()) {
            let flush = |value: f64| {
                if (value as f32).is_subnormal() {
                    0.0 * value.signum()
                } else {
                    value
                }
            };
            let x = flush(f64::from(x));
            for upstream in [upstream, flush(upstream)] {
                let other = measure(x, self.at(index, x, upstream));
                if other.severity < best.severity {
                    best = other;
                }
            }
        }
        best
    }

    /// The parameters of an element.
    fn numbers(&self, index: usize) -> [f64; MOST_PARAMETERS] {
        let mut numbers = self.activation.numbers();
        if let Some((parameters, inner)) = self.channels {
            numbers[0] = parameters[index / inner % parameters.len()].into();
        }
        numbers
    }

    fn size(&self, index: usize, x: f64, expected: f64, upstream: f64) -> f64 {
        let pass = usize::from(self.upstream.is_some());
        let definition = self.activation.definition();
        definition.size(pass, x, self.numbers(index), (expected, upstream))
    }

    fn at(&self, index: usize, x: f64, upstream: f64) -> f64 {
        let definition = self.activation.definition();
        let numbers = self.numbers(index);
        if self.upstream.is_some() {
            upstream * (definition.slope)(x, numbers)
        } else {
            (definition.value)(x, numbers)
        }
    }

    fn upstream(&self, index: usize) -> f64 {
        self.upstream
            .map_or(1.0, |upstream| f64::from(upstream[index].to_f32()))
    }
}
