use super::{Cost, Definition, Paper, Properties, Smoothness};

/// From here on e^x leaves f64; a slope that is infinite would make NaN of an upstream gradient of 0.
const LARGEST: f64 = 709.0;

pub(super) const DEFINITION: Definition = Definition {
    name: "exponential",
    aliases: &["exp"],
    title: "Exponential",
    formula: "e^x",
    slope_formula: "e^x",
    properties: Some(Properties {
        saturates: (Some(0.0), None),
        ..Properties::new(
            (0.0, f64::INFINITY),
            Smoothness::Smooth,
            &[],
            Cost::Exponential,
        )
    }),
    elsewhere: &[("Keras", "exponential"), ("ONNX", "Exp")],
    paper: Some(Paper {
        authors: "Nelder, Wedderburn",
        title: "Generalized Linear Models",
        year: 1972,
        url: "https://doi.org/10.2307/2344614",
    }),
    value: |x, _| x.exp(),
    slope: |x, _| {
        if x == f64::INFINITY {
            x
        } else {
            if x > LARGEST { LARGEST } else { x }.exp()
        }
    },
    wgsl: include_str!("../../shaders/activation/exponential.wgsl"),
    ..Definition::BLANK
};

/// Values computed with mpmath at 120 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("exponential", &[
        (-87.3, 1.2192470959520051e-38, 1.2192470959520051e-38, &[]),
        (-30.0, 9.357622968840175e-14, 9.357622968840175e-14, &[]),
        (-12.9, 2.498050325866635e-06, 2.498050325866635e-06, &[]),
        (-5.3, 0.004991593906910217, 0.004991593906910217, &[]),
        (-2.0, 0.1353352832366127, 0.1353352832366127, &[]),
        (-0.7, 0.4965853037914095, 0.4965853037914095, &[]),
        (-0.3, 0.7408182206817179, 0.7408182206817179, &[]),
        (-1e-08, 0.9999999900000001, 0.9999999900000001, &[]),
        (1e-30, 1.0, 1.0, &[]),
        (0.0001, 1.0001000050001667, 1.0001000050001667, &[]),
        (0.125, 1.1331484530668263, 1.1331484530668263, &[]),
        (0.9, 2.45960311115695, 2.45960311115695, &[]),
        (5.5, 244.69193226422038, 244.69193226422038, &[]),
        (30.0, 10686474581524.463, 10686474581524.463, &[]),
        (88.7, 3.325986980250579e+38, 3.325986980250579e+38, &[]),
        (f64::INFINITY, f64::INFINITY, f64::INFINITY, &[]),
        (f64::NEG_INFINITY, 0.0, 0.0, &[]),
        (-0.0, 1.0, 1.0, &[]),
    ]),
];
