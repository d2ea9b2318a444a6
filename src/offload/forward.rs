//! A chain at work on the chunks of a tensor.

use std::ops::Range;

use super::{
    chain::{Chain, Plan, Step},
    chunk::Chunk,
    joint::Joint,
    trip::{Beside, Done, Station},
};
use crate::{
    activation::Activation,
    error::{Error, Result},
    family::{
        dice::Dice,
        maxout::{Maxout, MaxoutAffine, Winners},
        pointwise::{Pointwise, fused},
        softmax::{Softmax, reference::MaskedRows},
    },
    gpu::Gpu,
    tensor::Tensor,
    wgsl::Math,
};

/// The axis of chunks, which are [outer, extent, inner].
pub(super) const AXIS: i64 = 1;

/// A chain on a device.
pub(super) struct Device<'a> {
    pub(super) gpu: Gpu,
    pub(super) chain: &'a Chain,
    pub(super) plan: &'a Plan,
    /// What is known of the tensor, for each step.
    joints: &'a [Joint],
    /// What a step needs on the device, and of which channels it is.
    ready: Vec<Option<(Range<usize>, Ready)>>,
}

/// What a step needs on the device.
enum Ready {
    Parameters(Tensor),
    Dice(Dice),
    Maps(Tensor, Option<Tensor>),
}

impl<'a> Device<'a> {
    pub(super) fn new(gpu: &Gpu, chain: &'a Chain, plan: &'a Plan, joints: &'a [Joint]) -> Self {
        Self {
            gpu: gpu.clone(),
            chain,
            plan,
            joints,
            ready: chain.steps.iter().map(|_| None).collect(),
        }
    }

    /// What the first `steps` steps make of a chunk.
    fn apply(
        &mut self,
        steps: usize,
        chunk: &Chunk,
        mut x: Tensor,
    ) -> Result<(Tensor, Option<Winners>)> {
        let chain = self.chain;
        let mut extent = chunk.extent.clone();
        let mut winners = None;
        let mut next = 0;
        while let Some(step) = chain.steps[..steps].get(next) {
            let index = next;
            next += 1;
            let together = fusible(&chain.steps[index..steps]);
            if let [_, _, ..] = together[..] {
                self.prepare_fused(index, &together)?;
                next = index + together.len();
                if let Some((_, Ready::Parameters(parameters))) = &self.ready[index] {
                    fused::forward_in_place(&together, parameters, chain.math, &x)?;
                }
                continue;
            }
            self.prepare(index, &extent)?;
            match step {
                Step::Maxout { pieces, layout } => {
                    // A group alone is an axis of its own, whose pieces lie one after another.
                    let (y, won) = Maxout::new(*pieces, *layout, AXIS).forward(&x)?;
                    extent = 0..y.shape()[1];
                    (x, winners) = (y, Some(won));
                }
                Step::Affine { .. } => {
                    let rows = x.shape()[0];
                    let inputs = x.shape()[1];
                    let (y, won) = self.maps(index)?.forward(&x.reshaped([rows, inputs])?)?;
                    let outputs = y.shape()[1];
                    extent = 0..outputs;
                    (x, winners) = (y.reshaped([rows, outputs, 1])?, Some(won));
                }
                _ => x = self.apply_alike(index, step, chunk, x)?,
            }
        }
        Ok((x, winners))
    }

    /// What a step makes of a chunk that keeps its shape.
    fn apply_alike(&self, index: usize, step: &Step, chunk: &Chunk, x: Tensor) -> Result<Tensor> {
        let ready = self.ready[index].as_ref().map(|(_, ready)| ready);
        match (step, ready) {
            (Step::Pointwise { activation, .. }, _) => {
                self.pointwise(index, *activation)?.forward_in_place(&x)?;
                Ok(x)
            }
            (Step::AlphaDropout(dropout), _) => {
                let first = chunk.runs(self.plan.view).next().map_or(0, |run| run.start);
                let dropout = dropout.starting_at(first as u64 / 4);
                dropout.forward_in_place(&x)?;
                Ok(x)
            }
            (Step::Softmax { .. }, _) => {
                let softmax = softmax_of(step, self.chain.math);
                match &self.joints[index] {
                    Joint::Rows(rows) => {
                        let rows = rows.of(&self.gpu, self.plan.view, chunk)?;
                        softmax.forward_part(&x, &rows)
                    }
                    _ => softmax.forward(&x),
                }
            }
            (_, Some(Ready::Dice(dice))) => dice.infer(&x),
            _ => Err(not_ready(step)),
        }
    }

    /// An activation with the parameters that are ready for it.
    pub(super) fn pointwise(&self, index: usize, activation: Activation) -> Result<Pointwise<'_>> {
        let op = Pointwise::new(activation).math(self.chain.math);
        match &self.ready[index] {
            Some((_, Ready::Parameters(parameters))) => op.per_channel(parameters, AXIS),
            _ => Ok(op),
        }
    }

    pub(super) fn dice(&self, index: usize) -> Result<&Dice> {
        match &self.ready[index] {
            Some((_, Ready::Dice(dice))) => Ok(dice),
            _ => Err(not_ready(&self.chain.steps[index])),
        }
    }

    pub(super) fn maps(&self, index: usize) -> Result<MaxoutAffine<'_>> {
        match &self.ready[index] {
            Some((_, Ready::Maps(weight, bias))) => {
                let maps = MaxoutAffine::new(weight)?;
                match bias {
                    Some(bias) => maps.with_bias(bias),
                    None => Ok(maps),
                }
            }
            _ => Err(not_ready(&self.chain.steps[index])),
        }
    }

    /// Brings to the device the parameters of activations that are fused.
    fn prepare_fused(&mut self, index: usize, together: &[Activation]) -> Result<()> {
        if self.ready[index].is_none() {
            let parameters = together.iter().map(|op| op.parameter().unwrap_or(0.0));
            let parameters: Vec<f32> = parameters.collect();
            let parameters = self.gpu.upload(&parameters, [together.len()])?;
            self.ready[index] = Some((0..0, Ready::Parameters(parameters)));
        }
        Ok(())
    }

    /// Brings to the device what a step needs for channels `extent`.
    pub(super) fn prepare(&mut self, index: usize, extent: &Range<usize>) -> Result<()> {
        let is_ready = self.ready[index]
            .as_ref()
            .is_some_and(|(of, _)| of == extent);
        if is_ready {
            return Ok(());
        }
        let gpu = &self.gpu;
        let upload = |values: &[f32]| gpu.upload(&values[extent.clone()], [extent.len()]);
        let ready = match &self.chain.steps[index] {
            Step::Pointwise {
                parameters: Some(parameters),
                ..
            } => Ready::Parameters(upload(parameters)?),
            Step::Dice {
                alpha,
                epsilon,
                statistics,
            } => {
                let known = match (&self.joints[index], statistics) {
                    (Joint::Moments { mean, variance }, _) => Some((mean, variance)),
                    (_, Some((mean, variance))) => Some((mean, variance)),
                    _ => None,
                };
                let Some((mean, variance)) = known else {
                    return Err(not_ready(&self.chain.steps[index]));
                };
                let dice = Dice::new(gpu, extent.len())?
                    .axis(AXIS)
                    .epsilon(*epsilon)?
                    .math(self.chain.math);
                dice.alpha().write(&alpha[extent.clone()])?;
                dice.running_mean().write(&mean[extent.clone()])?;
                dice.running_variance().write(&variance[extent.clone()])?;
                Ready::Dice(dice)
            }
            Step::Affine {
                weight,
                shape,
                bias,
            } => {
                let [pieces, _, outputs] = *shape;
                let bias = bias
                    .as_ref()
                    .map(|bias| gpu.upload(bias, [pieces, outputs]));
                Ready::Maps(gpu.upload(weight, *shape)?, bias.transpose()?)
            }
            _ => return Ok(()),
        };
        self.ready[index] = Some((extent.clone(), ready));
        Ok(())
    }
}

/// The softmax of a step, over chunks.
pub(super) fn softmax_of(step: &Step, math: Math) -> Softmax {
    let Step::Softmax { form, masked } = step else {
        return Softmax::new(AXIS);
    };
    let softmax = Softmax::with_form(*form, AXIS).math(math);
    match masked {
        MaskedRows::Zeros => softmax.zeros_for_masked_rows(),
        MaskedRows::Nan => softmax,
    }
}

/// The activations that steps begin with and that know nothing of channels.
fn fusible(steps: &[Step]) -> Vec<Activation> {
    steps
        .iter()
        .map_while(|step| match step {
            Step::Pointwise {
                activation,
                parameters: None,
            } => Some(*activation),
            _ => None,
        })
        .collect()
}

pub(super) fn not_ready(step: &Step) -> Error {
    Error::Internal(format!("{}: its statistics were not taken", step.name()))
}

/// A device that takes a chunk through the whole chain.
pub(super) struct Apply<'a>(pub(super) Device<'a>);

impl Station for Apply<'_> {
    fn run(&mut self, chunk: &Chunk, inputs: Vec<Tensor>) -> Result<Done> {
        let mut beside = Vec::new();
        let mut output = None;
        for x in inputs {
            let (y, winners) = self.0.apply(self.0.chain.steps.len(), chunk, x)?;
            beside.extend(winners.map(Beside::Winners));
            output = Some(y);
        }
        Ok(Done { output, beside })
    }
}

/// A device that takes a chunk up to a step, and then what is known of it.
pub(super) struct Survey<'a> {
    pub(super) device: Device<'a>,
    pub(super) step: usize,
}

impl Station for Survey<'_> {
    fn run(&mut self, chunk: &Chunk, inputs: Vec<Tensor>) -> Result<Done> {
        let mut beside = Vec::new();
        for x in inputs {
            let (x, _) = self.device.apply(self.step, chunk, x)?;
            let step = &self.device.chain.steps[self.step];
            beside.push(Beside::Tensor(match step {
                Step::Softmax { .. } => softmax_of(step, self.device.chain.math).part(&x)?,
                _ => x.moments(AXIS)?.into_words(),
            }));
        }
        Ok(Done {
            output: None,
            beside,
        })
    }
}
