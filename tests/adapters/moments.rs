//! Moments per channel on every adapter, against the f64 definition.

use libtest_mimic::{Failed, Trial};
use wgpu_activations::{Element, ElementType, Error, Gpu, Moments, accuracy::inputs::words};

use crate::{
    common::{self, Device, SHAPES_WITH_AXES, channel_axis, same_bits},
    with_element,
};

pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let mut trials = vec![
        device.trial("constant", constant),
        device.trial("outlier", outlier),
        device.trial("not-a-number", not_a_number),
        device.trial("shards", shards),
    ];
    for element in ElementType::ALL {
        trials.push(
            device.trial(&format!("{}/shapes", element.name()), move |device| {
                with_element!(element, shapes(&device.gpu, &SHAPES_WITH_AXES))
            }),
        );
        if device.trusted() {
            trials.push(
                device.trial(&format!("{}/large", element.name()), move |device| {
                    with_element!(element, shapes(&device.gpu, &LARGE))
                }),
            );
        }
        if device.trusted() && common::SIZES.contains(&element) {
            trials.push(
                device.trial(&format!("{}/pieces", element.name()), move |device| {
                    with_element!(element, pieces(device))
                }),
            );
        }
    }
    if device.trusted() {
        trials.push(device.trial("wrong-use", wrong_use));
    }
    trials
}

const LARGE: [(&[usize], i64); 6] = [
    (&[1 << 21, 1], 1),
    (&[1, 1 << 21], 0),
    (&[100_000, 3], 1),
    (&[700, 1757], 1),
    (&[267, 512], 1),
    (&[3, 5, 40_001], 1),
];

/// Numbers around a mean of each channel's own.
fn numbers<T: Element>(shape: &[usize], axis: i64) -> Vec<T> {
    let (index, inner) = channel_axis(shape, axis);
    let len = shape.iter().product();
    words(len as u64)
        .take(len)
        .enumerate()
        .map(|(place, word)| {
            let channel = place / inner % shape[index];
            T::from_f64(f64::from(word as i32) / f64::from(1 << 29) + (channel % 7) as f64 * 10.0)
        })
        .collect()
}

fn wide<T: Element>(x: &[T]) -> Vec<f64> {
    x.iter().map(|x| f64::from(x.to_f32())).collect()
}

/// Runs the kernels twice and compares with the definition.
fn compare<T: Element>(gpu: &Gpu, x: &[T], shape: &[usize], axis: i64) -> Result<(), Failed> {
    let (index, inner) = channel_axis(shape, axis);
    let tensor = gpu.upload(x, shape)?;
    let found = tensor.moments(axis)?.download()?;
    let again = tensor.moments(axis)?.download()?;
    same_bits(
        "a second run",
        &found
            .mean()
            .iter()
            .map(|&mean| mean as f32)
            .collect::<Vec<_>>(),
        &again
            .mean()
            .iter()
            .map(|&mean| mean as f32)
            .collect::<Vec<_>>(),
    )?;
    let expected = Moments::of(&wide(x), shape[index], inner)?;
    if found.count() != expected.count() || found.mean().len() != expected.mean().len() {
        return Err(format!("{shape:?}, axis {axis}: {found:?}").into());
    }
    let variances = found.variance().into_iter().zip(expected.variance());
    for (channel, (found_variance, variance)) in variances.enumerate() {
        let (found, expected) = (found.mean()[channel], expected.mean()[channel]);
        let deviation = variance.sqrt();
        // Written so that NaN fails.
        let mean_fits = (found - expected).abs() <= 1e-6 * (expected.abs() + deviation);
        let variance_fits = (found_variance - variance).abs()
            <= 1e-6 * variance * (1.0 + expected.abs() / deviation.max(1e-30));
        if x.is_empty() {
            continue;
        }
        if !mean_fits || !(variance_fits || found_variance == variance) {
            return Err(format!(
                "shape {shape:?}, axis {axis}, channel {channel}: mean {found}, expected {expected}; \
                 variance {found_variance}, expected {variance}"
            )
            .into());
        }
    }
    Ok(())
}

fn shapes<T: Element>(gpu: &Gpu, shapes: &[(&[usize], i64)]) -> Result<(), Failed> {
    for &(shape, axis) in shapes {
        compare(gpu, &numbers::<T>(shape, axis), shape, axis)?;
    }
    Ok(())
}

/// A device whose bindings hold so little that the tensor comes in many windows.
fn pieces<T: Element>(device: &Device) -> Result<(), Failed> {
    let small = device.with_limits(|limits| limits.max_storage_buffer_binding_size = 256 << 10);
    shapes::<T>(
        &small.gpu,
        &[
            (&[100_003, 3], 1),
            (&[90, 1757], 1),
            (&[5, 7, 3001], 1),
            (&[2, 7, 30_001], 1),
            (&[2, 2, 200_003], 1),
        ],
    )
}

/// Equal elements have that mean and no variance, exactly.
fn constant(device: &Device) -> Result<(), Failed> {
    for (shape, axis) in [
        (&[10_007, 3][..], 1),
        (&[130, 64], 1),
        (&[9, 3, 1001], 1),
        (&[70_000, 2, 3], 1),
        (&[1 << 20], 0),
    ] {
        let value = 1000.1f32;
        let len = shape.iter().product();
        let found = device
            .gpu
            .upload(&vec![value; len], shape)?
            .moments(axis)?
            .download()?;
        for (mean, variance) in found.mean().iter().zip(found.variance()) {
            if *mean != f64::from(value) || variance != 0.0 {
                return Err(format!("{shape:?}: mean {mean}, variance {variance}").into());
            }
        }
    }
    Ok(())
}

/// One element far from the others, in front.
fn outlier(device: &Device) -> Result<(), Failed> {
    for (shape, axis) in [(&[10_007, 3][..], 1), (&[3, 10_007], 0)] {
        let mut x = numbers::<f32>(shape, axis);
        x[0] = 1e6;
        compare(&device.gpu, &x, shape, axis)?;
    }
    Ok(())
}

/// NaN and infinity make the moments of their channel NaN and no other's.
fn not_a_number(device: &Device) -> Result<(), Failed> {
    for value in [f32::NAN, f32::INFINITY] {
        for (shape, axis, stride) in [([1031, 5], 1, 1), ([5, 1031], 0, 1031)] {
            let mut x = numbers::<f32>(&shape, axis);
            x[3 * stride + if stride == 1 { 5 * 517 } else { 517 }] = value;
            let found = device.gpu.upload(&x, shape)?.moments(axis)?.download()?;
            let nan: Vec<_> = found
                .variance()
                .iter()
                .map(|value| value.is_nan())
                .collect();
            if nan != [false, false, false, true, false] {
                return Err(format!("{value}: {found:?}").into());
            }
            // The definition agrees, wherever the value stands.
            let inner = if stride == 1 { 1 } else { 1031 };
            let expected = Moments::of(&wide(&x), 5, inner)?;
            let nan = |moments: &Moments| moments.mean().iter().map(|it| it.is_nan()).collect();
            let [found, expected]: [Vec<bool>; 2] = [nan(&found), nan(&expected)];
            if found != expected || found != [false, false, false, true, false] {
                return Err(format!("{value}: {found:?}, expected {expected:?}").into());
            }
        }
    }
    Ok(())
}

/// Parts computed apart merge into the whole.
fn shards(device: &Device) -> Result<(), Failed> {
    let x = numbers::<f32>(&[5000, 6], 1);
    let whole = Moments::of(&wide(&x), 6, 1)?;
    let mut merged: Option<Moments> = None;
    for part in x.chunks(6 * 1999) {
        let moments = device
            .gpu
            .upload(part, [part.len() / 6, 6])?
            .moments(1)?
            .download()?;
        merged = Some(match merged {
            None => moments,
            Some(merged) => merged.merge(&moments)?,
        });
    }
    let merged = merged.unwrap();
    let close = |a: &[f64], b: &[f64]| {
        a.len() == b.len()
            && a.iter()
                .zip(b)
                .all(|(a, b)| (a - b).abs() <= 1e-5 * (1.0 + b.abs()))
    };
    if merged.count() != 5000
        || !close(merged.mean(), whole.mean())
        || !close(&merged.variance(), &whole.variance())
    {
        return Err(format!("{merged:?}, expected {whole:?}").into());
    }
    Ok(())
}

fn wrong_use(device: &Device) -> Result<(), Failed> {
    let x = device.gpu.upload(&[1.0f32; 6], [2, 3])?;
    match x.moments(2) {
        Err(Error::AxisOutOfRange { axis: 2, .. }) => {}
        other => return Err(format!("axis 2: {other:?}").into()),
    }
    let small = device.with_limits(|limits| limits.max_storage_buffer_binding_size = 64 << 10);
    let x = small.gpu.upload(&vec![1.0f32; 2 * 70_001], [2, 70_001])?;
    match x.moments(1) {
        Err(Error::TooLarge { .. }) => Ok(()),
        other => Err(format!("a long row: {other:?}").into()),
    }
}
