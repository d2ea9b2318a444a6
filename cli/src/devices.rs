//! `activations devices`

use clap::Args;
use serde::Serialize;

use super::{
    Failure, Result, device,
    text::{self, Column},
};
use wgpu_activations::bench::{
    facts,
    record::{DeviceFacts, DeviceLimits},
};

#[derive(Args)]
pub(super) struct Arguments {
    /// Print an array of objects, with limits and features.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Entry {
    #[serde(flatten)]
    facts: DeviceFacts,
    default: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result {
    let adapters = device::adapters()?;
    let default = device::default(&adapters);
    let facts = adapters.iter().map(facts::device).chain([facts::cpu()]);
    let entry = |facts: DeviceFacts| Entry {
        default: default.as_ref().is_ok_and(|it| it.name() == facts.name),
        facts,
    };
    let entries: Vec<_> = facts.map(entry).collect();
    if let Err(Failure::Error(error)) = &default {
        text::note(&format!("without --device nothing runs: {error}"));
    }
    if arguments.json {
        return text::print_json(&entries);
    }
    text::print_table(&entries, &COLUMNS)?;
    text::print("* used where --device is not given; limits and features: --json")
}

const COLUMNS: [Column<Entry>; 6] = [
    Column::words("name", |entry| {
        let sign = if entry.default { " *" } else { "" };
        format!("{}{sign}", entry.facts.name)
    }),
    Column::words("backend", |entry| entry.facts.backend.clone()),
    Column::words("type", |entry| entry.facts.r#type.clone()),
    Column::words("driver", |entry| entry.facts.driver.clone()),
    Column::words("binding", |entry| {
        size(entry, |limits| limits.max_binding_bytes)
    }),
    Column::words("buffer", |entry| {
        size(entry, |limits| limits.max_buffer_bytes)
    }),
];

fn size(entry: &Entry, bytes: fn(&DeviceLimits) -> u64) -> String {
    let limits = entry.facts.limits.as_ref();
    limits.map_or("-".to_owned(), |limits| {
        format!("{} MiB", bytes(limits) >> 20)
    })
}
