//! Chains over whole tensors in f64: what the command computes where there is no device, and what chains along
//! several axes are compared with.

use rayon::prelude::*;

use super::{
    estimate::{Evaluation, Selection, between, exact, no_sums},
    excerpt::Excerpt,
    known::Known,
};
use crate::{
    accuracy::bound::Bound,
    chain::{Chain, Layout},
    cpu::expect_threads,
    element::count,
    error::{Error, Result},
    family::{Extra, Operation, Pass, Sheet, Sum, inputs_error},
    offload::{Chunk, KNOWN},
    tensor::View,
};

/// A chain over a tensor in f64: the results, and what an operation gives beside them.
#[non_exhaustive]
pub struct Reference {
    /// y, or the gradients with respect to each input.
    pub values: Vec<Vec<Bound>>,
    /// What each operation gives beside the result.
    pub extras: Vec<(usize, Extra)>,
    /// Sums of the parameters' gradients, for each operation, in a backward pass.
    pub sums: Vec<Vec<Vec<Sum>>>,
    /// For each result the index that the last operation chose, where it chooses.
    pub indices: Option<Vec<u32>>,
}

/// What `chain` makes of inputs of `shape`, or the gradients of `upstream` back through it.
///
/// ```
/// use wgpu_activations::{Chain, check::reference};
///
/// let chain: Chain = "relu | softmax".parse()?;
/// let y = reference(&chain, &[2], &[&[-1.0, 0.0]], None)?;
/// assert_eq!(y.values[0][0].expected, 0.5);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
///
/// # Errors
///
/// As [`Chain::result_shape`], and [`Error::MemoryLimit`] where an empty tensor claims more channels than there is
/// memory for.
pub fn reference(
    chain: &Chain,
    shape: &[usize],
    x: &[&[f64]],
    upstream: Option<&[f64]>,
) -> Result<Reference> {
    if x.len() != chain.inputs() {
        return Err(inputs_error(&*chain.steps()[0], x.len()));
    }
    expect_threads()?;
    let is_exact = chain.steps().len() == 1;
    let mut steps: Vec<Step> = Vec::new();
    let mut shape = shape.to_vec();
    let given = |x: &[f64]| x.iter().map(|&x| exact(x)).collect();
    let mut values: Vec<Vec<Bound>> = x.iter().map(|x| given(x)).collect();
    for operation in chain.steps() {
        let mut step = Step::new(&**operation, &shape, values, is_exact)?;
        step.survey(None);
        let y = step.forward();
        values = match steps.len() + 1 < chain.steps().len() {
            true => vec![y.iter().map(between).collect()],
            false => vec![y],
        };
        shape = operation.output_shape(&shape)?;
        steps.push(step);
    }
    let mut extras = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let known = step.known[0].expected();
        if !known.is_empty() {
            let of_step = step.operation().extras(known).into_iter();
            extras.extend(of_step.map(|extra| (index, extra)));
        }
    }
    let indices = steps.last().and_then(Step::indices);
    let mut sums = vec![Vec::new(); steps.len()];
    if let Some(upstream) = upstream {
        values = vec![given(upstream)];
        for (index, step) in steps.iter_mut().enumerate().rev() {
            step.survey(Some(&values[0]));
            (values, sums[index]) = step.backward(&values[0]);
            if index > 0 {
                values = vec![values[0].iter().map(between).collect()];
            }
        }
    }
    Ok(Reference {
        values,
        extras,
        sums,
        indices,
    })
}

/// Bytes of memory that [`reference()`] takes at most, for `pass`.
///
/// ```
/// use wgpu_activations::{Activation, check::reference_memory, family::Pass};
///
/// let bytes = reference_memory(&Activation::GELU.into(), &[1 << 20], Pass::Forward)?;
/// assert!(bytes < 200 << 20);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
///
/// # Errors
///
/// As [`Chain::result_shape`].
pub fn reference_memory(chain: &Chain, shape: &[usize], pass: Pass) -> Result<u64> {
    let layout = chain.layout(shape)?;
    let passes = if pass == Pass::Backward { 2 } else { 1 };
    let mut elements = layout.result.elements();
    let others = layout.view.elements().saturating_mul(chain.inputs() - 1);
    elements = elements.saturating_add(others);
    for step in 0..chain.steps().len() {
        elements = elements.saturating_add(layout.view_before(step).elements());
    }
    Ok((elements as u64).saturating_mul(passes * EACH))
}

/// Bytes for an element of a tensor between operations: where it lies, what it is, and what it may be off by, in
/// selections and in the whole.
const EACH: u64 = 48;

/// That what an empty tensor has nonetheless, of which its shape may claim any number, keeps to what a stream may keep.
fn expect_room(chain: &Chain, layout: &Layout, shape: &[usize], is_empty: bool) -> Result<()> {
    let mut numbers = layout.result.elements();
    for survey in chain.steps()[0].surveys(true) {
        let keys = survey.keys(layout.view);
        numbers = numbers.saturating_add(keys.saturating_mul(survey.words));
    }
    for gradient in &layout.gradients[0] {
        numbers = numbers.saturating_add(count(&gradient.shape).unwrap_or(usize::MAX));
    }
    let bytes = (numbers as u64).saturating_mul(size_of::<Sum>() as u64);
    if !is_empty || bytes <= KNOWN {
        return Ok(());
    }
    Err(Error::MemoryLimit {
        what: format!(
            "what `{}` gives of shape {shape:?}, though it has no elements,",
            chain.summary()
        ),
        bytes,
        limit: KNOWN,
        advice: "give it elements, or fewer channels",
    })
}

/// One operation of the chain, and the whole tensor that it is given.
struct Step {
    chain: Chain,
    layout: Layout,
    chunk: Chunk,
    known: Vec<Known>,
    x: Vec<Vec<Bound>>,
}

impl Step {
    fn new(
        operation: &dyn Operation,
        shape: &[usize],
        x: Vec<Vec<Bound>>,
        is_exact: bool,
    ) -> Result<Self> {
        let chain = Chain::new(operation.boxed());
        let layout = chain.layout(shape)?;
        expect_room(&chain, &layout, shape, x[0].is_empty())?;
        Ok(Self {
            chunk: Chunk::whole(layout.view),
            chain,
            layout,
            known: vec![Known::new(is_exact)],
            x,
        })
    }

    fn operation(&self) -> &dyn Operation {
        &*self.chain.steps()[0]
    }

    /// The tensor, with the gradients of the result.
    fn excerpt<'a>(&'a self, upstream: Option<&'a [Bound]>) -> Excerpt<'a, Bound> {
        Excerpt {
            evaluation: Evaluation {
                chain: &self.chain,
                layout: &self.layout,
                known: &self.known,
            },
            chunk: &self.chunk,
            x: self.x.iter().map(Vec::as_slice).collect(),
            upstream,
        }
    }

    fn survey(&mut self, upstream: Option<&[Bound]>) {
        for (index, survey) in self.operation().surveys(true).iter().enumerate() {
            if survey.needs_upstream == upstream.is_some() {
                let found = self.excerpt(upstream).survey((0, index), survey);
                self.known[0].merge(index, survey, survey.keys(self.layout.view), &found);
            }
        }
    }

    fn forward(&self) -> Vec<Bound> {
        let excerpt = self.excerpt(None);
        let y = by_rows(&excerpt, |selection, inputs| {
            let mut values = excerpt.evaluation.forward(selection, inputs, 1);
            values.swap_remove(1).swap_remove(0)
        });
        scatter(self.layout.result, y, exact(0.0))
    }

    fn indices(&self) -> Option<Vec<u32>> {
        let excerpt = self.excerpt(None);
        let evaluation = excerpt.evaluation;
        let chosen = by_rows(&excerpt, |selection, inputs| {
            let choose = |sheet: &Sheet<'_>| self.operation().choose(sheet);
            evaluation.with_sheet(0, selection, &vec![inputs], choose)
        });
        let chosen = chosen.into_iter().map(|(at, part)| Some((at, part?)));
        let chosen: Option<_> = chosen.collect();
        Some(scatter(self.layout.result, chosen?, 0))
    }

    /// The gradients with respect to each input, and sums of the parameters'.
    fn backward(&self, upstream: &[Bound]) -> (Vec<Vec<Bound>>, Vec<Vec<Sum>>) {
        let excerpt = self.excerpt(Some(upstream));
        let evaluation = excerpt.evaluation;
        let found = by_rows(&excerpt, |selection, inputs| {
            let upstream = excerpt.upstream(selection).unwrap_or_default();
            let mut sums = evaluation.no_sums(selection);
            let values = vec![inputs];
            let dx = evaluation.backward(selection, &values, upstream, None, 0, Some(&mut sums));
            (dx, sums)
        });
        let mut all = no_sums(&self.layout);
        let mut parts = vec![Vec::new(); self.x.len()];
        for (selection, (dx, sums)) in found {
            evaluation.merge_sums(&mut all, &selection, &sums);
            for (part, dx) in parts.iter_mut().zip(dx) {
                part.push((selection.clone(), dx));
            }
        }
        let whole = |part| scatter(self.layout.view, part, exact(0.0));
        (parts.into_iter().map(whole).collect(), all.swap_remove(0))
    }
}

/// What `of` makes of the inputs at selections of whole rows.
fn by_rows<R: Send>(
    excerpt: &Excerpt<'_, Bound>,
    of: impl Fn(&Selection, Vec<Vec<Bound>>) -> R + Sync,
) -> Vec<(Selection, R)> {
    let selections = excerpt.selections(true).into_par_iter();
    let of = |selection: Selection| {
        let found = of(&selection, excerpt.inputs(&selection));
        (selection, found)
    };
    selections.map(of).collect()
}

/// The tensor that has the elements of these selections, which are of whole rows.
fn scatter<T: Copy>(view: View, parts: Vec<(Selection, Vec<T>)>, nothing: T) -> Vec<T> {
    if parts.is_empty() {
        // The axis may be as long as it likes.
        return Vec::new();
    }
    let whole = Chunk::whole(view);
    let places: Vec<_> = whole.extent.clone().collect();
    let mut all = vec![nothing; view.elements()];
    for (selection, part) in parts {
        for (at, value) in selection.elements(&places).zip(part) {
            all[whole.position(at)] = value;
        }
    }
    all
}
