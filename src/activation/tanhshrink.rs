use super::{Cost, Definition, Paper, Properties, Smoothness};

/// Up to here x - tanh x would lose digits in f64, and a continued fraction of tanh is taken.
const NEAR: f64 = 1.0;

/// x - tanh x = x s / (d + s), s = x^2, where tanh x = x / (1 + s / d), d = 3 + s / (5 + s / (7 + ..)).
fn near(x: f64) -> f64 {
    let s = x * x;
    let odd = [23.0, 21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0];
    let d = odd.into_iter().fold(25.0, |d, odd| odd + s / d);
    x * s / (d + s)
}

pub(super) const DEFINITION: Definition = Definition {
    name: "tanhshrink",
    title: "Tanhshrink",
    formula: "x - tanh x",
    slope_formula: "tanh^2 x",
    properties: Some(Properties {
        zero_centred: true,
        ..Properties::new(
            (f64::NEG_INFINITY, f64::INFINITY),
            Smoothness::Smooth,
            &[],
            Cost::TwoSeries,
        )
    }),
    elsewhere: &[("PyTorch", "Tanhshrink"), ("Keras", "tanh_shrink")],
    paper: Some(Paper {
        authors: "Collobert, Kavukcuoglu, Farabet",
        title: "Torch7: A Matlab-like Environment for Machine Learning",
        year: 2011,
        url: "https://infoscience.epfl.ch/record/192376",
    }),
    value: |x, _| {
        if x.abs() < NEAR {
            near(x)
        } else {
            x - x.tanh()
        }
    },
    slope: |x, _| x.tanh() * x.tanh(),
    wgsl: include_str!("../../shaders/activation/tanhshrink.wgsl"),
    ..Definition::BLANK
};

/// Values computed with mpmath at 120 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("tanhshrink", &[
        (-87.3, -86.3, 1.0, &[]),
        (-30.0, -29.0, 1.0, &[]),
        (-12.9, -11.900000000012481, 0.999999999975039, &[]),
        (-5.3, -4.300049830777879, 0.9999003409273487, &[]),
        (-2.0, -1.035972419924183, 0.9293491751468356, &[]),
        (-0.7, -0.09563222288283649, 0.3652604100175414, &[]),
        (-0.3, -0.008687387548409094, 0.08486303817337079, &[]),
        (-1e-08, -3.3333333333333335e-25, 1e-16, &[]),
        (1e-30, 3.333333333333334e-91, 1.0000000000000001e-60, &[]),
        (0.0001, 3.3333333200000004e-13, 9.999999933333334e-09, &[]),
        (0.125, 0.000646998228403792, 0.01546366904960661, &[]),
        (0.9, 0.18370212980097558, 0.5130826388516585, &[]),
        (1.1, 0.29950097823937033, 0.6407986838397252, &[]),
        (5.5, 4.500033402843696, 0.9999331954283576, &[]),
        (30.0, 29.0, 1.0, &[]),
        (88.7, 87.7, 1.0, &[]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[]),
        (f64::NEG_INFINITY, f64::NEG_INFINITY, 1.0, &[]),
        (-0.0, -0.0, 0.0, &[]),
    ]),
];
