//! Parameters: one per channel along every axis, and one for the tensor from all over its range.

use libtest_mimic::Failed;
use wgpu_activations::{Activation, Element, ElementType, Pointwise, check::Pass};

use super::{Device, run_and_compare};
use crate::common::{self, channel_axis};

/// Shapes with the axis of their channels. Between them inner is 1, 2, 3, 5, 7, 20 and large, and
/// vectors lie within a channel, across two and across four.
const SHAPES: [(&[usize], i64); 19] = [
    (&[1757], 0),
    (&[1757], -1),
    (&[3, 345, 7], 0),
    (&[3, 345, 7], 1),
    (&[3, 345, 7], 2),
    (&[5, 1], 0),
    (&[5, 1], 1),
    (&[1, 5], 0),
    (&[1, 5], 1),
    (&[2, 3, 4, 5], 1),
    (&[2, 3, 4, 5], -2),
    (&[7, 5, 2], 1),
    (&[7, 5, 3], -2),
    (&[70, 32], 1),
    (&[3, 1, 999], 1),
    (&[3, 4, 1001], 1),
    (&[3, 0, 5], 1),
    (&[0, 4, 5], 1),
    (&[1], 0),
];

/// Walked by columns, whole groups of rows and what they leave, of which the others alone consist.
const WHOLE_GROUPS: [(&[usize], i64); 2] = [(&[2100, 64], 1), (&[1100, 63], -1)];

pub(super) fn per_channel<T: Element>(
    device: &Device,
    activation: Activation,
    pass: Pass,
) -> Result<(), Failed> {
    // The pipelines that take longest to build, with sixteen copies of the snippet. It meets every
    // element type above: here one activation takes f16 and bf16 for all.
    let whole_groups = T::TYPE == ElementType::F32 || activation.name() == "elu";
    let large = WHOLE_GROUPS.into_iter().filter(|_| whole_groups);
    for (shape, axis) in SHAPES.into_iter().chain(large) {
        let (index, inner) = channel_axis(shape, axis);
        let values = common::parameters(activation, shape[index]);
        let parameters = device.gpu.upload(&values, [values.len()])?;
        let op = Pointwise::new(activation).per_channel(&parameters, axis)?;
        run_and_compare::<T>(device, &op, Some((&values, inner)), pass, shape)?;
    }
    Ok(())
}

pub(super) fn parameters<T: Element>(
    device: &Device,
    activation: Activation,
    pass: Pass,
) -> Result<(), Failed> {
    for value in common::parameters(activation, 12) {
        let op = Pointwise::new(activation.with(value)?);
        run_and_compare::<T>(device, &op, None, pass, &[345])
            .map_err(|failed| format!("{}: {}", op.activation(), failed.message().unwrap_or("")))?;
    }
    Ok(())
}
