//! Host data streamed through every adapter: what a job tells, refuses and survives. What it computes is in
//! `conformance`.

use std::sync::atomic::{AtomicU64, Ordering};

use libtest_mimic::{Failed, Trial};
use wgpu_activations::{
    Activation, Chain, Element, ElementType, Error, Offload, Pointwise, accuracy::inputs::words,
    offload::Purpose,
};

use crate::common::{Device, same_bits, smallest};

pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    if !device.trusted() {
        return Vec::new();
    }
    vec![
        device.trial("apply", apply),
        device.trial("progress", progress),
        device.trial("forecast", forecast),
        device.trial("channels-beyond-binding", channels_beyond_binding),
        device.trial("refused", refused),
    ]
}

/// Random numbers of some size.
fn numbers<T: Element>(len: usize) -> Vec<T> {
    let number = |word: u32| T::from_f64(f64::from(word as i32) / f64::from(1 << 28));
    words(len as u64).take(len).map(number).collect()
}

fn apply(device: &Device) -> Result<(), Failed> {
    for len in [0, 1, 1023, 1024, 1025, 100_003] {
        let x = numbers::<half::f16>(len);
        let tensor = device.gpu.upload(&x, [len])?;
        let expected: Vec<half::f16> = Activation::GELU.forward(&tensor)?.download()?;
        let mut y = x.clone();
        Activation::GELU.apply(&device.gpu, &mut y)?;
        same_bits("y", &y, &expected)?;
    }
    Ok(())
}
fn progress(device: &Device) -> Result<(), Failed> {
    let most = AtomicU64::new(0);
    let calls = AtomicU64::new(0);
    let told = |progress: wgpu_activations::offload::Progress| {
        assert_eq!(progress.of, 10_000);
        most.fetch_max(progress.done, Ordering::Relaxed);
        calls.fetch_add(1, Ordering::Relaxed);
    };
    let mut x = numbers::<f32>(10_000);
    let offload = Offload::new(&device.gpu).progress(&told);
    let mish = Activation::MISH.into();
    let offload = smallest(
        &offload,
        &mish,
        &[10_000],
        ElementType::F32,
        Purpose::Forward,
    );
    let summary = offload.forward_in_place(&mish, &[10_000], &mut x)?;
    assert_eq!((summary.chunks, calls.into_inner()), (10, 10));
    assert_eq!(most.into_inner(), 10_000);
    assert_eq!((summary.uploaded, summary.downloaded), (40_000, 40_000));
    assert_eq!(summary.devices, [(device.gpu.name().to_owned(), 10)]);
    Ok(())
}

fn forecast(device: &Device) -> Result<(), Failed> {
    let budget = 64 << 20;
    let offload = Offload::new(&device.gpu).memory(budget);
    let chain = Activation::GELU.into();
    let forecast = offload.forecast(&chain, &[1 << 34], ElementType::F32)?;
    assert_eq!((forecast.passes, forecast.bytes), (1, 8 << 34));
    assert!(forecast.memory <= budget, "{forecast:?}");
    assert!(forecast.memory > budget / 2, "{forecast:?}");
    assert_eq!(
        forecast.chunks,
        (1_usize << 34).div_ceil(forecast.chunk_elements)
    );
    Ok(())
}

/// Chunks hold no more channels than a device can bind what it knows of.
fn channels_beyond_binding(device: &Device) -> Result<(), Failed> {
    const SHAPE: [usize; 2] = [2, 100_000];
    let small = device.with_limits(|limits| limits.max_storage_buffer_binding_size = 1 << 20);
    let chain: Chain = "dice".parse()?;
    let x = numbers::<f32>(2 * 100_000);
    let (mut y, mut whole) = (x.clone(), x.clone());
    Offload::new(&small.gpu)
        .memory(256 << 20)
        .forward(&chain, &SHAPE, &x, &mut y)?;
    Offload::new(&device.gpu).forward(&chain, &SHAPE, &x, &mut whole)?;
    // Moments of one row and another are merged where they were of both.
    let off = y.iter().zip(&whole).map(|(a, b)| (a - b).abs());
    let off = off.fold(0.0, f32::max);
    if off > 1e-5 {
        return Err(format!("y is off by {off}").into());
    }
    Ok(())
}

fn refused(device: &Device) -> Result<(), Failed> {
    let offload = Offload::new(&device.gpu);
    let relu = Chain::from(Activation::RELU);
    let x = numbers::<f32>(6);
    let mut y = x.clone();
    let is_length = |result: Result<(), Error>, lengths: (usize, usize)| {
        assert!(
            matches!(result, Err(Error::LengthMismatch { expected, found, .. })
                if (expected, found) == lengths),
            "{result:?}"
        );
    };
    let forward = offload.forward(&relu, &[2, 3], &x, &mut y[..5]);
    is_length(forward.map(drop), (6, 5));
    let forward = offload.forward(&relu, &[2, 4], &x, &mut y);
    is_length(forward.map(drop), (8, 6));
    let backward = offload.backward(&relu, &[6], &x, &x[..5], &mut y);
    is_length(backward.map(drop), (6, 5));

    let slopes = Pointwise::new(Activation::PRELU).per_channel(vec![0.5; 2], -1)?;
    let slopes = Chain::new(slopes);
    let two = offload.forward_in_place(&slopes, &[2, 3], &mut y);
    assert!(
        matches!(
            two,
            Err(Error::ChannelMismatch {
                found: 2,
                channels: 3,
                ..
            })
        ),
        "{two:?}"
    );
    let nowhere = offload.forward_in_place(&slopes.axis(2), &[2, 3], &mut y);
    assert!(
        matches!(nowhere, Err(Error::AxisOutOfRange { axis: 2, .. })),
        "{nowhere:?}"
    );
    assert_eq!(x, y);
    Ok(())
}

/// Two adapters of different vendors: where one is lost, the other does it all.
pub(crate) fn together(devices: &[Device]) -> Vec<Trial> {
    let trusted: Vec<_> = devices.iter().filter(|device| device.trusted()).collect();
    let pairs = trusted.windows(2);
    pairs
        .map(|pair| {
            let (one, other) = (pair[0].clone(), pair[1].clone());
            let name = format!("lost/{}+{}", one.name, other.name);
            Trial::test(name, move || lost(&one, &other))
        })
        .collect()
}

fn lost(one: &Device, other: &Device) -> Result<(), Failed> {
    // A device of the caller's own, which cannot be opened again.
    let doomed = one.with_limits(|_| {});
    doomed.gpu.device().destroy();
    let x = numbers::<f32>(100_000);
    let mut expected = x.clone();
    Activation::MISH.apply(&other.gpu, &mut expected)?;
    let mut y = x.clone();
    let both = Offload::new(&doomed.gpu).and(&other.gpu).memory(1 << 20);
    let summary = both.forward_in_place(&Activation::MISH.into(), &[x.len()], &mut y)?;
    same_bits("y", &y, &expected)?;
    assert_eq!(summary.devices.len(), 1, "{summary:?}");
    // The other may have done it all before the first was asked.
    assert!(summary.lost.len() <= 1, "{summary:?}");

    let alone = Offload::new(&doomed.gpu);
    let failed = alone.forward_in_place(&Activation::MISH.into(), &[x.len()], &mut y);
    // What becomes of a device of the caller's own is told to the caller's handlers.
    assert!(failed.is_err(), "{failed:?}");

    // One that was opened by name is opened once more.
    let again = wgpu_activations::Gpu::open(&one.adapter, one.checks)?;
    again.device().destroy();
    let mut y = x.clone();
    Offload::new(&again).forward_in_place(&Activation::MISH.into(), &[x.len()], &mut y)?;
    let mut expected = x;
    Activation::MISH.apply(&one.gpu, &mut expected)?;
    same_bits("y", &y, &expected)
}
