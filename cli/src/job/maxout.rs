//! Maxout over groups of channels, and over affine maps.

use super::{Input, Outcome, Request, Setting, inner, place};
use wgpu_activations::{
    Element, Error,
    accuracy::Report,
    check::Pass,
    family::maxout::{
        bound::{affine, pooling, pooling_backward, sum},
        reference::{Affine, Layout, Pooling},
    },
    offload::Step,
    wide,
};

use crate::{
    Failure, Result,
    files::Content,
    parameters::{Parameters, Weights},
};

pub(super) const OP: &str = "maxout";

pub(crate) enum Job {
    Pooling {
        pieces: usize,
        layout: Layout,
        axis: i64,
    },
    Affine {
        weight: Weights,
        bias: Option<Weights>,
    },
}

/// What either form gives for one input.
struct Results<T> {
    y: Vec<T>,
    winners: Vec<u32>,
    dx: Option<Vec<T>>,
    /// Gradients of weight and bias.
    weights: Vec<Vec<f32>>,
}

impl Job {
    pub(super) fn parse(request: Request<'_>, arguments: &str) -> Result<Self> {
        let flags = request.flags;
        let known = ["pieces", "layout", "weight", "bias"];
        let parameters = Parameters::new(OP, arguments, &flags.param, &known)?;
        let whole = "a whole number >= 1";
        let weight = parameters.weights("weight")?;
        let bias = parameters.weights("bias")?;
        let Some(weight) = weight else {
            if bias.is_some() {
                return Err(Failure::Usage(format!(
                    "{OP}: a bias belongs to weights; give --param weight=@FILE, too"
                )));
            }
            let choices = Layout::ALL.map(|layout| (layout.name(), layout));
            return Ok(Self::Pooling {
                pieces: parameters.required("pieces", whole)?,
                layout: parameters.choice("layout", &choices)?,
                axis: flags.axis.unwrap_or(-1),
            });
        };
        if parameters.has("layout") || flags.axis.is_some() && !request.in_chain {
            return Err(Failure::Usage(format!(
                "{OP}: layout and --axis have no effect with weights, whose inputs lie along the \
                 last axis"
            )));
        }
        expect_weights(&weight, bias.as_ref())?;
        if let Some(pieces) = parameters.number::<usize>("pieces", whole)?
            && pieces != weight.shape[0]
        {
            return Err(Failure::Usage(format!(
                "--param pieces={pieces}: weight has shape {:?}, so {} pieces",
                weight.shape, weight.shape[0]
            )));
        }
        Ok(Self::Affine { weight, bias })
    }

    pub(super) fn gives(&self, pass: Pass) -> Vec<&'static str> {
        match (pass, self) {
            (Pass::Forward, _) => vec!["index"],
            (Pass::Backward, Self::Pooling { .. }) => Vec::new(),
            (Pass::Backward, Self::Affine { bias: None, .. }) => vec!["weight"],
            (Pass::Backward, Self::Affine { .. }) => vec!["weight", "bias"],
        }
    }

    pub(super) fn op(&self) -> String {
        match self {
            Self::Pooling { pieces, layout, .. } => {
                format!("{OP}(pieces={pieces}, layout={})", layout.name())
            }
            Self::Affine { weight, .. } => format!("{OP}(weight {:?})", weight.shape),
        }
    }

    pub(super) fn output_shape(&self, shape: &[usize]) -> Result<Vec<usize>> {
        let mut output = shape.to_vec();
        match self {
            Self::Pooling { pieces, axis, .. } => {
                let axis = place(*axis, shape)?;
                if *pieces == 0 || !shape[axis].is_multiple_of(*pieces) {
                    return Err(Error::PiecesMismatch {
                        op: OP.to_owned(),
                        pieces: *pieces,
                        channels: shape[axis],
                        axis,
                        shape: shape.to_vec(),
                    }
                    .into());
                }
                output[axis] /= pieces;
            }
            Self::Affine { weight, .. } => {
                if shape.last() != Some(&weight.shape[1]) {
                    let rule = "x must be [.., d] of weight's [pieces, d, m]";
                    return Err(mismatch("x", shape, Some(weight), rule));
                }
                output.pop();
                output.push(weight.shape[2]);
            }
        }
        Ok(output)
    }

    pub(super) fn step(&self) -> Step {
        match self {
            Self::Pooling { pieces, layout, .. } => Step::Maxout {
                pieces: *pieces,
                layout: *layout,
            },
            Self::Affine { weight, bias } => {
                let (pieces, inputs, outputs) = sizes(weight);
                Step::Affine {
                    weight: weight.values.clone(),
                    shape: [pieces, inputs, outputs],
                    bias: bias.as_ref().map(|bias| bias.values.clone()),
                }
            }
        }
    }

    pub(super) fn run<T: Element>(
        &self,
        setting: &Setting,
        input: Input<'_, T>,
    ) -> Result<Outcome<T>> {
        let shape = self.output_shape(input.shape)?;
        let (results, report) = match self {
            Self::Pooling {
                pieces,
                layout,
                axis,
            } => {
                let axis = place(*axis, input.shape)?;
                let reference = Pooling {
                    pieces: *pieces,
                    layout: *layout,
                    channels: input.shape[axis],
                    inner: inner(input.shape, axis),
                };
                run_pooling(reference, setting, input)?
            }
            Self::Affine { weight, bias } => {
                let (pieces, inputs, outputs) = sizes(weight);
                let wide_weight = wide(&weight.values);
                let wide_bias = match bias {
                    Some(bias) => wide(&bias.values),
                    None => vec![0.0; pieces * outputs],
                };
                let reference = Affine {
                    weight: &wide_weight,
                    bias: &wide_bias,
                    pieces,
                    inputs,
                    outputs,
                };
                self.run_affine(reference, setting, input)?
            }
        };
        let Some(dx) = results.dx else {
            return Ok(Outcome {
                values: results.y,
                extras: vec![("index", Content::indices(shape, results.winners))],
                report,
            });
        };
        let mut extras = Vec::new();
        if let Self::Affine { weight, bias } = self {
            let shapes = [Some(weight), bias.as_ref()].into_iter().flatten();
            for ((name, weights), values) in ["weight", "bias"]
                .into_iter()
                .zip(shapes)
                .zip(results.weights)
            {
                extras.push((name, Content::numbers(weights.shape.clone(), values)));
            }
        }
        Ok(Outcome {
            values: dx,
            extras,
            report,
        })
    }

    fn run_affine<T: Element>(
        &self,
        reference: Affine<'_>,
        setting: &Setting,
        input: Input<'_, T>,
    ) -> Result<(Results<T>, Option<Report>)> {
        let rows = input.shape[..input.shape.len() - 1].iter().product();
        let results = affine_on_cpu(reference, input, rows);
        let each = reference.pieces * reference.inputs;
        let found = (&results.y[..], &results.winners[..]);
        let forward = setting
            .places(results.y.len(), each)
            .map(|places| affine(reference, input.x, found, places));
        let (Some(dx), Some(upstream), Some(forward)) = (&results.dx, input.upstream, &forward)
        else {
            return Ok((results, forward));
        };
        super::expect(self.op(), "y", forward)?;
        // The gradients that follow from the winners found.
        let (x, upstream) = (wide(input.x), wide(upstream));
        let expected = reference.backward(&x, &results.winners, &upstream, rows);
        let bound = |sums: &wgpu_activations::family::maxout::reference::Sums, place: usize| {
            (sums.values[place], sums.magnitudes[place])
        };
        let mut report = Report::default();
        for (place, &found) in dx.iter().enumerate() {
            let bound = sum::<T>(bound(&expected.dx, place));
            report.add(bound.sample(place, 0.0, 1.0, found));
        }
        let sums = [("weight", &expected.weight), ("bias", &expected.bias)];
        for ((name, sums), found) in sums.into_iter().zip(&results.weights) {
            let bounds: Vec<_> = (0..sums.values.len())
                .map(|place| sum::<f32>(bound(sums, place)))
                .collect();
            let name = format!("gradient of {name}");
            super::expect(
                self.op(),
                &name,
                &wgpu_activations::accuracy::bound::compare(found, &bounds),
            )?;
        }
        Ok((results, Some(report)))
    }
}

fn run_pooling<T: Element>(
    reference: Pooling,
    setting: &Setting,
    input: Input<'_, T>,
) -> Result<(Results<T>, Option<Report>)> {
    let (y, winners) = reference.forward(&wide(input.x));
    let dx = input
        .upstream
        .map(|upstream| narrow(&reference.backward(&winners, &wide(upstream))));
    let results = Results {
        y: narrow(&y),
        winners,
        dx,
        weights: Vec::new(),
    };
    let found = (&results.y[..], &results.winners[..]);
    let places = || setting.places(results.y.len(), reference.pieces);
    let mut report = places().map(|places| pooling(reference, input.x, found, places));
    if let (Some(dx), Some(upstream), Some(places)) = (&results.dx, input.upstream, places()) {
        let backward = pooling_backward(reference, &results.winners, upstream, dx, places);
        report = report.map(|report| report.merge(backward));
    }
    Ok((results, report))
}

fn affine_on_cpu<T: Element>(
    reference: Affine<'_>,
    input: Input<'_, T>,
    rows: usize,
) -> Results<T> {
    let x = wide(input.x);
    let (y, winners) = reference.forward(&x, rows);
    let gradients = input
        .upstream
        .map(|upstream| reference.backward(&x, &winners, &wide(upstream), rows));
    let weights = gradients.iter().flat_map(|gradients| {
        [&gradients.weight, &gradients.bias].map(|sums| narrow(&sums.values))
    });
    Results {
        y: narrow(&y),
        weights: weights.collect(),
        dx: gradients
            .as_ref()
            .map(|gradients| narrow(&gradients.dx.values)),
        winners,
    }
}

fn sizes(weight: &Weights) -> (usize, usize, usize) {
    (weight.shape[0], weight.shape[1], weight.shape[2])
}

fn expect_weights(weight: &Weights, bias: Option<&Weights>) -> Result {
    if weight.shape.len() != 3 || weight.shape[0] == 0 {
        let rule = "it must be [pieces, d, m] with 1 piece or more";
        return Err(mismatch("weight", &weight.shape, None, rule));
    }
    let (pieces, _, outputs) = sizes(weight);
    match bias {
        Some(bias) if bias.shape != [pieces, outputs] => {
            let rule = "it must be [pieces, m] of weight's [pieces, d, m]";
            Err(mismatch("bias", &bias.shape, Some(weight), rule))
        }
        _ => Ok(()),
    }
}

fn mismatch(
    tensor: &'static str,
    shape: &[usize],
    weight: Option<&Weights>,
    rule: &'static str,
) -> Failure {
    Error::AffineMismatch {
        op: OP.to_owned(),
        tensor,
        shape: shape.to_vec(),
        weight: weight.map(|weight| weight.shape.clone()),
        rule,
    }
    .into()
}

fn narrow<T: Element>(x: &[f64]) -> Vec<T> {
    x.iter().map(|&x| T::from_f64(x)).collect()
}
