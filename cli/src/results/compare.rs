//! What changed between runs, or differs between devices and implementations, and whether it is more
//! than noise.

use std::collections::HashSet;

use clap::ValueEnum;
use serde::Serialize;

use wgpu_activations::bench::{
    record::{Kind, Measurement, Row, Run},
    stats::{Estimate, ratio_of_medians},
};

/// What is compared of two rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Measure {
    /// Times.
    Time,
    // The machine's own speed, which differs from hour to hour, falls out.
    /// Times as multiples of the baseline's.
    Baseline,
}

/// What a comparison says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// The interval holds 1: the difference is noise.
    Same,
    /// Less time, and the interval leaves out 1.
    Faster,
    /// More time, and the interval leaves out 1.
    Slower,
    /// There is no time on one side, or on both.
    Untimed,
    /// So few samples that what they say is luck.
    #[serde(rename = "too few samples")]
    TooFew,
}

/// Samples, and rounds of them, that a verdict needs on each side.
pub(crate) const FEWEST_SAMPLES: usize = 6;
const FEWEST_ROUNDS: usize = 2;

/// A row of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Side<'a> {
    /// The run, by its place among those compared.
    pub(crate) run: usize,
    pub(crate) row: &'a Row,
}

/// Two rows of the same work.
#[derive(Debug, Clone)]
pub(crate) struct Comparison<'a> {
    pub(crate) before: Side<'a>,
    pub(crate) after: Side<'a>,
    /// What the ratio is of.
    pub(crate) measure: Measure,
    /// Of `after` to `before`, with its 99 % interval: 1.2 takes a fifth more time. None unless both
    /// have times.
    pub(crate) ratio: Option<Estimate>,
    pub(crate) verdict: Verdict,
}

impl Comparison<'_> {
    /// Whether `after` is slower by more than `share`, beyond noise, or has no time where `before` has.
    pub(crate) fn is_worse_by(&self, share: f64) -> bool {
        match self.ratio {
            Some(ratio) => self.verdict == Verdict::Slower && ratio.value > 1.0 + share,
            None => self.before.row.timed().is_some() && self.after.row.timed().is_none(),
        }
    }
}

/// Compares each run with the first, row by row: with the row of the same device, implementation and
/// math where there is one, else with every row of the same work. One run alone is compared with itself:
/// its devices, implementations and maths with whichever comes first. `measure` is what suits the rows
/// where it is none: the same device and implementation by the baseline, others by time.
pub(crate) fn compare(runs: &[Run], measure: Option<Measure>) -> Vec<Comparison<'_>> {
    let sides = |run: usize| runs[run].rows.iter().map(move |row| Side { run, row });
    let mut comparisons = Vec::new();
    if runs.len() == 1 {
        let mut seen: Vec<Side<'_>> = Vec::new();
        for after in sides(0) {
            match seen.iter().find(|before| same_work(before.row, after.row)) {
                Some(&before) => comparisons.push(pair(before, after, measure)),
                None => seen.push(after),
            }
        }
        return comparisons;
    }
    for run in 1..runs.len() {
        for after in sides(run) {
            let befores = sides(0).filter(|before| same_work(before.row, after.row));
            let mut befores: Vec<_> = befores.collect();
            let exact = |before: &Side<'_>| same_contender(before.row, after.row);
            let there = |before: &Side<'_>| before.row.device == after.row.device;
            if let Some(before) = befores.iter().copied().find(exact) {
                befores = vec![before];
            } else if befores.iter().any(there) {
                befores.retain(there);
            }
            let pairs = befores.into_iter();
            comparisons.extend(pairs.map(|before| pair(before, after, measure)));
        }
    }
    comparisons
}

/// Rows of the first run that another has not, and of others that the first has not: of the same work, and where the two
/// share a device, implementation and math, of the same of these, too.
pub(crate) fn unmatched(runs: &[Run]) -> usize {
    let Some((first, others)) = runs.split_first() else {
        return 0;
    };
    let shares = |other: &Run| !contenders(first).is_disjoint(&contenders(other));
    let shares: Vec<_> = others.iter().map(shares).collect();
    let lacks = |rows: &Run, row: &Row, exact: bool| {
        let is_it = |it: &Row| same_work(it, row) && (!exact || same_contender(it, row));
        !rows.rows.iter().any(is_it)
    };
    let others = || others.iter().zip(&shares);
    let is_lost = |row: &&Row| others().any(|(other, &exact)| lacks(other, row, exact));
    let new = others().flat_map(|(other, &exact)| {
        let rows = other.rows.iter();
        rows.filter(move |row| lacks(first, row, exact))
    });
    first.rows.iter().filter(is_lost).count() + new.count()
}

/// What a row measures, whoever does it.
fn work(row: &Row) -> impl Eq {
    (row.kind, &row.op, &row.pass, &row.dtype, &row.shape)
}

fn same_work(a: &Row, b: &Row) -> bool {
    work(a) == work(b)
}

/// Those whose speed a run measures; every run has baselines.
fn contenders(run: &Run) -> HashSet<(&str, &str, Option<&str>)> {
    let rows = run.rows.iter().filter(|row| row.kind != Kind::Baseline);
    rows.map(contender).collect()
}

/// Who does it: the device, the implementation, whose version may differ, and the math.
fn contender(row: &Row) -> (&str, &str, Option<&str>) {
    let whole = &*row.implementation;
    let name = whole.rsplit_once(' ').map_or(whole, |(name, _)| name);
    (&row.device, name, row.math.as_deref())
}

fn same_contender(a: &Row, b: &Row) -> bool {
    contender(a) == contender(b)
}

fn pair<'a>(before: Side<'a>, after: Side<'a>, measure: Option<Measure>) -> Comparison<'a> {
    let of = baseline(before.row);
    let one_baseline = of.is_some() && of == baseline(after.row);
    let measure = match measure {
        Some(Measure::Baseline) | None if !one_baseline => Measure::Time,
        Some(measure) => measure,
        None if same_contender(before.row, after.row) => Measure::Baseline,
        None => Measure::Time,
    };
    let ratio = match (before.row.timed(), after.row.timed()) {
        (Some(a), Some(b)) => Some(ratio_of_medians(&samples(a, measure), &samples(b, measure))),
        _ => None,
    };
    let is_few = |side: Side<'_>| {
        let rounds = side.row.measurement.as_ref().map(|it| &it.rounds_ns);
        rounds.is_some_and(|rounds| {
            rounds.len() < FEWEST_ROUNDS || rounds.concat().len() < FEWEST_SAMPLES
        })
    };
    let verdict = match ratio {
        None => Verdict::Untimed,
        Some(_) if is_few(before) || is_few(after) => Verdict::TooFew,
        Some(ratio) if ratio.low > 1.0 => Verdict::Slower,
        Some(ratio) if ratio.high < 1.0 => Verdict::Faster,
        Some(_) => Verdict::Same,
    };
    Comparison {
        before,
        after,
        measure,
        ratio,
        verdict,
    }
}

fn baseline(row: &Row) -> Option<&str> {
    Some(&row.measurement.as_ref()?.baseline.as_ref()?.name)
}

fn samples(measurement: &Measurement, measure: Measure) -> Vec<Vec<f64>> {
    let ratios = match measure {
        Measure::Time => None,
        Measure::Baseline => measurement.ratios(),
    };
    ratios.unwrap_or_else(|| measurement.rounds_ns.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use wgpu_activations::bench::{
        record::{Baseline, Status},
        stats,
    };

    const OURS: &str = "wgpu-activations 0.1.0";

    /// Samples around `ns`, some of them late.
    fn rounds(ns: f64, seed: u64) -> Vec<Vec<f64>> {
        let mut words = wgpu_activations::accuracy::inputs::words(seed);
        let mut sample = || {
            let word = words.next().unwrap();
            let late = if word.is_multiple_of(16) { 1.3 } else { 1.0 };
            ns * late * (1.0 + f64::from(word >> 16) / 65536e1)
        };
        (0..5).map(|_| (0..6).map(|_| sample()).collect()).collect()
    }

    fn row(implementation: &str, ns: f64, copy_ns: f64, seed: u64) -> Row {
        let rounds_ns = rounds(ns, seed);
        let baseline = Baseline {
            name: "copy".to_owned(),
            moved_bytes: 8,
            rounds_ns: rounds(copy_ns, seed + 100),
        };
        let summary = stats::summary(8, &rounds_ns, Some(&baseline));
        let row = json!({
            "implementation": implementation, "device": "d", "math": "accurate", "kind": "kernel",
            "op": "gelu", "pass": "forward", "dtype": "f32", "shape": [1], "input_bytes": 4,
            "moved_bytes": 8, "status": "ok",
            "measurement": {
                "clock": "device", "repeats": 1, "working_set_bytes": 0,
                "rounds_ns": rounds_ns, "baseline": baseline, "summary": summary,
            },
        });
        serde_json::from_value(row).unwrap()
    }

    fn run(rows: Vec<Row>) -> Run {
        let settings = json!({
            "preset": "", "samples": 30, "rounds": 5, "min_time_ms": 1.0, "working_set_bytes": 0,
        });
        let run = json!({
            "schema": "", "program": { "name": "", "version": "" }, "started": "", "complete": true,
            "host": crate::measure::facts::host(), "settings": settings, "devices": [], "rows": rows,
        });
        serde_json::from_value(run).unwrap()
    }

    #[test]
    fn the_same_again_is_noise_and_a_fifth_slower_is_not() {
        for seed in 0..20 {
            for (ns, verdict) in [(1000.0, Verdict::Same), (1200.0, Verdict::Slower)] {
                let before = run(vec![row(OURS, 1000.0, 500.0, seed)]);
                let runs = [before, run(vec![row(OURS, ns, 500.0, seed + 50)])];
                let found = compare(&runs, None);
                assert_eq!((found.len(), found[0].verdict), (1, verdict), "{seed}");
            }
        }
    }

    #[test]
    fn a_machine_that_is_slower_as_a_whole_is_divided_out_on_one_device() {
        let before = run(vec![row(OURS, 1000.0, 500.0, 1)]);
        let after = run(vec![row("wgpu-activations 0.2.0", 1500.0, 750.0, 2)]);
        let runs = [before, after];
        let by_baseline = compare(&runs, None);
        assert_eq!(by_baseline[0].measure, Measure::Baseline);
        assert_eq!(by_baseline[0].verdict, Verdict::Same);
        let by_time = compare(&runs, Some(Measure::Time));
        assert_eq!(by_time[0].verdict, Verdict::Slower);
        assert!(by_time[0].is_worse_by(0.4) && !by_time[0].is_worse_by(0.6));
    }

    #[test]
    fn other_devices_and_implementations_are_compared_by_time() {
        let mut native = row(OURS, 800.0, 500.0, 3);
        native.math = Some("native".to_owned());
        let mut burn = row("burn 0.22.1", 2000.0, 500.0, 2);
        burn.math = None;
        let before = vec![row(OURS, 1000.0, 500.0, 1), native];
        let runs = [run(before.clone()), run(vec![burn.clone()])];
        let found = compare(&runs, None);
        // With both maths, since neither is burn's.
        assert_eq!(found.len(), 2);
        let ratios: Vec<_> = found.iter().filter_map(|found| found.ratio).collect();
        assert!((1.9..2.1).contains(&ratios[0].value) && (2.4..2.6).contains(&ratios[1].value));
        assert!(found.iter().all(|found| found.measure == Measure::Time));
        let alone = [run([before, vec![burn]].concat())];
        assert_eq!(compare(&alone, None).len(), 2);
    }

    #[test]
    fn a_row_that_lost_its_time_is_worse() {
        let right = row(OURS, 1.0, 1.0, 1);
        let mut wrong = right.clone();
        wrong.status = Status::Wrong;
        wrong.measurement = None;
        let runs = [run(vec![right.clone()]), run(vec![wrong])];
        let found = compare(&runs, None);
        assert_eq!(found[0].verdict, Verdict::Untimed);
        assert!(found[0].is_worse_by(1e9));
        assert_eq!(unmatched(&runs), 0);
        assert_eq!(unmatched(&[run(vec![right.clone()]), run(Vec::new())]), 1);
        let mut unmeasured = right.clone();
        unmeasured.measurement = None;
        let runs = [run(vec![right]), run(vec![unmeasured])];
        assert!(compare(&runs, None)[0].is_worse_by(1e9));
    }

    #[test]
    fn rows_that_one_file_lacks_are_counted() {
        let ours = row(OURS, 1.0, 1.0, 1);
        let with = |change: fn(&mut Row)| {
            let mut row = ours.clone();
            change(&mut row);
            row
        };
        let native = with(|row| row.math = Some("native".to_owned()));
        let newer = with(|row| row.implementation = "wgpu-activations 0.2.0".to_owned());
        let elsewhere = with(|row| row.device = "e".to_owned());
        let elu = with(|row| row.op = "elu".to_owned());
        let copy = with(|row| row.kind = Kind::Baseline);
        let all = [&ours, &native, &elsewhere, &elu, &copy];
        let of = |rows: &[&Row]| run(rows.iter().map(|&row| row.clone()).collect());
        assert_eq!(unmatched(&[of(&all)]), 0);
        let newer_all = [&newer, &native, &elsewhere, &elu, &copy];
        assert_eq!(unmatched(&[of(&all), of(&newer_all)]), 0);
        assert_eq!(
            unmatched(&[of(&all), of(&[&ours, &native, &elu, &copy])]),
            1
        );
        assert_eq!(unmatched(&[of(&all), of(&[&ours, &elsewhere, &elu])]), 2);
        assert_eq!(unmatched(&[of(&[&ours, &copy]), of(&all)]), 3);
        // Each file is to have all, not just one of them.
        let without = [&ours, &native, &elsewhere, &copy];
        assert_eq!(unmatched(&[of(&all), of(&without), of(&all)]), 1);
        // Others' work is compared whoever does it.
        assert_eq!(unmatched(&[of(&[&ours, &native]), of(&[&elsewhere])]), 0);
        assert_eq!(unmatched(&[of(&[&ours, &copy]), of(&[&native, &copy])]), 0);
    }
}
