//! From values to places along an axis, and where the axis is marked.

use crate::draw::round_step;

/// From zero to the largest value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Linear {
    max: f64,
}

impl Linear {
    /// One that holds all of `values`, each positive.
    pub(super) fn of(values: impl Iterator<Item = f64>) -> Self {
        let max = values.fold(0.0, f64::max);
        Self {
            max: if max > 0.0 { max } else { 1.0 },
        }
    }

    /// Where `value` lies, in per cent of the axis.
    pub(super) fn place(self, value: f64) -> f64 {
        value / self.max * 100.0
    }

    /// Three to five round values.
    pub(super) fn marks(self) -> Vec<f64> {
        let step = round_step(self.max / 4.0, &[1.0, 2.0, 2.5, 5.0, 10.0]);
        let count = (self.max / step * (1.0 + 1e-9)) as usize;
        (0..=count).map(|index| index as f64 * step).collect()
    }
}

/// From the smallest to the largest value, equal ratios equally far apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Logarithmic {
    min: f64,
    max: f64,
}

impl Logarithmic {
    /// One that holds all of `values`, each positive, and at least a factor of `least`.
    pub(super) fn of(values: impl Iterator<Item = f64>, least: f64) -> Self {
        let (min, max) = values.fold((f64::INFINITY, 0.0), |(min, max): (f64, f64), value| {
            (min.min(value), max.max(value))
        });
        let (min, max) = if max > 0.0 { (min, max) } else { (1.0, 1.0) };
        let missing = (least / (max / min)).sqrt().max(1.0);
        Self {
            min: min / missing,
            max: max * missing,
        }
    }

    /// Where `value` lies, in per cent of the axis.
    pub(super) fn place(self, value: f64) -> f64 {
        (value / self.min).ln() / (self.max / self.min).ln() * 100.0
    }

    /// Powers of ten; 1, 2 and 5 of each where there are few; at most `most`.
    pub(super) fn marks(self, most: usize) -> Vec<f64> {
        let inside = |value: &f64| (self.min..=self.max * (1.0 + 1e-9)).contains(value);
        let decades = self.min.log10().floor() as i32..=self.max.log10().ceil() as i32;
        let with = |factors: &[f64]| -> Vec<f64> {
            let all = decades
                .clone()
                .flat_map(|power| factors.iter().map(move |factor| factor * 10f64.powi(power)));
            all.filter(inside).collect()
        };
        let fine = with(&[1.0, 2.0, 5.0]);
        if fine.len() <= most {
            return fine;
        }
        thinned(with(&[1.0]), most)
    }

    /// Powers of two at equal distances; at most `most`.
    pub(super) fn powers_of_two(self, most: usize) -> Vec<f64> {
        let powers = self.min.log2().ceil() as i32..=(self.max.log2() + 1e-9).floor() as i32;
        thinned(powers.map(|power| 2f64.powi(power)).collect(), most)
    }
}

/// Every second, third and so on of `marks`, with the last, until there are at most `most`.
fn thinned(marks: Vec<f64>, most: usize) -> Vec<f64> {
    let step = marks.len().div_ceil(most.max(1)).max(1);
    let mut kept: Vec<_> = marks.into_iter().rev().step_by(step).collect();
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_inside() {
        assert_eq!(Linear { max: 2930.0 }.marks(), [0.0, 1000.0, 2000.0]);
        assert_eq!(Linear { max: 1.0 }.marks(), [0.0, 0.25, 0.5, 0.75, 1.0]);
        let log = |min, max| Logarithmic { min, max };
        assert_eq!(log(3.0, 3000.0).marks(4), [10.0, 100.0, 1000.0]);
        let sizes = log(4096.0, 65536.0).powers_of_two(3);
        assert_eq!(sizes, [4096.0, 16384.0, 65536.0]);
    }

    #[test]
    fn one_value_has_an_axis() {
        let scale = Logarithmic::of([5.0].into_iter(), 10.0);
        assert!((scale.place(5.0) - 50.0).abs() < 1e-9);
        assert_eq!(Linear::of(std::iter::empty()).marks().len(), 5);
    }
}
