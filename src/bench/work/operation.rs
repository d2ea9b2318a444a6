//! An operation over rings of tensors.

use std::rc::Rc;

use super::{Baseline, Measurable, Verified, run_once};
use crate::{
    accuracy::Report,
    bench::{
        case::Case,
        data::{Data, SAMPLE},
    },
    chain::Chain,
    check::{DeviceResult, Share, downloaded, verify},
    element::Element,
    error::Result,
    family::{Benchmark, Pass, Saved},
    kernel::recorder::{Recorder, submit},
    tensor::Tensor,
    with_element,
};

/// An operation as its family has it measured.
pub(super) struct Operation {
    benchmark: Benchmark,
    pass: Pass,
    case: Case,
    data: Rc<Data>,
    inputs: Vec<Vec<Tensor>>,
    upstreams: Vec<Tensor>,
    outputs: Vec<Vec<Tensor>>,
    /// What the forward pass saves for the first input, for the backward pass; the inputs are all alike.
    saved: Saved,
}

impl Operation {
    pub(super) fn new(case: &Case, mut benchmark: Benchmark, data: &Rc<Data>) -> Result<Self> {
        benchmark.operation.set_math(case.math);
        let operation = &benchmark.operation;
        let pass = case.pass.unwrap_or(Pass::Forward);
        let shape = case.shape();
        let result = operation.output_shape(&shape)?;
        let backward = pass == Pass::Backward;
        let inputs = data.all_inputs(operation.inputs(), &shape)?;
        let mut saved = Saved::NOTHING;
        if backward && operation.saves() {
            let x = Self::turn(&inputs, 0);
            let y = data.gpu.allocate(result.clone(), case.element)?;
            saved = submit(&data.gpu, |recorder| {
                operation.record_forward(recorder, &x, &y)
            })?;
        }
        let (upstreams, outputs) = if backward {
            let dx = data.all_outputs(operation.inputs(), &shape)?;
            (data.upstreams(&result)?, dx)
        } else {
            (Vec::new(), vec![data.outputs(&result)?])
        };
        Ok(Self {
            inputs,
            upstreams,
            outputs,
            saved,
            pass,
            benchmark,
            case: case.clone(),
            data: data.clone(),
        })
    }

    /// The tensors of each ring whose turn it is.
    fn turn(rings: &[Vec<Tensor>], turn: usize) -> Vec<&Tensor> {
        rings.iter().map(|ring| &ring[turn % ring.len()]).collect()
    }

    /// Records it, and gives the gradients of parameters.
    fn run(&self, recorder: &mut Recorder<'_>, turn: usize) -> Result<(Saved, Vec<Tensor>)> {
        let operation = &self.benchmark.operation;
        let x = Self::turn(&self.inputs, turn);
        let outputs = Self::turn(&self.outputs, turn);
        if self.pass == Pass::Forward {
            return Ok((
                operation.record_forward(recorder, &x, outputs[0])?,
                Vec::new(),
            ));
        }
        let upstream = &self.upstreams[turn % self.upstreams.len()];
        let parameters = self.benchmark.parameters;
        let gradients =
            operation.record_backward(recorder, &x, &self.saved, upstream, &outputs, parameters)?;
        Ok((Saved::NOTHING, gradients))
    }

    async fn verify_as<T: Element>(&self) -> Result<Report> {
        run_once(self, &self.data)?;
        let (saved, gradients) = submit(&self.data.gpu, |recorder| self.run(recorder, 0))?;
        let chain = Chain::new(self.benchmark.operation.boxed());
        let inputs = 0..self.inputs.len();
        let mut inputs: Vec<_> = inputs.map(|index| self.data.input::<T>(index)).collect();
        let shape = self.case.shape();
        if self.pass == Pass::Backward {
            let mut upstream = self.data.upstream::<T>();
            upstream.truncate(self.upstreams[0].len());
            inputs.push(upstream);
        }
        let indices = match self.pass {
            Pass::Forward => saved.fetch_indices().await?,
            Pass::Backward => self.saved.fetch_indices().await?,
        };
        let layout = chain.layout(&shape)?;
        let mut found = DeviceResult {
            outputs: Vec::new(),
            indices,
            gradients: None,
        };
        for output in Self::turn(&self.outputs, 0) {
            found.outputs.push(output.fetch::<T>().await?);
        }
        if self.benchmark.parameters {
            found.gradients = Some(downloaded(&layout, &[gradients]).await?);
        }
        verify(
            &chain,
            &shape,
            self.pass,
            &inputs,
            found,
            Share::Sample(SAMPLE),
        )
    }
}

impl Measurable for Operation {
    fn record(&self, recorder: &mut Recorder<'_>, turn: usize) -> Result<()> {
        let (saved, gradients) = self.run(recorder, turn)?;
        let scratch = saved.tensors().into_iter().chain(gradients);
        scratch.for_each(|tensor| recorder.done_with(tensor));
        Ok(())
    }

    fn verify(&self) -> Verified<'_> {
        with_element!(self.case.element, T => Box::pin(self.verify_as::<T>()))
    }

    fn baseline(&self) -> Result<Option<Baseline>> {
        let traffic = self.benchmark.traffic(self.pass);
        Baseline::of(traffic.baseline, &self.data).map(Some)
    }

    fn working_set(&self) -> u64 {
        let rings =
            self.inputs.len() + usize::from(!self.upstreams.is_empty()) + self.outputs.len();
        self.data.ring_bytes() * rings as u64
    }
}
