//! Finds the shapes of kernels that suit a device, by measuring.

use std::time::Duration;

use serde::Serialize;

use super::{case::MOMENTS, lineup::Lineup, stats::median};
use crate::{
    check::Pass,
    error::Result,
    family::{Family, families},
    gpu::{Gpu, Tuning},
};

/// What a sample lasts at least.
const MIN_TIME: Duration = Duration::from_millis(10);

/// Rounds over the candidates, and in how many a better one must be better.
const ROUNDS: usize = 9;
const WINS: usize = 8;

/// What it must save.
const WORTH: f64 = 0.03;

/// What puts a number into its place.
type Set = Box<dyn Fn(&mut Tuning, u32)>;

/// A number of a [`Tuning`] and what was found for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Knob {
    /// Its name.
    pub name: &'static str,
    /// The operations that it was measured by.
    pub ops: Vec<String>,
    /// The number before.
    pub before: u32,
    /// The best number: another than before only if it saves 3 % in 8 of 9 rounds.
    pub chosen: u32,
    /// Each number tried, with the time of the operations as a multiple of that before: the median over
    /// rounds of the geometric mean over operations.
    pub tried: Vec<(u32, f64)>,
}

/// How a number is tried: its name, what reads and writes it, and its candidates.
struct Trial {
    name: &'static str,
    get: Box<dyn Fn(&Gpu) -> u32>,
    set: Set,
    candidates: &'static [u32],
}

/// A trial of a field of [`Tuning`].
macro_rules! trial {
    ($field:ident, $candidates:expr) => {
        Trial {
            name: stringify!($field),
            get: Box::new(|gpu| gpu.tuning().$field),
            set: Box::new(|tuning, number| tuning.$field = number),
            candidates: $candidates,
        }
    };
}

/// The numbers that kernels share, then those of families.
fn trials() -> Vec<Trial> {
    let shared = [
        trial!(word_bits, &[32, 64]),
        trial!(lanes, &[1, 4]),
        trial!(pointwise_threads, &[64, 128, 256, 512]),
        trial!(column_rows, &[4, 8, 16]),
        trial!(reduction_rows, &[8, 16, 32, 64, 128]),
        trial!(reduction_vectors, &[1, 8]),
        trial!(reduction_threads, &[1, 4, 8]),
    ];
    let own = families().flat_map(Family::tunables).map(|own| Trial {
        name: own.name,
        get: Box::new(|gpu| own.of(gpu)),
        set: Box::new(|tuning, number| {
            tuning.of_families.insert(own.name.to_owned(), number);
        }),
        candidates: own.choices,
    });
    shared.into_iter().chain(own).collect()
}

/// The numbers that moments, which are no family's, are measured for.
const OF_MOMENTS: [&str; 4] = [
    "word_bits",
    "reduction_rows",
    "reduction_vectors",
    "reduction_threads",
];

/// The operations that the number called `name` is measured by: those whose families say so, and moments.
fn measured_by(name: &str) -> Vec<(&'static str, Pass)> {
    let mut ops = Vec::new();
    for family in families() {
        let tuned_by = family.benchmark().map_or(&[][..], |own| own.tuned_by);
        let own = tuned_by.iter().filter(|(knob, _)| *knob == name);
        ops.extend(own.map(|(_, pass)| (family.entry().name, *pass)));
    }
    if OF_MOMENTS.contains(&name) {
        ops.push((MOMENTS, Pass::Forward));
    }
    ops
}

/// The tuning that suits `gpu`, starting from its own, with what was found on the way. `watch` is told
/// what is measured next.
///
/// ```no_run
/// use wgpu_activations::{Gpu, bench};
///
/// let gpu = Gpu::new()?;
/// let (tuning, knobs) = bench::tune(&gpu, |name| eprintln!("{name}"))?;
/// for knob in knobs.iter().filter(|knob| knob.chosen != knob.before) {
///     println!("{}: {} in place of {}", knob.name, knob.chosen, knob.before);
/// }
/// let gpu = gpu.with_tuning(tuning);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
///
/// # Errors
///
/// What the device reports.
pub fn tune(gpu: &Gpu, watch: impl Fn(&str)) -> Result<(Tuning, Vec<Knob>)> {
    let mut gpu = gpu.clone();
    let mut knobs = Vec::new();
    for trial in trials() {
        watch(trial.name);
        let knob = trial.run(&gpu)?;
        if knob.chosen != knob.before {
            gpu = trial.with(&gpu, knob.chosen);
        }
        knobs.push(knob);
    }
    Ok((gpu.tuning().clone(), knobs))
}

impl Trial {
    /// The same device with this number.
    fn with(&self, gpu: &Gpu, number: u32) -> Gpu {
        let mut tuning = gpu.tuning().clone();
        (self.set)(&mut tuning, number);
        gpu.with_tuning(tuning)
    }

    fn run(&self, gpu: &Gpu) -> Result<Knob> {
        let before = (self.get)(gpu);
        let ops = measured_by(self.name);
        let limit = gpu.limits().max_compute_invocations_per_workgroup;
        let others = self.candidates.iter().copied();
        // The first is what the others are held against.
        let numbers = others.filter(|&number| {
            let taken = (self.get)(&self.with(gpu, number));
            // Some the device cannot have.
            number != before
                && number == taken
                && (self.name != "pointwise_threads" || number <= limit)
        });
        let numbers: Vec<_> = std::iter::once(before).chain(numbers).collect();
        let candidate =
            |number: &u32| Lineup::new(&self.with(gpu, *number), &ops, MIN_TIME, |_| ());
        let candidates = numbers.iter().map(candidate).collect::<Result<Vec<_>>>()?;
        // By candidate, the geometric mean over operations of each round's time.
        let mut means = vec![Vec::new(); candidates.len()];
        for _ in 0..ROUNDS {
            for (candidate, means) in candidates.iter().zip(&mut means) {
                let logarithms = candidate.times().map(|time| Ok(time?.ln()));
                let sum: f64 = logarithms.sum::<Result<_>>()?;
                means.push((sum / ops.len() as f64).exp());
            }
        }
        let ratios = |own: &Vec<f64>| {
            let pairs = own.iter().zip(&means[0]);
            pairs.map(|(own, first)| own / first).collect()
        };
        let ratios: Vec<Vec<f64>> = means.iter().map(ratios).collect();
        let is_better = |ratios: &[f64]| {
            let wins = ratios.iter().filter(|ratio| **ratio < 1.0).count();
            median(ratios) < 1.0 - WORTH && wins >= WINS
        };
        let best = (0..numbers.len())
            .filter(|&index| index == 0 || is_better(&ratios[index]))
            .min_by(|&a, &b| median(&ratios[a]).total_cmp(&median(&ratios[b])));
        let tried = numbers.iter().zip(&ratios);
        Ok(Knob {
            name: self.name,
            ops: ops
                .iter()
                .map(|(op, pass)| format!("{op} {}", pass.name()))
                .collect(),
            before,
            chosen: best.map_or(before, |index| numbers[index]),
            tried: tried
                .map(|(number, ratios)| (*number, median(ratios)))
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_measured_for_numbers_that_there_are() {
        let names: Vec<_> = trials().iter().map(|trial| trial.name).collect();
        for family in families() {
            let tuned_by = family.benchmark().map_or(&[][..], |own| own.tuned_by);
            for (knob, _) in tuned_by {
                assert!(names.contains(knob), "{}: {knob}", family.entry().name);
            }
        }
        assert!(OF_MOMENTS.iter().all(|knob| names.contains(knob)));
    }

    #[test]
    fn every_number_is_measured_by_something() {
        for trial in trials() {
            assert!(!measured_by(trial.name).is_empty(), "{}", trial.name);
        }
    }
}
