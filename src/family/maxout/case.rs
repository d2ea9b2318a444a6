//! What is tried of maxout, measured and drawn.

use super::{Maxout, MaxoutAffine, reference::Layout};
use crate::{
    accuracy::inputs::words,
    family::{Array, Benchmark, Case, Curve, Pass, Picture, SHAPES, Traffic, everyday},
};

/// Channels of the benchmark, and how many of them compete.
const CHANNELS: usize = 1024;
const PIECES: usize = 4;

/// Rows, inputs, pieces and outputs of affine maps.
const SIZES: [[usize; 4]; 4] = [
    [1, 1, 1, 1],
    [67, 33, 3, 20],
    [345, 7, 5, 31],
    [5, 130, 2, 64],
];

/// Both layouts of channels with special values and ties, and affine maps.
pub(super) fn cases() -> Vec<Case> {
    let layouts = Layout::ALL.into_iter();
    let pooling =
        layouts.flat_map(|layout| SHAPES.map(|(shape, axis)| pooling(layout, shape, axis)));
    pooling
        .chain(SIZES.into_iter().filter_map(affine))
        .collect()
}

fn pooling(layout: Layout, shape: &[usize], axis: i64) -> Case {
    let channels = shape[axis.rem_euclid(shape.len() as i64) as usize];
    let pieces = (2..=channels).find(|pieces| channels.is_multiple_of(*pieces));
    let special = [f64::NAN, f64::NEG_INFINITY, f64::INFINITY, 0.0, -0.0];
    let numbers = words(9).take(shape.iter().product());
    let numbers = numbers.map(|word| match word % 16 {
        kind @ 0..5 => special[kind as usize],
        _ => f64::from(word >> 29) - 3.5,
    });
    Case {
        upstream: |len| everyday(len, 10),
        ..Case::new(
            Maxout::new(pieces.unwrap_or(1), layout, axis),
            shape,
            numbers.collect(),
        )
    }
}

fn affine([rows, inputs, pieces, outputs]: [usize; 4]) -> Option<Case> {
    let parameter = |shape: &[usize], seed: u64| {
        let numbers = everyday(shape.iter().product(), seed).into_iter();
        let numbers: Vec<f32> = numbers.map(|number| number as f32).collect();
        Array::new(numbers, shape).ok()
    };
    let weight = parameter(&[pieces, inputs, outputs], 12)?;
    let bias = parameter(&[pieces, outputs], 13)?;
    let operation = MaxoutAffine::new(weight).and_then(|affine| affine.bias(bias));
    Some(Case {
        upstream: |len| everyday(len, 14),
        ..Case::new(
            operation.ok()?,
            &[rows, inputs],
            everyday(rows * inputs, 11),
        )
    })
}

/// Pooling of neighbours: y is a quarter of x.
pub(super) fn benchmark() -> Benchmark {
    let traffic = |baseline| Traffic {
        quarters: 5,
        baseline,
    };
    Benchmark {
        operation: Box::new(Maxout::new(PIECES, Layout::Adjacent, -1)),
        columns: Some(CHANNELS),
        forward: traffic("streams"),
        backward: traffic("copy"),
        parameters: false,
        takes_math: false,
        tuned_by: &[("maxout_groups", Pass::Backward)],
    }
}

/// Affine maps of one input.
pub(super) fn picture() -> Picture {
    Picture {
        subject: "pieces make any convex function",
        curves: vec![
            curve(
                "3 pieces: -x - 2, 0.2 x, x - 2",
                &[(-1.0, -2.0), (0.2, 0.0), (1.0, -2.0)],
            ),
            curve("2 pieces: -x, x", &[(-1.0, 0.0), (1.0, 0.0)]),
        ],
    }
}

/// The largest of lines, each a slope and its value at 0, by rising slope.
fn curve(label: &str, pieces: &'static [(f64, f64)]) -> Curve {
    let best = |x: f64| {
        let values = pieces
            .iter()
            .map(move |&(slope, at_zero)| (slope * x + at_zero, slope));
        values.fold((f64::NEG_INFINITY, 0.0), |best, piece| {
            if piece.0 > best.0 { piece } else { best }
        })
    };
    let crossings = pieces.windows(2).map(|pair| {
        let [(a, b), (c, d)] = [pair[0], pair[1]];
        (b - d) / (c - a)
    });
    Curve {
        label: label.to_owned(),
        value: Box::new(move |x| best(x).0),
        slope: Box::new(move |x| best(x).1),
        kinks: crossings.collect(),
    }
}
