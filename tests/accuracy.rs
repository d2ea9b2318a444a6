//! The checker of one activation: what must fail fails, what may pass passes. Chains of all families are in
//! `adapters/conformance/checker.rs`.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use half::{bf16, f16};
use wgpu_activations::{
    Activation, Chain, Element, ElementType, Error, Math,
    accuracy::{Expectation, Report, Tolerance, ulp, ulp_error},
    check::{self, Share, Verifier},
    offload::HostGradient,
};

const ULP_4: Tolerance = Tolerance::Ulp(4.0);

fn forward<T: Element>(activation: Activation, x: &[T]) -> Expectation<'_, T> {
    Expectation {
        activation,
        channels: None,
        x,
        upstream: None,
        tolerance: Tolerance::forward(activation, T::TYPE, Math::Accurate),
    }
}

fn backward<'a, T: Element>(
    activation: Activation,
    x: &'a [T],
    upstream: &'a [T],
) -> Expectation<'a, T> {
    Expectation {
        upstream: Some(upstream),
        tolerance: Tolerance::backward(activation, T::TYPE, Math::Accurate),
        ..forward(activation, x)
    }
}

/// The reference's results, rounded.
fn exact<T: Element>(expectation: &Expectation<'_, T>) -> Vec<T> {
    (0..expectation.x.len())
        .map(|index| T::from_f64(expectation.expected(index)))
        .collect()
}

/// Numbers from -8 to 8 without zero.
fn numbers<T: Element>() -> Vec<T> {
    let steps = (-48..=48).filter(|&step| step != 0);
    steps
        .map(|step| T::from_f64(f64::from(step) * 0.173))
        .collect()
}

/// `steps` representable numbers away from zero.
fn off(value: f32, steps: u32) -> f32 {
    f32::from_bits(value.to_bits() + steps)
}

#[test]
fn correct_results_pass() {
    fn all<T: Element>() {
        for activation in Activation::all() {
            let (x, upstream): (Vec<T>, Vec<T>) = (numbers(), numbers());
            for expectation in [forward(activation, &x), backward(activation, &x, &upstream)] {
                let report = expectation.check(&exact(&expectation)).unwrap();
                assert!(report.passed(), "{activation}: {report}");
                assert_eq!(report.compared, x.len() as u64);
                assert!(report.worst.unwrap().ulp <= 0.5);
            }
        }
    }
    all::<f32>();
    all::<f16>();
    all::<bf16>();
}

#[test]
fn one_corrupted_element_fails_and_is_named() {
    for activation in Activation::all() {
        let x: Vec<f32> = numbers();
        let expectation = forward(activation, &x);
        for place in [0, 1, x.len() / 2, x.len() - 1] {
            let mut y = exact(&expectation);
            y[place] += 1e-3;
            let report = expectation.check(&y).unwrap();
            assert_eq!(report.failed, 1, "{activation}: {report}");
            assert_eq!(report.worst.unwrap().index, place);
            assert!(
                report
                    .to_string()
                    .starts_with("1 of 96 elements outside the tolerance; worst: element "),
                "{report}"
            );
        }
    }
}

/// Nor are numbers told by an input that they do not have.
#[test]
fn the_worst_of_a_stream_is_told_with_what_it_is_of() {
    let chain = Chain::from(Activation::ELU);
    let layout = chain.layout(&[0]).unwrap();
    let verifier = Verifier::new(&chain, layout, ElementType::F32, Share::All);
    let wrong = HostGradient {
        step: 0,
        name: "alpha",
        shape: Vec::new(),
        values: vec![1.0],
    };
    let report = verifier.of_gradients(true).report(&[], &[wrong]);
    assert_eq!(report.worst.unwrap().x, None);
    let text = report.to_string();
    let told = "1 of 1 elements outside the tolerance; worst: gradient of alpha: number 0 gave 1e0, expected 0e0 (";
    assert!(text.starts_with(told), "{text}");
}

#[test]
fn the_tolerance_is_where_it_says() {
    for activation in Activation::all() {
        let x: Vec<f32> = numbers();
        let expectation = forward(activation, &x);
        let y = exact(&expectation);
        // Zeros have neighbours of their own.
        let nudged = |steps| -> Vec<f32> {
            y.iter()
                .map(|&y| if y == 0.0 { y } else { off(y, steps) })
                .collect()
        };
        assert!(
            expectation.check(&nudged(2)).unwrap().passed(),
            "{activation}"
        );
        let beyond = (activation.definition().ulp + 1.0).ceil() as u32;
        let report = expectation.check(&nudged(beyond)).unwrap();
        let nonzero = y.iter().filter(|y| **y != 0.0).count() as u64;
        assert_eq!(report.failed, nonzero, "{activation}: {report}");
    }
    // f16 and bf16: the neighbours that enclose the result pass, others do not.
    let x = [f16::from_f32(0.3)];
    let expectation = forward(Activation::TANH, &x);
    let bits = exact(&expectation)[0].to_bits();
    let passed = |bits| expectation.check(&[f16::from_bits(bits)]).unwrap().passed();
    assert!(passed(bits) && (passed(bits + 1) != passed(bits - 1)));
    assert!(!passed(bits + 2) && !passed(bits - 2));
    let x = [bf16::from_f32(0.3)];
    let expectation = forward(Activation::TANH, &x);
    let bits = exact(&expectation)[0].to_bits();
    let passed = |bits| {
        expectation
            .check(&[bf16::from_bits(bits)])
            .unwrap()
            .passed()
    };
    assert!(passed(bits) && (passed(bits + 1) != passed(bits - 1)));
    assert!(!passed(bits + 2) && !passed(bits - 2));
}

#[test]
fn swapped_arguments_fail() {
    for activation in Activation::all() {
        let x: Vec<f32> = numbers();
        let upstream: Vec<f32> = x.iter().rev().map(|x| 0.7 * x + 0.05).collect();
        let swapped = exact(&backward(activation, &upstream, &x));
        let report = backward(activation, &x, &upstream).check(&swapped).unwrap();
        assert!(!report.passed(), "{activation}");
        let forgotten = exact(&forward(activation, &x));
        let report = backward(activation, &x, &upstream)
            .check(&forgotten)
            .unwrap();
        assert!(!report.passed(), "{activation}");
    }
}

#[test]
fn nan_and_infinity_stand_only_for_themselves() {
    let x = [1.0f32, f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    let expectation = forward(Activation::LEAKY_RELU, &x);
    let [inf, nan] = [f32::INFINITY, f32::NAN];
    let failed = |y: [f32; 4]| expectation.check(&y).unwrap().failed;
    assert_eq!(failed([1.0, nan, inf, -inf]), 0);
    assert_eq!(failed([1.0, -nan, inf, -inf]), 0);
    assert_eq!(failed([nan, nan, inf, -inf]), 1);
    assert_eq!(failed([1.0, 1.0, inf, -inf]), 1);
    assert_eq!(failed([1.0, inf, inf, -inf]), 1);
    assert_eq!(failed([1.0, nan, nan, -inf]), 1);
    assert_eq!(failed([1.0, nan, f32::MAX, -inf]), 1);
    assert_eq!(failed([1.0, nan, -inf, inf]), 2);
    assert_eq!(failed([inf, nan, inf, -inf]), 1);
    assert_eq!(failed([nan; 4]), 3);
}

#[test]
fn another_length_is_an_error() {
    let x: Vec<f32> = numbers();
    let expectation = forward(Activation::RELU, &x);
    let y = exact(&expectation);
    let longer = [&y[..], &[0.0]].concat();
    for found in [&y[..y.len() - 1], &[], &longer] {
        let error = expectation.check(found).unwrap_err();
        assert!(
            matches!(error, Error::LengthMismatch { expected: 96, found: n, .. } if n == found.len())
        );
        assert!(check::compare(&expectation, found).is_err());
    }
    let short = backward(Activation::RELU, &x, &x[1..]);
    assert!(short.check(&y).is_err());
}

#[test]
fn zeros_fail_on_every_adapter_for_every_activation() {
    fn zeros<T: Element>(device: &common::Device, activation: Activation) {
        let x: Vec<T> = numbers();
        // What a shader leaves that writes nothing, or nothing but zeros.
        let zeros = vec![T::zeroed(); x.len()];
        let tensor = device.gpu.upload(&zeros, [x.len()]).unwrap();
        let found: Vec<T> = tensor.download().unwrap();
        let upstream: Vec<T> = x.iter().rev().copied().collect();
        for expectation in [forward(activation, &x), backward(activation, &x, &upstream)] {
            let report = check::compare(&expectation, &found).unwrap();
            // Some slopes are 0 nearly everywhere.
            let nonzero = exact(&expectation)
                .iter()
                .filter(|y| y.to_f32() != 0.0)
                .count();
            assert!(
                report.failed as usize >= nonzero.min(x.len() / 2) && report.failed > 0,
                "{activation} on {}: {report}",
                device.name
            );
        }
    }
    for device in common::trusted_devices() {
        for activation in Activation::all() {
            zeros::<f32>(&device, activation);
            zeros::<f16>(&device, activation);
            zeros::<bf16>(&device, activation);
        }
    }
}

#[test]
fn another_activation_fails() {
    let x: Vec<f32> = numbers();
    for activation in Activation::all() {
        let values = |it: Activation| {
            x.iter()
                .map(move |&x| it.value(x.into()))
                .collect::<Vec<_>>()
        };
        for other in Activation::all() {
            if values(other) == values(activation) {
                // With its parameters as they are it is the same function.
                continue;
            }
            let found = exact(&forward(other, &x));
            let report = forward(activation, &x).check(&found).unwrap();
            assert!(!report.passed(), "{other} passes for {activation}");
        }
    }
}

#[test]
fn the_unit_in_the_last_place_follows_the_format() {
    use ElementType::{Bf16, F16, F32};
    for (value, f32, f16, bf16) in [
        (1.0, -23, -10, -7),
        (1.0 - 1e-9, -24, -11, -8),
        (-1.0, -23, -10, -7),
        (2.0, -22, -9, -6),
        (1.999_999_9, -23, -10, -7),
        (0.5, -24, -11, -8),
        (f64::powi(2.0, -14), -37, -24, -21),
        (f64::powi(2.0, -15), -38, -24, -22),
        (f64::powi(2.0, -126), -149, -24, -133),
        (f64::powi(2.0, -127), -149, -24, -133),
        (1e-45, -149, -24, -133),
        (0.0, -149, -24, -133),
        (f64::powi(2.0, 127), 104, 117, 120),
    ] {
        assert_eq!(ulp(value, F32), f64::powi(2.0, f32), "{value:e}");
        assert_eq!(ulp(value, F16), f64::powi(2.0, f16), "{value:e}");
        assert_eq!(ulp(value, Bf16), f64::powi(2.0, bf16), "{value:e}");
    }
    assert_eq!(ulp_error(1.0f32, 1.0), 0.0);
    assert_eq!(ulp_error(off(1.0, 1), 1.0), 1.0);
    assert_eq!(ulp_error(1.0f32, 1.0 + f64::powi(2.0, -24)), 0.5);
    assert_eq!(ulp_error(-1.0f32, 1.0), f64::powi(2.0, 24));
    assert_eq!(
        ulp_error(f16::from_f32(1.0), 1.0 + f64::powi(2.0, -10)),
        1.0
    );
}

#[test]
fn overflow_is_judged_at_the_edge_of_the_format() {
    // Rounds to infinity, and is nearly the largest number.
    let edge = 65_520.0;
    assert_eq!(ulp_error(f16::INFINITY, edge), 0.0);
    assert_eq!(ulp_error(f16::MAX, edge), 0.5);
    assert_eq!(ulp_error(f16::INFINITY, 1e9), 0.0);
    assert!(ulp_error(f16::MAX, 66_000.0) > 1.0);
    assert!(ulp_error(f16::INFINITY, 65_000.0) > 1.0);
    assert!(ulp_error(f16::NEG_INFINITY, edge).is_infinite());
    assert!(ulp_error(f16::MIN, edge).is_infinite());
    assert_eq!(ulp_error(bf16::INFINITY, 3.4e38), 0.0);
    assert!(ulp_error(bf16::INFINITY, 3.3e38) > 1.0);
    assert_eq!(ulp_error(f32::INFINITY, f64::powi(2.0, 128)), 0.0);
    assert!(ulp_error(f32::INFINITY, 3.4028e38) > 4.0);
    assert!(ulp_error(f32::MAX, 3.5e38) > 4.0);
    assert!(ulp_error(-f32::MAX, f64::from(f32::MAX)) > 1e6);
}

#[test]
fn only_subnormal_results_may_be_flushed() {
    assert_eq!(ulp_error(0.0f32, 1e-40), 0.0);
    assert_eq!(ulp_error(-0.0f32, 1e-40), 0.0);
    assert_eq!(ulp_error(bf16::ZERO, -1e-40), 0.0);
    assert!(ulp_error(0.0f32, 2e-38) > 1e6);
    assert!(ulp_error(bf16::ZERO, 2e-38) > 4.0);
    assert!(ulp_error(2e-40f32, 1e-40) > 4.0);
    assert!(ulp_error(-1e-40f32, 1e-40) > 4.0);
    assert!(ulp_error(1e-40f32, 0.0) > 4.0);
    // f16 has no room to give away.
    assert!(ulp_error(f16::ZERO, 1e-6) > 4.0);
    // An input may be flushed as well, and then its gradient is that at zero.
    let x = [1e-40f32];
    let selu = forward(Activation::SELU, &x);
    assert!(selu.check(&[0.0]).unwrap().passed());
    assert!(!selu.check(&[1.0]).unwrap().passed());
    let upstream = [2.0f32];
    let relu = backward(Activation::RELU, &x, &upstream);
    assert!(relu.check(&[2.0]).unwrap().passed());
    assert!(relu.check(&[0.0]).unwrap().passed());
    assert!(!relu.check(&[1.0]).unwrap().passed());
}

#[test]
fn a_tolerance_of_terms_grows_with_upstream() {
    // Near gelu's turning point, where the slope's terms, 0.23 each, nearly cancel.
    let x = [-0.75f32; 4];
    let upstream = [1.0f32, 1000.0, 0.0, 1.0];
    let expectation = backward(Activation::GELU, &x, &upstream);
    let exact = exact(&expectation);
    let mut near = exact.clone();
    near[0] += 5e-8;
    near[1] += 5e-5;
    assert!(expectation.check(&near).unwrap().passed());
    for (place, error) in [(0, 3e-7), (1, 3e-4), (2, 1e-12)] {
        let mut far = exact.clone();
        far[place] += error;
        assert_eq!(expectation.check(&far).unwrap().failed, 1, "{place}");
    }
}

#[test]
fn parameters_belong_to_their_channels() {
    let x = [-1.0f32; 12];
    let slopes = [1.0, 2.0, 3.0];
    let expectation = |inner| Expectation {
        channels: Some((&slopes, inner)),
        tolerance: ULP_4,
        ..forward(Activation::LEAKY_RELU, &x)
    };
    let adjacent = [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3].map(|slope| -slope as f32);
    let pairs = [1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3].map(|slope| -slope as f32);
    assert!(expectation(1).check(&adjacent).unwrap().passed());
    assert!(expectation(2).check(&pairs).unwrap().passed());
    assert_eq!(expectation(2).check(&adjacent).unwrap().failed, 8);
    assert!(!expectation(1).check(&pairs).unwrap().passed());
}

#[test]
fn merged_reports_add_up_and_keep_the_worst() {
    let x: Vec<f32> = numbers();
    let expectation = forward(Activation::TANH, &x);
    let mut y = exact(&expectation);
    y[3] = off(y[3], 10);
    y[40] = off(y[40], 1000);
    y[90] = off(y[90], 20);
    let whole = expectation.check(&y).unwrap();
    assert_eq!((whole.failed, whole.worst.unwrap().index), (3, 40));
    for cut in [0, 1, 30, 41, 95, 96] {
        let part = |range| expectation.check_at(&y, range).unwrap();
        assert_eq!(part(0..cut).merge(part(cut..96)), whole);
        assert_eq!(part(cut..96).merge(part(0..cut)), whole);
    }
    assert_eq!(Report::default().merge(whole.clone()), whole);
    assert_eq!(check::compare(&expectation, &y).unwrap(), whole);
    // NaN is worse than any number.
    y[60] = f32::NAN;
    assert_eq!(expectation.check(&y).unwrap().worst.unwrap().index, 60);
}

/// A device may take a subnormal gradient for 0, however large the slope.
#[test]
fn a_flushed_gradient_passes() {
    let x = [1.337_717_8e10f32];
    let upstream = [-6.087_077e-39f32];
    let exponential: Activation = "exponential".parse().unwrap();
    let expectation = backward(exponential, &x, &upstream);
    for found in [0.0, -0.0, f32::NEG_INFINITY] {
        let report = expectation.check(&[found]).unwrap();
        assert!(report.passed(), "{report}");
    }
    assert!(!expectation.check(&[1.0]).unwrap().passed());
}
