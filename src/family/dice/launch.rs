//! The kernels of Dice at work on a tensor.

use super::{
    Function, NAME,
    shader::{self, DICE, StatisticsArguments},
};
use crate::{
    element::ElementType,
    error::{Error, Result},
    gpu::{
        Binding::{self, Read, Write},
        Gpu, Kernel,
    },
    kernel::{
        largest_window,
        launch::{Launch, Pass},
        recorder::Recorder,
        reduce::Reduce,
        tiles,
    },
    tensor::{Tensor, View},
    wgsl::{self, Reduction},
};

/// f32 words of the shader's `Parameter`.
const PARAMETER: usize = 6;

/// Dice of a tensor.
pub(super) struct Launcher<'a> {
    function: &'a Function,
    x: &'a Tensor,
    pub(super) view: View,
    alpha: Tensor,
}

/// Where mean and variance of the channels come from: the moments of a batch, which in training move the running ones,
/// or those.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    Batch(&'a Tensor),
    Training(&'a Tensor),
    Running,
}

/// That the kernels can bind the parameters of so many channels.
pub(super) fn expect_bindable(gpu: &Gpu, channels: usize) -> Result<()> {
    let limit = largest_window(gpu);
    let bytes = (channels as u64).saturating_mul(PARAMETER as u64 * 4);
    if bytes <= limit {
        return Ok(());
    }
    Err(Error::TooLarge {
        what: format!("{NAME}: what it knows of {channels} channels"),
        bytes,
        limit,
        advice: "split the tensor along its channels",
    })
}

impl<'a> Launcher<'a> {
    /// For x, which must have the channels of `function`.
    pub(super) fn new(
        function: &'a Function,
        recorder: &mut Recorder<'_>,
        x: &'a Tensor,
    ) -> Result<Self> {
        let view = function.view(x.shape())?;
        expect_bindable(x.gpu(), view.extent)?;
        Ok(Self {
            function,
            x,
            view,
            alpha: function.alpha.on_device(recorder, x.gpu(), view.extent)?,
        })
    }

    /// What the kernels know of the channels.
    fn parameters(&self, recorder: &mut Recorder<'_>, source: Source<'_>) -> Result<Tensor> {
        let parameters = self.allocate_parameters(recorder)?;
        let alpha = &self.alpha;
        if let Source::Batch(moments) = source {
            let tensors = [moments, alpha, &parameters];
            let bindings = &[Read(0), Read(1), Write(2)];
            self.statistics(recorder, "from_batch", bindings, &tensors)?;
            return Ok(parameters);
        }
        let (gpu, channels) = (self.x.gpu(), self.view.extent);
        let mean = &self.function.mean.on_device(recorder, gpu, channels)?;
        let variance = &self.function.variance.on_device(recorder, gpu, channels)?;
        if let Source::Training(moments) = source {
            let tensors = [moments, alpha, &parameters, mean, variance];
            let bindings = &[Read(0), Read(1), Write(2), Write(3), Write(4)];
            self.statistics(recorder, "train", bindings, &tensors)?;
        } else {
            let tensors = [alpha, &parameters, mean, variance];
            let bindings = &[Read(1), Write(2), Write(3), Write(4)];
            self.statistics(recorder, "from_running", bindings, &tensors)?;
        }
        Ok(parameters)
    }

    /// y, or dx where `source` does not depend on x.
    pub(super) fn record(
        &self,
        recorder: &mut Recorder<'_>,
        pass: Pass<'_>,
        source: Source<'_>,
    ) -> Result<()> {
        if self.x.is_empty() {
            return Ok(());
        }
        let parameters = self.parameters(recorder, source)?;
        self.launch(recorder, &parameters, pass)?;
        recorder.done_with(parameters);
        Ok(())
    }

    /// The sums over a batch, or over a part of it, that its gradients need: [channels, 4], of which those of parts
    /// add up.
    pub(super) fn sums(
        &self,
        recorder: &mut Recorder<'_>,
        upstream: &Tensor,
        moments: &Tensor,
    ) -> Result<Tensor> {
        let parameters = self.parameters(recorder, Source::Batch(moments))?;
        let sums = self.reduce(upstream, &parameters).record(recorder)?;
        recorder.done_with(parameters);
        Ok(sums)
    }

    /// dx and alpha's gradient, both of the whole batch, from its moments and its sums, which are those of x where none
    /// are given.
    pub(super) fn backward_of_batch(
        &self,
        recorder: &mut Recorder<'_>,
        (upstream, dx): (&Tensor, &Tensor),
        moments: &Tensor,
        sums: Option<&Tensor>,
    ) -> Result<Tensor> {
        let Some(sums) = sums else {
            if self.x.is_empty() {
                return self.no_gradient();
            }
            let sums = self.sums(recorder, upstream, moments)?;
            let tensors = (upstream, dx);
            let alpha = self.backward_of_batch(recorder, tensors, moments, Some(&sums))?;
            recorder.done_with(sums);
            return Ok(alpha);
        };
        let parameters = self.allocate_parameters(recorder)?;
        let gradient = recorder.allocate(self.x.gpu(), [self.view.extent], ElementType::F32)?;
        let tensors = [moments, &self.alpha, &parameters, sums, &gradient];
        let bindings = &[Read(0), Read(1), Write(2), Read(5), Write(6)];
        self.statistics(recorder, "through_batch", bindings, &tensors)?;
        self.launch(recorder, &parameters, self.backward(upstream, dx))?;
        recorder.done_with(parameters);
        Ok(gradient)
    }

    /// dx with the running statistics, and alpha's gradient.
    pub(super) fn backward_of_running(
        &self,
        recorder: &mut Recorder<'_>,
        (upstream, dx): (&Tensor, &Tensor),
    ) -> Result<Tensor> {
        if self.x.is_empty() {
            return self.no_gradient();
        }
        let parameters = self.parameters(recorder, Source::Running)?;
        let mut reduce = self.reduce(upstream, &parameters);
        if reduce.takes_dx() {
            reduce.dx = Some(dx);
        } else {
            self.launch(recorder, &parameters, self.backward(upstream, dx))?;
        }
        let sums = reduce.record(recorder)?;
        let gradient = recorder.allocate(self.x.gpu(), [self.view.extent], ElementType::F32)?;
        let bindings = &[Read(5), Write(6)];
        self.statistics(recorder, "alpha_of_sums", bindings, &[&sums, &gradient])?;
        recorder.done_with(sums);
        recorder.done_with(parameters);
        Ok(gradient)
    }

    /// Alpha's gradient for a tensor of no elements.
    fn no_gradient(&self) -> Result<Tensor> {
        self.x.gpu().filled(0.0, [self.view.extent])
    }

    fn allocate_parameters(&self, recorder: &mut Recorder<'_>) -> Result<Tensor> {
        let words = self.view.extent * PARAMETER;
        recorder.allocate(self.x.gpu(), [words], ElementType::F32)
    }

    /// Runs an entry point of the kernel that has one thread per channel, on tensors in the order of its bindings.
    fn statistics(
        &self,
        recorder: &mut Recorder<'_>,
        entry_point: &'static str,
        bindings: &'static [Binding],
        tensors: &[&Tensor],
    ) -> Result<()> {
        let pairs = bindings.iter().zip(tensors);
        let tensors: Vec<_> = pairs
            .map(|(&(Read(at) | Write(at)), &tensor)| (at, tensor))
            .collect();
        let kernel = Kernel {
            shader: shader::statistics(),
            entry_point,
            bindings,
            constants: Vec::new(),
            workgroup: self.x.gpu().workgroup(64),
        };
        let channels = self.view.extent;
        let arguments = StatisticsArguments {
            channels: channels as u32,
            epsilon: self.function.epsilon,
            momentum: self.function.momentum,
            biased: u32::from(self.function.biased),
        };
        let groups = kernel.groups(channels as u64);
        recorder.dispatch(&kernel, &tensors, &arguments, groups)
    }

    fn launch(
        &self,
        recorder: &mut Recorder<'_>,
        parameters: &Tensor,
        pass: Pass<'_>,
    ) -> Result<()> {
        let math = self.function.math;
        let launch = Launch {
            shader: &|vectors| wgsl::per_channel(DICE, vectors, math),
            columns: Some((DICE, math)),
            element: pass.x().element(),
            constant: None,
            numbers: Default::default(),
            parameters: std::slice::from_ref(parameters),
            first_parameter: 0,
            view: self.view,
        };
        tiles::encode(recorder.encoder, &launch, pass)
    }

    pub(super) const fn backward<'b>(&'b self, upstream: &'b Tensor, dx: &'b Tensor) -> Pass<'b> {
        let x = self.x;
        Pass::Backward { x, upstream, dx }
    }

    fn reduce<'b>(&'b self, upstream: &'b Tensor, parameters: &'b Tensor) -> Reduce<'b> {
        Reduce {
            op: NAME,
            reduction: Reduction::terms(DICE, self.function.math),
            view: self.view,
            x: self.x,
            upstream: Some(upstream),
            parameters: std::slice::from_ref(parameters),
            dx: None,
        }
    }
}
