//! How elements, channels, rows and sums are spread over threads: what the families launch.

pub(crate) mod arrange;
pub mod baseline;
pub(crate) mod columns;
pub(crate) mod launch;
pub mod moments;
pub(crate) mod recorder;
pub(crate) mod reduce;
pub(crate) mod tiles;

use crate::{
    error::{Error, Result},
    gpu::{Gpu, Pipeline},
    tensor::Tensor,
};

/// Workgroups per dimension that every adapter allows.
pub(crate) const MOST_WORKGROUPS: u64 = 65_535;

/// `groups` workgroups folded into two dimensions, fewer than y to spare.
pub(crate) fn fold_over(groups: u64) -> (u32, u32) {
    let y = groups.div_ceil(MOST_WORKGROUPS);
    let x = groups.div_ceil(y.max(1));
    (x as u32, y as u32)
}

/// As many of `groups` workgroups as fold into two dimensions, fewer than y left out.
pub(crate) fn fold_within(groups: u64) -> (u32, u32) {
    let y = groups.div_ceil(MOST_WORKGROUPS);
    let x = groups / y.max(1);
    (x as u32, y as u32)
}

/// The part of a tensor that a dispatch works on, in bytes from the start of its elements.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    pub(crate) start: u64,
    pub(crate) bytes: u64,
}

impl Window {
    /// All of a tensor.
    pub(crate) fn whole(tensor: &Tensor) -> Self {
        Self {
            start: 0,
            bytes: tensor.bytes(),
        }
    }

    /// As much of the tensor as a binding holds, from `start` on.
    pub(crate) fn binding<'a>(self, tensor: &'a Tensor) -> wgpu::BindingResource<'a> {
        let size = self.bytes.next_multiple_of(16);
        wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: tensor.raw(),
            offset: tensor.offset() + self.start,
            size: size.try_into().ok(),
        })
    }
}

/// Records one dispatch of x by y workgroups. The arguments come in whole vectors of four words, as
/// uniforms do in GLSL.
pub(crate) fn dispatch<const WORDS: usize>(
    gpu: &Gpu,
    pass: &mut wgpu::ComputePass<'_>,
    pipeline: &Pipeline,
    bindings: &[wgpu::BindGroupEntry<'_>],
    arguments: [u32; WORDS],
    (x, y): (u32, u32),
) {
    let group = gpu.device().create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &pipeline.layout,
        entries: bindings,
    });
    pass.set_pipeline(&pipeline.pipeline);
    pass.set_bind_group(0, &group, &[]);
    pass.set_bind_group(1, &gpu.arguments(&arguments), &[]);
    pass.dispatch_workgroups(x, y, 1);
}

/// Bytes of a tensor that one dispatch can see: whole multiples of every alignment.
pub(crate) fn largest_window(gpu: &Gpu) -> u64 {
    gpu.limits().max_storage_buffer_binding_size & !0xfff
}

/// Two tensors that one operation reads or writes element by element.
pub(crate) fn expect_alike(
    op: &str,
    left: (&'static str, &Tensor),
    right: (&'static str, &Tensor),
) -> Result<()> {
    let ((left, a), (right, b)) = (left, right);
    if !a.gpu().same_device(b.gpu()) {
        return Err(Error::ForeignTensor { op: op.to_owned() });
    }
    if a.shape() != b.shape() {
        return Err(Error::ShapeMismatch {
            op: op.to_owned(),
            left,
            left_shape: a.shape().to_vec(),
            right,
            right_shape: b.shape().to_vec(),
        });
    }
    if a.element() != b.element() {
        return Err(Error::ElementMismatch {
            op: op.to_owned(),
            left,
            left_type: a.element().name(),
            right,
            right_type: b.element().name(),
        });
    }
    Ok(())
}

/// An input and an output that must not lie in one buffer.
pub(crate) fn expect_apart(
    op: &str,
    left: (&'static str, &Tensor),
    right: (&'static str, &Tensor),
    instead: &'static str,
) -> Result<()> {
    if left.1.shares_buffer(right.1) {
        return Err(Error::Aliased {
            op: op.to_owned(),
            left: left.0,
            right: right.0,
            instead,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    pub(crate) fn folding_covers_all_workgroups_within_the_limit() {
        for groups in [
            0,
            1,
            65_534,
            65_535,
            65_536,
            65_537,
            131_070,
            131_071,
            1 << 26,
            65_535 * 65_535 - 1,
        ] {
            let (x, y) = fold_over(groups);
            assert!(u64::from(x.max(y)) <= MOST_WORKGROUPS, "{groups}");
            let over = u64::from(x) * u64::from(y);
            assert!(
                over >= groups && over < groups + u64::from(y.max(1)),
                "{groups}: {x} x {y}"
            );
            let (x, y) = fold_within(groups);
            assert!(u64::from(x.max(y)) <= MOST_WORKGROUPS, "{groups}");
            let within = u64::from(x) * u64::from(y);
            assert!(
                within <= groups && within + u64::from(y.max(1)) > groups,
                "{groups}: {x} x {y}"
            );
        }
    }
}
