use super::{Cost, Definition, Paper, Parameter, Properties, Range, Smoothness};

pub(super) const DEFINITION: Definition = Definition {
    name: "elu",
    aliases: &[],
    title: "ELU",
    formula: "x for x > 0, alpha (e^x - 1) otherwise",
    slope_formula: "1 for x > 0, alpha e^x otherwise",
    parameters: &[Parameter {
        name: "alpha",
        default: 1.0,
        range: Range::NonNegative,
        per_channel: false,
        shown: &[1.0, 0.5, 2.0],
        description: "the value approached at -inf, negated",
        slope_formula: "0 for x > 0, e^x - 1 otherwise",
        slope: |x, _| if x > 0.0 { 0.0 } else { x.exp_m1() },
    }],
    properties: Some(Properties {
        saturates: (Some(-1.0), None),
        ..Properties::new(
            (-1.0, f64::INFINITY),
            Smoothness::Once(0.0),
            Cost::Exponential,
        )
    }),
    paper: Some(Paper {
        authors: "Clevert, Unterthiner, Hochreiter",
        title: "Fast and Accurate Deep Network Learning by Exponential Linear Units (ELUs)",
        year: 2015,
        url: "https://arxiv.org/abs/1511.07289",
    }),
    value: |x, [alpha, ..]| if x > 0.0 { x } else { alpha * x.exp_m1() },
    slope: |x, [alpha, ..]| if x > 0.0 { 1.0 } else { alpha * x.exp() },
    wgsl: include_str!("../../shaders/activation/elu.wgsl"),
};
