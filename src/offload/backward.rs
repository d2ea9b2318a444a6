//! Gradients taken back through an operation, chunk by chunk, those of its parameters accumulated.

use std::sync::{Mutex, PoisonError};

use super::{
    Offload, Summary, Witness,
    chain::{Chain, Plan, Step},
    chunk::{Chunk, Cut},
    expect_len,
    forward::{AXIS, Device, Survey, not_ready, softmax_of},
    host::{Shared, Sink, Slice, Source},
    joint::{Channel, Joint, MomentsOfChunks, Rows, RowsOfChunks},
    meter::Meter,
    surveyed,
    trip::{Beside, Done, Given, Station, Trip, Work},
};
use crate::{
    element::{Element, ElementType},
    error::{Error, Result},
    family::{alpha_dropout::AlphaDropout, dice::Dice, maxout::Maxout},
    gpu::Gpu,
    kernel::moments::TensorMoments,
    moments::Moments,
    tensor::Tensor,
};

/// What a backward pass over host data gives beside dx.
///
/// ```no_run
/// use wgpu_activations::{Activation, Gpu, Offload, offload::Backward};
///
/// # let gpu = Gpu::new()?;
/// let (x, upstream, mut dx) = ([-2.0f32, 4.0], [1.0f32, 1.0], [0.0f32; 2]);
/// let prelu = Activation::PRELU.into();
/// let Backward { parameters, summary } =
///     Offload::new(&gpu).backward(&prelu, &[2], &x, &upstream, &mut dx)?;
/// assert_eq!(dx, [0.25, 1.0]);
/// assert_eq!(parameters, [("alpha", vec![-2.0])]);
/// assert_eq!(summary.downloaded, 8);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Backward {
    /// Gradients of the operation's parameters by name, f32 in C order: `weight` and `bias` of affine
    /// maps, else one value per channel, or one where a single parameter serves the whole tensor.
    pub parameters: Vec<(&'static str, Vec<f32>)>,
    /// What was moved.
    pub summary: Summary,
}

/// What is known of the tensor.
#[derive(Default)]
struct Known {
    /// What the forward pass needs.
    forward: Vec<Joint>,
    /// Moments of the batch, for Dice in training.
    batch: Vec<Channel>,
    /// Sums of each channel that go through the batch's statistics.
    sums: Vec<[f64; 4]>,
    /// Sums of each row, for softmax over rows that are cut.
    rows: Option<Rows>,
}

/// Gradients to be streamed, and who looks on.
#[doc(hidden)]
pub struct BackwardJob<'a> {
    pub chain: &'a Chain,
    pub shape: &'a [usize],
    pub element: ElementType,
    pub x: &'a dyn Source,
    pub upstream: &'a dyn Source,
    pub dx: &'a dyn Sink,
    /// Told of surveys by the number of their [`Stage`].
    pub witness: Option<&'a dyn Witness>,
}

/// What a pass is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// What the forward pass needs to know.
    Forward,
    /// Sums that dx needs.
    Sums,
    /// dx, and the gradients of parameters.
    Gradients,
}

impl Offload<'_> {
    /// dx, of x's shape and type, from `upstream`, the gradient of the loss with respect to the result
    /// of a chain of one operation, and the gradients of the operation's parameters.
    ///
    /// ```no_run
    /// use wgpu_activations::{Activation, Gpu, Offload};
    ///
    /// let gpu = Gpu::new()?;
    /// let (x, upstream) = (vec![0.5f32; 1 << 30], vec![1.0f32; 1 << 30]);
    /// let mut dx = vec![0.0f32; 1 << 30];
    /// let elu = "elu(alpha=0.5)".parse::<Activation>()?.into();
    /// let backward = Offload::new(&gpu).backward(&elu, &[1 << 30], &x, &upstream, &mut dx)?;
    /// assert_eq!(backward.parameters[0].0, "alpha");
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::ChainBackward`] for more than one operation, [`Error::LengthMismatch`] if x, upstream or
    /// dx is not as long as its shape says, and as [`Offload::forward`].
    pub fn backward<T: Element>(
        &self,
        chain: &Chain,
        shape: &[usize],
        x: &[T],
        upstream: &[T],
        dx: &mut [T],
    ) -> Result<Backward> {
        let result = chain.layout(shape)?.result_shape;
        expect_len(shape, x.len())?;
        expect_len(shape, dx.len())?;
        expect_len(&result, upstream.len())?;
        self.run_backward(&BackwardJob {
            chain,
            shape,
            element: T::TYPE,
            x: &Slice(x),
            upstream: &Slice(upstream),
            dx: &Shared::new(dx),
            witness: None,
        })
    }

    #[doc(hidden)]
    pub fn run_backward(&self, job: &BackwardJob<'_>) -> Result<Backward> {
        let BackwardJob {
            chain,
            element,
            witness,
            ..
        } = *job;
        let [step] = &chain.steps[..] else {
            return Err(Error::ChainBackward {
                chain: chain.to_string(),
            });
        };
        let plan = chain.layout(job.shape)?;
        // As if inputs were kept: there are two.
        let most = self.most(element, &plan, true);
        let chunks = self.chunks(chain, &plan, most, element)?;
        let surveys = !surveyed(chain, &plan, &chunks).is_empty();
        let stages: &[Stage] = match surveys {
            true => &[Stage::Forward, Stage::Sums, Stage::Gradients],
            false => &[Stage::Gradients],
        };
        let elements: usize = chunks.iter().map(Chunk::len).sum();
        let meter = Meter::new((elements * stages.len()) as u64, self.progress);
        let mut gpus = self.gpus.clone();
        let mut known = Known {
            forward: vec![Joint::Nothing],
            ..Known::default()
        };
        let mut parameters = Vec::new();
        for &stage in stages {
            let pass = Pass::new(job, step, &plan, &known, stage);
            let trip = Trip {
                element,
                view: plan.view,
                sources: match stage {
                    Stage::Forward => vec![(job.x, plan.view)],
                    _ => vec![(job.x, plan.view), (job.upstream, plan.result)],
                },
                sink: (stage == Stage::Gradients).then_some((job.dx, plan.view)),
                cut: match plan.cut {
                    // Nothing is known that would join them.
                    Cut::Rows if !surveys => Cut::WholeAxis,
                    cut => cut,
                },
                most,
                keep: witness.is_some(),
                work: &pass,
                meter: &meter,
            };
            trip.run(&mut gpus, chunks.clone())?;
            let Pass { found, .. } = pass;
            match (stage, found) {
                (Stage::Forward, Found::Rows(rows)) => {
                    let rows = rows.finish(&gpus[0], softmax_of(step, chain.math), false)?;
                    known.forward = vec![Joint::Rows(rows)];
                }
                (Stage::Sums, Found::Rows(rows)) => {
                    known.rows = Some(rows.finish(&gpus[0], softmax_of(step, chain.math), true)?);
                }
                (_, Found::Moments(moments)) => known.batch = moments.finish(),
                (Stage::Sums, Found::Sums(sums)) => {
                    let sums = into_inner(sums).into_iter().next().unwrap_or_default();
                    known.sums = sums.as_chunks::<4>().0.to_vec();
                }
                (_, Found::Sums(sums)) => {
                    parameters = into_inner(sums);
                    // Those of Dice in training went through the batch.
                    if !known.sums.is_empty() {
                        parameters = vec![known.sums.iter().map(|sums| sums[2]).collect()];
                    }
                }
                _ => {}
            }
        }
        let narrow = |values: Vec<f64>| values.into_iter().map(|value| value as f32).collect();
        let values = parameters.into_iter().map(narrow);
        Ok(Backward {
            parameters: step.parameters().into_iter().zip(values).collect(),
            summary: meter.summary(),
        })
    }
}

impl Step {
    /// Names of the parameters that have gradients.
    fn parameters(&self) -> Vec<&'static str> {
        match self {
            Self::Pointwise { activation, .. } => {
                let parameter = activation.definition().parameter.as_ref();
                parameter
                    .map(|parameter| parameter.name)
                    .into_iter()
                    .collect()
            }
            Self::Dice { .. } => vec!["alpha"],
            Self::Affine { bias: None, .. } => vec!["weight"],
            Self::Affine { .. } => vec!["weight", "bias"],
            _ => Vec::new(),
        }
    }
}

/// What chunks give beside dx.
enum Found {
    Rows(RowsOfChunks),
    Moments(MomentsOfChunks),
    /// Sums of parameters or channels, which add up.
    Sums(Mutex<Vec<Vec<f64>>>),
}

/// One pass over all chunks.
struct Pass<'a> {
    job: &'a BackwardJob<'a>,
    step: &'a Step,
    plan: &'a Plan,
    known: &'a Known,
    stage: Stage,
    found: Found,
}

impl<'a> Pass<'a> {
    fn new(
        job: &'a BackwardJob<'a>,
        step: &'a Step,
        plan: &'a Plan,
        known: &'a Known,
        stage: Stage,
    ) -> Self {
        let channels = plan.view.extent;
        let zeros = |lengths: &[usize]| {
            let zeros = lengths.iter().map(|&length| vec![0.0; length]);
            Found::Sums(Mutex::new(zeros.collect()))
        };
        let found = match (step, stage) {
            (Step::Softmax { .. }, Stage::Forward | Stage::Sums) => {
                Found::Rows(RowsOfChunks::new(plan.view))
            }
            (Step::Dice { .. }, Stage::Forward) => Found::Moments(MomentsOfChunks::new(channels)),
            (Step::Dice { .. }, Stage::Sums) => zeros(&[channels * 4]),
            (Step::Dice { .. }, Stage::Gradients) => zeros(&[channels]),
            (Step::Affine { shape, bias, .. }, _) => {
                let [pieces, _, outputs] = *shape;
                let weight = shape.iter().product();
                match bias {
                    Some(_) => zeros(&[weight, pieces * outputs]),
                    None => zeros(&[weight]),
                }
            }
            (Step::Pointwise { parameters, .. }, _) if !step.parameters().is_empty() => {
                zeros(&[parameters.as_ref().map_or(1, Vec::len)])
            }
            _ => zeros(&[]),
        };
        Self {
            job,
            step,
            plan,
            known,
            stage,
            found,
        }
    }
}

impl Work for Pass<'_> {
    fn prepare<'a>(&'a self, gpu: &Gpu) -> Result<Box<dyn Station + 'a>> {
        let device = Device::new(gpu, self.job.chain, self.plan, &self.known.forward);
        Ok(match self.stage {
            Stage::Forward => Box::new(Survey { device, step: 0 }),
            _ => Box::new(Back { pass: self, device }),
        })
    }

    fn absorb(&self, chunk: &Chunk, given: Given<'_>) -> Result<()> {
        match &self.found {
            Found::Rows(rows) => given
                .beside
                .iter()
                .for_each(|words| rows.absorb(chunk, words)),
            Found::Moments(moments) => given
                .beside
                .iter()
                .for_each(|words| moments.absorb(chunk, words)),
            Found::Sums(sums) => {
                let mut sums = sums.lock().unwrap_or_else(PoisonError::into_inner);
                for (sums, words) in sums.iter_mut().zip(&given.beside) {
                    // Those of the chunk's channels, or all.
                    let each = words.len() / chunk.extent.len().max(1);
                    let first = if words.len() < sums.len() {
                        chunk.extent.start * each
                    } else {
                        0
                    };
                    for (sum, word) in sums[first..].iter_mut().zip(words) {
                        *sum += f64::from(f32::from_bits(*word));
                    }
                }
            }
        }
        match (self.job.witness, self.stage) {
            (Some(witness), Stage::Gradients) => witness.result(chunk, &given),
            (Some(witness), stage) => witness.survey(stage as usize, chunk, given.inputs),
            (None, _) => Ok(()),
        }
    }
}

/// A device that takes gradients back.
struct Back<'a> {
    pass: &'a Pass<'a>,
    device: Device<'a>,
}

impl Station for Back<'_> {
    fn run(&mut self, chunk: &Chunk, inputs: Vec<Tensor>) -> Result<Done> {
        let (step, stage) = (self.pass.step, self.pass.stage);
        let mut inputs = inputs.into_iter();
        let (Some(x), Some(upstream)) = (inputs.next(), inputs.next()) else {
            return Err(not_ready(step));
        };
        let trains = matches!(
            step,
            Step::Dice {
                statistics: None,
                ..
            }
        );
        if !trains {
            self.device.prepare(0, &chunk.extent)?;
        }
        let done = |dx, beside: Vec<Tensor>| Done {
            output: Some(dx),
            beside: beside.into_iter().map(Beside::Tensor).collect(),
        };
        Ok(match step {
            Step::Pointwise { activation, .. } => {
                let op = self.device.pointwise(0, *activation)?;
                if activation.parameter().is_some() {
                    let gradients = op.gradients(&x, &upstream)?;
                    done(gradients.dx, vec![gradients.parameter])
                } else {
                    op.backward_in_place(&x, &upstream)?;
                    done(upstream, Vec::new())
                }
            }
            Step::AlphaDropout(dropout) => {
                self.dropout(*dropout, chunk).backward_in_place(&upstream)?;
                done(upstream, Vec::new())
            }
            Step::Softmax { .. } => {
                let softmax = softmax_of(step, self.device.chain.math);
                let Joint::Rows(rows) = &self.pass.known.forward[0] else {
                    let y = softmax.forward(&x)?;
                    return Ok(done(softmax.backward(&y, &upstream)?, Vec::new()));
                };
                let view = self.device.plan.view;
                let y = softmax.forward_part(&x, &rows.of(&self.device.gpu, view, chunk)?)?;
                match &self.pass.known.rows {
                    Some(sums) if stage == Stage::Gradients => {
                        let sums = sums.of(&self.device.gpu, view, chunk)?;
                        done(softmax.dx_part(&y, &upstream, &sums)?, Vec::new())
                    }
                    _ => Done {
                        output: None,
                        beside: vec![Beside::Tensor(softmax.backward_part(&y, &upstream)?)],
                    },
                }
            }
            Step::Dice { .. } if trains => self.through_batch(chunk, &x, &upstream)?,
            Step::Dice { .. } => {
                let gradients = self.device.dice(0)?.infer_backward(&x, &upstream)?;
                done(gradients.dx, vec![gradients.alpha])
            }
            Step::Maxout { pieces, layout } => {
                let maxout = Maxout::new(*pieces, *layout, AXIS);
                let (_, winners) = maxout.forward(&x)?;
                done(maxout.backward(&winners, &upstream)?, Vec::new())
            }
            Step::Affine { shape, .. } => {
                let [_, inputs, outputs] = *shape;
                let rows = chunk.outer.len();
                let maps = self.device.maps(0)?;
                let x = x.reshaped([rows, inputs])?;
                let upstream = upstream.reshaped([rows, outputs])?;
                let (_, winners) = maps.forward(&x)?;
                let gradients = maps.backward(&x, &winners, &upstream)?;
                let beside = [Some(gradients.weight), gradients.bias];
                let mut done = done(gradients.dx, beside.into_iter().flatten().collect());
                done.beside.push(Beside::Winners(winners));
                done
            }
        })
    }
}

impl Back<'_> {
    fn dropout(&self, dropout: AlphaDropout, chunk: &Chunk) -> AlphaDropout {
        let view = self.device.plan.view;
        let first = chunk.runs(view).next().map_or(0, |run| run.start);
        dropout.starting_at(first as u64 / 4)
    }

    /// Dice in training: the sums of a chunk, or dx from those of the whole batch.
    fn through_batch(&self, chunk: &Chunk, x: &Tensor, upstream: &Tensor) -> Result<Done> {
        let Step::Dice { alpha, epsilon, .. } = self.pass.step else {
            return Err(not_ready(self.pass.step));
        };
        let (gpu, known) = (&self.device.gpu, self.pass.known);
        let extent = chunk.extent.clone();
        let dice = Dice::new(gpu, extent.len())?
            .axis(AXIS)
            .epsilon(*epsilon)?
            .math(self.device.chain.math);
        dice.alpha().write(&alpha[extent.clone()])?;
        let batch = &known.batch[extent.clone()];
        let count = batch.first().map_or(0, |channel| channel.count);
        let channels = batch.iter().map(|channel| (channel.mean, channel.m2));
        let (mean, m2) = channels.unzip();
        let batch = TensorMoments::upload(gpu, &Moments::new(count, mean, m2)?)?;
        if self.pass.stage == Stage::Sums {
            return Ok(Done {
                output: None,
                beside: vec![Beside::Tensor(dice.sums(x, upstream, &batch)?)],
            });
        }
        let sums = known.sums[extent].as_flattened().iter();
        let sums: Vec<f32> = sums.map(|&sum| sum as f32).collect();
        let sums = gpu.upload(&sums, [sums.len()])?;
        let gradients = dice.backward_through(x, upstream, &batch, &sums)?;
        Ok(Done {
            output: Some(gradients.dx),
            beside: Vec::new(),
        })
    }
}

fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}
