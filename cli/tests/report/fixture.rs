//! Result files as a benchmark would write them, with numbers made up.

use wgpu_activations::bench::{
    record::{
        Accuracy, Baseline, Clock, DeviceFacts, DeviceLimits, Host, Kind, Measurement, Program,
        Row, Run, SCHEMA, Settings, Status,
    },
    stats,
};

use wgpu_activations_cli::results::report::Source;

pub(crate) const OPS: [&str; 17] = [
    "sigmoid",
    "tanh",
    "relu",
    "leaky-relu",
    "prelu",
    "elu",
    "selu",
    "gelu",
    "gelu-tanh",
    "swish",
    "softplus",
    "mish",
    "dice",
    "softmax",
    "log-softmax",
    "maxout",
    "alpha-dropout",
];

const OWN: &str = "wgpu-activations 0.1.0";

/// Name, type, backend and memory's speed in GB/s.
pub(crate) type Device = (&'static str, &'static str, &'static str, f64);

pub(crate) const DEVICES: [Device; 8] = [
    (
        "NVIDIA H100 80GB HBM3 (Vulkan)",
        "discrete",
        "vulkan",
        2900.0,
    ),
    (
        "AMD Radeon RX 7900 XTX (RADV NAVI31) (Vulkan)",
        "discrete",
        "vulkan",
        820.0,
    ),
    (
        "Intel(R) Arc(tm) A770 Graphics (DG2) (Vulkan)",
        "discrete",
        "vulkan",
        470.0,
    ),
    ("Apple M3 Max (Metal)", "integrated", "metal", 340.0),
    ("NVIDIA GeForce RTX 4090 (Dx12)", "discrete", "dx12", 930.0),
    (
        "Intel(R) UHD Graphics 770 (Vulkan)",
        "integrated",
        "vulkan",
        68.0,
    ),
    (
        "llvmpipe (LLVM 15.0.6, 256 bits) (Vulkan)",
        "software",
        "vulkan",
        11.0,
    ),
    (
        "SwiftShader Device (LLVM 10.0.0) (Vulkan)",
        "software",
        "vulkan",
        5.0,
    ),
];

/// Numbers from 0 to 1, the same every time.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 40) as f64 / (1u64 << 24) as f64
    }

    /// 30 samples in five rounds about `median`, a few far above.
    fn samples(&mut self, median: f64) -> Vec<Vec<f64>> {
        let mut sample = || {
            let far = if self.next() > 0.9 { 0.12 } else { 0.02 };
            median * (0.99 + far * self.next())
        };
        (0..5).map(|_| (0..6).map(|_| sample()).collect()).collect()
    }
}

/// An empty run.
pub(crate) fn empty() -> Run {
    Run {
        schema: SCHEMA.to_owned(),
        program: Program {
            name: "wgpu-activations".to_owned(),
            version: "0.1.0".to_owned(),
            commit: Some("0a9ec45d1f6b3c7e8a92b4d5e6f70819a2b3c4d5".to_owned()),
        },
        started: "2026-11-25T12:00:00Z".to_owned(),
        complete: true,
        host: Host {
            os: "Debian GNU/Linux 12".to_owned(),
            kernel: "6.1.0-18-amd64".to_owned(),
            arch: "x86_64".to_owned(),
            cpu: "AMD EPYC 9354 32-Core Processor".to_owned(),
            cores: 64,
            memory_bytes: 128 << 30,
        },
        settings: Settings {
            preset: "standard".to_owned(),
            samples: 30,
            rounds: 5,
            min_time_ms: 5.0,
            working_set_bytes: 1 << 30,
        },
        devices: Vec::new(),
        rows: Vec::new(),
    }
}

pub(crate) fn facts(&(name, r#type, backend, _): &Device) -> DeviceFacts {
    DeviceFacts {
        name: name.to_owned(),
        adapter: name.to_owned(),
        r#type: r#type.to_owned(),
        backend: backend.to_owned(),
        driver: "a driver 560.35.03".to_owned(),
        vendor_id: 0x10de,
        device_id: 0x2330,
        pci_bus_id: Some("0000:01:00.0".to_owned()),
        limits: Some(DeviceLimits {
            max_buffer_bytes: 1 << 40,
            max_binding_bytes: 4 << 30,
            max_workgroup_threads: 1024,
            workgroup_memory_bytes: 48 << 10,
            subgroup_min: 32,
            subgroup_max: 32,
        }),
        features: vec!["subgroup".to_owned(), "timestamp-query".to_owned()],
        timestamp_period_ns: Some(1.0),
        tuning: None,
    }
}

/// A row that went well: `elements` of f32 at `share` of a memory of `speed` GB/s.
pub(crate) fn row(device: &str, kind: Kind, op: &str, pass: &str, elements: u64) -> Row {
    Row {
        implementation: OWN.to_owned(),
        device: device.to_owned(),
        kind,
        op: op.to_owned(),
        pass: pass.to_owned(),
        dtype: "f32".to_owned(),
        math: None,
        shape: vec![elements / 1024, 1024],
        input_bytes: 4 * elements,
        moved_bytes: 4 * elements * if pass == "backward" { 3 } else { 2 },
        status: Status::Ok,
        message: None,
        accuracy: None,
        measurement: None,
    }
}

/// The row with times: at `speed` GB/s, and a copy's of `copy` GB/s beside it, if any.
pub(crate) fn timed(mut row: Row, speed: f64, copy: Option<f64>) -> Row {
    let mut noise = Noise(row.op.len() as u64 * 7919 + row.input_bytes + speed.to_bits());
    let rounds_ns = noise.samples(row.moved_bytes.max(1) as f64 / speed);
    let baseline = copy.map(|copy| Baseline {
        name: "copy".to_owned(),
        moved_bytes: 2 * row.input_bytes,
        rounds_ns: noise.samples(2.0 * row.input_bytes as f64 / copy),
    });
    row.measurement = Some(Measurement {
        clock: Clock::Device,
        repeats: 16,
        working_set_bytes: 1 << 30,
        summary: stats::summary(row.moved_bytes, &rounds_ns, baseline.as_ref()),
        rounds_ns,
        baseline,
    });
    row
}

pub(crate) fn accurate(mut row: Row, ulp: f64) -> Row {
    row.accuracy = Some(Accuracy {
        compared: 1 << 20,
        failed: 0,
        worst_ulp: ulp,
        worst_of_allowed: ulp / 4.0,
    });
    row
}

pub(crate) fn went(mut row: Row, status: Status, message: &str) -> Row {
    row.status = status;
    row.message = Some(message.to_owned());
    row
}

/// Every operation, forward and backward, at `sizes` (elements), and a row of each other kind, on
/// each device.
pub(crate) fn run(devices: &[Device], sizes: &[u64]) -> Run {
    let mut run = empty();
    for device in devices {
        let &(name, .., memory) = device;
        run.devices.push(facts(device));
        let largest = sizes.iter().copied().max().unwrap_or(1024);
        for (op, share) in [("copy", 1.0), ("read", 1.06), ("two-read", 0.98)] {
            let row = row(name, Kind::Baseline, op, "-", largest);
            run.rows.push(timed(row, memory * share, None));
        }
        for (place, op) in OPS.iter().enumerate() {
            let passes: &[&str] = if *op == "dice" {
                &["forward", "train", "backward"]
            } else {
                &["forward", "backward"]
            };
            for pass in passes {
                for &elements in sizes {
                    run.rows.push(kernel(device, op, place, pass, elements));
                }
            }
        }
        for op in ["relu", "gelu", "softmax"] {
            let row = row(name, Kind::Offload, op, "forward", largest);
            run.rows
                .push(timed(row, memory.min(24.0) * 0.8, Some(memory.min(24.0))));
        }
        for (op, nanoseconds) in [
            ("empty submit", 21e3),
            ("one dispatch", 34e3),
            ("one element", 61e3),
        ] {
            let row = Row {
                moved_bytes: 0,
                ..row(name, Kind::Launch, op, "-", 0)
            };
            run.rows.push(timed(row, 1.0 / nanoseconds, None));
        }
    }
    run
}

fn kernel(
    &(name, r#type, _, memory): &Device,
    op: &str,
    place: usize,
    pass: &str,
    elements: u64,
) -> Row {
    let mut noise = Noise(place as u64 * 31 + (name.len() * 7 + pass.len()) as u64);
    let cost = match (r#type, op) {
        (_, "relu" | "leaky-relu" | "prelu") => 0.02,
        ("software", _) => 0.35 + 0.5 * noise.next(),
        (_, "softmax" | "log-softmax" | "maxout" | "dice") => 0.1 + 0.2 * noise.next(),
        _ => 0.02 + 0.06 * noise.next(),
    };
    // Small inputs are not worth the trip.
    let ramp = elements as f64 / (elements as f64 + memory * 600.0);
    let row = accurate(
        row(name, Kind::Kernel, op, pass, elements),
        0.5 + 2.6 * noise.next(),
    );
    timed(row, memory * (1.0 - cost) * ramp, Some(memory * ramp))
}

pub(crate) fn source(name: &str, run: Run) -> Source {
    Source {
        name: name.to_owned(),
        run,
    }
}
