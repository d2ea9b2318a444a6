//! The families other than the plain pointwise one, each beside the baseline that
//! moves the same memory, over shapes that differ in kind.
//!
//! Each result is verified before it is timed; each sample times the baseline and the operation in
//! turn. GB/s by the bytes that count: what the operation must read and write. The clock is the
//! host's, around one call and the wait for it.
//!
//! `WGPU_ADAPTER_NAME=NAME cargo bench --bench families [FILTER]` picks device and rows.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::{Table, time, time_encoded};
use wgpu_activations::{
    Activation, Dice, ElementType, Gpu, Math, Maxout, Moments, Pointwise, Softmax, Tensor,
    family::{
        maxout::reference::{Layout, Pooling},
        softmax::{
            bound::Expectation,
            reference::{Form, MaskedRows},
        },
    },
    kernel::baseline::{encode_copy, encode_read, encode_streams},
};

const ELEMENTS: usize = 1 << 24;
const BYTES: f64 = (ELEMENTS * 4) as f64;

/// One tensor's worth of numbers, on the host and on the device.
struct Data {
    gpu: Gpu,
    host: Vec<f32>,
    x: Tensor,
    output: Tensor,
}

fn main() {
    let data = Data::new();
    let mut criterion = common::criterion();
    let mut table = Table::new(&mut criterion, &data.gpu);
    for channels in [32, 64, 256, 1024, 4096, 16_384] {
        moments(&mut table, &data, channels);
    }
    for channels in [64, 1024] {
        for math in Math::ALL {
            prelu(&mut table, &data, channels, math);
            dice(&mut table, &data, channels, math);
        }
    }
    for (rows, columns) in [(4096, 4096), (16, 1 << 20), (1 << 19, 32), (1, 1 << 24)] {
        for form in Form::ALL {
            for math in Math::ALL {
                softmax(&mut table, &data, (rows, columns), form, math);
            }
        }
    }
    for layout in Layout::ALL {
        for inner in [1, 64] {
            maxout(&mut table, &data, layout, inner);
        }
    }
    table.print(&format!("{ELEMENTS} f32 elements on {}", data.gpu.name()));
    criterion.final_summary();
}

impl Data {
    fn new() -> Self {
        let gpu = common::open();
        let host = common::numbers(ELEMENTS);
        Self {
            x: gpu.upload(&host, [ELEMENTS]).unwrap(),
            output: gpu.allocate([ELEMENTS], ElementType::F32).unwrap(),
            host,
            gpu,
        }
    }

    /// The numbers as rows of `columns`.
    fn matrix(&self, columns: usize) -> Tensor {
        let shape = [ELEMENTS / columns, columns];
        self.gpu.upload(&self.host, shape).unwrap()
    }

    fn copy(&self) -> Duration {
        time_encoded(&self.gpu, |encoder| {
            encode_copy(encoder, &self.x, &self.output).unwrap();
        })
    }

    fn wide(&self) -> Vec<f64> {
        self.host.iter().map(|&x| f64::from(x)).collect()
    }
}

/// Fails unless elements spread over the result are within `allowed` of what is expected, absolute
/// and relative.
fn verify(found: &[f32], allowed: f64, expected: impl Fn(usize) -> f64) {
    for index in (0..found.len()).step_by(331) {
        let (found, expected) = (f64::from(found[index]), expected(index));
        // Written so that NaN fails.
        let fits = (found - expected).abs() <= allowed * (1.0 + expected.abs());
        assert!(fits, "element {index} is {found}, expected {expected}");
    }
}

fn moments(table: &mut Table<'_>, data: &Data, channels: usize) {
    let x = data.matrix(channels);
    let walk = data.gpu.tuning().reduction_rows as usize;
    let seen = [(ELEMENTS / channels).div_ceil(walk), channels];
    let seen = data.gpu.allocate(seen, ElementType::F32).unwrap();
    table.row(
        format!("moments/{channels}-channels"),
        (BYTES, BYTES),
        || {
            let found = x.moments(-1).unwrap().download().unwrap();
            let expected = Moments::of(&data.wide(), channels, 1).unwrap();
            let found: Vec<_> = found.variance().iter().map(|&value| value as f32).collect();
            verify(&found, 1e-5, |channel| expected.variance()[channel]);
        },
        ("read", || {
            time_encoded(&data.gpu, |encoder| {
                encode_read(encoder, &x, None, [channels, walk], &seen).unwrap();
            })
        }),
        || {
            time(&data.gpu, || {
                x.moments(-1).unwrap();
            })
        },
    );
}

fn slopes(channels: usize) -> Vec<f32> {
    (0..channels)
        .map(|channel| (channel % 9) as f32 / 8.0)
        .collect()
}

fn prelu(table: &mut Table<'_>, data: &Data, channels: usize, math: Math) {
    let (x, y) = (data.matrix(channels), data.matrix(channels));
    let alpha = slopes(channels);
    let tensor = data.gpu.upload(&alpha, [channels]).unwrap();
    let prelu = Pointwise::new(Activation::LEAKY_RELU).math(math);
    let prelu = prelu.per_channel(&tensor, -1).unwrap();
    let name = format!("{channels}-channels/{}", math.name());
    let value = |index: usize| {
        let slope = Activation::LEAKY_RELU
            .with(alpha[index % channels])
            .unwrap();
        slope.value(f64::from(data.host[index]))
    };
    table.row(
        format!("prelu/forward/{name}"),
        (2.0 * BYTES, 2.0 * BYTES),
        || {
            let found: Vec<f32> = prelu.forward(&x).unwrap().download().unwrap();
            verify(&found, 1e-6, value);
        },
        ("copy", || data.copy()),
        || {
            time_encoded(&data.gpu, |encoder| {
                prelu.encode_forward(encoder, &x, &y).unwrap();
            })
        },
    );
    table.row(
        format!("prelu/gradients/{name}"),
        (3.0 * BYTES, 2.0 * BYTES),
        || {
            let found = prelu.gradients(&x, &x).unwrap();
            let found: Vec<f32> = found.dx.download().unwrap();
            verify(&found, 1e-6, value); // x as the upstream gradient
        },
        ("copy", || data.copy()),
        || {
            time(&data.gpu, || {
                prelu.gradients(&x, &x).unwrap();
            })
        },
    );
}

fn dice(table: &mut Table<'_>, data: &Data, channels: usize, math: Math) {
    let x = data.matrix(channels);
    let dice = Dice::new(&data.gpu, channels).unwrap().math(math);
    dice.alpha().write(&slopes(channels)).unwrap();
    let name = format!("{channels}-channels/{}", math.name());
    let reference = || {
        let alpha = slopes(channels);
        let alpha = alpha.iter().map(|&alpha| f64::from(alpha)).collect();
        wgpu_activations::family::dice::reference::Dice::of_batch(&data.wide(), alpha, 1e-8, 1)
            .unwrap()
    };
    table.row(
        format!("dice/train/{name}"),
        (3.0 * BYTES, 2.0 * BYTES),
        || {
            let expected = reference();
            let found: Vec<f32> = dice.train(&x).unwrap().0.download().unwrap();
            verify(&found, 1e-5, |index| {
                expected.value(index, f64::from(data.host[index]))
            });
        },
        ("copy", || data.copy()),
        || {
            time(&data.gpu, || {
                dice.train(&x).unwrap();
            })
        },
    );
    let batch = x.moments(-1).unwrap();
    table.row(
        format!("dice/backward/{name}"),
        (5.0 * BYTES, 2.0 * BYTES),
        || {
            let x_wide = data.wide();
            let expected = reference().train_backward(&x_wide, &x_wide);
            let found = dice.backward(&x, &x, &batch).unwrap();
            let found: Vec<f32> = found.dx.download().unwrap();
            verify(&found, 1e-5, |index| expected.dx[index]);
        },
        ("copy", || data.copy()),
        || {
            time(&data.gpu, || {
                dice.backward(&x, &x, &batch).unwrap();
            })
        },
    );
}

/// Rows that are held against the reference: each takes all of its exponentials.
const CHECKED_ROWS: usize = 3;

fn softmax(
    table: &mut Table<'_>,
    data: &Data,
    (rows, columns): (usize, usize),
    form: Form,
    math: Math,
) {
    let x = data.matrix(columns);
    let y = data.matrix(columns);
    let upstream = data.matrix(columns);
    let softmax = Softmax::with_form(form, -1).math(math);
    let expect = |input: &[f32], upstream: Option<&[f32]>, found: &[f32]| {
        assert_eq!(found.len(), ELEMENTS);
        for row in [0, rows / 2, rows - 1]
            .into_iter()
            .take(rows.min(CHECKED_ROWS))
        {
            let row = row * columns..(row + 1) * columns;
            let expectation = Expectation {
                form,
                masked: MaskedRows::Nan,
                math,
                extent: columns,
                inner: 1,
                input: &input[row.clone()],
                upstream: upstream.map(|upstream| &upstream[row.clone()]),
            };
            let report = expectation.check(&found[row]).unwrap();
            assert!(report.passed(), "{report}");
        }
    };
    let name = |pass: &str| {
        let (form, math) = (form.name(), math.name());
        format!("{form}/{pass}/{rows}x{columns}/{math}")
    };
    table.row(
        name("forward"),
        (2.0 * BYTES, 2.0 * BYTES),
        || {
            let found: Vec<f32> = softmax.forward(&x).unwrap().download().unwrap();
            expect(&data.host, None, &found);
        },
        ("copy", || data.copy()),
        || {
            time_encoded(&data.gpu, |encoder| {
                softmax.encode_forward(encoder, &x, &y).unwrap();
            })
        },
    );
    let y = softmax.forward(&x).unwrap();
    let dx = data.matrix(columns);
    table.row(
        name("backward"),
        (3.0 * BYTES, 2.0 * BYTES),
        || {
            let found: Vec<f32> = softmax.backward(&y, &upstream).unwrap().download().unwrap();
            let y: Vec<f32> = y.download().unwrap();
            expect(&y, Some(&data.host), &found);
        },
        ("copy", || data.copy()),
        || {
            time_encoded(&data.gpu, |encoder| {
                softmax
                    .encode_backward(encoder, &y, &upstream, &dx)
                    .unwrap();
            })
        },
    );
}

fn maxout(table: &mut Table<'_>, data: &Data, layout: Layout, inner: usize) {
    const PIECES: usize = 4;
    const CHANNELS: usize = 1024;
    let shape = [ELEMENTS / CHANNELS / inner, CHANNELS, inner];
    let y_shape = [shape[0], CHANNELS / PIECES, inner];
    let x = data.gpu.upload(&data.host, shape).unwrap();
    let y = data.gpu.allocate(y_shape, ElementType::F32).unwrap();
    let maxout = Maxout::new(PIECES, layout, 1);
    let pooling = Pooling {
        pieces: PIECES,
        layout,
        channels: CHANNELS,
        inner,
    };
    let name = |pass: &str| format!("maxout/{pass}/{}/inner-{inner}", layout.name());
    let bytes = BYTES + BYTES / PIECES as f64;
    table.row(
        name("forward"),
        (bytes, bytes),
        || {
            let (y, winners) = maxout.forward(&x).unwrap();
            let (values, places) = pooling.forward(&data.wide());
            let found: Vec<f32> = y.download().unwrap();
            assert_eq!(found.len(), values.len());
            verify(&found, 0.0, |index| values[index]);
            assert_eq!(winners.download().unwrap(), places);
        },
        ("streams", || {
            time_encoded(&data.gpu, |encoder| {
                encode_streams(encoder, &x, PIECES as u32, &y).unwrap();
            })
        }),
        || {
            time(&data.gpu, || {
                maxout.forward_into(&x, &y).unwrap();
            })
        },
    );
    let (y, winners) = maxout.forward(&x).unwrap();
    let dx = data.gpu.allocate(shape, ElementType::F32).unwrap();
    table.row(
        name("backward"),
        (bytes, 2.0 * BYTES),
        || {
            let found: Vec<f32> = maxout.backward(&winners, &y).unwrap().download().unwrap();
            let upstream: Vec<f32> = y.download().unwrap(); // y as the upstream gradient
            let upstream: Vec<_> = upstream.iter().map(|&g| f64::from(g)).collect();
            let expected = pooling.backward(&winners.download().unwrap(), &upstream);
            assert_eq!(found.len(), expected.len());
            verify(&found, 0.0, |index| expected[index]);
        },
        ("copy", || data.copy()),
        || {
            time(&data.gpu, || {
                maxout.backward_into(&winners, &y, &dx).unwrap();
            })
        },
    );
}
