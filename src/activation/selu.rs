use super::{Cost, Definition, Paper, Properties, Smoothness};

// lambda and lambda alpha, such that mean 0 and variance 1 are a fixed point of a layer.
const LAMBDA: f64 = 1.0507009873554805;
const LAMBDA_ALPHA: f64 = 1.7580993408473768;

pub(super) const DEFINITION: Definition = Definition {
    name: "selu",
    aliases: &[],
    title: "SELU",
    formula: "lambda x for x > 0, lambda alpha (e^x - 1) otherwise, lambda = 1.0507, alpha = 1.6733",
    slope_formula: "lambda for x > 0, lambda alpha e^x otherwise",
    parameters: &[],
    properties: Some(Properties {
        saturates: (Some(-LAMBDA_ALPHA), None),
        ..Properties::new(
            (-LAMBDA_ALPHA, f64::INFINITY),
            Smoothness::Kink,
            &[0.0],
            Cost::Exponential,
        )
    }),
    elsewhere: &[
        ("PyTorch", "SELU"),
        ("Keras", "selu"),
        ("JAX", "selu"),
        ("ONNX", "Selu"),
    ],
    paper: Some(Paper {
        authors: "Klambauer, Unterthiner, Mayr, Hochreiter",
        title: "Self-Normalizing Neural Networks",
        year: 2017,
        url: "https://arxiv.org/abs/1706.02515",
    }),
    value: |x, _| {
        if x > 0.0 {
            LAMBDA * x
        } else {
            LAMBDA_ALPHA * x.exp_m1()
        }
    },
    slope: |x, _| {
        if x > 0.0 {
            LAMBDA
        } else {
            LAMBDA_ALPHA * x.exp()
        }
    },
    wgsl: include_str!("../../shaders/activation/selu.wgsl"),
    ..Definition::BLANK
};

/// Values computed with mpmath at 150 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("selu", &[
        (-87.3, -1.7580993408473768, 2.1435575157232986e-38, &[]),
        (-30.0, -1.7580993408472123, 1.6451630773416185e-13, &[]),
        (-12.9, -1.7580949490267455, 4.391820631309706e-06, &[]),
        (-5.3, -1.7493236228898603, 0.008775717957516636, &[]),
        (-2.0, -1.520166468595695, 0.23793287225168183, &[]),
        (-0.5, -0.6917581878028713, 1.0663411530445055, &[]),
        (-1e-08, -1.7580993320568802e-08, 1.7580993232663835, &[]),
        (-1e-30, -1.7580993408473772e-30, 1.7580993408473768, &[]),
        (1e-30, 1.0507009873554805e-30, 1.0507009873554805, &[]),
        (0.0001, 0.00010507009873554805, 1.0507009873554805, &[]),
        (0.125, 0.13133762341943506, 1.0507009873554805, &[]),
        (1.0, 1.0507009873554805, 1.0507009873554805, &[]),
        (5.5, 5.778855430455143, 1.0507009873554805, &[]),
        (30.0, 31.521029620664414, 1.0507009873554805, &[]),
        (88.7, 93.19717757843112, 1.0507009873554805, &[]),
        (f64::INFINITY, f64::INFINITY, 1.0507009873554805, &[]),
        (f64::NEG_INFINITY, -1.7580993408473768, 0.0, &[]),
        (-0.0, -0.0, 1.7580993408473768, &[]),
    ]),
];
