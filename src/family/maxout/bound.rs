//! What maxout should have given, and how far from it a result may be.

use crate::accuracy::{
    Report,
    bound::{Bound, storage},
};
use crate::{
    element::Element,
    family::maxout::reference::{Affine, Pooling, winner},
};

/// Relative to the sum of the terms' magnitudes.
const SHARE: f64 = 1e-6;

/// Compares y and the winners of pooling at `places`: the very element, and the first of equal ones.
///
/// ```
/// use wgpu_activations::{family::maxout::bound, family::maxout::reference::{Layout, Pooling}};
///
/// let pairs = Pooling { pieces: 2, layout: Layout::Adjacent, channels: 4, inner: 1 };
/// let x = [1.0f32, 5.0, 3.0, 2.0];
/// let report = maxout::pooling(pairs, &x, (&[5.0, 3.0], &[1, 0]), 0..2);
/// assert!(report.passed());
/// ```
pub fn pooling<T: Element>(
    pooling: Pooling,
    x: &[T],
    (y, winners): (&[T], &[u32]),
    places: impl IntoIterator<Item = usize>,
) -> Report {
    let mut report = Report::default();
    for place in places {
        let pieces = (0..pooling.pieces).map(|piece| x[pooling.place(place, piece)].to_f32());
        let (expected, index) = winner(pieces.map(f64::from));
        let bound = chosen(expected, 0.0, winners.get(place) == Some(&index));
        report.add(bound.sample(place, expected as f32, 1.0, found(y, place)));
    }
    report
}

/// Compares dx of pooling at `places` of y: upstream at the winner, 0 at the others.
///
/// ```
/// use wgpu_activations::{family::maxout::bound, family::maxout::reference::{Layout, Pooling}};
///
/// let pairs = Pooling { pieces: 2, layout: Layout::Adjacent, channels: 4, inner: 1 };
/// let dx = [0.0, 0.5, 0.25, 0.0];
/// let report = maxout::pooling_backward(pairs, &[1, 0], &[0.5f32, 0.25], &dx, 0..2);
/// assert!(report.passed());
/// ```
pub fn pooling_backward<T: Element>(
    pooling: Pooling,
    winners: &[u32],
    upstream: &[T],
    dx: &[T],
    places: impl IntoIterator<Item = usize>,
) -> Report {
    let mut report = Report::default();
    for place in places {
        let g = upstream[place].to_f32();
        for piece in 0..pooling.pieces {
            let won = winners[place] as usize == piece;
            let bound = chosen(if won { f64::from(g) } else { 0.0 }, 0.0, true);
            let place = pooling.place(place, piece);
            report.add(bound.sample(place, 0.0, g, found(dx, place)));
        }
    }
    report
}

/// Compares y and the winners of affine maps at `places`: 1e-6 of the sum of the terms' magnitudes; a
/// winner must come as close to the largest.
///
/// ```
/// use wgpu_activations::{family::maxout::bound, family::maxout::reference::Affine};
///
/// // The larger of x and -x.
/// let magnitude =
///     Affine { weight: &[1.0, -1.0], bias: &[0.0, 0.0], pieces: 2, inputs: 1, outputs: 1 };
/// let report = maxout::affine(magnitude, &[2.0f32, -3.0], (&[2.0, 3.0], &[0, 1]), 0..2);
/// assert!(report.passed());
/// ```
pub fn affine<T: Element>(
    affine: Affine<'_>,
    x: &[T],
    (y, winners): (&[T], &[u32]),
    places: impl IntoIterator<Item = usize>,
) -> Report {
    let mut report = Report::default();
    for place in places {
        let (row, output) = (place / affine.outputs, place % affine.outputs);
        let row = &x[row * affine.inputs..][..affine.inputs];
        let sums: Vec<_> = (0..affine.pieces)
            .map(|piece| affine_sum(affine, row, piece, output))
            .collect();
        let (expected, _) = winner(sums.iter().map(|(sum, _)| *sum));
        let magnitude = sums
            .iter()
            .map(|(_, magnitude)| *magnitude)
            .fold(0.0, f64::max);
        let allowed = SHARE * magnitude + f64::from(f32::MIN_POSITIVE);
        let named = winners
            .get(place)
            .and_then(|&piece| sums.get(piece as usize));
        let close = named.is_some_and(|&(sum, _)| {
            sum == expected
                || sum.is_nan() && expected.is_nan()
                || (sum - expected).abs() <= 2.0 * allowed
        });
        let bound = chosen(expected, allowed + storage(expected, T::TYPE), close);
        report.add(bound.sample(place, 0.0, 1.0, found(y, place)));
    }
    report
}

/// A sum of terms: 1e-6 of the sum of their magnitudes.
///
/// ```
/// use wgpu_activations::{accuracy::bound::compare, family::maxout::bound::sum};
///
/// // 1000 - 999: what cancels counts.
/// let bound = sum::<f32>((1.0, 1999.0));
/// assert!(compare(&[1.001], &[bound]).passed());
/// assert!(!compare(&[1.003], &[bound]).passed());
/// ```
pub fn sum<T: Element>((expected, magnitude): (f64, f64)) -> Bound {
    Bound {
        expected,
        allowed: SHARE * magnitude + f64::from(f32::MIN_POSITIVE) + storage(expected, T::TYPE),
    }
}

/// What a piece gives for a row of x, and the sum of its terms' magnitudes.
fn affine_sum<T: Element>(
    affine: Affine<'_>,
    row: &[T],
    piece: usize,
    output: usize,
) -> (f64, f64) {
    let bias = affine.bias[piece * affine.outputs + output];
    let terms = row.iter().enumerate().map(|(d, x)| {
        let weight = affine.weight[(piece * affine.inputs + d) * affine.outputs + output];
        f64::from(x.to_f32()) * weight
    });
    terms.fold((bias, bias.abs()), |(sum, magnitude), term| {
        (sum + term, magnitude + term.abs())
    })
}

/// Too short an answer is a wrong one.
fn found<T: Element>(results: &[T], place: usize) -> T {
    results.get(place).copied().unwrap_or(T::from_f64(f64::NAN))
}

/// Beside the wrong winner nothing is right.
fn chosen(expected: f64, allowed: f64, right: bool) -> Bound {
    let expected = match (right, expected.is_nan()) {
        (true, _) => expected,
        (false, true) => 0.0,
        (false, false) => f64::NAN,
    };
    Bound { expected, allowed }
}
