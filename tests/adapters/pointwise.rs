//! Activations of one element on every adapter: their own calls, special values to the bit, large tensors.

mod large;
mod nearest;
mod special;

use libtest_mimic::{Failed, Trial};
use nearest::nearest;
use special::special_values;
use wgpu_activations::{
    Activation, Array, Chain, Element, ElementType, Math, Pointwise,
    accuracy::{Expectation, Tolerance},
    check::{self, Pass},
};

use crate::{
    common::{self, Device, Guarded, expect_passed, inputs, same_bits, upstream},
    with_element,
};

pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let mut trials = large::trials(device);
    if device.trusted() {
        trials.push(device.trial("parameter-shapes", parameter_shapes));
        trials.extend(parameter_trials(device));
    }
    for element in common::SIZES {
        trials.push(
            device.trial(&format!("{}/calls", element.name()), move |device| {
                with_element!(element, calls(device))
            }),
        );
    }
    for activation in Activation::all() {
        for &element in common::element_types(device, activation) {
            let name = format!("{}/{}/special", activation.name(), element.name());
            trials.push(device.trial(&name, move |device| {
                with_element!(element, special_values(device, activation))
            }));
            if element != ElementType::F32 {
                let name = format!("{}/{}/nearest", activation.name(), element.name());
                trials.push(device.trial(&name, move |device| {
                    with_element!(element, nearest(device, activation))
                }));
            }
        }
    }
    trials
}

/// What frameworks save as the parameter of a PReLU: one number or one for each channel, among axes of length 1.
fn parameter_shapes(device: &Device) -> Result<(), Failed> {
    const SHAPE: [usize; 4] = [2, 3, 2, 2];
    let x = device.gpu.upload(&[-1.0f32; 24], SHAPE)?;
    let each = [0.25f32, 0.5, 2.0];
    let shapes: [(&[f32], &[usize]); 7] = [
        (&[0.5], &[]),
        (&[0.5], &[1]),
        (&[0.5], &[1, 1, 1]),
        (&each, &[3]),
        (&each, &[3, 1, 1]),
        (&each, &[1, 3, 1, 1]),
        (&each, &[1, 3]),
    ];
    for name in [
        "prelu(alpha=@a, axis=1)",
        "dice(alpha=@a, mean=@mean, variance=@variance, axis=1, mode=infer)",
    ] {
        for (values, shape) in shapes {
            let chain = Chain::parse(name, &|array| match array {
                "mean" => Array::new([0.0f32], [1]),
                "variance" => Array::new([1.0f32], []),
                _ => Array::new(values, shape),
            })?;
            let y: Vec<f32> = chain.forward(&x)?.download()?;
            for (place, &y) in y.iter().enumerate() {
                let slope = values[place / 4 % 3 % values.len()];
                // Dice with mean 0 and variance 1.
                let p = 1.0 / (1.0 + 1.0f32.exp());
                let expected = if name.starts_with("dice") {
                    -(p + (1.0 - p) * slope)
                } else {
                    -slope
                };
                assert!(
                    (y - expected).abs() < 1e-6,
                    "{name} {shape:?}: {y}, not {expected}"
                );
            }
        }
        let refused = Chain::parse(name, &|_| Array::new([0.5f32; 6], [2, 3]));
        assert!(refused.is_err(), "{name}");
    }
    Ok(())
}

/// The full check with parameters other than the default.
fn parameter_trials(device: &Device) -> Vec<Trial> {
    const OTHERS: [(Activation, &[f32]); 4] = [
        (Activation::LEAKY_RELU, &[0.3, -2.0, 0.0]),
        (Activation::ELU, &[0.5, 1e-3, 3.0]),
        (Activation::SWISH, &[0.1, 1.7, -0.5]),
        (Activation::SOFTPLUS, &[0.3, 5.0]),
    ];
    let mut trials = Vec::new();
    for (activation, values) in OTHERS {
        for &value in values {
            for pass in Pass::ALL {
                let activation = activation.with(value).expect("a value in range");
                let name = format!("{activation}/{}/f32/check", pass.name());
                trials.push(device.trial(&name, move |device| {
                    let report = check::check(
                        &device.gpu,
                        &activation,
                        pass,
                        ElementType::F32,
                        Math::Accurate,
                    )?;
                    if report.passed() && report.compared >= 1 << 18 {
                        Ok(())
                    } else {
                        Err(report.to_string().into())
                    }
                }));
            }
        }
    }
    trials
}

/// A pass into a new tensor, into a given one and in place.
struct Results<T> {
    new: Vec<T>,
    given: Vec<T>,
    in_place: Vec<T>,
}

/// Runs a pass in all three ways, on tensors whose surroundings must stay as they are.
fn run<T: Element>(
    device: &Device,
    op: &Pointwise,
    x: &[T],
    upstream: Option<&[T]>,
    shape: &[usize],
) -> Result<Results<T>, Failed> {
    let gpu = &device.gpu;
    let tensor = Guarded::new(gpu, x, shape)?;
    let junk = vec![T::from_f64(-7.0); x.len()];
    let given = Guarded::new(gpu, &junk, shape)?;
    let (new, in_place) = if let Some(upstream) = upstream {
        let gradient = Guarded::new(gpu, upstream, shape)?;
        let new = op.backward(&tensor.tensor, &gradient.tensor)?;
        op.backward_into(&tensor.tensor, &gradient.tensor, &given.tensor)?;
        same_bits("upstream afterwards", upstream, &gradient.download::<T>()?)?;
        op.backward_in_place(&tensor.tensor, &gradient.tensor)?;
        same_bits("x afterwards", x, &tensor.download::<T>()?)?;
        (new, gradient)
    } else {
        let new = op.forward(&tensor.tensor)?;
        op.forward_into(&tensor.tensor, &given.tensor)?;
        same_bits("x afterwards", x, &tensor.download::<T>()?)?;
        op.forward_in_place(&tensor.tensor)?;
        (new, tensor)
    };
    if new.shape() != shape {
        return Err(format!("the shape {:?} became {:?}", shape, new.shape()).into());
    }
    Ok(Results {
        new: new.download()?,
        given: given.download()?,
        in_place: in_place.download()?,
    })
}

/// [`run`] compared with the reference.
fn run_and_compare<T: Element>(
    device: &Device,
    op: &Pointwise,
    channels: Option<(&[f32], usize)>,
    pass: Pass,
    shape: &[usize],
) -> Result<(), Failed> {
    let activation = op.activation();
    let len = shape.iter().product();
    let (x, gradient) = (inputs::<T>(len), upstream::<T>(len));
    let (upstream, tolerance) = match pass {
        Pass::Forward => (
            None,
            Tolerance::forward(activation, T::TYPE, Math::Accurate),
        ),
        Pass::Backward => (
            Some(&gradient[..]),
            Tolerance::backward(activation, T::TYPE, Math::Accurate),
        ),
    };
    let results = run(device, op, &x, upstream, shape)?;
    let expectation = Expectation {
        activation,
        channels,
        x: &x,
        upstream,
        tolerance,
    };
    let report = expectation.check(&results.new)?;
    expect_passed(&report, len)
        .map_err(|failed| format!("shape {shape:?}: {}", failed.message().unwrap_or("")))?;
    same_bits("a given output", &results.new, &results.given)?;
    same_bits("in place", &results.new, &results.in_place)
}

/// The calls of its own, without a parameter, with one and with one per channel.
fn calls<T: Element>(device: &Device) -> Result<(), Failed> {
    for pass in Pass::ALL {
        for len in [0, 1, 5, 345, 2049] {
            for activation in [Activation::GELU, Activation::ELU.with(0.3)?] {
                run_and_compare::<T>(device, &Pointwise::new(activation), None, pass, &[len])?;
            }
        }
        for (shape, inner) in [([37, 12], 1), ([5, 12], 1)] {
            let slopes = common::values(&Activation::PRELU.definition().parameters[0], shape[1]);
            let op = Pointwise::new(Activation::PRELU).per_channel(slopes.clone(), 1)?;
            run_and_compare::<T>(device, &op, Some((&slopes, inner)), pass, &shape)?;
        }
    }
    Ok(())
}
