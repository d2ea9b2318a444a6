use super::{Cost, Definition, Paper, Properties, Smoothness};

pub(super) const DEFINITION: Definition = Definition {
    name: "softsign",
    aliases: &[],
    title: "Softsign",
    formula: "x / (1 + |x|)",
    slope_formula: "1 / (1 + |x|)^2",
    parameters: &[],
    properties: Some(Properties {
        saturates: (Some(-1.0), Some(1.0)),
        zero_centred: true,
        ..Properties::new((-1.0, 1.0), Smoothness::Once, &[0.0], Cost::Division)
    }),
    elsewhere: &[
        ("PyTorch", "Softsign"),
        ("Keras", "softsign"),
        ("JAX", "soft_sign"),
        ("ONNX", "Softsign"),
    ],
    paper: Some(Paper {
        authors: "Turian, Bergstra, Bengio",
        title: "Quadratic Features and Deep Architectures for Chunking",
        year: 2009,
        url: "https://aclanthology.org/N09-2062/",
    }),
    value: |x, _| {
        if x.is_infinite() {
            x.signum()
        } else {
            x / (1.0 + x.abs())
        }
    },
    slope: |x, _| (1.0 + x.abs()).powi(-2),
    wgsl: include_str!("../../shaders/activation/softsign.wgsl"),
    ..Definition::BLANK
};

/// Values computed with mpmath at 150 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("softsign", &[
        (-10000.0, -0.9999000099990001, 9.998000299960006e-09, &[]),
        (-3.0, -0.75, 0.0625, &[]),
        (-0.5, -0.3333333333333333, 0.4444444444444444, &[]),
        (1e-08, 9.999999900000002e-09, 0.9999999800000003, &[]),
        (0.75, 0.42857142857142855, 0.32653061224489793, &[]),
        (10.0, 0.9090909090909091, 0.008264462809917356, &[]),
        (1e+30, 1.0, 1e-60, &[]),
        (f64::INFINITY, 1.0, 0.0, &[]),
        (f64::NEG_INFINITY, -1.0, 0.0, &[]),
        (-0.0, -0.0, 1.0, &[]),
    ]),
];
