//! What has come back of a chunk, held against the reference.

use rayon::prelude::*;

use super::{
    estimate::{Selection, Sums},
    excerpt::Excerpt,
    streamed::{Share, Verifier},
    whole::reference,
};
use crate::{accuracy::Report, element::Element, family::Sheet, gpu::lock, offload::Chunk};

impl Verifier<'_> {
    /// Compares the output of a chunk, y or dx.
    pub(super) fn compare<T: Element>(
        &self,
        excerpt: &Excerpt<'_, T>,
        outputs: &[&[T]],
        indices: Option<&[u32]>,
    ) -> Report {
        let results = excerpt.of_result().len();
        let (wanted, count) = if self.backward {
            (excerpt.chunk.len(), self.chain.inputs())
        } else {
            (results, 1)
        };
        let indices_fit = indices.is_none_or(|indices| indices.len() == results);
        let fit = outputs.len() == count && outputs.iter().all(|output| output.len() == wanted);
        let wanted = wanted * count;
        if !fit || !indices_fit {
            return Report {
                compared: wanted as u64,
                failed: wanted as u64,
                ..Report::default()
            };
        }
        if let Some(shape) = &self.layout.whole {
            return self.compare_whole(shape, excerpt, outputs);
        }
        let needs_rows = excerpt.evaluation.needs_rows(excerpt.steps());
        let selections = match self.share {
            Share::Sample(count) if !self.parameters => excerpt.sample(count, needs_rows),
            _ => excerpt.selections(needs_rows),
        };
        let compare = |selection: &Selection| {
            if self.backward {
                excerpt.gradients(selection, outputs, indices, self.parameters)
            } else {
                (excerpt.results(selection, outputs[0], indices), Vec::new())
            }
        };
        let found: Vec<_> = selections.par_iter().map(compare).collect();
        let mut report = Report::default();
        for (selection, (part, sums)) in selections.iter().zip(found) {
            report = report.merge(part);
            let mut all = lock(&self.sums);
            excerpt.evaluation.merge_sums(&mut all, selection, &sums);
        }
        report
    }

    /// The same for a chain along several axes, whose one chunk is the whole tensor, of this shape.
    fn compare_whole<T: Element>(
        &self,
        shape: &[usize],
        excerpt: &Excerpt<'_, T>,
        outputs: &[&[T]],
    ) -> Report {
        let wide = |x: &[T]| -> Vec<f64> { x.iter().map(|x| f64::from(x.to_f32())).collect() };
        let x: Vec<_> = excerpt.x.iter().map(|x| wide(x)).collect();
        let x: Vec<&[f64]> = x.iter().map(|x| &**x).collect();
        let upstream = excerpt.upstream.map(wide);
        let Ok(expected) = reference(self.chain, shape, &x, upstream.as_deref()) else {
            // Nothing is compared, and so all is missing.
            return Report::default();
        };
        lock(&self.sums).clone_from(&expected.sums);
        let mut report = Report::default();
        for (values, output) in expected.values.iter().zip(outputs) {
            for (place, bound) in values.iter().enumerate() {
                let bound = bound.stored(T::TYPE);
                let x = x[0].get(place).map_or(0.0, |x| *x as f32);
                report.add(bound.sample(place, x, 1.0, output[place]));
            }
        }
        report
    }
}

impl<T: Element> Excerpt<'_, T> {
    fn results(&self, selection: &Selection, output: &[T], indices: Option<&[u32]>) -> Report {
        let (evaluation, steps) = (self.evaluation, self.steps());
        let values = evaluation.forward(selection, self.inputs(selection), steps);
        let right = indices.map(|indices| {
            let chosen = self.chosen(selection, indices);
            let last = &evaluation.chain.steps()[steps - 1];
            let right = |sheet: &Sheet<'_>| last.chose_right(sheet, &chosen);
            evaluation.with_sheet(steps - 1, selection, &values, right)
        });
        let (of_result, whole) = (self.of_result(), Chunk::whole(evaluation.layout.result));
        let results = &values[steps][0];
        // Where results are not like inputs, a sample tells the result.
        let x = if self.is_alike() {
            &values[0][0]
        } else {
            results
        };
        let mut report = Report::default();
        let places = evaluation.places(steps, selection);
        for (index, at) in selection.elements(&places).enumerate() {
            let mut bound = results[index].stored(T::TYPE);
            if right.as_ref().is_some_and(|right| !right[index]) {
                // Beside the wrong index nothing is right.
                let is_nan = bound.expected.is_nan();
                bound.expected = if is_nan { 0.0 } else { f64::NAN };
            }
            let found = output[of_result.position(at)];
            report.add(bound.sample(whole.position(at), x[index].expected as f32, 1.0, found));
        }
        report
    }

    fn gradients(
        &self,
        selection: &Selection,
        outputs: &[&[T]],
        indices: Option<&[u32]>,
        parameters: bool,
    ) -> (Report, Sums) {
        let evaluation = self.evaluation;
        let Some(upstream) = self.upstream(selection) else {
            return (Report::default(), Vec::new());
        };
        let values = evaluation.forward(selection, self.inputs(selection), self.steps());
        let chosen = indices.map(|indices| self.chosen(selection, indices));
        let mut sums = Vec::new();
        if parameters {
            sums = evaluation.no_sums(selection);
        }
        let dx = evaluation.backward(
            selection,
            &values,
            upstream.clone(),
            chosen.as_deref(),
            0,
            parameters.then_some(&mut sums),
        );
        let whole = Chunk::whole(evaluation.layout.view);
        let alike = self.is_alike();
        let mut report = Report::default();
        for (index, at) in selection.elements(&selection.places).enumerate() {
            let g = if alike {
                upstream[index].expected as f32
            } else {
                1.0
            };
            for (input, output) in outputs.iter().enumerate() {
                let x = values[0][input][index].expected as f32;
                let found = output[self.chunk.position(at)];
                let bound = dx[input][index].stored(T::TYPE);
                report.add(bound.sample(whole.position(at), x, g, found));
            }
        }
        (report, sums)
    }

    /// Whether there is a result for each element of an input.
    fn is_alike(&self) -> bool {
        let extents = &self.evaluation.layout.extents;
        extents[self.steps()] == extents[0]
    }

    /// Those of the chunk's indices that lie in the selection.
    fn chosen(&self, selection: &Selection, indices: &[u32]) -> Vec<u32> {
        let of_result = self.of_result();
        let places = self.evaluation.places(self.steps(), selection);
        let elements = selection.elements(&places);
        elements.map(|at| indices[of_result.position(at)]).collect()
    }
}
