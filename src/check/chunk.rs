//! A chunk of a tensor on the host, computed by the reference and compared.

use std::sync::PoisonError;

use rayon::prelude::*;

use super::{
    estimate::{Evaluation, Selection, Values, exact},
    streamed::{Share, Verifier, lock},
    whole::reference,
};
use crate::{
    accuracy::{Report, bound::Bound},
    chain::Layout,
    element::Element,
    family::{Gradient, Sum, Surveyed, Table},
    offload::Chunk,
    tensor::View,
};

/// Elements that one task computes.
const TASK: usize = 1 << 14;

pub(super) fn no_sums(layout: &Layout) -> Vec<Vec<Vec<Sum>>> {
    let of_step = |gradients: &Vec<Gradient>| {
        let shapes = gradients.iter().map(|gradient| &gradient.shape);
        shapes
            .map(|shape| vec![Sum::default(); shape.iter().product()])
            .collect()
    };
    layout.gradients.iter().map(of_step).collect()
}

/// A chunk on the host, with what was streamed of it.
pub(super) struct ChunkView<'a, T> {
    pub(super) of: &'a Verifier<'a>,
    pub(super) chunk: &'a Chunk,
    pub(super) x: &'a [&'a [T]],
    pub(super) upstream: Option<&'a [T]>,
}

impl<T: Element> ChunkView<'_, T> {
    /// The elements of a selection in a tensor of the chunk whose axis begins at `first` and is `extent` long.
    fn gather(
        &self,
        tensor: &[T],
        selection: &Selection,
        places: &[usize],
        first: usize,
        extent: usize,
    ) -> Vec<Bound> {
        let mut gathered = Vec::with_capacity(selection.lanes.len() * places.len());
        for &(outer, inner) in &selection.lanes {
            let lane = (
                outer - self.chunk.outer.start,
                inner - self.chunk.inner.start,
            );
            for place in places {
                let at = (lane.0 * extent + place - first) * self.chunk.inner.len() + lane.1;
                gathered.push(exact(f64::from(tensor[at].to_f32())));
            }
        }
        gathered
    }

    fn inputs(&self, selection: &Selection) -> Vec<Vec<Bound>> {
        let extent = &self.chunk.extent;
        let gather =
            |x: &&[T]| self.gather(x, selection, &selection.places, extent.start, extent.len());
        self.x.iter().map(gather).collect()
    }

    /// The chunk in selections of some thousand elements; of whole rows where an operation before `steps` needs them.
    fn selections(&self, needs_rows: bool) -> Vec<Selection> {
        let extent = self.chunk.extent.clone();
        let lanes: Vec<_> = lanes(self.chunk).collect();
        let width = if needs_rows {
            extent.len()
        } else {
            TASK.min(extent.len())
        };
        let at_once = (TASK / width.max(1)).max(1);
        let parts = extent.clone().step_by(width.max(1));
        parts
            .flat_map(|start| {
                let places = start..(start + width).min(extent.end);
                lanes.chunks(at_once).map(move |lanes| Selection {
                    lanes: lanes.to_vec(),
                    places: places.clone().collect(),
                })
            })
            .collect()
    }

    pub(super) fn survey(&self, step: usize, index: usize) {
        let Verifier { chain, layout, .. } = self.of;
        let known = self.of.known();
        let evaluation = Evaluation {
            chain,
            layout,
            known: &known,
        };
        let operation = &chain.steps()[step];
        let surveys = operation.surveys(false);
        let Some(survey) = surveys.get(index) else {
            return;
        };
        let through = if survey.needs_upstream {
            chain.steps().len()
        } else {
            step
        };
        // Forward alone, the surveyed operation itself needs no rows.
        let selections = self.selections(evaluation.needs_rows(through));
        let found: Vec<_> = selections
            .par_iter()
            .map(|selection| {
                let values = evaluation.forward(selection, self.inputs(selection), through);
                let upstream = self
                    .upstream
                    .filter(|_| survey.needs_upstream)
                    .map(|upstream| {
                        let gradient = self.upstream_of(upstream, selection, &values);
                        let gradient =
                            evaluation.backward(selection, &values, gradient, None, step + 1, None);
                        gradient[0]
                            .iter()
                            .map(|bound| bound.expected)
                            .collect::<Vec<f64>>()
                    });
                evaluation.with_sheet(step, selection, &values, |sheet| {
                    let words = operation.survey(index, sheet, upstream.as_deref());
                    let keys: Vec<usize> = match survey.of {
                        Surveyed::Channels => sheet.places.to_vec(),
                        Surveyed::Rows => {
                            (0..sheet.lanes.len()).map(|lane| sheet.row(lane)).collect()
                        }
                    };
                    (keys, words)
                })
            })
            .collect();
        let mut known = self
            .of
            .known
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if known[step].len() == index {
            let view = View {
                extent: layout.extents[step],
                ..layout.view
            };
            known[step].push(Table::empty(survey, survey.keys(view)));
        }
        let table = &mut known[step][index];
        for (keys, words) in found {
            for (key, part) in keys.into_iter().zip(words.chunks_exact(survey.words)) {
                (survey.merge)(table.of_mut(key), part);
            }
        }
    }

    /// The upstream gradient of a selection's results.
    fn upstream_of(&self, upstream: &[T], selection: &Selection, values: &Values) -> Vec<Bound> {
        let steps = self.of.chain.steps().len();
        let (places, _) = &values.0[steps];
        let of_result = self
            .chunk
            .of_result(self.of.layout.view, self.of.layout.result);
        self.gather(
            upstream,
            selection,
            places,
            of_result.extent.start,
            of_result.extent.len(),
        )
    }

    /// Compares the output, y or dx.
    pub(super) fn compare(&self, output: &[T], indices: Option<&[u32]>) -> Report {
        let of_result = self
            .chunk
            .of_result(self.of.layout.view, self.of.layout.result);
        let wanted = match self.of.backward {
            true => self.chunk.len(),
            false => of_result.len(),
        };
        let indices_fit = indices.is_none_or(|indices| indices.len() == of_result.len());
        if output.len() != wanted || !indices_fit {
            return Report {
                compared: wanted as u64,
                failed: wanted as u64,
                worst: None,
            };
        }
        if let Some(shape) = &self.of.layout.whole {
            return self.compare_whole(shape, output);
        }
        let Verifier {
            chain,
            layout,
            backward,
            share,
            parameters,
            ..
        } = self.of;
        let known = self.of.known.read().unwrap_or_else(PoisonError::into_inner);
        let evaluation = Evaluation {
            chain,
            layout,
            known: &known,
        };
        let needs_rows = evaluation.needs_rows(chain.steps().len());
        let selections = match share {
            _ if *parameters => self.selections(needs_rows),
            Share::All => self.selections(needs_rows),
            Share::Sample(count) => self.sample(*count, needs_rows),
        };
        let found: Vec<_> = selections
            .par_iter()
            .map(|selection| {
                let task = Task {
                    view: self,
                    evaluation,
                    selection,
                };
                if *backward {
                    task.gradients(output, indices)
                } else {
                    task.results(output, indices)
                }
            })
            .collect();
        drop(known);
        let mut report = Report::default();
        for (part, sums) in found {
            report = report.merge(part);
            let mut all = lock(&self.of.sums);
            let pairs = all.iter_mut().flatten().zip(sums.into_iter().flatten());
            for (all, part) in pairs.flat_map(|(all, part)| all.iter_mut().zip(part)) {
                all.merge(part);
            }
        }
        report
    }

    /// The same for a chain along several axes, whose one chunk is the whole tensor, of this shape.
    fn compare_whole(&self, shape: &[usize], output: &[T]) -> Report {
        let wide = |x: &[T]| -> Vec<f64> { x.iter().map(|x| f64::from(x.to_f32())).collect() };
        let x = self.x.first().map_or(Vec::new(), |x| wide(x));
        let upstream = self.upstream.map(wide);
        let Ok(expected) = reference(self.of.chain, shape, &x, upstream.as_deref()) else {
            // Nothing is compared, and so all is missing.
            return Report::default();
        };
        lock(&self.of.sums).clone_from(&expected.sums);
        let mut report = Report::default();
        for (place, bound) in expected.values.iter().enumerate() {
            let bound = stored::<T>(*bound, true);
            let x = x.get(place).map_or(0.0, |x| *x as f32);
            report.add(bound.sample(place, x, 1.0, output[place]));
        }
        report
    }

    /// Selections that hold about `count` of the whole tensor's results, spread over the chunk.
    fn sample(&self, count: usize, needs_rows: bool) -> Vec<Selection> {
        let layout = &self.of.layout;
        let cost = self
            .of
            .chain
            .steps()
            .iter()
            .map(|step| step.reference_cost())
            .max();
        let count = (count / cost.unwrap_or(1).max(1)).max(1);
        let whole = layout.view.outer * layout.view.extent * layout.view.inner;
        let count =
            (count as u128 * self.chunk.len() as u128).div_ceil(whole.max(1) as u128) as usize;
        let extent = self.chunk.extent.clone();
        let all: Vec<_> = lanes(self.chunk).collect();
        let spread = |count: usize, len: usize| {
            let count = count.min(len);
            (0..count).map(move |index| (index + 1) * len / count - 1)
        };
        // Whole rows, where an element needs its row; so many elements of each row, else.
        let lanes = if needs_rows {
            count.div_ceil(extent.len().max(1))
        } else {
            count
        };
        let lanes: Vec<_> = spread(lanes, all.len()).map(|lane| all[lane]).collect();
        let each = if needs_rows {
            extent.len()
        } else {
            count.div_ceil(lanes.len().max(1))
        };
        let places: Vec<_> = spread(each, extent.len())
            .map(|place| extent.start + place)
            .collect();
        let at_once = (TASK / places.len().max(1)).max(1);
        let parts = lanes.chunks(at_once);
        parts
            .map(|lanes| Selection {
                lanes: lanes.to_vec(),
                places: places.clone(),
            })
            .collect()
    }
}

/// The lanes of a chunk, (outer, inner) in the whole tensor.
fn lanes(chunk: &Chunk) -> impl Iterator<Item = (usize, usize)> {
    let inner = chunk.inner.clone();
    let outer = chunk.outer.clone();
    outer.flat_map(move |outer| inner.clone().map(move |inner| (outer, inner)))
}

type Compared = (Report, Vec<Vec<Vec<Sum>>>);

/// A selection that one thread compares.
struct Task<'a, T> {
    view: &'a ChunkView<'a, T>,
    evaluation: Evaluation<'a>,
    selection: &'a Selection,
}

impl<T: Element> Task<'_, T> {
    fn results(&self, output: &[T], indices: Option<&[u32]>) -> Compared {
        let (chain, layout) = (self.evaluation.chain, self.evaluation.layout);
        let steps = chain.steps().len();
        let inputs = self.view.inputs(self.selection);
        let values = self.evaluation.forward(self.selection, inputs, steps);
        let (places, results) = &values.0[steps];
        let alike = layout.extents[steps] == layout.extents[0];
        let of_result = self.view.chunk.of_result(layout.view, layout.result);
        let mut report = Report::default();
        let last = &chain.steps()[steps - 1];
        let chosen = indices.map(|indices| {
            let chosen = self.chosen(indices, places, results[0].len());
            let right = |sheet: &crate::family::Sheet<'_>| last.chose_right(sheet, &chosen);
            self.evaluation
                .with_sheet(steps - 1, self.selection, &values, right)
        });
        for (at, bound) in results[0].iter().enumerate() {
            let (place, global) = self.place(&of_result, layout.result.extent, places, at);
            let right = chosen.as_ref().is_none_or(|right| right[at]);
            let x = if alike {
                values.0[0].1[0][at].expected
            } else {
                bound.expected
            };
            let bound = stored::<T>(*bound, right);
            report.add(bound.sample(global, x as f32, 1.0, output[place]));
        }
        (report, Vec::new())
    }

    fn gradients(&self, output: &[T], indices: Option<&[u32]>) -> Compared {
        let (chain, layout) = (self.evaluation.chain, self.evaluation.layout);
        let steps = chain.steps().len();
        let inputs = self.view.inputs(self.selection);
        let values = self.evaluation.forward(self.selection, inputs, steps);
        let Some(upstream) = self.view.upstream else {
            return (Report::default(), Vec::new());
        };
        let upstream = self.view.upstream_of(upstream, self.selection, &values);
        let alike = layout.extents[steps] == layout.extents[0];
        let chosen =
            indices.map(|indices| self.chosen(indices, &values.0[steps].0, upstream.len()));
        let mut sums = no_sums(layout);
        let dx = self.evaluation.backward(
            self.selection,
            &values,
            upstream.clone(),
            chosen.as_deref(),
            0,
            self.view.of.parameters.then_some(&mut sums),
        );
        let mut report = Report::default();
        let (places, x) = &values.0[0];
        for (at, bound) in dx[0].iter().enumerate() {
            let (place, global) = self.place(self.view.chunk, layout.view.extent, places, at);
            let g = if alike {
                upstream[at].expected as f32
            } else {
                1.0
            };
            let x = x[0][at].expected as f32;
            report.add(stored::<T>(*bound, true).sample(global, x, g, output[place]));
        }
        (report, sums)
    }

    /// The indices of the chunk's results that lie in the selection, `len` of them.
    fn chosen(&self, indices: &[u32], places: &[usize], len: usize) -> Vec<u32> {
        let layout = self.evaluation.layout;
        let of_result = self.view.chunk.of_result(layout.view, layout.result);
        let at = |at| self.place(&of_result, layout.result.extent, places, at).0;
        (0..len).map(|index| indices[at(index)]).collect()
    }

    /// Where element `at` of a selection lies in the chunk and in the whole tensor.
    fn place(&self, chunk: &Chunk, extent: usize, places: &[usize], at: usize) -> (usize, usize) {
        let (outer, inner) = self.selection.lanes[at / places.len()];
        let place = places[at % places.len()];
        let Chunk {
            outer: outers,
            extent: places,
            inner: inners,
        } = chunk;
        let in_chunk = (outer - outers.start) * places.len() + place - places.start;
        let in_tensor = outer * extent + place;
        (
            in_chunk * inners.len() + inner - inners.start,
            in_tensor * self.evaluation.layout.view.inner + inner,
        )
    }
}

/// A bound with the rounding to the element type. Beside the wrong index nothing is right.
fn stored<T: Element>(bound: Bound, chosen: bool) -> Bound {
    Bound {
        expected: match (chosen, bound.expected.is_nan()) {
            (true, _) => bound.expected,
            (false, true) => 0.0,
            (false, false) => f64::NAN,
        },
        ..bound.stored(T::TYPE)
    }
}
