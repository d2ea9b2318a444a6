use super::{Cost, Definition, Paper, Properties, Smoothness, unless_nan};

pub(super) const DEFINITION: Definition = Definition {
    name: "hard-swish",
    aliases: &["hard-silu"],
    title: "Hard swish",
    formula: "x (x + 3) / 6 for -3 < x < 3, 0 below, x above",
    slope_formula: "(2 x + 3) / 6 for -3 < x < 3, 0 below, 1 above",
    properties: Some(Properties {
        turning_point: Some(-1.5),
        saturates: (Some(0.0), None),
        ..Properties::new(
            (-0.375, f64::INFINITY),
            Smoothness::Kink,
            &[-3.0, 3.0],
            Cost::Compare,
        )
    }),
    elsewhere: &[
        ("PyTorch", "Hardswish"),
        ("Keras", "hard_swish"),
        ("JAX", "hard_swish"),
        ("ONNX", "HardSwish"),
    ],
    paper: Some(Paper {
        authors: "Howard and others",
        title: "Searching for MobileNetV3",
        year: 2019,
        url: "https://arxiv.org/abs/1905.02244",
    }),
    value: |x, _| {
        unless_nan(
            x,
            if x >= 3.0 {
                x
            } else if x <= -3.0 {
                -0.0
            } else {
                x * (x + 3.0) / 6.0
            },
        )
    },
    slope: |x, _| {
        unless_nan(
            x,
            if x >= 3.0 {
                1.0
            } else if x <= -3.0 {
                0.0
            } else {
                (2.0 * x + 3.0) / 6.0
            },
        )
    },
    wgsl: include_str!("../../shaders/activation/hard_swish.wgsl"),
    ..Definition::BLANK
};

/// Values computed with mpmath at 120 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("hard-swish", &[
        (-2.5, -0.20833333333333334, -0.3333333333333333, &[]),
        (-2.0, -0.3333333333333333, -0.16666666666666666, &[]),
        (-1.5000001, -0.37499999999999833, -3.333333335279557e-08, &[]),
        (-0.7, -0.2683333333333333, 0.26666666666666666, &[]),
        (-0.3, -0.135, 0.4, &[]),
        (-1e-08, -4.999999983333333e-09, 0.49999999666666667, &[]),
        (1e-30, 5e-31, 0.5, &[]),
        (0.0001, 5.0001666666666666e-05, 0.5000333333333333, &[]),
        (0.125, 0.06510416666666667, 0.5416666666666666, &[]),
        (0.9, 0.585, 0.8, &[]),
        (2.75, 2.6354166666666665, 1.4166666666666667, &[]),
        (5.5, 5.5, 1.0, &[]),
        (30.0, 30.0, 1.0, &[]),
        (88.7, 88.7, 1.0, &[]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[]),
        (f64::NEG_INFINITY, -0.0, 0.0, &[]),
        (-0.0, -0.0, 0.5, &[]),
        (3.0, 3.0, 1.0, &[]),
        (-3.0, -0.0, 0.0, &[]),
    ]),
];
