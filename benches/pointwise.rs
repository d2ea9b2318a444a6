//! Every activation at 2^24 f32 elements, forward and backward, beside a copy kernel of the same
//! launch shape on the same device.
//!
//! Each result is verified before it is timed. Each sample times the copy and the kernel in turn;
//! the table at the end gives, by median over the samples, GB/s by the bytes that count (8 per
//! element forward, 12 backward) and the fraction of the copy's. The clock is the host's, around a
//! submission of several dispatches and the wait for it.
//!
//! `WGPU_ADAPTER_NAME=NAME cargo bench --bench pointwise [FILTER]` picks device and rows.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{Table, time_encoded};
use wgpu_activations::{
    Activation, ElementType, Gpu, Math, Pointwise, Tensor,
    accuracy::{Expectation, Tolerance},
    check::Pass,
    kernel::baseline::encode_copy,
};

const ELEMENTS: usize = 1 << 24;

struct Bench {
    gpu: Gpu,
    host: Vec<f32>,
    x: Tensor,
    upstream: Tensor,
    output: Tensor,
}

fn main() {
    let bench = Bench::new();
    let mut criterion = common::criterion();
    let mut table = Table::new(&mut criterion, &bench.gpu);
    for math in Math::ALL {
        for pass in Pass::ALL {
            for activation in Activation::all() {
                let op = Pointwise::new(activation).math(math);
                table.row(
                    format!("{}/{}/{}", activation.name(), pass.name(), math.name()),
                    (bytes(pass), bytes(Pass::Forward)),
                    || bench.verify(op, pass, math),
                    ("copy", || {
                        time_encoded(&bench.gpu, |encoder| {
                            encode_copy(encoder, &bench.x, &bench.output).unwrap();
                        })
                    }),
                    || time_encoded(&bench.gpu, |encoder| bench.encode(op, pass, encoder)),
                );
            }
        }
    }
    table.print(&format!("{ELEMENTS} f32 elements on {}", bench.gpu.name()));
    criterion.final_summary();
}

fn bytes(pass: Pass) -> f64 {
    let per_element = match pass {
        Pass::Forward => 8,
        Pass::Backward => 12,
    };
    (ELEMENTS * per_element) as f64
}

impl Bench {
    fn new() -> Self {
        let gpu = common::open();
        let host = common::numbers(ELEMENTS);
        Self {
            x: gpu.upload(&host, [ELEMENTS]).unwrap(),
            upstream: gpu.upload(&host, [ELEMENTS]).unwrap(),
            output: gpu.allocate([ELEMENTS], ElementType::F32).unwrap(),
            host,
            gpu,
        }
    }

    fn encode(&self, op: Pointwise<'_>, pass: Pass, encoder: &mut wgpu::CommandEncoder) {
        match pass {
            Pass::Forward => op.encode_forward(encoder, &self.x, &self.output),
            Pass::Backward => op.encode_backward(encoder, &self.x, &self.upstream, &self.output),
        }
        .unwrap();
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
