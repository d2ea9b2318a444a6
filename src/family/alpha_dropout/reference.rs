//! Alpha dropout in f64.

use crate::activation::Activation;
use crate::random::{Random, Stream};

/// The stream of words that decide which elements are dropped; `STREAM` of the shader.
pub(super) const STREAM: Stream = Stream(1);

/// y = a x + b for a kept element and `dropped` for the others, such that input of mean 0 and
/// variance 1 keeps both.
///
/// ```
/// use wgpu_activations::family::alpha_dropout::reference::Transform;
///
/// let transform = Transform::new(0.5);
/// assert_eq!(transform.value(1.0, true), transform.a + transform.b);
/// assert_eq!(transform.value(f64::NAN, false), transform.dropped);
/// assert_eq!(transform.backward(2.0, true), 2.0 * transform.a);
/// assert_eq!(transform.backward(2.0, false), 0.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transform {
    /// ((1 - p) (1 + p alpha'^2))^(-1/2), alpha' being what SELU gives at -inf.
    pub a: f64,
    /// -a alpha' p.
    pub b: f64,
    /// a alpha' + b.
    pub dropped: f64,
}

impl Transform {
    /// For the probability `p` of an element to be dropped.
    pub fn new(p: f64) -> Self {
        let saturated = Activation::SELU.value(f64::NEG_INFINITY);
        let a = ((1.0 - p) * (1.0 + p * saturated * saturated))
            .sqrt()
            .recip();
        let b = -a * saturated * p;
        Self {
            a,
            b,
            dropped: a * saturated + b,
        }
    }

    /// y. What a dropped element held does not count, NaN included.
    pub fn value(&self, x: f64, kept: bool) -> f64 {
        if kept {
            self.a * x + self.b
        } else {
            self.dropped
        }
    }

    /// dx: 0 for a dropped element whatever `upstream` is.
    pub fn backward(&self, upstream: f64, kept: bool) -> f64 {
        if kept { self.a * upstream } else { 0.0 }
    }
}

/// Which elements are kept.
///
/// ```
/// use wgpu_activations::family::alpha_dropout::reference::Mask;
///
/// let mask = Mask::new(0.25, 7);
/// assert_eq!(mask.threshold(), 1 << 30); // a quarter of 2^32
/// let kept: Vec<bool> = mask.kept().take(8).collect();
/// assert_eq!(kept[5], mask.keeps(5));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mask {
    threshold: u32,
    random: Random,
}

impl Mask {
    /// Each element is dropped with probability `p`, independently of the others.
    pub fn new(p: f32, seed: u64) -> Self {
        Self {
            threshold: threshold(p),
            random: Random::new(seed, STREAM),
        }
    }

    /// An element is dropped where its random word is less than this.
    pub fn threshold(&self) -> u32 {
        self.threshold
    }

    /// Whether the element at this place is kept.
    pub fn keeps(&self, element: u64) -> bool {
        self.random.word(element) >= self.threshold
    }

    /// For each element, from the first on, whether it is kept.
    pub fn kept(self) -> impl Iterator<Item = bool> {
        self.random.words().map(move |word| word >= self.threshold)
    }
}

/// p 2^32 rounded up, so that the words below it are the words below p 2^32 and any p > 0 can drop
/// an element. p 2^32 is exact in f64, and below 2^32: the largest p under 1 gives 2^32 - 256.
fn threshold(p: f32) -> u32 {
    (f64::from(p) * 4_294_967_296.0).ceil() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_reaches_neither_none_nor_all() {
        for (p, expected) in [
            (0.0, 0),
            (-0.0, 0),
            (f32::from_bits(1), 1),
            (f32::powi(2.0, -32), 1),
            (f32::powi(2.0, -31), 2),
            (0.25, 1 << 30),
            (0.5, 1 << 31),
            (1.0 - f32::powi(2.0, -24), u32::MAX - 255),
        ] {
            assert_eq!(threshold(p), expected, "{p}");
        }
    }

    /// With x standard normal, y has mean E and variance V:
    /// E = (1 - p) b + p dropped, V = (1 - p) (a^2 + b^2) + p dropped^2 - E^2.
    #[test]
    fn mean_and_variance_are_kept() {
        for p in [0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.9, 0.999] {
            let Transform { a, b, dropped } = Transform::new(p);
            let mean = (1.0 - p) * b + p * dropped;
            let variance = (1.0 - p) * (a * a + b * b) + p * dropped * dropped - mean * mean;
            assert!(mean.abs() < 1e-12, "{p}: mean {mean}");
            assert!((variance - 1.0).abs() < 1e-12, "{p}: variance {variance}");
        }
    }
}
