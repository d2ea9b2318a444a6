use super::{
    Cost, Definition, Paper, Properties, Smoothness, sigmoid::sigmoid, softplus::softplus,
    tanh::tanh_slope,
};

/// Beyond it e^-x is 0 in f64: x stops there, lest infinity meet 0.
const ZERO_FROM: f64 = 800.0;

pub(super) const DEFINITION: Definition = Definition {
    name: "mish",
    aliases: &[],
    title: "Mish",
    formula: "x tanh(softplus(x)), softplus(x) = ln(1 + e^x)",
    slope_formula: "tanh(y) + x (1 - tanh^2 y) sigmoid(x), y = softplus(x)",
    parameters: &[],
    properties: Some(Properties {
        range: (-0.3088434130172504, f64::INFINITY),
        turning_point: Some(-1.1924312145154952),
        zero_centred: false,
        smoothness: Smoothness::Smooth,
        saturates: (Some(0.0), None),
        cost: Cost::Exponential,
    }),
    paper: Some(Paper {
        authors: "Misra",
        title: "Mish: A Self Regularized Non-Monotonic Activation Function",
        year: 2019,
        url: "https://arxiv.org/abs/1908.08681",
    }),
    value: |x, _| x.clamp(-ZERO_FROM, f64::INFINITY) * softplus(x).tanh(),
    slope: |x, _| {
        let x = x.clamp(-ZERO_FROM, ZERO_FROM);
        let y = softplus(x);
        y.tanh() + x * tanh_slope(y) * sigmoid(x)
    },
    wgsl: include_str!("../../shaders/activation/mish.wgsl"),
};
