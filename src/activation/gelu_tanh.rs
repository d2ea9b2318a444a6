use super::{
    Cost, Definition, Paper, Properties, Smoothness,
    sigmoid::{sigmoid, sigmoid_slope},
};

/// Beyond it sigmoid(-2u) is 0 in f64: x stops there, lest infinity meet 0.
const ZERO_FROM: f64 = 40.0;
const SQRT_2_OVER_PI: f64 = 0.7978845608028654;
const CUBIC: f64 = 0.044715;

pub(super) const DEFINITION: Definition = Definition {
    name: "gelu-tanh",
    aliases: &[],
    title: "GELU (tanh)",
    formula: "x sigmoid(2u), u = sqrt(2 / pi) (x + 0.044715 x^3)",
    slope_formula: "s + x s (1 - s) 2u', s = sigmoid(2u), u' = sqrt(2 / pi) (1 + 0.134145 x^2)",
    parameters: &[],
    properties: Some(Properties {
        range: (-0.17004075057125406, f64::INFINITY),
        turning_point: Some(-0.7524614220710163),
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
    value: |x, _| x.clamp(-ZERO_FROM, f64::INFINITY) * sigmoid(2.0 * u(x)),
    slope: |x, _| {
        let x = x.clamp(-ZERO_FROM, ZERO_FROM);
        let u_slope = SQRT_2_OVER_PI * (1.0 + 3.0 * CUBIC * x * x);
        sigmoid(2.0 * u(x)) + x * sigmoid_slope(2.0 * u(x)) * 2.0 * u_slope
    },
    wgsl: include_str!("../../shaders/activation/gelu_tanh.wgsl"),
};

fn u(x: f64) -> f64 {
    SQRT_2_OVER_PI * (x + CUBIC * x * x * x)
}
