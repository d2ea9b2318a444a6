use super::{Cost, Definition, Paper, Properties, Smoothness};

pub(super) const DEFINITION: Definition = Definition {
    name: "relu",
    aliases: &[],
    title: "ReLU",
    formula: "x for x > 0, 0 otherwise",
    slope_formula: "1 for x > 0, 0 otherwise",
    parameters: &[],
    properties: Some(Properties {
        saturates: (Some(0.0), None),
        ..Properties::new(
            (0.0, f64::INFINITY),
            Smoothness::Kink,
            &[0.0],
            Cost::Compare,
        )
    }),
    elsewhere: &[
        ("PyTorch", "ReLU"),
        ("Keras", "relu"),
        ("JAX", "relu"),
        ("ONNX", "Relu"),
    ],
    paper: Some(Paper {
        authors: "Fukushima",
        title: "Visual Feature Extraction by a Multilayered Network of Analog Threshold Elements",
        year: 1969,
        url: "https://doi.org/10.1109/TSSC.1969.300225",
    }),
    value: |x, _| if x <= 0.0 { 0.0 } else { x },
    slope: |x, _| {
        if x.is_nan() {
            x
        } else if x > 0.0 {
            1.0
        } else {
            0.0
        }
    },
    wgsl: include_str!("../../shaders/activation/relu.wgsl"),
    ..Definition::BLANK
};

/// Values computed with mpmath at 150 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("relu", &[
        (-87.3, 0.0, 0.0, &[]),
        (-30.0, 0.0, 0.0, &[]),
        (-12.9, 0.0, 0.0, &[]),
        (-5.3, 0.0, 0.0, &[]),
        (-2.0, 0.0, 0.0, &[]),
        (-0.5, 0.0, 0.0, &[]),
        (-1e-08, 0.0, 0.0, &[]),
        (-1e-30, 0.0, 0.0, &[]),
        (1e-30, 1e-30, 1.0, &[]),
        (0.0001, 0.0001, 1.0, &[]),
        (0.125, 0.125, 1.0, &[]),
        (1.0, 1.0, 1.0, &[]),
        (5.5, 5.5, 1.0, &[]),
        (30.0, 30.0, 1.0, &[]),
        (88.7, 88.7, 1.0, &[]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[]),
        (f64::NEG_INFINITY, 0.0, 0.0, &[]),
        (-0.0, 0.0, 0.0, &[]),
    ]),
];
