//! Maxout over affine maps as an operation.

use std::{fmt, iter, sync::Arc};

use super::MaxoutAffine;
use crate::{
    accuracy::bound::Bound,
    cpu::{Slice, SliceMut},
    element::ElementType,
    error::Result,
    family::{
        Array, Cut, Gradient, Operation, Part, Saved, Sheet, Sum,
        maxout::{
            OP, Winners,
            bound::{self, Contest, SHARE, Verdict, WRONG},
            reference::Affine,
        },
    },
    kernel::recorder::Recorder,
    tensor::Tensor,
};

impl Operation for MaxoutAffine {
    fn name(&self) -> &str {
        OP
    }

    fn output_shape(&self, shape: &[usize]) -> Result<Vec<usize>> {
        Ok(self.sizes(shape)?.1)
    }

    fn record_forward(
        &self,
        recorder: &mut Recorder<'_>,
        x: &[&Tensor],
        y: &Tensor,
    ) -> Result<Saved> {
        self.record_y(recorder, x[0], y).map(Saved::new)
    }

    fn record_backward(
        &self,
        recorder: &mut Recorder<'_>,
        x: &[&Tensor],
        saved: &Saved,
        upstream: &Tensor,
        dx: &[&Tensor],
        parameters: bool,
    ) -> Result<Vec<Tensor>> {
        let wanted = self.parameters().filter(|_| parameters);
        let gradients = wanted
            .map(|of| recorder.allocate(upstream.gpu(), of.shape(), ElementType::F32))
            .collect::<Result<Vec<_>>>()?;
        let results = (dx[0], gradients.first(), gradients.get(1));
        self.record_gradients(recorder, x[0], Winners::of(saved)?, upstream, results)?;
        Ok(gradients)
    }

    fn compute_forward(&self, shape: &[usize], x: &[Slice<'_>], y: SliceMut<'_>) -> Result<Saved> {
        Ok(Saved::new(self.compute(shape, x[0], y)?))
    }

    fn compute_backward(
        &self,
        shape: &[usize],
        x: &[Slice<'_>],
        saved: &Saved,
        upstream: Slice<'_>,
        mut dx: Vec<SliceMut<'_>>,
        parameters: bool,
    ) -> Result<Vec<Vec<f32>>> {
        let Some(dx) = dx.pop() else {
            return Ok(Vec::new());
        };
        self.compute_gradients(shape, x[0], saved, upstream, dx, parameters)
    }

    fn saves(&self) -> bool {
        true
    }

    /// That of the inputs; it cannot be moved.
    fn axis(&self) -> Option<i64> {
        Some(self.axis)
    }

    fn gradients(&self, _: &[usize]) -> Vec<Gradient> {
        let named = ["weight", "bias"].into_iter().zip(self.parameters());
        let gradient = |(name, array): (_, &Array)| Gradient {
            name,
            shape: array.shape().to_vec(),
            per_channel: false,
        };
        named.map(gradient).collect()
    }

    fn cut(&self) -> Cut {
        Cut::WholeAxis
    }

    fn on_part(&self, _: &Part<'_>) -> Result<Box<dyn Operation>> {
        Ok(Box::new(Self {
            axis: Part::AXIS,
            ..self.clone()
        }))
    }

    fn extra_names(&self) -> &'static [&'static str] {
        &["index"]
    }

    fn expected(&self, sheet: &Sheet<'_>) -> Vec<Bound> {
        let best = |contest: Contest| Bound {
            expected: contest.best().0,
            allowed: contest.allowed(),
        };
        self.reference(&self.on_host())
            .contests(sheet)
            .map(best)
            .collect()
    }

    fn expected_backward(
        &self,
        sheet: &Sheet<'_>,
        upstream: &[f64],
        chosen: Option<&[u32]>,
    ) -> Vec<Vec<Bound>> {
        let maps = self.on_host();
        let affine = self.reference(&maps);
        let mut dx = vec![Sum::default(); sheet.x().len()];
        let mut wrong = vec![false; sheet.lanes.len()];
        for (place, contest) in affine.contests(sheet).enumerate() {
            let (lane, output) = (place / affine.outputs, place % affine.outputs);
            let Some(verdict) = contest.verdict(chosen.map(|chosen| chosen[place])) else {
                wrong[lane] = true;
                continue;
            };
            let g = upstream[place];
            let row = &mut dx[lane * affine.inputs..][..affine.inputs];
            for (input, sum) in row.iter_mut().enumerate() {
                let of = |piece| f64::from(affine.weight[affine.place(piece, input, output)]);
                let own = of(verdict.winner);
                sum.add(g * own);
                let others = verdict.rivals.iter().map(|&rival| (of(rival) - own).abs());
                sum.add_off(g, others.fold(0.0, f64::max));
            }
        }
        let bounds = dx.into_iter().enumerate();
        let bounds = bounds.map(|(element, sum)| match wrong[element / affine.inputs] {
            true => WRONG,
            false => sum.bound(SHARE),
        });
        vec![bounds.collect()]
    }

    fn add_terms(
        &self,
        sheet: &Sheet<'_>,
        upstream: &[f64],
        chosen: Option<&[u32]>,
        sums: &mut [Vec<Sum>],
    ) {
        let [weight, rest @ ..] = sums else {
            return;
        };
        let maps = self.on_host();
        let affine = self.reference(&maps);
        for (place, contest) in affine.contests(sheet).enumerate() {
            let (lane, output) = (place / affine.outputs, place % affine.outputs);
            let g = upstream[place];
            // Beside a wrong winner dx is wrong already.
            let verdict = contest.verdict(chosen.map(|chosen| chosen[place]));
            let Some(Verdict { winner, rivals }) = verdict else {
                continue;
            };
            let doubtful = rivals.iter().chain((!rivals.is_empty()).then_some(&winner));
            for input in 0..affine.inputs {
                let element = lane * affine.inputs + input;
                let term = g * sheet.x()[element];
                let sum = &mut weight[affine.place(winner, input, output)];
                sum.add(term);
                sum.add_off(g, sheet.off(element));
                for &piece in doubtful.clone() {
                    weight[affine.place(piece, input, output)].off += term.abs();
                }
            }
            if let Some(bias) = rest.first_mut() {
                bias[winner * affine.outputs + output].add(g);
                for &piece in doubtful {
                    bias[piece * affine.outputs + output].off += g.abs();
                }
            }
        }
    }

    fn gradient_share(&self, _: usize) -> f64 {
        SHARE
    }

    fn choose(&self, sheet: &Sheet<'_>) -> Option<Vec<u32>> {
        Some(bound::choose(
            self.reference(&self.on_host()).contests(sheet),
        ))
    }

    fn chose_right(&self, sheet: &Sheet<'_>, chosen: &[u32]) -> Vec<bool> {
        bound::chose_right(self.reference(&self.on_host()).contests(sheet), chosen)
    }

    fn reference_cost(&self) -> usize {
        let [pieces, inputs, _] = self.lengths();
        pieces * inputs
    }
}

impl MaxoutAffine {
    /// The weight, and the bias if there is one.
    fn parameters(&self) -> impl Iterator<Item = &Array> {
        iter::once(&self.weight).chain(&self.bias)
    }

    /// Weight and bias on the host, the latter empty if there is none.
    pub(super) fn numbers(&self) -> Result<[Arc<[f32]>; 2]> {
        let bias = self.bias.as_ref().map(Array::to_host).transpose()?;
        Ok([self.weight.to_host()?, bias.unwrap_or_default()])
    }

    /// The same for the reference. Where they cannot be read nothing is right: NaN.
    fn on_host(&self) -> [Arc<[f32]>; 2] {
        let read = |array: &Array| {
            let unread = |_| vec![f32::NAN; array.len()].into();
            array.to_host().unwrap_or_else(unread)
        };
        [
            read(&self.weight),
            self.bias.as_ref().map(read).unwrap_or_default(),
        ]
    }

    fn reference<'a>(&self, [weight, bias]: &'a [Arc<[f32]>; 2]) -> Affine<'a, f32> {
        let [pieces, inputs, outputs] = self.lengths();
        Affine {
            weight,
            bias,
            pieces,
            inputs,
            outputs,
        }
    }
}

impl Affine<'_, f32> {
    /// What competes for each result of a sheet, whose lanes are rows.
    fn contests(&self, sheet: &Sheet<'_>) -> impl Iterator<Item = Contest> {
        let results = 0..sheet.lanes.len() * self.outputs;
        results.map(|place| {
            let (lane, output) = (place / self.outputs, place % self.outputs);
            let elements = lane * self.inputs..(lane + 1) * self.inputs;
            let row = &sheet.x()[elements.clone()];
            let pieces = (0..self.pieces).map(|piece| {
                let mut sum = self.sum(row, piece, output);
                for (input, element) in elements.clone().enumerate() {
                    let weight = f64::from(self.weight[self.place(piece, input, output)]);
                    sum.add_off(weight, sheet.off(element));
                }
                sum.bound(SHARE)
            });
            Contest(pieces.collect())
        })
    }
}

impl fmt::Display for MaxoutAffine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{OP}(weight {:?})", self.weight.shape())
    }
}
