//! Sheets of a tensor taken through a chain in f64, forward and backward.
//!
//! Each value carries what a result computed in f32 may be off by: an operation's own error, and what the errors of
//! its inputs make of it. The latter is found by moving the inputs: all up, all down, and some up and others down.

use crate::{
    accuracy::bound::Bound,
    chain::{Chain, Layout},
    family::{Operation, Sheet, Sum, Table},
    tensor::View,
};

/// Lanes and places along the axis that are computed together.
pub(crate) struct Selection {
    /// (outer, inner) in the whole tensor.
    pub(crate) lanes: Vec<(usize, usize)>,
    /// Along the axis, in the whole tensor.
    pub(crate) places: Vec<usize>,
}

/// What the operations of a chain are given for a selection: for each operation its places along the axis and its
/// inputs; one more for the result.
pub(crate) struct Values(pub(crate) Vec<(Vec<usize>, Vec<Vec<Bound>>)>);

/// A chain over a tensor of some shape.
#[derive(Clone, Copy)]
pub(crate) struct Evaluation<'a> {
    pub(crate) chain: &'a Chain,
    pub(crate) layout: &'a Layout,
    /// What the surveys have found, for each operation, by the reference.
    pub(crate) known: &'a [Vec<Table>],
}

/// Moves of the inputs: all up, all down, and by each of the lowest bits of an element's number, so that of two
/// neighbours one goes up and the other down.
const MOVES: u32 = 7;

/// The way that element `index` goes in a move.
fn sign(of_move: u32, index: usize) -> f64 {
    match of_move {
        0 => 1.0,
        1 => -1.0,
        bit if index >> (bit - 2) & 1 == 0 => 1.0,
        _ => -1.0,
    }
}

/// What an input may be off by: an adapter may flush it if it is subnormal.
fn allowance(bound: &Bound) -> f64 {
    if (bound.expected as f32).is_subnormal() {
        bound.allowed.max(bound.expected.abs())
    } else {
        bound.allowed
    }
}

/// An element of an input.
pub(crate) fn exact(value: f64) -> Bound {
    Bound {
        expected: value,
        allowed: 0.0,
    }
}

impl Evaluation<'_> {
    /// Whether an operation up to `steps` needs the rest of an element's row.
    pub(crate) fn needs_rows(&self, steps: usize) -> bool {
        use crate::family::Cut;
        let mut steps = self.chain.steps()[..steps].iter().zip(self.known);
        steps.any(|(step, known)| match step.cut() {
            Cut::WholeAxis => true,
            Cut::Rows => known.is_empty(),
            _ => false,
        })
    }

    /// The sheet that operation `step` sees, without inputs.
    fn sheet<'a>(
        &'a self,
        step: usize,
        selection: &'a Selection,
        places: &'a [usize],
    ) -> Sheet<'a> {
        Sheet {
            view: View {
                extent: self.layout.extents[step],
                ..self.layout.view
            },
            lanes: &selection.lanes,
            places,
            extent_after: self.layout.extents[step + 1],
            inputs: &[],
            off: &[],
            known: &self.known[step],
        }
    }

    /// What the first `steps` operations make of `inputs`, lane after lane.
    pub(crate) fn forward(
        &self,
        selection: &Selection,
        inputs: Vec<Vec<Bound>>,
        steps: usize,
    ) -> Values {
        let mut values = vec![(selection.places.clone(), inputs)];
        for (index, step) in self.chain.steps()[..steps].iter().enumerate() {
            let (places, inputs) = &values[index];
            let off = off(inputs);
            let off: Vec<&[f64]> = off.iter().map(Vec::as_slice).collect();
            let sheet = Sheet {
                off: &off,
                ..self.sheet(index, selection, places)
            };
            let y = forward(&**step, inputs, &sheet);
            let places = if self.layout.extents[index + 1] == self.layout.extents[index] {
                places.clone()
            } else {
                (0..self.layout.extents[index + 1]).collect()
            };
            values.push((places, vec![y]));
        }
        Values(values)
    }

    /// The sheet that operation `step` sees, its inputs as expected.
    pub(crate) fn with_sheet<R>(
        &self,
        step: usize,
        selection: &Selection,
        values: &Values,
        work: impl FnOnce(&Sheet<'_>) -> R,
    ) -> R {
        let (places, inputs) = &values.0[step];
        let inputs: Vec<Vec<f64>> = inputs.iter().map(|input| expected(input)).collect();
        let inputs: Vec<&[f64]> = inputs.iter().map(Vec::as_slice).collect();
        let off = off(&values.0[step].1);
        let off: Vec<&[f64]> = off.iter().map(Vec::as_slice).collect();
        work(&Sheet {
            inputs: &inputs,
            off: &off,
            ..self.sheet(step, selection, places)
        })
    }

    /// The gradient with respect to the inputs of operation `to`. Terms of the parameters' gradients are added to
    /// `sums`, for each operation, with what they may be off by.
    pub(crate) fn backward(
        &self,
        selection: &Selection,
        values: &Values,
        upstream: Vec<Bound>,
        chosen: Option<&[u32]>,
        to: usize,
        mut sums: Option<&mut [Vec<Vec<Sum>>]>,
    ) -> Vec<Vec<Bound>> {
        let steps = self.chain.steps();
        let mut gradient = vec![upstream];
        for index in (to..steps.len()).rev() {
            let step = &steps[index];
            let chosen = chosen.filter(|_| index + 1 == steps.len());
            let (places, inputs) = &values.0[index];
            let off = off(inputs);
            let off: Vec<&[f64]> = off.iter().map(Vec::as_slice).collect();
            let sheet = Sheet {
                off: &off,
                ..self.sheet(index, selection, places)
            };
            if let Some(sums) = &mut sums {
                add_terms(
                    &**step,
                    inputs,
                    &gradient[0],
                    chosen,
                    &sheet,
                    &mut sums[index],
                );
            }
            gradient = backward(&**step, inputs, &gradient[0], chosen, &sheet);
        }
        gradient
    }
}

fn expected(bounds: &[Bound]) -> Vec<f64> {
    bounds.iter().map(|bound| bound.expected).collect()
}

/// What the elements of each input may be off by.
fn off(inputs: &[Vec<Bound>]) -> Vec<Vec<f64>> {
    let of_input = |input: &Vec<Bound>| input.iter().map(allowance).collect();
    inputs.iter().map(of_input).collect()
}

fn moved(bounds: &[Bound], of_move: u32) -> Vec<f64> {
    let bounds = bounds.iter().enumerate();
    bounds
        .map(|(index, bound)| bound.expected + sign(of_move, index) * allowance(bound))
        .collect()
}

fn may_be_off(bounds: &[Bound]) -> bool {
    bounds.iter().any(|bound| allowance(bound) > 0.0)
}

/// Allows what a move has changed, where that is a number.
fn carry(off: &mut [f64], own: &[Bound], other: &[Bound]) {
    for ((off, own), other) in off.iter_mut().zip(own).zip(other) {
        let change = (other.expected - own.expected).abs();
        if change > *off {
            *off = change;
        }
    }
}

fn forward(step: &dyn Operation, inputs: &[Vec<Bound>], sheet: &Sheet<'_>) -> Vec<Bound> {
    let of = |inputs: Vec<Vec<f64>>| {
        let inputs: Vec<&[f64]> = inputs.iter().map(Vec::as_slice).collect();
        step.expected(&Sheet {
            inputs: &inputs,
            ..*sheet
        })
    };
    let own = of(inputs.iter().map(|input| expected(input)).collect());
    if !inputs.iter().any(|input| may_be_off(input)) {
        return own;
    }
    let mut off = vec![0.0; own.len()];
    for of_move in 0..MOVES {
        let other = of(inputs.iter().map(|input| moved(input, of_move)).collect());
        carry(&mut off, &own, &other);
    }
    allow(own, &off)
}

fn backward(
    step: &dyn Operation,
    inputs: &[Vec<Bound>],
    upstream: &[Bound],
    chosen: Option<&[u32]>,
    sheet: &Sheet<'_>,
) -> Vec<Vec<Bound>> {
    let of = |inputs: Vec<Vec<f64>>, upstream: &[f64]| {
        let inputs: Vec<&[f64]> = inputs.iter().map(Vec::as_slice).collect();
        let sheet = Sheet {
            inputs: &inputs,
            ..*sheet
        };
        step.expected_backward(&sheet, upstream, chosen)
    };
    let own = of(
        inputs.iter().map(|input| expected(input)).collect(),
        &expected(upstream),
    );
    if !may_be_off(upstream) && !inputs.iter().any(|input| may_be_off(input)) {
        return own;
    }
    let mut off: Vec<Vec<f64>> = own.iter().map(|own| vec![0.0; own.len()]).collect();
    for of_move in 0..MOVES {
        let other = of(
            inputs.iter().map(|input| moved(input, of_move)).collect(),
            &moved(upstream, of_move),
        );
        for ((off, own), other) in off.iter_mut().zip(&own).zip(&other) {
            carry(off, own, other);
        }
    }
    let pairs = own.into_iter().zip(&off);
    pairs.map(|(own, off)| allow(own, off)).collect()
}

/// Adds the terms of the gradients of an operation's parameters, and what they may be off by.
fn add_terms(
    step: &dyn Operation,
    inputs: &[Vec<Bound>],
    upstream: &[Bound],
    chosen: Option<&[u32]>,
    sheet: &Sheet<'_>,
    sums: &mut [Vec<Sum>],
) {
    let of = |inputs: Vec<Vec<f64>>, upstream: &[f64]| {
        let inputs: Vec<&[f64]> = inputs.iter().map(Vec::as_slice).collect();
        let sheet = Sheet {
            inputs: &inputs,
            ..*sheet
        };
        let nothing = |sums: &Vec<Sum>| vec![Sum::default(); sums.len()];
        let mut found: Vec<_> = sums.iter().map(nothing).collect();
        step.add_terms(&sheet, upstream, chosen, &mut found);
        found.concat()
    };
    let mut own = of(
        inputs.iter().map(|input| expected(input)).collect(),
        &expected(upstream),
    );
    if may_be_off(upstream) || inputs.iter().any(|input| may_be_off(input)) {
        let mut off = vec![0.0_f64; own.len()];
        for of_move in 0..MOVES {
            let other = of(
                inputs.iter().map(|input| moved(input, of_move)).collect(),
                &moved(upstream, of_move),
            );
            for ((off, own), other) in off.iter_mut().zip(&own).zip(&other) {
                *off = off.max((other.value - own.value).abs());
            }
        }
        let pairs = own.iter_mut().zip(off);
        pairs.for_each(|(own, off)| own.off += off);
    }
    let all = sums.iter_mut().flatten().zip(own);
    all.for_each(|(sum, part)| sum.merge(part));
}

fn allow(own: Vec<Bound>, off: &[f64]) -> Vec<Bound> {
    let pairs = own.into_iter().zip(off);
    pairs
        .map(|(own, off)| Bound {
            allowed: own.allowed + off,
            ..own
        })
        .collect()
}
