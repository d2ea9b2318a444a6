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
    kernel::{launch::Pass, recorder::Recorder},
    tensor::Tensor,
};

/// What the output holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writes {
    /// y, or dx.
    Result,
    /// What is known of x's part of its rows, two numbers for each row.
    Survey,
}

/// The tensors that a pass reads, each with the binding behind a first one that it has in the shaders.
pub(super) fn inputs(pass: Pass<'_>) -> impl Iterator<Item = (u32, &Tensor)> {
    let upstream = pass.upstream().map(|tensor| (1, tensor));
    [(0, pass.x())].into_iter().chain(upstream)
}

impl Softmax {
    pub(super) fn record(
        &self,
        recorder: &mut Recorder<'_>,
        pass: Pass<'_>,
        writes: Writes,
    ) -> Result<()> {
        let view = pass.x().view(self.axis)?;
        if pass.x().is_empty() {
            return Ok(());
        }
        let whole = self.known.is_none() && writes == Writes::Result;
        if whole && rows::fits(pass.x(), view) {
            return self.encode_rows(recorder.encoder, pass, view);
        }
        self.record_splits(recorder, (pass, writes), view)
    }

    /// The kernel that a pass runs at one of its entry points.
    pub(super) fn kernel(
        &self,
        pass: Pass<'_>,
        (method, workgroup): (Method, u32),
        entry_point: &'static str,
        bindings: &'static [Binding],
    ) -> Kernel {
        let gpu = pass.x().gpu();
        let vectors = gpu.tuning().vectors(pass.x().element());
        Kernel {
            shader: method.shader(pass.upstream().is_some(), vectors, self.math),
            entry_point,
            bindings,
            workgroup: gpu.workgroup(workgroup),
            constants: vec![
                ("LOG", u32::from(self.form == Form::LogSoftmax)),
                ("NEGATED", u32::from(self.negated)),
                ("ZEROS", u32::from(self.masked == MaskedRows::Zeros)),
                ("BACKWARD", u32::from(pass.upstream().is_some())),
            ],
        }
    }
}
