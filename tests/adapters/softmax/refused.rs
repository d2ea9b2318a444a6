//! Wrong use: each error names the values and the rule.

use libtest_mimic::Failed;
use wgpu_activations::{ElementType, Error, Gpu, ShaderChecks, Softmax};

use super::{Device, same_bits};

fn refused(result: wgpu_activations::Result<()>, expected: &str) -> Result<Error, Failed> {
    match result {
        Err(error) if error.to_string() == expected => Ok(error),
        other => Err(format!("expected `{expected}`, not {other:?}").into()),
    }
}

pub(super) fn wrong_use(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    let other = Gpu::open(&device.adapter, ShaderChecks::Trusted)?;
    let x = gpu.upload(&[1.0f32; 6], [2, 3])?;
    let y = gpu.upload(&[1.0f32; 6], [2, 3])?;
    let turned = gpu.upload(&[1.0f32; 6], [3, 2])?;
    let halves = gpu.upload(&[half::f16::ONE; 6], [2, 3])?;
    let foreign = other.upload(&[1.0f32; 6], [2, 3])?;
    let scalar = gpu.upload(&[1.0f32], Vec::new())?;
    let op = Softmax::new(-1);
    let log = Softmax::log(-1);
    for axis in [2, -3, i64::MIN, i64::MAX] {
        refused(
            Softmax::new(axis).forward(&x).map(drop),
            &format!("axis {axis} does not exist in shape [2, 3]; axes run from -2 to 1"),
        )?;
    }
    refused(
        op.forward(&scalar).map(drop),
        "axis -1 does not exist in shape []; a single number has no axes",
    )?;
    refused(
        op.forward_into(&x, &turned),
        "softmax: y has shape [3, 2] but x has shape [2, 3]; they must match",
    )?;
    refused(
        log.backward(&y, &turned).map(drop),
        "log-softmax: upstream has shape [3, 2] but x has shape [2, 3]; they must match",
    )?;
    refused(
        op.backward_into(&y, &x, &halves),
        "softmax: dx holds f16 but x holds f32; they must match",
    )?;
    for result in [
        op.forward_into(&x, &foreign),
        op.backward_into(&y, &foreign, &x),
    ] {
        refused(
            result,
            "softmax: tensors, buffers and encoders belong to different devices; take all of one",
        )?;
    }
    refused(
        op.forward_into(&x, &x),
        "softmax: x and y lie in the same buffer; use a tensor of its own or another buffer",
    )?;
    for result in [op.backward_into(&y, &x, &x), op.backward_into(&y, &x, &y)] {
        if !matches!(result, Err(Error::Aliased { .. })) {
            return Err(format!("{result:?}").into());
        }
    }
    // None of it harmed the device; two inputs may share a buffer.
    let ones = gpu.upload(&[1.0f32; 4], [4, 1])?;
    let dx = op.backward(&ones, &ones)?;
    assert_eq!(dx.element(), ElementType::F32);
    same_bits("afterwards", &dx.download::<f32>()?, &[0.0; 4])
}
