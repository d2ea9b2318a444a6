//! Host cost of recording one operation with everything cached: what a caller with an encoder of
//! its own pays per call, the encoder's share of `finish` included.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use wgpu_activations::{Activation, ElementType, Pointwise};

/// Calls per encoder.
const CALLS: u64 = 64;

fn encode(criterion: &mut Criterion) {
    let gpu = common::open();
    let x = gpu.upload(&[1.0f32; 4096], [64, 64]).unwrap();
    let y = gpu.allocate([64, 64], ElementType::F32).unwrap();
    let slopes = gpu.upload(&[0.25f32; 64], [64]).unwrap();
    let ops = [
        ("gelu", Pointwise::new(Activation::GELU)),
        (
            "prelu",
            Pointwise::new(Activation::LEAKY_RELU)
                .per_channel(&slopes, -1)
                .unwrap(),
        ),
    ];
    let mut group = criterion.benchmark_group(format!("encode on {}", gpu.name()));
    for (name, op) in ops {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|iterations| {
                let mut total = Duration::ZERO;
                for _ in 0..iterations.div_ceil(CALLS) {
                    let mut encoder = gpu.device().create_command_encoder(&Default::default());
                    let start = Instant::now();
                    for _ in 0..CALLS {
                        op.encode_forward(&mut encoder, &x, &y).unwrap();
                    }
                    let commands = encoder.finish();
                    total += start.elapsed();
                    gpu.queue().submit([commands]);
                    gpu.wait().unwrap();
                }
                // The time of `iterations` calls, from that of whole encoders.
                total.mul_f64(iterations as f64 / (iterations.div_ceil(CALLS) * CALLS) as f64)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, encode);
criterion_main!(benches);
