use super::{Cost, Definition, Paper, Properties, Smoothness};

pub(super) const DEFINITION: Definition = Definition {
    name: "relu",
    aliases: &[],
    title: "ReLU",
    formula: "x for x > 0, 0 otherwise",
    slope_formula: "1 for x > 0, 0 otherwise",
    parameters: &[],
    properties: Some(Properties {
        saturates: (Some(0.0), None),
        ..Properties::new((0.0, f64::INFINITY), Smoothness::Kink(0.0), Cost::Compare)
    }),
    paper: Some(Paper {
        authors: "Fukushima",
        title: "Visual Feature Extraction by a Multilayered Network of Analog Threshold Elements",
        year: 1969,
        url: "https://doi.org/10.1109/TSSC.1969.300225",
    }),
    value: |x, _| if x <= 0.0 { 0.0 } else { x },
    slope: |x, _| {
        if x.is_nan() {
            x
        } else if x > 0.0 {
            1.0
        } else {
            0.0
        }
    },
    wgsl: include_str!("../../shaders/activation/relu.wgsl"),
};
