use super::{Cost, Definition, Paper, Properties, Smoothness, unless_nan};

pub(super) const DEFINITION: Definition = Definition {
    name: "sparse-sigmoid",
    title: "Sparse sigmoid",
    formula: "(x + 1) / 2 for -1 < x < 1, 0 below, 1 above",
    slope_formula: "1/2 for -1 < x < 1, 0 otherwise",
    properties: Some(Properties {
        saturates: (Some(0.0), Some(1.0)),
        ..Properties::new((0.0, 1.0), Smoothness::Kink, &[-1.0, 1.0], Cost::Compare)
    }),
    elsewhere: &[("Keras", "sparse_sigmoid"), ("JAX", "sparse_sigmoid")],
    paper: Some(Paper {
        authors: "Blondel, Martins, Niculae",
        title: "Learning with Fenchel-Young Losses",
        year: 2020,
        url: "https://arxiv.org/abs/1901.02324",
    }),
    value: |x, _| unless_nan(x, ((x + 1.0) / 2.0).clamp(0.0, 1.0)),
    slope: |x, _| unless_nan(x, if x.abs() < 1.0 { 0.5 } else { 0.0 }),
    wgsl: include_str!("../../shaders/activation/sparse_sigmoid.wgsl"),
    ..Definition::BLANK
};

/// Values computed with mpmath at 120 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("sparse-sigmoid", &[
        (-87.3, 0.0, 0.0, &[]),
        (-30.0, 0.0, 0.0, &[]),
        (-12.9, 0.0, 0.0, &[]),
        (-5.3, 0.0, 0.0, &[]),
        (-2.0, 0.0, 0.0, &[]),
        (-0.7, 0.15000000000000002, 0.5, &[]),
        (-0.3, 0.35, 0.5, &[]),
        (-1e-08, 0.499999995, 0.5, &[]),
        (1e-30, 0.5, 0.5, &[]),
        (0.0001, 0.50005, 0.5, &[]),
        (0.125, 0.5625, 0.5, &[]),
        (0.9, 0.95, 0.5, &[]),
        (5.5, 1.0, 0.0, &[]),
        (30.0, 1.0, 0.0, &[]),
        (88.7, 1.0, 0.0, &[]),
        (f64::INFINITY, 1.0, 0.0, &[]),
        (f64::NEG_INFINITY, 0.0, 0.0, &[]),
        (-0.0, 0.5, 0.5, &[]),
        (1.0, 1.0, 0.0, &[]),
        (-1.0, 0.0, 0.0, &[]),
    ]),
];
