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
        saturates: (Some(0.0), None),
        cost: Cost::TwoSeries,
    }),
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
};

/// Phi. 1 + erf would cancel for x < 0.
fn normal(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}
