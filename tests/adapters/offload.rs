//! Host data streamed through every adapter in chunks, against the same operation on a whole tensor
//! and against the f64 definition.

mod backward;
mod families;

use std::sync::atomic::{AtomicU64, Ordering};

use libtest_mimic::{Failed, Trial};
use wgpu_activations::{
    Activation, AlphaDropout, Element, ElementType, Error, Offload, Pointwise,
    check::words,
    offload::{Chain, Step},
};

use crate::common::{Device, same_bits};

/// Memory for chunks of 1,024 elements, and without a limit.
const BUDGETS: [Option<u64>; 2] = [Some(1), None];

pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let mut trials = Vec::new();
    for element in ElementType::ALL {
        if element != ElementType::F32 && !device.trusted() {
            // The kernels are checked in the tests of their families.
            continue;
        }
        let mut add = |name: &str, test: fn(&Device) -> Result<(), Failed>| {
            trials.push(device.trial(&format!("{}/{name}", element.name()), test));
        };
        match element {
            ElementType::F32 => {
                add("pointwise", pointwise::<f32>);
                add("fused", fused);
                backward::trials::<f32>(&mut add);
                add("channels", channels::<f32>);
                add("alpha-dropout", alpha_dropout::<f32>);
                families::trials::<f32>(&mut add);
            }
            ElementType::F16 => {
                add("pointwise", pointwise::<half::f16>);
                add("channels", channels::<half::f16>);
                add("alpha-dropout", alpha_dropout::<half::f16>);
                backward::trials::<half::f16>(&mut add);
                families::trials::<half::f16>(&mut add);
            }
            ElementType::Bf16 => {
                add("pointwise", pointwise::<half::bf16>);
                add("channels", channels::<half::bf16>);
                // Families move bf16 as f16.
                add("alpha-dropout", alpha_dropout::<half::bf16>);
            }
        }
    }
    if device.trusted() {
        trials.push(device.trial("progress", progress));
        trials.push(device.trial("forecast", forecast));
        trials.push(device.trial("refused", refused));
    }
    trials
}

/// Random numbers of some size.
pub(super) fn numbers<T: Element>(len: usize) -> Vec<T> {
    let number = |word: u32| T::from_f64(f64::from(word as i32) / f64::from(1 << 28));
    words(len as u64).take(len).map(number).collect()
}

pub(super) fn offload(device: &Device, budget: Option<u64>) -> Offload<'static> {
    let offload = Offload::new(&device.gpu);
    match budget {
        Some(bytes) => offload.memory(bytes),
        None => offload,
    }
}

/// Streams x, in place too where that can be, with every budget.
pub(super) fn streamed<T: Element>(
    device: &Device,
    chain: &Chain,
    shape: &[usize],
    x: &[T],
    check: impl Fn(&[T]) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let len = chain.result_shape(shape)?.iter().product();
    for budget in BUDGETS {
        let offload = offload(device, budget);
        let mut y = vec![T::from_f64(7.0); len];
        offload.forward(chain, shape, x, &mut y)?;
        check(&y).map_err(|error| format!("{chain} {shape:?} {budget:?}: {error:?}"))?;
        if len == x.len() && budget.is_some() {
            let mut y = x.to_vec();
            offload.forward_in_place(chain, shape, &mut y)?;
            check(&y)
                .map_err(|error| format!("{chain} {shape:?} {budget:?} in place: {error:?}"))?;
        }
    }
    Ok(())
}

fn pointwise<T: Element>(device: &Device) -> Result<(), Failed> {
    for len in [0, 1, 3, 1023, 1024, 1025, 100_003] {
        let x = numbers::<T>(len);
        let tensor = device.gpu.upload(&x, [len])?;
        let expected: Vec<T> = Activation::GELU.forward(&tensor)?.download()?;
        let chain = Activation::GELU.into();
        streamed(device, &chain, &[len], &x, |y| same_bits("y", y, &expected))?;
        let mut y = x.clone();
        Activation::GELU.apply(&device.gpu, &mut y)?;
        same_bits("y", &y, &expected)?;
    }
    Ok(())
}

/// Neighbours run as one kernel; what comes out is that of each in turn.
fn fused(device: &Device) -> Result<(), Failed> {
    let ops = [
        "elu(alpha=0.5)",
        "gelu",
        "softplus(beta=2)",
        "prelu(alpha=0.5)",
    ];
    let ops: Vec<Activation> = ops.into_iter().map(|op| op.parse().unwrap()).collect();
    let mut chain = Chain::from(ops[0]);
    for &activation in &ops[1..] {
        chain = chain.then(Step::Pointwise {
            activation,
            parameters: None,
        });
    }
    let mut x = numbers::<f32>(5003);
    x[7] = f32::NAN;
    x[8] = f32::INFINITY;
    let expected: Vec<f64> = x
        .iter()
        .map(|&x| {
            let apply = |x: f64, op: &Activation| {
                (op.definition().value)(x, f64::from(op.parameter().unwrap_or(0.0)))
            };
            ops.iter().fold(f64::from(x), apply)
        })
        .collect();
    streamed(device, &chain, &[x.len()], &x, |y| {
        for (found, &expected) in y.iter().zip(&expected) {
            let found = f64::from(*found);
            let same = found == expected || found.is_nan() && expected.is_nan();
            if !same && (found - expected).abs() > 2e-6 * (1.0 + expected.abs()) {
                return Err(format!("{found} is not {expected}").into());
            }
        }
        Ok(())
    })
}

fn channels<T: Element>(device: &Device) -> Result<(), Failed> {
    for shape in [&[7, 300, 41][..], &[5000, 3], &[3, 5000], &[40_000]] {
        let x = numbers::<T>(shape.iter().product());
        let tensor = device.gpu.upload(&x, shape)?;
        for axis in 0..shape.len() {
            let slopes: Vec<f32> = (0..shape[axis]).map(|index| index as f32 / 64.0).collect();
            let parameters = device.gpu.upload(&slopes, [slopes.len()])?;
            let op = Pointwise::new(Activation::PRELU).per_channel(&parameters, axis as i64)?;
            let expected: Vec<T> = op.forward(&tensor)?.download()?;
            let step = Step::Pointwise {
                activation: Activation::PRELU,
                parameters: Some(slopes),
            };
            let chain = Chain::new(step).axis(axis as i64);
            streamed(device, &chain, shape, &x, |y| same_bits("y", y, &expected))?;
        }
    }
    Ok(())
}

fn alpha_dropout<T: Element>(device: &Device) -> Result<(), Failed> {
    let dropout = AlphaDropout::new(0.3, 11)?;
    for len in [1, 1023, 50_001] {
        let x = numbers::<T>(len);
        let tensor = device.gpu.upload(&x, [len])?;
        let selu = Activation::SELU.forward(&tensor)?;
        let expected: Vec<T> = dropout.forward(&selu)?.download()?;
        let chain = Chain::from(Activation::SELU).then(Step::AlphaDropout(dropout));
        streamed(device, &chain, &[len], &x, |y| same_bits("y", y, &expected))?;
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
    let offload = Offload::new(&device.gpu).memory(1).progress(&told);
    let summary = offload.forward_in_place(&Activation::MISH.into(), &[10_000], &mut x)?;
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

fn refused(device: &Device) -> Result<(), Failed> {
    let offload = Offload::new(&device.gpu);
    let chain = Chain::from(Activation::RELU);
    let x = numbers::<f32>(6);
    let mut y = vec![0.0f32; 5];
    assert!(matches!(
        offload.forward(&chain, &[2, 3], &x, &mut y),
        Err(Error::LengthMismatch {
            expected: 6,
            found: 5,
            ..
        })
    ));
    assert!(matches!(
        offload.forward(&chain, &[2, 4], &x, &mut y),
        Err(Error::LengthMismatch {
            expected: 8,
            found: 6,
            ..
        })
    ));
    let slopes = Step::Pointwise {
        activation: Activation::PRELU,
        parameters: Some(vec![0.5; 2]),
    };
    let mut y = x.clone();
    assert!(matches!(
        offload.forward_in_place(&Chain::new(slopes.clone()), &[2, 3], &mut y),
        Err(Error::ChannelMismatch {
            found: 2,
            channels: 3,
            ..
        })
    ));
    assert!(matches!(
        offload.forward_in_place(&Chain::new(slopes).axis(2), &[2, 3], &mut y),
        Err(Error::AxisOutOfRange { axis: 2, .. })
    ));
    assert_eq!(x, y);
    Ok(())
}

/// Two adapters of different vendors share one job; where one is lost, the other does it all.
pub(crate) fn together(devices: &[Device]) -> Vec<Trial> {
    let trusted: Vec<_> = devices.iter().filter(|device| device.trusted()).collect();
    let pairs = trusted
        .windows(2)
        .map(|pair| (pair[0].clone(), pair[1].clone()));
    pairs
        .flat_map(|(one, other)| {
            let name = |what: &str| format!("{what}/{}+{}", one.name, other.name);
            let (a, b) = (one.clone(), other.clone());
            let shared = Trial::test(name("shared"), move || shared(&a, &b));
            let lost = Trial::test(name("lost"), move || lost(&one, &other));
            [shared, lost]
        })
        .collect()
}

fn shared(one: &Device, other: &Device) -> Result<(), Failed> {
    let x = numbers::<f32>(3_000_000);
    let mut expected = x.clone();
    Activation::MISH.apply(&one.gpu, &mut expected)?;
    let mut y = x.clone();
    let both = Offload::new(&one.gpu).and(&other.gpu).memory(8 << 20);
    let summary = both.forward_in_place(&Activation::MISH.into(), &[x.len()], &mut y)?;
    assert_eq!(summary.devices.len(), 2, "{summary:?}");
    for (expected, found) in expected.iter().zip(&y) {
        // Adapters round apart.
        assert!(
            (expected - found).abs() <= 1e-6 * expected.abs(),
            "{expected} {found}"
        );
    }
    Ok(())
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
