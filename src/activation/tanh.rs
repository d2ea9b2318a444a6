use super::{Cost, Definition, Paper, Properties, Smoothness, sigmoid::sigmoid_slope};

pub(super) const DEFINITION: Definition = Definition {
    name: "tanh",
    aliases: &[],
    title: "Tanh",
    formula: "(e^x - e^-x) / (e^x + e^-x)",
    slope_formula: "1 - tanh^2 x",
    parameters: &[],
    properties: Some(Properties {
        zero_centred: true,
        saturates: (Some(-1.0), Some(1.0)),
        ..Properties::new((-1.0, 1.0), Smoothness::Smooth, Cost::Exponential)
    }),
    paper: Some(Paper {
        authors: "LeCun, Bottou, Orr, Müller",
        title: "Efficient BackProp",
        year: 1998,
        url: "https://doi.org/10.1007/3-540-49430-8_2",
    }),
    value: |x, _| x.tanh(),
    slope: |x, _| tanh_slope(x),
    wgsl: include_str!("../../shaders/activation/tanh.wgsl"),
};

/// 1 - tanh^2 x, which would cancel for large x: s = sigmoid(2x) makes it 4 s (1 - s).
pub(super) fn tanh_slope(x: f64) -> f64 {
    4.0 * sigmoid_slope(2.0 * x)
}
