use super::{Cost, Definition, Paper, Properties, Smoothness, unless_nan};

pub(super) const DEFINITION: Definition = Definition {
    name: "sparse-plus",
    title: "Sparse plus",
    formula: "(x + 1)^2 / 4 for -1 < x < 1, 0 below, x above",
    slope_formula: "(x + 1) / 2 for -1 < x < 1, 0 below, 1 above",
    properties: Some(Properties {
        saturates: (Some(0.0), None),
        ..Properties::new(
            (0.0, f64::INFINITY),
            Smoothness::Once,
            &[-1.0, 1.0],
            Cost::Compare,
        )
    }),
    elsewhere: &[("Keras", "sparse_plus"), ("JAX", "sparse_plus")],
    paper: Some(Paper {
        authors: "Blondel, Martins, Niculae",
        title: "Learning with Fenchel-Young Losses",
        year: 2020,
        url: "https://arxiv.org/abs/1901.02324",
    }),
    value: |x, _| {
        unless_nan(
            x,
            if x >= 1.0 {
                x
            } else if x <= -1.0 {
                0.0
            } else {
                (x + 1.0) * (x + 1.0) / 4.0
            },
        )
    },
    slope: |x, _| unless_nan(x, ((x + 1.0) / 2.0).clamp(0.0, 1.0)),
    wgsl: include_str!("../../shaders/activation/sparse_plus.wgsl"),
    ..Definition::BLANK
};

/// Values computed with mpmath at 120 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("sparse-plus", &[
        (-87.3, 0.0, 0.0, &[]),
        (-30.0, 0.0, 0.0, &[]),
        (-12.9, 0.0, 0.0, &[]),
        (-5.3, 0.0, 0.0, &[]),
        (-2.0, 0.0, 0.0, &[]),
        (-0.7, 0.022500000000000006, 0.15000000000000002, &[]),
        (-0.3, 0.1225, 0.35, &[]),
        (-1e-08, 0.24999999500000003, 0.499999995, &[]),
        (1e-30, 0.25, 0.5, &[]),
        (0.0001, 0.2500500025, 0.50005, &[]),
        (0.125, 0.31640625, 0.5625, &[]),
        (0.9, 0.9025, 0.95, &[]),
        (5.5, 5.5, 1.0, &[]),
        (30.0, 30.0, 1.0, &[]),
        (88.7, 88.7, 1.0, &[]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[]),
        (f64::NEG_INFINITY, 0.0, 0.0, &[]),
        (-0.0, 0.25, 0.5, &[]),
        (1.0, 1.0, 1.0, &[]),
        (-1.0, 0.0, 0.0, &[]),
    ]),
];
