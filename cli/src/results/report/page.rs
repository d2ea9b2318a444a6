//! The report as one page that needs nothing beside it: no network, no scripts.

pub(super) mod part;

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::{
    contender::{Contender, file_name},
    number,
    tables::{self, Table},
    view::View,
};
use wgpu_activations::bench::record::Status;

use crate::draw::{self, palette};

const TITLE: &str = "Activation functions: speed and accuracy";

pub(super) fn page(view: &View<'_>) -> Markup {
    let problems = tables::problems(view);
    let accuracy = tables::accuracy::tables(view);
    let panels = |part: &'static part::Part| (part, view.panels(part.kind));
    let parts = part::PARTS.iter().map(panels);
    let parts: Vec<_> = parts.filter(|(_, panels)| !panels.is_empty()).collect();
    let body = html! {
        a.skip href="#main" { "Skip to the results" }
        header {
            h1 { (TITLE) }
            p { (compared(view)) }
            (notices(view, problems.as_ref()))
        }
        nav aria-label="Parts of the page" {
            ul {
                li { a href="#overview" { "Overview" } }
                @for (part, _) in &parts {
                    li { a href={ "#" (part.id) } { (part.title) } }
                }
                @if !accuracy.is_empty() { li { a href="#accuracy" { "Accuracy" } } }
                @if problems.is_some() { li { a href="#problems" { "What did not go well" } } }
                li { a href="#machines" { "Machines and settings" } }
            }
        }
        main id="main" {
            section id="overview" {
                h2 { "Overview" }
                @if view.contenders.is_empty() {
                    p { "No rows: nothing was measured." }
                } @else {
                    (table(&tables::overview(view)))
                }
            }
            @for (part, panels) in &parts { (part::section(view, part, panels)) }
            @if !accuracy.is_empty() {
                section id="accuracy" {
                    h2 { "Accuracy" }
                    p { "Results are held against an f64 reference before anything is timed." }
                    @for accuracy in &accuracy { (table(accuracy)) }
                }
            }
            @if let Some(problems) = &problems {
                section id="problems" {
                    h2 { "What did not go well" }
                    (table(problems))
                }
            }
            section id="machines" {
                h2 { "Machines and settings" }
                @for source in 0..view.sources.len() {
                    h3 { (file_name(view.sources, source)) }
                    (table(&tables::machine::facts(view, source)))
                    @if let Some(devices) = tables::machine::devices(view, source) { (table(&devices)) }
                }
            }
        }
        footer {
            p { "Made by activations report, wgpu-activations " (env!("CARGO_PKG_VERSION")) "." }
        }
    };
    draw::page(TITLE, &style(), &body)
}

fn style() -> String {
    let dark = [palette::DARK.variables(), palette::DARK.chart_rules("")].concat();
    format!(
        "{}{}{}{}@media screen and (prefers-color-scheme:dark){{{dark}}}",
        palette::LIGHT.variables(),
        palette::LIGHT.chart_rules(""),
        include_str!("chart.css"),
        include_str!("page.css"),
    )
}

/// What was compared, in a sentence.
fn compared(view: &View<'_>) -> String {
    let distinct = |of: fn(&Contender<'_>) -> String| {
        let found: BTreeSet<_> = view.contenders.iter().map(of).collect();
        Vec::from_iter(found)
    };
    let implementations = distinct(|contender| contender.implementation.to_owned());
    let devices = distinct(|contender| contender.device.to_owned());
    let files = (0..view.sources.len()).map(|source| file_name(view.sources, source));
    let files: Vec<_> = files.collect();
    format!(
        "{} on {}; {} rows from {}.",
        few(&implementations, "Nothing", "implementations"),
        few(&devices, "no device", "devices"),
        number::count(view.rows().count() as u64),
        few(&files, "no file", "files"),
    )
}

/// The items where they are few, else how many there are.
fn few(items: &[String], none: &str, things: &str) -> String {
    match items.len() {
        0..=3 => list(items, none),
        count => format!("{count} {things}"),
    }
}

/// `a, b and c`.
fn list(items: &[String], none: &str) -> String {
    match items {
        [] => none.to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn notices(view: &View<'_>, problems: Option<&Table>) -> Markup {
    html! {
        @for (index, _) in view.sources.iter().enumerate().filter(|(_, source)| !source.run.complete) {
            p.notice {
                strong { "Incomplete: " }
                (file_name(view.sources, index)) " did not come to its end. What is missing was not measured."
            }
        }
        @if let Some(problems) = problems {
            p.notice {
                strong {
                    (number::count(problems.rows.len() as u64)) " of "
                    (number::count(view.rows().count() as u64)) " rows did not go well"
                }
                ": " (statuses(view)) ". " a href="#problems" { "Which, and why" } "."
            }
        }
    }
}

fn statuses(view: &View<'_>) -> String {
    use Status::{Crashed, Failed, Hung, Unsupported, Wrong};
    let bad = [Wrong, Failed, Crashed, Hung, Unsupported].into_iter();
    let counts = bad.filter_map(|status| {
        let count = view.rows().filter(|(_, row)| row.status == status).count();
        (count > 0).then(|| format!("{count} {}", status.name()))
    });
    counts.collect::<Vec<_>>().join(", ")
}

/// A table in a box of its own that scrolls.
fn table(table: &Table) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(table.caption) {
            table {
                caption { (table.caption) }
                thead {
                    tr { @for title in &table.head { th scope="col" { (cell(title)) } } }
                }
                tbody {
                    @for row in &table.rows {
                        tr {
                            @for (index, text) in row.iter().enumerate() {
                                @if index < table.names {
                                    th scope="row" { (cell(text)) }
                                } @else {
                                    td { (cell(text)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What matters, and below it what explains it.
fn cell(text: &str) -> Markup {
    match text.split_once('\n') {
        None => html! { (text) },
        Some((first, rest)) => html! { (first) " " small { (rest) } },
    }
}
