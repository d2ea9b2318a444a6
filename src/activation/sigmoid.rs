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
        ..Properties::new((0.0, 1.0), Smoothness::Smooth, Cost::Exponential)
    }),
    paper: Some(Paper {
        authors: "Rumelhart, Hinton, Williams",
        title: "Learning representations by back-propagating errors",
        year: 1986,
        url: "https://doi.org/10.1038/323533a0",
    }),
    value: |x, _| sigmoid(x),
    slope: |x, _| sigmoid_slope(x),
    wgsl: include_str!("../../shaders/activation/sigmoid.wgsl"),
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
