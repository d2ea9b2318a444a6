use super::{Cost, Definition, Paper, Properties, Smoothness, swish};

/// Of which x Phi(x) is approximately x sigmoid(that x); as f32 has it, which models were trained with.
const BETA: [f64; super::MOST_PARAMETERS] = [1.702f32 as f64, 0.0, 0.0, 0.0];

pub(super) const DEFINITION: Definition = Definition {
    name: "quick-gelu",
    title: "Quick GELU",
    formula: "x sigmoid(1.702 x)",
    slope_formula: "s + z s (1 - s), z = 1.702 x, s = sigmoid(z)",
    properties: Some(Properties {
        turning_point: Some(-0.7511542457607956),
        saturates: (Some(0.0), None),
        ..Properties::new(
            (-0.1636101875278288, f64::INFINITY),
            Smoothness::Smooth,
            &[],
            Cost::Exponential,
        )
    }),
    elsewhere: &[("Transformers", "quick_gelu")],
    paper: Some(Paper {
        authors: "Hendrycks, Gimpel",
        title: "Gaussian Error Linear Units (GELUs)",
        year: 2016,
        url: "https://arxiv.org/abs/1606.08415",
    }),
    value: |x, _| (swish::DEFINITION.value)(x, BETA),
    slope: |x, _| (swish::DEFINITION.slope)(x, BETA),
    wgsl: include_str!("../../shaders/activation/quick_gelu.wgsl"),
    ..Definition::BLANK
};

/// Values computed with mpmath at 120 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("quick-gelu", &[
        (-87.3, -2.579535661537912e-63, -4.3608218067962915e-63, &[]),
        (-30.0, -2.0046784553513632e-21, -3.34514015980128e-21, &[]),
        (-12.9, -3.761030033882972e-09, -6.1097204824939755e-09, &[]),
        (-5.3, -0.0006406583862060709, -0.000969389840113619, &[]),
        (-2.0, -0.06434137412400362, -0.07381535268998202, &[]),
        (-0.7, -0.16310604635603063, 0.020086854256821204, &[]),
        (-0.3, -0.11251586415570114, 0.25537425520621176, &[]),
        (-1e-08, -4.99999995745e-09, 0.4999999914899999, &[]),
        (1e-30, 5e-31, 0.5, &[]),
        (0.0001, 5.000425500004457e-05, 0.5000851000006858, &[]),
        (0.125, 0.06912347346282406, 0.6055779490042431, &[]),
        (0.9, 0.7400425733544079, 1.0461303846150178, &[]),
        (5.5, 5.499526963515754, 1.000719032228426, &[]),
        (30.0, 30.0, 1.0, &[]),
        (88.7, 88.7, 1.0, &[]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[]),
        (f64::NEG_INFINITY, -0.0, 0.0, &[]),
        (-0.0, -0.0, 0.5, &[]),
    ]),
];
