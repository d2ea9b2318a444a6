//! The rows of result files, a line each, as RFC 4180 has it. Samples stay in the result files.

use super::view::View;
use crate::text;
use wgpu_activations::bench::record::{
    Accuracy, Baseline, DeviceFacts, DeviceLimits, Host, Measurement, Row, Run, Settings,
};

/// Head and lines.
pub(super) fn lines(view: &View<'_>) -> String {
    let rows = view.rows().map(|(source, row)| {
        let source = &view.sources[source];
        let mut devices = source.run.devices.iter();
        Line {
            file: &source.name,
            run: &source.run,
            device: devices.find(|device| device.name == row.device),
            row,
        }
    });
    text::csv(&rows.collect::<Vec<_>>(), COLUMNS, "\r\n")
}

/// A row with what its file says beside it.
struct Line<'a> {
    file: &'a str,
    run: &'a Run,
    device: Option<&'a DeviceFacts>,
    row: &'a Row,
}

impl Line<'_> {
    fn host<T: ToString>(&self, of: fn(&Host) -> T) -> String {
        of(&self.run.host).to_string()
    }

    fn set<T: ToString>(&self, of: fn(&Settings) -> T) -> String {
        of(&self.run.settings).to_string()
    }

    fn device<T: ToString>(&self, of: fn(&DeviceFacts) -> T) -> String {
        text_of(self.device.map(of))
    }

    fn limit<T: ToString>(&self, of: fn(&DeviceLimits) -> T) -> String {
        let limits = self.device.and_then(|device| device.limits.as_ref());
        text_of(limits.map(of))
    }

    fn error<T: ToString>(&self, of: fn(&Accuracy) -> T) -> String {
        text_of(self.row.accuracy.as_ref().map(of))
    }

    fn times<T: ToString>(&self, of: fn(&Measurement) -> T) -> String {
        text_of(self.row.measurement.as_ref().map(of))
    }

    fn beside<T: ToString>(&self, of: fn(&Baseline) -> T) -> String {
        let times = self.row.measurement.as_ref();
        let baseline = times.and_then(|times| times.baseline.as_ref());
        text_of(baseline.map(of))
    }
}

fn text_of(value: Option<impl ToString>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

type Column = (&'static str, fn(&Line<'_>) -> String);

const COLUMNS: &[Column] = &[
    ("file", |line| line.file.to_owned()),
    ("program", |line| line.run.program.name.clone()),
    ("version", |line| line.run.program.version.clone()),
    ("commit", |line| text_of(line.run.program.commit.as_ref())),
    ("started", |line| line.run.started.clone()),
    ("complete", |line| line.run.complete.to_string()),
    ("os", |line| line.host(|of| of.os.clone())),
    ("kernel", |line| line.host(|of| of.kernel.clone())),
    ("arch", |line| line.host(|of| of.arch.clone())),
    ("cpu", |line| line.host(|of| of.cpu.clone())),
    ("cores", |line| line.host(|of| of.cores)),
    ("memory_bytes", |line| line.host(|of| of.memory_bytes)),
    ("preset", |line| line.set(|of| of.preset.clone())),
    ("min_samples", |line| line.set(|of| of.samples)),
    ("rounds", |line| line.set(|of| of.rounds)),
    ("min_time_ms", |line| line.set(|of| of.min_time_ms)),
    ("min_working_set_bytes", |line| {
        line.set(|of| of.working_set_bytes)
    }),
    ("device", |line| line.row.device.clone()),
    ("adapter", |line| line.device(|of| of.adapter.clone())),
    ("device_type", |line| line.device(|of| of.r#type.clone())),
    ("backend", |line| line.device(|of| of.backend.clone())),
    ("driver", |line| line.device(|of| of.driver.clone())),
    ("vendor_id", |line| line.device(|of| of.vendor_id)),
    ("device_id", |line| line.device(|of| of.device_id)),
    ("pci_bus_id", |line| {
        line.device(|of| text_of(of.pci_bus_id.as_ref()))
    }),
    ("max_buffer_bytes", |line| {
        line.limit(|of| of.max_buffer_bytes)
    }),
    ("max_binding_bytes", |line| {
        line.limit(|of| of.max_binding_bytes)
    }),
    ("max_workgroup_threads", |line| {
        line.limit(|of| of.max_workgroup_threads)
    }),
    ("workgroup_memory_bytes", |line| {
        line.limit(|of| of.workgroup_memory_bytes)
    }),
    ("subgroup_min", |line| line.limit(|of| of.subgroup_min)),
    ("subgroup_max", |line| line.limit(|of| of.subgroup_max)),
    ("features", |line| line.device(|of| of.features.join(" "))),
    ("timestamp_period_ns", |line| {
        line.device(|of| text_of(of.timestamp_period_ns))
    }),
    ("implementation", |line| line.row.implementation.clone()),
    ("kind", |line| text::name(line.row.kind)),
    ("op", |line| line.row.op.clone()),
    ("pass", |line| line.row.pass.clone()),
    ("dtype", |line| line.row.dtype.clone()),
    ("math", |line| text_of(line.row.math.as_ref())),
    ("shape", |line| {
        let lengths: Vec<_> = line.row.shape.iter().map(u64::to_string).collect();
        lengths.join("x")
    }),
    ("input_bytes", |line| line.row.input_bytes.to_string()),
    ("moved_bytes", |line| line.row.moved_bytes.to_string()),
    ("status", |line| line.row.status.name().to_owned()),
    ("message", |line| text_of(line.row.message.as_ref())),
    ("compared", |line| line.error(|of| of.compared)),
    ("failed", |line| line.error(|of| of.failed)),
    ("worst_ulp", |line| line.error(|of| of.worst_ulp)),
    ("worst_of_allowed", |line| {
        line.error(|of| of.worst_of_allowed)
    }),
    ("clock", |line| line.times(|of| text::name(of.clock))),
    ("repeats", |line| line.times(|of| of.repeats)),
    ("working_set_bytes", |line| {
        line.times(|of| of.working_set_bytes)
    }),
    ("samples", |line| {
        line.times(|of| of.rounds_ns.iter().map(Vec::len).sum::<usize>())
    }),
    ("median_ns", |line| line.times(|of| of.summary.median_ns)),
    ("p10_ns", |line| line.times(|of| of.summary.p10_ns)),
    ("p90_ns", |line| line.times(|of| of.summary.p90_ns)),
    ("gb_per_s", |line| line.times(|of| of.summary.gb_per_s)),
    ("fraction", |line| {
        line.times(|of| text_of(of.summary.fraction))
    }),
    ("baseline", |line| line.beside(|of| of.name.clone())),
    ("baseline_moved_bytes", |line| {
        line.beside(|of| of.moved_bytes)
    }),
];
