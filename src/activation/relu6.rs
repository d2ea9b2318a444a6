use super::{Cost, Definition, Paper, Properties, Smoothness, unless_nan};

pub(super) const DEFINITION: Definition = Definition {
    name: "relu6",
    title: "ReLU6",
    formula: "x, but 0 below 0 and 6 above 6",
    slope_formula: "1 for 0 < x < 6, 0 otherwise",
    properties: Some(Properties {
        saturates: (Some(0.0), Some(6.0)),
        ..Properties::new((0.0, 6.0), Smoothness::Kink, &[0.0, 6.0], Cost::Compare)
    }),
    elsewhere: &[("PyTorch", "ReLU6"), ("Keras", "relu6"), ("JAX", "relu6")],
    paper: Some(Paper {
        authors: "Krizhevsky",
        title: "Convolutional Deep Belief Networks on CIFAR-10",
        year: 2010,
        url: "https://www.cs.toronto.edu/~kriz/conv-cifar10-aug2010.pdf",
    }),
    value: |x, _| unless_nan(x, if x > 0.0 { x.min(6.0) } else { 0.0 }),
    slope: |x, _| unless_nan(x, if x > 0.0 && x < 6.0 { 1.0 } else { 0.0 }),
    wgsl: include_str!("../../shaders/activation/relu6.wgsl"),
    ..Definition::BLANK
};

/// Values computed with mpmath at 120 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("relu6", &[
        (-87.3, 0.0, 0.0, &[]),
        (-30.0, 0.0, 0.0, &[]),
        (-12.9, 0.0, 0.0, &[]),
        (-5.3, 0.0, 0.0, &[]),
        (-2.0, 0.0, 0.0, &[]),
        (-0.7, 0.0, 0.0, &[]),
        (-0.3, 0.0, 0.0, &[]),
        (-1e-08, 0.0, 0.0, &[]),
        (1e-30, 1e-30, 1.0, &[]),
        (0.0001, 0.0001, 1.0, &[]),
        (0.125, 0.125, 1.0, &[]),
        (0.9, 0.9, 1.0, &[]),
        (5.5, 5.5, 1.0, &[]),
        (30.0, 6.0, 0.0, &[]),
        (88.7, 6.0, 0.0, &[]),
        (f64::INFINITY, 6.0, 0.0, &[]),
        (f64::NEG_INFINITY, 0.0, 0.0, &[]),
        (-0.0, 0.0, 0.0, &[]),
        (6.0, 6.0, 0.0, &[]),
        (0.0, 0.0, 0.0, &[]),
    ]),
];
