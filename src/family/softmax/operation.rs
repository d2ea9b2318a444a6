//! Softmax and log-softmax as operations.

use std::{borrow::Cow, fmt};

use super::{
    Softmax,
    bound::Whole,
    launch::Writes,
    reference::{Gradients, MaskedRows, Row},
    splits::KNOWN,
};
use crate::{
    accuracy::bound::Bound,
    cpu::{Slice, SliceMut},
    element::ElementType,
    error::Result,
    family::{Array, Cut, Operation, Part, Saved, Sheet, Sum, Survey, Surveyed, add},
    kernel::{launch::Pass, recorder::Recorder},
    tensor::{Tensor, axis_of},
    wgsl::Math,
};

pub(super) const SOFTMIN: &str = "softmin";

/// The largest element of a row and what the others' exponentials sum to: [`Row`], on the device with +infinity for NaN.
const ROWS: Survey = Survey {
    of: Surveyed::Rows,
    words: 2,
    empty: &[Row::EMPTY.most, Row::EMPTY.rest],
    merge: merge_rows,
    needs_upstream: false,
};

/// The sums that dx needs: [`Gradients`]. The last two numbers are their terms' magnitudes, which only the reference needs.
const GRADIENTS: Survey = Survey {
    of: Surveyed::Rows,
    words: 4,
    empty: &[0.0; 4],
    merge: add,
    needs_upstream: true,
};

fn merge_rows(row: &mut [f64], part: &[f64]) {
    let merged = row_of(row).merge(row_of(part));
    row.copy_from_slice(&[merged.most, merged.rest]);
}

fn row_of(words: &[f64]) -> Row {
    Row {
        most: words[0],
        rest: words[1],
    }
}

fn gradients_of(words: &[f64]) -> Gradients {
    let sum = |place: usize| Sum {
        value: words[place],
        magnitude: words[place + 2],
        ..Sum::default()
    };
    Gradients {
        others: sum(0),
        largest: sum(1),
    }
}

impl Operation for Softmax {
    fn name(&self) -> &str {
        match self.negated {
            true => SOFTMIN,
            false => self.form.name(),
        }
    }

    fn output_shape(&self, shape: &[usize]) -> Result<Vec<usize>> {
        axis_of(shape, self.axis)?;
        Ok(shape.to_vec())
    }

    fn record_forward(
        &self,
        recorder: &mut Recorder<'_>,
        x: &[&Tensor],
        y: &Tensor,
    ) -> Result<Saved> {
        self.record(recorder, Pass::forward(x[0], y), Writes::Result)?;
        Ok(Saved::NOTHING)
    }

    fn compute_forward(&self, shape: &[usize], x: &[Slice<'_>], y: SliceMut<'_>) -> Result<Saved> {
        self.compute(shape, x[0], None, y)?;
        Ok(Saved::NOTHING)
    }

    fn compute_backward(
        &self,
        shape: &[usize],
        x: &[Slice<'_>],
        _: &Saved,
        upstream: Slice<'_>,
        mut dx: Vec<SliceMut<'_>>,
        _: bool,
    ) -> Result<Vec<Vec<f32>>> {
        let Some(dx) = dx.pop() else {
            return Ok(Vec::new());
        };
        self.compute(shape, x[0], Some(upstream), dx)?;
        Ok(Vec::new())
    }

    fn compute_survey(
        &self,
        _: usize,
        shape: &[usize],
        x: &[Slice<'_>],
        upstream: Option<Slice<'_>>,
    ) -> Result<Vec<f32>> {
        self.compute_words(shape, x[0], upstream)
    }

    fn record_backward(
        &self,
        recorder: &mut Recorder<'_>,
        x: &[&Tensor],
        _: &Saved,
        upstream: &Tensor,
        dx: &[&Tensor],
        _: bool,
    ) -> Result<Vec<Tensor>> {
        let pass = Pass::backward(x[0], upstream, dx[0]);
        self.record(recorder, pass, Writes::Result)?;
        Ok(Vec::new())
    }

    fn axis(&self) -> Option<i64> {
        Some(self.axis)
    }

    fn set_axis(&mut self, axis: i64) {
        self.axis = axis;
    }

    fn math(&self) -> Option<Math> {
        Some(self.math)
    }

    fn set_math(&mut self, math: Math) {
        self.math = math;
    }

    fn cut(&self) -> Cut {
        Cut::Rows
    }

    fn surveys(&self, whole_axis: bool) -> Vec<Survey> {
        if whole_axis {
            Vec::new()
        } else {
            vec![ROWS, GRADIENTS]
        }
    }

    fn record_survey(
        &self,
        _: usize,
        recorder: &mut Recorder<'_>,
        x: &[&Tensor],
        upstream: Option<&Tensor>,
    ) -> Result<Tensor> {
        let x = x[0];
        let view = x.view(self.axis)?;
        let survey = match upstream {
            None => ROWS,
            Some(_) => GRADIENTS,
        };
        let shape = [view.outer * view.inner, survey.words];
        let found = recorder.allocate(x.gpu(), shape, ElementType::F32)?;
        let pass = match upstream {
            None => Pass::forward(x, &found),
            Some(upstream) => Pass::backward(x, upstream, &found),
        };
        self.record(recorder, pass, Writes::Survey)?;
        Ok(found)
    }

    fn on_part(&self, part: &Part<'_>) -> Result<Box<dyn Operation>> {
        let mut on_part = self.clone();
        on_part.axis = Part::AXIS;
        if let Some(rows) = part.rows(0) {
            let rows = rows.as_chunks::<2>().0;
            let gradients = part.rows(1).unwrap_or_else(|| vec![0.0; 4 * rows.len()]);
            let gradients = gradients.as_chunks::<4>().0;
            let known = rows.iter().zip(gradients);
            let known: Vec<[f32; KNOWN]> = known
                .map(|(&[most, rest], &[others, largest, ..])| [most, rest, others, largest])
                .collect();
            on_part.known = Some(Array::from(known.as_flattened()));
        }
        Ok(Box::new(on_part))
    }

    fn expected(&self, sheet: &Sheet<'_>) -> Vec<Bound> {
        let rows = sheet.rows().enumerate();
        rows.flat_map(|(lane, x)| {
            let x = self.scores(x);
            let whole = self.whole(sheet, lane, &x);
            x.iter().map(|&x| whole.forward(x)).collect::<Vec<_>>()
        })
        .collect()
    }

    fn expected_backward(
        &self,
        sheet: &Sheet<'_>,
        upstream: &[f64],
        _: Option<&[u32]>,
    ) -> Vec<Vec<Bound>> {
        let upstream = upstream.chunks_exact(sheet.places.len().max(1));
        let rows = sheet.rows().zip(upstream).enumerate();
        let dx = rows.flat_map(|(lane, (x, upstream))| {
            let x = self.scores(x);
            let whole = self.whole(sheet, lane, &x);
            let gradients = match sheet.known.get(1) {
                Some(table) => gradients_of(table.of(sheet.row(lane))),
                None => whole.gradients(&x, upstream),
            };
            let elements = x.iter().zip(upstream);
            let dx = elements.map(|(&x, &g)| whole.backward(x, g, gradients));
            dx.map(|dx| self.of_score(dx)).collect::<Vec<_>>()
        });
        vec![dx.collect()]
    }

    fn survey(&self, index: usize, sheet: &Sheet<'_>, upstream: Option<&[f64]>) -> Vec<f64> {
        let Some(upstream) = upstream.filter(|_| index == 1) else {
            let rows = sheet.rows().map(|x| Row::of(&self.scores(x)));
            return rows.flat_map(|row| [row.most, row.rest]).collect();
        };
        let upstream = upstream.chunks_exact(sheet.places.len().max(1));
        let rows = sheet.rows().zip(upstream).enumerate();
        rows.flat_map(|(lane, (x, upstream))| {
            let x = self.scores(x);
            let Gradients { others, largest } = self.whole(sheet, lane, &x).gradients(&x, upstream);
            let magnitudes = [others.magnitude, largest.magnitude];
            [others.value, largest.value].into_iter().chain(magnitudes)
        })
        .collect()
    }
}

impl Softmax {
    /// What shares are made of: x, in softmin -x.
    fn scores<'a>(&self, x: &'a [f64]) -> Cow<'a, [f64]> {
        match self.negated {
            true => x.iter().map(|x| -x).collect(),
            false => Cow::Borrowed(x),
        }
    }

    /// The gradient with respect to x from that with respect to its score.
    fn of_score(&self, dx: Bound) -> Bound {
        match self.negated {
            true => Bound {
                expected: -dx.expected,
                ..dx
            },
            false => dx,
        }
    }

    /// What is known of the row of a lane with these scores.
    fn whole(&self, sheet: &Sheet<'_>, lane: usize, x: &[f64]) -> Whole {
        Whole {
            form: self.form,
            masked: self.masked,
            math: self.math,
            len: sheet.view.extent,
            row: match sheet.known.first() {
                Some(table) => row_of(table.of(sheet.row(lane))),
                None => Row::of(x),
            },
        }
    }
}

impl fmt::Display for Softmax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        let masked = (self.masked == MaskedRows::Zeros).then(|| "masked=zeros".to_owned());
        let axis = (self.axis != -1).then(|| format!("axis={}", self.axis));
        let given: Vec<_> = masked.into_iter().chain(axis).collect();
        if !given.is_empty() {
            write!(f, "({})", given.join(", "))?;
        }
        Ok(())
    }
}
