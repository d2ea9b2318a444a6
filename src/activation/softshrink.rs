use super::{Cost, Definition, Paper, Parameter, Properties, Range, Smoothness, unless_nan};

pub(super) const DEFINITION: Definition = Definition {
    name: "softshrink",
    title: "Softshrink",
    formula: "x - lambd for x > lambd, x + lambd for x < -lambd, 0 between",
    slope_formula: "1 for |x| > lambd, 0 otherwise",
    parameters: &[Parameter {
        name: "lambd",
        default: 0.5,
        range: Range::NonNegative,
        shown: &[0.5, 0.0, 2.0],
        description: "how far every value moves",
        slope_formula: "-1 for x > lambd, 1 for x < -lambd, 0 between",
        slope: |x, [lambd, ..]| unless_nan(x, if x.abs() > lambd { -x.signum() } else { 0.0 }),
        ..Parameter::BLANK
    }],
    properties: Some(Properties {
        zero_centred: true,
        ..Properties::new(
            (f64::NEG_INFINITY, f64::INFINITY),
            Smoothness::Kink,
            &[-0.5, 0.5],
            Cost::Compare,
        )
    }),
    elsewhere: &[("PyTorch", "Softshrink"), ("Keras", "soft_shrink")],
    paper: Some(Paper {
        authors: "Donoho",
        title: "De-noising by Soft-Thresholding",
        year: 1995,
        url: "https://doi.org/10.1109/18.382009",
    }),
    value: |x, [lambd, ..]| {
        let size = x.abs() - lambd;
        unless_nan(x, if size > 0.0 { size.copysign(x) } else { 0.0 })
    },
    slope: |x, [lambd, ..]| unless_nan(x, if x.abs() > lambd { 1.0 } else { 0.0 }),
    wgsl: include_str!("../../shaders/activation/softshrink.wgsl"),
    ..Definition::BLANK
};

/// Values computed with mpmath at 120 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("softshrink", &[
        (-87.3, -86.8, 1.0, &[1.0]),
        (-30.0, -29.5, 1.0, &[1.0]),
        (-12.9, -12.4, 1.0, &[1.0]),
        (-5.3, -4.8, 1.0, &[1.0]),
        (-2.0, -1.5, 1.0, &[1.0]),
        (-0.7, -0.19999999999999996, 1.0, &[1.0]),
        (-0.3, 0.0, 0.0, &[0.0]),
        (-1e-08, 0.0, 0.0, &[0.0]),
        (1e-30, 0.0, 0.0, &[0.0]),
        (0.0001, 0.0, 0.0, &[0.0]),
        (0.125, 0.0, 0.0, &[0.0]),
        (0.9, 0.4, 1.0, &[-1.0]),
        (5.5, 5.0, 1.0, &[-1.0]),
        (30.0, 29.5, 1.0, &[-1.0]),
        (88.7, 88.2, 1.0, &[-1.0]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[-1.0]),
        (f64::NEG_INFINITY, f64::NEG_INFINITY, 1.0, &[1.0]),
        (-0.0, 0.0, 0.0, &[0.0]),
    ]),
];
