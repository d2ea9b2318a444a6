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
        launch::{Launch, Pass},
        recorder::Recorder,
        reduce::Reduce,
        tiles,
    },
    tensor::{Tensor, View},
    wgsl::{self, Reduction},
};

/// f32 words of the shader's `Parameter`.
const PARAMETER: usize = 5;

/// Dice on a device, for tensors of one view.
pub(super) struct Launcher<'a> {
    function: &'a Function,
    gpu: &'a Gpu,
    pub(super) view: View,
    alpha: Tensor,
}

/// The tensors of a backward pass.
#[derive(Clone, Copy)]
pub(super) struct Backward<'a> {
    pub(super) x: &'a Tensor,
    pub(super) upstream: &'a Tensor,
    pub(super) dx: &'a Tensor,
}

impl<'a> Backward<'a> {
    fn pass(self) -> Pass<'a> {
        let Self { x, upstream, dx } = self;
        Pass::Backward { x, upstream, dx }
    }
}

/// That the kernels can bind the parameters of so many channels.
pub(super) fn expect_bindable(gpu: &Gpu, channels: usize) -> Result<()> {
    let limit = gpu.limits().max_storage_buffer_binding_size & !0xfff;
    let bytes = (channels * PARAMETER * 4) as u64;
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
    /// For tensors like x, which must have the channels of `function`.
    pub(super) fn new(
        function: &'a Function,
        recorder: &mut Recorder<'_>,
        x: &'a Tensor,
    ) -> Result<Self> {
        let view = function.view(x.shape())?;
        expect_bindable(x.gpu(), view.extent)?;
        Ok(Self {
            function,
            gpu: x.gpu(),
            view,
            alpha: function.alpha.on_device(recorder, x.gpu(), view.extent)?,
        })
    }

    /// The parameters of the channels from the moments of a batch.
    pub(super) fn of_batch(&self, recorder: &mut Recorder<'_>, moments: &Tensor) -> Result<Tensor> {
        let parameters = self.allocate_parameters(recorder)?;
        self.statistics(
            recorder,
            "from_batch",
            &[Read(0), Read(1), Write(2)],
            &[(0, moments), (1, &self.alpha), (2, &parameters)],
        )?;
        Ok(parameters)
    }

    /// The same, and the running statistics are moved.
    pub(super) fn of_training(
        &self,
        recorder: &mut Recorder<'_>,
        moments: &Tensor,
    ) -> Result<Tensor> {
        let parameters = self.allocate_parameters(recorder)?;
        let [mean, variance] = self.running(recorder)?;
        self.statistics(
            recorder,
            "train",
            &[Read(0), Read(1), Write(2), Write(3), Write(4)],
            &[
                (0, moments),
                (1, &self.alpha),
                (2, &parameters),
                (3, &mean),
                (4, &variance),
            ],
        )?;
        Ok(parameters)
    }

    /// The parameters of the channels from the running statistics.
    pub(super) fn of_running(&self, recorder: &mut Recorder<'_>) -> Result<Tensor> {
        let parameters = self.allocate_parameters(recorder)?;
        let [mean, variance] = self.running(recorder)?;
        self.statistics(
            recorder,
            "from_running",
            &[Read(1), Write(2), Write(3), Write(4)],
            &[
                (1, &self.alpha),
                (2, &parameters),
                (3, &mean),
                (4, &variance),
            ],
        )?;
        Ok(parameters)
    }

    fn running(&self, recorder: &mut Recorder<'_>) -> Result<[Tensor; 2]> {
        let channels = self.view.extent;
        let Function { mean, variance, .. } = self.function;
        Ok([
            mean.on_device(recorder, self.gpu, channels)?,
            variance.on_device(recorder, self.gpu, channels)?,
        ])
    }

    /// y, by the parameters of the channels.
    pub(super) fn forward(
        &self,
        recorder: &mut Recorder<'_>,
        (x, y): (&Tensor, &Tensor),
        parameters: Tensor,
    ) -> Result<()> {
        self.launch(recorder, &parameters, Pass::Forward { x, y })?;
        recorder.done_with(parameters);
        Ok(())
    }

    /// The sums over a batch, or over a part of it, that its gradients need: [channels, 4], of which those of parts
    /// add up.
    pub(super) fn sums(
        &self,
        recorder: &mut Recorder<'_>,
        (x, upstream): (&Tensor, &Tensor),
        moments: &Tensor,
    ) -> Result<Tensor> {
        let parameters = self.of_batch(recorder, moments)?;
        let sums = self.reduce(x, upstream, &parameters).record(recorder)?;
        recorder.done_with(parameters);
        Ok(sums)
    }

    /// dx from moments and sums of the whole batch, and alpha's gradient, that of the whole batch.
    pub(super) fn backward_through(
        &self,
        recorder: &mut Recorder<'_>,
        tensors: Backward<'_>,
        moments: &Tensor,
        sums: &Tensor,
    ) -> Result<Tensor> {
        let parameters = self.allocate_parameters(recorder)?;
        let alpha = recorder.allocate(self.gpu, [self.view.extent], ElementType::F32)?;
        self.statistics(
            recorder,
            "through_batch",
            &[Read(0), Read(1), Write(2), Read(5), Write(6)],
            &[
                (0, moments),
                (1, &self.alpha),
                (2, &parameters),
                (5, sums),
                (6, &alpha),
            ],
        )?;
        self.launch(recorder, &parameters, tensors.pass())?;
        recorder.done_with(parameters);
        Ok(alpha)
    }

    /// dx with the running statistics, and alpha's gradient.
    pub(super) fn backward_of_running(
        &self,
        recorder: &mut Recorder<'_>,
        tensors: Backward<'_>,
    ) -> Result<Tensor> {
        let parameters = self.of_running(recorder)?;
        let mut reduce = self.reduce(tensors.x, tensors.upstream, &parameters);
        if reduce.takes_dx() {
            reduce.dx = Some(tensors.dx);
        } else {
            self.launch(recorder, &parameters, tensors.pass())?;
        }
        let sums = reduce.record(recorder)?;
        let alpha = recorder.allocate(self.gpu, [self.view.extent], ElementType::F32)?;
        self.statistics(
            recorder,
            "alpha_of_sums",
            &[Read(5), Write(6)],
            &[(5, &sums), (6, &alpha)],
        )?;
        recorder.done_with(sums);
        recorder.done_with(parameters);
        Ok(alpha)
    }

    /// dx with the running statistics alone.
    pub(super) fn dx_of_running(
        &self,
        recorder: &mut Recorder<'_>,
        tensors: Backward<'_>,
    ) -> Result<()> {
        let parameters = self.of_running(recorder)?;
        self.launch(recorder, &parameters, tensors.pass())?;
        recorder.done_with(parameters);
        Ok(())
    }

    /// Alpha's gradient for a tensor of no elements.
    pub(super) fn no_gradient(&self) -> Result<Tensor> {
        let channels = self.view.extent;
        self.gpu.upload(&vec![0.0f32; channels], [channels])
    }

    fn allocate_parameters(&self, recorder: &mut Recorder<'_>) -> Result<Tensor> {
        let words = self.view.extent * PARAMETER;
        recorder.allocate(self.gpu, [words], ElementType::F32)
    }

    /// Runs an entry point of the kernel that has one thread per channel.
    fn statistics(
        &self,
        recorder: &mut Recorder<'_>,
        entry_point: &'static str,
        bindings: &'static [Binding],
        tensors: &[(u32, &Tensor)],
    ) -> Result<()> {
        let kernel = Kernel {
            shader: shader::statistics(),
            entry_point,
            bindings,
            constants: Vec::new(),
            workgroup: self.gpu.workgroup(64),
        };
        let channels = self.view.extent;
        let arguments = StatisticsArguments {
            channels: channels as u32,
            epsilon: self.function.epsilon,
            momentum: self.function.momentum,
            biased: u32::from(self.function.biased),
        };
        let groups = kernel.groups(channels as u64);
        recorder.dispatch(&kernel, tensors, &arguments, groups)
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
            parameter: 0.0,
            parameters: Some(parameters),
            first_parameter: 0,
            view: self.view,
        };
        tiles::encode(recorder.encoder, &launch, pass)
    }

    fn reduce<'b>(
        &self,
        x: &'b Tensor,
        upstream: &'b Tensor,
        parameters: &'b Tensor,
    ) -> Reduce<'b> {
        Reduce {
            op: NAME,
            reduction: Reduction::terms(DICE, self.function.math),
            view: self.view,
            x,
            upstream: Some(upstream),
            parameters: Some(parameters),
            dx: None,
        }
    }
}
