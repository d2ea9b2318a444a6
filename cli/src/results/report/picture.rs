//! One picture of the kernels: speed and fraction of the baseline, forward and backward.

use maud::{Markup, PreEscaped, html};

use super::{
    Source,
    chart::{self, Chart, LEFT, RIGHT},
    number,
    quantity::Quantity,
    view::{self, Direction, Group, Panel, View},
};
use wgpu_activations::bench::record::{Kind, Status};

use crate::draw::{clip, palette, px};

const WIDTH: f64 = 880.0;
/// Pixels around everything.
const MARGIN: f64 = 20.0;
/// Pixels between charts.
const GUTTER: f64 = 14.0;
const LINE: f64 = 18.0;

struct Column<'a> {
    title: String,
    chart: Chart<'a>,
}

/// The picture, complete in itself.
pub(super) fn svg(view: &View<'_>) -> Markup {
    let mut panels = view.panels(Kind::Kernel);
    let dtype = panels.first().map_or("", |panel| panel.dtype);
    panels.retain(|panel| panel.dtype == dtype);
    let names = names(&panels);
    let columns = columns(view, &panels, &names);
    let legend_top = 72.0;
    let legend = legend(view);
    let charts_top = legend_top + legend.1 + 26.0;
    let charts_height = columns.first().map_or(LINE, |column| column.chart.height());
    let notes = notes(view);
    let notes_top = charts_top + charts_height + 24.0;
    let height = notes_top + notes.len() as f64 * LINE + MARGIN - LINE / 2.0;
    let each = (WIDTH - 2.0 * MARGIN - LEFT) / columns.len().max(1) as f64;
    let plot = each - RIGHT - GUTTER;
    html! {
        svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title desc" lang="en"
            width=(WIDTH) height=(px(height)) viewBox={ "0 0 " (WIDTH) " " (px(height)) } {
            title id="title" { "Activation functions: speed and fraction of the baseline" }
            desc id="desc" { (description(view, &panels)) }
            style { (PreEscaped(style())) }
            rect.paper width=(WIDTH) height=(px(height)) rx="8" {}
            text.ink.title x=(MARGIN) y="34" { "Activation functions: speed and fraction of the baseline" }
            text.soft.small x=(MARGIN) y="54" { (subtitle(dtype, &panels)) }
            g transform={ "translate(" (px(MARGIN)) " " (px(legend_top)) ")" } { (legend.0) }
            @if columns.is_empty() {
                text.ink x=(MARGIN) y=(px(charts_top + LINE)) { "No kernels were measured." }
            }
            @for (index, column) in columns.iter().enumerate() {
                @let x = MARGIN + LEFT + index as f64 * each;
                text.ink.head x=(px(x)) y=(px(charts_top - 8.0)) { (column.title) }
                svg x=(px(x)) y=(px(charts_top)) width=(px(plot)) height=(px(charts_height))
                    overflow="visible" {
                    @if index == 0 { (column.chart.labels(&names)) }
                    (column.chart.plot())
                }
            }
            @for (index, note) in notes.iter().enumerate() {
                text.soft.small x=(MARGIN) y=(px(notes_top + index as f64 * LINE)) { (clip(note, 140)) }
            }
        }
    }
}

fn style() -> String {
    format!(
        "{}{}{}@media (prefers-color-scheme:dark){{{}}}",
        include_str!("chart.css"),
        include_str!("picture.css"),
        palette::LIGHT.chart_rules(""),
        palette::DARK.chart_rules(""),
    )
}

/// The operations of any panel, in the catalogue's order.
fn names(panels: &[Panel<'_>]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for panel in panels {
        let mut after = names.len();
        // Backwards, so that what is new goes before what follows it.
        for group in panel.groups.iter().rev() {
            match names.iter().position(|name| *name == group.label) {
                Some(place) => after = place,
                None => names.insert(after, group.label.clone()),
            }
        }
    }
    names
}

fn columns<'a>(view: &'a View<'a>, panels: &'a [Panel<'a>], names: &[String]) -> Vec<Column<'a>> {
    let mut shown: Vec<_> = panels.iter().flat_map(Panel::present).collect();
    shown.sort_unstable();
    shown.dedup();
    let groups = || panels.iter().flat_map(|panel| &panel.groups);
    let scaled = |quantity| (quantity, chart::scale(groups(), quantity));
    let scales = [Quantity::Speed, Quantity::Fraction].map(scaled);
    let sized = view::common_bytes(panels).is_none();
    let mut columns = Vec::new();
    for panel in panels {
        let find = |name: &String| panel.groups.iter().find(|group| group.label == *name);
        let aligned: Vec<Option<&Group<'_>>> = names.iter().map(find).collect();
        for (quantity, scale) in scales {
            let direction = match panel.direction {
                Direction::Neither => "",
                Direction::Forward => "Forward, ",
                Direction::Backward => "Backward, ",
            };
            let unit = match quantity {
                Quantity::Fraction => "of baseline",
                _ => "GB/s",
            };
            columns.push(Column {
                title: format!("{direction}{unit}"),
                chart: Chart {
                    groups: aligned.clone(),
                    shown: shown.clone(),
                    contenders: &view.contenders,
                    sized,
                    quantity,
                    scale,
                },
            });
        }
    }
    columns
}

fn subtitle(dtype: &str, panels: &[Panel<'_>]) -> String {
    let mut parts = vec![dtype.to_owned()];
    let bytes = view::common_bytes(panels).map(number::bytes);
    parts.extend(bytes.map(|bytes| format!("inputs of {bytes}")));
    let samples = view::samples(panels).map(number::range);
    parts.extend(samples.map(|range| format!("medians of {range} samples")));
    parts.push("thin lines: p10 to p90".to_owned());
    parts.push("baseline: memory moved, nothing computed".to_owned());
    parts.retain(|part| !part.is_empty());
    parts.join(" · ")
}

/// Letters, colours and names, and how many pixels they take from top to bottom.
fn legend(view: &View<'_>) -> (Markup, f64) {
    let alone = view.contenders.len() == 1;
    let mut labels = view.contenders.iter().map(|contender| &contender.label);
    let short = labels.all(|label| label.chars().count() <= 50);
    let columns = if short && !alone { 2 } else { 1 };
    let lines = view.contenders.len().div_ceil(columns);
    let step = (WIDTH - 2.0 * MARGIN) / columns as f64;
    let entries = html! {
        @for (index, contender) in view.contenders.iter().enumerate() {
            @let (x, y) = ((index / lines) as f64 * step, (index % lines) as f64 * LINE);
            rect.(palette::class(index)) x=(px(x)) y=(px(y)) width="11" height="11" rx="2" {}
            @if !alone {
                text.ink x=(px(x + 17.0)) y=(px(y + 10.0)) { (contender.letter) }
            }
            text.ink x=(px(x + if alone { 17.0 } else { 33.0 })) y=(px(y + 10.0)) {
                (clip(&contender.label, 110))
            }
        }
    };
    (entries, lines as f64 * LINE)
}

/// What must not be missed, and where it comes from.
fn notes(view: &View<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    for source in view.sources.iter().filter(|source| !source.run.complete) {
        let name = &source.name;
        notes.push(format!("Incomplete: {name} did not come to its end."));
    }
    let bad = view.rows().filter(|(_, row)| row.status != Status::Ok);
    let (bad, all) = (bad.count(), number::count(view.rows().count() as u64));
    if bad > 0 {
        let bad = number::count(bad as u64);
        notes.push(format!(
            "{bad} of {all} rows did not go well and are not drawn."
        ));
    }
    let program = |source: &Source| {
        let (program, started) = (&source.run.program, &source.run.started);
        let commit = program.commit.as_ref();
        let commit = commit.map_or(String::new(), |commit| format!(" ({})", clip(commit, 19)));
        format!("{} {}{commit}, {started}", program.name, program.version)
    };
    let mut programs: Vec<_> = view.sources.iter().map(program).collect();
    programs.dedup();
    notes.extend(programs);
    notes
}

/// The numbers in words, for those who cannot see the picture.
fn description(view: &View<'_>, panels: &[Panel<'_>]) -> String {
    let mut text = String::new();
    for panel in panels {
        for group in &panel.groups {
            let number = |index: usize| {
                let of = |quantity: Quantity| {
                    let span = quantity.of(group.rows[index]?)?;
                    Some(quantity.text(span.middle))
                };
                let label = &view.contenders[index].label;
                match (of(Quantity::Speed), of(Quantity::Fraction)) {
                    (None, _) => format!("{label} {}", group.words(index, Quantity::Speed)),
                    (Some(speed), None) => format!("{label} {speed} GB/s"),
                    (Some(speed), Some(fraction)) => {
                        format!("{label} {speed} GB/s, {fraction} of the baseline")
                    }
                }
            };
            let numbers: Vec<_> = panel.present().into_iter().map(number).collect();
            let (label, direction) = (&group.label, panel.direction.word());
            text += &format!("{label}, {direction}: {}. ", numbers.join("; "));
        }
    }
    text
}
