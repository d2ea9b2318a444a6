//! How activations are written, read and refused.

use std::collections::HashSet;

use wgpu_activations::{
    Activation, CATALOGUE, Error, ErrorKind,
    activation::{Definition, Parameter, Range},
    family::{families, find, of_many_elements},
};

use super::variants;

#[test]
fn printing_and_parsing_round_trip() {
    for activation in variants() {
        let parsed: Activation = activation.to_string().parse().unwrap();
        assert_eq!(parsed, activation);
        assert_eq!(parsed.parameters(), activation.parameters());
        assert_eq!(format!("{activation:?}"), activation.to_string());
    }
    let tiny = Activation::SWISH.with(-1.1e-42).unwrap();
    assert_eq!(tiny.to_string().parse::<Activation>().unwrap(), tiny);
    assert_ne!(Activation::ELU, Activation::ELU.with(0.5).unwrap());
    assert_ne!(Activation::RELU, Activation::SIGMOID);
    assert_eq!(Activation::RELU.to_string(), "relu");
    assert_eq!(Activation::LEAKY_RELU.to_string(), "leaky-relu(slope=0.01)");
    assert_eq!(Activation::SWISH.to_string(), "swish(beta=1)");
}

#[test]
fn names_are_read_leniently() {
    let half = Activation::ELU.with(0.5).unwrap();
    for (text, expected) in [
        ("leaky-relu", Activation::LEAKY_RELU),
        ("leaky_relu", Activation::LEAKY_RELU),
        ("Leaky-ReLU", Activation::LEAKY_RELU),
        ("LeakyReLU", Activation::LEAKY_RELU),
        ("soft_sign", Activation::SOFTSIGN),
        ("GELU_tanh", Activation::GELU_TANH),
        ("silu", Activation::SWISH),
        ("SiLU(beta=1)", Activation::SWISH),
        (" elu ", Activation::ELU),
        ("elu()", Activation::ELU),
        ("relu()", Activation::RELU),
        ("elu(alpha=0.5)", half),
        (" elu ( alpha = 5e-1 ) ", half),
    ] {
        let parsed: Activation = text.parse().unwrap();
        assert_eq!(parsed, expected, "{text}");
    }
    for definition in CATALOGUE {
        for alias in definition.aliases {
            assert_eq!(
                alias.parse::<Activation>().unwrap(),
                Activation::new(definition)
            );
        }
    }
}

#[test]
fn families_have_names_of_their_own() {
    for family in families() {
        let entry = family.entry();
        for name in entry.aliases.iter().chain([&entry.name]) {
            let shouted = format!(" {} ", name.to_uppercase().replace('-', "_"));
            assert_eq!(find(&shouted).unwrap().entry().name, entry.name);
            let is_activation = name.parse::<Activation>().is_ok();
            assert_eq!(is_activation, family.activation().is_some(), "{name}");
        }
        let parameters: HashSet<_> = entry.parameters.iter().map(|p| p.name).collect();
        assert_eq!(parameters.len(), entry.parameters.len());
    }
    assert!(of_many_elements().all(|family| family.activation().is_none()));
}

#[test]
fn errors_name_the_values_and_the_rule() {
    let known: Vec<_> = CATALOGUE.iter().map(|it| it.name).collect();
    let known = format!("known: {}", known.join(", "));
    let form = "write `elu` or `elu(alpha=0.5)`";
    for (text, expected) in [
        (
            "Sigmiod",
            format!("unknown activation `Sigmiod`, did you mean `sigmoid`?; {known}"),
        ),
        (
            "leakyreul(slope=1)",
            format!("unknown activation `leakyreul`, did you mean `leaky-relu`?; {known}"),
        ),
        ("xyzzy", format!("unknown activation `xyzzy`; {known}")),
        ("", format!("unknown activation ``; {known}")),
        (
            "elu(beta=1)",
            "elu has no parameter `beta`; it takes `alpha`".to_owned(),
        ),
        (
            "relu(slope=1)",
            "relu takes no parameter, so `slope` cannot be set".to_owned(),
        ),
        (
            "elu(alpha=-1)",
            "elu: alpha is -1 but must be a finite number >= 0".to_owned(),
        ),
        (
            "softplus(beta=-0.5)",
            "softplus: beta is -0.5 but must be a finite number > 0 (at least 1.18e-38)".to_owned(),
        ),
        (
            "softplus(beta=0)",
            "softplus: beta is 0 but must be a finite number > 0 (at least 1.18e-38)".to_owned(),
        ),
        (
            "swish(beta=nan)",
            "swish: beta is NaN but must be a finite number".to_owned(),
        ),
        (
            "leaky-relu(slope=-inf)",
            "leaky-relu: slope is -inf but must be a finite number".to_owned(),
        ),
        (
            "elu(alpha=0.5",
            format!(
                "cannot parse activation `elu(alpha=0.5`: the closing parenthesis is missing; {form}"
            ),
        ),
        (
            "elu(0.5)",
            format!(
                "cannot parse activation `elu(0.5)`: a parameter is written NAME=VALUE; {form}"
            ),
        ),
        (
            "elu(alpha=half)",
            format!("cannot parse activation `elu(alpha=half)`: `half` is not a number; {form}"),
        ),
        (
            "elu(alpha=)",
            format!("cannot parse activation `elu(alpha=)`: `` is not a number; {form}"),
        ),
    ] {
        let error = text.parse::<Activation>().unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn setting_a_parameter_can_fail() {
    let error = |result: Result<Activation, Error>| result.unwrap_err();
    let none = error(Activation::TANH.with(0.5));
    assert!(matches!(
        none,
        Error::UnknownParameter {
            ref op,
            ref known,
            ..
        } if op == "tanh" && known.is_empty()
    ));
    let other = error(Activation::SWISH.with_named("alpha", 1.0));
    assert!(matches!(
        other,
        Error::UnknownParameter {
            ref op,
            ref known,
            ..
        } if op == "swish" && known == &["beta"]
    ));
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for activation in Activation::all() {
            for parameter in activation.definition().parameters {
                assert!(matches!(
                    error(activation.with_named(parameter.name, value)),
                    Error::ParameterOutOfRange { .. }
                ));
            }
        }
    }
}

#[test]
fn ranges_of_parameters() {
    let smallest = f32::MIN_POSITIVE;
    for (range, value, expected) in [
        (Range::Finite, -f32::MAX, true),
        (Range::Finite, f32::INFINITY, false),
        (Range::Finite, f32::NAN, false),
        (Range::NonNegative, 0.0, true),
        (Range::NonNegative, -0.0, true),
        (Range::NonNegative, -smallest, false),
        (Range::NonNegative, f32::INFINITY, false),
        (Range::NonNegative, f32::NAN, false),
        (Range::Positive, smallest, true),
        (Range::Positive, smallest / 2.0, false),
        (Range::Positive, 0.0, false),
        (Range::Positive, f32::INFINITY, false),
        (Range::Positive, f32::NAN, false),
    ] {
        assert_eq!(range.contains(value), expected, "{range:?} {value:e}");
    }
}

#[test]
fn advice_is_never_the_name_that_was_refused() {
    let names = of_many_elements().flat_map(|family| {
        let entry = family.entry();
        entry.aliases.iter().copied().chain([entry.name])
    });
    for name in names {
        let error = name.parse::<Activation>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Name);
        let Error::UnknownActivation { nearest, .. } = &error else {
            panic!("{error:?}");
        };
        assert_ne!(*nearest, Some(name), "{error}");
    }
    let error = "gleu".parse::<Activation>().unwrap_err();
    assert!(
        error.to_string().contains("did you mean `gelu`?"),
        "{error}"
    );
}

static MINE: Definition = Definition::new("relu", "one text", |x, _| x, |_, _| 1.0);
static OTHER: Definition = Definition::new("relu", "another text", |x, _| x, |_, _| 1.0);

#[test]
fn activations_of_one_name_differ_by_their_shader() {
    let (mine, other) = (Activation::new(&MINE), Activation::new(&OTHER));
    assert_eq!(mine, Activation::new(&MINE));
    assert_ne!(mine, other);
    assert_ne!(mine, Activation::RELU);
    assert_eq!(mine.name(), Activation::RELU.name());
    assert_eq!(Activation::RELU, "relu".parse().unwrap());
    assert_ne!(Activation::ELU, Activation::ELU.with(0.5).unwrap());
}

#[test]
fn a_definition_needs_no_more_than_its_functions() {
    static GROWING: Definition = Definition {
        parameters: &[Parameter::new("rate", 2.0, |x, _| x)],
        ..Definition::new(
            "growing",
            "",
            |x, [rate, ..]| rate * x,
            |_, [rate, ..]| rate,
        )
    };
    let growing = Activation::new(&GROWING);
    assert_eq!(growing.to_string(), "growing(rate=2)");
    assert_eq!(growing.with(-3.0).unwrap().value(2.0), -6.0);
    assert!(growing.with(f32::NAN).is_err());
    assert_eq!(growing.definition().title, "growing");
    assert!(growing.definition().paper.is_none() && growing.definition().properties.is_none());
    let course = growing.course();
    assert!(course.turning_points.is_empty() && course.zero_centred);
}
