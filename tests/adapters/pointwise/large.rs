//! Tensors beyond 65,535 workgroups and beyond the largest storage binding.

use half::f16;
use libtest_mimic::{Failed, Trial};
use wgpu_activations::{
    Activation, Element, ElementType, Math, Pointwise, Tensor,
    accuracy::{Expectation, Tolerance, inputs::words},
    check::Pass,
};

use super::{Device, expect_passed, run_and_compare};
use crate::{common, with_element};

/// Elements of a tile, by which workgroups take a tensor.
const TILE: usize = 2048;

pub(super) fn trials(device: &Device) -> Vec<Trial> {
    if !device.trusted() {
        return Vec::new();
    }
    let limits = device.gpu.limits();
    let binding = limits.max_storage_buffer_binding_size as usize;
    let mut trials = Vec::new();
    for element in common::SIZES {
        let name = format!("pieces/{}", element.name());
        trials.push(device.trial(&name, move |device| with_element!(element, pieces(device))));
    }
    let len = 65_535 * TILE + 3 * TILE + 77;
    if binding.min(limits.max_buffer_size as usize) > len * 2 + 16 {
        let name = format!("relu/f16/workgroups>65535/len={len}");
        trials.push(device.trial(&name, move |device| workgroups(device, len)));
    }
    // Where a binding holds more, this takes more memory than a test should.
    if binding <= 128 << 20 {
        let rows = binding / 4 / CHANNELS + 37;
        for pass in Pass::ALL {
            for per_channel in [false, true] {
                let parameter = if per_channel { "per-channel" } else { "scalar" };
                let name = format!("leaky-relu/{}/f32/{parameter}/beyond-binding", pass.name());
                trials.push(device.trial(&name, move |device| {
                    beyond_binding(device, pass, per_channel, rows)
                }));
            }
        }
    }
    trials
}

/// Does not divide what a binding holds.
const CHANNELS: usize = 1009;

/// Numbers that repeat after a prime, so that a piece out of place shows.
fn cycled<T: Element>(len: usize) -> Vec<T> {
    const PERIOD: usize = 1_000_003;
    let block: Vec<T> = words(9)
        .take(PERIOD.min(len))
        .map(|word| T::from_f64(f64::from(word as i32) / f64::from(1 << 28)))
        .collect();
    let mut data = Vec::with_capacity(len);
    while data.len() < len {
        data.extend_from_slice(&block[..block.len().min(len - data.len())]);
    }
    data
}

/// Both ends, both sides of every multiple of 2^24 and of the tile where workgroups fold, and
/// every 1009th between.
fn places(len: usize) -> impl Iterator<Item = usize> {
    let seams = (0..=len)
        .step_by(1 << 24)
        .chain([65_535 * TILE, len])
        .flat_map(move |seam| seam.saturating_sub(5000)..(seam + 5000).min(len));
    seams.chain((0..len).step_by(1009))
}

fn workgroups(device: &Device, len: usize) -> Result<(), Failed> {
    let x = cycled::<f16>(len);
    let tensor = device.gpu.upload(&x, [len])?;
    Pointwise::new(Activation::RELU).forward_in_place(&tensor)?;
    let mut y = vec![f16::NAN; len];
    tensor.download_into(&mut y)?;
    drop(tensor);
    device.gpu.trim();
    let expectation = Expectation {
        activation: Activation::RELU,
        channels: None,
        x: &x,
        upstream: None,
        tolerance: Tolerance::forward(Activation::RELU, ElementType::F16, Math::Accurate),
    };
    sampled(&expectation, &y)
}

fn beyond_binding(
    device: &Device,
    pass: Pass,
    per_channel: bool,
    rows: usize,
) -> Result<(), Failed> {
    let gpu = &device.gpu;
    let len = rows * CHANNELS;
    let x = cycled::<f32>(len);
    // Another place of the cycle.
    let gradient: Vec<f32> = x.iter().rev().copied().collect();
    let slopes: Vec<f32> = (0..CHANNELS)
        .map(|channel| channel as f32 / 512.0)
        .collect();
    let mut op = Pointwise::new(Activation::LEAKY_RELU);
    if per_channel {
        op = op.per_channel(slopes.clone(), 1)?;
    }
    let shape = [rows, CHANNELS];
    let (found, upstream): (Tensor, _) = {
        let tensor = gpu.upload(&x, shape)?;
        match pass {
            Pass::Forward => (op.forward(&tensor)?, None),
            Pass::Backward => {
                let upstream = gpu.upload(&gradient, shape)?;
                (op.backward(&tensor, &upstream)?, Some(&gradient[..]))
            }
        }
    };
    let found: Vec<f32> = found.download()?;
    gpu.trim();
    let expectation = Expectation {
        activation: Activation::LEAKY_RELU,
        channels: per_channel.then_some((&slopes, 1)),
        x: &x,
        upstream,
        tolerance: Tolerance::Ulp(1.0),
    };
    sampled(&expectation, &found)
}

fn sampled<T: Element>(expectation: &Expectation<'_, T>, found: &[T]) -> Result<(), Failed> {
    let len = found.len();
    let report = expectation.check_at(found, places(len))?;
    expect_passed(&report, places(len).count())
}

/// A device whose bindings hold little and whose workgroups are small: every tensor takes several
/// pieces, every element of which is compared.
fn pieces<T: Element>(device: &Device) -> Result<(), Failed> {
    const BINDING: u64 = 16 << 10;
    let small = device.with_limits(|limits| {
        limits.max_storage_buffer_binding_size = BINDING;
        limits.max_compute_invocations_per_workgroup = 64;
        limits.max_compute_workgroup_size_x = 64;
    });
    // Just one binding, one element more, several with a partial one at the end.
    let whole = BINDING as usize / size_of::<T>();
    for pass in Pass::ALL {
        for len in [whole, whole + 1, 3 * whole + 1757] {
            for activation in [Activation::RELU, Activation::SWISH] {
                run_and_compare::<T>(&small, &Pointwise::new(activation), None, pass, &[len])?;
            }
        }
        for (shape, axis) in [
            (&[29, 1009][..], 1),
            (&[1009, 29], 0),
            (&[3, 7, 1757], 1),
            (&[3, 7, 1757], 0),
            (&[2, 12_001], 0),
        ] {
            let slopes: Vec<f32> = (0..shape[axis]).map(|c| 0.5 + c as f32 / 999.0).collect();
            let inner = shape[axis + 1..].iter().product();
            let op =
                Pointwise::new(Activation::LEAKY_RELU).per_channel(slopes.clone(), axis as i64)?;
            run_and_compare::<T>(&small, &op, Some((&slopes, inner)), pass, shape)?;
        }
    }
    Ok(())
}
