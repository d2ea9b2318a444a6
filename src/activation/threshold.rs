use super::{Cost, Definition, Paper, Parameter, Properties, Smoothness, unless_nan};

pub(super) const DEFINITION: Definition = Definition {
    name: "threshold",
    title: "Threshold",
    formula: "x for x > threshold, value otherwise",
    slope_formula: "1 for x > threshold, 0 otherwise",
    parameters: &[
        Parameter {
            name: "threshold",
            default: 0.0,
            shown: &[0.0, 1.0],
            description: "what is no larger becomes value",
            slope_formula: "0",
            slope: |x, _| unless_nan(x, 0.0),
            ..Parameter::BLANK
        },
        Parameter {
            name: "value",
            default: 0.0,
            shown: &[0.0, -1.0],
            description: "what stands for that",
            slope_formula: "0 for x > threshold, 1 otherwise",
            slope: |x, [threshold, ..]| unless_nan(x, if x > threshold { 0.0 } else { 1.0 }),
            ..Parameter::BLANK
        },
    ],
    properties: Some(Properties {
        saturates: (Some(0.0), None),
        ..Properties::new(
            (0.0, f64::INFINITY),
            Smoothness::Kink,
            &[0.0],
            Cost::Compare,
        )
    }),
    elsewhere: &[("PyTorch", "Threshold"), ("Keras", "threshold")],
    paper: Some(Paper {
        authors: "Konda, Memisevic, Krueger",
        title: "Zero-bias autoencoders and the benefits of co-adapting features",
        year: 2014,
        url: "https://arxiv.org/abs/1402.3337",
    }),
    value: |x, [threshold, value, ..]| unless_nan(x, if x > threshold { x } else { value }),
    slope: |x, [threshold, ..]| unless_nan(x, if x > threshold { 1.0 } else { 0.0 }),
    wgsl: include_str!("../../shaders/activation/threshold.wgsl"),
    ..Definition::BLANK
};

/// Values computed with mpmath at 120 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("threshold", &[
        (-87.3, 0.0, 0.0, &[0.0, 1.0]),
        (-30.0, 0.0, 0.0, &[0.0, 1.0]),
        (-12.9, 0.0, 0.0, &[0.0, 1.0]),
        (-5.3, 0.0, 0.0, &[0.0, 1.0]),
        (-2.0, 0.0, 0.0, &[0.0, 1.0]),
        (-0.7, 0.0, 0.0, &[0.0, 1.0]),
        (-0.3, 0.0, 0.0, &[0.0, 1.0]),
        (-1e-08, 0.0, 0.0, &[0.0, 1.0]),
        (1e-30, 1e-30, 1.0, &[0.0, 0.0]),
        (0.0001, 0.0001, 1.0, &[0.0, 0.0]),
        (0.125, 0.125, 1.0, &[0.0, 0.0]),
        (0.9, 0.9, 1.0, &[0.0, 0.0]),
        (5.5, 5.5, 1.0, &[0.0, 0.0]),
        (30.0, 30.0, 1.0, &[0.0, 0.0]),
        (88.7, 88.7, 1.0, &[0.0, 0.0]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[0.0, 0.0]),
        (f64::NEG_INFINITY, 0.0, 0.0, &[0.0, 1.0]),
        (-0.0, 0.0, 0.0, &[0.0, 1.0]),
    ]),
    ("threshold(threshold=1.5, value=-3)", &[
        (-5.3, -3.0, 0.0, &[0.0, 1.0]),
        (-1.25, -3.0, 0.0, &[0.0, 1.0]),
        (0.5, -3.0, 0.0, &[0.0, 1.0]),
        (2.0, 2.0, 1.0, &[0.0, 0.0]),
        (30.0, 30.0, 1.0, &[0.0, 0.0]),
    ]),
];
