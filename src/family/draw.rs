//! Random choices, from which cases are made that nobody thought of.

use super::{Array, Value};
use crate::{
    accuracy::inputs::words,
    element::{Element, ElementType},
};

/// A sequence of random choices, the same for the same seed.
///
/// ```
/// use wgpu_activations::family::Draw;
///
/// let (mut a, mut b) = (Draw::new(7), Draw::new(7));
/// assert_eq!(a.shape(6, 1000), b.shape(6, 1000));
/// assert!((1.0..10.0).contains(&a.magnitude(0.0, 1.0)));
/// ```
pub struct Draw(Box<dyn Iterator<Item = u32> + Send>);

/// Parameters by name, as they were drawn.
pub type Drawn = Vec<(&'static str, Value)>;

impl Draw {
    /// The choices of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Box::new(words(seed)))
    }

    /// From 0 to below 1.
    pub fn unit(&mut self) -> f64 {
        f64::from(self.0.next().unwrap_or(0)) / f64::powi(2.0, 32)
    }

    /// A whole number below `end`, which is at least 1.
    pub fn below(&mut self, end: usize) -> usize {
        (self.unit() * end as f64) as usize
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of some.
    pub fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    /// A positive number whose decimal logarithm lies evenly between two.
    pub fn magnitude(&mut self, least: f64, most: f64) -> f64 {
        10f64.powf(least + (most - least) * self.unit())
    }

    /// About evenly spread around 0, with a standard deviation of 1.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    /// A shape of at most so many axes and about so many elements at most, often with axes of length 1, at times
    /// with one of 0.
    pub fn shape(&mut self, rank: usize, most: usize) -> Vec<usize> {
        let rank = self.below(rank + 1);
        let mut left = self.magnitude(0.0, (most as f64).log10());
        let mut shape: Vec<_> = (0..rank).map(|_| self.extent(&mut left)).collect();
        if rank > 0 && self.once_in(2) {
            // Long axes come last as often as first.
            shape.reverse();
        }
        shape
    }

    fn extent(&mut self, left: &mut f64) -> usize {
        match self.below(32) {
            0 => 0,
            1..6 => 1,
            _ => {
                let extent = self.magnitude(0.0, left.log10()).round();
                *left = (*left / extent).max(1.0);
                extent as usize
            }
        }
    }

    /// An axis of `shape`, from either end.
    pub fn axis(&mut self, shape: &[usize]) -> i64 {
        let rank = shape.len();
        self.below(2 * rank.max(1)) as i64 - rank as i64
    }

    /// A number of `number` for all channels along `axis`, or an array of one for each; an axis that is not there has
    /// one channel.
    pub fn per_channel(
        &mut self,
        shape: &[usize],
        axis: i64,
        mut number: impl FnMut(&mut Self) -> f32,
    ) -> Value {
        if self.once_in(2) {
            return Value::Text(number(self).to_string());
        }
        let place = axis.rem_euclid(shape.len().max(1) as i64) as usize;
        let channels = shape.get(place).copied().unwrap_or(1);
        let numbers: Vec<_> = (0..channels).map(|_| number(self)).collect();
        Value::Array(Array::from(numbers))
    }

    /// Numbers of a kind that is drawn, too: around a mean however far from it, of all sizes, all the same, or small
    /// fractions that tie; with some special values among them where `special`. All are numbers of `T`.
    pub fn numbers<T: Element>(&mut self, len: usize, special: bool) -> Vec<T> {
        // Powers of ten that the type holds.
        let (least, most) = match T::TYPE {
            ElementType::F16 => (-6.0, 4.0),
            _ => (-30.0, 30.0),
        };
        let scale = match self.below(3) {
            0 => self.magnitude(least, most),
            _ => self.magnitude(-2.0, 2.0),
        };
        let far = match self.below(2) {
            0 => scale * self.magnitude(0.0, 6.0),
            _ => 0.0,
        };
        let mut numbers: Vec<f64> = match self.below(8) {
            0 => vec![far + scale; len],
            1 => (0..len).map(|_| self.below(9) as f64 / 4.0 - 1.0).collect(),
            2 => (0..len)
                .map(|_| self.one_of(&[-1.0, 1.0]) * self.magnitude(least, most))
                .collect(),
            _ => (0..len).map(|_| far + scale * self.normal()).collect(),
        };
        if special && len > 0 && self.once_in(4) {
            for _ in 0..self.below(4) {
                let place = self.below(len);
                numbers[place] = self.one_of(&SPECIAL);
            }
        }
        numbers.into_iter().map(T::from_f64).collect()
    }
}

/// What is strewn among numbers: zeros, NaN, infinities, and the ends of f32 and f16.
const SPECIAL: [f64; 10] = [
    0.0,
    -0.0,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f32::MAX as f64,
    f32::MIN as f64,
    f32::MIN_POSITIVE as f64,
    -1e-45,
    65504.0,
];
