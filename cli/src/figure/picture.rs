//! The picture: functions, and beside them their slopes.

use maud::{Markup, PreEscaped, html};

use super::{
    Curve, Plot, line,
    scale::{Scale, places},
};
use crate::draw::{clip, number, palette, px};

/// Pixels of a picture with one panel, and with two.
const NARROW: f64 = 520.0;
const WIDE: f64 = 880.0;
/// Pixels around everything.
const MARGIN: f64 = 18.0;
/// Pixels left of a panel, for its numbers.
const LEFT: f64 = 38.0;
const HEIGHT: f64 = 300.0;
/// Pixels below it, for its numbers.
const BELOW: f64 = 30.0;
const LINE: f64 = 18.0;
/// Pixels above the legend.
const HEAD: f64 = 46.0;
/// Every rule begins with this, so that a picture inside a page leaves the page alone.
const SCOPE: &str = ".activation-plot ";

/// The picture, complete in itself, without empty lines, which would end it inside Markdown.
pub(super) fn svg(plot: &Plot) -> Markup {
    let width = if plot.slope { WIDE } else { NARROW };
    let mut labels = plot.curves.iter().map(|curve| &curve.label);
    let long = labels.any(|label| label.chars().count() > 24);
    let columns = if plot.slope { 4 } else { 2 } / if long { 2 } else { 1 };
    let each = (width - 2.0 * MARGIN) / columns as f64;
    let lines = plot.curves.len().div_ceil(columns);
    let top = HEAD + lines as f64 * LINE + 26.0;
    let height = top + HEIGHT + BELOW + MARGIN / 2.0;
    let panel = if plot.slope {
        width / 2.0 - MARGIN - LEFT
    } else {
        width - 2.0 * MARGIN - LEFT
    };
    html! {
        svg.activation-plot xmlns="http://www.w3.org/2000/svg" role="img" lang="en"
            aria-label=(description(plot)) width=(width) height=(px(height))
            viewBox={ "0 0 " (width) " " (px(height)) } style="max-width:100%;height:auto" {
            style { (PreEscaped(style())) }
            rect.paper width=(width) height=(px(height)) rx="8" {}
            text.ink.title x=(MARGIN) y="30" { (clip(&plot.title, 70)) }
            @for (index, curve) in plot.curves.iter().enumerate() {
                @let x = MARGIN + (index % columns) as f64 * each;
                @let y = HEAD + (index / columns) as f64 * LINE;
                path.(classes(index)) d={ "M" (px(x)) " " (px(y + 6.0)) "h24" } {}
                text.ink x=(px(x + 31.0)) y=(px(y + 10.0)) { (curve.label) }
            }
            (self::panel(plot, MARGIN + LEFT, top, panel, ("f(x)", |curve| &*curve.value)))
            @if plot.slope {
                (self::panel(plot, width / 2.0 + LEFT, top, panel, ("slope f'(x)", |curve| &*curve.slope)))
            }
        }
    }
}

/// What a panel shows of a curve, with what it is called.
type Shown = (&'static str, fn(&Curve) -> &dyn Fn(f64) -> f64);

fn panel(plot: &Plot, left: f64, top: f64, width: f64, (title, function): Shown) -> Markup {
    let (low, high) = plot.range;
    let horizontal = Scale::exact(low, high);
    let samples = |curve| {
        let function = function(curve);
        (0..=200).map(move |index| function(low + (high - low) * f64::from(index) / 200.0))
    };
    let vertical = Scale::of(plot.curves.iter().flat_map(samples));
    let x = |value: f64| left + horizontal.place(value) * width;
    let y = |value: f64| top + (1.0 - vertical.place(value)) * HEIGHT;
    let bottom = top + HEIGHT;
    // A jump of the slope is no line; of the function it has none.
    let path = |curve: &Curve| {
        let runs = line::runs(function(curve), plot.range, &curve.kinks, |a, b| {
            (x(a), y(b))
        });
        let text = |run: &Vec<line::Point>| {
            let point = |(x, y): &line::Point| format!("{} {}", px(*x), px(*y));
            let points: Vec<_> = run.iter().map(point).collect();
            format!("M{}", points.join("L"))
        };
        runs.iter().map(text).collect::<String>()
    };
    html! {
        text.ink.head x=(px(left)) y=(px(top - 9.0)) { (title) }
        @for mark in horizontal.marks() {
            line.grid x1=(px(x(mark))) x2=(px(x(mark))) y1=(px(top)) y2=(px(bottom)) {}
            text.soft.small.tick x=(px(x(mark))) y=(px(bottom + 16.0)) { (number(mark)) }
        }
        @for mark in vertical.marks() {
            line.grid x1=(px(left)) x2=(px(left + width)) y1=(px(y(mark))) y2=(px(y(mark))) {}
            text.soft.small.name x=(px(left - 6.0)) y=(px(y(mark) + 4.0)) { (number(mark)) }
        }
        @if horizontal.contains(0.0) {
            line.rule x1=(px(x(0.0))) x2=(px(x(0.0))) y1=(px(top)) y2=(px(bottom)) {}
        }
        line.rule x1=(px(left)) x2=(px(left + width)) y1=(px(y(0.0))) y2=(px(y(0.0))) {}
        // The first on top: it is what the picture is about.
        @for (index, curve) in plot.curves.iter().enumerate().rev() {
            path.(classes(index)) d=(path(curve)) {}
        }
    }
}

/// Lines differ by more than colour.
const DASHES: [&str; 4] = ["none", "9 4", "2.5 3.5", "11 4 2.5 4"];

/// Of the line of a curve.
fn classes(index: usize) -> String {
    format!("line {} d{}", palette::class(index), index % DASHES.len())
}

fn style() -> String {
    let mut rules = format!(
        "{SCOPE}text{{font:12px system-ui,-apple-system,\"Segoe UI\",Roboto,\"DejaVu Sans\",sans-serif}}\
         {SCOPE}.title{{font-size:16px;font-weight:600}}{SCOPE}.head{{font-weight:600}}\
         {SCOPE}.small{{font-size:11px}}{SCOPE}.name{{text-anchor:end}}{SCOPE}.tick{{text-anchor:middle}}\
         {SCOPE}.line{{stroke-width:2.2;stroke-linejoin:round}}"
    );
    for (index, dashes) in DASHES.iter().enumerate() {
        rules += &format!("{SCOPE}.d{index}{{stroke-dasharray:{dashes}}}");
    }
    format!(
        "{rules}{}@media (prefers-color-scheme:dark){{{}}}",
        palette::LIGHT.chart_rules(SCOPE),
        palette::DARK.chart_rules(SCOPE),
    )
}

/// The picture in words, for those who cannot see it: some values of each curve.
fn description(plot: &Plot) -> String {
    let mut text = plot.title.clone();
    for curve in &plot.curves {
        text += &format!(". {}:", curve.label);
        for x in places(plot.range, 5) {
            text += &format!(" f({}) = {};", number(x), number((curve.value)(x)));
        }
        text.pop();
    }
    text
}
