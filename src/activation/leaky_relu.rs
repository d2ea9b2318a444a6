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
    ..Parameter::BLANK
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
        smoothness: Smoothness::Kink,
        bends: &[0.0],
        saturates: (None, None),
        cost: Cost::Compare,
    }),
    elsewhere: &[
        ("PyTorch", "LeakyReLU"),
        ("Keras", "leaky_relu"),
        ("JAX", "leaky_relu"),
        ("ONNX", "LeakyRelu"),
    ],
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
    ..Definition::BLANK
};

/// Values computed with mpmath at 150 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("leaky-relu", &[
        (-87.3, -0.8729999804869294, 0.009999999776482582, &[-87.3]),
        (-30.0, -0.29999999329447746, 0.009999999776482582, &[-30.0]),
        (-12.9, -0.12899999711662533, 0.009999999776482582, &[-12.9]),
        (-5.3, -0.052999998815357684, 0.009999999776482582, &[-5.3]),
        (-2.0, -0.019999999552965164, 0.009999999776482582, &[-2.0]),
        (-0.5, -0.004999999888241291, 0.009999999776482582, &[-0.5]),
        (-1e-08, -9.999999776482582e-11, 0.009999999776482582, &[-1e-08]),
        (-1e-30, -9.999999776482583e-33, 0.009999999776482582, &[-1e-30]),
        (1e-30, 1e-30, 1.0, &[0.0]),
        (0.0001, 0.0001, 1.0, &[0.0]),
        (0.125, 0.125, 1.0, &[0.0]),
        (1.0, 1.0, 1.0, &[0.0]),
        (5.5, 5.5, 1.0, &[0.0]),
        (30.0, 30.0, 1.0, &[0.0]),
        (88.7, 88.7, 1.0, &[0.0]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[0.0]),
        (f64::NEG_INFINITY, f64::NEG_INFINITY, 0.009999999776482582, &[f64::NEG_INFINITY]),
        (-0.0, -0.0, 0.009999999776482582, &[-0.0]),
    ]),
    ("leaky-relu(slope=-0.25)", &[
        (-87.3, 21.825, -0.25, &[-87.3]),
        (-12.9, 3.225, -0.25, &[-12.9]),
        (-2.0, 0.5, -0.25, &[-2.0]),
        (-1e-08, 2.5e-09, -0.25, &[-1e-08]),
        (1e-30, 1e-30, 1.0, &[0.0]),
        (0.5, 0.5, 1.0, &[0.0]),
        (5.5, 5.5, 1.0, &[0.0]),
        (30.0, 30.0, 1.0, &[0.0]),
        (88.7, 88.7, 1.0, &[0.0]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[0.0]),
        (f64::NEG_INFINITY, f64::INFINITY, -0.25, &[f64::NEG_INFINITY]),
        (-0.0, 0.0, -0.25, &[-0.0]),
    ]),
];
