//! The accurate math on devices that round in every way that WGSL allows. Needs no GPU.
//!
//! `HOSTILE_PATTERNS=67108864 cargo test --features check --test hostile` tries more random inputs.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(
    clippy::print_stderr,
    reason = "the figures of docs/accuracy.md are read off its output"
)]

#[path = "hostile/device.rs"]
mod device;

use std::env;

use device::{Call, Choice, Device, FAITHFUL, Value};
use naga::Module;
use rayon::prelude::*;
use wgpu_activations::{
    Activation, CATALOGUE, ElementType, Math,
    accuracy::{
        Expectation, Tolerance,
        inputs::{grid, patterns, words},
        ulp_error,
    },
    activation::{Definition, MOST_PARAMETERS},
    family::families,
    wgsl,
};

/// Elements that are computed at once.
const WIDTH: usize = 1024;

/// Each freedom alone, then several together.
fn devices() -> Vec<Device> {
    use Choice::{Down, Hash, Plain, Up};
    let mut devices = vec![FAITHFUL];
    for quotient in [Plain, Up, Down, Hash] {
        for fused in [Plain, Up, Hash] {
            devices.push(Device {
                quotient,
                fused,
                order: Plain,
                regrouped: false,
                flush: true,
            });
        }
    }
    for order in [Up, Down, Hash] {
        devices.push(Device { order, ..FAITHFUL });
        devices.push(Device {
            quotient: Hash,
            fused: Hash,
            order,
            regrouped: false,
            flush: true,
        });
    }
    for fused in [Plain, Hash] {
        devices.push(Device {
            fused,
            regrouped: true,
            flush: true,
            ..FAITHFUL
        });
    }
    devices
}

fn inputs() -> Vec<f32> {
    let more = env::var("HOSTILE_PATTERNS").map_or(0, |count| count.parse().expect("a number"));
    let mut checked: Vec<_> = patterns(ElementType::F32)
        .into_iter()
        .map(|x| x as f32)
        .collect();
    // One in four, for the time that it takes, and every edge.
    checked = grid()
        .into_iter()
        .chain(checked.into_iter().step_by(4))
        .collect();
    let random = words(17).take(more).map(f32::from_bits);
    checked
        .into_iter()
        .chain(random)
        .filter(|x| x.is_finite())
        .collect()
}

/// What the accurate math's functions are with a definition's.
fn module(definition: &'static Definition) -> Module {
    let source = format!("{}\n{}", wgsl::functions(Math::Accurate), definition.wgsl);
    naga::front::wgsl::parse_str(&source).unwrap()
}

/// The result of `name` for each x; `others` are its arguments between x and the parameter.
fn results(
    module: &Module,
    activation: Activation,
    device: Device,
    name: &str,
    x: &[f32],
    others: &[&[f32]],
) -> Vec<f32> {
    let call = Call {
        module,
        device,
        width: x.len(),
    };
    let given = [x].into_iter().chain(others.iter().copied());
    let mut arguments: Vec<_> = given.map(|lanes| Value::real(lanes.to_vec())).collect();
    for &parameter in activation.parameters() {
        arguments.push(Value::real(vec![parameter; x.len()]));
    }
    call.named(name, &arguments).lanes().to_vec()
}

/// The worst of what `error` says of chunks of inputs, and its input.
fn worst_of(inputs: &[f32], error: impl Fn(&[f32]) -> Vec<f64> + Sync) -> (f64, f32) {
    let larger = |a: (f64, f32), b: (f64, f32)| if b.0 > a.0 { b } else { a };
    let of_chunk = |x: &[f32]| {
        let errors = error(x).into_iter().zip(x.iter().copied());
        errors.fold((0.0, 0.0), larger)
    };
    let errors = inputs.par_chunks(WIDTH).map(of_chunk);
    errors.reduce(|| (0.0, 0.0), larger)
}

/// The worst error of y in ULP, and its input. What is subnormal may be flushed.
fn worst(activation: Activation, device: Device, inputs: &[f32]) -> (f64, f32) {
    let module = module(activation.definition());
    worst_of(inputs, |x| {
        let y = results(&module, activation, device, "value", x, &[]);
        let error = |(&x, &y): (&f32, &f32)| {
            let error_from = |x: f32| ulp_error(y, activation.value(f64::from(x)));
            let error = error_from(x);
            if x.is_subnormal() {
                error.min(error_from(0.0))
            } else {
                error
            }
        };
        x.iter().zip(&y).map(error).collect()
    })
}

/// The worst error of dx as a part of what is allowed on devices that round as IEEE has it, and its input.
fn worst_backward(activation: Activation, device: Device, inputs: &[f32]) -> (f64, f32) {
    let module = module(activation.definition());
    worst_of(inputs, |x| {
        // Of everyday size, and signs by turns.
        let upstream: Vec<_> = words(x[0].to_bits().into())
            .map(|word| 0.5 + (word >> 8) as f32 / (1 << 24) as f32)
            .zip([1.0, -1.0].into_iter().cycle())
            .map(|(size, sign)| sign * size)
            .take(x.len())
            .collect();
        let dx = results(&module, activation, device, "backward", x, &[&upstream]);
        let severity = |index| {
            let expectation = Expectation {
                activation,
                channels: None,
                x,
                upstream: Some(&upstream),
                tolerance: Tolerance::backward(activation, ElementType::F32, Math::Accurate),
            };
            let report = expectation.check_at(&dx, [index]).unwrap();
            report.worst.map_or(0.0, |worst| worst.severity)
        };
        (0..x.len()).map(severity).collect()
    })
}

/// Holds what `worst` says of each activation on each device to `allowed`.
fn expect_within(
    allowed: f64,
    unit: &str,
    worst: impl Fn(Activation, Device, &[f32]) -> (f64, f32),
) {
    let inputs = inputs();
    let mut failures = Vec::new();
    for activation in Activation::all() {
        let name = activation.name();
        let mut most: f64 = 0.0;
        for device in devices() {
            let (error, x) = worst(activation, device, &inputs);
            most = most.max(error);
            if error > allowed {
                failures.push(format!("{name}: {error:.2} {unit} at {x:e}, {device:?}"));
            }
        }
        eprintln!("{name}: {most:.2} {unit}");
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn results_are_within_3_ulp_on_every_device_that_wgsl_allows() {
    expect_within(3.0, "ULP", worst);
}

#[test]
fn gradients_are_within_half_as_much_again_on_every_device_that_wgsl_allows() {
    expect_within(1.5, "of what is allowed", worst_backward);
}

#[test]
fn a_careless_formula_is_found() {
    let like = CATALOGUE
        .iter()
        .find(|definition| definition.name == "tanh")
        .unwrap();
    let inputs = inputs();
    for (wgsl, device) in [
        (
            "fn value(x: Real) -> Real { return 1.0 - 2.0 * sigmoid(-2.0 * x); }",
            FAITHFUL,
        ),
        // Within 3 ULP where quotients are right.
        (
            "fn value(x: Real) -> Real {
                let e = exp_minus_plain(2.0 * magnitude(x, Real(20.0)));
                let rest = e.power * e.series;
                return with_sign(((1.0 - e.power) - rest) / (1.0 + (e.power + rest)), x);
            }",
            Device {
                quotient: Choice::Up,
                ..FAITHFUL
            },
        ),
    ] {
        let careless = Definition::new(like.name, wgsl, like.value, like.slope);
        let careless = Activation::new(Box::leak(Box::new(careless)));
        let (error, _) = worst(careless, device, &inputs);
        assert!(error > 3.0, "{error} ULP passes: {wgsl}");
    }
}

/// The worst error of the gradients of the parameters as a part of what is allowed, and its input.
fn worst_of_parameters(activation: Activation, device: Device, inputs: &[f32]) -> (f64, f32) {
    let definition = activation.definition();
    let mut numbers = [0.0; MOST_PARAMETERS];
    for (number, &parameter) in numbers.iter_mut().zip(activation.parameters()) {
        *number = f64::from(parameter);
    }
    let module = module(definition);
    worst_of(inputs, |x| {
        let upstream = vec![-1.5; x.len()];
        let call = Call {
            module: &module,
            device,
            width: x.len(),
        };
        let mut arguments = vec![Value::real(x.to_vec()), Value::real(upstream.clone())];
        let constants = activation.parameters().iter();
        arguments.extend(constants.map(|&number| Value::real(vec![number; x.len()])));
        let gradients = match call.named("parameter_backward", &arguments) {
            Value::Struct(gradients) => gradients,
            gradient => vec![gradient],
        };
        let error = |index: usize| {
            let (x, upstream) = (f64::from(x[index]), f64::from(upstream[index]));
            let errors = definition
                .parameters
                .iter()
                .zip(&gradients)
                .map(|(parameter, found)| {
                    let expected = (parameter.slope)(x, numbers) * upstream;
                    let size = parameter
                        .magnitude
                        .map_or(expected, |sum| sum(x, numbers) * upstream);
                    let flushed = 2.0 * f64::from(f32::MIN_POSITIVE);
                    let found = f64::from(found.lanes()[index]);
                    let same = found == f64::from(expected as f32);
                    let error = (found - expected).abs() / (1e-6 * size.abs() + flushed);
                    // A NaN is no number's neighbour.
                    if same {
                        0.0
                    } else if error.is_nan() {
                        f64::INFINITY
                    } else {
                        error
                    }
                });
            errors.fold(0.0, f64::max)
        };
        (0..x.len()).map(error).collect()
    })
}

#[test]
fn gradients_of_parameters_are_within_half_as_much_again_on_every_device_that_wgsl_allows() {
    let inputs = inputs();
    let mut failures = Vec::new();
    let learned = Activation::all().filter(|activation| {
        activation
            .definition()
            .parameters
            .iter()
            .any(|it| it.per_channel)
    });
    for activation in learned {
        for device in devices() {
            let (error, x) = worst_of_parameters(activation, device, &inputs);
            if error > 1.5 {
                let name = activation.name();
                failures.push(format!(
                    "{name}: {error:.2} of what is allowed at {x:e}, {device:?}"
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Products that leave f32's range before the slope brings them back.
#[test]
fn gates_bring_products_back_into_range_on_every_device_that_wgsl_allows() {
    const SIZES: [f32; 9] = [1.2e-38, 1e-25, 1e-12, 0.3, 1.0, 7.0, 1e12, 1e25, 3e38];
    const GATES: [f32; 8] = [-150.0, -95.0, -40.0, -1.0, 0.5, 1.0, 40.0, 95.0];
    let vectors = wgsl::Vectors {
        element: ElementType::F32,
        words: wgsl::Words::U32,
        lanes: wgsl::Lanes::One,
    };
    let shaders: Vec<_> = families()
        .flat_map(|family| family.shaders(vectors, Math::Accurate))
        .collect();
    let mut failures = Vec::new();
    for (name, activation) in [("glu", Activation::SIGMOID), ("reglu", Activation::RELU)] {
        let (_, shader) = shaders
            .iter()
            .find(|(shader, _)| *shader == format!("{name}/apart"))
            .unwrap();
        let source = shader.to_string().replace("arguments.limit", "0.0");
        let module = naga::front::wgsl::parse_str(&source).unwrap();
        let all = GATES.iter().flat_map(|&gate| SIZES.map(|up| (gate, -up)));
        let all: Vec<_> = all
            .flat_map(|(gate, up)| SIZES.map(|upstream| (gate, up, upstream)))
            .collect();
        let lanes = |of: fn(&(f32, f32, f32)) -> f32| Value::real(all.iter().map(of).collect());
        let arguments = [
            lanes(|it| it.0),
            lanes(|it| it.1),
            lanes(|it| it.2),
            lanes(|_| 0.0),
        ];
        for device in devices() {
            let call = Call {
                module: &module,
                device,
                width: all.len(),
            };
            let found = call.named("gate_gradient_at", &arguments);
            for (&found, &(gate, up, upstream)) in found.lanes().iter().zip(&all) {
                let slope = activation.slope(f64::from(gate));
                let expected = f64::from(upstream) * f64::from(up) * slope;
                // A step of the way may be flushed, before the other makes it larger.
                let flushed = f64::from(f32::MIN_POSITIVE) * f64::from(upstream.min(-up)).max(1.0);
                let error = (f64::from(found) - expected).abs();
                let is_right = ulp_error(found, expected) <= 8.0 || error <= flushed;
                if !is_right {
                    failures.push(format!(
                        "{name} of {gate}, {upstream:e} times {up:e}: {found:e} for {expected:e}, {device:?}"
                    ));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
