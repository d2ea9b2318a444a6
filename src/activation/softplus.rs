use super::{Cost, Definition, Paper, Parameter, Properties, Range, Smoothness, sigmoid::sigmoid};

/// Beyond it e^-z is 0 in f64: z stops there, lest infinity meet 0.
const ZERO_FROM: f64 = 800.0;

pub(super) const DEFINITION: Definition = Definition {
    name: "softplus",
    aliases: &[],
    title: "Softplus",
    formula: "ln(1 + e^(beta x)) / beta",
    slope_formula: "sigmoid(beta x)",
    parameters: &[Parameter {
        name: "beta",
        default: 1.0,
        range: Range::Positive,
        per_channel: false,
        shown: &[1.0, 0.5, 5.0],
        description: "the steepness: ReLU at inf",
        slope_formula: "-(|z| e / (1 + e) + ln(1 + e)) / beta^2, z = beta x, e = e^-|z|",
        slope: |x, [beta, ..]| {
            let z = (beta * x).abs().clamp(0.0, ZERO_FROM);
            let e = (-z).exp();
            -(z * e / (1.0 + e) + e.ln_1p()) / (beta * beta)
        },
    }],
    properties: Some(Properties {
        saturates: (Some(0.0), None),
        ..Properties::new((0.0, f64::INFINITY), Smoothness::Smooth, Cost::TwoSeries)
    }),
    paper: Some(Paper {
        authors: "Dugas, Bengio, Bélisle, Nadeau, Garcia",
        title: "Incorporating Second-Order Functional Knowledge for Better Option Pricing",
        year: 2000,
        url: "https://proceedings.neurips.cc/paper/2000/hash/44968aece94f667e4095002d140b5896-Abstract.html",
    }),
    value: |x, [beta, ..]| softplus(beta * x) / beta,
    slope: |x, [beta, ..]| sigmoid(beta * x),
    wgsl: include_str!("../../shaders/activation/softplus.wgsl"),
};

/// ln(1 + e^x). In e^-|x| nothing overflows.
pub(super) fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}
