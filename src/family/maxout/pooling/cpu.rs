//! Maxout over groups of channels on the processor.

use rayon::prelude::*;

use super::Maxout;
use crate::{
    cpu::{
        Slice, SliceMut,
        blocks::{TASK, each_block},
        lane::select,
    },
    error::{Error, Result},
    family::{Chosen, Saved, maxout::OP},
    tensor::View,
};

/// Groups with fewer elements between their pieces are taken as wholes.
const APART: usize = 16;

impl Maxout {
    /// The groups of x of this shape, [outer, pieces, inner].
    fn groups_of(&self, shape: &[usize]) -> Result<View> {
        Ok(self.groups(View::of(&self.y_shape(shape)?, self.axis)?))
    }

    pub(super) fn compute(&self, shape: &[usize], x: Slice<'_>, y: SliceMut<'_>) -> Result<Chosen> {
        let View { inner, .. } = self.groups_of(shape)?;
        let mut chosen = vec![0_u32; y.len()];
        let task = task_of(inner);
        let tasks = y.chunks(task).into_par_iter();
        let tasks = tasks.zip(chosen.par_chunks_mut(task)).enumerate();
        tasks.for_each(|(index, (mut y, chosen))| {
            y.fill_with(&mut Vec::new(), |best| {
                self.contest(inner, x, index * task, best, chosen);
            });
        });
        Ok(Chosen(chosen))
    }

    /// Fills in the winners of the groups from the `first` on, and their numbers.
    fn contest(
        &self,
        inner: usize,
        x: Slice<'_>,
        first: usize,
        best: &mut [f32],
        chosen: &mut [u32],
    ) {
        let pieces = self.pieces;
        let mut room = Vec::new();
        if inner == 1 {
            let x = x.part(first * pieces..(first + best.len()) * pieces);
            let groups = x.widened(&mut room).chunks_exact(pieces);
            for ((best, chosen), group) in best.iter_mut().zip(chosen).zip(groups) {
                (*best, *chosen) = (group[0], 0);
                for (&x, piece) in group.iter().zip(0..).skip(1) {
                    (*best, *chosen) = better((*best, *chosen), (x, piece));
                }
            }
            return;
        }
        let mut at = 0;
        while at < best.len() {
            let (outer, place) = ((first + at) / inner, (first + at) % inner);
            let run = at..best.len().min(at + inner - place);
            let (best, chosen) = (&mut best[run.clone()], &mut chosen[run.clone()]);
            for piece in 0..pieces {
                let start = (outer * pieces + piece) * inner + place;
                let x = x.part(start..start + run.len()).widened(&mut room);
                if piece == 0 {
                    best.copy_from_slice(x);
                    continue;
                }
                for ((best, chosen), &x) in best.iter_mut().zip(chosen.iter_mut()).zip(x) {
                    (*best, *chosen) = better((*best, *chosen), (x, piece as u32));
                }
            }
            at = run.end;
        }
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
        if inner < APART {
            let task = task_of(inner);
            let tasks = dx.chunks(task * pieces).into_par_iter();
            let tasks = tasks.zip(chosen.par_chunks(task)).enumerate();
            tasks.for_each(|(index, (mut dx, chosen))| {
                let mut room = Vec::new();
                let g = upstream.part(index * task..index * task + chosen.len());
                let g = g.widened(&mut room);
                dx.fill_with(&mut Vec::new(), |dx| {
                    let groups = dx.chunks_exact_mut(pieces * inner);
                    let groups = groups.zip(chosen.chunks(inner)).zip(g.chunks(inner));
                    for ((dx, chosen), g) in groups {
                        for (dx, piece) in dx.chunks_exact_mut(inner).zip(0..) {
                            for ((dx, g), winner) in dx.iter_mut().zip(g).zip(chosen) {
                                *dx = select(0.0, *g, *winner == piece);
                            }
                        }
                    }
                });
            });
            return Ok(());
        }
        each_block(&[], dx, inner, |first, _, dx| {
            let mut room = Vec::new();
            let (line, place) = (first / inner, first % inner);
            let start = line / pieces * inner + place;
            let range = start..start + dx.len();
            let g = upstream.part(range.clone()).widened(&mut room);
            let piece = (line % pieces) as u32;
            for ((dx, g), winner) in dx.iter_mut().zip(g).zip(&chosen[range]) {
                *dx = select(0.0, *g, *winner == piece);
            }
        });
        Ok(())
    }
}

/// Results that a task takes: whole runs where they are short.
fn task_of(inner: usize) -> usize {
    match inner {
        0 | APART.. => TASK,
        _ => TASK / inner * inner,
    }
}

/// The larger of two, the first where they are equal; NaN wins.
#[inline(always)]
pub(in crate::family::maxout) fn better(best: (f32, u32), other: (f32, u32)) -> (f32, u32) {
    let wins = (other.0 > best.0) | (other.0.is_nan() & !best.0.is_nan());
    (select(best.0, other.0, wins), select(best.1, other.1, wins))
}
