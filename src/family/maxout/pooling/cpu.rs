//! Maxout over groups of channels on the processor.

use super::Maxout;
use crate::{
    cpu::{Slice, SliceMut, blocks::each_block, lane::select},
    error::{Error, Result},
    family::{Chosen, Saved, maxout::OP},
    tensor::View,
};

/// Groups whose pieces lie this far apart are walked piece by piece.
const APART: usize = 16;

impl Maxout {
    /// The groups of x of this shape, [outer, pieces, inner].
    fn groups_of(&self, shape: &[usize]) -> Result<View> {
        Ok(self.groups(View::of(&self.y_shape(shape)?, self.axis)?))
    }

    pub(super) fn compute(&self, shape: &[usize], x: Slice<'_>, y: SliceMut<'_>) -> Result<Chosen> {
        let View { inner, .. } = self.groups_of(shape)?;
        let mut chosen = vec![0_u32; y.len()];
        self.contest(
            inner,
            x,
            SliceMut::F32(bytemuck::cast_slice_mut(&mut chosen)),
            |_, index| {
                // The number of the piece, as bits.
                f32::from_bits(index)
            },
        );
        self.contest(inner, x, y, |value, _| value);
        Ok(Chosen(chosen))
    }

    /// What `of` makes of the winner of each group and its number.
    fn contest(
        &self,
        inner: usize,
        x: Slice<'_>,
        y: SliceMut<'_>,
        of: impl Fn(f32, u32) -> f32 + Sync,
    ) {
        let pieces = self.pieces;
        let unit = if inner >= APART { inner } else { usize::MAX };
        each_block(&[], y, unit, |first, _, y| {
            let (outer, place) = (first / inner, first % inner);
            let mut room = Vec::new();
            if inner >= APART {
                let mut best: Vec<(f32, u32)> = Vec::new();
                for piece in 0..pieces {
                    let start = (outer * pieces + piece) * inner + place;
                    let x = x.part(start..start + y.len()).widened(&mut room);
                    match piece {
                        0 => best.extend(x.iter().map(|&x| (x, 0))),
                        _ => best.iter_mut().zip(x).for_each(|(best, &x)| {
                            *best = better(*best, (x, piece as u32));
                        }),
                    }
                }
                y.iter_mut()
                    .zip(best)
                    .for_each(|(y, (x, index))| *y = of(x, index));
                return;
            }
            let last = (first + y.len()).div_ceil(inner);
            let x = x
                .part(outer * pieces * inner..last * pieces * inner)
                .widened(&mut room);
            for (index, y) in y.iter_mut().enumerate() {
                let group = (place + index) / inner * pieces * inner + (place + index) % inner;
                let of_group = x[group..].iter().step_by(inner).take(pieces);
                let best = of_group
                    .zip(0..)
                    .map(|(&x, index)| (x, index))
                    .reduce(better);
                let (x, winner) = best.unwrap_or((f32::NEG_INFINITY, 0));
                *y = of(x, winner);
            }
        });
    }

    pub(super) fn compute_dx(
        &self,
        shape: &[usize],
        saved: &Saved,
        upstream: Slice<'_>,
        dx: SliceMut<'_>,
    ) -> Result<()> {
        let View { inner, .. } = self.groups_of(shape)?;
        let Some(Chosen(chosen)) = saved.get() else {
            return Err(Error::Internal(format!("{OP}: the winners were not saved")));
        };
        let pieces = self.pieces;
        let unit = if inner >= APART { inner } else { usize::MAX };
        each_block(&[], dx, unit, |first, _, dx| {
            let mut room = Vec::new();
            if inner >= APART {
                let (line, place) = (first / inner, first % inner);
                let start = line / pieces * inner + place;
                let range = start..start + dx.len();
                let g = upstream.part(range.clone()).widened(&mut room);
                let piece = (line % pieces) as u32;
                for ((dx, g), winner) in dx.iter_mut().zip(g).zip(&chosen[range]) {
                    *dx = select(0.0, *g, *winner == piece);
                }
                return;
            }
            let start = first / (inner * pieces) * inner;
            let end = (first + dx.len()).div_ceil(inner * pieces) * inner;
            let g = upstream.part(start..end).widened(&mut room);
            for (index, dx) in (first..).zip(dx) {
                let (line, place) = (index / inner, index % inner);
                let of_y = line / pieces * inner + place;
                let wins = chosen[of_y] == (line % pieces) as u32;
                *dx = select(0.0, g[of_y - start], wins);
            }
        });
        Ok(())
    }
}

/// The larger of two, the first where they are equal; NaN wins.
#[inline(always)]
pub(in crate::family::maxout) fn better(best: (f32, u32), other: (f32, u32)) -> (f32, u32) {
    let wins = other.0 > best.0 || (other.0.is_nan() && !best.0.is_nan());
    if wins { other } else { best }
}
