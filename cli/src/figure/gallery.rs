//! The pictures of the documentation.

use super::{Curve, Plot};
use wgpu_activations::{
    Activation, CATALOGUE, FAMILIES, Result, activation::Family, family::softmax::reference::Form,
};

/// From where to where they go, unless one says otherwise.
pub(crate) const RANGE: (f64, f64) = (-6.0, 6.0);

/// The name of a picture, and the picture.
pub(crate) type Named = (String, Plot);

/// A picture of each activation, by its name, then those that compare several.
pub(crate) fn all() -> Result<Vec<Named>> {
    let mut pictures = Vec::new();
    for definition in CATALOGUE {
        pictures.push((definition.name.to_owned(), of_activation(definition.name)?));
    }
    for family in FAMILIES {
        pictures.extend(of_family(family).map(|plot| (family.name.to_owned(), plot)));
    }
    for (name, title, members) in GROUPS {
        let curves = members.iter().map(|text| Ok(Curve::of(text.parse()?)));
        let curves = curves.collect::<Result<_>>()?;
        pictures.push(((*name).to_owned(), with_slope(title, curves)));
    }
    Ok(pictures)
}

/// Pictures that compare: name, title, activations.
const GROUPS: &[(&str, &str, &[&str])] = &[
    (
        "rectifiers",
        "ReLU and what keeps its units alive",
        &["relu", "leaky-relu(slope=0.1)", "prelu", "elu", "selu"],
    ),
    (
        "smooth",
        "Smooth alternatives to ReLU",
        &["gelu", "swish", "mish", "softplus"],
    ),
    ("bounded", "Bounded activations", &["sigmoid", "tanh"]),
];

/// Values of the parameter that show what it does.
const SWEEPS: &[(&str, &[f32])] = &[
    ("leaky-relu", &[0.01, 0.1, 0.3]),
    ("prelu", &[0.25, 0.0, -0.5, 1.0]),
    ("elu", &[1.0, 0.5, 2.0]),
    ("swish", &[1.0, 0.0, 0.5, 10.0]),
    ("softplus", &[1.0, 0.5, 5.0]),
];

fn of_activation(name: &str) -> Result<Plot> {
    let activation: Activation = name.parse()?;
    let sweep = SWEEPS.iter().find(|(swept, _)| *swept == name);
    let curves = match sweep {
        Some((_, values)) => {
            let curves = values
                .iter()
                .map(|&value| Ok(Curve::of(activation.with(value)?)));
            curves.collect::<Result<_>>()?
        }
        None => vec![Curve::of(activation)],
    };
    Ok(with_slope(activation.definition().title, curves))
}

/// A family by what it makes of one element.
fn of_family(family: &Family) -> Option<Plot> {
    let (subject, curves) = match family.name {
        "dice" => (
            "the kink follows the batch",
            dice(&[0.0, 2.0], &[1.0], &[0.25]),
        ),
        "softmax" => (
            "the share of one element",
            vec![
                Curve::softmax(&[0.0], Form::Softmax),
                Curve::softmax(&[0.0, 1.0, 2.0], Form::Softmax),
            ],
        ),
        "log-softmax" => (
            "the logarithm of one element's share",
            vec![
                Curve::softmax(&[0.0], Form::LogSoftmax),
                Curve::softmax(&[0.0, 1.0, 2.0], Form::LogSoftmax),
            ],
        ),
        "maxout" => (
            "pieces make any convex function",
            vec![
                Curve::maxout(
                    "3 pieces: -x - 2, 0.2 x, x - 2",
                    &[(-1.0, -2.0), (0.2, 0.0), (1.0, -2.0)],
                ),
                Curve::maxout("2 pieces: -x, x", &[(-1.0, 0.0), (1.0, 0.0)]),
            ],
        ),
        "alpha-dropout" => (
            "what becomes of an element",
            [0.1, 0.5]
                .into_iter()
                .flat_map(Curve::alpha_dropout)
                .collect(),
        ),
        _ => return None,
    };
    Some(with_slope(&format!("{}: {subject}", family.title), curves))
}

/// Dice of every choice of mean, variance and alpha.
pub(crate) fn dice(means: &[f64], variances: &[f64], alphas: &[f64]) -> Vec<Curve> {
    let mut curves = Vec::new();
    for &alpha in alphas {
        for &variance in variances {
            curves.extend(means.iter().map(|&mean| Curve::dice(mean, variance, alpha)));
        }
    }
    curves
}

/// What stands for a family on the command line.
pub(crate) fn family(family: &Family) -> Option<Vec<Curve>> {
    Some(of_family(family)?.curves)
}

fn with_slope(title: &str, curves: Vec<Curve>) -> Plot {
    Plot {
        title: title.to_owned(),
        curves,
        range: RANGE,
        slope: true,
    }
}
