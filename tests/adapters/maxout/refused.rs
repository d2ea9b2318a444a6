//! Wrong use: each error names the values and the rule.

use libtest_mimic::Failed;
use wgpu_activations::{
    ElementType, Error, Gpu, Maxout, MaxoutAffine, MaxoutGradients, ShaderChecks,
    family::maxout::reference::Layout,
};

use super::{Device, same_bits};

fn refused<T>(result: wgpu_activations::Result<T>, expected: &str) -> Result<(), Failed> {
    match result {
        Err(error) if error.to_string() == expected => Ok(()),
        Err(error) => Err(format!("expected `{expected}`, not `{error}`").into()),
        Ok(_) => Err(format!("expected `{expected}`, no error").into()),
    }
}

const FOREIGN: &str =
    "maxout: tensors, buffers and encoders belong to different devices; take all of one";

pub(super) fn wrong_use(device: &Device) -> Result<(), Failed> {
    let other = Gpu::open(&device.adapter, ShaderChecks::Trusted)?;
    pooling(&device.gpu, &other)?;
    affine(&device.gpu, &other)?;
    too_large(device)
}

fn pooling(gpu: &Gpu, other: &Gpu) -> Result<(), Failed> {
    let x = gpu.upload(&[1.0f32; 16], [2, 8])?;
    let of = |pieces, axis| Maxout::new(pieces, Layout::Adjacent, axis);
    for pieces in [0, 3, 16, usize::MAX] {
        refused(
            of(pieces, -1).forward(&x),
            &format!(
                "maxout: {pieces} pieces do not divide the 8 channels along axis 1 of shape [2, 8]; take a number >= 1 that does"
            ),
        )?;
    }
    for axis in [2, -3, i64::MIN, i64::MAX] {
        refused(
            of(2, axis).forward(&x),
            &format!("axis {axis} does not exist in shape [2, 8]; axes run from -2 to 1"),
        )?;
    }
    refused(
        of(1, 0).forward(&gpu.upload(&[1.0f32], Vec::new())?),
        "axis 0 does not exist in shape []; a single number has no axes",
    )?;
    let maxout = of(2, 1);
    let (y, winners) = maxout.forward(&x)?;
    refused(
        maxout.forward_into(&x, &x),
        "maxout: y has shape [2, 8] but the result has shape [2, 4]; they must match",
    )?;
    refused(
        of(1, 1).forward_into(&x, &x),
        "maxout: x and y lie in the same buffer; use a tensor of its own or another buffer",
    )?;
    let halves = gpu.upload(&[half::f16::ONE; 8], [2, 4])?;
    refused(
        maxout.forward_into(&x, &halves),
        "maxout: y holds f16 but x holds f32; they must match",
    )?;
    refused(
        maxout.backward(&winners, &halves),
        "maxout: upstream holds f16 but x holds f32; they must match",
    )?;
    refused(
        maxout.backward(&winners, &gpu.upload(&[1.0f32; 8], [4, 2])?),
        "maxout: upstream has shape [4, 2] but the winners' y has shape [2, 4]; they must match",
    )?;
    refused(
        maxout.backward_into(&winners, &y, &y),
        "maxout: dx has shape [2, 4] but the result has shape [2, 8]; they must match",
    )?;
    for (maxout, this) in [
        (of(4, 1), "4 pieces (adjacent channels, axis 1)"),
        (of(2, 0), "2 pieces (adjacent channels, axis 0)"),
        (
            Maxout::new(2, Layout::Strided, 1),
            "2 pieces (strided channels, axis 1)",
        ),
    ] {
        refused(
            maxout.backward(&winners, &y),
            &format!(
                "maxout: the winners are of 2 pieces (adjacent channels, axis 1) but this is {this}; they must match"
            ),
        )?;
    }
    let foreign = other.upload(&[1.0f32; 8], [2, 4])?;
    refused(maxout.forward_into(&x, &foreign), FOREIGN)?;
    refused(maxout.backward(&winners, &foreign), FOREIGN)?;
    // None of it harmed the device.
    let dx: Vec<f32> = maxout.backward(&winners, &y)?.download()?;
    let expected: Vec<f32> = (0..16).map(|place| f32::from(1 - place % 2_i16)).collect();
    same_bits("afterwards", &dx, &expected)
}

fn affine(gpu: &Gpu, other: &Gpu) -> Result<(), Failed> {
    let weight = gpu.upload(&[1.0f32; 12], [2, 3, 2])?;
    let bias = gpu.upload(&[1.0f32; 4], [2, 2])?;
    let x = gpu.upload(&[1.0f32; 15], [5, 3])?;
    let maxout = MaxoutAffine::new(&weight)?.bias(&bias)?;
    refused(
        MaxoutAffine::new(&x),
        "maxout: weight has shape [5, 3]; it must be [pieces, d, m] with 1 piece or more",
    )?;
    let none = gpu.upload(&[0.0f32; 0], [0, 3, 2])?;
    if !matches!(MaxoutAffine::new(&none), Err(Error::AffineMismatch { .. })) {
        return Err("no piece was taken".into());
    }
    let halves = gpu.upload(&[half::f16::ONE; 12], [2, 3, 2])?;
    refused(
        MaxoutAffine::new(&halves),
        "maxout: weight holds f16 but the kernel holds f32; they must match",
    )?;
    refused(
        maxout
            .clone()
            .bias(&gpu.upload(&[half::f16::ONE; 4], [2, 2])?),
        "maxout: bias holds f16 but the kernel holds f32; they must match",
    )?;
    refused(
        maxout.clone().bias(&gpu.upload(&[1.0f32; 6], [2, 3])?),
        "maxout: bias has shape [2, 3] but weight has shape [2, 3, 2]; it must be [pieces, m] of weight's [pieces, d, m]",
    )?;
    let turned = gpu.upload(&[1.0f32; 15], [3, 5])?;
    let scalar = gpu.upload(&[1.0f32], Vec::new())?;
    for (x, shape) in [(&turned, "[3, 5]"), (&scalar, "[]")] {
        refused(
            maxout.forward(x),
            &format!(
                "maxout: x has shape {shape} but weight has shape [2, 3, 2]; its last axis must be d of weight's [pieces, d, m]"
            ),
        )?;
    }
    let foreign = other.upload(&[1.0f32; 15], [5, 3])?;
    refused(maxout.forward(&foreign), FOREIGN)?;
    refused(
        maxout.clone().bias(&other.upload(&[1.0f32; 4], [2, 2])?),
        FOREIGN,
    )?;
    let (y, winners) = maxout.forward(&x)?;
    refused(
        maxout.backward(&x, &winners, &x),
        "maxout: upstream has shape [5, 3] but the winners' y has shape [5, 2]; they must match",
    )?;
    refused(
        maxout.backward(&gpu.upload(&[1.0f32; 12], [4, 3])?, &winners, &y),
        "maxout: upstream has shape [5, 2] but x's y has shape [4, 2]; they must match",
    )?;
    refused(
        maxout.backward(&gpu.upload(&[half::bf16::ONE; 15], [5, 3])?, &winners, &y),
        "maxout: upstream holds f32 but x holds bf16; they must match",
    )?;
    let pooled =
        Maxout::new(2, Layout::Adjacent, 1).forward(&gpu.upload(&[1.0f32; 20], [5, 4])?)?;
    refused(
        maxout.backward(&x, &pooled.1, &y),
        "maxout: the winners are of 2 pieces (adjacent channels, axis 1) but this is 2 pieces (affine maps); they must match",
    )?;
    let gradients = |shape: [usize; 3]| -> wgpu_activations::Result<_> {
        Ok(MaxoutGradients {
            dx: gpu.allocate([5, 3], ElementType::F32)?,
            weight: gpu.allocate(shape, ElementType::F32)?,
            bias: None,
        })
    };
    refused(
        maxout.backward_into(&x, &winners, &y, &gradients([2, 2, 3])?),
        "maxout: the weight's gradient has shape [2, 2, 3] but the result has shape [2, 3, 2]; they must match",
    )?;
    maxout.backward_into(&x, &winners, &y, &gradients([2, 3, 2])?)?;
    same_bits("afterwards", &y.download::<f32>()?, &[4.0; 10])
}

fn too_large(device: &Device) -> Result<(), Failed> {
    let small = device.with_limits(|limits| limits.max_storage_buffer_binding_size = 16 << 10);
    let gpu = &small.gpu;
    let weight = gpu.allocate([2, 64, 64], ElementType::F32)?;
    let x = gpu.allocate([1, 64], ElementType::F32)?;
    refused(
        MaxoutAffine::new(&weight)?.forward(&x),
        "maxout: the weight takes 32 KiB but this device allows 16 KiB; split the outputs",
    )
}
