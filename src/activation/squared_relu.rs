use super::{Cost, Definition, Paper, Properties, Smoothness};

pub(super) const DEFINITION: Definition = Definition {
    name: "squared-relu",
    aliases: &["relu-squared", "relu2"],
    title: "Squared ReLU",
    formula: "x^2 for x > 0, 0 otherwise",
    slope_formula: "2 x for x > 0, 0 otherwise",
    properties: Some(Properties {
        saturates: (Some(0.0), None),
        ..Properties::new(
            (0.0, f64::INFINITY),
            Smoothness::Once,
            &[0.0],
            Cost::Compare,
        )
    }),
    paper: Some(Paper {
        authors: "So, Mańke, Liu, Dai, Shazeer, Le",
        title: "Primer: Searching for Efficient Transformers for Language Modeling",
        year: 2021,
        url: "https://arxiv.org/abs/2109.08668",
    }),
    value: |x, _| if x <= 0.0 { 0.0 } else { x * x },
    slope: |x, _| if x <= 0.0 { 0.0 } else { 2.0 * x },
    wgsl: include_str!("../../shaders/activation/squared_relu.wgsl"),
    ..Definition::BLANK
};

/// Values computed with mpmath at 120 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("squared-relu", &[
        (-87.3, 0.0, 0.0, &[]),
        (-30.0, 0.0, 0.0, &[]),
        (-12.9, 0.0, 0.0, &[]),
        (-5.3, 0.0, 0.0, &[]),
        (-2.0, 0.0, 0.0, &[]),
        (-0.7, 0.0, 0.0, &[]),
        (-0.3, 0.0, 0.0, &[]),
        (-1e-08, 0.0, 0.0, &[]),
        (1e-30, 1.0000000000000001e-60, 2e-30, &[]),
        (0.0001, 1e-08, 0.0002, &[]),
        (0.125, 0.015625, 0.25, &[]),
        (0.9, 0.81, 1.8, &[]),
        (5.5, 30.25, 11.0, &[]),
        (30.0, 900.0, 60.0, &[]),
        (88.7, 7867.6900000000005, 177.4, &[]),
        (f64::INFINITY, f64::INFINITY, f64::INFINITY, &[]),
        (f64::NEG_INFINITY, 0.0, 0.0, &[]),
        (-0.0, 0.0, 0.0, &[]),
    ]),
];
