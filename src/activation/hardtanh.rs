use super::{Cost, Definition, Paper, Parameter, Properties, Smoothness, unless_nan};

pub(super) const DEFINITION: Definition = Definition {
    name: "hardtanh",
    aliases: &["clip", "clamp"],
    title: "Hardtanh",
    formula: "x, but min below min and max above max",
    slope_formula: "1 for min < x < max, 0 otherwise",
    parameters: &[
        Parameter {
            name: "min",
            default: -1.0,
            shown: &[-1.0, -3.0],
            description: "the least value",
            slope_formula: "1 for x <= min < max, 0 otherwise",
            slope: |x, [min, max, ..]| unless_nan(x, if x <= min && min < max { 1.0 } else { 0.0 }),
            ..Parameter::BLANK
        },
        Parameter {
            name: "max",
            default: 1.0,
            description: "the largest value, which counts where min is larger",
            slope_formula: "1 where x or min is at least max, 0 otherwise",
            slope: |x, [min, max, ..]| unless_nan(x, if x.max(min) >= max { 1.0 } else { 0.0 }),
            ..Parameter::BLANK
        },
    ],
    properties: Some(Properties {
        zero_centred: true,
        saturates: (Some(-1.0), Some(1.0)),
        ..Properties::new((-1.0, 1.0), Smoothness::Kink, &[-1.0, 1.0], Cost::Compare)
    }),
    elsewhere: &[
        ("PyTorch", "Hardtanh"),
        ("Keras", "hard_tanh"),
        ("JAX", "hard_tanh"),
        ("ONNX", "Clip"),
    ],
    paper: Some(Paper {
        authors: "Collobert",
        title: "Large Scale Machine Learning",
        year: 2004,
        url: "https://ronan.collobert.com/pub/2004_phdthesis_lip6.pdf",
    }),
    value: |x, [min, max, ..]| unless_nan(x, x.max(min).min(max)),
    slope: |x, [min, max, ..]| unless_nan(x, if x > min && x < max { 1.0 } else { 0.0 }),
    wgsl: include_str!("../../shaders/activation/hardtanh.wgsl"),
    ..Definition::BLANK
};

/// Values computed with mpmath at 120 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("hardtanh", &[
        (-87.3, -1.0, 0.0, &[1.0, 0.0]),
        (-30.0, -1.0, 0.0, &[1.0, 0.0]),
        (-12.9, -1.0, 0.0, &[1.0, 0.0]),
        (-5.3, -1.0, 0.0, &[1.0, 0.0]),
        (-2.0, -1.0, 0.0, &[1.0, 0.0]),
        (-0.7, -0.7, 1.0, &[0.0, 0.0]),
        (-0.3, -0.3, 1.0, &[0.0, 0.0]),
        (-1e-08, -1e-08, 1.0, &[0.0, 0.0]),
        (1e-30, 1e-30, 1.0, &[0.0, 0.0]),
        (0.0001, 0.0001, 1.0, &[0.0, 0.0]),
        (0.125, 0.125, 1.0, &[0.0, 0.0]),
        (0.9, 0.9, 1.0, &[0.0, 0.0]),
        (5.5, 1.0, 0.0, &[0.0, 1.0]),
        (30.0, 1.0, 0.0, &[0.0, 1.0]),
        (88.7, 1.0, 0.0, &[0.0, 1.0]),
        (f64::INFINITY, 1.0, 0.0, &[0.0, 1.0]),
        (f64::NEG_INFINITY, -1.0, 0.0, &[1.0, 0.0]),
        (-0.0, -0.0, 1.0, &[0.0, 0.0]),
        (1.0, 1.0, 0.0, &[0.0, 1.0]),
        (-1.0, -1.0, 0.0, &[1.0, 0.0]),
    ]),
    ("hardtanh(min=0.5, max=3)", &[
        (-2.0, 0.5, 0.0, &[1.0, 0.0]),
        (0.25, 0.5, 0.0, &[1.0, 0.0]),
        (0.75, 0.75, 1.0, &[0.0, 0.0]),
        (2.0, 2.0, 1.0, &[0.0, 0.0]),
        (5.5, 3.0, 0.0, &[0.0, 1.0]),
    ]),
];
