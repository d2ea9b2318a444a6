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
        bends: &[],
        saturates: (Some(0.0), None),
        cost: Cost::TwoSeries,
    }),
    elsewhere: &[
        ("PyTorch", "GELU(approximate='tanh')"),
        ("Keras", "gelu(approximate=True)"),
        ("JAX", "gelu"),
        ("ONNX", "Gelu(approximate='tanh')"),
    ],
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
    ..Definition::BLANK
};

fn u(x: f64) -> f64 {
    SQRT_2_OVER_PI * (x + CUBIC * x * x * x)
}

/// Values computed with mpmath at 150 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("gelu-tanh", &[
        (-11.5, -9.128725161003809e-55, -2.7220795806357166e-53, &[]),
        (-10.0, -1.204092348209806e-37, -2.7576380638540315e-36, &[]),
        (-5.3, -2.7393488128634274e-08, -2.0326407046872284e-07, &[]),
        (-2.0, -0.04540230591222498, -0.08609925662361838, &[]),
        (-0.5, -0.15428599017485609, 0.1326300964653577, &[]),
        (-1e-08, -4.999999960105772e-09, 0.4999999920211544, &[]),
        (-1e-30, -5e-31, 0.5, &[]),
        (1e-30, 5e-31, 0.5, &[]),
        (0.0001, 5.000398942279734e-05, 0.500079788455813, &[]),
        (0.125, 0.06871719862422339, 0.5992154061627915, &[]),
        (1.0, 0.8411919906082767, 1.0829640838457826, &[]),
        (5.5, 5.499999994072359, 1.0000000467655281, &[]),
        (30.0, 30.0, 1.0, &[]),
        (88.7, 88.7, 1.0, &[]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[]),
        (f64::NEG_INFINITY, -0.0, 0.0, &[]),
        (-0.0, -0.0, 0.5, &[]),
    ]),
];
