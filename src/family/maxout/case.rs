//! What is tried of maxout, and drawn.

use super::{Maxout, MaxoutAffine, reference::Layout};
use crate::{
    accuracy::inputs::words,
    family::{Array, Case, Curve, SHAPES, everyday},
};

/// Rows, inputs, pieces and outputs of affine maps.
const SIZES: [[usize; 4]; 4] = [
    [1, 1, 1, 1],
    [67, 33, 3, 20],
    [345, 7, 5, 31],
    [5, 130, 2, 64],
];

/// Both layouts of channels with special values and ties, and affine maps.
pub(super) fn cases() -> Vec<Case> {
    let of = |layout| SHAPES.map(|(shape, axis)| pooling(layout, shape, axis));
    let pooling = Layout::ALL.into_iter().flat_map(of);
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
    let operation = Maxout::new(pieces.unwrap_or(1), layout, axis);
    Case {
        upstream: |len| everyday(len, 10),
        ..Case::new(operation, shape, numbers.collect())
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
    let operation = MaxoutAffine::new(weight).ok()?.bias(bias).ok()?;
    let x = everyday(rows * inputs, 11);
    Some(Case {
        upstream: |len| everyday(len, 14),
        ..Case::new(operation, &[rows, inputs], x)
    })
}

/// The largest of lines, each a slope and its value at 0, by rising slope.
pub(super) fn curve<const N: usize>(label: &str, pieces: [(f64, f64); N]) -> Curve {
    let best = move |x: f64| {
        let values = pieces.map(|(slope, at_zero)| (slope * x + at_zero, slope));
        let larger = |best: (f64, f64), piece: (f64, f64)| {
            if piece.0 > best.0 { piece } else { best }
        };
        values.into_iter().fold((f64::NEG_INFINITY, 0.0), larger)
    };
    let crossings = pieces.windows(2).map(|pair| {
        let [(a, b), (c, d)] = [pair[0], pair[1]];
        (b - d) / (c - a)
    });
    Curve {
        kinks: crossings.collect(),
        ..Curve::new(label, move |x| best(x).0, move |x| best(x).1)
    }
}
