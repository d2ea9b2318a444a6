//! A box of a tensor with its values, which the reference looks at in selections.

use rayon::prelude::*;

use super::{
    estimate::{Evaluation, Selection, exact},
    known::Found,
};
use crate::{accuracy::bound::Bound, element::Element, family::Survey, offload::Chunk};

/// Elements that one task computes.
pub(super) const TASK: usize = 1 << 14;

/// An element of a tensor, as the reference is given it.
pub(super) trait Given: Copy + Sync {
    fn bound(self) -> Bound;
}

impl<T: Element> Given for T {
    fn bound(self) -> Bound {
        exact(f64::from(self.to_f32()))
    }
}

impl Given for Bound {
    fn bound(self) -> Bound {
        self
    }
}

/// A box of a tensor, and what a chain is given in it: upstream gradients where they count.
pub(super) struct Excerpt<'a, V> {
    pub(super) evaluation: Evaluation<'a>,
    pub(super) chunk: &'a Chunk,
    pub(super) x: Vec<&'a [V]>,
    pub(super) upstream: Option<&'a [V]>,
}

impl<V: Given> Excerpt<'_, V> {
    /// The box of the result.
    pub(super) fn of_result(&self) -> Chunk {
        let layout = self.evaluation.layout;
        self.chunk.of_result(layout.view, layout.result)
    }

    /// The inputs at a selection.
    pub(super) fn inputs(&self, selection: &Selection) -> Vec<Vec<Bound>> {
        let places = &selection.places;
        let of = |x: &&[V]| gather(x, self.chunk, selection, places);
        self.x.iter().map(of).collect()
    }

    /// The upstream gradients at a selection, where there are any.
    pub(super) fn upstream(&self, selection: &Selection) -> Option<Vec<Bound>> {
        let places = self.evaluation.places(self.steps(), selection);
        let upstream = self.upstream?;
        Some(gather(upstream, &self.of_result(), selection, &places))
    }

    /// How many operations there are.
    pub(super) fn steps(&self) -> usize {
        self.evaluation.chain.steps().len()
    }

    /// The box in selections of some thousand elements; of whole rows where an operation needs them.
    pub(super) fn selections(&self, needs_rows: bool) -> Vec<Selection> {
        if self.chunk.is_empty() && self.of_result().is_empty() {
            // Its rows may be as many as they like.
            return Vec::new();
        }
        let extent = self.chunk.extent.clone();
        let lanes: Vec<_> = self.chunk.lanes().collect();
        let width = if needs_rows {
            extent.len()
        } else {
            TASK.min(extent.len())
        };
        if extent.is_empty() {
            // There are results all the same.
            return in_tasks(&lanes, &[]);
        }
        let parts = extent.clone().step_by(width);
        parts
            .flat_map(|start| {
                let places: Vec<_> = (start..(start + width).min(extent.end)).collect();
                in_tasks(&lanes, &places)
            })
            .collect()
    }

    /// Selections that hold about `count` of the whole tensor's results, spread over the box.
    pub(super) fn sample(&self, count: usize, needs_rows: bool) -> Vec<Selection> {
        let Evaluation { chain, layout, .. } = self.evaluation;
        let cost = chain.steps().iter().map(|step| step.reference_cost()).max();
        let count = (count / cost.unwrap_or(1).max(1)).max(1);
        // An axis without elements may have results all the same.
        let filled = |sides: [usize; 3]| -> u128 {
            let sides = sides.into_iter();
            sides.map(|side| side.max(1) as u128).product()
        };
        let whole = filled(Chunk::whole(layout.view).shape());
        let count = (count as u128 * filled(self.chunk.shape())).div_ceil(whole) as usize;
        let extent = self.chunk.extent.clone();
        let all = self.chunk.lanes_len();
        let spread = |count: usize, len: usize| {
            let count = count.min(len);
            // Products are beyond what 32 bits count.
            let last = move |part: usize| part as u64 * len as u64 / count as u64 - 1;
            (0..count).map(move |index| last(index + 1) as usize)
        };
        // Whole rows, where an element needs its row; so many elements of each row, else.
        let lanes = if needs_rows {
            count.div_ceil(extent.len().max(1))
        } else {
            count
        };
        let lanes: Vec<_> = spread(lanes, all)
            .map(|lane| self.chunk.lane(lane))
            .collect();
        let each = if needs_rows {
            extent.len()
        } else {
            count.div_ceil(lanes.len().max(1))
        };
        let places = spread(each, extent.len()).map(|place| extent.start + place);
        in_tasks(&lanes, &places.collect::<Vec<_>>())
    }

    /// What survey number `index` of operation `step` finds.
    pub(super) fn survey(&self, (step, index): (usize, usize), survey: &Survey) -> Vec<Found> {
        let evaluation = self.evaluation;
        // Forward alone, the surveyed operation itself needs no rows.
        let through = if survey.needs_upstream {
            self.steps()
        } else {
            step
        };
        let find = |selection: &Selection| {
            let values = evaluation.forward(selection, self.inputs(selection), through);
            let upstream = self.upstream(selection).map(|upstream| {
                evaluation
                    .backward(selection, &values, upstream, None, step + 1, None)
                    .swap_remove(0)
            });
            evaluation.survey(
                (step, index),
                survey,
                selection,
                &values,
                upstream.as_deref(),
            )
        };
        let selections = self.selections(evaluation.needs_rows(through));
        selections.par_iter().map(find).collect()
    }
}

fn in_tasks(lanes: &[(usize, usize)], places: &[usize]) -> Vec<Selection> {
    let at_once = (TASK / places.len().max(1)).max(1);
    let selection = |lanes: &[(usize, usize)]| Selection {
        lanes: lanes.to_vec(),
        places: places.to_vec(),
    };
    lanes.chunks(at_once).map(selection).collect()
}

/// The elements of a selection in a tensor of the box `chunk`.
fn gather<V: Given>(
    tensor: &[V],
    chunk: &Chunk,
    selection: &Selection,
    places: &[usize],
) -> Vec<Bound> {
    let elements = selection.elements(places);
    elements
        .map(|at| tensor[chunk.position(at)].bound())
        .collect()
}
