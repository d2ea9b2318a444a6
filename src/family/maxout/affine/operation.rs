//! Maxout over affine maps as an operation.

use std::{fmt, sync::Arc};

use super::{MaxoutAffine, Results};
use crate::{
    accuracy::bound::Bound,
    element::ElementType,
    error::Result,
    family::{
        Array, Cut, Gradient, Operation, Part, Saved, Sheet, Sum,
        maxout::{
            OP, Winners,
            bound::{Contest, SHARE, Verdict, WRONG, of_sum},
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
        self.y_shape(shape)
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
        let wanted = [Some(&self.weight), self.bias.as_ref()];
        let wanted = wanted.into_iter().flatten().filter(|_| parameters);
        let gradients = wanted
            .map(|of| recorder.allocate(upstream.gpu(), of.shape(), ElementType::F32))
            .collect::<Result<Vec<_>>>()?;
        let results = Results {
            dx: dx[0],
            weight: gradients.first(),
            bias: gradients.get(1),
        };
        self.record_gradients(recorder, x[0], Winners::of(saved)?, upstream, results)?;
        Ok(gradients)
    }

    fn saves(&self) -> bool {
        true
    }

    /// That of the inputs; it cannot be moved.
    fn axis(&self) -> Option<i64> {
        Some(self.axis)
    }

    fn gradients(&self, _: &[usize]) -> Vec<Gradient> {
        let weight = ("weight", Some(&self.weight));
        let named = [weight, ("bias", self.bias.as_ref())];
        let gradient = |(name, array): (_, Option<&Array>)| {
            array.map(|array| Gradient {
                name,
                shape: array.shape().to_vec(),
                per_channel: false,
            })
        };
        named.into_iter().filter_map(gradient).collect()
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
        let maps = self.on_host();
        let bound = |place| {
            let contest = maps.contest(sheet, place);
            Bound {
                expected: contest.best().0,
                allowed: contest.allowed(),
            }
        };
        maps.results(sheet).map(bound).collect()
    }

    fn expected_backward(
        &self,
        sheet: &Sheet<'_>,
        upstream: &[f64],
        chosen: Option<&[u32]>,
    ) -> Vec<Vec<Bound>> {
        let maps = self.on_host();
        let Affine {
            weight,
            inputs,
            outputs,
            ..
        } = maps.affine();
        let mut dx = vec![Sum::default(); sheet.x().len()];
        let mut wrong = vec![false; sheet.lanes.len()];
        for place in maps.results(sheet) {
            let (lane, output) = (place / outputs, place % outputs);
            let Some(verdict) = maps.verdict(sheet, place, chosen) else {
                wrong[lane] = true;
                continue;
            };
            let g = upstream[place];
            for (input, sum) in dx[lane * inputs..][..inputs].iter_mut().enumerate() {
                let of = |piece| f64::from(weight[maps.affine().place(piece, input, output)]);
                let own = of(verdict.winner);
                sum.add(g * own);
                let others = verdict.rivals.iter().map(|&rival| (of(rival) - own).abs());
                sum.off += g.abs() * others.fold(0.0, f64::max);
            }
        }
        let bounds = dx.into_iter().enumerate().map(|(element, sum)| {
            if wrong[element / inputs] {
                WRONG
            } else {
                of_sum(sum)
            }
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
        let affine = maps.affine();
        for place in maps.results(sheet) {
            let (lane, output) = (place / affine.outputs, place % affine.outputs);
            let g = upstream[place];
            // Beside a wrong winner dx is wrong already.
            let Some(Verdict { winner, rivals }) = maps.verdict(sheet, place, chosen) else {
                continue;
            };
            let doubtful = rivals.iter().chain((!rivals.is_empty()).then_some(&winner));
            for input in 0..affine.inputs {
                let element = lane * affine.inputs + input;
                let term = g * sheet.x()[element];
                let sum = &mut weight[affine.place(winner, input, output)];
                sum.add(term);
                sum.off += g.abs() * sheet.off(element);
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
        let maps = self.on_host();
        let winner = |place| maps.contest(sheet, place).best().1;
        Some(maps.results(sheet).map(winner).collect())
    }

    fn chose_right(&self, sheet: &Sheet<'_>, chosen: &[u32]) -> Vec<bool> {
        let maps = self.on_host();
        let chosen = chosen.iter().enumerate();
        let right = |(place, &piece)| maps.contest(sheet, place).may_be_won_by(piece);
        chosen.map(right).collect()
    }

    fn reference_cost(&self) -> usize {
        let [pieces, inputs, _] = self.lengths();
        pieces * inputs
    }
}

/// Weight and bias on the host.
struct Maps {
    weight: Arc<[f32]>,
    bias: Option<Arc<[f32]>>,
    lengths: [usize; 3],
}

impl MaxoutAffine {
    fn on_host(&self) -> Maps {
        // Where they cannot be read nothing is right: NaN.
        let read = |array: &Array| {
            let unread = |_| vec![f32::NAN; array.len()].into();
            array.to_host().unwrap_or_else(unread)
        };
        Maps {
            weight: read(&self.weight),
            bias: self.bias.as_ref().map(read),
            lengths: self.lengths(),
        }
    }
}

impl Maps {
    fn affine(&self) -> Affine<'_, f32> {
        let [pieces, inputs, outputs] = self.lengths;
        Affine {
            weight: &self.weight,
            bias: self.bias.as_deref().unwrap_or(&[]),
            pieces,
            inputs,
            outputs,
        }
    }

    /// The places of all results of a sheet, whose lanes are rows.
    fn results(&self, sheet: &Sheet<'_>) -> std::ops::Range<usize> {
        let [_, _, outputs] = self.lengths;
        0..sheet.lanes.len() * outputs
    }

    fn contest(&self, sheet: &Sheet<'_>, place: usize) -> Contest {
        let affine = self.affine();
        let (lane, output) = (place / affine.outputs, place % affine.outputs);
        let elements = lane * affine.inputs..(lane + 1) * affine.inputs;
        let row = &sheet.x()[elements.clone()];
        let pieces = (0..affine.pieces).map(|piece| {
            let mut sum = affine.sum(row, piece, output);
            for (input, element) in elements.clone().enumerate() {
                let weight = f64::from(affine.weight[affine.place(piece, input, output)]);
                sum.off += weight.abs() * sheet.off(element);
            }
            of_sum(sum)
        });
        Contest::new(pieces)
    }

    fn verdict(&self, sheet: &Sheet<'_>, place: usize, chosen: Option<&[u32]>) -> Option<Verdict> {
        let contest = self.contest(sheet, place);
        contest.verdict(chosen.map(|chosen| chosen[place]))
    }
}

impl fmt::Display for MaxoutAffine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{OP}(weight {:?})", self.weight.shape())
    }
}
