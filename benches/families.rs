//! Every family, forward and backward, beside the baseline that moves the same memory; and the moments that
//! normalisations begin with.
//!
//! Each result is verified before it is timed; each sample times the baseline and the operation in
//! turn. GB/s by the bytes that count: what the operation must read and write. The clock is the
//! host's, around a submission of several dispatches and the wait for it.
//!
//! `WGPU_ADAPTER_NAME=NAME cargo bench --bench families [FILTER]` picks device and rows.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::{Table, time, time_encoded};
use wgpu_activations::{
    ElementType, Family, Gpu, Math, Moments, Result, Tensor,
    check::{self, Pass},
    family::{Benchmark, Case, Saved, families},
    kernel::{
        baseline::{encode_copy, encode_or, encode_read, encode_streams},
        recorder::{self, Recorder},
    },
};

const ELEMENTS: usize = 1 << 24;
const BYTES: f64 = (ELEMENTS * 4) as f64;

/// Columns that differ in kind, where an operation takes them.
const COLUMNS: [usize; 5] = [32, 1024, 4096, 1 << 20, ELEMENTS];

/// Operations of one submission, so that launching weighs little.
const REPEATS: u32 = 4;

fn main() {
    let data = Data::new();
    let mut criterion = common::criterion();
    let mut table = Table::new(&mut criterion, &data.gpu);
    for channels in [32, 64, 256, 1024, 4096, 16_384] {
        moments(&mut table, &data, channels);
    }
    for family in families() {
        for math in Math::ALL {
            for pass in Pass::ALL {
                measure(&mut table, &data, family, math, pass);
            }
        }
    }
    table.print(&format!("{ELEMENTS} f32 elements on {}", data.gpu.name()));
    criterion.final_summary();
}

/// Channels of the kernels that only read, and streams of the one that reads several side by side.
const CHANNELS: usize = 1024;
const STREAMS: usize = 4;

/// One tensor's worth of numbers, on the host and on the device, and what baselines write to.
struct Data {
    gpu: Gpu,
    host: Vec<f32>,
    x: Tensor,
    upstream: Tensor,
    output: Tensor,
    seen: Tensor,
    part: Tensor,
}

impl Data {
    fn new() -> Self {
        let gpu = common::open();
        let host = common::numbers(ELEMENTS);
        let allocate = |shape: &[usize]| gpu.allocate(shape, ElementType::F32).unwrap();
        Self {
            x: gpu.upload(&host, [ELEMENTS]).unwrap(),
            upstream: gpu.upload(&host, [ELEMENTS]).unwrap(),
            output: allocate(&[ELEMENTS]),
            seen: allocate(&seen(&gpu, CHANNELS)),
            part: allocate(&[ELEMENTS / STREAMS]),
            host,
            gpu,
        }
    }

    /// The numbers as the host has them, `len` of them.
    fn wide(&self, len: usize) -> Vec<f64> {
        let numbers = self.host[..len].iter();
        numbers.map(|&x| f64::from(x)).collect()
    }

    /// The time of kernels that only move memory, joined by `+`.
    fn baseline(&self, names: &str) -> Duration {
        let walk = [CHANNELS, walk(&self.gpu)];
        let upstream = &self.upstream;
        time_encoded(&self.gpu, |encoder| {
            for name in names.split('+') {
                match name {
                    "read" => encode_read(encoder, &self.x, None, walk, &self.seen),
                    "two-read" => encode_read(encoder, &self.x, Some(upstream), walk, &self.seen),
                    "add" => encode_or(encoder, &self.x, upstream, &self.output),
                    "streams" => encode_streams(encoder, &self.x, STREAMS as u32, &self.part),
                    _ => encode_copy(encoder, &self.x, &self.output),
                }
                .unwrap();
            }
        })
    }
}

/// Bytes that such kernels move.
fn moved(names: &str) -> f64 {
    let tensors = names.split('+').map(|name| match name {
        "read" => 1.0,
        "add" => 3.0,
        "streams" => 1.0 + 1.0 / STREAMS as f64,
        _ => 2.0,
    });
    BYTES * tensors.sum::<f64>()
}

/// Rows that a thread of the reading kernels walks.
fn walk(gpu: &Gpu) -> usize {
    gpu.tuning().reduction_rows as usize
}

/// The shape of what they leave.
fn seen(gpu: &Gpu, channels: usize) -> [usize; 2] {
    [(ELEMENTS / channels).div_ceil(walk(gpu)), channels]
}

fn moments(table: &mut Table<'_>, data: &Data, channels: usize) {
    let x = data.x.clone().reshaped([ELEMENTS / channels, channels]);
    let x = x.unwrap();
    let walk = [channels, walk(&data.gpu)];
    let seen = seen(&data.gpu, channels);
    let seen = data.gpu.allocate(seen, ElementType::F32).unwrap();
    table.row(
        format!("moments/{channels}-channels"),
        (BYTES, BYTES),
        || {
            let found = x.moments(-1).unwrap().download().unwrap();
            let expected = Moments::of(&data.wide(ELEMENTS), channels, 1).unwrap();
            for (found, expected) in found.variance().iter().zip(expected.variance()) {
                // Written so that NaN fails.
                let fits = (found - expected).abs() <= 1e-5 * expected;
                assert!(fits, "a variance is {found}, expected {expected}");
            }
        },
        ("read", || {
            time_encoded(&data.gpu, |encoder| {
                encode_read(encoder, &x, None, walk, &seen).unwrap();
            })
        }),
        || time(&data.gpu, || drop(x.moments(-1).unwrap())),
    );
}

/// A row for each shape that the family's operation takes.
fn measure(table: &mut Table<'_>, data: &Data, family: &dyn Family, math: Math, pass: Pass) {
    let Some(mut benchmark) = family.benchmark() else {
        return;
    };
    if math == Math::Native && !benchmark.takes_math {
        return;
    }
    benchmark.operation.set_math(math);
    let shapes: Vec<Vec<usize>> = match benchmark.columns {
        None => vec![vec![ELEMENTS]],
        Some(_) => COLUMNS
            .map(|columns| vec![ELEMENTS / columns, columns])
            .into(),
    };
    for shape in shapes {
        let operation = &benchmark.operation;
        let Ok(result) = operation.output_shape(&shape) else {
            continue;
        };
        let traffic = benchmark.traffic(pass);
        let name = [operation.name(), pass.name(), math.name()].join("/");
        let run = Run::new(data, &benchmark, pass, &shape, &result);
        table.row(
            format!("{name}/{shape:?}"),
            (
                BYTES / 4.0 * traffic.quarters as f64,
                moved(traffic.baseline),
            ),
            || {
                let case = Case {
                    upstream: |len| common::numbers(len).into_iter().map(f64::from).collect(),
                    inputs: vec![data.wide(ELEMENTS); operation.inputs()],
                    ..Case::new(operation.clone(), &shape, Vec::new())
                };
                let report = check::check_case(&data.gpu, &case, pass, ElementType::F32, math);
                let report = report.unwrap();
                assert!(report.passed(), "{name}: {report}");
            },
            (traffic.baseline, || data.baseline(traffic.baseline)),
            || run.time(),
        );
    }
}

/// An operation with its tensors.
struct Run<'a> {
    gpu: &'a Gpu,
    benchmark: &'a Benchmark,
    pass: Pass,
    x: Vec<Tensor>,
    upstream: Tensor,
    outputs: Vec<Tensor>,
    /// What the forward pass saves for the backward pass.
    saved: Saved,
}

impl<'a> Run<'a> {
    fn new(
        data: &'a Data,
        benchmark: &'a Benchmark,
        pass: Pass,
        shape: &[usize],
        result: &[usize],
    ) -> Self {
        let len = result.iter().product();
        let gpu = &data.gpu;
        let inputs = benchmark.operation.inputs();
        let mut x = vec![data.x.clone().reshaped(shape).unwrap()];
        while x.len() < inputs {
            x.push(gpu.upload(&data.host, shape).unwrap());
        }
        let outputs = match pass {
            Pass::Forward => vec![gpu.allocate(result, ElementType::F32)],
            Pass::Backward => (0..inputs)
                .map(|_| gpu.allocate(shape, ElementType::F32))
                .collect(),
        };
        let mut run = Self {
            upstream: gpu.upload(&data.host[..len], result).unwrap(),
            outputs: outputs.into_iter().map(Result::unwrap).collect(),
            saved: Saved::NOTHING,
            gpu,
            benchmark,
            pass,
            x,
        };
        if pass == Pass::Backward && benchmark.operation.saves() {
            let y = gpu.allocate(result, ElementType::F32).unwrap();
            let forward = |recorder: &mut Recorder<'_>| {
                benchmark
                    .operation
                    .record_forward(recorder, &run.inputs(), &y)
            };
            run.saved = recorder::submit(gpu, forward).unwrap();
        }
        run
    }

    fn inputs(&self) -> Vec<&Tensor> {
        self.x.iter().collect()
    }

    fn record(&self, recorder: &mut Recorder<'_>) -> Result<()> {
        let (operation, x) = (&self.benchmark.operation, self.inputs());
        let scratch = match self.pass {
            Pass::Forward => operation
                .record_forward(recorder, &x, &self.outputs[0])?
                .tensors(),
            Pass::Backward => operation.record_backward(
                recorder,
                &x,
                &self.saved,
                &self.upstream,
                &self.outputs.iter().collect::<Vec<_>>(),
                self.benchmark.parameters,
            )?,
        };
        scratch
            .into_iter()
            .for_each(|tensor| recorder.done_with(tensor));
        Ok(())
    }

    fn time(&self) -> Duration {
        let repeated =
            |recorder: &mut Recorder<'_>| (0..REPEATS).try_for_each(|_| self.record(recorder));
        time(self.gpu, || recorder::submit(self.gpu, repeated).unwrap()) / REPEATS
    }
}
