//! Chains over whole tensors in f64: what the command computes where there is no device, and what chains along
//! several axes are compared with.

use rayon::prelude::*;

use super::estimate::{Evaluation, Selection, exact};
use crate::{
    accuracy::bound::Bound,
    chain::{Chain, Layout},
    error::Result,
    family::{Extra, Operation, Sum, Surveyed, Table},
    tensor::View,
};

/// Elements that one task computes.
const TASK: usize = 1 << 14;

/// A chain over a tensor in f64: the results, and what an operation gives beside them.
pub struct Reference {
    /// y, or dx.
    pub values: Vec<Bound>,
    /// What each operation gives beside the result.
    pub extras: Vec<(usize, Extra)>,
    /// Sums of the parameters' gradients, for each operation, in a backward pass.
    pub sums: Vec<Vec<Vec<Sum>>>,
    /// For each result the index that the last operation chose, where it chooses.
    pub indices: Option<Vec<u32>>,
}

/// One operation over a whole tensor.
struct WholeOperation {
    chain: Chain,
    layout: Layout,
    known: Vec<Vec<Table>>,
    selections: Vec<Selection>,
    inputs: Vec<Vec<Bound>>,
}

/// What `chain` makes of an input of `shape`, or the gradient of `upstream` back through it.
///
/// ```
/// use wgpu_activations::{Chain, check::reference};
///
/// let chain: Chain = "relu | softmax".parse()?;
/// let y = reference(&chain, &[2], &[-1.0, 0.0], None)?;
/// assert_eq!(y.values[0].expected, 0.5);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
///
/// # Errors
///
/// As [`Chain::result_shape`].
pub fn reference(
    chain: &Chain,
    shape: &[usize],
    x: &[f64],
    upstream: Option<&[f64]>,
) -> Result<Reference> {
    let mut steps: Vec<WholeOperation> = Vec::new();
    let mut shape = shape.to_vec();
    let mut value: Vec<Bound> = x.iter().map(|&x| exact(x)).collect();
    for operation in chain.steps() {
        let mut step = WholeOperation::new(&**operation, &shape, vec![value])?;
        step.survey(None);
        value = step.forward();
        shape = operation.output_shape(&shape)?;
        steps.push(step);
    }
    let extras = steps.iter().enumerate().flat_map(|(index, step)| {
        let extras = match step.known[0].is_empty() {
            true => Vec::new(),
            false => step.operation().extras(&step.known[0]),
        };
        extras.into_iter().map(move |extra| (index, extra))
    });
    let extras = extras.collect();
    let indices = steps.last().and_then(WholeOperation::indices);
    let mut sums = vec![Vec::new(); steps.len()];
    if let Some(upstream) = upstream {
        value = upstream.iter().map(|&g| exact(g)).collect();
        for (step, sums) in steps.iter_mut().zip(&mut sums).rev() {
            step.survey(Some(&value));
            (value, *sums) = step.backward(&value);
        }
    }
    Ok(Reference {
        values: value,
        extras,
        sums,
        indices,
    })
}

impl WholeOperation {
    fn new(operation: &dyn Operation, shape: &[usize], inputs: Vec<Vec<Bound>>) -> Result<Self> {
        let chain = Chain::new(operation.boxed());
        let layout = chain.layout(shape)?;
        let View {
            outer,
            extent,
            inner,
        } = layout.view;
        let lanes: Vec<_> = (0..outer)
            .flat_map(|outer| (0..inner).map(move |inner| (outer, inner)))
            .collect();
        let at_once = (TASK / extent.max(1)).max(1);
        let selections = lanes
            .chunks(at_once)
            .filter(|_| extent > 0)
            .map(|lanes| Selection {
                lanes: lanes.to_vec(),
                places: (0..extent).collect(),
            });
        Ok(Self {
            selections: selections.collect(),
            chain,
            layout,
            known: vec![Vec::new()],
            inputs,
        })
    }

    fn operation(&self) -> &dyn Operation {
        &*self.chain.steps()[0]
    }

    fn evaluation(&self) -> Evaluation<'_> {
        Evaluation {
            chain: &self.chain,
            layout: &self.layout,
            known: &self.known,
        }
    }

    fn gather(&self, tensor: &[Bound], selection: &Selection, extent: usize) -> Vec<Bound> {
        let lanes = selection.lanes.iter();
        lanes
            .flat_map(|&(outer, inner)| {
                (0..extent).map(move |place| tensor[self.at((outer, inner), place, extent)])
            })
            .collect()
    }

    fn at(&self, (outer, inner): (usize, usize), place: usize, extent: usize) -> usize {
        (outer * extent + place) * self.layout.view.inner + inner
    }

    fn gathered(&self, selection: &Selection) -> Vec<Vec<Bound>> {
        let extent = self.layout.view.extent;
        let gather = |input: &Vec<Bound>| self.gather(input, selection, extent);
        self.inputs.iter().map(gather).collect()
    }

    /// Puts the elements of selections back into a tensor whose axis is `extent` long.
    fn scatter<T: Copy>(&self, parts: &[Vec<T>], extent: usize, nothing: T) -> Vec<T> {
        let view = self.layout.view;
        let mut all = vec![nothing; view.outer * extent * view.inner];
        for (selection, part) in self.selections.iter().zip(parts) {
            for (lane, values) in selection.lanes.iter().zip(part.chunks_exact(extent.max(1))) {
                for (place, value) in values.iter().enumerate() {
                    all[self.at(*lane, place, extent)] = *value;
                }
            }
        }
        all
    }

    fn survey(&mut self, upstream: Option<&[Bound]>) {
        let surveys = self.operation().surveys(true);
        for (index, survey) in surveys.iter().enumerate() {
            if survey.needs_upstream != upstream.is_some() {
                continue;
            }
            let found: Vec<_> = self
                .selections
                .par_iter()
                .map(|selection| {
                    let values = self
                        .evaluation()
                        .forward(selection, self.gathered(selection), 0);
                    let upstream = upstream.map(|upstream| {
                        let upstream = self.gather(upstream, selection, self.layout.result.extent);
                        upstream
                            .iter()
                            .map(|bound| bound.expected)
                            .collect::<Vec<f64>>()
                    });
                    self.evaluation()
                        .with_sheet(0, selection, &values, |sheet| {
                            let words = self.operation().survey(index, sheet, upstream.as_deref());
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
            let mut table = Table::empty(survey, survey.keys(self.layout.view));
            for (keys, words) in found {
                for (key, part) in keys.into_iter().zip(words.chunks_exact(survey.words)) {
                    (survey.merge)(table.of_mut(key), part);
                }
            }
            self.known[0].push(table);
        }
    }

    fn forward(&self) -> Vec<Bound> {
        let parts: Vec<_> = self
            .selections
            .par_iter()
            .map(|selection| {
                let mut values = self
                    .evaluation()
                    .forward(selection, self.gathered(selection), 1);
                let result = values.0.pop().and_then(|(_, mut results)| results.pop());
                result.unwrap_or_default()
            })
            .collect();
        self.scatter(&parts, self.layout.result.extent, exact(0.0))
    }

    fn indices(&self) -> Option<Vec<u32>> {
        let parts: Option<Vec<_>> = self
            .selections
            .par_iter()
            .map(|selection| {
                let values = self
                    .evaluation()
                    .forward(selection, self.gathered(selection), 0);
                let choose = |sheet: &crate::family::Sheet<'_>| self.operation().choose(sheet);
                self.evaluation().with_sheet(0, selection, &values, choose)
            })
            .collect();
        Some(self.scatter(&parts?, self.layout.result.extent, 0))
    }

    fn backward(&self, upstream: &[Bound]) -> (Vec<Bound>, Vec<Vec<Sum>>) {
        let zeros = || {
            let gradients = self.layout.gradients[0].iter();
            let zeros =
                gradients.map(|gradient| vec![Sum::default(); gradient.shape.iter().product()]);
            vec![zeros.collect::<Vec<_>>()]
        };
        let found: Vec<_> = self
            .selections
            .par_iter()
            .map(|selection| {
                let values = self
                    .evaluation()
                    .forward(selection, self.gathered(selection), 0);
                let upstream = self.gather(upstream, selection, self.layout.result.extent);
                let mut sums = zeros();
                let evaluation = self.evaluation();
                let mut dx =
                    evaluation.backward(selection, &values, upstream, None, 0, Some(&mut sums));
                (dx.swap_remove(0), sums)
            })
            .collect();
        let mut all = zeros();
        let mut parts = Vec::with_capacity(found.len());
        for (part, sums) in found {
            let pairs = all[0].iter_mut().zip(&sums[0]);
            for (all, part) in pairs.flat_map(|(all, part)| all.iter_mut().zip(part)) {
                all.merge(*part);
            }
            parts.push(part);
        }
        (
            self.scatter(&parts, self.layout.view.extent, exact(0.0)),
            all.swap_remove(0),
        )
    }
}
