//! One operation over sizes: speed over the input's bytes, both axes logarithmic.

use maud::{Markup, html};

use super::{
    chart::percent,
    contender::Contender,
    number,
    quantity::{Quantity, Span},
    scale::Logarithmic,
    view::Sweep,
};
use wgpu_activations::bench::record::Row;

use crate::draw::{palette, px};

/// Pixels that numbers take left of the plot.
pub(super) const LEFT: f64 = 40.0;
/// Pixels that letters take right of it.
pub(super) const RIGHT: f64 = 28.0;
/// Its height in pixels, axes and all.
pub(super) const HEIGHT: f64 = TOP + PLOT + 22.0;
/// Pixels above the plot.
const TOP: f64 = 8.0;
const PLOT: f64 = 150.0;
/// Pixels between letters, at least.
const APART: f64 = 11.0;

/// The axes of charts that are to be compared.
#[derive(Clone, Copy)]
pub(super) struct Axes {
    sizes: Logarithmic,
    speeds: Logarithmic,
}

impl Axes {
    pub(super) fn of(sweeps: &[Sweep<'_>]) -> Self {
        let rows = || sweeps.iter().flat_map(|sweep| sweep.lines.iter().flatten());
        let spans = rows().filter_map(|row| Quantity::Speed.of(row));
        Self {
            sizes: Logarithmic::of(rows().map(|row| bytes(row)), 2.0),
            speeds: Logarithmic::of(spans.flat_map(|span| [span.low, span.high]), 10.0),
        }
    }
}

/// What a logarithmic axis can hold.
fn bytes(row: &Row) -> f64 {
    row.input_bytes.max(1) as f64
}

/// The chart, its axes as long as what it is put into.
pub(super) fn chart(
    sweep: &Sweep<'_>,
    Axes { sizes, speeds }: Axes,
    contenders: &[Contender<'_>],
) -> Markup {
    let x = |row: &Row| percent(sizes.place(bytes(row)));
    let y = |speed: f64| TOP + PLOT * (1.0 - speeds.place(speed) / 100.0);
    html! {
        @for mark in speeds.marks(5) {
            line.grid x1="0" x2="100%" y1=(px(y(mark))) y2=(px(y(mark))) {}
            text.soft.small.name x="-6" y=(px(y(mark) + 3.5)) { (number::mark(mark)) }
        }
        @for mark in sizes.powers_of_two(4) {
            @let at = percent(sizes.place(mark));
            line.grid x1=(at) x2=(at) y1=(TOP) y2=(TOP + PLOT) {}
            text.soft.small.tick x=(at) y=(TOP + PLOT + 15.0) { (number::bytes(mark as u64)) }
        }
        @for (contender, line) in sweep.lines.iter().enumerate() {
            @let points = points(line);
            @let colour = palette::class(contender);
            @for ((from, start), (to, end)) in points.iter().zip(points.iter().skip(1)) {
                line.line.(colour) x1=(x(from)) y1=(px(y(start.middle))) x2=(x(to)) y2=(px(y(end.middle))) {}
            }
            @for (row, span) in &points {
                line.whisker x1=(x(row)) x2=(x(row)) y1=(px(y(span.low))) y2=(px(y(span.high))) {}
                circle.(colour) cx=(x(row)) cy=(px(y(span.middle))) r="3.5" {
                    title { (tooltip(row, *span, &contenders[contender])) }
                }
            }
        }
        @if contenders.len() > 1 {
            @for (letter, x, at) in letters(sweep, contenders, x, y) {
                text.ink.small x=(x) dx="7" y=(px(at + 3.5)) { (letter) }
            }
        }
    }
}

fn points<'a>(line: &[&'a Row]) -> Vec<(&'a Row, Span)> {
    let point = |row: &&'a Row| Some((*row, Quantity::Speed.of(row)?));
    line.iter().filter_map(point).collect()
}

/// The letter of each line at its end, moved down where another is in its place.
fn letters(
    sweep: &Sweep<'_>,
    contenders: &[Contender<'_>],
    x: impl Fn(&Row) -> String,
    y: impl Fn(f64) -> f64,
) -> Vec<(String, String, f64)> {
    let end = |(contender, line): (&Contender<'_>, &Vec<&Row>)| {
        let (row, span) = *points(line).last()?;
        Some((contender.letter.clone(), x(row), y(span.middle)))
    };
    let lines = contenders.iter().zip(&sweep.lines);
    let mut letters: Vec<_> = lines.filter_map(end).collect();
    letters.sort_by(|(_, x, y), (_, other_x, other_y)| x.cmp(other_x).then(y.total_cmp(other_y)));
    for index in 1..letters.len() {
        let (above, below) = letters.split_at_mut(index);
        let ((_, x, y), letter) = (&above[index - 1], &mut below[0]);
        if letter.1 == *x {
            letter.2 = letter.2.max(y + APART);
        }
    }
    letters
}

fn tooltip(row: &Row, span: Span, contender: &Contender<'_>) -> String {
    format!(
        "{}: {} GB/s at {} (p10 to p90: {} to {})",
        contender.label,
        number::short(span.middle),
        number::bytes(row.input_bytes),
        number::short(span.low),
        number::short(span.high),
    )
}
