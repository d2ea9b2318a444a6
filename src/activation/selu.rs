use super::{Cost, Definition, Paper, Properties, Smoothness};

// lambda and lambda alpha, such that mean 0 and variance 1 are a fixed point of a layer.
const LAMBDA: f64 = 1.0507009873554805;
const LAMBDA_ALPHA: f64 = 1.7580993408473768;

pub(super) const DEFINITION: Definition = Definition {
    name: "selu",
    aliases: &[],
    title: "SELU",
    formula: "lambda x for x > 0, lambda alpha (e^x - 1) otherwise, lambda = 1.0507, alpha = 1.6733",
    slope_formula: "lambda for x > 0, lambda alpha e^x otherwise",
    parameters: &[],
    properties: Some(Properties {
        saturates: (Some(-LAMBDA_ALPHA), None),
        ..Properties::new(
            (-LAMBDA_ALPHA, f64::INFINITY),
            Smoothness::Kink(0.0),
            Cost::Exponential,
        )
    }),
    paper: Some(Paper {
        authors: "Klambauer, Unterthiner, Mayr, Hochreiter",
        title: "Self-Normalizing Neural Networks",
        year: 2017,
        url: "https://arxiv.org/abs/1706.02515",
    }),
    value: |x, _| {
        if x > 0.0 {
            LAMBDA * x
        } else {
            LAMBDA_ALPHA * x.exp_m1()
        }
    },
    slope: |x, _| {
        if x > 0.0 {
            LAMBDA
        } else {
            LAMBDA_ALPHA * x.exp()
        }
    },
    wgsl: include_str!("../../shaders/activation/selu.wgsl"),
};
