//! An operation on the processor by its f64 reference: what one of a user's own does that says nothing else.

use super::{Chosen, Gradient, Operation, Saved, Sheet, Sum, Survey, Surveyed, Table};
use crate::{
    accuracy::bound::Bound,
    cpu::{Slice, SliceMut},
    element::count,
    error::{Error, Result},
    tensor::{View, axis_of},
};

/// Elements of rows that are computed together, of input or result, whichever are more.
const TASK: usize = 1 << 14;

/// A tensor as the reference looks at it.
struct Whole<'a> {
    view: View,
    extent_after: usize,
    inputs: Vec<Vec<f64>>,
    known: Vec<Table>,
    places: Vec<usize>,
    lanes: Vec<(usize, usize)>,
    operation: &'a dyn Operation,
}

impl<'a> Whole<'a> {
    fn new(operation: &'a dyn Operation, shape: &[usize], x: &[Slice<'_>]) -> Result<Self> {
        let after = operation.output_shape(shape)?;
        let (view, extent_after) = match operation.axis() {
            Some(axis) => {
                let axis = axis_of(shape, axis)?;
                (View::along(shape, axis), after[axis])
            }
            None => {
                let outer = count(shape).unwrap_or(usize::MAX);
                (
                    View {
                        outer,
                        ..View::ONE_CHANNEL
                    },
                    1,
                )
            }
        };
        let lanes =
            (0..view.outer).flat_map(|outer| (0..view.inner).map(move |inner| (outer, inner)));
        Ok(Self {
            view,
            extent_after,
            inputs: x.iter().map(|&x| wide(x)).collect(),
            known: Vec::new(),
            places: (0..view.extent).collect(),
            lanes: lanes.collect(),
            operation,
        })
    }

    /// The sheets of all rows, some at a time, with upstream gradients where there are any.
    fn sheets(&self, upstream: Option<&[f64]>, mut look: impl FnMut(&Sheet<'_>, Option<&[f64]>)) {
        let places = self.view.extent.max(self.extent_after).max(1);
        let at_once = (TASK / places).max(1);
        for lanes in self.lanes.chunks(at_once) {
            let gather = |values: &[f64], extent: usize| -> Vec<f64> {
                let positions = self.positions(lanes, extent);
                positions.map(|at| values[at]).collect()
            };
            let inputs = self.inputs.iter();
            let inputs: Vec<_> = inputs.map(|x| gather(x, self.view.extent)).collect();
            let upstream = upstream.map(|upstream| gather(upstream, self.extent_after));
            let sheet = Sheet {
                view: self.view,
                lanes,
                places: &self.places,
                extent_after: self.extent_after,
                inputs: &inputs.iter().map(Vec::as_slice).collect::<Vec<_>>(),
                off: &[],
                known: &self.known,
            };
            look(&sheet, upstream.as_deref());
        }
    }

    /// Where the elements of rows lie in a tensor of this extent.
    fn positions(&self, lanes: &[(usize, usize)], extent: usize) -> impl Iterator<Item = usize> {
        let inner_len = self.view.inner;
        lanes.iter().flat_map(move |&(outer, inner)| {
            (0..extent).map(move |place| (outer * extent + place) * inner_len + inner)
        })
    }

    /// Makes the surveys that take upstream gradients, or those that take none.
    fn survey(&mut self, upstream: Option<&[f64]>) {
        for (index, survey) in self.operation.surveys(true).iter().enumerate() {
            if survey.needs_upstream != upstream.is_some() {
                continue;
            }
            let table = self.table(index, survey, upstream);
            self.known.push(table);
        }
    }

    /// What a survey finds.
    fn table(&self, index: usize, survey: &Survey, upstream: Option<&[f64]>) -> Table {
        let mut table = Table::empty(survey, survey.keys(self.view));
        self.sheets(upstream, |sheet, upstream| {
            let found = self.operation.survey(index, sheet, upstream);
            for (key, part) in found.chunks_exact(survey.words.max(1)).enumerate() {
                let key = match survey.of {
                    Surveyed::Channels => key,
                    Surveyed::Rows => sheet.row(key),
                };
                (survey.merge)(table.of_mut(key), part);
            }
        });
        table
    }

    /// Puts what rows gave where it belongs.
    fn scatter(&self, lanes: &[(usize, usize)], extent: usize, values: &[Bound], into: &mut [f32]) {
        for (at, value) in self.positions(lanes, extent).zip(values) {
            into[at] = value.expected as f32;
        }
    }
}

fn wide(elements: Slice<'_>) -> Vec<f64> {
    let mut room = Vec::new();
    let elements = elements.widened(&mut room).iter();
    elements.map(|&element| f64::from(element)).collect()
}

fn store(values: &[f32], mut into: SliceMut<'_>) {
    into.fill_with(&mut Vec::new(), |into| into.copy_from_slice(values));
}

pub(super) fn forward(
    operation: &dyn Operation,
    shape: &[usize],
    x: &[Slice<'_>],
    y: SliceMut<'_>,
) -> Result<Saved> {
    let mut whole = Whole::new(operation, shape, x)?;
    whole.survey(None);
    let mut values = vec![0.0; y.len()];
    let mut chosen = vec![0; y.len()];
    let mut chooses = false;
    whole.sheets(None, |sheet, _| {
        whole.scatter(
            sheet.lanes,
            whole.extent_after,
            &operation.expected(sheet),
            &mut values,
        );
        if let Some(found) = operation.choose(sheet) {
            chooses = true;
            let positions = whole.positions(sheet.lanes, whole.extent_after);
            positions
                .zip(found)
                .for_each(|(at, index)| chosen[at] = index);
        }
    });
    store(&values, y);
    Ok(match chooses {
        true => Saved::new(Chosen(chosen)),
        false => Saved::NOTHING,
    })
}

pub(super) fn backward(
    operation: &dyn Operation,
    shape: &[usize],
    x: &[Slice<'_>],
    upstream: Slice<'_>,
    dx: Vec<SliceMut<'_>>,
) -> Result<Vec<Vec<f32>>> {
    let mut whole = Whole::new(operation, shape, x)?;
    whole.survey(None);
    let upstream = wide(upstream);
    whole.survey(Some(&upstream));
    let zeros = |it: &Gradient| vec![Sum::default(); count(&it.shape).unwrap_or(usize::MAX)];
    let mut sums: Vec<_> = operation.gradients(shape).iter().map(zeros).collect();
    let mut values = vec![vec![0.0; x.first().map_or(0, Slice::len)]; dx.len()];
    whole.sheets(Some(&upstream), |sheet, upstream| {
        let upstream = upstream.unwrap_or_default();
        let found = operation.expected_backward(sheet, upstream, None);
        for (values, found) in values.iter_mut().zip(found) {
            whole.scatter(sheet.lanes, whole.view.extent, &found, values);
        }
        operation.add_terms(sheet, upstream, None, &mut sums);
    });
    for (values, dx) in values.iter().zip(dx) {
        store(values, dx);
    }
    if let Some(surveyed) = operation.surveyed_gradients(&whole.known) {
        return Ok(surveyed);
    }
    let narrow = |sums: Vec<Sum>| sums.iter().map(|sum| sum.value as f32).collect();
    Ok(sums.into_iter().map(narrow).collect())
}

/// What survey `index` finds, by the reference.
pub(super) fn survey(
    operation: &dyn Operation,
    index: usize,
    shape: &[usize],
    x: &[Slice<'_>],
    upstream: Option<Slice<'_>>,
) -> Result<Vec<f32>> {
    let whole = Whole::new(operation, shape, x)?;
    let surveys = operation.surveys(false);
    let survey = surveys
        .get(index)
        .ok_or_else(|| Error::Internal(format!("{} has no survey {index}", operation.name())))?;
    let upstream = upstream.map(wide);
    let table = whole.table(index, survey, upstream.as_deref());
    Ok(table.rows().flatten().map(|&word| word as f32).collect())
}
