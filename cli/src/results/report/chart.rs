//! One line per operation and contender: bars from zero, or dots about the baseline.
//!
//! The plot is as wide as what it is put into: places along its axis are per cents. What stands
//! left of it has negative places in pixels.

use maud::{Markup, html};

use super::{
    contender::Contender,
    number,
    quantity::{Quantity, Span},
    scale::Linear,
    view::Group,
};
use crate::draw::{clip, palette, px};

/// Pixels that labels take left of the plot.
pub(super) const LEFT: f64 = 124.0;
/// Pixels that numbers take right of it.
pub(super) const RIGHT: f64 = 48.0;
/// Pixels above the first operation: the axis.
const TOP: f64 = 22.0;
/// Pixels between operations.
const GAP: f64 = 10.0;
const BAR: f64 = 9.0;

/// Operations, one below the other.
pub(super) struct Chart<'a> {
    /// The operations; none leaves its place empty.
    pub(super) groups: Vec<Option<&'a Group<'a>>>,
    pub(super) shown: Vec<usize>,
    pub(super) contenders: &'a [Contender<'a>],
    /// Whether labels tell sizes.
    pub(super) sized: bool,
    pub(super) quantity: Quantity,
    pub(super) scale: Linear,
}

/// The axis that holds `quantity` of all `groups`.
pub(super) fn scale<'a>(groups: impl Iterator<Item = &'a Group<'a>>, quantity: Quantity) -> Linear {
    let rows = groups.flat_map(|group| group.rows.iter().flatten());
    let highest = rows.filter_map(|row| Some(quantity.of(row)?.high));
    // The line of the baseline is always in sight.
    let line = (quantity == Quantity::Fraction).then_some(1.0);
    Linear::of(highest.chain(line))
}

impl Chart<'_> {
    pub(super) fn height(&self) -> f64 {
        self.bottom() + 4.0
    }

    /// Names of operations and letters of contenders, left of the plot.
    pub(super) fn labels(&self, names: &[String]) -> Markup {
        html! {
            @for (index, name) in names.iter().enumerate() {
                @let edge = px(self.top(index) - GAP / 2.0);
                line.grid x1=(-LEFT) x2="0" y1=(edge) y2=(edge) {}
                @let size = self.size(index);
                @let y = self.top(index) + self.block() / 2.0 + if size.is_some() { -2.0 } else { 4.0 };
                text.ink.name x="-22" y=(px(y)) { (clip(name, 17)) }
                @if let Some(size) = size {
                    text.soft.small.name x="-22" y=(px(y + 13.0)) { (size) }
                }
                @for (line, contender) in self.letters() {
                    text.soft.small.name x="-6" y=(px(self.middle(index, line) + 3.5)) {
                        (contender.letter)
                    }
                }
            }
        }
    }

    /// Axis, bars or dots, and numbers.
    pub(super) fn plot(&self) -> Markup {
        html! {
            @for mark in self.scale.marks() {
                @let x = percent(self.scale.place(mark));
                line.grid x1=(x) x2=(x) y1=(TOP - 6.0) y2=(px(self.bottom())) {}
                text.soft.small.tick x=(x) y=(TOP - 10.0) { (self.quantity.mark(mark)) }
            }
            @if self.quantity == Quantity::Fraction {
                @let x = percent(self.scale.place(1.0));
                line.rule.one x1=(x) x2=(x) y1=(TOP - 6.0) y2=(px(self.bottom())) {}
            }
            @for (index, group) in self.groups.iter().enumerate() {
                @let edge = px(self.top(index) - GAP / 2.0);
                line.grid x1="0" x2="100%" y1=(edge) y2=(edge) {}
                @if let Some(group) = group {
                    @for (line, &contender) in self.shown.iter().enumerate() {
                        (self.line(group, contender, self.middle(index, line)))
                    }
                }
            }
        }
    }

    fn line(&self, group: &Group<'_>, contender: usize, middle: f64) -> Markup {
        let row = group.rows[contender];
        let span = row.and_then(|row| self.quantity.of(row));
        let Some(span) = span else {
            let class = if row.is_some() { "bad" } else { "soft" };
            return html! {
                text.small.(class) x="0" dx="4" y=(px(middle + 3.5)) { (group.words(contender, self.quantity)) }
            };
        };
        let x = percent(self.scale.place(span.middle));
        // Beside the plot, where they are clear of the baseline's line, or at the end of the bar.
        let number = match self.quantity {
            Quantity::Fraction => 100.0,
            _ => self.scale.place(span.high),
        };
        html! {
            g {
                title { (self.tooltip(group, contender, span)) }
                @if self.quantity == Quantity::Fraction {
                    (self.whisker(span, middle))
                    circle.(palette::class(contender)) cx=(x) cy=(px(middle)) r="4" {}
                } @else {
                    rect.(palette::class(contender)) x="0" y=(px(middle - BAR / 2.0)) width=(x) height=(BAR) {}
                    (self.whisker(span, middle))
                }
                text.ink.small x=(percent(number)) dx="7" y=(px(middle + 3.5)) {
                    (self.quantity.text(span.middle))
                }
            }
        }
    }

    fn whisker(&self, span: Span, middle: f64) -> Markup {
        let (low, high) = (self.scale.place(span.low), self.scale.place(span.high));
        html! {
            line.whisker x1=(percent(low)) x2=(percent(high)) y1=(px(middle)) y2=(px(middle)) {}
        }
    }

    /// What a pointer that rests on a line is told.
    fn tooltip(&self, group: &Group<'_>, contender: usize, span: Span) -> String {
        let Span { low, middle, high } = span;
        let text = |value| self.quantity.text(value);
        let unit = match self.quantity {
            Quantity::Speed => " GB/s",
            Quantity::Fraction => " of the baseline",
            Quantity::Time => "",
        };
        format!(
            "{}, {}: {}{unit} (p10 to p90: {} to {})",
            group.label,
            self.contenders[contender].label,
            text(middle),
            text(low),
            text(high),
        )
    }

    /// The letter of each line; none where there is one contender only.
    fn letters(&self) -> impl Iterator<Item = (usize, &Contender<'_>)> {
        let alone = self.contenders.len() == 1;
        let shown = self.shown.iter().filter(move |_| !alone).enumerate();
        shown.map(|(line, &contender)| (line, &self.contenders[contender]))
    }

    fn size(&self, index: usize) -> Option<String> {
        let row = self.groups[index].filter(|_| self.sized)?.sample()?;
        Some(number::bytes(row.input_bytes))
    }

    /// Pixels of a line.
    fn pitch(&self) -> f64 {
        let least: f64 = if self.sized { 26.0 } else { 14.0 };
        (least / self.shown.len().max(1) as f64).max(12.0)
    }

    fn block(&self) -> f64 {
        self.pitch() * self.shown.len().max(1) as f64
    }

    fn top(&self, index: usize) -> f64 {
        TOP + GAP / 2.0 + index as f64 * (self.block() + GAP)
    }

    fn middle(&self, index: usize, line: usize) -> f64 {
        self.top(index) + (line as f64 + 0.5) * self.pitch()
    }

    fn bottom(&self) -> f64 {
        self.top(self.groups.len()) - GAP / 2.0
    }
}

/// A place along the axis.
pub(super) fn percent(place: f64) -> String {
    format!("{place:.2}%")
}
