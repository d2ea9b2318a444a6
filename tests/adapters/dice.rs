//! Dice on every adapter, against the f64 definition.

use libtest_mimic::{Failed, Trial};
use wgpu_activations::{
    Chain, Dice, DiceGradients, Element, ElementType, Error, Gpu, Math, Moments, ShaderChecks,
    Tensor, accuracy::inputs::words, check::check_chain, family, family::dice::Function,
};

use crate::{
    common::{self, Device, channel_axis, same_bits, upstream},
    with_element,
};

pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let mut trials = vec![
        device.trial("constant", constant),
        device.trial("running", running),
        device.trial("not-a-number", not_a_number),
        device.trial("edges", edges),
    ];
    for element in ElementType::ALL {
        let name = element.name();
        if device.trusted() {
            trials.push(device.trial(&format!("{name}/shapes"), move |device| {
                with_element!(element, all(&device.gpu, &SHAPES, Math::Accurate))
            }));
            trials.push(device.trial(&format!("{name}/large"), move |device| {
                with_element!(element, all(&device.gpu, &LARGE, Math::Accurate))
            }));
        }
        if device.trusted() && common::SIZES.contains(&element) {
            trials.push(device.trial(&format!("{name}/pieces"), move |device| {
                with_element!(element, pieces(device))
            }));
        }
    }
    if device.trusted() {
        // Whose functions are of f32, whatever the type.
        trials.push(device.trial("f32/native", |device| {
            all::<f32>(&device.gpu, &LARGE[..1], Math::Native)
        }));
        trials.push(device.trial("far-mean", far_mean));
        trials.push(device.trial("wrong-use", wrong_use));
    }
    trials
}

/// Channels innermost and not, and nothing.
const SHAPES: [(&[usize], i64); 5] = [
    (&[3, 345, 7], 0),
    (&[3, 345, 7], 1),
    (&[7, 5, 8], 1),
    (&[2051, 3], 1),
    (&[0, 3], 1),
];

const LARGE: [(&[usize], i64); 5] = [
    (&[5000, 36], 1),
    (&[100_000, 3], 1),
    (&[300, 1757], -1),
    (&[267, 512], -1),
    (&[3, 5, 20_001], 1),
];

/// Numbers around a mean of each channel's own.
fn numbers<T: Element>(shape: &[usize], axis: i64) -> Vec<T> {
    let (index, inner) = channel_axis(shape, axis);
    let len = shape.iter().product();
    words(len as u64 + 1)
        .take(len)
        .enumerate()
        .map(|(place, word)| {
            let channel = place / inner % shape[index];
            T::from_f64(f64::from(word as i32) / f64::from(1 << 29) + (channel % 5) as f64 - 2.0)
        })
        .collect()
}

fn slopes(channels: usize) -> Vec<f32> {
    (0..channels)
        .map(|channel| (channel % 11) as f32 * 0.2 - 0.5)
        .collect()
}

fn all<T: Element>(gpu: &Gpu, shapes: &[(&[usize], i64)], math: Math) -> Result<(), Failed> {
    for &(shape, axis) in shapes {
        compare::<T>(gpu, shape, axis, math).map_err(|error| {
            format!("{shape:?}, axis {axis}: {}", error.message().unwrap_or(""))
        })?;
    }
    Ok(())
}

/// The operation against the reference, and the layer against the operation, training and inference, with alphas of
/// all kinds.
fn compare<T: Element>(gpu: &Gpu, shape: &[usize], axis: i64, math: Math) -> Result<(), Failed> {
    const EPSILON: f32 = 1e-5;
    let (index, _) = channel_axis(shape, axis);
    let channels = shape[index];
    let (x, g) = (
        numbers::<T>(shape, axis),
        upstream::<T>(shape.iter().product()),
    );
    let (tensor, gradient) = (gpu.upload(&x, shape)?, gpu.upload(&g, shape)?);
    let dice = Dice::new(gpu, channels)?
        .axis(axis)
        .epsilon(EPSILON)?
        .math(math);
    dice.alpha().write(&slopes(channels))?;
    let function = Function::new().alpha(slopes(channels)).epsilon(EPSILON)?;
    let function = function.axis(axis).math(math);

    let (y, batch) = dice.train(&tensor)?;
    let gradients = dice.backward(&tensor, &gradient, &batch)?;
    let trained = Chain::new(function.clone());
    layer::<T>(&trained, [&tensor, &gradient], &y, &gradients)?;

    // Inference with the running statistics that training left.
    let running = [dice.running_mean(), dice.running_variance()];
    let [mean, variance] = running.map(Tensor::download::<f32>);
    let inferred = Chain::new(function.running(mean?, variance?).infer());
    let y = dice.infer(&tensor)?;
    let gradients = dice.infer_backward(&tensor, &gradient)?;
    layer::<T>(&inferred, [&tensor, &gradient], &y, &gradients)?;

    for chain in [trained, inferred] {
        for upstream in [None, Some(g.clone())] {
            let report = check_chain(gpu, &chain, shape, vec![x.clone()], upstream)?;
            if report.failed > 0 || report.compared < x.len() as u64 {
                return Err(format!("{chain}: {report}").into());
            }
        }
    }
    Ok(())
}

/// Means up to a million standard deviations from 0, slopes of either sign, scales great and small.
fn far_mean(device: &Device) -> Result<(), Failed> {
    const SHAPES: [[usize; 2]; 3] = [[500, 20], [257, 33], [200_003, 3]];
    for [rows, channels] in SHAPES {
        let noise = family::everyday(rows * channels, 11);
        let g: Vec<f32> = upstream(rows * channels);
        for far in [0.0, 1.0, 20.0, 1e4, 1e6] {
            for sigma in [1.0, 100.0, 1e-3] {
                let x: Vec<f32> = noise.iter().map(|x| (sigma * (x + far)) as f32).collect();
                let function = Function::new().alpha(slopes(channels)).epsilon(1e-9)?;
                let wide: Vec<_> = x.iter().map(|&x| f64::from(x)).collect();
                let moments = Moments::of(&wide, channels, 1)?;
                let narrow = |values: &[f64]| values.iter().map(|&x| x as f32).collect::<Vec<_>>();
                let given = (narrow(moments.mean()), narrow(&moments.variance()));
                let inferred = function.clone().running(given.0, given.1).infer();
                for chain in [Chain::new(function), Chain::new(inferred)] {
                    for upstream in [None, Some(g.clone())] {
                        let report = check_chain(
                            &device.gpu,
                            &chain,
                            &[rows, channels],
                            vec![x.clone()],
                            upstream,
                        )?;
                        if report.failed > 0 || report.compared < x.len() as u64 {
                            let what = format!("{rows} rows, mean {far}, sigma {sigma}");
                            return Err(format!("{chain}, {what}: {report}").into());
                        }
                    }
                }
            }
        }
    }
    Ok(())
}

/// The layer gives the bits of the operation.
fn layer<T: Element>(
    chain: &Chain,
    [x, g]: [&Tensor; 2],
    y: &Tensor,
    gradients: &DiceGradients,
) -> Result<(), Failed> {
    same_bits("y", &y.download::<T>()?, &chain.forward(x)?.download()?)?;
    let expected = chain.backward(x, g)?;
    same_bits(
        "dx",
        &gradients.dx.download::<T>()?,
        &expected.dx.download()?,
    )?;
    let alpha = expected.parameters[0].value.download::<f32>()?;
    same_bits("dalpha", &gradients.alpha.download::<f32>()?, &alpha)
}

/// A device whose bindings hold so little that the tensor comes in many windows.
fn pieces<T: Element>(device: &Device) -> Result<(), Failed> {
    let small = device.with_limits(|limits| limits.max_storage_buffer_binding_size = 256 << 10);
    all::<T>(
        &small.gpu,
        &[(&[70_003, 3], 1), (&[90, 1757], 1), (&[2, 3, 30_001], 1)],
        Math::Accurate,
    )
}

/// A constant column has z = 0, so that half of it passes.
fn constant(device: &Device) -> Result<(), Failed> {
    for (shape, axis) in [(&[1000, 3][..], 1), (&[5, 3, 77], 1)] {
        let len = shape.iter().product();
        let x = device.gpu.upload(&vec![1000.1f32; len], shape)?;
        let (y, _) = Dice::new(&device.gpu, 3)?.axis(axis).train(&x)?;
        let y: Vec<f32> = y.download()?;
        if y.len() != len || y.iter().any(|&y| y != 1000.1 / 2.0) {
            return Err(format!("{shape:?}: {:?}", &y[..3]).into());
        }
    }
    Ok(())
}

/// running = (1 - momentum) running + momentum batch, unbiased unless biased.
fn running(device: &Device) -> Result<(), Failed> {
    let x = device
        .gpu
        .upload(&[1.0f32, 10.0, 3.0, 10.0, 8.0, 13.0], [3, 2])?;
    for (biased, variances) in [(false, [13.0, 3.0]), (true, [26.0 / 3.0, 2.0])] {
        let mut dice = Dice::new(&device.gpu, 2)?.momentum(0.25)?;
        if biased {
            dice = dice.biased();
        }
        dice.running_mean().write(&[2.0f32, -2.0])?;
        dice.train(&x)?;
        let mean: Vec<f32> = dice.running_mean().download()?;
        let variance: Vec<f32> = dice.running_variance().download()?;
        let close = |found: &[f32], expected: [f64; 2]| {
            found.len() == 2
                && (0..2)
                    .all(|c| (f64::from(found[c]) - expected[c]).abs() <= 1e-6 * expected[c].abs())
        };
        if !close(&mean, [2.5, 1.25]) || !close(&variance, variances.map(|v| 0.75 + 0.25 * v)) {
            return Err(format!("mean {mean:?}, variance {variance:?}").into());
        }
        dice.infer(&x)?;
        same_bits("inference", &mean, &dice.running_mean().download::<f32>()?)?;
    }
    Ok(())
}

/// NaN spoils its channel and no other.
fn not_a_number(device: &Device) -> Result<(), Failed> {
    let mut x = numbers::<f32>(&[300, 3], 1);
    x[3 * 100 + 1] = f32::NAN;
    let dice = Dice::new(&device.gpu, 3)?;
    let x = device.gpu.upload(&x, [300, 3])?;
    let (y, batch) = dice.train(&x)?;
    let dx = dice.backward(&x, &x, &batch)?.dx;
    for found in [y, dx] {
        let found: Vec<f32> = found.download()?;
        for (index, value) in found.iter().enumerate() {
            if value.is_nan() != (index % 3 == 1) {
                return Err(format!("element {index}: {value}").into());
            }
        }
    }
    Ok(())
}

/// What lies at the ends of f32: z is infinite, or the variance is.
fn edges(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    let far = [-3.4e38f32, -1e30, 1e30, 3.4e38, 0.0];
    let (x, upstream) = (gpu.upload(&far, [5, 1])?, gpu.upload(&[1.0f32; 5], [5, 1])?);
    let dice = Dice::new(gpu, 1)?;
    dice.running_variance().write(&[0.0f32])?;
    let dx: Vec<f32> = dice.infer_backward(&x, &upstream)?.dx.download()?;
    same_bits("dx", &dx, &[0.0, 0.0, 1.0, 1.0, 0.5])?;
    // The tail of alpha's term, which f32 holds when upstream has made it larger.
    let (tail, steep) = ([900.0f32, 0.0865], [1e10f32, 1e20]);
    for (place, variance) in [100.0f32, 1e-6].into_iter().enumerate() {
        dice.running_variance().write(&[variance])?;
        let x = gpu.upload(&tail[place..=place], [1, 1])?;
        let upstream = gpu.upload(&steep[place..=place], [1, 1])?;
        let found: Vec<f32> = dice.infer_backward(&x, &upstream)?.alpha.download()?;
        let (x, g) = (f64::from(tail[place]), f64::from(steep[place]));
        let z = x / (f64::from(variance) + 1e-8).sqrt();
        let expected = g * x * (-z).exp();
        if (f64::from(found[0]) / expected - 1.0).abs() > 1e-4 {
            return Err(format!("alpha's gradient is {}, not {expected:e}", found[0]).into());
        }
    }
    for power in [60, 100, 124] {
        for (rows, inner) in [(1000, 1), (40_000, 1), (3, 999), (2, 70_000)] {
            wide(gpu, f32::powi(2.0, power), rows, inner)
                .map_err(|error| format!("2^{power}, [{rows}, 2, {inner}]: {error}"))?;
        }
    }
    Ok(())
}

/// Numbers and so many times these in channels beside each other: the results, and what is known of the channels, differ
/// by as much, though the squares of one are no f32.
fn wide(gpu: &Gpu, times: f32, rows: usize, inner: usize) -> Result<(), String> {
    let one = numbers::<f32>(&[rows, inner], 1);
    let one: Vec<_> = one.chunks_exact(inner).collect();
    let both = one.iter().flat_map(|row| {
        let many = row.iter().map(|x| times * x);
        many.chain(row.iter().copied()).collect::<Vec<_>>()
    });
    let compare = || {
        let x = gpu.upload(&both.collect::<Vec<_>>(), [rows, 2, inner])?;
        let (y, batch) = Dice::new(gpu, 2)?.axis(1).train(&x)?;
        Ok::<_, Error>((y.download::<f32>()?, batch.download()?))
    };
    let (y, batch) = compare().map_err(|error| error.to_string())?;
    for (index, pair) in y.chunks_exact(2 * inner).enumerate() {
        let (many, few) = pair.split_at(inner);
        for (many, few) in many.iter().zip(few) {
            let off = (many / times - few).abs();
            if off.is_nan() || off > 1e-5 * (1.0 + few.abs()) {
                return Err(format!("row {index}: {many} is not {times:e} {few}"));
            }
        }
    }
    let squared = f64::from(times).powi(2);
    let (m2, mean) = (batch.m2(), batch.mean());
    let right = (m2[0] / squared / m2[1] - 1.0).abs() < 1e-5
        && (mean[0] / f64::from(times) - mean[1]).abs() < 1e-5;
    match right {
        true => Ok(()),
        false => Err(format!("mean {mean:?}, M2 {m2:?}")),
    }
}

fn wrong_use(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    let other = Gpu::open(&device.adapter, ShaderChecks::Trusted)?;
    let dice = Dice::new(gpu, 3)?;
    let x = gpu.upload(&[1.0f32; 6], [2, 3])?;
    let message = |result: wgpu_activations::Result<Tensor>| match result {
        Ok(_) => "no error".to_owned(),
        Err(error) => error.to_string(),
    };
    let train = |x: &Tensor| message(dice.train(x).map(|(y, _)| y));
    let cases = [
        (
            train(&gpu.upload(&[1.0f32; 3], [1, 3])?),
            "dice: training needs 2 or more elements per channel but shape [1, 3] has 1 along channel axis 1; use a larger batch, or inference",
        ),
        (
            train(&gpu.upload(&[1.0f32; 8], [2, 4])?),
            "dice: 3 values of alpha but 4 channels along axis 1 of shape [2, 4]; they must match",
        ),
        (
            message(dice.infer(&other.upload(&[1.0f32; 6], [2, 3])?)),
            "dice: tensors, buffers and encoders belong to different devices; take all of one",
        ),
        (
            message(
                dice.infer_backward(&x, &gpu.upload(&[1.0f32; 6], [3, 2])?)
                    .map(|gradients| gradients.dx),
            ),
            "dice: upstream has shape [3, 2] but x has shape [2, 3]; they must match",
        ),
        (
            message(Dice::new(gpu, 3)?.axis(2).infer(&x)),
            "axis 2 does not exist in shape [2, 3]; axes run from -2 to 1",
        ),
    ];
    for (found, expected) in cases {
        if found != expected {
            return Err(format!("{found}, expected {expected}").into());
        }
    }
    for (parameter, result) in [
        ("epsilon", Dice::new(gpu, 3)?.epsilon(0.0)),
        ("epsilon", Dice::new(gpu, 3)?.epsilon(f32::NAN)),
        ("momentum", Dice::new(gpu, 3)?.momentum(1.5)),
    ] {
        match result {
            Err(Error::ParameterOutOfRange {
                parameter: found, ..
            }) if found == parameter => {}
            other => return Err(format!("{parameter}: {other:?}").into()),
        }
    }
    let y = dice.infer(&gpu.upload(&[0.0f32; 0], [0, 3])?)?;
    if y.shape() != [0, 3] {
        return Err(format!("empty: {:?}", y.shape()).into());
    }
    Ok(())
}
