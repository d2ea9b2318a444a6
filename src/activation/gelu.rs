use std::f64::consts::FRAC_1_SQRT_2;

use super::{Cost, Definition, Paper, Properties, Smoothness};

/// Beyond it phi(x) and Phi(-x) are 0 in f64: x stops there, lest infinity meet 0.
const ZERO_FROM: f64 = 40.0;
const FRAC_1_SQRT_2_PI: f64 = 0.3989422804014327;

pub(super) const DEFINITION: Definition = Definition {
    name: "gelu",
    aliases: &[],
    title: "GELU",
    formula: "x Phi(x), Phi(x) = erfc(-x / sqrt(2)) / 2",
    slope_formula: "Phi(x) + x phi(x), phi(x) = e^(-x^2 / 2) / sqrt(2 pi)",
    parameters: &[],
    properties: Some(Properties {
        range: (-0.16997120747990367, f64::INFINITY),
        turning_point: Some(-0.7517915246935645),
        zero_centred: false,
        smoothness: Smoothness::Smooth,
        bends: &[],
        saturates: (Some(0.0), None),
        cost: Cost::TwoSeries,
    }),
    elsewhere: &[
        ("PyTorch", "GELU"),
        ("Keras", "gelu(approximate=False)"),
        ("JAX", "gelu(approximate=False)"),
        ("ONNX", "Gelu"),
    ],
    paper: Some(Paper {
        authors: "Hendrycks, Gimpel",
        title: "Gaussian Error Linear Units (GELUs)",
        year: 2016,
        url: "https://arxiv.org/abs/1606.08415",
    }),
    value: |x, _| x.clamp(-ZERO_FROM, f64::INFINITY) * normal(x),
    slope: |x, _| {
        let x = x.clamp(-ZERO_FROM, ZERO_FROM);
        normal(x) + x * FRAC_1_SQRT_2_PI * (-x * x / 2.0).exp()
    },
    wgsl: include_str!("../../shaders/activation/gelu.wgsl"),
    ..Definition::BLANK
};

/// Phi. 1 + erf would cancel for x < 0.
fn normal(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// Values computed with mpmath at 150 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("gelu", &[
        (-15.5, -2.6884142272804985e-53, -4.166900580194372e-52, &[]),
        (-12.9, -2.9031268025054318e-37, -3.7447708851557235e-36, &[]),
        (-5.3, -3.068771041181235e-07, -1.6229137444598225e-06, &[]),
        (-2.0, -0.04550026389635842, -0.0852318010781969, &[]),
        (-0.5, -0.15426876936299344, 0.13250487534383715, &[]),
        (-1e-08, -4.999999960105772e-09, 0.4999999920211544, &[]),
        (-1e-30, -5e-31, 0.5, &[]),
        (1e-30, 5e-31, 0.5, &[]),
        (0.0001, 5.000398942279737e-05, 0.5000797884558144, &[]),
        (0.125, 0.06871727810376412, 0.5992179356982066, &[]),
        (1.0, 0.8413447460685429, 1.0833154705876864, &[]),
        (5.5, 5.499999895557407, 1.00000057334724, &[]),
        (30.0, 30.0, 1.0, &[]),
        (88.7, 88.7, 1.0, &[]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[]),
        (f64::NEG_INFINITY, -0.0, 0.0, &[]),
        (-0.0, -0.0, 0.5, &[]),
    ]),
];
