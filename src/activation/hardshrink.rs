use super::{Cost, Definition, Paper, Parameter, Properties, Range, Smoothness, unless_nan};

pub(super) const DEFINITION: Definition = Definition {
    name: "hardshrink",
    title: "Hardshrink",
    formula: "x for |x| > lambd, 0 otherwise",
    slope_formula: "1 for |x| > lambd, 0 otherwise",
    parameters: &[Parameter {
        name: "lambd",
        default: 0.5,
        range: Range::NonNegative,
        shown: &[0.5, 0.0, 2.0],
        description: "what is no further from 0 becomes 0",
        slope_formula: "0",
        slope: |x, _| unless_nan(x, 0.0),
        ..Parameter::BLANK
    }],
    properties: Some(Properties {
        zero_centred: true,
        ..Properties::new(
            (f64::NEG_INFINITY, f64::INFINITY),
            Smoothness::Jump,
            &[-0.5, 0.5],
            Cost::Compare,
        )
    }),
    elsewhere: &[("PyTorch", "Hardshrink"), ("Keras", "hard_shrink")],
    paper: Some(Paper {
        authors: "Donoho, Johnstone",
        title: "Ideal Spatial Adaptation by Wavelet Shrinkage",
        year: 1994,
        url: "https://doi.org/10.1093/biomet/81.3.425",
    }),
    value: |x, [lambd, ..]| unless_nan(x, if x.abs() > lambd { x } else { 0.0 }),
    slope: |x, [lambd, ..]| unless_nan(x, if x.abs() > lambd { 1.0 } else { 0.0 }),
    wgsl: include_str!("../../shaders/activation/hardshrink.wgsl"),
    ..Definition::BLANK
};

/// Values computed with mpmath at 120 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("hardshrink", &[
        (-87.3, -87.3, 1.0, &[0.0]),
        (-30.0, -30.0, 1.0, &[0.0]),
        (-12.9, -12.9, 1.0, &[0.0]),
        (-5.3, -5.3, 1.0, &[0.0]),
        (-2.0, -2.0, 1.0, &[0.0]),
        (-0.7, -0.7, 1.0, &[0.0]),
        (-0.3, 0.0, 0.0, &[0.0]),
        (-1e-08, 0.0, 0.0, &[0.0]),
        (1e-30, 0.0, 0.0, &[0.0]),
        (0.0001, 0.0, 0.0, &[0.0]),
        (0.125, 0.0, 0.0, &[0.0]),
        (0.9, 0.9, 1.0, &[0.0]),
        (5.5, 5.5, 1.0, &[0.0]),
        (30.0, 30.0, 1.0, &[0.0]),
        (88.7, 88.7, 1.0, &[0.0]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[0.0]),
        (f64::NEG_INFINITY, f64::NEG_INFINITY, 1.0, &[0.0]),
        (-0.0, 0.0, 0.0, &[0.0]),
    ]),
];
