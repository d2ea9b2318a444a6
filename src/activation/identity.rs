use super::{Cost, Definition, Paper, Properties, Smoothness};

pub(super) const DEFINITION: Definition = Definition {
    name: "identity",
    aliases: &["linear"],
    title: "Identity",
    formula: "x",
    slope_formula: "1",
    properties: Some(Properties {
        zero_centred: true,
        ..Properties::new(
            (f64::NEG_INFINITY, f64::INFINITY),
            Smoothness::Smooth,
            &[],
            Cost::Compare,
        )
    }),
    elsewhere: &[
        ("PyTorch", "Identity"),
        ("Keras", "linear"),
        ("JAX", "identity"),
        ("ONNX", "Identity"),
    ],
    paper: Some(Paper {
        authors: "Widrow, Hoff",
        title: "Adaptive Switching Circuits",
        year: 1960,
        url: "https://doi.org/10.21236/AD0241531",
    }),
    value: |x, _| x,
    slope: |x, _| if x.is_nan() { x } else { 1.0 },
    wgsl: include_str!("../../shaders/activation/identity.wgsl"),
    ..Definition::BLANK
};

/// Values computed with mpmath at 120 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("identity", &[
        (-87.3, -87.3, 1.0, &[]),
        (-30.0, -30.0, 1.0, &[]),
        (-12.9, -12.9, 1.0, &[]),
        (-5.3, -5.3, 1.0, &[]),
        (-2.0, -2.0, 1.0, &[]),
        (-0.7, -0.7, 1.0, &[]),
        (-0.3, -0.3, 1.0, &[]),
        (-1e-08, -1e-08, 1.0, &[]),
        (1e-30, 1e-30, 1.0, &[]),
        (0.0001, 0.0001, 1.0, &[]),
        (0.125, 0.125, 1.0, &[]),
        (0.9, 0.9, 1.0, &[]),
        (5.5, 5.5, 1.0, &[]),
        (30.0, 30.0, 1.0, &[]),
        (88.7, 88.7, 1.0, &[]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[]),
        (f64::NEG_INFINITY, f64::NEG_INFINITY, 1.0, &[]),
        (-0.0, -0.0, 1.0, &[]),
    ]),
];
