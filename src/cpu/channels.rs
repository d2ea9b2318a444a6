//! What is summed per channel, the same whatever the number of threads: how a tensor is divided depends on its shape
//! alone, and what is found in its pieces is merged in their order.

use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;

use super::{
    blocks::{BLOCK, RUN, Spread},
    kernel::{Function, Given},
    slice::Slice,
};
use crate::tensor::View;

/// Elements of a piece.
const PIECE: usize = 1 << 16;

/// Adds what is found in a second piece to what is found in a first.
pub(crate) type Merge = fn(&mut [f64], &[f64]);

/// A part of a tensor: rows of `width` elements that lie side by side, `step` elements from one to the next.
#[derive(Clone, Copy)]
pub(crate) struct Piece {
    pub(crate) first: usize,
    pub(crate) width: usize,
    pub(crate) step: usize,
    pub(crate) rows: usize,
}

impl Piece {
    /// The range of each row.
    pub(crate) fn rows(self) -> impl Iterator<Item = std::ops::Range<usize>> {
        (0..self.rows).map(move |row| {
            let first = self.first + row * self.step;
            first..first + self.width
        })
    }
}

/// For each channel `words` numbers, by `find`, which gives those of each place of a piece's rows one after another, or
/// of the whole piece where that is of one channel: where runs of a channel are long.
pub(crate) fn reduce(
    view: View,
    words: usize,
    find: impl Fn(Piece, bool) -> Vec<f64> + Sync,
    merge: Merge,
) -> Vec<f64> {
    let View {
        outer,
        extent,
        inner,
    } = view;
    let mut all = vec![0.0; extent * words];
    if view.elements() == 0 {
        return all;
    }
    let (pieces, alone) = if inner >= RUN {
        (in_runs(view), true)
    } else {
        (in_rows(outer, extent * inner), false)
    };
    // So many at a time that what they find stays small.
    for pieces in pieces.chunks(256) {
        let found: Vec<_> = pieces.par_iter().map(|&piece| find(piece, alone)).collect();
        for (piece, found) in pieces.iter().zip(found) {
            for (place, part) in found.chunks_exact(words.max(1)).enumerate() {
                let channel = (piece.first + place) / inner % extent;
                merge(&mut all[channel * words..][..words], part);
            }
        }
    }
    all
}

/// Pieces of one channel each.
fn in_runs(view: View) -> Vec<Piece> {
    let View {
        outer,
        extent,
        inner,
    } = view;
    let mut pieces = Vec::new();
    for run in 0..outer * extent {
        for first in (0..inner).step_by(PIECE) {
            let width = PIECE.min(inner - first);
            pieces.push(Piece {
                first: run * inner + first,
                width,
                step: width,
                rows: 1,
            });
        }
    }
    pieces
}

/// Pieces of `outer` rows of `period` elements; short rows are taken several as one.
fn in_rows(outer: usize, period: usize) -> Vec<Piece> {
    let together = (BLOCK / period).clamp(1, outer);
    let width = period.min(BLOCK) * together;
    let (rows, rest) = (outer / together, outer % together);
    let step = period * together;
    let high = (PIECE / width).max(1);
    let mut pieces = Vec::new();
    for first in (0..step).step_by(width) {
        let width = width.min(step - first);
        for row in (0..rows).step_by(high) {
            let rows = high.min(rows - row);
            pieces.push(Piece {
                first: row * step + first,
                width,
                step,
                rows,
            });
        }
    }
    if rest > 0 {
        let width = period * rest;
        pieces.push(Piece {
            first: rows * step,
            width,
            step: width,
            rows: 1,
        });
    }
    pieces
}

/// Adds each of `terms` to its sum.
pub(crate) fn add(sums: &mut [f64], terms: &[f32]) {
    struct Add<'a>(&'a mut [f64], &'a [f32]);
    impl NullaryFnOnce for Add<'_> {
        type Output = ();
        #[inline(always)]
        fn call(self) {
            for (sum, term) in self.0.iter_mut().zip(self.1) {
                *sum += f64::from(*term);
            }
        }
    }
    Arch::new().dispatch(Add(sums, terms));
}

/// Sums.
pub(crate) fn merge_sums(all: &mut [f64], part: &[f64]) {
    for (all, part) in all.iter_mut().zip(part) {
        *all += part;
    }
}

/// For each channel the sums of what these kernels give of x and upstream gradients.
pub(crate) fn sums(
    kernels: &[&Function],
    view: View,
    x: Slice<'_>,
    upstream: Slice<'_>,
    parameters: &Spread,
) -> Vec<f64> {
    let words = kernels.len();
    let find = |piece: Piece, alone: bool| {
        let mut sums = vec![vec![0.0; piece.width.min(BLOCK)]; words];
        let (mut room, mut upstream_room) = (Vec::new(), Vec::new());
        let mut terms = vec![0.0; BLOCK];
        let blocks = piece.rows().flat_map(|row| {
            let end = row.end;
            row.step_by(BLOCK)
                .map(move |first| first..end.min(first + BLOCK))
        });
        for block in blocks {
            let x = x.part(block.clone()).widened(&mut room);
            let given = Given {
                x,
                upstream: upstream.part(block.clone()).widened(&mut upstream_room),
                parameters: parameters.at(block.start, block.len()),
            };
            let terms = &mut terms[..x.len()];
            for (kernel, sums) in kernels.iter().zip(&mut sums) {
                kernel(given, terms);
                add(sums, terms);
            }
        }
        if alone {
            return sums.iter().map(|sums| sums.iter().sum()).collect();
        }
        let places = 0..piece.width;
        places
            .flat_map(|place| sums.iter().map(move |sums| sums[place]))
            .collect()
    };
    reduce(view, words, find, merge_sums)
}
