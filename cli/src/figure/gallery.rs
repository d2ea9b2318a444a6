//! The pictures of the documentation.

use super::Plot;
use wgpu_activations::{
    Activation, Family, Result,
    family::{Curve, Sweep, families},
};

/// A picture of each family, by its name, then those that compare several.
pub(crate) fn all() -> Result<Vec<(&'static str, Plot)>> {
    let mut pictures = Vec::new();
    for family in families() {
        pictures.extend(of_family(family)?.map(|plot| (family.entry().name, plot)));
    }
    for (name, title, members) in GROUPS {
        let curves = members.iter().map(|text| Ok(Curve::of(text.parse()?)));
        let curves = curves.collect::<Result<_>>()?;
        pictures.push((name, with_slope((*title).to_owned(), curves)));
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

/// A family by what it makes of one element.
fn of_family(family: &dyn Family) -> Result<Option<Plot>> {
    let title = family.entry().title;
    let mut sweep = family.activation().map_or_else(Sweep::default, shown);
    let picture = family.picture(&mut sweep)?;
    Ok(picture.map(|picture| {
        let title = match picture.subject {
            "" => title.to_owned(),
            subject => format!("{title}: {subject}"),
        };
        with_slope(title, picture.curves)
    }))
}

/// The values of an activation's parameters that show what they do.
fn shown(activation: Activation) -> Sweep {
    let mut sweep = Sweep::default();
    let parameters = activation.definition().parameters.iter();
    for parameter in parameters.filter(|parameter| !parameter.shown.is_empty()) {
        let values = parameter.shown.iter().copied().map(f64::from);
        sweep.add(parameter.name, values.collect());
    }
    sweep
}

fn with_slope(title: String, curves: Vec<Curve>) -> Plot {
    Plot {
        title,
        curves,
        range: (-6.0, 6.0),
        slope: true,
    }
}
