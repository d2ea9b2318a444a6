//! Rows along an axis, each as a run of f32, on all threads.

use rayon::prelude::*;

use super::{
    blocks::TASK,
    slice::{Slice, SliceMut},
};
use crate::tensor::View;

/// Rows that lie side by side and are brought together at a time: a line of the cache has as many elements.
const TOGETHER: usize = 16;

/// Elements of results that wait to be put where they belong.
const HELD: usize = 1 << 22;

/// The rows of some tensors: [outer, extent, inner], each with an extent of its own.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    outer: usize,
    inner: usize,
    inputs: &'a [(Slice<'a>, usize)],
}

impl<'a> Rows<'a> {
    /// Those of inputs along the axis of `view`, each with the length of its own axis.
    pub(crate) const fn along(view: View, inputs: &'a [(Slice<'a>, usize)]) -> Self {
        Self {
            outer: view.outer,
            inner: view.inner,
            inputs,
        }
    }

    /// What `of` makes of each row, given its number and its elements, in order.
    pub(crate) fn map<R: Send>(self, of: impl Fn(usize, &[&[f32]]) -> R + Sync) -> Vec<R> {
        self.map_some(0..self.outer, &of)
    }

    /// The same for some of the outer places.
    fn map_some<R: Send>(
        self,
        outer: std::ops::Range<usize>,
        of: &(impl Fn(usize, &[&[f32]]) -> R + Sync),
    ) -> Vec<R> {
        let at_once = TOGETHER.min(self.inner).max(1);
        let starts = outer.flat_map(|outer| {
            (0..self.inner)
                .step_by(at_once)
                .map(move |inner| (outer, inner))
        });
        let starts: Vec<_> = starts.collect();
        let longest = self.inputs.iter().map(|(_, extent)| *extent).max();
        let in_task = (TASK / (longest.unwrap_or(1) * at_once).max(1)).max(1);
        let task = |starts: &[(usize, usize)]| {
            let mut found = Vec::with_capacity(starts.len() * at_once);
            let mut rooms = vec![Vec::new(); self.inputs.len()];
            for &(outer, inner) in starts {
                let count = at_once.min(self.inner - inner);
                let inputs = self.inputs.iter().zip(&mut rooms);
                let inputs: Vec<&[f32]> = inputs
                    .map(|(&(input, extent), room)| match self.inner {
                        1 => input
                            .part(outer * extent..(outer + 1) * extent)
                            .widened(room),
                        _ => self.together(input, extent, (outer, inner), count, room),
                    })
                    .collect();
                for row in 0..count {
                    let inputs = inputs.iter().zip(self.inputs);
                    let inputs: Vec<_> = inputs
                        .map(|(input, (_, extent))| &input[row * extent..(row + 1) * extent])
                        .collect();
                    found.push(of(outer * self.inner + inner + row, &inputs));
                }
            }
            found
        };
        if starts.len() <= in_task {
            return task(&starts);
        }
        let found: Vec<_> = starts.par_chunks(in_task).map(task).collect();
        found.into_iter().flatten().collect()
    }

    /// `count` rows that lie side by side, one after another.
    fn together<'r>(
        self,
        input: Slice<'_>,
        extent: usize,
        (outer, inner): (usize, usize),
        count: usize,
        room: &'r mut Vec<f32>,
    ) -> &'r [f32] {
        room.resize(extent * count, 0.0);
        let mut line = Vec::new();
        for place in 0..extent {
            let first = (outer * extent + place) * self.inner + inner;
            let elements = input.part(first..first + count).widened(&mut line);
            for (row, element) in elements.iter().enumerate() {
                room[row * extent + place] = *element;
            }
        }
        room
    }

    /// Lets `work` fill the rows of y, whose axis has `extent` places.
    pub(crate) fn fill(
        self,
        y: SliceMut<'_>,
        extent: usize,
        work: impl Fn(usize, &[&[f32]], &mut [f32]) + Sync,
    ) {
        if y.is_empty() {
            return;
        }
        let slab = extent * self.inner;
        if self.inner > 1 {
            let at_once = (HELD / slab).max(1);
            let groups = y.chunks(slab * at_once).into_iter().enumerate();
            return groups.for_each(|(group, y)| {
                let first = group * at_once;
                let outer = first..(first + at_once).min(self.outer);
                let rows = self.map_some(outer, &|row, inputs: &[&[f32]]| {
                    let mut y = vec![0.0; extent];
                    work(row, inputs, &mut y);
                    y
                });
                self.scatter(&rows, y, extent);
            });
        }
        let longest = self.inputs.iter().map(|(_, extent)| *extent).max();
        let in_task = (TASK / longest.unwrap_or(1).max(extent)).max(1);
        let task = |(index, mut y): (usize, SliceMut<'_>)| {
            let mut rooms = vec![Vec::new(); self.inputs.len()];
            let mut room = Vec::new();
            for (place, start) in (0..y.len()).step_by(extent).enumerate() {
                let row = index * in_task + place;
                let inputs = self.inputs.iter().zip(&mut rooms);
                let inputs: Vec<_> = inputs
                    .map(|(&(input, extent), room)| {
                        input.part(row * extent..(row + 1) * extent).widened(room)
                    })
                    .collect();
                y.part(start..start + extent)
                    .fill_with(&mut room, |y| work(row, &inputs, y));
            }
        };
        let tasks = y.chunks(in_task * extent);
        if tasks.len() == 1 {
            return tasks.into_iter().enumerate().for_each(task);
        }
        tasks.into_par_iter().enumerate().for_each(task);
    }

    /// Puts rows where they belong in y.
    fn scatter(self, rows: &[Vec<f32>], y: SliceMut<'_>, extent: usize) {
        let inner = self.inner;
        let lines = (TASK / inner).max(1);
        let parts = y.chunks(lines * inner).into_par_iter().enumerate();
        parts.for_each(|(index, mut y)| {
            let mut room = Vec::new();
            for (place, start) in (0..y.len()).step_by(inner).enumerate() {
                let line = index * lines + place;
                let rows = &rows[line / extent * inner..][..inner];
                y.part(start..start + inner).fill_with(&mut room, |y| {
                    for (y, row) in y.iter_mut().zip(rows) {
                        *y = row[line % extent];
                    }
                });
            }
        });
    }
}
