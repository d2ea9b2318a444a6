use super::{Cost, Definition, Paper, Parameter, Properties, Range, Smoothness, sigmoid::sigmoid};

/// Beyond it e^-z is 0 in f64: z stops there, lest infinity meet 0.
const ZERO_FROM: f64 = 800.0;

pub(super) const DEFINITION: Definition = Definition {
    name: "softplus",
    aliases: &[],
    title: "Softplus",
    formula: "ln(1 + e^(beta x)) / beta",
    slope_formula: "sigmoid(beta x)",
    parameters: &[Parameter {
        name: "beta",
        default: 1.0,
        range: Range::Positive,
        per_channel: false,
        shown: &[1.0, 0.5, 5.0],
        description: "the steepness: ReLU at inf",
        slope_formula: "-(|z| e / (1 + e) + ln(1 + e)) / beta^2, z = beta x, e = e^-|z|",
        slope: |x, [beta, ..]| {
            let z = (beta * x).abs().clamp(0.0, ZERO_FROM);
            let e = (-z).exp();
            -(z * e / (1.0 + e) + e.ln_1p()) / (beta * beta)
        },
        ..Parameter::BLANK
    }],
    properties: Some(Properties {
        saturates: (Some(0.0), None),
        ..Properties::new(
            (0.0, f64::INFINITY),
            Smoothness::Smooth,
            &[],
            Cost::TwoSeries,
        )
    }),
    elsewhere: &[
        ("PyTorch", "Softplus"),
        ("Keras", "softplus"),
        ("JAX", "softplus"),
        ("ONNX", "Softplus"),
    ],
    paper: Some(Paper {
        authors: "Dugas, Bengio, Bélisle, Nadeau, Garcia",
        title: "Incorporating Second-Order Functional Knowledge for Better Option Pricing",
        year: 2000,
        url: "https://proceedings.neurips.cc/paper/2000/hash/44968aece94f667e4095002d140b5896-Abstract.html",
    }),
    value: |x, [beta, ..]| softplus(beta * x) / beta,
    slope: |x, [beta, ..]| sigmoid(beta * x),
    wgsl: include_str!("../../shaders/activation/softplus.wgsl"),
    ..Definition::BLANK
};

/// ln(1 + e^x). In e^-|x| nothing overflows.
pub(super) fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// Values computed with mpmath at 150 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
#[expect(clippy::approx_constant, reason = "ln 2, as mpmath gave it")]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("softplus", &[
        (-87.3, 1.2192470959520051e-38, 1.2192470959520051e-38, &[-1.0765951857256206e-36]),
        (-30.0, 9.357622968839737e-14, 9.357622968839299e-14, &[-2.900863120340187e-12]),
        (-12.9, 2.498047205744116e-06, 2.498044085626793e-06, &[-3.472281591032975e-05]),
        (-5.3, 0.004979177204327231, 0.004966801650056961, &[-0.03130322594962912]),
        (-2.0, 0.1269280110429725, 0.11920292202211756, &[-0.3653338550872076]),
        (-0.5, 0.4740769841801067, 0.37754066879814546, &[-0.6628473185791794]),
        (-1e-08, 0.6931471755599453, 0.4999999975, &[-0.6931471805599453]),
        (-1e-30, 0.6931471805599453, 0.5, &[-0.6931471805599453]),
        (1e-30, 0.6931471805599453, 0.5, &[-0.6931471805599453]),
        (0.0001, 0.6931971818099453, 0.5000249999999792, &[-0.6931471793099453]),
        (0.125, 0.7575990353171691, 0.5312093733737563, &[-0.6911978636454496]),
        (1.0, 1.3132616875182228, 0.7310585786300049, &[-0.5822031088882179]),
        (5.5, 5.504078443270571, 0.9959298622841039, &[-0.02646420070799942]),
        (30.0, 30.000000000000092, 0.9999999999999064, &[-2.900863120340187e-12]),
        (88.7, 88.7, 1.0, &[-2.6969438104427584e-37]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[-0.0]),
        (f64::NEG_INFINITY, 0.0, 0.0, &[-0.0]),
        (-0.0, 0.6931471805599453, 0.5, &[-0.6931471805599453]),
    ]),
    ("softplus(beta=2)", &[
        (-87.3, 7.432817404936991e-77, 1.4865634809873982e-76, &[-6.526013681534678e-75]),
        (-12.9, 3.1201277152714657e-12, 6.240255430523461e-12, &[-4.1809711384512055e-11]),
        (-2.0, 0.00907496395890487, 0.01798620996209156, &[-0.022523691941543994]),
        (-1e-08, 0.3465735852799727, 0.499999995, &[-0.17328679513998632]),
        (1e-30, 0.34657359027997264, 0.5, &[-0.17328679513998632]),
        (0.5, 0.6566308437591114, 0.7310585786300049, &[-0.14555077722205448]),
        (5.5, 5.500008350780659, 0.9999832985781519, &[-5.010430041186024e-05]),
        (30.0, 30.0, 1.0, &[-1.3353678913112194e-25]),
        (88.7, 88.7, 1.0, &[-4.0317516195341284e-76]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[-0.0]),
        (f64::NEG_INFINITY, 0.0, 0.0, &[-0.0]),
        (-0.0, 0.34657359027997264, 0.5, &[-0.17328679513998632]),
    ]),
];
