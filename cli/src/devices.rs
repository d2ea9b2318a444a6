//! `activations devices`

use clap::Args;
use serde::Serialize;

use super::{Result, device, text};
use wgpu_activations::{
    Adapter,
    bench::{
        facts,
        record::{DeviceFacts, DeviceLimits},
    },
    gpu,
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
    let adapters = device::adapters();
    let best = gpu::best(&adapters).ok().map(Adapter::name);
    let mut entries: Vec<_> = adapters
        .iter()
        .map(|adapter| entry(adapter, best))
        .collect();
    entries.push(cpu(best.is_none()));
    if arguments.json {
        return Ok(text::print_json(&entries)?);
    }
    let mut table = text::table(&["name", "backend", "type", "driver", "binding", "buffer"]);
    for entry in &entries {
        let size = |bytes: fn(&DeviceLimits) -> u64| {
            entry
                .facts
                .limits
                .as_ref()
                .map_or("-".to_owned(), |limits| mebibytes(bytes(limits)))
        };
        table.add_row([
            format!(
                "{}{}",
                entry.facts.name,
                if entry.default { " *" } else { "" }
            ),
            entry.facts.backend.clone(),
            entry.facts.r#type.clone(),
            entry.facts.driver.clone(),
            size(|limits| limits.max_binding_bytes),
            size(|limits| limits.max_buffer_bytes),
        ]);
    }
    text::print(&text::trimmed(&table))?;
    text::print("* used where --device is not given; limits and features: --json")?;
    Ok(())
}

fn entry(adapter: &Adapter, best: Option<&str>) -> Entry {
    Entry {
        facts: facts::device(adapter),
        default: best == Some(adapter.name()),
    }
}

fn cpu(default: bool) -> Entry {
    Entry {
        facts: DeviceFacts {
            name: device::CPU.to_owned(),
            adapter: format!("{} threads", rayon::current_num_threads()),
            r#type: "cpu".to_owned(),
            backend: "-".to_owned(),
            driver: "the f64 reference".to_owned(),
            vendor_id: 0,
            device_id: 0,
            pci_bus_id: None,
            limits: None,
            features: Vec::new(),
            timestamp_period_ns: None,
            tuning: None,
        },
        default,
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}
