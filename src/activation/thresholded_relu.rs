use super::{Cost, Definition, Paper, Parameter, Properties, Smoothness, unless_nan};

pub(super) const DEFINITION: Definition = Definition {
    name: "thresholded-relu",
    title: "Thresholded ReLU",
    formula: "x for x > alpha, 0 otherwise",
    slope_formula: "1 for x > alpha, 0 otherwise",
    parameters: &[Parameter {
        name: "alpha",
        default: 1.0,
        shown: &[1.0, 0.0, 3.0],
        description: "what is no larger becomes 0",
        slope_formula: "0",
        slope: |x, _| unless_nan(x, 0.0),
        ..Parameter::BLANK
    }],
    properties: Some(Properties {
        saturates: (Some(0.0), None),
        ..Properties::new(
            (0.0, f64::INFINITY),
            Smoothness::Jump,
            &[1.0],
            Cost::Compare,
        )
    }),
    elsewhere: &[("Keras", "threshold"), ("ONNX", "ThresholdedRelu")],
    paper: Some(Paper {
        authors: "Konda, Memisevic, Krueger",
        title: "Zero-bias autoencoders and the benefits of co-adapting features",
        year: 2014,
        url: "https://arxiv.org/abs/1402.3337",
    }),
    value: |x, [alpha, ..]| unless_nan(x, if x > alpha { x } else { 0.0 }),
    slope: |x, [alpha, ..]| unless_nan(x, if x > alpha { 1.0 } else { 0.0 }),
    wgsl: include_str!("../../shaders/activation/thresholded_relu.wgsl"),
    ..Definition::BLANK
};

/// Values computed with mpmath at 120 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("thresholded-relu", &[
        (-87.3, 0.0, 0.0, &[0.0]),
        (-30.0, 0.0, 0.0, &[0.0]),
        (-12.9, 0.0, 0.0, &[0.0]),
        (-5.3, 0.0, 0.0, &[0.0]),
        (-2.0, 0.0, 0.0, &[0.0]),
        (-0.7, 0.0, 0.0, &[0.0]),
        (-0.3, 0.0, 0.0, &[0.0]),
        (-1e-08, 0.0, 0.0, &[0.0]),
        (1e-30, 0.0, 0.0, &[0.0]),
        (0.0001, 0.0, 0.0, &[0.0]),
        (0.125, 0.0, 0.0, &[0.0]),
        (0.9, 0.0, 0.0, &[0.0]),
        (5.5, 5.5, 1.0, &[0.0]),
        (30.0, 30.0, 1.0, &[0.0]),
        (88.7, 88.7, 1.0, &[0.0]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[0.0]),
        (f64::NEG_INFINITY, 0.0, 0.0, &[0.0]),
        (-0.0, 0.0, 0.0, &[0.0]),
        (1.0, 0.0, 0.0, &[0.0]),
    ]),
];
