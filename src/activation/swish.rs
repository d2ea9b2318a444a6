use super::{
    Cost, Definition, Paper, Parameter, Properties, Range, Smoothness, finite,
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
        ..Parameter::BLANK
    }],
    properties: Some(Properties {
        range: (-0.2784645427610738, f64::INFINITY),
        turning_point: Some(-1.278464542761074),
        zero_centred: false,
        smoothness: Smoothness::Smooth,
        bends: &[],
        saturates: (Some(0.0), None),
        cost: Cost::Exponential,
    }),
    elsewhere: &[
        ("PyTorch", "SiLU"),
        ("Keras", "silu"),
        ("JAX", "silu"),
        ("ONNX", "Swish"),
    ],
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
    ..Definition::BLANK
};

/// Values computed with mpmath at 150 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("swish", &[
        (-87.3, -1.0644027147661004e-36, -1.0522102438065804e-36, &[9.292235699908057e-35]),
        (-30.0, -2.8072868906517896e-12, -2.713710660963134e-12, &[8.421860671954581e-11]),
        (-12.9, -3.222476870458563e-05, -2.9726644120065963e-05, &[0.00041569847785343655]),
        (-5.3, -0.026324048745301892, -0.021226500766500588, &[0.138824502807755]),
        (-2.0, -0.23840584404423512, -0.09078424878489548, &[0.4199743416140261]),
        (-0.5, -0.18877033439907273, 0.2600388126973482, &[0.058750928050398624]),
        (-1e-08, -4.9999999750000005e-09, 0.499999995, &[2.5e-17]),
        (-1e-30, -5e-31, 0.5, &[2.5000000000000003e-61]),
        (1e-30, 5e-31, 0.5, &[2.5000000000000003e-61]),
        (0.0001, 5.000249999999792e-05, 0.5000499999999166, &[2.4999999937500004e-09]),
        (0.125, 0.06640117167171954, 0.5623376202504584, &[0.003891030859587773]),
        (1.0, 0.7310585786300049, 0.9276705118714867, &[0.19661193324148185]),
        (5.5, 5.477614242562571, 1.0182245066058877, &[0.12262054376981046]),
        (30.0, 29.999999999997193, 1.0000000000027136, &[8.421860671954581e-11]),
        (88.7, 88.7, 1.0, &[2.3655203843904556e-35]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[0.0]),
        (f64::NEG_INFINITY, -0.0, 0.0, &[0.0]),
        (-0.0, -0.0, 0.5, &[0.0]),
    ]),
    ("swish(beta=-1.5)", &[
        (-87.3, -87.3, 1.0, &[1.0260442293785666e-53]),
        (-12.9, -12.899999949067912, 1.0000000724499083, &[6.570239371145491e-07]),
        (-2.0, -1.9051482536448665, 1.0881041060151697, &[0.18070663892364852]),
        (-1e-08, -5.0000000375e-09, 0.5000000075, &[2.5e-17]),
        (1e-30, 5e-31, 0.5, &[2.5000000000000003e-61]),
        (0.5, 0.1604106504123035, 0.1574000555032465, &[0.05447374844045351]),
        (5.5, 0.0014365467550264569, -0.0018930669952859538, &[0.007898943486066136]),
        (30.0, 8.587555741648181e-19, -1.2595081754417332e-18, &[2.5762667224944542e-17]),
        (88.7, 1.462321288824893e-56, -2.1769957856744883e-56, &[1.29707898318768e-54]),
        (f64::INFINITY, 0.0, 0.0, &[0.0]),
        (f64::NEG_INFINITY, f64::NEG_INFINITY, 1.0, &[0.0]),
        (-0.0, -0.0, 0.5, &[0.0]),
    ]),
    ("swish(beta=0)", &[
        (-87.3, -43.65, 0.5, &[1905.3224999999998]),
        (-12.9, -6.45, 0.5, &[41.6025]),
        (-2.0, -1.0, 0.5, &[1.0]),
        (-1e-08, -5e-09, 0.5, &[2.5000000000000003e-17]),
        (1e-30, 5e-31, 0.5, &[2.5000000000000003e-61]),
        (0.5, 0.25, 0.5, &[0.0625]),
        (5.5, 2.75, 0.5, &[7.5625]),
        (30.0, 15.0, 0.5, &[225.0]),
        (88.7, 44.35, 0.5, &[1966.9225000000001]),
        (f64::INFINITY, f64::INFINITY, 0.5, &[f64::INFINITY]),
        (f64::NEG_INFINITY, f64::NEG_INFINITY, 0.5, &[f64::INFINITY]),
        (-0.0, -0.0, 0.5, &[0.0]),
    ]),
];
