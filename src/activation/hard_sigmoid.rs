use super::{Cost, Definition, Paper, Parameter, Properties, Smoothness, unless_nan};

/// The line in the middle; infinity stops where a slope of 0 makes 0 of it.
fn line(x: f64, slope: f64, offset: f64) -> f64 {
    slope * x.clamp(f64::MIN, f64::MAX) + offset
}

/// Whether x is where the line is.
fn inside(x: f64, slope: f64, offset: f64) -> bool {
    let y = line(x, slope, offset);
    y > 0.0 && y < 1.0
}

pub(super) const DEFINITION: Definition = Definition {
    name: "hard-sigmoid",
    title: "Hard sigmoid",
    formula: "slope x + offset, but 0 below 0 and 1 above 1",
    slope_formula: "slope where 0 < f(x) < 1, 0 otherwise",
    parameters: &[
        Parameter {
            name: "slope",
            default: 1.0 / 6.0,
            shown: &[1.0 / 6.0, 0.2],
            description: "the slope in the middle: 1/6 in PyTorch, 0.2 in ONNX",
            slope_formula: "x where 0 < f(x) < 1, 0 otherwise",
            slope: |x, [slope, offset, ..]| {
                unless_nan(x, if inside(x, slope, offset) { x } else { 0.0 })
            },
            ..Parameter::BLANK
        },
        Parameter {
            name: "offset",
            default: 0.5,
            description: "the value at 0",
            slope_formula: "1 where 0 < f(x) < 1, 0 otherwise",
            slope: |x, [slope, offset, ..]| {
                unless_nan(x, if inside(x, slope, offset) { 1.0 } else { 0.0 })
            },
            ..Parameter::BLANK
        },
    ],
    properties: Some(Properties {
        saturates: (Some(0.0), Some(1.0)),
        ..Properties::new((0.0, 1.0), Smoothness::Kink, &[-3.0, 3.0], Cost::Compare)
    }),
    elsewhere: &[
        ("PyTorch", "Hardsigmoid"),
        ("Keras", "hard_sigmoid"),
        ("JAX", "hard_sigmoid"),
        ("ONNX", "HardSigmoid(alpha=1/6)"),
    ],
    paper: Some(Paper {
        authors: "Courbariaux, Bengio, David",
        title: "BinaryConnect: Training Deep Neural Networks with binary weights during propagations",
        year: 2015,
        url: "https://arxiv.org/abs/1511.00363",
    }),
    value: |x, [slope, offset, ..]| unless_nan(x, line(x, slope, offset).clamp(0.0, 1.0)),
    slope: |x, [slope, offset, ..]| {
        unless_nan(x, if inside(x, slope, offset) { slope } else { 0.0 })
    },
    wgsl: include_str!("../../shaders/activation/hard_sigmoid.wgsl"),
    ..Definition::BLANK
};

/// Values computed with mpmath at 120 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("hard-sigmoid", &[
        (-87.3, 0.0, 0.0, &[0.0, 0.0]),
        (-30.0, 0.0, 0.0, &[0.0, 0.0]),
        (-12.9, 0.0, 0.0, &[0.0, 0.0]),
        (-5.3, 0.0, 0.0, &[0.0, 0.0]),
        (-2.0, 0.1666666567325592, 0.1666666716337204, &[-2.0, 1.0]),
        (-0.7, 0.38333332985639573, 0.1666666716337204, &[-0.7, 1.0]),
        (-0.3, 0.44999999850988387, 0.1666666716337204, &[-0.3, 1.0]),
        (-1e-08, 0.4999999983333333, 0.1666666716337204, &[-1e-08, 1.0]),
        (1e-30, 0.5, 0.1666666716337204, &[1e-30, 1.0]),
        (0.0001, 0.5000166666671634, 0.1666666716337204, &[0.0001, 1.0]),
        (0.125, 0.520833333954215, 0.1666666716337204, &[0.125, 1.0]),
        (0.9, 0.6500000044703483, 0.1666666716337204, &[0.9, 1.0]),
        (5.5, 1.0, 0.0, &[0.0, 0.0]),
        (30.0, 1.0, 0.0, &[0.0, 0.0]),
        (88.7, 1.0, 0.0, &[0.0, 0.0]),
        (f64::INFINITY, 1.0, 0.0, &[0.0, 0.0]),
        (f64::NEG_INFINITY, 0.0, 0.0, &[0.0, 0.0]),
        (-0.0, 0.5, 0.1666666716337204, &[-0.0, 1.0]),
    ]),
    ("hard-sigmoid(slope=0.2, offset=0.5)", &[
        (-5.3, 0.0, 0.0, &[0.0, 0.0]),
        (-1.25, 0.2499999962747097, 0.20000000298023224, &[-1.25, 1.0]),
        (0.5, 0.6000000014901161, 0.20000000298023224, &[0.5, 1.0]),
        (2.0, 0.9000000059604645, 0.20000000298023224, &[2.0, 1.0]),
        (30.0, 1.0, 0.0, &[0.0, 0.0]),
    ]),
];
