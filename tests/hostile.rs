//! The accurate math on devices that round in every way that WGSL allows. Needs no GPU.
//!
//! `HOSTILE_PATTERNS=67108864 cargo test --features check --test hostile` tries more random inputs.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "hostile/device.rs"]
mod device;

use std::env;

use device::{Call, Choice, Device, FAITHFUL, Value};
use rayon::prelude::*;
use wgpu_activations::{
    Activation, CATALOGUE, ElementType, Math,
    accuracy::{
        inputs::{grid, patterns, words},
        ulp_error,
    },
    activation::Definition,
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
            flush: true,
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

/// The worst error of y in ULP, and its input. What is subnormal may be flushed.
fn worst(definition: &'static Definition, device: Device, inputs: &[f32]) -> (f64, f32) {
    let source = format!("{}\n{}", wgsl::functions(Math::Accurate), definition.wgsl);
    let module = naga::front::wgsl::parse_str(&source).unwrap();
    let of_chunk = |chunk: &[f32]| {
        let call = Call {
            module: &module,
            device,
            width: chunk.len(),
        };
        let mut arguments = vec![Value::real(chunk.to_vec())];
        let activation = Activation::new(definition);
        for &parameter in activation.parameters() {
            arguments.push(Value::real(vec![parameter; chunk.len()]));
        }
        let y = call.named("value", &arguments);
        let errors = chunk.iter().zip(y.lanes()).map(|(&x, &y)| {
            let expected = |x: f32| activation.value(f64::from(x));
            let error = ulp_error(y, expected(x));
            let of_zero = if x.is_subnormal() {
                ulp_error(y, expected(0.0))
            } else {
                error
            };
            (error.min(of_zero), x)
        });
        errors.fold((0.0, 0.0), |a, b| if b.0 > a.0 { b } else { a })
    };
    let errors = inputs.par_chunks(WIDTH).map(of_chunk);
    errors.reduce(|| (0.0, 0.0), |a, b| if b.0 > a.0 { b } else { a })
}

#[test]
fn results_are_within_3_ulp_on_every_device_that_wgsl_allows() {
    let inputs = inputs();
    let mut failures = Vec::new();
    for definition in CATALOGUE {
        let mut most: f64 = 0.0;
        for device in devices() {
            let (error, x) = worst(definition, device, &inputs);
            most = most.max(error);
            if error > 3.0 {
                failures.push(format!(
                    "{}: {error:.2} ULP at {x:e}, {device:?}",
                    definition.name
                ));
            }
        }
        eprintln!("{}: {most:.2} ULP", definition.name);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
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
        let (error, _) = worst(Box::leak(Box::new(careless)), device, &inputs);
        assert!(error > 3.0, "{error} ULP passes: {wgsl}");
    }
}
