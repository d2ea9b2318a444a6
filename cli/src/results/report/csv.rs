//! The rows of result files, a line each, as RFC 4180 has it. Samples stay in the result files.

use super::tables::kind;
use super::view::View;
use wgpu_activations::bench::record::{Clock, Row};

/// Head and lines.
pub(super) fn lines(view: &View<'_>) -> String {
    let mut text = String::new();
    let head = HOST
        .iter()
        .chain(DEVICE)
        .chain(ROW)
        .chain(ACCURACY)
        .chain(MEASUREMENT);
    text += &line(head.map(|name| (*name).to_owned()));
    for (source, row) in view.rows() {
        let parts = [
            host(view, source),
            device(view, source, row),
            fields(row),
            accuracy(row),
            measurement(row),
        ];
        text += &line(parts.into_iter().flatten());
    }
    text
}

const HOST: &[&str] = &[
    "file",
    "program",
    "version",
    "commit",
    "started",
    "complete",
    "os",
    "kernel",
    "arch",
    "cpu",
    "cores",
    "memory_bytes",
    "preset",
    "min_samples",
    "rounds",
    "min_time_ms",
    "min_working_set_bytes",
];

fn host(view: &View<'_>, source: usize) -> Vec<String> {
    let source = &view.sources[source];
    let run = &source.run;
    let (host, settings) = (&run.host, &run.settings);
    vec![
        source.name.clone(),
        run.program.name.clone(),
        run.program.version.clone(),
        run.program.commit.clone().unwrap_or_default(),
        run.started.clone(),
        run.complete.to_string(),
        host.os.clone(),
        host.kernel.clone(),
        host.arch.clone(),
        host.cpu.clone(),
        host.cores.to_string(),
        host.memory_bytes.to_string(),
        settings.preset.clone(),
        settings.samples.to_string(),
        settings.rounds.to_string(),
        settings.min_time_ms.to_string(),
        settings.working_set_bytes.to_string(),
    ]
}

const DEVICE: &[&str] = &[
    "device",
    "adapter",
    "device_type",
    "backend",
    "driver",
    "vendor_id",
    "device_id",
    "pci_bus_id",
    "max_buffer_bytes",
    "max_binding_bytes",
    "max_workgroup_threads",
    "workgroup_memory_bytes",
    "subgroup_min",
    "subgroup_max",
    "features",
    "timestamp_period_ns",
];

fn device(view: &View<'_>, source: usize, row: &Row) -> Vec<String> {
    let mut devices = view.sources[source].run.devices.iter();
    let mut cells = vec![row.device.clone()];
    if let Some(device) = devices.find(|device| device.name == row.device) {
        cells.extend([
            device.adapter.clone(),
            device.r#type.clone(),
            device.backend.clone(),
            device.driver.clone(),
            device.vendor_id.to_string(),
            device.device_id.to_string(),
            device.pci_bus_id.clone().unwrap_or_default(),
        ]);
        let limits = device.limits.as_ref();
        cells.extend([
            text(limits.map(|limits| limits.max_buffer_bytes)),
            text(limits.map(|limits| limits.max_binding_bytes)),
            text(limits.map(|limits| limits.max_workgroup_threads)),
            text(limits.map(|limits| limits.workgroup_memory_bytes)),
            text(limits.map(|limits| limits.subgroup_min)),
            text(limits.map(|limits| limits.subgroup_max)),
            device.features.join(" "),
            text(device.timestamp_period_ns),
        ]);
    }
    cells.resize(DEVICE.len(), String::new());
    cells
}

const ROW: &[&str] = &[
    "implementation",
    "kind",
    "op",
    "pass",
    "dtype",
    "math",
    "shape",
    "input_bytes",
    "moved_bytes",
    "status",
    "message",
];

fn fields(row: &Row) -> Vec<String> {
    let shape: Vec<_> = row.shape.iter().map(u64::to_string).collect();
    vec![
        row.implementation.clone(),
        kind(row.kind).to_owned(),
        row.op.clone(),
        row.pass.clone(),
        row.dtype.clone(),
        row.math.clone().unwrap_or_default(),
        shape.join("x"),
        row.input_bytes.to_string(),
        row.moved_bytes.to_string(),
        row.status.name().to_owned(),
        row.message.clone().unwrap_or_default(),
    ]
}

const ACCURACY: &[&str] = &["compared", "failed", "worst_ulp", "worst_of_allowed"];

fn accuracy(row: &Row) -> Vec<String> {
    let accuracy = row.accuracy.as_ref();
    vec![
        text(accuracy.map(|accuracy| accuracy.compared)),
        text(accuracy.map(|accuracy| accuracy.failed)),
        text(accuracy.map(|accuracy| accuracy.worst_ulp)),
        text(accuracy.map(|accuracy| accuracy.worst_of_allowed)),
    ]
}

const MEASUREMENT: &[&str] = &[
    "clock",
    "repeats",
    "working_set_bytes",
    "samples",
    "median_ns",
    "p10_ns",
    "p90_ns",
    "gb_per_s",
    "fraction",
    "baseline",
    "baseline_moved_bytes",
];

fn measurement(row: &Row) -> Vec<String> {
    let mut cells = Vec::new();
    if let Some(measurement) = &row.measurement {
        let (summary, baseline) = (&measurement.summary, measurement.baseline.as_ref());
        cells.extend([
            clock(measurement.clock).to_owned(),
            measurement.repeats.to_string(),
            measurement.working_set_bytes.to_string(),
            measurement
                .rounds_ns
                .iter()
                .map(Vec::len)
                .sum::<usize>()
                .to_string(),
            summary.median_ns.to_string(),
            summary.p10_ns.to_string(),
            summary.p90_ns.to_string(),
            summary.gb_per_s.to_string(),
            text(summary.fraction),
            baseline.map_or(String::new(), |baseline| baseline.name.clone()),
            text(baseline.map(|baseline| baseline.moved_bytes)),
        ]);
    }
    cells.resize(MEASUREMENT.len(), String::new());
    cells
}

/// As result files have it.
const fn clock(clock: Clock) -> &'static str {
    match clock {
        Clock::Device => "device",
        Clock::HostSlope => "host-slope",
        Clock::Host => "host",
    }
}

fn text(value: Option<impl ToString>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<_> = cells.map(quoted).collect();
    format!("{}\r\n", cells.join(","))
}

/// The cell, in quotes where it holds what would end it.
fn quoted(cell: String) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}
