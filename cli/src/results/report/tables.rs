//! The tables of a report, whatever it is written as.

pub(super) mod accuracy;
pub(super) mod machine;

use super::{
    contender::Contender,
    number,
    quantity::{Quantity, Span},
    view::{Group, Panel, View, title, title_and_pass},
};
use crate::text;
use wgpu_activations::bench::{
    record::{Clock, Kind, Row, Status},
    stats,
};

/// A table. A line break within a cell parts what matters from what explains it.
pub(super) struct Table {
    pub(super) caption: String,
    pub(super) head: Vec<String>,
    /// How many columns, from the first, name a row.
    pub(super) names: usize,
    /// Its rows, each as long as the head.
    pub(super) rows: Vec<Vec<String>>,
}

/// Each contender in a line.
pub(super) fn overview(view: &View<'_>) -> Table {
    let baselines = view.panels(Kind::Baseline);
    let kernels = view.panels(Kind::Kernel);
    let row = |(index, contender): (usize, &Contender<'_>)| {
        let owns = |(source, row): (usize, _)| contender.owns(source, row).then_some(row);
        let own = || view.rows().filter_map(owns);
        let well = own().filter(|row| row.status == Status::Ok).count();
        let copies = baselines.iter().flat_map(|panel| &panel.groups);
        let copy = copies
            .filter_map(|group| group.rows[index].filter(|row| row.op == "copy"))
            .find_map(|row| Quantity::Speed.of(row));
        let groups = kernels.iter().flat_map(|panel| &panel.groups);
        let fraction = |row| Some((Quantity::Fraction.of(row)?.middle, row));
        let fractions = groups.filter_map(|group| group.rows[index].and_then(fraction));
        let mut fractions: Vec<_> = fractions.collect();
        fractions.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let middle: Vec<_> = fractions.iter().map(|(fraction, _)| *fraction).collect();
        let worst = own()
            .filter_map(|row| Some((row.accuracy.as_ref()?.worst_of_allowed, row)))
            .max_by(|(a, _), (b, _)| a.total_cmp(b));
        let named = |found: Option<&(f64, &Row)>| {
            found.map_or("-".to_owned(), |(share, row)| {
                let (share, what) = (number::fraction(*share), title_and_pass(&row.op, &row.pass));
                format!("{share}\n{what}, {}", row.dtype)
            })
        };
        vec![
            contender.letter.clone(),
            contender.label.clone(),
            number::count(well as u64),
            number::count((own().count() - well) as u64),
            copy.map_or("-".to_owned(), |span| gb_per_s(span.middle)),
            match &middle[..] {
                [] => "-".to_owned(),
                fractions => number::fraction(stats::median(fractions)),
            },
            named(fractions.first()),
            named(worst.as_ref()),
        ]
    };
    let rows = view.contenders.iter().enumerate().map(row);
    Table {
        caption: String::from(
            "Everyone in a line. Fractions are the speed of kernels over that of the baseline \
             beside them, at the charts' sizes; an error of 1.00 is the largest allowed.",
        ),
        head: words(
            " | Who | Rows that went well | Rows that did not | Copy in memory | Median fraction | \
             Lowest fraction | Worst error, of allowed",
        ),
        names: 2,
        rows: rows.collect(),
    }
}

/// The numbers of a chart, a column per contender.
pub(super) fn panel(
    view: &View<'_>,
    panel: &Panel<'_>,
    quantity: Quantity,
    caption: String,
) -> Table {
    let shown = panel.present();
    let mut head = words("Operation | Input");
    head.extend(shown.iter().map(|&index| column(view, index)));
    let rows = panel.groups.iter().map(|group| {
        let mut cells = vec![
            group.label.clone(),
            group.sample().map_or(String::new(), input),
        ];
        cells.extend(shown.iter().map(|&index| speed(group, index, quantity)));
        cells
    });
    Table {
        caption,
        head,
        names: 1,
        rows: rows.collect(),
    }
}

/// The number of a contender's row, and its fraction of the baseline.
fn speed(group: &Group<'_>, contender: usize, quantity: Quantity) -> String {
    let found = group.rows[contender].and_then(|row| Some((row, quantity.of(row)?)));
    let Some((row, span)) = found else {
        return group.words(contender, quantity).to_owned();
    };
    match (quantity, fraction(row)) {
        (Quantity::Speed, Some(fraction)) => format!("{}\n{fraction}", gb_per_s(span.middle)),
        (Quantity::Speed, None) => gb_per_s(span.middle),
        _ => spread(quantity, span),
    }
}

fn gb_per_s(speed: f64) -> String {
    format!("{} GB/s", number::short(speed))
}

/// A median, and below it what is around it.
fn spread(quantity: Quantity, span: Span) -> String {
    let [low, middle, high] = [span.low, span.middle, span.high].map(|value| quantity.text(value));
    format!("{middle}\n{low} to {high}")
}

/// A row's input: bytes, and below them its shape.
fn input(row: &Row) -> String {
    let (bytes, shape) = (number::bytes(row.input_bytes), number::shape(&row.shape));
    format!("{bytes}\n{shape}")
}

fn fraction(row: &Row) -> Option<String> {
    let baseline = row.measurement.as_ref()?.baseline.as_ref()?;
    let fraction = number::fraction(Quantity::Fraction.of(row)?.middle);
    Some(format!("{fraction} of {}", baseline.name))
}

/// Rows that did not go well; none if there are none.
pub(super) fn problems(view: &View<'_>) -> Option<Table> {
    let bad = view.rows().filter(|(_, row)| row.status != Status::Ok);
    let line = |(source, row): (usize, &Row)| {
        let message = row.message.as_deref().unwrap_or("no message");
        let (what, kind) = (title_and_pass(&row.op, &row.pass), text::name(row.kind));
        vec![
            row.status.name().to_owned(),
            format!("{what}\n{kind}, {}", row.dtype),
            input(row),
            owners(view, source, row),
            message.to_owned(),
        ]
    };
    let rows: Vec<_> = bad.map(line).collect();
    (!rows.is_empty()).then(|| Table {
        caption: "Rows without times, and why. In charts the word stands where a bar would be."
            .to_owned(),
        head: words("How it went | What | Input | Who | Message"),
        names: 2,
        rows,
    })
}

/// Every row of `kind`.
pub(super) fn every(view: &View<'_>, wanted: Kind) -> Table {
    let rows = view.rows().filter(|(_, row)| row.kind == wanted);
    let line = |(source, row): (usize, &Row)| {
        let range = |quantity: Quantity| {
            let span = quantity.of(row).map(|span| spread(quantity, span));
            span.unwrap_or_else(|| quantity.words(row).to_owned())
        };
        vec![
            title(&row.op).to_owned(),
            row.pass.clone(),
            row.dtype.clone(),
            input(row),
            owners(view, source, row),
            range(Quantity::Time),
            range(Quantity::Speed),
            fraction(row).unwrap_or_else(|| Quantity::Fraction.words(row).to_owned()),
            measured(row),
        ]
    };
    Table {
        caption: String::from(
            "Every row: medians, and below them from where to where nine tenths less one of the \
             samples lie (p10 to p90).",
        ),
        head: words(
            "Operation | Pass | Type | Input | Who | Time | GB/s | Fraction of baseline | \
             Samples and clock",
        ),
        names: 3,
        rows: rows.map(line).collect(),
    }
}

fn measured(row: &Row) -> String {
    let Some(measurement) = row.timed() else {
        return "-".to_owned();
    };
    let samples: usize = measurement.rounds_ns.iter().map(Vec::len).sum();
    format!("{samples}\n{}", clock(measurement.clock))
}

const fn clock(clock: Clock) -> &'static str {
    match clock {
        Clock::Device => "the device's clock",
        Clock::HostSlope => "the host's clock, slope between n and 2 n executions",
        Clock::Host => "the host's clock, around the whole",
    }
}

fn owners(view: &View<'_>, source: usize, row: &Row) -> String {
    let owners = view.owners(source, row);
    let labels: Vec<_> = owners.map(|(_, contender)| &*contender.label).collect();
    labels.join("; ")
}

/// The head of a contender's column.
fn column(view: &View<'_>, index: usize) -> String {
    let Contender { letter, label, .. } = &view.contenders[index];
    match view.contenders.len() {
        1 => label.clone(),
        _ => format!("{letter}\n{label}"),
    }
}

fn words(titles: &str) -> Vec<String> {
    titles.split(" | ").map(str::to_owned).collect()
}
