//! `activations tune`

use clap::Args;
use serde::Serialize;

use super::{
    Result,
    device::{self, Choice},
    text::{self, Column},
    tuning,
};
use wgpu_activations::{
    Gpu, ShaderChecks,
    bench::{Knob, tune},
    gpu::Tuning,
};

const ABOUT: &str = "\
Measures kernels in other shapes on a device, and keeps the shapes that save 3 % or more: threads of a \
workgroup, words that loads take, lanes that are computed with at a time, rows that a thread takes, threads \
that join their sums, and what shapes one family alone. They are kept per \
device, driver and version of this program in the user's folder for caches, and every command uses \
them; `bench --untuned` does not. Results stay within their tolerances; sums taken in another order may \
differ in the last place.

Examples:
  activations tune
  activations bench --untuned -o before.json && activations tune && activations bench -o after.json
  activations compare before.json after.json --by time
  activations tune --forget                            the default again";

#[derive(Args)]
#[command(after_long_help = ABOUT)]
pub(super) struct Arguments {
    /// A device, as `activations devices` names it; may be repeated.
    #[arg(long, value_name = "D", conflicts_with = "all_devices")]
    device: Vec<String>,
    /// Every adapter there is.
    #[arg(long)]
    all_devices: bool,
    /// Forget what was found before, and measure nothing.
    #[arg(long)]
    forget: bool,
    /// Print what was found as JSON.
    #[arg(long, conflicts_with = "forget")]
    json: bool,
}

/// What was found for a device.
#[derive(Serialize)]
struct Tuned {
    device: String,
    tuning: Tuning,
    knobs: Vec<Knob>,
}

pub(super) fn run(arguments: &Arguments) -> Result {
    let chosen = device::choose_all(&arguments.device, arguments.all_devices)?;
    let mut all = Vec::new();
    for choice in &chosen {
        let Choice::Adapter(adapter) = choice else {
            text::note("cpu has no kernels whose shapes could be tuned");
            continue;
        };
        if arguments.forget {
            let path = tuning::keep(adapter, None)?;
            let (name, path) = (adapter.name(), path.display());
            text::tell(&format!(
                "{name} has the default shapes again; {path} keeps none for it"
            ));
            continue;
        }
        let gpu = Gpu::open(adapter, ShaderChecks::Trusted)?;
        let progress = text::spinner();
        let (found, knobs) = tune(&gpu, |knob| {
            progress.set_message(format!("{knob} on {}", adapter.name()));
        })?;
        progress.finish_and_clear();
        let better = (found != *gpu.tuning()).then(|| found.clone());
        let is_better = better.is_some();
        let path = tuning::keep(adapter, better)?;
        if !arguments.json {
            text::print(adapter.name())?;
            text::print_table(&knobs, &COLUMNS)?;
            let kept = match is_better {
                true => format!("kept in {}", path.display()),
                false => "the default suits it".to_owned(),
            };
            text::print(&kept)?;
        }
        all.push(Tuned {
            device: adapter.name().to_owned(),
            tuning: found,
            knobs,
        });
    }
    if arguments.json {
        text::print_json(&all)?;
    }
    Ok(())
}

const COLUMNS: [Column<Knob>; 4] = [
    Column::words("shape", |knob| knob.name.to_owned()),
    Column::numbers("before", |knob| knob.before.to_string()),
    Column::numbers("now", |knob| knob.chosen.to_string()),
    Column::words("time, of that before", |knob| {
        let tried = knob.tried.iter().skip(1);
        let tried = tried.map(|(number, ratio)| format!("{number}: {ratio:.2}"));
        tried.collect::<Vec<_>>().join("  ")
    }),
];
