//! The tables of a report, whatever it is written as.

pub(super) mod accuracy;
pub(super) mod machine;

use super::{
    number,
    quantity::Quantity,
    table::Table,
    view::{Group, Panel, View, title, title_and_pass},
};
use wgpu_activations::bench::{
    record::{Clock, Kind, Row, Status},
    stats,
};

/// Each contender in a line.
pub(super) fn overview(view: &View<'_>) -> Table {
    let baselines = view.panels(Kind::Baseline);
    let kernels = view.panels(Kind::Kernel);
    let rows = view
        .contenders
        .iter()
        .enumerate()
        .map(|(index, contender)| {
            let own = || {
                let rows = view.rows();
                rows.filter(|(source, row)| contender.owns(*source, row))
                    .map(|(_, row)| row)
            };
            let bad = own().filter(|row| row.status != Status::Ok).count();
            let copies = baselines.iter().flat_map(|panel| &panel.groups);
            let copy = copies
                .filter_map(|group| group.rows[index].filter(|row| row.op == "copy"))
                .find_map(|row| Quantity::Speed.of(row));
            let groups = kernels.iter().flat_map(|panel| &panel.groups);
            let mut fractions: Vec<_> = groups
                .filter_map(|group| {
                    let row = group.rows[index]?;
                    Some((Quantity::Fraction.of(row)?.middle, row))
                })
                .collect();
            fractions.sort_by(|(a, _), (b, _)| a.total_cmp(b));
            let middle: Vec<_> = fractions.iter().map(|(fraction, _)| *fraction).collect();
            let worst = own()
                .filter_map(|row| Some((row.accuracy.as_ref()?.worst_of_allowed, row)))
                .max_by(|(a, _), (b, _)| a.total_cmp(b));
            let named = |found: Option<(String, &Row)>| {
                found.map_or("-".to_owned(), |(text, row)| {
                    format!(
                        "{text}\n{}, {}",
                        title_and_pass(&row.op, &row.pass),
                        row.dtype
                    )
                })
            };
            vec![
                contender.letter.clone(),
                contender.label.clone(),
                number::count(own().filter(|row| row.status == Status::Ok).count() as u64),
                number::count(bad as u64),
                copy.map_or("-".to_owned(), |span| {
                    format!("{} GB/s", number::short(span.middle))
                }),
                if middle.is_empty() {
                    "-".to_owned()
                } else {
                    number::fraction(stats::median(&middle))
                },
                named(
                    fractions
                        .first()
                        .map(|(fraction, row)| (number::fraction(*fraction), *row)),
                ),
                named(worst.map(|(share, row)| (number::fraction(share), row))),
            ]
        });
    Table {
        caption:
            "Everyone in a line. Fractions are the speed of kernels over that of the baseline \
                  beside them, at the charts' sizes; an error of 1.00 is the largest allowed."
                .to_owned(),
        head: words(&[
            "",
            "Who",
            "Rows that went well",
            "Rows that did not",
            "Copy in memory",
            "Median fraction",
            "Lowest fraction",
            "Worst error, of allowed",
        ]),
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
    let mut head = words(&["Operation", "Input"]);
    head.extend(shown.iter().map(|&index| column(view, index)));
    let rows = panel.groups.iter().map(|group| {
        let mut cells = vec![
            group.label.clone(),
            group.sample().map_or(String::new(), |row| {
                format!(
                    "{}\n{}",
                    number::bytes(row.input_bytes),
                    number::shape(&row.shape)
                )
            }),
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
    let number = match quantity {
        Quantity::Speed => format!("{} GB/s", number::short(span.middle)),
        _ => quantity.text(span.middle),
    };
    match (quantity, fraction(row)) {
        (Quantity::Speed, Some(fraction)) => format!("{number}\n{fraction}"),
        (Quantity::Speed, None) => number,
        _ => format!(
            "{number}\n{} to {}",
            quantity.text(span.low),
            quantity.text(span.high)
        ),
    }
}

fn fraction(row: &Row) -> Option<String> {
    let baseline = row.measurement.as_ref()?.baseline.as_ref()?;
    let span = Quantity::Fraction.of(row)?;
    Some(format!(
        "{} of {}",
        number::fraction(span.middle),
        baseline.name
    ))
}

/// Rows that did not go well; none if there are none.
pub(super) fn problems(view: &View<'_>) -> Option<Table> {
    let bad = view.rows().filter(|(_, row)| row.status != Status::Ok);
    let rows: Vec<_> = bad
        .map(|(source, row)| {
            let message = row.message.as_deref().unwrap_or("no message");
            vec![
                row.status.name().to_owned(),
                format!(
                    "{}\n{}, {}",
                    title_and_pass(&row.op, &row.pass),
                    kind(row.kind),
                    row.dtype
                ),
                format!(
                    "{}\n{}",
                    number::bytes(row.input_bytes),
                    number::shape(&row.shape)
                ),
                owners(view, source, row),
                message.to_owned(),
            ]
        })
        .collect();
    (!rows.is_empty()).then(|| Table {
        caption: "Rows without times, and why. In charts the word stands where a bar would be."
            .to_owned(),
        head: words(&["How it went", "What", "Input", "Who", "Message"]),
        names: 2,
        rows,
    })
}

/// Every row of `kind`.
pub(super) fn every(view: &View<'_>, wanted: Kind) -> Table {
    let rows = view.rows().filter(|(_, row)| row.kind == wanted);
    let line = |(source, row): (usize, &Row)| {
        let range = |quantity: Quantity| {
            quantity.of(row).map_or_else(
                || quantity.words(row).to_owned(),
                |span| {
                    let text = |value| quantity.text(value);
                    format!(
                        "{}\n{} to {}",
                        text(span.middle),
                        text(span.low),
                        text(span.high)
                    )
                },
            )
        };
        vec![
            title(&row.op).to_owned(),
            row.pass.clone(),
            row.dtype.clone(),
            format!(
                "{}\n{}",
                number::bytes(row.input_bytes),
                number::shape(&row.shape)
            ),
            owners(view, source, row),
            range(Quantity::Time),
            range(Quantity::Speed),
            fraction(row).unwrap_or_else(|| Quantity::Fraction.words(row).to_owned()),
            measured(row),
        ]
    };
    Table {
        caption:
            "Every row: medians, and below them from where to where nine tenths less one of the \
                  samples lie (p10 to p90)."
                .to_owned(),
        head: words(&[
            "Operation",
            "Pass",
            "Type",
            "Input",
            "Who",
            "Time",
            "GB/s",
            "Fraction of baseline",
            "Samples and clock",
        ]),
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

/// A kind of row, in a word.
pub(super) const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Kernel => "kernel",
        Kind::Baseline => "baseline",
        Kind::Offload => "offload",
        Kind::Launch => "launch",
    }
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
    let contender = &view.contenders[index];
    if view.contenders.len() == 1 {
        contender.label.clone()
    } else {
        format!("{}\n{}", contender.letter, contender.label)
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
