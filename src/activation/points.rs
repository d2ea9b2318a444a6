//! What each activation gives at some points, held against numbers of high precision.

use super::{Activation, CATALOGUE, POINTS};

/// x, value, slope, slopes with respect to the parameters.
pub(super) type Point = (f64, f64, f64, &'static [f64]);

/// An activation, perhaps with other parameters, as it is written.
pub(super) type Variant = (&'static str, &'static [Point]);

/// The same bits, or close where it is no edge.
fn close(found: f64, expected: f64) -> bool {
    let relative = (found - expected).abs() / expected.abs();
    found.to_bits() == expected.to_bits() || relative <= 1e-13
}

#[test]
fn closeness_can_fail() {
    assert!(close(1.0 + 1e-14, 1.0) && close(f64::INFINITY, f64::INFINITY) && close(-0.0, -0.0));
    for (found, expected) in [
        (1.0 + 1e-12, 1.0),
        (0.0, -0.0),
        (1e-300, 0.0),
        (f64::NAN, 1.0),
        (f64::NEG_INFINITY, f64::INFINITY),
    ] {
        assert!(!close(found, expected), "{found} passes for {expected}");
    }
}

#[test]
fn the_reference_agrees_with_high_precision() {
    for (text, points) in POINTS.iter().flat_map(|(_, variants)| *variants) {
        let activation: Activation = text.parse().unwrap();
        for &(x, value, slope, parameter_slopes) in *points {
            let check = |what: &str, found: f64, expected: f64| {
                assert!(
                    close(found, expected),
                    "{activation}: {what} at {x:e} is {found:e}, expected {expected:e}"
                );
            };
            check("value", activation.value(x), value);
            check("slope", activation.slope(x), slope);
            let found = activation.parameter_slopes(x);
            assert_eq!(found.len(), parameter_slopes.len(), "{activation}");
            for (found, &expected) in found.into_iter().zip(parameter_slopes) {
                check("parameter slope", found, expected);
            }
        }
    }
}

#[test]
fn every_activation_has_points_and_edges_and_its_constant() {
    for (definition, (constant, variants)) in CATALOGUE.iter().zip(POINTS) {
        let name = definition.name;
        assert_eq!(name.replace('-', "_").to_uppercase(), *constant);
        let (own, points) = variants[0];
        assert_eq!(own, name, "the first has the default parameters");
        let has = |x: f64| points.iter().any(|point| point.0.to_bits() == x.to_bits());
        assert!(
            points.len() >= 7 && [f64::INFINITY, f64::NEG_INFINITY, -0.0].map(has) == [true; 3],
            "{name}"
        );
    }
}
