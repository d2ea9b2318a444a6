use super::{Cost, Definition, Paper, Parameter, Properties, Range, Smoothness};

pub(super) const DEFINITION: Definition = Definition {
    name: "elu",
    aliases: &[],
    title: "ELU",
    formula: "x for x > 0, alpha (e^x - 1) otherwise",
    slope_formula: "1 for x > 0, alpha e^x otherwise",
    parameters: &[Parameter {
        name: "alpha",
        default: 1.0,
        range: Range::NonNegative,
        per_channel: false,
        shown: &[1.0, 0.5, 2.0],
        description: "the value approached at -inf, negated",
        slope_formula: "0 for x > 0, e^x - 1 otherwise",
        slope: |x, _| if x > 0.0 { 0.0 } else { x.exp_m1() },
        ..Parameter::BLANK
    }],
    properties: Some(Properties {
        saturates: (Some(-1.0), None),
        ..Properties::new(
            (-1.0, f64::INFINITY),
            Smoothness::Once,
            &[0.0],
            Cost::Exponential,
        )
    }),
    elsewhere: &[
        ("PyTorch", "ELU"),
        ("Keras", "elu"),
        ("JAX", "elu"),
        ("ONNX", "Elu"),
    ],
    paper: Some(Paper {
        authors: "Clevert, Unterthiner, Hochreiter",
        title: "Fast and Accurate Deep Network Learning by Exponential Linear Units (ELUs)",
        year: 2015,
        url: "https://arxiv.org/abs/1511.07289",
    }),
    value: |x, [alpha, ..]| if x > 0.0 { x } else { alpha * x.exp_m1() },
    slope: |x, [alpha, ..]| if x > 0.0 { 1.0 } else { alpha * x.exp() },
    wgsl: include_str!("../../shaders/activation/elu.wgsl"),
    ..Definition::BLANK
};

/// Values computed with mpmath at 150 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("elu", &[
        (-87.3, -1.0, 1.2192470959520051e-38, &[-1.0]),
        (-30.0, -0.9999999999999064, 9.357622968840175e-14, &[-0.9999999999999064]),
        (-12.9, -0.9999975019496742, 2.498050325866635e-06, &[-0.9999975019496742]),
        (-5.3, -0.9950084060930898, 0.004991593906910217, &[-0.9950084060930898]),
        (-2.0, -0.8646647167633873, 0.1353352832366127, &[-0.8646647167633873]),
        (-0.5, -0.3934693402873666, 0.6065306597126334, &[-0.3934693402873666]),
        (-1e-08, -9.999999950000001e-09, 0.9999999900000001, &[-9.999999950000001e-09]),
        (-1e-30, -1e-30, 1.0, &[-1e-30]),
        (1e-30, 1e-30, 1.0, &[0.0]),
        (0.0001, 0.0001, 1.0, &[0.0]),
        (0.125, 0.125, 1.0, &[0.0]),
        (1.0, 1.0, 1.0, &[0.0]),
        (5.5, 5.5, 1.0, &[0.0]),
        (30.0, 30.0, 1.0, &[0.0]),
        (88.7, 88.7, 1.0, &[0.0]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[0.0]),
        (f64::NEG_INFINITY, -1.0, 0.0, &[-1.0]),
        (-0.0, -0.0, 1.0, &[-0.0]),
    ]),
    ("elu(alpha=0.5)", &[
        (-87.3, -0.5, 6.096235479760026e-39, &[-1.0]),
        (-12.9, -0.4999987509748371, 1.2490251629333175e-06, &[-0.9999975019496742]),
        (-2.0, -0.43233235838169365, 0.06766764161830635, &[-0.8646647167633873]),
        (-1e-08, -4.9999999750000005e-09, 0.49999999500000003, &[-9.999999950000001e-09]),
        (1e-30, 1e-30, 1.0, &[0.0]),
        (0.5, 0.5, 1.0, &[0.0]),
        (5.5, 5.5, 1.0, &[0.0]),
        (30.0, 30.0, 1.0, &[0.0]),
        (88.7, 88.7, 1.0, &[0.0]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[0.0]),
        (f64::NEG_INFINITY, -0.5, 0.0, &[-1.0]),
        (-0.0, -0.0, 0.5, &[-0.0]),
    ]),
];
