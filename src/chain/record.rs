//! A chain on tensors: which kernels run, and where what they give lies.

use std::collections::HashSet;

use super::Chain;
use crate::{
    activation::Activation,
    element::ElementType,
    error::Result,
    family::{Operation, Saved},
    kernel::{cast, fused, recorder::Recorder},
    tensor::Tensor,
    wgsl::Math,
};

/// Where a result goes.
#[derive(Clone, Copy)]
pub(crate) enum Output<'a> {
    /// To a new tensor.
    New,
    /// Into this one.
    Into(&'a Tensor),
    /// Over the first input, where that can be.
    InPlace,
}

/// What a backward pass is to give.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct BackwardOptions<'a> {
    /// The parameters' gradients, too.
    pub(crate) parameters: bool,
    /// dx in the place of upstream, where that can be.
    pub(crate) over_upstream: bool,
    /// Where dx goes, for each input; to new tensors where there are none.
    pub(crate) into: &'a [&'a Tensor],
}

/// Gradients with respect to the inputs, and of each operation's parameters.
pub(crate) struct Gradients {
    /// With respect to each input.
    pub(crate) dx: Vec<Tensor>,
    /// For each operation those of its parameters.
    pub(crate) parameters: Vec<Vec<Tensor>>,
    /// What the last operation saved on the way forward.
    pub(crate) saved: Saved,
}

/// What runs as one.
enum Group<'a> {
    One(&'a dyn Operation),
    /// Several activations of one element in one kernel.
    Fused(Vec<Activation>, Math),
}

impl Group<'_> {
    /// Operations of it.
    const fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Fused(activations, _) => activations.len(),
        }
    }

    fn works_in_place(&self) -> bool {
        match self {
            Self::One(step) => step.works_in_place(),
            Self::Fused(..) => true,
        }
    }

    fn output_shape(&self, shape: &[usize]) -> Result<Vec<usize>> {
        match self {
            Self::One(step) => step.output_shape(shape),
            Self::Fused(..) => Ok(shape.to_vec()),
        }
    }

    fn record(&self, recorder: &mut Recorder<'_>, x: &[&Tensor], y: &Tensor) -> Result<Saved> {
        match self {
            Self::One(step) => step.record_forward(recorder, x, y),
            Self::Fused(activations, math) => {
                fused::record(recorder, activations, *math, x[0], y)?;
                Ok(Saved::NOTHING)
            }
        }
    }
}

/// Tensors on their way through a chain, and whether they are ours to overwrite.
struct Current {
    tensors: Vec<Tensor>,
    ours: bool,
}

impl Current {
    fn references(&self) -> Vec<&Tensor> {
        self.tensors.iter().collect()
    }

    /// Lets go of what is ours, but for `kept`.
    fn release(self, recorder: &mut Recorder<'_>, kept: &Tensor) {
        if self.ours {
            let gone = self.tensors.into_iter();
            gone.filter(|tensor| !tensor.shares_buffer(kept))
                .for_each(|tensor| recorder.done_with(tensor));
        }
    }
}

/// `tensor` in f32: itself, or scratch memory, which is ours.
pub(crate) fn f32_scratch(recorder: &mut Recorder<'_>, tensor: &Tensor) -> Result<(Tensor, bool)> {
    if tensor.element() == ElementType::F32 {
        return Ok((tensor.clone(), false));
    }
    let wide = recorder.allocate(tensor.gpu(), tensor.shape(), ElementType::F32)?;
    cast::record(recorder, tensor, &wide)?;
    Ok((wide, true))
}

impl Chain {
    /// Neighbours that are activations of one element together, up to what one kernel takes.
    fn groups(&self) -> Vec<Group<'_>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for step in &self.steps {
            let Some((activation, math)) = step.elementwise() else {
                groups.push(Group::One(&**step));
                continue;
            };
            match groups.last_mut() {
                Some(Group::Fused(activations, of))
                    if *of == math && activations.len() < fused::MOST =>
                {
                    activations.push(activation);
                }
                _ => groups.push(Group::Fused(vec![activation], math)),
            }
        }
        // One alone has kernels of its own, and so has each of those that would be one kernel too many to build.
        let mut built = HashSet::new();
        let mut first = 0;
        let mut all = Vec::new();
        for group in groups {
            let steps = &self.steps[first..][..group.len()];
            first += group.len();
            let alone = match &group {
                Group::One(_) => false,
                Group::Fused(activations, _) if activations.len() == 1 => true,
                Group::Fused(activations, _) => {
                    let run: Vec<_> = activations.iter().map(|it| it.definition().wgsl).collect();
                    let fits = built.len() < fused::KERNELS || built.contains(&run);
                    if fits {
                        built.insert(run);
                    }
                    !fits
                }
            };
            match alone {
                true => all.extend(steps.iter().map(|step| Group::One(&**step))),
                false => all.push(group),
            }
        }
        all
    }

    /// Records y, and gives it with what the last operation saved.
    pub(crate) fn record_forward(
        &self,
        recorder: &mut Recorder<'_>,
        x: &[&Tensor],
        output: Output<'_>,
    ) -> Result<(Tensor, Saved)> {
        let groups = self.groups();
        let element = x[0].element();
        let wide = groups.len() > 1 && element != ElementType::F32;
        let mut current = Current {
            tensors: x.iter().map(|x| (*x).clone()).collect(),
            ours: matches!(output, Output::InPlace),
        };
        if wide {
            let wide = x.iter().map(|x| Ok(f32_scratch(recorder, x)?.0));
            current = Current {
                tensors: wide.collect::<Result<_>>()?,
                ours: true,
            };
        }
        let mut saved = Saved::NOTHING;
        for (index, group) in groups.iter().enumerate() {
            let last = index + 1 == groups.len() && !wide;
            let first = &current.tensors[0];
            let y = match output {
                Output::Into(y) if last => y.clone(),
                _ if group.works_in_place() && current.ours => first.clone(),
                _ => {
                    let shape = group.output_shape(first.shape())?;
                    recorder.allocate(first.gpu(), shape, first.element())?
                }
            };
            saved
                .tensors()
                .into_iter()
                .for_each(|tensor| recorder.done_with(tensor));
            saved = group.record(recorder, &current.references(), &y)?;
            // What an input held in place was is the caller's still.
            let before = std::mem::replace(
                &mut current,
                Current {
                    tensors: vec![y.clone()],
                    ours: true,
                },
            );
            let callers = index == 0 && !wide;
            if !callers {
                before.release(recorder, &y);
            }
        }
        let Some(y) = current.tensors.pop() else {
            return Err(crate::Error::Internal(
                "a chain without a result".to_owned(),
            ));
        };
        if !wide {
            return Ok((y, saved));
        }
        let narrow = match output {
            Output::Into(into) => into.clone(),
            Output::InPlace if y.shape() == x[0].shape() => x[0].clone(),
            _ => recorder.allocate(y.gpu(), y.shape(), element)?,
        };
        cast::record(recorder, &y, &narrow)?;
        recorder.done_with(y);
        Ok((narrow, saved))
    }

    /// Records the gradients.
    pub(crate) fn record_backward(
        &self,
        recorder: &mut Recorder<'_>,
        x: &[&Tensor],
        upstream: &Tensor,
        wanted: BackwardOptions<'_>,
    ) -> Result<Gradients> {
        let forward = self.record_values(recorder, x, self.steps.len())?;
        let (gradient, parameters) = self.record_back(recorder, &forward, upstream, wanted, 0)?;
        let saved = forward.release(recorder);
        let mut dx = gradient.tensors;
        let element = x[0].element();
        if dx.iter().any(|dx| dx.element() != element) {
            for (place, (dx, x)) in dx.iter_mut().zip(x).enumerate() {
                let narrow = match wanted.into.get(place) {
                    Some(into) => (*into).clone(),
                    None => recorder.allocate(x.gpu(), x.shape(), element)?,
                };
                cast::record(recorder, dx, &narrow)?;
                recorder.done_with(std::mem::replace(dx, narrow));
            }
        }
        Ok(Gradients {
            dx,
            parameters,
            saved,
        })
    }

    /// Records survey `index` of operation `step`: words for each channel or row.
    pub(crate) fn record_survey(
        &self,
        recorder: &mut Recorder<'_>,
        (step, index): (usize, usize),
        x: &[&Tensor],
        upstream: Option<&Tensor>,
    ) -> Result<Tensor> {
        let Some(upstream) = upstream else {
            let before = Self {
                steps: self.steps[..step].to_vec(),
            };
            if before.steps.is_empty() {
                return self.steps[step].record_survey(index, recorder, x, None);
            }
            // The operation sees f32, as it does in the chain.
            let wide = x.iter().map(|x| f32_scratch(recorder, x));
            let wide = wide.collect::<Result<Vec<_>>>()?;
            let inputs: Vec<_> = wide.iter().map(|(x, _)| x).collect();
            let (value, _) = before.record_forward(recorder, &inputs, Output::New)?;
            return self.steps[step].record_survey(index, recorder, &[&value], None);
        };
        let forward = self.record_values(recorder, x, self.steps.len())?;
        let (gradient, _) = self.record_back(
            recorder,
            &forward,
            upstream,
            BackwardOptions::default(),
            step + 1,
        )?;
        let inputs = forward.inputs[step].iter().collect::<Vec<_>>();
        self.steps[step].record_survey(index, recorder, &inputs, gradient.tensors.first())
    }

    /// What each of the first `steps` operations is given, and what it saves.
    fn record_values(
        &self,
        recorder: &mut Recorder<'_>,
        x: &[&Tensor],
        steps: usize,
    ) -> Result<Values> {
        let mut values = Values::default();
        let alone = self.steps.len() == 1;
        let mut current = Vec::new();
        for x in x {
            let (x, ours) = match alone {
                true => ((*x).clone(), false),
                false => f32_scratch(recorder, x)?,
            };
            if ours {
                values.scratch.push(x.clone());
            }
            current.push(x);
        }
        for (index, step) in self.steps[..steps].iter().enumerate() {
            let last = index + 1 == self.steps.len();
            if last && !step.saves() {
                values.inputs.push(std::mem::take(&mut current));
                values.saved.push(Saved::NOTHING);
                break;
            }
            let first = &current[0];
            let shape = step.output_shape(first.shape())?;
            let y = recorder.allocate(first.gpu(), shape, first.element())?;
            let references: Vec<_> = current.iter().collect();
            let saved = step.record_forward(recorder, &references, &y)?;
            values.scratch.push(y.clone());
            if !last {
                values.scratch.extend(saved.tensors());
            }
            values.saved.push(saved);
            values.inputs.push(std::mem::replace(&mut current, vec![y]));
        }
        Ok(values)
    }

    /// The gradient with respect to the input of operation `to`, and those of the parameters from there on.
    fn record_back(
        &self,
        recorder: &mut Recorder<'_>,
        forward: &Values,
        upstream: &Tensor,
        wanted: BackwardOptions<'_>,
        to: usize,
    ) -> Result<(Current, Vec<Vec<Tensor>>)> {
        let alone = self.steps.len() == 1;
        let (gradient, ours) = match alone {
            true => (upstream.clone(), wanted.over_upstream),
            false => {
                let (wide, ours) = f32_scratch(recorder, upstream)?;
                (wide, ours || wanted.over_upstream)
            }
        };
        let mut current = Current {
            tensors: vec![gradient],
            ours,
        };
        let mut parameters = vec![Vec::new(); self.steps.len()];
        for index in (to..self.steps.len()).rev() {
            let step = &self.steps[index];
            let inputs: Vec<_> = forward.inputs[index].iter().collect();
            let gradient = current.tensors[0].clone();
            let mut dx = Vec::new();
            for (place, input) in inputs.iter().enumerate() {
                let into = wanted.into.get(place).filter(|_| index == 0);
                dx.push(match into {
                    Some(into) if into.element() == input.element() => (*into).clone(),
                    _ if place == 0 && step.works_in_place() && current.ours => gradient.clone(),
                    _ => recorder.allocate(input.gpu(), input.shape(), input.element())?,
                });
            }
            let references: Vec<_> = dx.iter().collect();
            parameters[index] = step.record_backward(
                recorder,
                &inputs,
                &forward.saved[index],
                &gradient,
                &references,
                wanted.parameters,
            )?;
            let first = dx[0].clone();
            let next = Current {
                tensors: dx,
                ours: true,
            };
            std::mem::replace(&mut current, next).release(recorder, &first);
        }
        Ok((current, parameters))
    }
}

/// What the operations of a chain were given, and what they saved.
#[derive(Default)]
struct Values {
    inputs: Vec<Vec<Tensor>>,
    saved: Vec<Saved>,
    /// Memory that only these commands use.
    scratch: Vec<Tensor>,
}

impl Values {
    /// Lets go of all but what the last operation saved.
    fn release(mut self, recorder: &mut Recorder<'_>) -> Saved {
        self.scratch
            .into_iter()
            .for_each(|tensor| recorder.done_with(tensor));
        self.saved.pop().unwrap_or_default()
    }
}
