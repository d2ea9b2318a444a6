use super::{Cost, Definition, Paper, Parameter, Properties, Range, Smoothness};

pub(super) const PARAMETER: Parameter = Parameter {
    name: "slope",
    default: 0.01,
    range: Range::Finite,
    per_channel: false,
    shown: &[0.01, 0.1, 0.3],
    description: "the slope for x <= 0",
    slope_formula: "0 for x > 0, x otherwise",
    slope: |x, _| if x > 0.0 { 0.0 } else { x },
};

pub(super) const DEFINITION: Definition = Definition {
    name: "leaky-relu",
    aliases: &[],
    title: "Leaky ReLU",
    formula: "x for x > 0, slope x otherwise",
    slope_formula: "1 for x > 0, slope otherwise",
    parameters: &[PARAMETER],
    properties: Some(Properties {
        range: (f64::NEG_INFINITY, f64::INFINITY),
        turning_point: None,
        zero_centred: false,
        smoothness: Smoothness::Kink(0.0),
        saturates: (None, None),
        cost: Cost::Compare,
    }),
    paper: Some(Paper {
        authors: "Maas, Hannun, Ng",
        title: "Rectifier Nonlinearities Improve Neural Network Acoustic Models",
        year: 2013,
        url: "https://ai.stanford.edu/~amaas/papers/relu_hybrid_icml2013_final.pdf",
    }),
    value: |x, [slope, ..]| {
        if x > 0.0 {
            x
        } else if x <= 0.0 && slope == 0.0 {
            // ReLU; 0 times -inf would be NaN.
            0.0
        } else {
            slope * x
        }
    },
    slope: |x, [slope, ..]| {
        if x.is_nan() {
            x
        } else if x > 0.0 {
            1.0
        } else {
            slope
        }
    },
    wgsl: include_str!("../../shaders/activation/leaky_relu.wgsl"),
};
