//! What of a row is drawn.

use super::number;
use wgpu_activations::bench::{
    record::{Row, Status},
    stats,
};

/// What of a row is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantity {
    /// Bytes that count per time.
    Speed,
    /// Speed over that of the baseline beside it.
    Fraction,
    /// The time of one execution.
    Time,
}

/// A median with what is between the lowest and highest tenth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    pub(super) low: f64,
    pub(super) middle: f64,
    pub(super) high: f64,
}

impl Quantity {
    /// Of a row whose results were right, if it has it.
    pub(super) fn of(self, row: &Row) -> Option<Span> {
        let measurement = row.timed()?;
        let summary = &measurement.summary;
        let moved = row.moved_bytes as f64;
        let span = match self {
            Self::Speed => Span {
                low: moved / summary.p90_ns,
                middle: summary.gb_per_s,
                high: moved / summary.p10_ns,
            },
            Self::Time => Span {
                low: summary.p10_ns,
                middle: summary.median_ns,
                high: summary.p90_ns,
            },
            Self::Fraction => {
                let baseline = measurement.baseline.as_ref()?.moved_bytes as f64;
                let ratios = measurement.ratios()?.concat();
                let share = |of: f64| moved / baseline / stats::percentile(&ratios, of);
                Span {
                    low: share(0.9),
                    middle: summary.fraction?,
                    high: share(0.1),
                }
            }
        };
        span.cleaned()
    }

    /// What stands where a row has no number.
    pub(super) fn words(self, row: &Row) -> &'static str {
        if row.status != Status::Ok {
            row.status.name()
        } else if self == Self::Fraction && row.timed().is_some() {
            "no baseline"
        } else {
            "no times"
        }
    }

    /// A value as text; times with their unit.
    pub(super) fn text(self, value: f64) -> String {
        match self {
            Self::Speed => number::short(value),
            Self::Fraction => number::fraction(value),
            Self::Time => number::time(value),
        }
    }

    /// A mark of its axis.
    pub(super) fn mark(self, value: f64) -> String {
        match self {
            Self::Time if value > 0.0 => number::time_mark(value),
            _ => number::mark(value),
        }
    }

    /// A word for it that addresses can hold.
    pub(super) const fn id(self) -> &'static str {
        match self {
            Self::Speed => "speed",
            Self::Fraction => "fraction",
            Self::Time => "time",
        }
    }

    /// What stands above its chart.
    pub(super) const fn caption(self) -> &'static str {
        match self {
            Self::Speed => "GB/s, more is better",
            Self::Fraction => "Fraction of the baseline's speed, 1.0 is the baseline",
            Self::Time => "Time of one execution, less is better",
        }
    }

    /// What an axis shows.
    pub(super) const fn axis(self) -> &'static str {
        match self {
            Self::Speed => "GB/s",
            Self::Fraction => "fraction of the baseline's speed",
            Self::Time => "time of one execution",
        }
    }
}

impl Span {
    /// None if the median is no number to draw; the ends give way to it if they are not.
    fn cleaned(self) -> Option<Self> {
        let drawable = |value: f64| value > 0.0 && value < 1e15;
        let end = |value: f64| if drawable(value) { value } else { self.middle };
        drawable(self.middle).then(|| Self {
            low: end(self.low).min(self.middle),
            middle: self.middle,
            high: end(self.high).max(self.middle),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_drawn_is_not() {
        let span = |low, middle, high| Span { low, middle, high };
        assert_eq!(span(1.0, f64::INFINITY, 1.0).cleaned(), None);
        assert_eq!(span(1.0, 0.0, 1.0).cleaned(), None);
        let ends = span(f64::NAN, 2.0, f64::INFINITY);
        assert_eq!(ends.cleaned(), Some(span(2.0, 2.0, 2.0)));
    }
}
