//! The passes over all chunks of a tensor: surveys, and the one that gives the result.

use std::sync::Mutex;

use super::{
    HostGradient, Received, Request, Task,
    chunk::Chunk,
    gather::Gather,
    trip::{ChunkResult, ChunkWork, OnHost, Worker},
};
use crate::{
    chain::{BackwardOptions, Chain, Layout, Output, RecordedGradients},
    cpu::{Slice, SliceMut, elements},
    element::{Element, ElementType, count},
    error::{Error, Result},
    family::{Part, Saved, Table},
    gpu::{Gpu, lock},
    kernel::recorder,
    tensor::Tensor,
    with_element,
};

pub(super) struct Pass<'a> {
    pub(super) chain: &'a Chain,
    pub(super) request: &'a Request<'a>,
    pub(super) element: ElementType,
    pub(super) layout: &'a Layout,
    /// What the surveys have found, for each operation.
    pub(super) known: &'a [Vec<Table>],
    pub(super) task: Task,
    pub(super) gather: Option<Gather>,
    /// Whether the gradients of the parameters are wanted.
    pub(super) parameters: bool,
    /// Their sums, for each operation.
    pub(super) sums: Mutex<Vec<Vec<Vec<f64>>>>,
}

impl<'a> Pass<'a> {
    pub(super) fn new(
        chain: &'a Chain,
        (request, element): (&'a Request<'a>, ElementType),
        layout: &'a Layout,
        known: &'a [Vec<Table>],
        task: Task,
        parameters: bool,
    ) -> Self {
        let parameters = parameters && task == Task::Result;
        let steps = chain.steps();
        let gather = match task {
            Task::Survey { step, index, .. } => {
                // Which surveys there are does not depend on more than was asked for in `surveys`.
                let surveys = steps[step].surveys(false);
                let view = layout.view_before(step);
                surveys.get(index).map(|survey| Gather::new(*survey, view))
            }
            Task::Result => None,
        };
        let zeros = layout.gradients.iter().map(|gradients| {
            let gradients = gradients.iter();
            let lengths = gradients.map(|it| count(&it.shape).unwrap_or(usize::MAX));
            lengths.map(|length| vec![0.0; length]).collect()
        });
        Self {
            chain,
            request,
            element,
            layout,
            known,
            task,
            gather,
            parameters,
            sums: Mutex::new(if parameters {
                zeros.collect()
            } else {
                Vec::new()
            }),
        }
    }

    fn step_chunk(&self, step: usize, chunk: &Chunk) -> Chunk {
        Chunk {
            extent: self.layout.extent_at(step, &chunk.extent),
            ..chunk.clone()
        }
    }

    /// Adds the gradients that a chunk gave, those of all operations' parameters one after another.
    fn add_gradients(&self, chunk: &Chunk, beside: &[Vec<f32>]) {
        let mut sums = lock(&self.sums);
        let mut parts = beside.iter();
        for (step, sums) in sums.iter_mut().enumerate() {
            if self.is_surveyed(step) {
                continue;
            }
            let extent = self.step_chunk(step, chunk).extent;
            let gradients = &self.layout.gradients[step];
            for ((gradient, sums), part) in gradients.iter().zip(sums).zip(&mut parts) {
                let first = if gradient.per_channel {
                    extent.start
                } else {
                    0
                };
                for (sum, part) in sums[first..].iter_mut().zip(part) {
                    *sum += f64::from(*part);
                }
            }
        }
    }
}

impl ChunkWork for Pass<'_> {
    fn prepare<'a>(&'a self, gpu: &Gpu) -> Result<Box<dyn Worker + 'a>> {
        Ok(Box::new(OnDevice {
            gpu: gpu.clone(),
            pass: self,
        }))
    }

    fn compute(
        &self,
        chunk: &Chunk,
        inputs: &[&[u8]],
        outputs: &mut [&mut [u8]],
    ) -> Result<OnHost> {
        with_element!(self.element, T => self.compute_as::<T>(chunk, inputs, outputs))
    }

    fn absorb(&self, chunk: &Chunk, received: Received<'_>) -> Result<()> {
        match (self.task, &self.gather) {
            (Task::Survey { step, .. }, Some(gather)) => {
                let chunk = self.step_chunk(step, chunk);
                let words = received.beside.iter();
                words.for_each(|words| gather.absorb(&chunk, words));
            }
            _ if self.parameters => self.add_gradients(chunk, &received.beside),
            _ => {}
        }
        if let (Task::Result, Some(sink), Some(indices)) =
            (self.task, self.request.indices, &received.indices)
        {
            let Layout { view, result, .. } = *self.layout;
            let bytes = bytemuck::cast_slice(indices);
            chunk
                .of_result(view, result)
                .write(result, sink, bytes, size_of::<u32>())?;
        }
        match self.request.observer {
            Some(observer) => observer.observe(self.task, chunk, &received),
            None => Ok(()),
        }
    }
}

impl Pass<'_> {
    /// The chain for a chunk.
    fn on_part(&self, chunk: &Chunk) -> Result<Chain> {
        let part = Part {
            view: self.layout.view,
            outer: chunk.outer.clone(),
            extent: chunk.extent.clone(),
            inner: chunk.inner.clone(),
            known: &[],
        };
        self.chain.on_part(self.layout, &part, self.known)
    }

    fn compute_as<T: Element>(
        &self,
        chunk: &Chunk,
        inputs: &[&[u8]],
        outputs: &mut [&mut [u8]],
    ) -> Result<OnHost> {
        let layout = self.layout;
        let chain = self.on_part(chunk)?;
        let elements: Vec<_> = inputs.iter().map(|input| elements::<T>(input)).collect();
        let mut x: Vec<_> = elements.iter().map(|x| Slice::of(x)).collect();
        let upstream = x.pop_if(|_| self.task.needs_upstream(self.request.upstream.is_some()));
        let shape = layout.whole.clone().unwrap_or(chunk.shape().to_vec());
        if let Task::Survey { step, index, .. } = self.task {
            let words = chain.compute_survey((step, index), &shape, &x, upstream)?;
            return Ok(OnHost {
                beside: vec![words],
                ..OnHost::default()
            });
        }
        let outputs = outputs.iter_mut();
        let outputs = outputs.map(|bytes| bytemuck::cast_slice_mut::<u8, T>(bytes));
        let mut results: Vec<_> = outputs.map(SliceMut::of).collect();
        let Some(upstream) = upstream else {
            let y = results.swap_remove(0);
            let saved = chain.compute_forward(&shape, &x, y)?;
            return Ok(OnHost {
                beside: Vec::new(),
                indices: saved.indices()?,
            });
        };
        let computed = chain.compute_backward(&shape, &x, upstream, results, self.parameters)?;
        let beside = computed.parameters.into_iter().enumerate();
        let beside = beside.filter(|(step, _)| !self.is_surveyed(*step));
        Ok(OnHost {
            beside: beside.flat_map(|(_, values)| values).collect(),
            // An observer looks at what the forward pass chose.
            indices: match self.request.observer {
                Some(_) => computed.saved.indices()?,
                None => None,
            },
        })
    }

    /// Whether surveys have found the gradients of an operation's parameters.
    fn is_surveyed(&self, step: usize) -> bool {
        let operation = &self.chain.steps()[step];
        operation.surveyed_gradients(&self.known[step]).is_some()
    }
}

/// A pass at work on chunks on one device.
pub(super) struct OnDevice<'a> {
    pub(super) gpu: Gpu,
    pub(super) pass: &'a Pass<'a>,
}

impl Worker for OnDevice<'_> {
    fn run(&mut self, chunk: &Chunk, mut inputs: Vec<Tensor>) -> Result<ChunkResult> {
        let Pass {
            request,
            layout,
            task,
            ..
        } = self.pass;
        let chain = self.pass.on_part(chunk)?;
        let needs_upstream = task.needs_upstream(request.upstream.is_some());
        let mut upstream = inputs.pop_if(|_| needs_upstream);
        if let Some(shape) = &layout.whole {
            let reshape = |x: Tensor| x.reshaped(shape.clone());
            inputs = inputs.into_iter().map(reshape).collect::<Result<_>>()?;
            let reshape = |g: Tensor| g.reshaped(layout.result_shape.clone());
            upstream = upstream.map(reshape).transpose()?;
        }
        let x: Vec<_> = inputs.iter().collect();
        let wanted = BackwardOptions {
            parameters: self.pass.parameters,
            over_upstream: true,
            ..BackwardOptions::default()
        };
        recorder::submit(&self.gpu, |recorder| {
            if let Task::Survey { step, index, .. } = *task {
                let words = chain.record_survey(recorder, (step, index), &x, upstream.as_ref())?;
                return Ok(ChunkResult {
                    beside: vec![words],
                    ..ChunkResult::default()
                });
            }
            let Some(upstream) = &upstream else {
                let (y, saved) = chain.record_forward(recorder, &x, Output::InPlace)?;
                return Ok(ChunkResult {
                    outputs: vec![y],
                    beside: Vec::new(),
                    saved,
                });
            };
            let RecordedGradients {
                dx,
                parameters,
                saved,
            } = chain.record_backward(recorder, &x, upstream, wanted)?;
            let parameters = parameters.into_iter().enumerate();
            let beside = parameters.filter(|(step, _)| !self.pass.is_surveyed(*step));
            Ok(ChunkResult {
                outputs: dx,
                beside: beside.flat_map(|(_, values)| values).collect(),
                // An observer looks at what the forward pass chose.
                saved: if request.observer.is_some() {
                    saved
                } else {
                    Saved::NOTHING
                },
            })
        })
    }
}

/// The gradients of the parameters as they are told: sums over chunks, or what surveys have found.
pub(super) fn gradients(
    chain: &Chain,
    layout: &Layout,
    sums: Vec<Vec<Vec<f64>>>,
    known: &[Vec<Table>],
) -> Result<Vec<HostGradient>> {
    let mut told = Vec::new();
    let steps = chain.steps().iter().zip(sums).enumerate();
    for (step, (operation, sums)) in steps {
        let values = operation
            .surveyed_gradients(&known[step])
            .unwrap_or_else(|| {
                let narrow = |sums: Vec<f64>| sums.into_iter().map(|sum| sum as f32).collect();
                sums.into_iter().map(narrow).collect()
            });
        let gradients = &layout.gradients[step];
        if gradients.len() != values.len() {
            return Err(Error::Internal(format!(
                "{}: {} gradients of {} parameters",
                operation.name(),
                values.len(),
                gradients.len()
            )));
        }
        let named = gradients.iter().zip(values);
        told.extend(named.map(|(gradient, values)| HostGradient::new(step, gradient, values)));
    }
    Ok(told)
}
