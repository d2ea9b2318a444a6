//! Machines, settings and devices.

use std::collections::BTreeSet;

use super::{Table, clock, words};
use crate::{
    results::report::{contender::file_name, number, view::View},
    text,
};
use wgpu_activations::bench::record::{DeviceLimits, Host, Row};

/// What a file says of its machine and of how it measured.
pub(in crate::results::report) fn facts(view: &View<'_>, source: usize) -> Table {
    let run = &view.sources[source].run;
    let (host, settings) = (&run.host, &run.settings);
    let of_row = |row: &Row| Some(clock(row.measurement.as_ref()?.clock));
    let clocks = run.rows.iter().filter_map(of_row);
    let clocks = Vec::from_iter(BTreeSet::from_iter(clocks)).join("; ");
    let clocks = text::or(clocks, "none: nothing was timed");
    let program = &run.program;
    let Host {
        os,
        kernel,
        arch,
        cpu,
        cores,
        ..
    } = host;
    let complete = match run.complete {
        true => "yes",
        false => "no: the run is incomplete, rows are missing",
    };
    let settings = format!(
        "{}: at least {} samples over {} rounds, each at least {} ms, tensors of {} in turn",
        settings.preset,
        settings.samples,
        settings.rounds,
        settings.min_time_ms,
        number::bytes(settings.working_set_bytes),
    );
    let unknown = || "unknown".to_owned();
    let facts = [
        ("Program", format!("{} {}", program.name, program.version)),
        ("Commit", program.commit.clone().unwrap_or_else(unknown)),
        ("Begun", run.started.clone()),
        ("Came to its end", complete.to_owned()),
        ("Operating system", format!("{os}, kernel {kernel}")),
        (
            "Processor",
            format!("{cpu}, {cores} logical processors, {arch}"),
        ),
        ("Memory", number::bytes(host.memory_bytes)),
        ("Settings", settings),
        ("Clocks", clocks),
        ("Rows", number::count(run.rows.len() as u64)),
    ];
    Table {
        caption: format!("{}: machine and settings", file_name(view.sources, source)),
        head: words("Fact | Value"),
        names: 1,
        rows: facts.map(|(name, value)| vec![name.into(), value]).into(),
    }
}

/// What a file says of its devices; none if there are none.
pub(in crate::results::report) fn devices(view: &View<'_>, source: usize) -> Option<Table> {
    let devices = &view.sources[source].run.devices;
    let rows = devices.iter().map(|device| {
        let bus = device.pci_bus_id.as_deref().unwrap_or("no bus");
        let limit = |of: fn(&DeviceLimits) -> String| {
            device.limits.as_ref().map_or("unknown".to_owned(), of)
        };
        let clock = device.timestamp_period_ns;
        vec![
            device.name.clone(),
            format!("{}\n{}", device.adapter, device.r#type),
            format!("{}\n{}", device.backend, device.driver),
            format!("{:04x}:{:04x}\n{bus}", device.vendor_id, device.device_id),
            limit(|limits| {
                let binding = number::bytes(limits.max_binding_bytes);
                format!(
                    "{}\n{binding} in a binding",
                    number::bytes(limits.max_buffer_bytes)
                )
            }),
            limit(|limits| {
                let shared = number::bytes(limits.workgroup_memory_bytes.into());
                format!("{} threads\n{shared} shared", limits.max_workgroup_threads)
            }),
            limit(|limits| match (limits.subgroup_min, limits.subgroup_max) {
                (min, max) if min == max => format!("{min} threads"),
                (min, max) => format!("{min} to {max} threads"),
            }),
            text::or(device.features.join(", "), "none"),
            clock.map_or("none".to_owned(), |period| format!("{period} ns a tick")),
        ]
    });
    (!devices.is_empty()).then(|| Table {
        caption: format!("{}: devices", file_name(view.sources, source)),
        head: words(
            "Device | Adapter | Backend and driver | PCI | Largest buffer | Workgroup, at most | \
             Subgroup | Features | Clock",
        ),
        names: 1,
        rows: rows.collect(),
    })
}
