//! What the catalogue says of each activation, held against mathematics. Needs no GPU.
//!
//! Longer than 500 lines: a test for each claim of an entry.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "catalogue/names.rs"]
mod names;
#[path = "catalogue/notation.rs"]
mod notation;

use std::collections::BTreeSet;

use wgpu_activations::{
    Activation, CATALOGUE,
    activation::{Cost, MOST_PARAMETERS, Properties, Range, Smoothness},
    family::families,
};

/// Every activation with its default parameter and with others from all over its range.
fn variants() -> impl Iterator<Item = Activation> {
    Activation::all().flat_map(|activation| {
        let parameters = activation.definition().parameters.iter();
        let others = parameters.flat_map(move |parameter| {
            let values: &[f32] = match parameter.range {
                Range::Finite => &[-2.0, -0.25, 0.0, 0.5, 1.5],
                Range::NonNegative => &[0.0, 0.5, 3.0],
                Range::Positive => &[0.125, 0.5, 4.0],
            };
            let with = |&value| activation.with_named(parameter.name, value).unwrap();
            values.iter().map(with).collect::<Vec<_>>()
        });
        std::iter::once(activation).chain(others)
    })
}

/// What the catalogue states of `activation`.
fn properties(activation: Activation) -> Properties {
    activation.definition().properties.unwrap()
}

/// -64 to 64 in steps of 1/64, then powers of two to both ends of f32.
fn grid() -> impl Iterator<Item = f64> {
    let near = (-4096..=4096).map(|i| f64::from(i) / 64.0);
    let far = (7..128).flat_map(|i| [-2f64.powi(i), 2f64.powi(i)]);
    let tiny = (-149..-6).flat_map(|i| [-2f64.powi(i), 2f64.powi(i)]);
    near.chain(far).chain(tiny)
}

/// Whether `found` is `expected` to a relative error; NaN never is.
fn close(found: f64, expected: f64, relative: f64) -> bool {
    found == expected || (found - expected).abs() <= relative * expected.abs()
}

/// f' at x by the five-point central difference, with its step.
fn central_difference(f: impl Fn(f64) -> f64, x: f64, step: f64) -> f64 {
    (8.0 * (f(x + step) - f(x - step)) - (f(x + 2.0 * step) - f(x - 2.0 * step))) / (12.0 * step)
}

#[test]
fn closeness_can_fail() {
    assert!(close(1.0 + 1e-13, 1.0, 1e-12));
    assert!(close(f64::INFINITY, f64::INFINITY, 1e-12));
    for (found, expected) in [
        (1.0 + 1e-11, 1.0),
        (0.0, 1e-300),
        (1e-300, 0.0),
        (-1.0, 1.0),
        (f64::NAN, 1.0),
        (f64::NAN, f64::NAN),
        (f64::INFINITY, f64::NEG_INFINITY),
        (f64::MAX, f64::INFINITY),
    ] {
        let relative = if expected.is_infinite() { 0.0 } else { 1e-12 };
        assert!(
            !close(found, expected, relative),
            "{found} passes for {expected}"
        );
    }
}

#[test]
fn slopes_match_central_differences() {
    for activation in variants() {
        // Offset, so that no difference straddles a kink.
        for x in (-80..80).map(|i| (f64::from(i) + 0.5) / 8.0) {
            let expected = central_difference(|x| activation.value(x), x, 1e-4);
            let found = activation.slope(x);
            let tolerance = 1e-9 * found.abs() + 4e-11 * activation.value(x).abs();
            assert!(
                (found - expected).abs() <= tolerance,
                "{activation}: slope at {x} is {found:e}, the difference quotient {expected:e}"
            );
        }
    }
}

#[test]
fn parameter_slopes_match_central_differences() {
    let mut checked = 0;
    for activation in variants() {
        let definition = activation.definition();
        let mut numbers = [0.0; MOST_PARAMETERS];
        for (number, parameter) in numbers.iter_mut().zip(activation.parameters()) {
            *number = f64::from(*parameter);
        }
        for (index, parameter) in definition.parameters.iter().enumerate() {
            for x in (-80..80).map(|i| (f64::from(i) + 0.5) / 8.0) {
                let value = |number| {
                    let mut numbers = numbers;
                    numbers[index] = number;
                    (definition.value)(x, numbers)
                };
                let expected = central_difference(value, numbers[index], 1e-4);
                let found = activation.parameter_slopes(x)[index];
                let tolerance = 1e-8 * found.abs() + 4e-11 * value(numbers[index]).abs();
                assert!(
                    (found - expected).abs() <= tolerance,
                    "{activation}: slope by {} at {x} is {found:e}, the quotient {expected:e}",
                    parameter.name
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 0);
}

#[test]
fn ranges_are_tight() {
    for activation in Activation::all() {
        let properties = properties(activation);
        let values: Vec<_> = grid()
            .chain(properties.turning_point)
            .chain([f64::NEG_INFINITY, f64::INFINITY])
            .map(|x| activation.value(x))
            .collect();
        let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (infimum, supremum) = properties.range;
        assert!(
            close(lowest, infimum, 1e-12),
            "{activation}: infimum {infimum}, found {lowest}"
        );
        assert!(
            close(highest, supremum, 1e-12),
            "{activation}: supremum {supremum}, found {highest}"
        );
    }
}

#[test]
fn slopes_change_sign_at_turning_points_alone() {
    for activation in Activation::all() {
        let Some(turning_point) = properties(activation).turning_point else {
            let falling = grid().find(|&x| activation.slope(x) < 0.0);
            assert_eq!(
                falling, None,
                "{activation} falls but states no turning point"
            );
            continue;
        };
        let next = |sign: f64| activation.slope(turning_point + sign * 1e-9);
        assert!(
            next(-1.0) < 0.0 && next(1.0) > 0.0,
            "{activation} does not turn at {turning_point}"
        );
        for x in grid() {
            let slope = activation.slope(x);
            let right = if x < turning_point {
                slope <= 0.0
            } else {
                slope > 0.0 || x == turning_point
            };
            assert!(
                right,
                "{activation}: slope {slope:e} at {x}, turning point {turning_point}"
            );
        }
    }
}

#[test]
fn zero_centred_means_odd() {
    for activation in Activation::all() {
        let odd = grid().all(|x| activation.value(-x) == -activation.value(x));
        assert_eq!(properties(activation).zero_centred, odd, "{activation}");
    }
}

#[test]
fn smoothness_shows_in_one_sided_slopes() {
    const STEP: f64 = 1e-4;
    for activation in Activation::all() {
        let slope = |x| activation.slope(x);
        // How far the slope jumps across x, and how far its own slope does.
        let jump = |x: f64| (slope(x + STEP) - slope(x - STEP)).abs();
        let second_jump = |x: f64| {
            let right = slope(x + 2.0 * STEP) - slope(x + STEP);
            let left = slope(x - STEP) - slope(x - 2.0 * STEP);
            (right - left).abs() / STEP
        };
        let value_jumps = |x: f64| {
            let values = [x.next_down(), x.next_up()].map(|x| activation.value(x));
            (values[1] - values[0]).abs() > 0.01
        };
        let (mut worst, mut bends) = (Smoothness::Smooth, Vec::new());
        for x in (-640..=640).map(|i| f64::from(i) / 64.0) {
            let slope_size = slope(x).abs().max(1.0);
            let found = if value_jumps(x) {
                Smoothness::Jump
            } else if jump(x) > 0.01 * slope_size {
                Smoothness::Kink
            } else if second_jump(x) > 0.01 * slope_size {
                Smoothness::Once
            } else {
                continue;
            };
            assert!(
                [found, Smoothness::Smooth].contains(&worst),
                "{activation}: a second kind of bend at {x}"
            );
            worst = found;
            bends.push(x);
        }
        let stated = properties(activation);
        assert_eq!(
            (stated.smoothness, stated.bends),
            (worst, &bends[..]),
            "{activation}"
        );
    }
}

#[test]
fn saturation_shows_far_out() {
    for activation in Activation::all() {
        let (left, right) = properties(activation).saturates;
        for (limit, side) in [(left, -1.0), (right, 1.0)] {
            let at_infinity = activation.value(side * f64::INFINITY);
            // Where tails that fade as 1 / x are there, too.
            let far = activation.value(side * 1e13);
            match limit {
                Some(limit) => {
                    assert_eq!(at_infinity, limit, "{activation}");
                    assert!(
                        (far - limit).abs() < 1e-9,
                        "{activation}: {far} far out, not {limit}"
                    );
                    assert!(activation.slope(side * 1e13).abs() < 1e-9, "{activation}");
                }
                None => {
                    assert!(at_infinity.is_infinite(), "{activation}");
                    assert!(far.abs() > 1.0, "{activation} saturates at {far}");
                    assert!(activation.slope(side * 1e4).abs() > 1e-3, "{activation}");
                }
            }
        }
    }
}

#[test]
fn what_is_computed_is_what_the_catalogue_states() {
    for activation in Activation::all() {
        let Properties {
            range,
            turning_point,
            zero_centred,
            smoothness,
            bends,
            saturates,
            ..
        } = properties(activation);
        let course = activation.course();
        assert!(
            close(course.range.0, range.0, 1e-12) && close(course.range.1, range.1, 1e-12),
            "{activation}: {course:?}"
        );
        match (turning_point, &course.turning_points[..]) {
            (None, []) => {}
            (Some(stated), [found]) => {
                assert!(close(*found, stated, 1e-6), "{activation}: {found}");
            }
            _ => panic!("{activation}: {course:?}"),
        }
        assert_eq!(course.zero_centred, zero_centred, "{activation}");
        assert_eq!(course.smoothness, smoothness, "{activation}");
        // A parameter of f32 may be a third.
        let mut both = course.bends.iter().zip(bends);
        let alike = both.all(|(&found, &stated)| close(found, stated, 1e-6));
        assert!(
            alike && course.bends.len() == bends.len(),
            "{activation}: {course:?}"
        );
        let ends = (
            course.flat.first().map(|flat| flat.0) == Some(f64::NEG_INFINITY),
            course.flat.last().map(|flat| flat.1) == Some(f64::INFINITY),
        );
        assert_eq!(
            ends,
            (saturates.0.is_some(), saturates.1.is_some()),
            "{activation}"
        );
    }
}

#[test]
fn slopes_are_small_where_the_course_is_flat_and_nowhere_else() {
    let swept = [
        "swish(beta=10)",
        "softplus(beta=0.1)",
        "elu(alpha=0.001)",
        "leaky-relu(slope=0.001)",
    ];
    let swept = swept.map(|text| text.parse::<Activation>().unwrap());
    for activation in Activation::all().chain(swept) {
        let flat = activation.course().flat;
        // Waves are flat again and again.
        if properties(activation).cost == Cost::Sine {
            assert!(flat.is_empty(), "{activation}");
            continue;
        }
        for x in grid() {
            let inside = flat.iter().any(|&(from, to)| from <= x && x <= to);
            let at_edge = flat
                .iter()
                .any(|&(from, to)| (x - from).abs().min((x - to).abs()) < 1e-6);
            let slope = activation.slope(x);
            assert!(
                (slope.abs() < 0.01 * (1.0 - 1e-6)) == inside || at_edge,
                "{activation}: slope {slope} at {x}, flat {flat:?}"
            );
        }
    }
}

#[test]
fn the_course_follows_the_parameter() {
    let course = |text: &str| text.parse::<Activation>().unwrap().course();
    assert_eq!(course("elu(alpha=0.5)").range, (-0.5, f64::INFINITY));
    assert_eq!(course("elu(alpha=0.5)").smoothness, Smoothness::Kink);
    assert_eq!(course("leaky-relu(slope=1)").smoothness, Smoothness::Smooth);
    assert_eq!(course("leaky-relu(slope=-1)").range, (0.0, f64::INFINITY));
    assert!(course("swish(beta=0)").zero_centred);
}

#[test]
fn comparing_alone_costs_least() {
    for activation in Activation::all() {
        let straight = grid().all(|x| activation.value(2.0 * x) == 2.0 * activation.value(x));
        let cheap = properties(activation).cost == Cost::Compare;
        assert!(cheap || !straight, "{activation}");
    }
}

#[test]
fn values_at_infinity_and_negative_zero() {
    const INF: f64 = f64::INFINITY;
    const LN_2: f64 = std::f64::consts::LN_2;
    let cases = [
        // At +inf, -inf, -0.
        ("sigmoid", 1.0, 0.0, 0.5),
        ("tanh", 1.0, -1.0, -0.0),
        ("relu", INF, 0.0, 0.0),
        ("leaky-relu", INF, -INF, -0.0),
        ("leaky-relu(slope=0)", INF, 0.0, 0.0),
        ("leaky-relu(slope=-1)", INF, INF, 0.0),
        ("prelu", INF, -INF, -0.0),
        ("elu", INF, -1.0, -0.0),
        ("elu(alpha=0.5)", INF, -0.5, -0.0),
        ("elu(alpha=0)", INF, -0.0, -0.0),
        ("selu", INF, -1.7580993408473768, -0.0),
        ("gelu", INF, -0.0, -0.0),
        ("gelu-tanh", INF, -0.0, -0.0),
        ("swish", INF, -0.0, -0.0),
        ("swish(beta=0)", INF, -INF, -0.0),
        ("swish(beta=-1)", 0.0, -INF, -0.0),
        ("swish(beta=1e-30)", INF, -0.0, -0.0),
        // A subnormal parameter counts as 0.
        ("swish(beta=1e-45)", INF, -INF, -0.0),
        ("softplus", INF, 0.0, LN_2),
        ("softplus(beta=2)", INF, 0.0, LN_2 / 2.0),
        ("mish", INF, -0.0, -0.0),
        ("softsign", 1.0, -1.0, -0.0),
    ];
    for (text, right, left, at_negative_zero) in cases {
        let activation: Activation = text.parse().unwrap();
        for (x, expected) in [(INF, right), (-INF, left), (-0.0, at_negative_zero)] {
            let found = activation.value(x);
            // The bits, to tell -0 from 0.
            assert_eq!(
                found.to_bits(),
                expected.to_bits(),
                "{activation} at {x:?} is {found:?}"
            );
        }
    }
}

#[test]
fn slopes_at_infinity_and_zero() {
    let cases = [
        // At +inf, -inf, 0; where the slope jumps, 0 belongs to the left.
        ("sigmoid", 0.0, 0.0, 0.25),
        ("tanh", 0.0, 0.0, 1.0),
        ("relu", 1.0, 0.0, 0.0),
        ("leaky-relu(slope=0.25)", 1.0, 0.25, 0.25),
        ("leaky-relu(slope=0)", 1.0, 0.0, 0.0),
        ("prelu", 1.0, 0.25, 0.25),
        ("elu", 1.0, 0.0, 1.0),
        ("elu(alpha=0.5)", 1.0, 0.0, 0.5),
        ("elu(alpha=0)", 1.0, 0.0, 0.0),
        ("selu", 1.0507009873554805, 0.0, 1.7580993408473768),
        ("gelu", 1.0, 0.0, 0.5),
        ("gelu-tanh", 1.0, 0.0, 0.5),
        ("swish", 1.0, 0.0, 0.5),
        ("swish(beta=0)", 0.5, 0.5, 0.5),
        ("swish(beta=-1)", 0.0, 1.0, 0.5),
        ("softplus", 1.0, 0.0, 0.5),
        ("softplus(beta=2)", 1.0, 0.0, 0.5),
        ("mish", 1.0, 0.0, 0.6),
    ];
    for (text, right, left, at_zero) in cases {
        let activation: Activation = text.parse().unwrap();
        assert_eq!(activation.slope(f64::INFINITY), right, "{activation}");
        assert_eq!(activation.slope(f64::NEG_INFINITY), left, "{activation}");
        for zero in [0.0, -0.0] {
            let found = activation.slope(zero);
            assert!(
                close(found, at_zero, 1e-15),
                "{activation}: slope {found} at {zero:?}"
            );
        }
    }
}

#[test]
fn parameter_slopes_at_infinity() {
    const INF: f64 = f64::INFINITY;
    for (text, right, left) in [
        ("leaky-relu", 0.0, -INF),
        ("elu(alpha=0.5)", 0.0, -1.0),
        ("swish", 0.0, 0.0),
        ("swish(beta=-1)", 0.0, 0.0),
        ("swish(beta=0)", INF, INF),
        ("softplus", 0.0, 0.0),
        ("softplus(beta=2)", 0.0, 0.0),
    ] {
        let activation: Activation = text.parse().unwrap();
        assert_eq!(activation.parameter_slopes(INF), [right], "{activation}");
        assert_eq!(activation.parameter_slopes(-INF), [left], "{activation}");
    }
}

#[test]
fn extremes_tend_to_the_limits() {
    for activation in variants() {
        for x in [1e13, 1e30, f64::from(f32::MAX)]
            .into_iter()
            .flat_map(|x| [-x, x])
        {
            let limit = x.signum() * f64::INFINITY;
            let value = activation.value(x);
            let at_infinity = activation.value(limit);
            if at_infinity.is_finite() {
                let off = (value - at_infinity).abs();
                assert!(off <= 2.0 / x.abs(), "{activation} at {x:e}: {value:e}");
            } else {
                // An exponential leaves f64, too.
                assert!(value.abs() > 1e10, "{activation} at {x:e}: {value:e}");
            }
            // A sine has no limit.
            if properties(activation).cost == Cost::Sine {
                continue;
            }
            let slope = activation.slope(limit);
            if slope.is_finite() {
                let off = (activation.slope(x) - slope).abs();
                assert!(off <= 2.0 / x.abs(), "{activation} at {x:e}");
            }
            let slopes = activation.parameter_slopes(limit);
            for (found, limit) in activation.parameter_slopes(x).iter().zip(slopes) {
                let close = (found - limit).abs() <= 2.0 / x.abs();
                assert!(!limit.is_finite() || close, "{activation} at {x:e}");
            }
        }
    }
}

#[test]
fn every_finite_input_gives_a_finite_result() {
    for activation in variants() {
        // Where the result is no more than f32 holds, as exponentials are not.
        let within = |x: &f64| activation.value(*x).abs() <= f64::from(f32::MAX) * 1e40;
        for x in grid().filter(within) {
            assert!(activation.value(x).is_finite(), "{activation} at {x:e}");
            assert!(
                activation.slope(x).is_finite(),
                "{activation}: slope at {x:e}"
            );
            let mut slopes = activation.parameter_slopes(x).into_iter();
            assert!(
                slopes.all(f64::is_finite),
                "{activation}: parameter slopes at {x:e}"
            );
        }
    }
}

#[test]
fn nan_propagates() {
    for activation in variants() {
        for nan in [f64::NAN, -f64::NAN] {
            assert!(activation.value(nan).is_nan(), "{activation}: value");
            assert!(activation.slope(nan).is_nan(), "{activation}: slope");
            let mut slopes = activation.parameter_slopes(nan).into_iter();
            assert!(slopes.all(f64::is_nan), "{activation}: parameter slopes");
        }
    }
}

#[test]
fn limiting_parameters() {
    let relu = Activation::RELU;
    let leaky = Activation::LEAKY_RELU.with(0.0).unwrap();
    let half = Activation::SWISH.with(0.0).unwrap();
    let steep = Activation::SWISH.with(1e30).unwrap();
    let steep_softplus = Activation::SOFTPLUS.with(1e30).unwrap();
    for x in grid() {
        assert_eq!(
            leaky.value(x).to_bits(),
            relu.value(x).to_bits(),
            "{leaky} at {x:e}"
        );
        assert_eq!(leaky.slope(x), relu.slope(x), "{leaky} at {x:e}");
        assert_eq!(half.value(x), x / 2.0, "{half} at {x:e}");
        assert!(
            (steep.value(x) - relu.value(x)).abs() < 1e-29,
            "{steep} at {x:e}"
        );
        assert!(
            (steep_softplus.value(x) - relu.value(x)).abs() < 1e-29,
            "softplus at {x:e}"
        );
    }
}

#[test]
fn entries_are_complete() {
    let mut seen = BTreeSet::new();
    for family in families() {
        let entry = family.entry();
        let name = entry.name;
        for &name in entry.aliases.iter().chain([&name]) {
            assert!(seen.insert(name), "{name} is taken twice");
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(!name.is_empty() && name.chars().all(plain), "{name}");
        }
        let paper = entry.paper.unwrap();
        assert!(paper.url.starts_with("https://"), "{name}");
        assert!((1900..2100).contains(&paper.year), "{name}");
        let mut texts = vec![
            entry.title,
            entry.formula,
            entry.slope_formula,
            paper.authors,
            paper.title,
        ];
        for parameter in entry.parameters.iter() {
            texts.extend([parameter.name, parameter.rule, parameter.description]);
        }
        texts.extend(entry.special_values.iter().flat_map(|&(x, y)| [x, y]));
        texts.extend(entry.notes);
        assert!(
            texts.iter().all(|text| !text.is_empty()),
            "{name} leaves a text empty"
        );
    }
}

#[test]
fn definitions_are_complete() {
    for definition in CATALOGUE {
        let name = definition.name;
        for parameter in definition.parameters {
            assert!(parameter.range.contains(parameter.default), "{name}");
            assert!(!parameter.slope_formula.is_empty(), "{name}");
        }
        for (function, expected) in [
            ("fn value(", true),
            ("fn backward(", true),
            ("fn parameter_backward(", !definition.parameters.is_empty()),
        ] {
            assert_eq!(
                definition.wgsl.contains(function),
                expected,
                "{name}: {function}"
            );
        }
    }
}
