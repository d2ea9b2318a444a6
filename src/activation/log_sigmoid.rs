use super::{
    Cost, Definition, Paper, Properties, Smoothness, sigmoid::sigmoid, softplus::softplus,
};

pub(super) const DEFINITION: Definition = Definition {
    name: "log-sigmoid",
    title: "Log-sigmoid",
    formula: "-ln(1 + e^-x)",
    slope_formula: "sigmoid(-x)",
    properties: Some(Properties {
        saturates: (None, Some(0.0)),
        ..Properties::new(
            (f64::NEG_INFINITY, 0.0),
            Smoothness::Smooth,
            &[],
            Cost::TwoSeries,
        )
    }),
    elsewhere: &[
        ("PyTorch", "LogSigmoid"),
        ("Keras", "log_sigmoid"),
        ("JAX", "log_sigmoid"),
    ],
    paper: Some(Paper {
        authors: "Cox",
        title: "The Regression Analysis of Binary Sequences",
        year: 1958,
        url: "https://doi.org/10.1111/j.2517-6161.1958.tb00292.x",
    }),
    value: |x, _| -softplus(-x),
    slope: |x, _| sigmoid(-x),
    wgsl: include_str!("../../shaders/activation/log_sigmoid.wgsl"),
    ..Definition::BLANK
};

/// Values computed with mpmath at 120 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
#[expect(clippy::approx_constant, reason = "ln 2, as mpmath gave it")]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("log-sigmoid", &[
        (-87.3, -87.3, 1.0, &[]),
        (-30.0, -30.000000000000092, 0.9999999999999064, &[]),
        (-12.9, -12.900002498047206, 0.9999975019559144, &[]),
        (-5.3, -5.304979177204327, 0.9950331983499431, &[]),
        (-2.0, -2.1269280110429727, 0.8807970779778824, &[]),
        (-0.7, -1.103186048885458, 0.668187772168166, &[]),
        (-0.3, -0.8543552444685271, 0.574442516811659, &[]),
        (-1e-08, -0.6931471855599454, 0.5000000025, &[]),
        (1e-30, -0.6931471805599453, 0.5, &[]),
        (0.0001, -0.6930971818099453, 0.4999750000000208, &[]),
        (0.125, -0.6325990353171691, 0.46879062662624377, &[]),
        (0.9, -0.3411538747320878, 0.28905049737499605, &[]),
        (5.5, -0.0040784432705707205, 0.004070137715896128, &[]),
        (30.0, -9.357622968839737e-14, 9.357622968839299e-14, &[]),
        (88.7, -3.006626321563833e-39, 3.006626321563833e-39, &[]),
        (f64::INFINITY, -0.0, 0.0, &[]),
        (f64::NEG_INFINITY, f64::NEG_INFINITY, 1.0, &[]),
        (-0.0, -0.6931471805599453, 0.5, &[]),
    ]),
];
