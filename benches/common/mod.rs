//! What the benches share: the device, the clock, the table.

// Each bench uses its own part; `pub` is to the file that includes this.
#![allow(dead_code, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::time::{Duration, Instant};

use criterion::{BenchmarkGroup, Criterion, measurement::WallTime};
use wgpu_activations::{Gpu, ShaderChecks, gpu};

/// The device that WGPU_ADAPTER_NAME names, or the best.
pub fn open() -> Gpu {
    match std::env::var("WGPU_ADAPTER_NAME") {
        Ok(name) => {
            let adapters = gpu::adapters();
            Gpu::open(gpu::find(&adapters, &name).unwrap(), ShaderChecks::Trusted)
        }
        Err(_) => Gpu::new(),
    }
    .expect("a GPU adapter")
}

/// Criterion with few samples, each of which is long.
pub fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args()
}

/// `count` random numbers where activations bend: zeros would flatter every memory.
pub fn numbers(count: usize) -> Vec<f32> {
    wgpu_activations::accuracy::inputs::words(7)
        .take(count)
        .map(|word| word as i32 as f32 / i32::MAX as f32 * 8.0)
        .collect()
}

/// The time that `work` takes until the device is done with all of it.
pub fn time(gpu: &Gpu, work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    gpu.wait().unwrap();
    start.elapsed()
}

/// The time of one dispatch of `encode`, recorded several times so that launching weighs little.
pub fn time_encoded(gpu: &Gpu, encode: impl Fn(&mut wgpu::CommandEncoder)) -> Duration {
    const DISPATCHES: u32 = 4;
    let mut encoder = gpu.device().create_command_encoder(&Default::default());
    for _ in 0..DISPATCHES {
        encode(&mut encoder);
    }
    let commands = encoder.finish();
    time(gpu, || {
        gpu.queue().submit([commands]);
    }) / DISPATCHES
}

/// Kernels, each beside its baseline.
pub struct Table<'a> {
    group: BenchmarkGroup<'a, WallTime>,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    baseline: &'static str,
    /// Bytes that count, of the kernel and of the baseline.
    bytes: (f64, f64),
    /// Seconds of the baseline and of the kernel, sample by sample.
    samples: Vec<(f64, f64)>,
}

impl<'a> Table<'a> {
    pub fn new(criterion: &'a mut Criterion, gpu: &Gpu) -> Self {
        Self {
            group: criterion.benchmark_group(gpu.name()),
            rows: Vec::new(),
        }
    }

    /// Measures `baseline`, which moves `bytes.1`, and `kernel`, to which `bytes.0` count, in turn,
    /// so that both see the same machine. `verify` runs first, and only if the row is asked for.
    pub fn row(
        &mut self,
        name: String,
        bytes: (f64, f64),
        verify: impl Fn(),
        (label, baseline): (&'static str, impl Fn() -> Duration),
        kernel: impl Fn() -> Duration,
    ) {
        let mut samples = Vec::new();
        self.group.bench_function(&name, |bencher| {
            verify();
            bencher.iter_custom(|iterations| {
                let mut total = Duration::ZERO;
                for _ in 0..iterations {
                    let before = baseline();
                    let taken = kernel();
                    samples.push((before.as_secs_f64(), taken.as_secs_f64()));
                    total += taken;
                }
                total
            });
        });
        self.rows.push(Row {
            name,
            baseline: label,
            bytes,
            samples,
        });
    }

    /// Prints the rows that were measured, by medians over their samples.
    pub fn print(self, title: &str) {
        self.group.finish();
        println!("\n{title}, medians\n");
        println!("| kernel | samples | ms | GB/s | baseline | its GB/s | fraction |");
        println!("|---|---|---|---|---|---|---|");
        for row in self.rows.iter().filter(|row| !row.samples.is_empty()) {
            let (bytes, baseline_bytes) = row.bytes;
            let kernel = median(row.samples.iter().map(|(_, kernel)| *kernel));
            let baseline = median(row.samples.iter().map(|(baseline, _)| *baseline));
            let fraction = median(
                row.samples
                    .iter()
                    .map(|(baseline, kernel)| (bytes / kernel) / (baseline_bytes / baseline)),
            );
            println!(
                "| {} | {} | {:.2} | {:.2} | {} | {:.2} | {fraction:.2} |",
                row.name,
                row.samples.len(),
                kernel * 1e3,
                bytes / kernel / 1e9,
                row.baseline,
                baseline_bytes / baseline / 1e9,
            );
        }
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
