//! `activations devices`

use clap::Args;
use serde::Serialize;

use super::{Result, device, text};
use crate::gpu::{self, Adapter};

#[derive(Args)]
pub(super) struct Arguments {
    /// Print an array of objects, with limits and features.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Entry {
    name: String,
    adapter: String,
    backend: String,
    driver: String,
    r#type: String,
    pci_bus_id: Option<String>,
    default: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<Limits>,
    features: Vec<&'static str>,
}

/// The limits that bear on activations.
#[derive(Serialize)]
struct Limits {
    max_buffer_bytes: u64,
    max_binding_bytes: u64,
    max_workgroup_threads: u32,
    max_workgroups_per_dimension: u32,
    workgroup_memory_bytes: u32,
    subgroup_min: u32,
    subgroup_max: u32,
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
        let size = |bytes: fn(&Limits) -> u64| {
            entry
                .limits
                .as_ref()
                .map_or("-".to_owned(), |limits| mebibytes(bytes(limits)))
        };
        table.add_row([
            format!("{}{}", entry.name, if entry.default { " *" } else { "" }),
            entry.backend.clone(),
            entry.r#type.clone(),
            entry.driver.clone(),
            size(|limits| limits.max_binding_bytes),
            size(|limits| limits.max_buffer_bytes),
        ]);
    }
    text::print(&text::trimmed(&table))?;
    text::print("* used where --device is not given; limits and features: --json")?;
    Ok(())
}

fn entry(adapter: &Adapter, best: Option<&str>) -> Entry {
    let info = adapter.info();
    let limits = adapter.limits();
    Entry {
        name: adapter.name().to_owned(),
        adapter: info.name,
        backend: info.backend.to_str().to_owned(),
        driver: [info.driver, info.driver_info].join(" ").trim().to_owned(),
        r#type: match info.device_type {
            wgpu::DeviceType::DiscreteGpu => "discrete",
            wgpu::DeviceType::IntegratedGpu => "integrated",
            wgpu::DeviceType::VirtualGpu => "virtual",
            wgpu::DeviceType::Cpu => "software",
            wgpu::DeviceType::Other => "other",
        }
        .to_owned(),
        pci_bus_id: Some(info.device_pci_bus_id).filter(|id| !id.is_empty()),
        default: best == Some(adapter.name()),
        limits: Some(Limits {
            max_buffer_bytes: limits.max_buffer_size,
            max_binding_bytes: limits.max_storage_buffer_binding_size,
            max_workgroup_threads: limits.max_compute_invocations_per_workgroup,
            max_workgroups_per_dimension: limits.max_compute_workgroups_per_dimension,
            workgroup_memory_bytes: limits.max_compute_workgroup_storage_size,
            subgroup_min: info.subgroup_min_size,
            subgroup_max: info.subgroup_max_size,
        }),
        features: [
            (wgpu::Features::SHADER_F16, "shader-f16"),
            (wgpu::Features::SUBGROUP, "subgroup"),
            (wgpu::Features::TIMESTAMP_QUERY, "timestamp-query"),
            (
                wgpu::Features::MAPPABLE_PRIMARY_BUFFERS,
                "mappable-primary-buffers",
            ),
        ]
        .into_iter()
        .filter(|(feature, _)| adapter.features().contains(*feature))
        .map(|(_, name)| name)
        .collect(),
    }
}

fn cpu(default: bool) -> Entry {
    Entry {
        name: device::CPU.to_owned(),
        adapter: format!("{} threads", rayon::current_num_threads()),
        backend: "-".to_owned(),
        driver: "the f64 reference".to_owned(),
        r#type: "cpu".to_owned(),
        pci_bus_id: None,
        default,
        limits: None,
        features: Vec::new(),
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}
