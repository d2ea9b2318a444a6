//! Sheets of a tensor taken through a chain in f64, forward and backward.
//!
//! Each value carries what a result computed in f32 may be off by: an operation's own error, and what the errors of
//! its inputs make of it. The latter is found by moving the inputs: all up, all down, and some up and others down. What
//! is known of whole channels and rows comes from such values, too, and is moved likewise.

use std::borrow::Cow;

use super::known::{Found, Known};
use crate::{
    accuracy::bound::Bound,
    chain::{Chain, Layout},
    element::count,
    family::{Cut, Gradient, Operation, Sheet, Sum, Survey, Surveyed, Table},
};

/// Lanes and places along the axis that are computed together.
#[derive(Clone)]
pub(super) struct Selection {
    /// (outer, inner) in the whole tensor.
    pub(super) lanes: Vec<(usize, usize)>,
    /// Along the axis, in the whole tensor.
    pub(super) places: Vec<usize>,
}

impl Selection {
    /// Where its elements lie, (outer, place, inner), lane after lane, `places` being those along the axis.
    pub(super) fn elements(&self, places: &[usize]) -> impl Iterator<Item = (usize, usize, usize)> {
        let lanes = self.lanes.iter();
        lanes.flat_map(move |&(outer, inner)| places.iter().map(move |&at| (outer, at, inner)))
    }
}

/// For each operation of a chain its inputs, for a selection; then the result.
pub(super) type Values = Vec<Vec<Vec<Bound>>>;

/// Sums of the parameters' gradients, for each operation.
pub(super) type Sums = Vec<Vec<Vec<Sum>>>;

/// A chain over a tensor of some shape.
#[derive(Clone, Copy)]
pub(super) struct Evaluation<'a> {
    pub(super) chain: &'a Chain,
    pub(super) layout: &'a Layout,
    /// What the surveys have found, for each operation.
    pub(super) known: &'a [Known],
}

/// An element of an input.
pub(super) const fn exact(value: f64) -> Bound {
    Bound {
        expected: value,
        allowed: 0.0,
    }
}

/// As it passes to the next operation, which is in f32: what that does not hold is infinite.
pub(super) fn between(bound: &Bound) -> Bound {
    let held = bound.expected as f32;
    Bound {
        expected: if held.is_infinite() {
            f64::from(held)
        } else {
            bound.expected
        },
        allowed: bound.allowed,
    }
}

pub(super) fn expected(bounds: &[Bound]) -> Vec<f64> {
    bounds.iter().map(|bound| bound.expected).collect()
}

impl Evaluation<'_> {
    /// Whether an operation up to `steps` needs the rest of an element's row.
    pub(super) fn needs_rows(&self, steps: usize) -> bool {
        let mut steps = self.chain.steps()[..steps].iter().zip(self.known);
        steps.any(|(step, known)| match step.cut() {
            Cut::WholeAxis => true,
            Cut::Rows => known.expected().is_empty(),
            _ => false,
        })
    }

    /// A selection's places along the axis before operation `step`.
    pub(super) fn places<'s>(&self, step: usize, selection: &'s Selection) -> Cow<'s, [usize]> {
        let extents = &self.layout.extents;
        if extents[step] == extents[0] {
            Cow::Borrowed(&selection.places)
        } else {
            (0..extents[step]).collect()
        }
    }

    /// Has `work` look at the sheet that operation `step` sees, its inputs as expected.
    pub(super) fn with_sheet<R>(
        &self,
        step: usize,
        selection: &Selection,
        values: &Values,
        work: impl FnOnce(&Sheet<'_>) -> R,
    ) -> R {
        let inputs = &values[step];
        let off = inputs.iter().map(|input| input.iter().map(allowance));
        let off: Vec<Vec<f64>> = off.map(Iterator::collect).collect();
        let inputs: Vec<_> = inputs.iter().map(|input| expected(input)).collect();
        work(&Sheet {
            view: self.layout.view_before(step),
            lanes: &selection.lanes,
            places: &self.places(step, selection),
            extent_after: self.layout.extents[step + 1],
            inputs: &slices(&inputs),
            off: &slices(&off),
            known: self.known[step].expected(),
        })
    }

    /// What the first `steps` operations make of `inputs`, lane after lane.
    pub(super) fn forward(
        &self,
        selection: &Selection,
        inputs: Vec<Vec<Bound>>,
        steps: usize,
    ) -> Values {
        let mut values = vec![inputs];
        for (index, step) in self.chain.steps()[..steps].iter().enumerate() {
            let mut y = self.with_sheet(index, selection, &values, |sheet| {
                self.estimate(index, &values[index], &[], |inputs, _, known| {
                    let sheet = Sheet {
                        inputs,
                        known,
                        ..*sheet
                    };
                    vec![step.expected(&sheet)]
                })
            });
            if index + 1 < self.chain.steps().len() {
                y = y.iter().map(|y| y.iter().map(between).collect()).collect();
            }
            values.push(y);
        }
        values
    }

    /// Sums of nothing, of the terms that a selection has: those of its own places where there is one for each channel.
    pub(super) fn no_sums(&self, selection: &Selection) -> Sums {
        let steps = self.layout.gradients.iter().enumerate();
        steps
            .map(|(step, gradients)| {
                let lengths = gradients.iter().map(|it| match it.per_channel {
                    true => self.places(step, selection).len(),
                    false => numbers(it),
                });
                lengths.map(|len| vec![Sum::default(); len]).collect()
            })
            .collect()
    }

    /// Adds the sums of a selection to those of the whole tensor.
    pub(super) fn merge_sums(&self, all: &mut Sums, selection: &Selection, parts: &Sums) {
        for (step, (all, parts)) in all.iter_mut().zip(parts).enumerate() {
            let gradients = self.layout.gradients[step].iter();
            for (gradient, (all, parts)) in gradients.zip(all.iter_mut().zip(parts)) {
                if gradient.per_channel {
                    let places = self.places(step, selection);
                    let pairs = places.iter().zip(parts);
                    pairs.for_each(|(&place, part)| all[place].merge(*part));
                } else {
                    merge_all(all, parts);
                }
            }
        }
    }

    /// The gradient with respect to the inputs of operation `to`. Terms of the parameters' gradients are added to
    /// `sums`, for each operation, with what they may be off by.
    pub(super) fn backward(
        &self,
        selection: &Selection,
        values: &Values,
        upstream: Vec<Bound>,
        chosen: Option<&[u32]>,
        to: usize,
        mut sums: Option<&mut Sums>,
    ) -> Vec<Vec<Bound>> {
        let steps = self.chain.steps();
        let mut gradient = vec![upstream];
        for (index, step) in steps.iter().enumerate().skip(to).rev() {
            let chosen = chosen.filter(|_| index + 1 == steps.len());
            let (inputs, upstream) = (&values[index], &gradient[0]);
            gradient = self.with_sheet(index, selection, values, |sheet| {
                if let Some(sums) = &mut sums {
                    let sums = &mut sums[index];
                    let terms =
                        self.estimate(index, inputs, upstream, |inputs, upstream, known| {
                            let mut terms: Vec<_> = sums
                                .iter()
                                .map(|sums| vec![Sum::default(); sums.len()])
                                .collect();
                            let sheet = Sheet {
                                inputs,
                                known,
                                ..*sheet
                            };
                            step.add_terms(&sheet, upstream, chosen, &mut terms);
                            terms
                        });
                    let pairs = sums.iter_mut().zip(&terms);
                    pairs.for_each(|(all, parts)| merge_all(all, parts));
                }
                self.estimate(index, inputs, upstream, |inputs, upstream, known| {
                    let sheet = Sheet {
                        inputs,
                        known,
                        ..*sheet
                    };
                    step.expected_backward(&sheet, upstream, chosen)
                })
            });
            if index > 0 {
                let each = gradient.iter();
                gradient = each.map(|it| it.iter().map(between).collect()).collect();
            }
        }
        gradient
    }

    /// What survey number `index` of operation `step` finds, given the inputs of all operations and its upstream
    /// gradients.
    pub(super) fn survey(
        &self,
        (step, index): (usize, usize),
        survey: &Survey,
        selection: &Selection,
        values: &Values,
        upstream: Option<&[Bound]>,
    ) -> Found {
        let operation = &self.chain.steps()[step];
        let known = &self.known[step];
        self.with_sheet(step, selection, values, |sheet| {
            let keys = match survey.of {
                Surveyed::Channels => sheet.places.to_vec(),
                Surveyed::Rows => (0..sheet.lanes.len()).map(|lane| sheet.row(lane)).collect(),
            };
            let inputs = &values[step];
            let exact_upstream = upstream.map(expected);
            let mut words = vec![operation.survey(index, sheet, exact_upstream.as_deref())];
            for (known, of_inputs, of_move) in known.moved() {
                let sheet = Sheet { known, ..*sheet };
                words.push(match (of_inputs, upstream) {
                    (true, _) => {
                        let inputs = inputs.iter().map(|input| moved(input, of_move));
                        let inputs: Vec<_> = inputs.collect();
                        let inputs = &slices(&inputs);
                        let sheet = Sheet { inputs, ..sheet };
                        operation.survey(index, &sheet, exact_upstream.as_deref())
                    }
                    (false, Some(upstream)) => {
                        operation.survey(index, &sheet, Some(&moved(upstream, of_move)))
                    }
                    // Nothing is moved.
                    (false, None) => words[0].clone(),
                });
            }
            Found { keys, words }
        })
    }

    /// What `of` makes of inputs and upstream gradients of operation `step`, and of what is known, as they are
    /// expected. It may be off by what their moves change, too. Each is moved alone: what one move changes must not
    /// hide what another does. Where the operation joins elements, or goes up and down on the way of the moves, few of
    /// them do not find the worst: twice as much is allowed.
    fn estimate<T: Estimate>(
        &self,
        step: usize,
        inputs: &[Vec<Bound>],
        upstream: &[Bound],
        of: impl Fn(&[&[f64]], &[f64], &[Table]) -> Vec<Vec<T>>,
    ) -> Vec<Vec<T>> {
        let known = &self.known[step];
        let operands: Vec<&[Bound]> = inputs.iter().map(Vec::as_slice).chain([upstream]).collect();
        let exact: Vec<_> = operands.iter().map(|bounds| expected(bounds)).collect();
        let at =
            |values: &[&[f64]], known| of(&values[..inputs.len()], values[inputs.len()], known);
        let mut own = at(&slices(&exact), known.expected());
        let mut all = vec![0.0_f64; own.iter().map(Vec::len).sum()];
        let joins = joins(&*self.chain.steps()[step]);
        let mut widen = |others: &mut dyn Iterator<Item = Vec<Vec<T>>>| {
            let mut offs = vec![Off::default(); all.len()];
            for other in others {
                let pairs = own.iter().flatten().zip(other.iter().flatten());
                for (off, (own, other)) in offs.iter_mut().zip(pairs) {
                    off.see(own, other);
                }
            }
            for (all, off) in all.iter_mut().zip(offs) {
                *all += off.most * if joins || off.turns() { 2.0 } else { 1.0 };
            }
        };
        for (place, operand) in operands.iter().enumerate() {
            if operand.iter().any(|bound| allowance(bound) > 0.0) {
                let moves = if joins { MOVES } else { AMOUNTS.len() as u32 };
                widen(&mut (0..moves).map(|of_move| {
                    let moved = match joins {
                        true => moved(operand, of_move),
                        false => moved_by(operand, |_| AMOUNTS[of_move as usize]),
                    };
                    let mut values = slices(&exact);
                    values[place] = &moved;
                    at(&values, known.expected())
                }));
            }
        }
        if !known.expected().is_empty() {
            widen(&mut known.moved().map(|(known, ..)| at(&slices(&exact), known)));
        }
        let pairs = own.iter_mut().flatten().zip(all);
        pairs.for_each(|(own, off)| own.allow(off));
        own
    }
}

/// Sums of nothing, for the whole tensor.
pub(super) fn no_sums(layout: &Layout) -> Sums {
    let of_step = |gradients: &Vec<Gradient>| {
        let gradients = gradients.iter();
        gradients
            .map(|it| vec![Sum::default(); numbers(it)])
            .collect()
    };
    layout.gradients.iter().map(of_step).collect()
}

/// How many numbers a gradient has.
fn numbers(gradient: &Gradient) -> usize {
    count(&gradient.shape).unwrap_or(usize::MAX)
}

fn merge_all(sums: &mut [Sum], parts: &[Sum]) {
    sums.iter_mut()
        .zip(parts)
        .for_each(|(sum, part)| sum.merge(*part));
}

/// What moves change of one number.
#[derive(Clone, Default)]
struct Off {
    most: f64,
    /// The number after the last move, and whether it has gone up and down from move to move.
    last: Option<f64>,
    up: bool,
    down: bool,
}

impl Off {
    fn see<T: Estimate>(&mut self, own: &T, other: &T) {
        // Where a move decides whether there is a number at all, nothing is asked. `max` leaves out what is none.
        let decides = own.value().is_nan() != other.value().is_nan();
        let moved = (other.value() - own.value()).abs();
        self.most = self.most.max(if decides { f64::INFINITY } else { moved });
        // What is small may be off by as much as what it is moved to.
        self.most = self.most.max(moved + other.allowed() - own.allowed());
        if let Some(last) = self.last {
            self.up |= other.value() > last;
            self.down |= other.value() < last;
        }
        self.last = Some(other.value());
    }

    fn turns(&self) -> bool {
        self.up && self.down
    }
}

/// Moves of the inputs of an operation that joins elements: all up, all down, by each of the lowest bits of an element's
/// number, so that of two neighbours one goes up and the other down, and the other way round.
const MOVES: u32 = 2 + 2 * BITS;
const BITS: u32 = 5;

/// Moves of the inputs of an operation that joins none, in parts of what they may be off by: from one end to the other,
/// in steps with which no sine keeps pace.
const AMOUNTS: [f64; 8] = [-1.0, -0.83, -0.52, -0.18, 0.11, 0.41, 0.73, 1.0];

/// The way that element `index` goes in a move.
fn sign(of_move: u32, index: usize) -> f64 {
    let up = match of_move {
        0 => true,
        1 => false,
        of_move => {
            let is_set = index >> ((of_move - 2) % BITS) & 1 == 1;
            is_set == (of_move - 2 >= BITS)
        }
    };
    if up { 1.0 } else { -1.0 }
}

fn moved(bounds: &[Bound], of_move: u32) -> Vec<f64> {
    moved_by(bounds, |index| sign(of_move, index))
}

/// By parts of what each may be off by.
fn moved_by(bounds: &[Bound], part: impl Fn(usize) -> f64) -> Vec<f64> {
    let bounds = bounds.iter().enumerate();
    bounds
        .map(|(index, bound)| bound.expected + part(index) * allowance(bound))
        .collect()
}

/// What an input may be off by: an adapter may flush it if it is subnormal.
fn allowance(bound: &Bound) -> f64 {
    if (bound.expected as f32).is_subnormal() {
        bound.allowed.max(bound.expected.abs())
    } else {
        bound.allowed
    }
}

fn slices(vectors: &[Vec<f64>]) -> Vec<&[f64]> {
    vectors.iter().map(Vec::as_slice).collect()
}

/// A result by the reference, with what it may be off by.
trait Estimate {
    fn value(&self) -> f64;
    fn allowed(&self) -> f64;
    fn allow(&mut self, more: f64);
}

impl Estimate for Bound {
    fn value(&self) -> f64 {
        self.expected
    }

    fn allowed(&self) -> f64 {
        self.allowed
    }

    fn allow(&mut self, more: f64) {
        self.allowed += more;
    }
}

impl Estimate for Sum {
    fn value(&self) -> f64 {
        self.value
    }

    fn allowed(&self) -> f64 {
        self.off
    }

    fn allow(&mut self, more: f64) {
        self.off += more;
    }
}

/// Whether a result depends on several elements.
fn joins(step: &dyn Operation) -> bool {
    step.cut() != Cut::Anywhere || !step.surveys(false).is_empty()
}
