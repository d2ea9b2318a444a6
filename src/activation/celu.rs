use super::{Cost, Definition, Paper, Parameter, Properties, Range, Smoothness, unless_nan};

/// e^z - 1 - z e^z for z = x / alpha <= 0; near 0, where that cancels, its series.
fn by_alpha(x: f64, alpha: f64) -> f64 {
    let z = (x / alpha).max(-800.0);
    if z > -0.01 {
        -z * z
            * (1.0 / 2.0
                + z * (1.0 / 3.0
                    + z * (1.0 / 8.0 + z * (1.0 / 30.0 + z * (1.0 / 144.0 + z / 840.0)))))
    } else {
        z.exp_m1() - z * z.exp()
    }
}

pub(super) const DEFINITION: Definition = Definition {
    name: "celu",
    title: "CELU",
    formula: "x for x > 0, alpha (e^(x / alpha) - 1) otherwise",
    slope_formula: "1 for x > 0, e^(x / alpha) otherwise",
    parameters: &[Parameter {
        name: "alpha",
        default: 1.0,
        range: Range::Positive,
        shown: &[1.0, 0.25, 3.0],
        description: "the value approached at -inf, negated",
        slope_formula: "0 for x > 0, e^z - 1 - z e^z otherwise, z = x / alpha",
        slope: |x, [alpha, ..]| unless_nan(x, if x > 0.0 { 0.0 } else { by_alpha(x, alpha) }),
        magnitude: Some(|x, [alpha, ..]| {
            if x > 0.0 {
                0.0
            } else {
                2.0 * (x / alpha).exp_m1().abs()
            }
        }),
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
        ("PyTorch", "CELU"),
        ("Keras", "celu"),
        ("JAX", "celu"),
        ("ONNX", "Celu"),
    ],
    paper: Some(Paper {
        authors: "Barron",
        title: "Continuously Differentiable Exponential Linear Units",
        year: 2017,
        url: "https://arxiv.org/abs/1704.07483",
    }),
    value: |x, [alpha, ..]| {
        if x > 0.0 {
            x
        } else {
            alpha * (x / alpha).exp_m1()
        }
    },
    slope: |x, [alpha, ..]| if x > 0.0 { 1.0 } else { (x / alpha).exp() },
    wgsl: include_str!("../../shaders/activation/celu.wgsl"),
    ..Definition::BLANK
};

/// Values computed with mpmath at 120 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("celu", &[
        (-87.3, -1.0, 1.2192470959520051e-38, &[-1.0]),
        (-30.0, -0.9999999999999064, 9.357622968840175e-14, &[-0.9999999999970991]),
        (-12.9, -0.9999975019496742, 2.498050325866635e-06, &[-0.9999652771004705]),
        (-5.3, -0.9950084060930898, 0.004991593906910217, &[-0.9685529583864656]),
        (-2.0, -0.8646647167633873, 0.1353352832366127, &[-0.5939941502901619]),
        (-0.7, -0.5034146962085905, 0.4965853037914095, &[-0.15580498355460382]),
        (-0.3, -0.2591817793182821, 0.7408182206817179, &[-0.03693631311376677]),
        (-1e-08, -9.999999950000001e-09, 0.9999999900000001, &[-4.999999966666667e-17]),
        (1e-30, 1e-30, 1.0, &[0.0]),
        (0.0001, 0.0001, 1.0, &[0.0]),
        (0.125, 0.125, 1.0, &[0.0]),
        (0.9, 0.9, 1.0, &[0.0]),
        (5.5, 5.5, 1.0, &[0.0]),
        (30.0, 30.0, 1.0, &[0.0]),
        (88.7, 88.7, 1.0, &[0.0]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[0.0]),
        (f64::NEG_INFINITY, -1.0, 0.0, &[-1.0]),
        (-0.0, -0.0, 1.0, &[-0.0]),
    ]),
    ("celu(alpha=0.25)", &[
        (-30.0, -0.25, 7.667648073722e-53, &[-1.0]),
        (-5.3, -0.24999999984479812, 6.208075409403624e-10, &[-0.9999999862180726]),
        (-0.7, -0.23479748434369552, 0.06081006262521797, &[-0.7689217620241717]),
        (-0.001, -0.000998002664002132, 0.9960079893439915, &[-7.978698632561759e-06]),
        (0.125, 0.125, 1.0, &[0.0]),
        (2.0, 2.0, 1.0, &[0.0]),
        (30.0, 30.0, 1.0, &[0.0]),
    ]),
];
