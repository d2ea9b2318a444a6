use super::{Cost, Definition, Paper, Properties, Smoothness};

pub(super) const DEFINITION: Definition = Definition {
    name: "sigmoid",
    aliases: &[],
    title: "Sigmoid",
    formula: "1 / (1 + e^-x)",
    slope_formula: "s (1 - s), s = sigmoid(x)",
    parameters: &[],
    properties: Some(Properties {
        saturates: (Some(0.0), Some(1.0)),
        ..Properties::new((0.0, 1.0), Smoothness::Smooth, &[], Cost::Exponential)
    }),
    elsewhere: &[
        ("PyTorch", "Sigmoid"),
        ("Keras", "sigmoid"),
        ("JAX", "sigmoid"),
        ("ONNX", "Sigmoid"),
    ],
    paper: Some(Paper {
        authors: "Rumelhart, Hinton, Williams",
        title: "Learning representations by back-propagating errors",
        year: 1986,
        url: "https://doi.org/10.1038/323533a0",
    }),
    value: |x, _| sigmoid(x),
    slope: |x, _| sigmoid_slope(x),
    wgsl: include_str!("../../shaders/activation/sigmoid.wgsl"),
    ..Definition::BLANK
};

/// The logistic function s. In e^-|x| nothing overflows.
pub(super) fn sigmoid(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x < 0.0 {
        e / (1.0 + e)
    } else {
        1.0 / (1.0 + e)
    }
}

/// s (1 - s). 1 - s would cancel for large x; in e^-|x| nothing does.
pub(super) fn sigmoid_slope(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    e / ((1.0 + e) * (1.0 + e))
}

/// Values computed with mpmath at 150 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("sigmoid", &[
        (-87.3, 1.2192470959520051e-38, 1.2192470959520051e-38, &[]),
        (-30.0, 9.357622968839299e-14, 9.357622968838423e-14, &[]),
        (-12.9, 2.498044085626793e-06, 2.4980378454025393e-06, &[]),
        (-5.3, 0.004966801650056961, 0.004942132531425953, &[]),
        (-2.0, 0.11920292202211756, 0.10499358540350652, &[]),
        (-0.5, 0.37754066879814546, 0.2350037122015945, &[]),
        (-1e-08, 0.4999999975, 0.25, &[]),
        (-1e-30, 0.5, 0.25, &[]),
        (1e-30, 0.5, 0.25, &[]),
        (0.0001, 0.5000249999999792, 0.249999999375, &[]),
        (0.125, 0.5312093733737563, 0.24902597501361748, &[]),
        (1.0, 0.7310585786300049, 0.19661193324148185, &[]),
        (5.5, 0.9959298622841039, 0.004053571694869767, &[]),
        (30.0, 0.9999999999999064, 9.357622968838423e-14, &[]),
        (88.7, 1.0, 3.006626321563833e-39, &[]),
        (f64::INFINITY, 1.0, 0.0, &[]),
        (f64::NEG_INFINITY, 0.0, 0.0, &[]),
        (-0.0, 0.5, 0.25, &[]),
    ]),
];
