//! What an activation does over all x, found from its f64 reference.

use super::{Activation, Cost, Smoothness};

/// Slopes below this pass little of a gradient on; as f32 would have it, so that a slope of 0.01 does not
/// count.
const FLAT: f64 = 0.01 * (1.0 - 1e-6);

/// Places per octave that are looked at, from 2^-20 to 2^20 on either side of 0.
const PER_OCTAVE: i32 = 64;

/// A jump of a slope, or of its own slope, that is one.
const JUMP: f64 = 1e-3;

/// The properties of an activation with the parameter that it has: computed, where
/// [`Properties`](super::Properties) states them for the default.
///
/// ```
/// use wgpu_activations::Activation;
///
/// let course = Activation::ELU.with(2.0)?.course();
/// assert_eq!(course.range, (-2.0, f64::INFINITY));
/// assert!(!course.zero_centred && course.turning_points.is_empty());
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// Infimum and supremum of its values.
    pub range: (f64, f64),
    /// Where its slope changes sign, from left to right; it is monotonic if there are none.
    pub turning_points: Vec<f64>,
    /// Whether f(-x) = -f(x).
    pub zero_centred: bool,
    /// Whether its value or its slope jumps, or the slope of that at -1, 0 or 1.
    pub smoothness: Smoothness,
    /// Where that jumps which jumps, from left to right.
    pub bends: Vec<f64>,
    /// The intervals where the slope's magnitude is below 0.01, from left to right; one that has no end
    /// is infinite. There little of a gradient comes through. Waves, flat for a moment in each period, have none.
    pub flat: Vec<(f64, f64)>,
}

impl Activation {
    /// What it does over all x.
    ///
    /// ```
    /// use wgpu_activations::Activation;
    ///
    /// let course = Activation::SIGMOID.course();
    /// assert_eq!(course.range, (0.0, 1.0));
    /// assert!(course.turning_points.is_empty());
    /// // Learning slows beyond 4.6 on either side.
    /// assert!((course.flat[0].1 + 4.585).abs() < 1e-3 && (course.flat[1].0 - 4.585).abs() < 1e-3);
    /// ```
    pub fn course(&self) -> Course {
        let turning_points = self.turning_points();
        let looked_at = || places().chain([f64::NEG_INFINITY, f64::INFINITY]);
        let values = looked_at().chain(turning_points.iter().copied());
        let range = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
            let value = self.value(x);
            (low.min(value), high.max(value))
        });
        let (smoothness, bends) = self.bends();
        Course {
            range,
            turning_points,
            zero_centred: looked_at().all(|x| self.value(-x) == -self.value(x)),
            smoothness,
            bends,
            flat: self.flat(),
        }
    }

    fn turning_points(&self) -> Vec<f64> {
        let mut found = Vec::new();
        // The last place whose slope has a sign.
        let mut last: Option<f64> = None;
        for x in places().filter(|x| self.slope(*x) != 0.0) {
            let before = last.filter(|&last| self.slope(last) * self.slope(x) < 0.0);
            found.extend(before.map(|last| {
                edge(
                    |middle| self.slope(middle) * self.slope(last) > 0.0,
                    last,
                    x,
                )
            }));
            last = Some(x);
        }
        found
    }

    fn bends(&self) -> (Smoothness, Vec<f64>) {
        let jumps = |f: &dyn Fn(f64) -> f64| -> Vec<f64> {
            let pairs = places().zip(places().skip(1));
            let found = pairs.filter_map(|(left, right)| jump(f, left, right));
            let mut found: Vec<f64> = found.collect();
            // One may show on either side of a place.
            found.dedup();
            found
        };
        let found = [
            (Smoothness::Jump, jumps(&|x| self.value(x))),
            (Smoothness::Kink, jumps(&|x| self.slope(x))),
            (
                Smoothness::Once,
                [-1.0, 0.0, 1.0]
                    .into_iter()
                    .filter(|x| self.turns(*x))
                    .collect(),
            ),
        ];
        let worst = found.into_iter().find(|(_, bends)| !bends.is_empty());
        worst.unwrap_or((Smoothness::Smooth, Vec::new()))
    }

    /// Whether the slope of the slope jumps at x.
    fn turns(&self, x: f64) -> bool {
        const STEP: f64 = 1e-7;
        let slope = |steps: f64| self.slope(x + steps * STEP);
        let left = (slope(-1.0) - slope(-2.0)) / STEP;
        let right = (slope(2.0) - slope(1.0)) / STEP;
        (right - left).abs() > JUMP
    }

    fn flat(&self) -> Vec<(f64, f64)> {
        let properties = self.definition().properties;
        if properties.is_some_and(|known| known.cost == Cost::Sine) {
            return Vec::new();
        }
        let flat = |x: f64| self.slope(x).abs() < FLAT;
        let mut intervals = Vec::new();
        let mut start = flat(f64::NEG_INFINITY).then_some(f64::NEG_INFINITY);
        let mut last = f64::NEG_INFINITY;
        for x in places() {
            match (start, flat(x)) {
                (None, true) => start = Some(edge(flat, x, last)),
                (Some(from), false) => {
                    intervals.push((from, edge(flat, last, x)));
                    start = None;
                }
                _ => {}
            }
            last = x;
        }
        intervals.extend(start.map(|from| (from, f64::INFINITY)));
        intervals
    }
}

/// From left to right.
fn places() -> impl Iterator<Item = f64> {
    let octaves = -20 * PER_OCTAVE..=20 * PER_OCTAVE;
    let sizes = octaves.map(|step| 2f64.powf(f64::from(step) / f64::from(PER_OCTAVE)));
    let negative = sizes.clone().rev().map(|size| -size);
    negative.chain([0.0]).chain(sizes)
}

/// Where a function jumps between two places, if it does.
fn jump(f: &dyn Fn(f64) -> f64, mut left: f64, mut right: f64) -> Option<f64> {
    let (mut low, mut high) = (f(left), f(right));
    for _ in 0..100 {
        let jumps = (high - low).abs() > JUMP * (1.0 + low.abs());
        if !jumps {
            return None;
        }
        let middle = 0.5 * (left + right);
        let value = f(middle);
        if (value - low).abs() > (high - value).abs() {
            (right, high) = (middle, value);
        } else {
            (left, low) = (middle, value);
        }
    }
    // But for the last digits, where a place between two numbers was meant.
    Some((left * 1e12).round() / 1e12 + 0.0)
}

/// Where `holds` ends between a place where it does and one where it does not.
fn edge(holds: impl Fn(f64) -> bool, mut inside: f64, mut outside: f64) -> f64 {
    if outside.is_infinite() {
        return inside;
    }
    for _ in 0..100 {
        let middle = 0.5 * (inside + outside);
        if holds(middle) {
            inside = middle;
        } else {
            outside = middle;
        }
    }
    inside
}
