//! What changed between runs, or differs between devices and implementations, and whether it is more
//! than noise.

use std::collections::HashSet;

use serde::Serialize;

use wgpu_activations::bench::{
    record::{Measurement, Row, Run, Status},
    stats::{Estimate, ratio_of_medians},
};

/// What is compared of two rows.
///
/// ```no_run
/// use wgpu_activations::bench::record::Run;
/// use wgpu_activations_cli::results::compare::{Measure, compare};
///
/// let runs = [Run::read("before.json".as_ref())?, Run::read("after.json".as_ref())?];
/// // Times as such, though the machine may have been busier.
/// let comparisons = compare(&runs, Some(Measure::Time));
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// Times.
    Time,
    /// Times as multiples of the baseline's beside them, so that the machine's own speed, which differs
    /// from hour to hour, falls out.
    Baseline,
}

/// What a comparison says.
///
/// ```no_run
/// # use wgpu_activations::bench::record::Run;
/// # use wgpu_activations_cli::results::compare::{Verdict, compare};
/// # let runs = [Run::read("before.json".as_ref())?, Run::read("after.json".as_ref())?];
/// let comparisons = compare(&runs, None);
/// let slower = comparisons.iter().filter(|it| it.verdict == Verdict::Slower);
/// println!("{} of {} are slower", slower.count(), comparisons.len());
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The interval holds 1: the difference is noise.
    Same,
    /// Less time, and the interval leaves out 1.
    Faster,
    /// More time, and the interval leaves out 1.
    Slower,
    /// There is no time on one side, or on both.
    Untimed,
}

/// A row of one run.
///
/// ```no_run
/// # use wgpu_activations::bench::record::Run;
/// # use wgpu_activations_cli::results::compare::compare;
/// // One run: its devices and maths beside each other.
/// let runs = [Run::read("devices.json".as_ref())?];
/// for comparison in compare(&runs, None) {
///     let (before, after) = (comparison.before.row, comparison.after.row);
///     println!("{} {}: {} and {}", before.op, before.pass, before.device, after.device);
/// }
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The run, by its place among those compared.
    pub run: usize,
    /// The row.
    pub row: &'a Row,
}

/// Two rows of the same work.
///
/// ```no_run
/// # use wgpu_activations::bench::record::Run;
/// # use wgpu_activations_cli::results::compare::compare;
/// # let runs = [Run::read("before.json".as_ref())?, Run::read("after.json".as_ref())?];
/// for comparison in compare(&runs, None) {
///     if let Some(ratio) = comparison.ratio {
///         let op = &comparison.after.row.op;
///         println!("{op}: {:.2} ({:.2} to {:.2})", ratio.value, ratio.low, ratio.high);
///     }
/// }
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Comparison<'a> {
    /// What is compared with.
    pub before: Side<'a>,
    /// What is compared.
    pub after: Side<'a>,
    /// What the ratio is of.
    pub measure: Measure,
    /// Of `after` to `before`, with its 99 % interval: 1.2 takes a fifth more time. None unless both
    /// have times.
    pub ratio: Option<Estimate>,
    /// What that says.
    pub verdict: Verdict,
}

impl Comparison<'_> {
    /// Whether `after` is slower by more than `share`, beyond noise, or has no time where `before` has.
    pub fn is_worse_by(&self, share: f64) -> bool {
        match self.ratio {
            Some(ratio) => self.verdict == Verdict::Slower && ratio.value > 1.0 + share,
            None => self.before.row.status == Status::Ok && self.after.row.status != Status::Ok,
        }
    }
}

/// Compares each run with the first, row by row: with the row of the same device, implementation and
/// math where there is one, else with every row of the same work. One run alone is compared with itself:
/// its devices, implementations and maths with whichever comes first. `measure` is what suits the rows
/// where it is none: the same device and implementation by the baseline, others by time.
///
/// ```no_run
/// use wgpu_activations::bench::record::Run;
/// use wgpu_activations_cli::results::compare::compare;
///
/// let runs = [Run::read("before.json".as_ref())?, Run::read("after.json".as_ref())?];
/// for comparison in compare(&runs, None) {
///     assert!(!comparison.is_worse_by(0.05), "{}", comparison.after.row.op);
/// }
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
pub fn compare(runs: &[Run], measure: Option<Measure>) -> Vec<Comparison<'_>> {
    let sides = |run: usize| {
        runs[run..=run]
            .iter()
            .flat_map(move |one| one.rows.iter().map(move |row| Side { run, row }))
    };
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
            let candidates: Vec<_> = sides(0)
                .filter(|before| same_work(before.row, after.row))
                .collect();
            let exact = |before: &&Side<'_>| same_contender(before.row, after.row);
            let there = |before: &&Side<'_>| before.row.device == after.row.device;
            let befores: Vec<_> = if let Some(before) = candidates.iter().find(exact) {
                vec![*before]
            } else if candidates.iter().any(|before| there(&before)) {
                candidates
                    .into_iter()
                    .filter(|before| there(&before))
                    .collect()
            } else {
                candidates
            };
            let pairs = befores.into_iter();
            comparisons.extend(pairs.map(|before| pair(before, after, measure)));
        }
    }
    comparisons
}

/// Rows of the first run that no other has, and of others that the first has not.
///
/// ```no_run
/// use wgpu_activations::bench::record::Run;
/// use wgpu_activations_cli::results::compare::unmatched;
///
/// let runs = [Run::read("before.json".as_ref())?, Run::read("after.json".as_ref())?];
/// assert_eq!(unmatched(&runs), 0, "the runs are not of one plan");
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
pub fn unmatched(runs: &[Run]) -> usize {
    let key = |row: &Row| {
        let (op, pass) = (row.op.clone(), row.pass.clone());
        (row.kind, op, pass, row.dtype.clone(), row.shape.clone())
    };
    let keys: Vec<HashSet<_>> = runs
        .iter()
        .map(|run| run.rows.iter().map(key).collect())
        .collect();
    let Some((first, others)) = keys.split_first() else {
        return 0;
    };
    let elsewhere = |key: &_| others.iter().any(|keys| keys.contains(key));
    let lost = first
        .iter()
        .filter(|key| !others.is_empty() && !elsewhere(key));
    let new = others.iter().flatten().filter(|key| !first.contains(key));
    lost.count() + new.count()
}

fn same_work(a: &Row, b: &Row) -> bool {
    (a.kind, &a.op, &a.pass, &a.dtype, &a.shape) == (b.kind, &b.op, &b.pass, &b.dtype, &b.shape)
}

/// The version of an implementation may differ.
fn same_contender(a: &Row, b: &Row) -> bool {
    fn name(row: &Row) -> &str {
        row.implementation
            .rsplit_once(' ')
            .map_or(&*row.implementation, |(name, _)| name)
    }
    (&a.device, name(a), &a.math) == (&b.device, name(b), &b.math)
}

fn pair<'a>(before: Side<'a>, after: Side<'a>, measure: Option<Measure>) -> Comparison<'a> {
    let one_baseline =
        baseline(before.row).is_some() && baseline(before.row) == baseline(after.row);
    let measure = match measure {
        Some(Measure::Baseline) | None if !one_baseline => Measure::Time,
        Some(measure) => measure,
        None if same_contender(before.row, after.row) => Measure::Baseline,
        None => Measure::Time,
    };
    let ratio = match (&before.row.measurement, &after.row.measurement) {
        (Some(a), Some(b)) => Some(ratio_of_medians(&samples(a, measure), &samples(b, measure))),
        _ => None,
    };
    let verdict = match ratio {
        None => Verdict::Untimed,
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
    let measurement = row.measurement.as_ref()?;
    measurement
        .baseline
        .as_ref()
        .map(|baseline| &*baseline.name)
}

fn samples(measurement: &Measurement, measure: Measure) -> Vec<Vec<f64>> {
    match measure {
        Measure::Time => measurement.rounds_ns.clone(),
        Measure::Baseline => measurement
            .ratios()
            .unwrap_or_else(|| measurement.rounds_ns.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wgpu_activations::bench::record::{Baseline, Clock, Kind, Program, Settings};

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

    fn row(device: &str, implementation: &str, op: &str, ns: f64, copy_ns: f64, seed: u64) -> Row {
        let rounds_ns = rounds(ns, seed);
        let baseline = Some(Baseline {
            name: "copy".to_owned(),
            moved_bytes: 8,
            rounds_ns: rounds(copy_ns, seed + 100),
        });
        Row {
            implementation: implementation.to_owned(),
            device: device.to_owned(),
            kind: Kind::Kernel,
            op: op.to_owned(),
            pass: "forward".to_owned(),
            dtype: "f32".to_owned(),
            math: Some("accurate".to_owned()),
            shape: vec![1],
            input_bytes: 4,
            moved_bytes: 8,
            status: Status::Ok,
            message: None,
            accuracy: None,
            measurement: Some(Measurement {
                clock: Clock::Device,
                repeats: 1,
                working_set_bytes: 0,
                summary: wgpu_activations::bench::stats::summary(8, &rounds_ns, baseline.as_ref()),
                rounds_ns,
                baseline,
            }),
        }
    }

    fn run(rows: Vec<Row>) -> Run {
        Run {
            schema: String::new(),
            program: Program {
                name: String::new(),
                version: String::new(),
                commit: None,
            },
            started: String::new(),
            complete: true,
            host: crate::measure::facts::host(),
            settings: Settings {
                preset: String::new(),
                samples: 30,
                rounds: 5,
                min_time_ms: 1.0,
                working_set_bytes: 0,
            },
            devices: Vec::new(),
            rows,
        }
    }

    fn verdicts(before: Vec<Row>, after: Vec<Row>) -> Vec<Verdict> {
        let runs = [run(before), run(after)];
        let comparisons = compare(&runs, None);
        comparisons.iter().map(|found| found.verdict).collect()
    }

    #[test]
    fn the_same_again_is_noise_and_a_fifth_slower_is_not() {
        let ours = "wgpu-activations 0.1.0";
        for seed in 0..20 {
            let before = || vec![row("d", ours, "gelu", 1000.0, 500.0, seed)];
            let same = vec![row("d", ours, "gelu", 1000.0, 500.0, seed + 50)];
            assert_eq!(verdicts(before(), same), [Verdict::Same], "{seed}");
            let slower = vec![row("d", ours, "gelu", 1200.0, 500.0, seed + 50)];
            assert_eq!(verdicts(before(), slower), [Verdict::Slower], "{seed}");
        }
    }

    #[test]
    fn a_machine_that_is_slower_as_a_whole_is_divided_out_on_one_device() {
        let ours = "wgpu-activations 0.1.0";
        let before = run(vec![row("d", ours, "gelu", 1000.0, 500.0, 1)]);
        let after = run(vec![row(
            "d",
            "wgpu-activations 0.2.0",
            "gelu",
            1500.0,
            750.0,
            2,
        )]);
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
        let ours = "wgpu-activations 0.1.0";
        let mut native = row("d", ours, "gelu", 800.0, 500.0, 3);
        native.math = Some("native".to_owned());
        let mut burn = row("d", "burn 0.22.1", "gelu", 2000.0, 500.0, 2);
        burn.math = None;
        let before = vec![row("d", ours, "gelu", 1000.0, 500.0, 1), native];
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
        let ours = "wgpu-activations 0.1.0";
        let mut wrong = row("d", ours, "gelu", 1.0, 1.0, 1);
        wrong.status = Status::Wrong;
        wrong.measurement = None;
        let runs = [
            run(vec![row("d", ours, "gelu", 1.0, 1.0, 1)]),
            run(vec![wrong]),
        ];
        let found = compare(&runs, None);
        assert_eq!(found[0].verdict, Verdict::Untimed);
        assert!(found[0].is_worse_by(1e9));
        assert_eq!(unmatched(&runs), 0);
        let other = [
            run(vec![row("d", ours, "gelu", 1.0, 1.0, 1)]),
            run(Vec::new()),
        ];
        assert_eq!(unmatched(&other), 1);
    }
}
