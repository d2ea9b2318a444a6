//! From values to places along an axis, and where the axis is marked.

use crate::draw::round_step;

/// From one value to a larger one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// Exactly from `low` to `high`.
    pub(super) const fn exact(low: f64, high: f64) -> Self {
        Self { low, high }
    }

    /// One that holds all finite `values` and 0, with room at both ends.
    pub(super) fn of(values: impl Iterator<Item = f64>) -> Self {
        let finite = values.filter(|value| value.is_finite());
        let (low, high) = finite.fold((0.0f64, 0.0f64), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        let room = if high > low { (high - low) * 0.05 } else { 1.0 };
        Self {
            low: low - room,
            high: high + room,
        }
    }

    /// Where `value` lies, from 0 to 1.
    pub(super) fn place(self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }

    pub(super) fn contains(self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// Round values, at most nine, 0 among them if it is inside.
    pub(super) fn marks(self) -> Vec<f64> {
        let step = round_step((self.high - self.low) / 8.0, &[1.0, 2.0, 5.0, 10.0]);
        let first = (self.low / step - 1e-9).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        // Divided where the step is a fraction: 3 * 0.1 is not 0.3.
        let value = |index: i64| {
            if step < 1.0 {
                index as f64 / (1.0 / step).round()
            } else {
                index as f64 * step
            }
        };
        (first..=last).map(value).collect()
    }
}

/// `count` places from end to end, rounded to what tells them apart.
pub(super) fn places((low, high): (f64, f64), count: usize) -> impl Iterator<Item = f64> {
    let step = (high - low) / (count - 1) as f64;
    let digits = 10f64.powf(2.0 - step.log10().floor());
    (0..count).map(move |index| {
        let place = low + step * index as f64;
        (place * digits).round() / digits + 0.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_inside() {
        assert_eq!(
            Scale::exact(-6.0, 6.0).marks(),
            [-6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0]
        );
        assert_eq!(Scale::exact(-0.1, 0.31).marks(), [-0.1, 0.0, 0.1, 0.2, 0.3]);
        assert_eq!(
            Scale::exact(1e6, 3e6).marks(),
            [1e6, 1.5e6, 2e6, 2.5e6, 3e6]
        );
    }

    #[test]
    fn a_constant_has_an_axis() {
        let scale = Scale::of([f64::INFINITY, f64::NAN].into_iter());
        assert!((scale.place(0.0) - 0.5).abs() < 1e-9);
    }
}
