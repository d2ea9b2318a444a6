//! What the activations cost on a device, compared with each other.

use std::time::Duration;

use super::{lineup::Lineup, stats::median};
use crate::{activation::Activation, check::Pass, error::Result, gpu::Gpu};

/// What a sample lasts at least.
const MIN_TIME: Duration = Duration::from_millis(8);

/// Samples of each, taken in turn.
const ROUNDS: usize = 9;

const YARDSTICK: &str = "relu";

/// The time of each activation's forward pass in f32, with accurate math, as a multiple of ReLU's: the
/// median over rounds in which all take turns. `watch` is told what is prepared.
///
/// ```no_run
/// use wgpu_activations::{Gpu, bench};
///
/// let gpu = Gpu::new()?;
/// for (name, cost) in bench::costs(&gpu, |_| ())? {
///     println!("{name}: {cost:.1} times ReLU");
/// }
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
///
/// # Errors
///
/// What the device reports.
pub fn costs(gpu: &Gpu, watch: impl Fn(&str)) -> Result<Vec<(&'static str, f64)>> {
    let names: Vec<_> = Activation::all().map(|it| it.name()).collect();
    let ops: Vec<_> = names.iter().map(|name| (*name, Pass::Forward)).collect();
    let lineup = Lineup::new(gpu, &ops, MIN_TIME, &watch)?;
    let yardstick = names.iter().position(|name| *name == YARDSTICK);
    let mut costs = vec![Vec::new(); names.len()];
    for _ in 0..ROUNDS {
        let mut times = lineup.times();
        let mut round = Vec::new();
        for name in &names {
            watch(name);
            round.extend(times.next().transpose()?);
        }
        let unit = yardstick.map_or(f64::NAN, |place| round[place]);
        for (costs, time) in costs.iter_mut().zip(round) {
            costs.push(time / unit);
        }
    }
    let medians = costs.iter().map(|costs| median(costs));
    Ok(names.into_iter().zip(medians).collect())
}
