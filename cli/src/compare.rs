//! `activations compare`

use std::{
    collections::{BTreeSet, HashSet},
    path::PathBuf,
};

use clap::{Args, ValueEnum};
use comfy_table::{Table, presets};
use serde::Serialize;

use super::{
    Failure, Result,
    bench::size,
    text::{self, Column},
};
use crate::results::compare::{Comparison, Measure, Side, Verdict, compare, unmatched};

use wgpu_activations::bench::{
    record::{Kind, Row, Run, Status},
    stats::Estimate,
};

const ABOUT: &str = "\
Rows of the same operation, direction, type and shape are compared with those of the first file: with \
the row of the same device, implementation and math where there is one, else with every one of the same \
work. One file alone is compared with itself: its devices and implementations with the first.

RATIO is how many times as long it took as before, with its 99 % interval in brackets, from a bootstrap \
over rounds and samples; where the interval holds 1.00 the difference is noise and said to be the same. \
On one device and implementation times are taken as multiples of the baseline's beside them, so that a \
machine that is slower today is no regression; between devices they are times.

Examples:
  activations compare before.json after.json
  activations compare before.json after.json --fail-above 10%      exit status 5 if something is slower
  activations compare gpu-a.json gpu-b.json gpu-c.json --format markdown

Exit status: 0 done, 1 failed, 2 wrong usage, 5 a row is slower by more than --fail-above allows.";

#[derive(Args)]
#[command(after_long_help = ABOUT)]
pub(super) struct Arguments {
    /// Result files of `activations bench`, the one to compare with first.
    #[arg(value_name = "RUN.json", required = true)]
    runs: Vec<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// What to compare [default: baseline on one device and implementation, else time].
    #[arg(long, value_enum)]
    by: Option<By>,
    /// Fail if a row takes more time than this above before, beyond noise, such as 10%.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    fail_above: Option<f64>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    #[default]
    Table,
    Markdown,
    Csv,
    Json,
}

#[derive(Clone, Copy, ValueEnum)]
enum By {
    /// Times.
    Time,
    /// Times as multiples of the baseline's.
    Baseline,
}

/// One line of the result.
#[derive(Serialize)]
struct Line {
    op: String,
    pass: String,
    r#type: String,
    size: u64,
    before: String,
    after: String,
    by: Measure,
    before_ns: Option<f64>,
    after_ns: Option<f64>,
    ratio: Option<Estimate>,
    verdict: Verdict,
    note: String,
}

pub(super) fn run(arguments: &Arguments) -> Result {
    let runs = arguments
        .runs
        .iter()
        .map(|path| Run::read(path))
        .collect::<wgpu_activations::Result<Vec<_>>>()?;
    let measure = arguments.by.map(|by| match by {
        By::Time => Measure::Time,
        By::Baseline => Measure::Baseline,
    });
    let comparisons = compare(&runs, measure);
    if comparisons.is_empty() {
        return Err(Failure::Usage(
            "nothing to compare: no row of one file is of the same operation, direction, type and \
             shape as one of another"
                .to_owned(),
        ));
    }
    let names = Names::new(&arguments.runs, &comparisons);
    let lines: Vec<_> = comparisons
        .iter()
        .map(|comparison| names.line(comparison))
        .collect();
    match arguments.format {
        Format::Json => text::print_json(&lines)?,
        Format::Table => {
            text::print(&text::trimmed(&text::fill(
                text::table(&[]),
                &lines,
                &COLUMNS,
            )))?;
            text::print(&summary(&comparisons, unmatched(&runs)))?;
        }
        Format::Markdown => {
            let mut markdown = Table::new();
            markdown.load_style(presets::ASCII_MARKDOWN);
            text::print(&text::fill(markdown, &lines, &COLUMNS).to_string())?;
        }
        Format::Csv => text::print(csv(&lines).trim_end())?,
    }
    for run in arguments
        .runs
        .iter()
        .zip(&runs)
        .filter(|(_, run)| !run.complete)
    {
        text::note(&format!("{} is of a run that did not end", run.0.display()));
    }
    let Some(share) = arguments.fail_above else {
        return Ok(());
    };
    let worse: Vec<_> = comparisons
        .iter()
        .zip(&lines)
        .filter(|(comparison, _)| comparison.is_worse_by(share))
        .collect();
    for (_, line) in &worse {
        let how = match line.ratio {
            Some(ratio) => format!("takes {:.2} times as long", ratio.value),
            None => line.note.clone(),
        };
        text::complain(&format!("{} {} {}: {how}", line.op, line.pass, line.after));
    }
    if worse.is_empty() {
        Ok(())
    } else {
        Err(Failure::Slower)
    }
}

const COLUMNS: [Column<Line>; 9] = [
    Column::words("op", |line| line.op.clone()),
    Column::words("pass", |line| line.pass.clone()),
    Column::words("type", |line: &Line| line.r#type.clone()).may_go(),
    Column::numbers("size", |line| size(line.size)),
    Column::words("compared with", |line: &Line| line.before.clone()).may_go(),
    Column::words("what", |line: &Line| line.after.clone()).may_go(),
    Column::numbers("time", |line| {
        let time = |ns: Option<f64>| ns.map_or("-".to_owned(), super::bench::time);
        format!("{} -> {}", time(line.before_ns), time(line.after_ns))
    }),
    Column::numbers("ratio", |line| match line.ratio {
        Some(Estimate { value, low, high }) => format!("{value:.2} [{low:.2} {high:.2}]"),
        None => "-".to_owned(),
    }),
    Column::words("verdict", |line| match line.verdict {
        Verdict::Untimed => line.note.clone(),
        verdict => format!("{verdict:?}").to_lowercase(),
    }),
];

/// Whether a time differs beyond noise, and by a tenth.
fn is_far(comparison: &Comparison<'_>) -> bool {
    let tenth = |ratio: Estimate| (ratio.value - 1.0).abs() > 0.1;
    comparison.verdict != Verdict::Same && comparison.ratio.is_some_and(tenth)
}

fn summary(comparisons: &[Comparison<'_>], unmatched: usize) -> String {
    let count = |wanted: Verdict| {
        let of = comparisons.iter().filter(|found| found.verdict == wanted);
        of.count()
    };
    let mut summary = format!(
        "{} slower, {} faster, {} the same within noise",
        count(Verdict::Slower),
        count(Verdict::Faster),
        count(Verdict::Same)
    );
    for (number, what) in [
        (count(Verdict::Untimed), "without a time"),
        (unmatched, "in one file only"),
    ] {
        if number > 0 {
            summary += &format!(", {number} {what}");
        }
    }
    let by_baseline = comparisons
        .iter()
        .any(|found| found.measure == Measure::Baseline);
    if by_baseline {
        summary += "; ratios are of times as multiples of the baseline's beside them";
        let changed: BTreeSet<_> = comparisons
            .iter()
            .filter(|found| found.after.row.kind == Kind::Baseline && is_far(found))
            .filter(|found| found.before.row.device == found.after.row.device)
            .map(|found| &*found.after.row.op)
            .collect();
        if !changed.is_empty() {
            let changed: Vec<_> = changed.into_iter().collect();
            summary += &format!(
                "\nnot the same themselves: {}. If that is the machine, the ratios make up for it; if it is \
                 another version of them, --by time does not count it",
                changed.join(", ")
            );
        }
    }
    summary
}

/// What tells the sides of comparisons apart: those of device, implementation, math and file that
/// differ.
struct Names<'a> {
    files: &'a [PathBuf],
    by_file: bool,
    by_device: bool,
    by_implementation: bool,
    by_math: bool,
}

impl<'a> Names<'a> {
    fn new(files: &'a [PathBuf], comparisons: &[Comparison<'_>]) -> Self {
        let differ = |key: fn(&Row) -> &str| {
            let sides = comparisons
                .iter()
                .flat_map(|found| [found.before.row, found.after.row]);
            sides.map(key).collect::<HashSet<_>>().len() > 1
        };
        Self {
            files,
            by_file: files.len() > 2,
            by_device: differ(|row| &row.device),
            by_implementation: differ(|row| &row.implementation),
            by_math: differ(|row| row.math.as_deref().unwrap_or("")),
        }
    }

    fn of(&self, side: Side<'_>) -> String {
        let row = side.row;
        let file = self.files.get(side.run).and_then(|path| path.file_stem());
        let parts = [
            self.by_file
                .then(|| file.map(|name| name.to_string_lossy().into_owned()))
                .flatten(),
            self.by_device.then(|| row.device.clone()),
            self.by_implementation.then(|| row.implementation.clone()),
            self.by_math.then(|| row.math.clone()).flatten(),
        ];
        let name = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        if name.is_empty() {
            "-".to_owned()
        } else {
            name
        }
    }

    fn line(&self, comparison: &Comparison<'_>) -> Line {
        let (before, after) = (comparison.before.row, comparison.after.row);
        let median = |row: &Row| Some(row.measurement.as_ref()?.summary.median_ns);
        let untimed = [before, after]
            .into_iter()
            .find(|row| row.status != Status::Ok);
        Line {
            op: match after.kind {
                Kind::Offload => format!("{} offload", after.op),
                _ => after.op.clone(),
            },
            pass: after.pass.clone(),
            r#type: after.dtype.clone(),
            size: after.input_bytes,
            before: self.of(comparison.before),
            after: self.of(comparison.after),
            by: comparison.measure,
            before_ns: median(before),
            after_ns: median(after),
            ratio: comparison.ratio,
            verdict: comparison.verdict,
            note: untimed.map_or_else(String::new, |row| {
                let status = row.status.name();
                match &row.message {
                    Some(message) => format!("{status}: {message}"),
                    None => status.to_owned(),
                }
            }),
        }
    }
}

fn csv(lines: &[Line]) -> String {
    let mut text =
        "op,pass,type,size_bytes,compared_with,what,by,before_ns,after_ns,ratio,low,high,\
                    verdict,note\n"
            .to_owned();
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    for line in lines {
        let cells = [
            line.op.clone(),
            line.pass.clone(),
            line.r#type.clone(),
            line.size.to_string(),
            line.before.clone(),
            line.after.clone(),
            format!("{:?}", line.by).to_lowercase(),
            number(line.before_ns),
            number(line.after_ns),
            number(line.ratio.map(|ratio| ratio.value)),
            number(line.ratio.map(|ratio| ratio.low)),
            number(line.ratio.map(|ratio| ratio.high)),
            format!("{:?}", line.verdict).to_lowercase(),
            line.note.clone(),
        ];
        text += &cells.map(|cell| text::csv_cell(&cell)).join(",");
        text.push('\n');
    }
    text
}

/// A share: 10%, 0.1.
fn share(text: &str) -> std::result::Result<f64, String> {
    let (number, factor) = match text.strip_suffix('%') {
        Some(number) => (number, 0.01),
        None => (text, 1.0),
    };
    match number.trim().parse::<f64>() {
        Ok(value) if value >= 0.0 && value.is_finite() => Ok(value * factor),
        _ => Err("write a share such as 10% or 0.1".to_owned()),
    }
}
