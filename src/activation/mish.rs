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
        bends: &[],
        saturates: (Some(0.0), None),
        cost: Cost::Exponential,
    }),
    elsewhere: &[
        ("PyTorch", "Mish"),
        ("Keras", "mish"),
        ("JAX", "mish"),
        ("ONNX", "Mish"),
    ],
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
    ..Definition::BLANK
};

/// Values computed with mpmath at 150 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("mish", &[
        (-87.3, -1.0644027147661004e-36, -1.0522102438065804e-36, &[]),
        (-30.0, -2.807286890651921e-12, -2.713710660963392e-12, &[]),
        (-12.9, -3.2224808954032066e-05, -2.972672149864562e-05, &[]),
        (-5.3, -0.02638942109930997, -0.021344260068385378, &[]),
        (-2.0, -0.2525014826957089, -0.10835509242039394, &[]),
        (-0.5, -0.22074377465173, 0.2895106779135122, &[]),
        (-1e-08, -5.999999968e-09, 0.5999999936, &[]),
        (-1e-30, -6.0000000000000005e-31, 0.6, &[]),
        (1e-30, 6.0000000000000005e-31, 0.6, &[]),
        (0.0001, 6.0003199983995416e-05, 0.6000639995198165, &[]),
        (0.125, 0.07995757084735981, 0.6788926605008476, &[]),
        (1.0, 0.8650983882673103, 1.0490362200997922, &[]),
        (5.5, 5.499817776787424, 1.0003298255720623, &[]),
        (30.0, 30.0, 1.0, &[]),
        (88.7, 88.7, 1.0, &[]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[]),
        (f64::NEG_INFINITY, -0.0, 0.0, &[]),
        (-0.0, -0.0, 0.6, &[]),
    ]),
];
