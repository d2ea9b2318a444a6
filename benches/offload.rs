//! Host slices of 1 GiB through a device and back, beside what the way allows: upload, kernel and
//! download of a chunk taken apart and overlapped ideally, so that the slowest of them decides.
//!
//! A chain in one trip stands beside its operations in a trip each.
//!
//! `WGPU_ADAPTER_NAME=NAME cargo bench --bench offload [FILTER]` picks device and rows.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::{cell::RefCell, time::Duration};

use common::Table;
use wgpu_activations::{
    Activation, Chain, ElementType, Gpu, Math, Offload, Softmax,
    accuracy::{Expectation, Tolerance},
};

const SHAPE: [usize; 2] = [1 << 18, 1 << 10];
const ELEMENTS: usize = SHAPE[0] * SHAPE[1];
/// Up and down.
const BYTES: f64 = (ELEMENTS * 8) as f64;

struct Bench {
    gpu: Gpu,
    x: RefCell<Vec<f32>>,
    y: RefCell<Vec<f32>>,
}

fn main() {
    let gpu = common::open();
    let bench = Bench {
        x: RefCell::new(common::numbers(ELEMENTS)),
        // Written to, lest the first run pay for the pages.
        y: RefCell::new(vec![1.0; ELEMENTS]),
        gpu,
    };
    let mut criterion = common::criterion();
    let mut table = Table::new(&mut criterion, &bench.gpu);
    for math in Math::ALL {
        for activation in [Activation::GELU, Activation::RELU] {
            let chain = Chain::from(activation).math(math);
            table.row(
                format!("{}/{}", activation.name(), math.name()),
                (BYTES, BYTES),
                || bench.verify(&chain, activation, math),
                ("ideal", || bench.ideal(&chain)),
                || bench.stream(&chain),
            );
        }
    }
    let gelu = Chain::from(Activation::GELU);
    table.row(
        "gelu in place".to_owned(),
        (BYTES, BYTES),
        || {},
        ("ideal", || bench.ideal(&gelu)),
        || {
            let mut x = bench.y.borrow_mut();
            let offload = Offload::new(&bench.gpu);
            offload
                .forward_in_place(&gelu, &SHAPE, &mut x)
                .unwrap()
                .total
        },
    );
    let chain = gelu.clone().then(Softmax::new(-1));
    let softmax = Chain::from(Softmax::new(-1));
    table.row(
        "gelu | softmax".to_owned(),
        (BYTES, BYTES),
        || {},
        ("a trip each", || {
            bench.stream(&gelu) + bench.stream(&softmax)
        }),
        || bench.stream(&chain),
    );
    table.print(&format!("{ELEMENTS} f32 elements on {}", bench.gpu.name()));
    criterion.final_summary();
}

impl Bench {
    fn stream(&self, chain: &Chain) -> Duration {
        let (x, mut y) = (self.x.borrow(), self.y.borrow_mut());
        let offload = Offload::new(&self.gpu);
        offload.forward(chain, &SHAPE, &x, &mut y).unwrap().total
    }

    fn ideal(&self, chain: &Chain) -> Duration {
        let offload = Offload::new(&self.gpu);
        let rates = offload.probe::<f32>(chain, &SHAPE).unwrap();
        rates.ideal(ELEMENTS as u64)
    }

    fn verify(&self, chain: &Chain, activation: Activation, math: Math) {
        self.stream(chain);
        let (x, y) = (self.x.borrow(), self.y.borrow());
        let expectation = Expectation {
            activation,
            channels: None,
            x: &x,
            upstream: None,
            tolerance: Tolerance::forward(activation, ElementType::F32, math),
        };
        let report = expectation
            .check_at(&y, (0..ELEMENTS).step_by(3331))
            .unwrap();
        assert!(report.passed(), "{chain}: {report}");
    }
}
