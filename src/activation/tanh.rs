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
        ..Properties::new((-1.0, 1.0), Smoothness::Smooth, &[], Cost::Exponential)
    }),
    elsewhere: &[
        ("PyTorch", "Tanh"),
        ("Keras", "tanh"),
        ("JAX", "tanh"),
        ("ONNX", "Tanh"),
    ],
    paper: Some(Paper {
        authors: "LeCun, Bottou, Orr, Müller",
        title: "Efficient BackProp",
        year: 1998,
        url: "https://doi.org/10.1007/3-540-49430-8_2",
    }),
    value: |x, _| x.tanh(),
    slope: |x, _| tanh_slope(x),
    wgsl: include_str!("../../shaders/activation/tanh.wgsl"),
    ..Definition::BLANK
};

/// 1 - tanh^2 x, which would cancel for large x: s = sigmoid(2x) makes it 4 s (1 - s).
pub(super) fn tanh_slope(x: f64) -> f64 {
    4.0 * sigmoid_slope(2.0 * x)
}

/// Values computed with mpmath at 150 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("tanh", &[
        (-87.3, -1.0, 5.946253923949593e-76, &[]),
        (-30.0, -1.0, 3.502604305078608e-26, &[]),
        (-12.9, -0.9999999999875195, 2.496102172193808e-11, &[]),
        (-5.3, -0.9999501692221211, 9.96590726512957e-05, &[]),
        (-2.0, -0.9640275800758169, 0.07065082485316447, &[]),
        (-0.5, -0.46211715726000974, 0.7864477329659274, &[]),
        (-1e-08, -1e-08, 0.9999999999999999, &[]),
        (-1e-30, -1e-30, 1.0, &[]),
        (1e-30, 1e-30, 1.0, &[]),
        (0.0001, 9.999999966666667e-05, 0.9999999900000001, &[]),
        (0.125, 0.12435300177159621, 0.9845363309503934, &[]),
        (1.0, 0.7615941559557649, 0.4199743416140261, &[]),
        (5.5, 0.9999665971563038, 6.680457164241374e-05, &[]),
        (30.0, 1.0, 3.502604305078608e-26, &[]),
        (88.7, 1.0, 3.615920735008187e-77, &[]),
        (f64::INFINITY, 1.0, 0.0, &[]),
        (f64::NEG_INFINITY, -1.0, 0.0, &[]),
        (-0.0, -0.0, 1.0, &[]),
    ]),
];
