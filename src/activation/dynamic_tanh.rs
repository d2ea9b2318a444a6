use super::{
    Cost, Definition, Paper, Parameter, Properties, Smoothness, finite, sigmoid::sigmoid_slope,
    times,
};

/// 1 - tanh^2 z, in e^-2|z|, where nothing cancels.
fn bell(z: f64) -> f64 {
    4.0 * sigmoid_slope(2.0 * z)
}

pub(super) const DEFINITION: Definition = Definition {
    name: "dynamic-tanh",
    aliases: &["dyt"],
    title: "Dynamic tanh",
    formula: "weight tanh(alpha x) + bias",
    slope_formula: "weight alpha (1 - tanh^2(alpha x))",
    parameters: &[
        Parameter {
            name: "alpha",
            default: 0.5,
            shown: &[0.5, 2.0],
            description: "the steepness, as a rule one number for all",
            slope_formula: "weight x (1 - tanh^2(alpha x))",
            slope: |x, [alpha, weight, ..]| times(x, weight * bell(alpha * finite(x))),
            magnitude: Some(|x, [alpha, weight, ..]| {
                weight
                    * finite(x)
                    * bell(alpha * finite(x))
                    * (1.0 + 2.0 * (alpha * finite(x)).abs())
            }),
            ..Parameter::BLANK
        },
        Parameter {
            name: "weight",
            default: 1.0,
            per_channel: true,
            description: "what tanh is multiplied by, as a rule one per channel, learned",
            slope_formula: "tanh(alpha x)",
            slope: |x, [alpha, ..]| (alpha * finite(x)).tanh(),
            ..Parameter::BLANK
        },
        Parameter {
            name: "bias",
            default: 0.0,
            per_channel: true,
            description: "what is added, as a rule one per channel, learned",
            slope_formula: "1",
            slope: |x, _| if x.is_nan() { x } else { 1.0 },
            ..Parameter::BLANK
        },
    ],
    properties: Some(Properties {
        zero_centred: true,
        saturates: (Some(-1.0), Some(1.0)),
        ..Properties::new((-1.0, 1.0), Smoothness::Smooth, &[], Cost::Exponential)
    }),
    // The argument of tanh is rounded, and so is what the weight makes of it: 2.6 ULP were seen.
    ulp: 4.0,
    // Weight and bias may cancel; the argument of tanh is rounded, which its slope shows.
    magnitudes: Some([
        |x, [alpha, weight, bias, _]| (weight * (alpha * finite(x)).tanh()).abs() + bias.abs(),
        |x, [alpha, weight, ..]| {
            let z = alpha * finite(x);
            (weight * alpha * bell(z) * (1.0 + 2.0 * z.abs().min(400.0))).abs()
        },
    ]),
    paper: Some(Paper {
        authors: "Zhu, Chen, He, LeCun, Liu",
        title: "Transformers without Normalization",
        year: 2025,
        url: "https://arxiv.org/abs/2503.10622",
    }),
    value: |x, [alpha, weight, bias, _]| weight * (alpha * finite(x)).tanh() + bias,
    slope: |x, [alpha, weight, ..]| weight * alpha * bell(alpha * finite(x)),
    wgsl: include_str!("../../shaders/activation/dynamic_tanh.wgsl"),
    ..Definition::BLANK
};

/// Values computed with mpmath at 120 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("dynamic-tanh", &[
        (-87.3, -1.0, 2.4384941919040103e-38, &[-4.2576108590644016e-36, -1.0, 1.0]),
        (-30.0, -0.9999999999998128, 1.8715245937676846e-13, &[-1.1229147562606108e-11, -0.9999999999998128, 1.0]),
        (-12.9, -0.9999950039118287, 4.996075690805079e-06, &[-0.00012889875282277104, -0.9999950039118287, 1.0]),
        (-5.3, -0.990066396699886, 0.009884265062851906, &[-0.10477320966623019, -0.990066396699886, 1.0]),
        (-2.0, -0.7615941559557649, 0.20998717080701304, &[-0.8399486832280522, -0.7615941559557649, 1.0]),
        (-0.7, -0.3363755443363322, 0.4434257465862181, &[-0.6207960452207053, -0.3363755443363322, 1.0]),
        (-0.3, -0.14888503362331798, 0.4889166233814917, &[-0.293349974028895, -0.14888503362331798, 1.0]),
        (-1e-08, -5e-09, 0.5, &[-1e-08, -5e-09, 1.0]),
        (1e-30, 5e-31, 0.5, &[1e-30, 5e-31, 1.0]),
        (0.0001, 4.9999999958333334e-05, 0.49999999875, &[9.999999975e-05, 4.9999999958333334e-05, 1.0]),
        (0.125, 0.062418746747512514, 0.49805195002723496, &[0.12451298750680874, 0.062418746747512514, 1.0]),
        (0.9, 0.42189900525000795, 0.41100061468452687, &[0.7398011064321485, 0.42189900525000795, 1.0]),
        (5.5, 0.9918597245682077, 0.008107143389739535, &[0.08917857728713488, 0.9918597245682077, 1.0]),
        (30.0, 0.9999999999998128, 1.8715245937676846e-13, &[1.1229147562606108e-11, 0.9999999999998128, 1.0]),
        (88.7, 1.0, 6.013252643127666e-39, &[1.066751018890848e-36, 1.0, 1.0]),
        (f64::INFINITY, 1.0, 0.0, &[0.0, 1.0, 1.0]),
        (f64::NEG_INFINITY, -1.0, 0.0, &[-0.0, -1.0, 1.0]),
        (-0.0, 0.0, 0.5, &[-0.0, -0.0, 1.0]),
    ]),
    ("dynamic-tanh(alpha=2, weight=-1.5, bias=0.25)", &[
        (-5.3, 1.7499999981375773, -7.449690482034701e-09, &[1.9741679777391956e-08, -0.999999998758385, 1.0]),
        (-0.7, 1.5780274723033938, -0.6484573770766118, &[0.22696008197681408, -0.8853516482022625, 1.0]),
        (-0.001, 0.2529999960000064, -2.999988000032, &[0.001499994000016, -0.0019999973333376, 1.0]),
        (0.125, -0.1173779936055637, -2.8200445464191337, &[-0.17625278415119586, 0.24491866240370913, 1.0]),
        (2.0, -1.2489939496086007, -0.004022852049077691, &[-0.004022852049077691, 0.999329299739067, 1.0]),
        (5.5, -1.2499999991631596, -3.347361709575238e-09, &[-9.205244701331905e-09, 0.9999999994421064, 1.0]),
    ]),
];
