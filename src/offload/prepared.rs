//! A tensor laid out and cut for a chain, ready to be streamed.

use super::{
    Backward, Forecast, Offload, Request, Summary, Task,
    chunk::{Chunk, in_order},
    meter::Meter,
    passes::{self, Pass},
    trip::Trip,
};
use crate::{
    chain::{Chain, Layout},
    cpu::expect_threads,
    element::ElementType,
    error::Result,
    family::{Cut, inputs_error},
    gpu::unlocked,
};

/// What streaming is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// The result.
    Forward,
    /// The result, of which an [`Observer`](super::Observer) sees inputs and outputs.
    ForwardObserved,
    /// Gradients, whether observed or not.
    Backward,
}

impl Purpose {
    /// Whether it takes memory for a second input, or for a copy of the first.
    pub(super) const fn keeps(self) -> bool {
        !matches!(self, Self::Forward)
    }

    pub(super) const fn is_backward(self) -> bool {
        matches!(self, Self::Backward)
    }
}

/// A tensor laid out and cut into chunks for a chain: see [`Offload::prepare`].
pub struct Prepared<'a> {
    pub(super) offload: &'a Offload<'a>,
    pub(super) chain: &'a Chain,
    pub(super) layout: Layout,
    pub(super) element: ElementType,
    pub(super) purpose: Purpose,
    /// Elements of a chunk at most.
    pub(super) most: usize,
    pub(super) chunks: Vec<Chunk>,
    /// The passes before the one that gives the result.
    pub(super) surveys: Vec<Task>,
}

impl Prepared<'_> {
    /// The chain.
    pub const fn chain(&self) -> &Chain {
        self.chain
    }

    /// The element type of all tensors.
    pub const fn element(&self) -> ElementType {
        self.element
    }

    /// How the chain sees the tensor.
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What it will take.
    pub fn forecast(&self) -> Forecast {
        let Layout { view, result, .. } = self.layout;
        let passes = 1 + self.surveys.len();
        let inputs = (passes * self.chain.inputs()) as u64;
        let elements = inputs * view.elements() as u64 + result.elements() as u64;
        let chunks = self.chunks.iter();
        let of_result: Vec<_> = chunks.map(|it| it.of_result(view, result)).collect();
        let looked_at = match view.extent {
            0 => &of_result,
            _ => &self.chunks,
        };
        let largest = looked_at.iter().map(Chunk::len).max().unwrap_or(0);
        let devices = self.offload.devices.len();
        Forecast {
            in_order: passes == 1
                && devices == 1
                && in_order(&self.chunks, view)
                && in_order(&of_result, result),
            chunks: self.chunks.len(),
            chunk_elements: largest,
            passes,
            bytes: elements.saturating_mul(self.element.size()),
            memory: self.memory(),
            known: self.known(),
        }
    }

    /// Streams what `request` says.
    ///
    /// # Errors
    ///
    /// What the devices, the sources, the sinks and the observer report.
    pub fn run(&self, request: &Request<'_>) -> Result<Backward> {
        let Self { chain, layout, .. } = self;
        let backward = self.purpose.is_backward();
        let outputs = if backward { chain.inputs() } else { 1 };
        for (wanted, found) in [
            (chain.inputs(), request.sources.len()),
            (outputs, request.sinks.len()),
        ] {
            if wanted != found {
                return Err(inputs_error(&*chain.steps()[0], found));
            }
        }
        if request.observer.is_some() {
            expect_threads()?;
        }
        let parameters = backward && self.offload.beside;
        let passes = 1 + self.surveys.len();
        let elements: usize = self.chunks.iter().map(Chunk::len).sum();
        let meter = Meter::new((elements * passes) as u64, self.offload.progress);
        let mut devices = self.offload.devices.clone();
        let mut known = vec![Vec::new(); chain.steps().len()];
        let mut sums = Vec::new();
        for task in self.surveys.iter().copied().chain([Task::Result]) {
            let pass = Pass::new(
                chain,
                (request, self.element),
                layout,
                &known,
                task,
                parameters,
            );
            let inputs = request.sources.iter();
            let mut sources: Vec<_> = inputs.map(|it| (*it, layout.view)).collect();
            if task.needs_upstream(backward) {
                sources.extend(request.upstream.map(|source| (source, layout.result)));
            }
            let to = if backward { layout.view } else { layout.result };
            let trip = Trip {
                element: self.element,
                view: layout.view,
                sources,
                sinks: match task {
                    Task::Result => request.sinks.iter().map(|sink| (*sink, to)).collect(),
                    Task::Survey { .. } => Vec::new(),
                },
                cut: self.cut(),
                most: self.most,
                keep: request.observer.is_some(),
                work: &pass,
                meter: &meter,
                cancel: self.offload.cancel,
            };
            trip.run(&mut devices, self.chunks.clone())?;
            let Pass {
                gather,
                sums: found,
                ..
            } = pass;
            match (task, gather) {
                (Task::Survey { step, .. }, Some(gather)) => known[step].push(gather.finish()),
                _ => sums = unlocked(found),
            }
        }
        let mut extras = Vec::new();
        for (step, (operation, known)) in chain.steps().iter().zip(&known).enumerate() {
            if self.offload.beside && !backward && !known.is_empty() {
                let of_step = operation.extras(known).into_iter();
                extras.extend(of_step.map(|extra| (step, extra)));
            }
        }
        Ok(Backward {
            summary: Summary {
                extras,
                ..meter.summary()
            },
            parameters: if parameters {
                passes::gradients(chain, layout, sums, &known)?
            } else {
                Vec::new()
            },
        })
    }

    /// How a device that is short of memory may cut chunks further.
    fn cut(&self) -> Cut {
        let extent = self.layout.view.extent;
        let joined = self.chunks.iter().any(|chunk| chunk.extent.len() < extent);
        match self.layout.cut {
            // Nothing is known that would join parts of rows.
            Cut::Rows if !joined => Cut::WholeAxis,
            cut => cut,
        }
    }
}
