//! Machines, settings and devices.

use super::{clock, words};
use crate::results::report::{contender::file_name, number, table::Table, view::View};

/// What a file says of its machine and of how it measured.
pub(in crate::results::report) fn facts(view: &View<'_>, source: usize) -> Table {
    let run = &view.sources[source].run;
    let (host, settings) = (&run.host, &run.settings);
    let mut clocks: Vec<_> = run
        .rows
        .iter()
        .filter_map(|row| Some(clock(row.measurement.as_ref()?.clock)))
        .collect();
    clocks.sort_unstable();
    clocks.dedup();
    let facts = [
        (
            "Program",
            format!("{} {}", run.program.name, run.program.version),
        ),
        (
            "Commit",
            run.program
                .commit
                .clone()
                .unwrap_or_else(|| "unknown".to_owned()),
        ),
        ("Begun", run.started.clone()),
        (
            "Came to its end",
            if run.complete {
                "yes"
            } else {
                "no: the run is incomplete, rows are missing"
            }
            .to_owned(),
        ),
        (
            "Operating system",
            format!("{}, kernel {}", host.os, host.kernel),
        ),
        (
            "Processor",
            format!(
                "{}, {} logical processors, {}",
                host.cpu, host.cores, host.arch
            ),
        ),
        ("Memory", number::bytes(host.memory_bytes)),
        (
            "Settings",
            format!(
                "{}: at least {} samples over {} rounds, each at least {} ms, tensors of {} in turn",
                settings.preset,
                settings.samples,
                settings.rounds,
                settings.min_time_ms,
                number::bytes(settings.working_set_bytes),
            ),
        ),
        (
            "Clocks",
            if clocks.is_empty() {
                "none: nothing was timed".to_owned()
            } else {
                clocks.join("; ")
            },
        ),
        ("Rows", number::count(run.rows.len() as u64)),
    ];
    Table {
        caption: format!("{}: machine and settings", file_name(view.sources, source)),
        head: words(&["Fact", "Value"]),
        names: 1,
        rows: facts
            .into_iter()
            .map(|(name, value)| vec![name.to_owned(), value])
            .collect(),
    }
}

/// What a file says of its devices; none if there are none.
pub(in crate::results::report) fn devices(view: &View<'_>, source: usize) -> Option<Table> {
    let devices = &view.sources[source].run.devices;
    let rows = devices.iter().map(|device| {
        let limits = device.limits.as_ref();
        vec![
            device.name.clone(),
            format!("{}\n{}", device.adapter, device.r#type),
            format!("{}\n{}", device.backend, device.driver),
            format!(
                "{:04x}:{:04x}\n{}",
                device.vendor_id,
                device.device_id,
                device.pci_bus_id.as_deref().unwrap_or("no bus"),
            ),
            limits.map_or("unknown".to_owned(), |limits| {
                format!(
                    "{}\n{} in a binding",
                    number::bytes(limits.max_buffer_bytes),
                    number::bytes(limits.max_binding_bytes),
                )
            }),
            limits.map_or("unknown".to_owned(), |limits| {
                format!(
                    "{} threads\n{} shared",
                    limits.max_workgroup_threads,
                    number::bytes(limits.workgroup_memory_bytes.into()),
                )
            }),
            limits.map_or("unknown".to_owned(), |limits| {
                match (limits.subgroup_min, limits.subgroup_max) {
                    (min, max) if min == max => format!("{min} threads"),
                    (min, max) => format!("{min} to {max} threads"),
                }
            }),
            if device.features.is_empty() {
                "none".to_owned()
            } else {
                device.features.join(", ")
            },
            device
                .timestamp_period_ns
                .map_or("none".to_owned(), |period| format!("{period} ns a tick")),
        ]
    });
    (!devices.is_empty()).then(|| Table {
        caption: format!("{}: devices", file_name(view.sources, source)),
        head: words(&[
            "Device",
            "Adapter",
            "Backend and driver",
            "PCI",
            "Largest buffer",
            "Workgroup, at most",
            "Subgroup",
            "Features",
            "Clock",
        ]),
        names: 1,
        rows: rows.collect(),
    })
}
