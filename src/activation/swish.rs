use super::{
    Cost, Definition, Paper, Parameter, Properties, Range, Smoothness,
    sigmoid::{sigmoid, sigmoid_slope},
};

/// Beyond it e^-z is 0 in f64: z stops there, lest infinity meet 0.
const ZERO_FROM: f64 = 800.0;

pub(super) const DEFINITION: Definition = Definition {
    name: "swish",
    aliases: &["silu"],
    title: "Swish",
    formula: "x sigmoid(beta x)",
    slope_formula: "s + beta x s (1 - s), s = sigmoid(beta x)",
    parameters: &[Parameter {
        name: "beta",
        default: 1.0,
        range: Range::Finite,
        per_channel: false,
        shown: &[1.0, 0.0, 0.5, 10.0],
        description: "the steepness: x / 2 at 0, ReLU at inf",
        slope_formula: "x^2 s (1 - s), s = sigmoid(beta x)",
        slope: |x, [beta, ..]| {
            let x = finite(x);
            x * sigmoid_slope(beta * x) * x
        },
    }],
    properties: Some(Properties {
        range: (-0.2784645427610738, f64::INFINITY),
        turning_point: Some(-1.278464542761074),
        zero_centred: false,
        smoothness: Smoothness::Smooth,
        saturates: (Some(0.0), None),
        cost: Cost::Exponential,
    }),
    paper: Some(Paper {
        authors: "Ramachandran, Zoph, Le",
        title: "Searching for Activation Functions",
        year: 2017,
        url: "https://arxiv.org/abs/1710.05941",
    }),
    value: |x, [beta, ..]| {
        let s = sigmoid(beta * finite(x));
        if s == 0.0 { finite(x) * s } else { x * s }
    },
    slope: |x, [beta, ..]| {
        let z = (beta * finite(x)).clamp(-ZERO_FROM, ZERO_FROM);
        sigmoid(z) + z * sigmoid_slope(z)
    },
    wgsl: include_str!("../../shaders/activation/swish.wgsl"),
};

/// x with infinity at f64's end, where beta x with beta = 0 is 0 still.
fn finite(x: f64) -> f64 {
    x.clamp(f64::MIN, f64::MAX)
}
