//! What a call does on the device.

use super::{
    Softmax,
    reference::{Form, MaskedRows},
    rows,
    shader::Method,
};
use crate::{
    error::Result,
    gpu::{Binding, Kernel},
    kernel::recorder::Recorder,
    tensor::Tensor,
};

/// What a call computes, by the tensors it touches.
#[derive(Clone, Copy)]
pub(super) struct Pass<'a> {
    pub(super) x: &'a Tensor,
    /// In a backward pass.
    pub(super) upstream: Option<&'a Tensor>,
    pub(super) output: &'a Tensor,
    pub(super) writes: Writes,
}

/// What the output holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writes {
    /// y, or dx.
    Result,
    /// What is known of x's part of its rows, two numbers for each row.
    Survey,
}

impl<'a> Pass<'a> {
    pub(super) const fn forward(x: &'a Tensor, y: &'a Tensor) -> Self {
        Self {
            x,
            upstream: None,
            output: y,
            writes: Writes::Result,
        }
    }

    pub(super) const fn backward(x: &'a Tensor, upstream: &'a Tensor, dx: &'a Tensor) -> Self {
        Self {
            x,
            upstream: Some(upstream),
            output: dx,
            writes: Writes::Result,
        }
    }

    pub(super) const fn is_backward(self) -> bool {
        self.upstream.is_some()
    }

    /// The tensors that are read, each with the binding behind a first one that it has in the shaders.
    pub(super) fn inputs(self) -> impl Iterator<Item = (u32, &'a Tensor)> {
        [Some((0, self.x)), self.upstream.map(|tensor| (1, tensor))]
            .into_iter()
            .flatten()
    }
}

impl Softmax {
    pub(super) fn record(&self, recorder: &mut Recorder<'_>, pass: Pass<'_>) -> Result<()> {
        let view = pass.x.view(self.axis)?;
        if pass.x.is_empty() {
            return Ok(());
        }
        let whole = self.known.is_none() && pass.writes == Writes::Result;
        if whole && rows::fits(pass.x, view) {
            return self.encode_rows(recorder.encoder, pass, view);
        }
        self.record_splits(recorder, pass, view)
    }

    /// The kernel that a pass runs at one of its entry points.
    pub(super) fn kernel(
        &self,
        pass: Pass<'_>,
        (method, workgroup): (Method, u32),
        entry_point: &'static str,
        bindings: &'static [Binding],
    ) -> Kernel {
        let gpu = pass.x.gpu();
        let vectors = gpu.tuning().vectors(pass.x.element());
        Kernel {
            shader: method.shader(pass.is_backward(), vectors, self.math),
            entry_point,
            bindings,
            workgroup: gpu.workgroup(workgroup),
            constants: vec![
                ("LOG", u32::from(self.form == Form::LogSoftmax)),
                ("ZEROS", u32::from(self.masked == MaskedRows::Zeros)),
                ("BACKWARD", u32::from(pass.is_backward())),
            ],
        }
    }
}
