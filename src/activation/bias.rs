use super::{Definition, Paper, Parameter, identity, unless_nan};

pub(super) const DEFINITION: Definition = Definition {
    name: "bias",
    title: "Bias",
    formula: "x + b",
    slope_formula: "1",
    parameters: &[Parameter {
        name: "b",
        default: 0.0,
        per_channel: true,
        shown: &[0.0, 1.0, -2.0],
        description: "what is added, as a rule one per channel, learned",
        slope_formula: "1",
        slope: |x, _| unless_nan(x, 1.0),
        ..Parameter::BLANK
    }],
    properties: identity::DEFINITION.properties,
    paper: Some(Paper {
        authors: "Rosenblatt",
        title: "The Perceptron: A Probabilistic Model for Information Storage and Organization in \
                the Brain",
        year: 1958,
        url: "https://doi.org/10.1037/h0042519",
    }),
    value: |x, [b, ..]| x + b,
    slope: |x, _| unless_nan(x, 1.0),
    wgsl: include_str!("../../shaders/activation/bias.wgsl"),
    ..Definition::BLANK
};

/// Sums, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("bias", &[
        (-87.3, -87.3, 1.0, &[1.0]),
        (-2.0, -2.0, 1.0, &[1.0]),
        (1e-30, 1e-30, 1.0, &[1.0]),
        (0.9, 0.9, 1.0, &[1.0]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[1.0]),
        (f64::NEG_INFINITY, f64::NEG_INFINITY, 1.0, &[1.0]),
        (-0.0, 0.0, 1.0, &[1.0]),
    ]),
    ("bias(b=-1.5)", &[
        (-87.25, -88.75, 1.0, &[1.0]),
        (1.5, 0.0, 1.0, &[1.0]),
        (2.0, 0.5, 1.0, &[1.0]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[1.0]),
    ]),
];
