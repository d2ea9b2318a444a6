use super::{Definition, Paper, Parameter, identity, times, unless_nan};

pub(super) const DEFINITION: Definition = Definition {
    name: "scale",
    title: "Scale",
    formula: "factor x",
    slope_formula: "factor",
    parameters: &[Parameter {
        name: "factor",
        default: 1.0,
        shown: &[1.0, 0.125, -2.0],
        description: "what x is multiplied by, one number or one per channel",
        slope_formula: "x",
        slope: |x, _| x,
        ..Parameter::BLANK
    }],
    properties: identity::DEFINITION.properties,
    paper: Some(Paper {
        authors: "Vaswani and others",
        title: "Attention Is All You Need",
        year: 2017,
        url: "https://arxiv.org/abs/1706.03762",
    }),
    value: |x, [factor, ..]| times(x, factor),
    slope: |x, [factor, ..]| unless_nan(x, factor),
    wgsl: include_str!("../../shaders/activation/scale.wgsl"),
    ..Definition::BLANK
};

/// Products, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("scale", &[
        (-87.3, -87.3, 1.0, &[-87.3]),
        (-2.0, -2.0, 1.0, &[-2.0]),
        (-1e-08, -1e-08, 1.0, &[-1e-08]),
        (1e-30, 1e-30, 1.0, &[1e-30]),
        (0.9, 0.9, 1.0, &[0.9]),
        (30.0, 30.0, 1.0, &[30.0]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[f64::INFINITY]),
        (f64::NEG_INFINITY, f64::NEG_INFINITY, 1.0, &[f64::NEG_INFINITY]),
        (-0.0, -0.0, 1.0, &[-0.0]),
    ]),
    ("scale(factor=-0.125)", &[
        (-88.0, 11.0, -0.125, &[-88.0]),
        (-2.0, 0.25, -0.125, &[-2.0]),
        (3.0, -0.375, -0.125, &[3.0]),
        (f64::INFINITY, f64::NEG_INFINITY, -0.125, &[f64::INFINITY]),
        (0.0, -0.0, -0.125, &[0.0]),
    ]),
    ("scale(factor=0)", &[
        (-2.0, -0.0, 0.0, &[-2.0]),
        (f64::INFINITY, 0.0, 0.0, &[f64::INFINITY]),
        (f64::NEG_INFINITY, -0.0, 0.0, &[f64::NEG_INFINITY]),
    ]),
];
