//! The pointwise family on every adapter, against the f64 reference.

mod channels;
mod large;
mod special;

use channels::{parameters, per_channel};
use libtest_mimic::{Failed, Trial};
use special::special_values;
use wgpu_activations::{
    Activation, Element, ElementType, Math, Pointwise,
    accuracy::{Expectation, Tolerance},
    check::{self, Pass},
};

use crate::{
    common::{self, Device, Guarded, expect_passed, inputs, same_bits, upstream},
    with_element,
};

/// A tile is two vectors of four lanes for each of 256 threads.
const LENGTHS: [(&str, &[usize]); 4] = [
    ("len=0..5", &[0, 1, 3, 4, 5]),
    ("len=255..345", &[255, 256, 257, 345]),
    ("len=1757", &[1757]),
    ("len=2047..2049", &[2047, 2048, 2049]),
];

pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let mut trials = large::trials(device);
    if device.trusted() {
        trials.extend(parameter_trials(device));
    }
    for activation in Activation::all() {
        for &element in common::element_types(device, activation) {
            let name = format!("{}/{}", activation.name(), element.name());
            trials.push(device.trial(&format!("{name}/special"), move |device| {
                with_element!(element, special_values(device, activation))
            }));
            if device.trusted() && element == ElementType::F32 {
                trials.push(
                    device.trial(&format!("{name}/deterministic"), move |device| {
                        with_element!(element, deterministic(device, activation))
                    }),
                );
            }
            for pass in Pass::ALL {
                trials.extend(pass_trials(device, activation, pass, element));
            }
        }
    }
    trials
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
                    let report =
                        check::check::<f32>(&device.gpu, activation, pass, Math::Accurate)?;
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

fn pass_trials(
    device: &Device,
    activation: Activation,
    pass: Pass,
    element: ElementType,
) -> Vec<Trial> {
    let name = format!("{}/{}/{}", activation.name(), pass.name(), element.name());
    let mut trials = Vec::new();
    // Where the bounds are checked, an activation of each kind of parameter serves: the kernel is the same.
    let of_each_kind = [Activation::RELU, Activation::GELU, Activation::PRELU];
    let has_lengths = common::SIZES.contains(&element)
        && (device.trusted() || of_each_kind.contains(&activation));
    let lengths = LENGTHS.iter().filter(|_| has_lengths);
    for &(label, lengths) in lengths {
        trials.push(device.trial(&format!("{name}/{label}"), move |device| {
            with_element!(element, all_lengths(device, activation, pass, lengths))
        }));
    }
    // What the functions give does not depend on who checks the bounds.
    if device.trusted() {
        // How bf16 is packed does not depend on the math.
        let maths = match element {
            ElementType::Bf16 => &Math::ALL[..1],
            _ => &Math::ALL[..],
        };
        for &math in maths {
            let name = format!("{name}/check/{}", math.name());
            trials.push(device.trial(&name, move |device| {
                let report = check::check_element(&device.gpu, activation, pass, element, math)?;
                let least = match element {
                    ElementType::F32 => 1 << 18,
                    ElementType::F16 | ElementType::Bf16 => 1 << 16,
                };
                expect_passed(&report, least.max(report.compared as usize))
            }));
        }
    }
    if activation.parameter().is_some() {
        trials.push(device.trial(&format!("{name}/per-channel"), move |device| {
            with_element!(element, per_channel(device, activation, pass))
        }));
        trials.push(device.trial(&format!("{name}/parameters"), move |device| {
            with_element!(element, parameters(device, activation, pass))
        }));
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
    op: &Pointwise<'_>,
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
    op: &Pointwise<'_>,
    channels: Option<(&[f32], usize)>,
    pass: Pass,
    shape: &[usize],
) -> Result<(), Failed> {
    let activation = op.activation();
    let len = shape.iter().product();
    let (x, gradient) = (inputs::<T>(len), upstream::<T>(len));
    let (upstream, tolerance) = match pass {
        Pass::Forward => (None, Tolerance::forward(T::TYPE, Math::Accurate)),
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

fn all_lengths<T: Element>(
    device: &Device,
    activation: Activation,
    pass: Pass,
    lengths: &[usize],
) -> Result<(), Failed> {
    for &len in lengths {
        let op = Pointwise::new(activation);
        run_and_compare::<T>(device, &op, None, pass, &[len])?;
    }
    Ok(())
}

/// The same bits on every run.
fn deterministic<T: Element>(device: &Device, activation: Activation) -> Result<(), Failed> {
    const LEN: usize = 20_011;
    let x = device.gpu.upload(&inputs::<T>(LEN), [LEN])?;
    let upstream = device.gpu.upload(&upstream::<T>(LEN), [LEN])?;
    let run = || -> Result<[Vec<T>; 2], Failed> {
        Ok([
            activation.forward(&x)?.download()?,
            activation.backward(&x, &upstream)?.download()?,
        ])
    };
    let [y, dx] = run()?;
    for _ in 0..2 {
        let [again_y, again_dx] = run()?;
        same_bits("forward", &y, &again_y)?;
        same_bits("backward", &dx, &again_dx)?;
    }
    Ok(())
}
