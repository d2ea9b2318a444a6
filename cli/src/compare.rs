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
    text::{self, Column, CsvColumn, size, time, title},
    usage,
};
use crate::results::{
    compare::{Comparison, FEWEST_SAMPLES, Measure, Side, Verdict, compare, unmatched},
    differences::differences,
};

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
machine that is slower today is no regression; between devices they are times. Notes on stderr say where \
machines, drivers, bus ids or versions differ.

Examples:
  activations compare before.json after.json
  activations compare before.json after.json --fail-above 10%      exit status 5 if something is slower
  activations compare gpu-a.json gpu-b.json gpu-c.json --format markdown

A verdict takes 6 samples in 2 rounds on each side: `bench --samples 6` or more. With --fail-above rows of too few \
samples, rows without a time now and rows that a file lacks are failures, too: files that share a device, \
implementation and math must have the same rows of each.

Exit status: 0 done, 1 failed, 2 wrong usage, 5 a row is slower by more than --fail-above allows, is missing or has too \
few samples to tell.";

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
    by: Option<Measure>,
    /// Fail if a row takes more time than this above before, beyond noise, is not in every file, or has too few samples
    /// to tell: a share such as 10% or 0.1.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    fail_above: Option<f64>,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Format {
    #[default]
    Table,
    Markdown,
    Csv,
    Json,
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
    let runs = arguments.runs.iter().map(|path| Run::read(path));
    let runs = runs.collect::<wgpu_activations::Result<Vec<_>>>()?;
    let comparisons = compare(&runs, arguments.by);
    if comparisons.is_empty() {
        return usage(
            "nothing to compare: no row of one file is of the same operation, direction, type and \
             shape as one of another",
        );
    }
    let names = Names::new(&arguments.runs, &comparisons);
    let lines = comparisons.iter().map(|comparison| names.line(comparison));
    let lines: Vec<_> = lines.collect();
    match arguments.format {
        Format::Json => text::print_json(&lines)?,
        Format::Table => {
            text::print_table(&lines, &COLUMNS)?;
            text::print(&summary(&comparisons, unmatched(&runs)))?;
        }
        Format::Markdown => {
            let mut markdown = Table::new();
            markdown.load_style(presets::ASCII_MARKDOWN);
            let table = text::fill(markdown, &lines, &COLUMNS, text::markdown);
            text::print(&table.to_string())?;
        }
        Format::Csv => text::print(text::csv(&lines, &CSV, "\n").trim_end())?,
    }
    for (path, run) in arguments.runs.iter().zip(&runs) {
        if !run.complete {
            text::note(&format!("{} is of a run that did not end", path.display()));
        }
    }
    for (path, run) in arguments.runs.iter().zip(&runs).skip(1) {
        for difference in differences(&runs[0], run) {
            text::note(&format!("{}: {difference}", path.display()));
        }
    }
    let Some(share) = arguments.fail_above else {
        return Ok(());
    };
    let failures = failures(share, &runs, &comparisons, &lines);
    failures.iter().for_each(|failure| text::complain(failure));
    match failures[..] {
        [] => Ok(()),
        _ => Err(Failure::Slower),
    }
}

/// Why the runs do not prove that nothing is slower by more than `share`.
fn failures(
    share: f64,
    runs: &[Run],
    comparisons: &[Comparison<'_>],
    lines: &[Line],
) -> Vec<String> {
    let mut failures = Vec::new();
    let lost = unmatched(runs);
    if lost > 0 {
        failures.push(format!("not in every file: {}", text::several(lost, "row")));
    }
    if runs.iter().any(|run| !run.complete) {
        failures.push("a run that did not end is no proof".to_owned());
    }
    let count = |verdict| lines.iter().filter(|line| line.verdict == verdict).count();
    match (count(Verdict::TooFew), count(Verdict::Untimed)) {
        (0, untimed) if untimed == lines.len() => {
            failures.push("no row has a time in both files".to_owned());
        }
        (0, _) => {}
        (few, _) => failures.push(format!(
            "too few samples to tell of {}; measure with --samples {FEWEST_SAMPLES} or more",
            text::several(few, "row")
        )),
    }
    let types: HashSet<_> = lines.iter().map(|line| &line.r#type).collect();
    let worse = comparisons.iter().zip(lines);
    let worse = worse.filter(|(comparison, _)| comparison.is_worse_by(share));
    failures.extend(worse.map(|(_, line)| {
        let size = size(line.size);
        let parts = [
            Some(&line.op),
            Some(&line.pass),
            Some(&line.r#type).filter(|_| types.len() > 1),
            Some(&size),
            Some(&line.after).filter(|after| *after != "-"),
        ];
        let what: Vec<_> = parts.into_iter().flatten().map(String::as_str).collect();
        let how = match (line.ratio, line.by) {
            (None, _) => line.note.clone(),
            (Some(ratio), Measure::Time) => format!("takes {:.2} times as long", ratio.value),
            (Some(ratio), Measure::Baseline) => {
                format!("{:.2} times as long beside its baseline", ratio.value)
            }
        };
        format!("{}: {how}", what.join(" "))
    }));
    failures
}

const COLUMNS: [Column<Line>; 9] = [
    Column::words("op", |line| line.op.clone()),
    Column::words("pass", |line| line.pass.clone()),
    Column::words("type", |line: &Line| line.r#type.clone()).may_go(),
    Column::numbers("size", |line| size(line.size)),
    Column::words("compared with", |line: &Line| line.before.clone()).may_go(),
    Column::words("what", |line: &Line| line.after.clone()).may_go(),
    Column::numbers("time", |line| {
        let time = |ns: Option<f64>| ns.map_or("-".to_owned(), time);
        format!("{} -> {}", time(line.before_ns), time(line.after_ns))
    }),
    Column::numbers("ratio", |line| match line.ratio {
        Some(Estimate { value, low, high }) => format!("{value:.2} [{low:.2} {high:.2}]"),
        None => "-".to_owned(),
    }),
    Column::words("verdict", |line| match line.verdict {
        Verdict::Untimed => line.note.clone(),
        verdict => text::name(verdict),
    }),
];

/// The columns of a CSV file.
const CSV: [CsvColumn<Line>; 14] = [
    ("op", |line| line.op.clone()),
    ("pass", |line| line.pass.clone()),
    ("type", |line| line.r#type.clone()),
    ("size_bytes", |line| line.size.to_string()),
    ("compared_with", |line| line.before.clone()),
    ("what", |line| line.after.clone()),
    ("by", |line| text::name(line.by)),
    ("before_ns", |line| number(line.before_ns)),
    ("after_ns", |line| number(line.after_ns)),
    ("ratio", |line| number(line.ratio.map(|ratio| ratio.value))),
    ("low", |line| number(line.ratio.map(|ratio| ratio.low))),
    ("high", |line| number(line.ratio.map(|ratio| ratio.high))),
    ("verdict", |line| text::name(line.verdict)),
    ("note", |line| line.note.clone()),
];

fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn summary(comparisons: &[Comparison<'_>], unmatched: usize) -> String {
    let count = |wanted: Verdict| {
        let verdicts = comparisons.iter().map(|found| found.verdict);
        verdicts.filter(|verdict| *verdict == wanted).count()
    };
    let mut summary = format!(
        "{} slower, {} faster, {} the same within noise",
        count(Verdict::Slower),
        count(Verdict::Faster),
        count(Verdict::Same)
    );
    for (number, what) in [
        (count(Verdict::Untimed), "without a time"),
        (count(Verdict::TooFew), "of too few samples"),
        (unmatched, "not in every file"),
    ] {
        if number > 0 {
            summary += &format!(", {number} {what}");
        }
    }
    let mut measures = comparisons.iter().map(|found| found.measure);
    if measures.all(|measure| measure == Measure::Time) {
        return summary;
    }
    summary += "; ratios are of times as multiples of the baseline's beside them";
    let tenth = |ratio: Estimate| (ratio.value - 1.0).abs() > 0.1;
    let far = comparisons.iter().filter(|found| {
        let (before, after) = (found.before.row, found.after.row);
        let is_baseline = after.kind == Kind::Baseline && before.device == after.device;
        is_baseline && found.verdict != Verdict::Same && found.ratio.is_some_and(tenth)
    });
    let changed: BTreeSet<_> = far.map(|found| &*found.after.row.op).collect();
    if !changed.is_empty() {
        let changed = Vec::from_iter(changed).join(", ");
        summary += &format!(
            "\nnot the same themselves: {changed}. If that is the machine, the ratios make up for it; if it is \
             another version of them, --by time does not count it"
        );
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
    fn new(files: &'a [PathBuf], comparisons: &[Comparison<'a>]) -> Self {
        let differ = |key: fn(&Row) -> &str| {
            let sides = |found: &Comparison<'a>| [found.before.row, found.after.row].map(key);
            let keys = comparisons.iter().flat_map(sides);
            keys.collect::<HashSet<_>>().len() > 1
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
        let file = file.map(|name| name.to_string_lossy());
        let parts = [
            file.as_deref().filter(|_| self.by_file),
            self.by_device.then_some(&*row.device),
            self.by_implementation.then_some(&*row.implementation),
            row.math.as_deref().filter(|_| self.by_math),
        ];
        text::or(Vec::from_iter(parts.into_iter().flatten()).join(" "), "-")
    }

    fn line(&self, comparison: &Comparison<'_>) -> Line {
        let (before, after) = (comparison.before.row, comparison.after.row);
        let median = |row: &Row| Some(row.measurement.as_ref()?.summary.median_ns);
        let mut sides = [before, after].into_iter();
        let untimed = sides.find(|row| row.timed().is_none());
        Line {
            op: title(after),
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
                let status = match row.status {
                    Status::Ok => "no measurement",
                    status => status.name(),
                };
                match &row.message {
                    Some(message) => format!("{status}: {message}"),
                    None => status.to_owned(),
                }
            }),
        }
    }
}

/// A share: 10%, 0.1.
fn share(text: &str) -> std::result::Result<f64, String> {
    let (number, factor) = match text.strip_suffix('%') {
        Some(number) => (number, 0.01),
        None => (text, 1.0),
    };
    match number.trim().parse::<f64>() {
        Ok(value) if factor == 1.0 && value >= 1.0 => Err(format!(
            "{text} is {:.0}%; write {text}% if that is meant",
            100.0 * value
        )),
        Ok(value) if value >= 0.0 && value.is_finite() => Ok(value * factor),
        _ => Err("write a share such as 10% or 0.1".to_owned()),
    }
}
