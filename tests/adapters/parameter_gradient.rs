//! Gradients of parameters on every adapter, against a sum in f64: long sums, and calls of their own. Shapes are
//! in `conformance`.

use libtest_mimic::{Failed, Trial};
use wgpu_activations::{
    Activation, Chain, Device as AnyDevice, Element, ElementType, Error, Gpu, Pointwise,
    ShaderChecks, accuracy::inputs::words, activation::Function, check::check_chain, cpu::Cpu,
};

use crate::{
    common::{self, Device, channel_axis, same_bits, upstream, values},
    with_element,
};

/// Shapes with the axis of their channels; without one a single parameter serves.
const LARGE: [(&[usize], Option<i64>); 5] = [
    (&[1 << 22], None),
    (&[100_000, 3], Some(1)),
    (&[7, 16_384], Some(1)),
    (&[267, 512], Some(1)),
    (&[3, 5, 40_000], Some(1)),
];

/// Of the terms' magnitudes, that a sum may be off by.
const SHARE: f64 = 1e-6;

pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let mut trials = vec![device.trial("wrong-use", wrong_use)];
    if device.trusted() {
        let binding = device.gpu.limits().max_storage_buffer_binding_size;
        // Where a binding holds more, this takes more memory than a test should.
        if binding <= 128 << 20 {
            trials.push(device.trial("leaky-relu/f32/beyond-binding", beyond_binding));
        }
    }
    if device.trusted() {
        trials.push(device.trial("tails", tails));
        trials.push(device.trial("extremes", extremes));
        trials.extend(long_sums(device));
    }
    trials
}

/// How many terms are summed in which order depends neither on the activation, whose slope is one
/// term, nor on wgpu's checks: swish stands for all.
fn long_sums(device: &Device) -> Vec<Trial> {
    let mut trials = Vec::new();
    for element in ElementType::ALL {
        let mut add = |name: &str, test: fn(&Device, ElementType) -> Result<(), Failed>| {
            let name = format!("swish/{}/{name}", element.name());
            trials.push(device.trial(&name, move |device| test(device, element)));
        };
        add("large", |device, element| {
            with_element!(element, all_shapes(&device.gpu, Activation::SWISH, &LARGE))
        });
        add("constant", |device, element| {
            with_element!(element, constant(&device.gpu, Activation::SOFTPLUS))
        });
        if common::SIZES.contains(&element) {
            add("pieces", |device, element| {
                with_element!(element, pieces(device, Activation::SWISH))
            });
        }
    }
    trials
}

/// Gradients where the exponential is below f32's range and what it is multiplied with brings it back: dx, and the
/// parameter's, each channel of one element.
fn tails(device: &Device) -> Result<(), Failed> {
    const LEN: usize = 1000;
    let gpu = &device.gpu;
    let activations = [
        Activation::SWISH,
        Activation::SOFTPLUS,
        Activation::GELU_TANH,
        Activation::MISH,
    ];
    for activation in activations {
        let definition = activation.definition();
        for beta in [1.0, 0.1032, -0.4, 3.7, 180.0, 1000.0, 7900.0] {
            let parameter = definition.parameters.first().filter(|_| {
                // Softplus needs a beta above 0.
                beta > 0.0 || definition.name == "swish"
            });
            if parameter.is_none() && beta != 1.0 {
                continue;
            }
            let z = (0..LEN).map(|index| -(80.0 + 30.0 * index as f64 / LEN as f64));
            let x: Vec<f32> = match definition.name {
                // Its exponential is that of a cubic.
                "gelu-tanh" => z.map(|z| -((9.0 + (z + 80.0) / -10.0) as f32)).collect(),
                _ => z.map(|z| (z / beta) as f32).collect(),
            };
            for scale in [1.0f32, 1e10, 3e20] {
                let (a, g) = (
                    gpu.upload(&x, [1, LEN])?,
                    gpu.upload(&[scale; LEN], [1, LEN])?,
                );
                let mut op = Pointwise::new(activation);
                if parameter.is_some() {
                    op = op.per_channel(vec![beta as f32; LEN], -1)?;
                }
                let beta = f64::from(beta as f32);
                let expect = |what: &str, found: f32, place: usize, slope: Function| {
                    let expected =
                        f64::from(scale) * slope(f64::from(x[place]), [beta, 0.0, 0.0, 0.0]);
                    let off = (f64::from(found) - expected).abs();
                    if off <= 2e-6 * expected.abs() + 2.0 * f64::from(f32::MIN_POSITIVE) {
                        return Ok(());
                    }
                    let x = x[place];
                    let at = format!("{activation}, beta {beta}, x {x}, upstream {scale}");
                    Err(Failed::from(format!(
                        "{at}: {what} is {found:e}, not {expected:e}"
                    )))
                };
                let dx: Vec<f32> = op.backward(&a, &g)?.download()?;
                for (place, &dx) in dx.iter().enumerate() {
                    expect("dx", dx, place, definition.slope)?;
                }
                if let Some(parameter) = parameter {
                    let found: Vec<f32> = op.parameter_gradients(&a, &g)?[0].download()?;
                    for (place, &found) in found.iter().enumerate() {
                        expect("the parameter's", found, place, parameter.slope)?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// dx and the gradients of all parameters at the ends of f32's range, each channel of one element, here and on the CPU:
/// what leaves the range on the way must not spoil what lies in it.
fn extremes(device: &Device) -> Result<(), Failed> {
    const X: [f32; 13] = [
        0.0,
        1.5,
        -1.5,
        3e-12,
        -1e-25,
        2e-38,
        1e9,
        -1e9,
        1e30,
        -1e30,
        f32::MAX,
        f32::MIN,
        f32::INFINITY,
    ];
    const UPSTREAM: [f32; 7] = [1.0, -300.0, -6e-20, 1e-25, 1e25, -3e38, f32::NEG_INFINITY];
    let pairs = X.into_iter().flat_map(|x| UPSTREAM.map(|g| (x, g)));
    let (x, upstream): (Vec<f32>, Vec<f32>) = pairs.unzip();
    let shape = [1, x.len()];
    for activation in Activation::all().filter(|it| !it.parameters().is_empty()) {
        let mut op = Pointwise::new(activation);
        for parameter in activation.definition().parameters {
            op = op.per_channel_named(parameter.name, values(parameter, x.len()), -1)?;
        }
        let chain = Chain::new(op);
        for target in [AnyDevice::from(&device.gpu), AnyDevice::from(&Cpu::new())] {
            let upstream = Some(upstream.clone());
            let report = check_chain(&target, &chain, &shape, vec![x.clone()], upstream)?;
            if !report.passed() {
                return Err(format!("{chain} on {}: {report}", target.name()).into());
            }
        }
    }
    Ok(())
}

/// The f64 sums for each of `values`, and the sums of the terms' magnitudes.
fn sums<T: Element>(
    activation: Activation,
    values: &[f32],
    inner: usize,
    x: &[T],
    upstream: &[T],
) -> (Vec<f64>, Vec<f64>) {
    let slope = activation.definition().parameters[0].slope;
    let mut sums = (vec![0.0; values.len()], vec![0.0; values.len()]);
    for (index, (x, upstream)) in x.iter().zip(upstream).enumerate() {
        let channel = index / inner % values.len();
        let (x, upstream) = (f64::from(x.to_f32()), f64::from(upstream.to_f32()));
        let term = slope(x, [values[channel].into(), 0.0, 0.0, 0.0]) * upstream;
        sums.0[channel] += term;
        sums.1[channel] += term.abs();
    }
    sums
}

/// Runs the kernel twice and compares with the sums in f64.
fn compare<T: Element>(
    gpu: &Gpu,
    activation: Activation,
    x: &[T],
    upstream: &[T],
    (shape, axis): (&[usize], Option<i64>),
    share: f64,
) -> Result<(), Failed> {
    let (numbers, inner) = match axis {
        None => (activation.parameters().to_vec(), 1),
        Some(axis) => {
            let (index, inner) = channel_axis(shape, axis);
            (
                values(&activation.definition().parameters[0], shape[index]),
                inner,
            )
        }
    };
    let mut op = Pointwise::new(activation);
    if let Some(axis) = axis {
        op = op.per_channel(numbers.clone(), axis)?;
    }
    let (a, g) = (gpu.upload(x, shape)?, gpu.upload(upstream, shape)?);
    let gradient = op.parameter_gradients(&a, &g)?.remove(0);
    if gradient.shape() != [numbers.len()] {
        return Err(format!("{shape:?}: the gradient's shape is {:?}", gradient.shape()).into());
    }
    let found: Vec<f32> = gradient.download()?;
    // From one pass with dx, which is what backward gives.
    let both = op.gradients(&a, &g)?;
    same_bits("with dx", &found, &both.parameters[0].download::<f32>()?)?;
    let dx: Vec<T> = op.backward(&a, &g)?.download()?;
    same_bits("dx", &dx, &both.dx.download::<T>()?)?;
    let (expected, magnitudes) = sums(activation, &numbers, inner, x, upstream);
    for (channel, &found) in found.iter().enumerate() {
        let difference = (f64::from(found) - expected[channel]).abs();
        // Written so that NaN fails.
        let close = difference <= share * magnitudes[channel];
        if !close {
            return Err(format!(
                "{activation}, shape {shape:?}, axis {axis:?}, channel {channel}: {found}, \
                 expected {} within {share:e} of {}, off by {:.1e} of it",
                expected[channel],
                magnitudes[channel],
                difference / magnitudes[channel],
            )
            .into());
        }
    }
    Ok(())
}

/// Numbers between -8 and 8.
fn everyday<T: Element>(len: usize) -> Vec<T> {
    words(len as u64)
        .take(len)
        .map(|word| T::from_f64(f64::from(word as i32) / f64::from(1 << 28)))
        .collect()
}

fn all_shapes<T: Element>(
    gpu: &Gpu,
    activation: Activation,
    shapes: &[(&[usize], Option<i64>)],
) -> Result<(), Failed> {
    for &(shape, axis) in shapes {
        let len = shape.iter().product();
        let (x, upstream) = (everyday::<T>(len), upstream::<T>(len));
        compare(gpu, activation, &x, &upstream, (shape, axis), SHARE)?;
    }
    Ok(())
}

/// Equal terms, whose rounding errors all point one way: within three quarters of what is allowed.
fn constant<T: Element>(gpu: &Gpu, activation: Activation) -> Result<(), Failed> {
    let numbers = [(-1.1, 0.3), (-0.1, 0.1), (0.77, 0.013), (-3.3, 1.9)];
    for (shape, axis) in [
        (&[1 << 20][..], None),
        (&[33_333, 64], Some(1)),
        (&[50_000, 3], Some(1)),
    ] {
        let len = shape.iter().product();
        for (x, upstream) in numbers {
            let (x, upstream) = (vec![T::from_f64(x); len], vec![T::from_f64(upstream); len]);
            compare(gpu, activation, &x, &upstream, (shape, axis), 0.75 * SHARE)?;
        }
    }
    Ok(())
}

/// A device whose bindings hold so little that the rows come in many windows.
fn pieces<T: Element>(device: &Device, activation: Activation) -> Result<(), Failed> {
    let small = device.with_limits(|limits| limits.max_storage_buffer_binding_size = 256 << 10);
    all_shapes::<T>(
        &small.gpu,
        activation,
        &[
            (&[300_001], None),
            (&[100_003, 3], Some(1)),
            (&[7, 16_411], Some(1)),
            (&[3, 40_001], Some(1)),
            (&[5, 7, 3001], Some(1)),
            (&[2, 2, 70_001], Some(1)),
        ],
    )
}

/// Past 128 MiB, so that sums of whole groups of rows are added to earlier ones.
fn beyond_binding(device: &Device) -> Result<(), Failed> {
    const CHANNELS: usize = 1009;
    let gpu = &device.gpu;
    let rows = gpu.limits().max_storage_buffer_binding_size as usize / 4 / CHANNELS + 1037;
    let len = rows * CHANNELS;
    let (x, upstream) = (everyday::<f32>(len), upstream::<f32>(len));
    let activation = Activation::LEAKY_RELU;
    let shape = &[rows, CHANNELS];
    compare(gpu, activation, &x, &upstream, (shape, Some(1)), SHARE)?;
    gpu.trim();
    Ok(())
}

fn expect_error<T: std::fmt::Debug>(
    result: wgpu_activations::Result<T>,
    what: &str,
    expected: impl FnOnce(&Error) -> bool,
) -> Result<(), Failed> {
    match result {
        Err(error) if expected(&error) => Ok(()),
        other => Err(format!("{what}: {other:?}").into()),
    }
}

fn wrong_use(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    let other = Gpu::open(&device.adapter, ShaderChecks::Trusted)?;
    let x = gpu.upload(&[1.0f32; 6], [2, 3])?;
    let halves = gpu.upload(&[half::f16::ONE; 6], [2, 3])?;
    let turned = gpu.upload(&[1.0f32; 6], [3, 2])?;
    let foreign = other.upload(&[1.0f32; 6], [2, 3])?;
    let two = gpu.upload(&[0.25f32; 2], [2])?;
    let elu = Pointwise::new(Activation::ELU);
    expect_error(
        Pointwise::new(Activation::RELU).parameter_gradients(&x, &x),
        "relu",
        |error| matches!(error, Error::UnknownParameter { op, .. } if op == "relu"),
    )?;
    expect_error(elu.parameter_gradients(&x, &turned), "shapes", |error| {
        matches!(error, Error::ShapeMismatch { left_shape, right_shape, .. }
            if *left_shape == [3, 2] && *right_shape == [2, 3])
    })?;
    expect_error(elu.parameter_gradients(&x, &halves), "types", |error| {
        matches!(
            error,
            Error::ElementMismatch {
                left_type: "f16",
                right_type: "f32",
                ..
            }
        )
    })?;
    expect_error(elu.parameter_gradients(&x, &foreign), "devices", |error| {
        matches!(error, Error::ForeignTensor { .. })
    })?;
    let per_channel = elu.clone().per_channel(&two, 1)?;
    expect_error(
        per_channel.parameter_gradients(&x, &x),
        "channels",
        |error| {
            matches!(
                error,
                Error::ChannelMismatch {
                    found: 2,
                    channels: 3,
                    axis: 1,
                    ..
                }
            )
        },
    )?;
    let nowhere = elu.clone().per_channel(&two, 2)?;
    expect_error(nowhere.parameter_gradients(&x, &x), "axis", |error| {
        matches!(error, Error::AxisOutOfRange { axis: 2, .. })
    })?;
    // None of it harmed the device.
    let sum: Vec<f32> = elu.parameter_gradients(&x, &x)?[0].download()?;
    same_bits("afterwards", &sum, &[0.0])
}
