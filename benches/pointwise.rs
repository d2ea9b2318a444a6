//! Every activation at 2^24 f32 elements, forward and backward, beside a copy kernel of the same
//! launch shape on the same device.
//!
//! Each result is verified before it is timed. Each sample times the copy and the kernel in turn,
//! so that both see the same machine; the table at the end gives, by median over the samples, GB/s
//! by the bytes that count (8 per element forward, 12 backward) and the fraction of the copy's.
//! The clock is the host's, around a submission of several dispatches and the wait for it.
//!
//! `WGPU_ADAPTER_NAME=NAME cargo bench --bench pointwise [FILTER]` picks device and rows.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout
)]

use std::time::{Duration, Instant};

use criterion::Criterion;
use wgpu_activations::{
    Activation, ElementType, Gpu, Math, Pointwise, ShaderChecks, Tensor,
    accuracy::{Expectation, Tolerance},
    check::Pass,
    gpu,
    ops::baseline,
};

const ELEMENTS: usize = 1 << 24;
/// Dispatches per submission, so that launching weighs little.
const DISPATCHES: u32 = 4;

struct Bench {
    gpu: Gpu,
    host: Vec<f32>,
    x: Tensor,
    upstream: Tensor,
    output: Tensor,
}

/// One row of the table: seconds of the copy and of the kernel, sample by sample.
struct Row {
    name: String,
    bytes: f64,
    samples: Vec<(f64, f64)>,
}

fn main() {
    let bench = Bench::new();
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let mut rows = Vec::new();
    let mut group = criterion.benchmark_group(bench.gpu.name());
    for math in Math::ALL {
        for pass in Pass::ALL {
            for activation in Activation::all() {
                let name = format!("{}/{}/{}", activation.name(), pass.name(), math.name());
                let mut row = Row {
                    name,
                    bytes: bench.bytes(pass),
                    samples: Vec::new(),
                };
                let op = Pointwise::new(activation).math(math);
                group.bench_function(&row.name, |bencher| {
                    bench.verify(op, pass, math);
                    bencher.iter_custom(|iterations| {
                        let mut total = Duration::ZERO;
                        for _ in 0..iterations {
                            let copy = bench.time(|encoder| {
                                baseline::encode_copy(encoder, &bench.x, &bench.output).unwrap();
                            });
                            let kernel = bench.time(|encoder| bench.encode(op, pass, encoder));
                            row.samples.push((copy.as_secs_f64(), kernel.as_secs_f64()));
                            total += kernel;
                        }
                        total
                    });
                });
                rows.push(row);
            }
        }
    }
    group.finish();
    criterion.final_summary();
    print_table(&bench, &rows);
}

impl Bench {
    fn new() -> Self {
        let gpu = match std::env::var("WGPU_ADAPTER_NAME") {
            Ok(name) => Gpu::open(
                gpu::find(&gpu::adapters(), &name).unwrap(),
                ShaderChecks::Trusted,
            ),
            Err(_) => Gpu::new(),
        }
        .expect("a GPU adapter");
        // Random numbers where activations bend: zeros would flatter every memory.
        let host: Vec<f32> = wgpu_activations::check::words(7)
            .take(ELEMENTS)
            .map(|word| word as i32 as f32 / i32::MAX as f32 * 8.0)
            .collect();
        Self {
            x: gpu.upload(&host, [ELEMENTS]).unwrap(),
            upstream: gpu.upload(&host, [ELEMENTS]).unwrap(),
            output: gpu.allocate([ELEMENTS], ElementType::F32).unwrap(),
            host,
            gpu,
        }
    }

    fn bytes(&self, pass: Pass) -> f64 {
        let per_element = match pass {
            Pass::Forward => 8,
            Pass::Backward => 12,
        };
        (ELEMENTS * per_element) as f64
    }

    fn encode(&self, op: Pointwise<'_>, pass: Pass, encoder: &mut wgpu::CommandEncoder) {
        match pass {
            Pass::Forward => op.encode_forward(encoder, &self.x, &self.output),
            Pass::Backward => op.encode_backward(encoder, &self.x, &self.upstream, &self.output),
        }
        .unwrap();
    }

    /// Time of one dispatch.
    fn time(&self, encode: impl Fn(&mut wgpu::CommandEncoder)) -> Duration {
        let mut encoder = self
            .gpu
            .device()
            .create_command_encoder(&Default::default());
        for _ in 0..DISPATCHES {
            encode(&mut encoder);
        }
        let commands = encoder.finish();
        let start = Instant::now();
        self.gpu.queue().submit([commands]);
        self.gpu.wait().unwrap();
        start.elapsed() / DISPATCHES
    }

    fn verify(&self, op: Pointwise<'_>, pass: Pass, math: Math) {
        let activation = op.activation();
        let (found, upstream, tolerance): (Vec<f32>, _, _) = match pass {
            Pass::Forward => (
                op.forward(&self.x).unwrap().download().unwrap(),
                None,
                Tolerance::forward(ElementType::F32, math),
            ),
            Pass::Backward => (
                op.backward(&self.x, &self.upstream)
                    .unwrap()
                    .download()
                    .unwrap(),
                Some(&self.host[..]),
                Tolerance::backward(activation, ElementType::F32, math),
            ),
        };
        let expectation = Expectation {
            activation,
            channels: None,
            x: &self.host,
            upstream,
            tolerance,
        };
        let report = expectation
            .check_at(&found, (0..ELEMENTS).step_by(331))
            .unwrap();
        assert!(report.passed(), "{activation} {}: {report}", pass.name());
    }
}

fn print_table(bench: &Bench, rows: &[Row]) {
    println!(
        "\n{ELEMENTS} f32 elements on {}, medians\n",
        bench.gpu.name()
    );
    println!("| kernel | samples | ms | GB/s | copy GB/s | fraction of copy |");
    println!("|---|---|---|---|---|---|");
    for row in rows.iter().filter(|row| !row.samples.is_empty()) {
        let copy_bytes = bench.bytes(Pass::Forward);
        let kernel = median(row.samples.iter().map(|(_, kernel)| *kernel));
        let copy = median(row.samples.iter().map(|(copy, _)| *copy));
        let fraction = median(
            row.samples
                .iter()
                .map(|(copy, kernel)| (row.bytes / kernel) / (copy_bytes / copy)),
        );
        println!(
            "| {} | {} | {:.2} | {:.2} | {:.2} | {fraction:.2} |",
            row.name,
            row.samples.len(),
            kernel * 1e3,
            row.bytes / kernel / 1e9,
            copy_bytes / copy / 1e9,
        );
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
