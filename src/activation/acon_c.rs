use super::{
    Cost, Definition, MOST_PARAMETERS, Paper, Parameter, Properties, Smoothness, finite,
    sigmoid::{sigmoid, sigmoid_slope},
    times,
};

/// beta (p1 - p2) x, which stops where its exponential is 0 in f64.
fn argument(x: f64, [p1, p2, beta, _]: [f64; MOST_PARAMETERS]) -> f64 {
    (beta * (p1 - p2) * finite(x)).clamp(-800.0, 800.0)
}

/// s + z s (1 - s), the share of p1 in the slope.
fn share(x: f64, numbers: [f64; MOST_PARAMETERS]) -> f64 {
    let z = argument(x, numbers);
    sigmoid(z) + z * sigmoid_slope(z)
}

/// The slope with respect to beta.
fn bend(x: f64, numbers: [f64; MOST_PARAMETERS]) -> f64 {
    let [p1, p2, ..] = numbers;
    let product = (p1 - p2) * finite(x);
    let slope = sigmoid_slope(argument(x, numbers));
    if slope == 0.0 {
        0.0
    } else {
        product * slope * product
    }
}

pub(super) const DEFINITION: Definition = Definition {
    name: "acon-c",
    aliases: &["acon"],
    title: "ACON-C",
    formula: "(p1 - p2) x sigmoid(beta (p1 - p2) x) + p2 x",
    slope_formula: "(p1 - p2) q + p2, q = s + z s (1 - s), z = beta (p1 - p2) x, s = sigmoid(z)",
    parameters: &[
        Parameter {
            name: "p1",
            default: 1.0,
            per_channel: true,
            description: "the slope far out on one side, as a rule one per channel, learned",
            slope_formula: "x q",
            slope: |x, numbers| times(x, share(x, numbers)),
            magnitude: Some(|x, _| 2.0 * x),
            ..Parameter::BLANK
        },
        Parameter {
            name: "p2",
            default: 0.0,
            per_channel: true,
            shown: &[0.0, -0.5],
            description: "the slope far out on the other side, as a rule one per channel, learned",
            slope_formula: "x (1 - q)",
            slope: |x, [p1, p2, beta, _]| times(x, share(x, [p1, p2, -beta, 0.0])),
            magnitude: Some(|x, _| 2.0 * x),
            ..Parameter::BLANK
        },
        Parameter {
            name: "beta",
            default: 1.0,
            per_channel: true,
            shown: &[1.0, 5.0],
            description: "the sharpness of the switch, as a rule one per channel, learned",
            slope_formula: "(p1 - p2)^2 x^2 s (1 - s)",
            slope: |x, numbers| bend(x, numbers),
            magnitude: Some(|x, numbers| bend(x, numbers) * (1.0 + argument(x, numbers).abs())),
            ..Parameter::BLANK
        },
    ],
    properties: Some(Properties {
        turning_point: Some(-1.278464542761074),
        saturates: (Some(0.0), None),
        ..Properties::new(
            (-0.2784645427610738, f64::INFINITY),
            Smoothness::Smooth,
            &[],
            Cost::Exponential,
        )
    }),
    // The two terms may cancel; the argument of the sigmoid is rounded, which its tail shows.
    magnitudes: Some([
        |x, numbers| {
            let [p1, p2, ..] = numbers;
            let z = argument(x, numbers);
            // With p1 - p2 and beta 1 nothing is rounded.
            let off = if numbers[0] - p2 == 1.0 && numbers[2] == 1.0 {
                0.0
            } else {
                z.abs()
            };
            ((p1 - p2) * finite(x) * sigmoid(z) * (1.0 + off)).abs() + (p2 * finite(x)).abs()
        },
        |_, [p1, p2, ..]| 1.1 * (p1 - p2).abs() + p2.abs(),
    ]),
    paper: Some(Paper {
        authors: "Ma, Zhang, Liu, Sun",
        title: "Activate or Not: Learning Customized Activation",
        year: 2020,
        url: "https://arxiv.org/abs/2009.04759",
    }),
    value: |x, numbers| {
        let [p1, p2, ..] = numbers;
        let z = argument(x, numbers);
        if x.is_infinite() {
            // The limit: x times the slope that is left, which may be 0.
            let slope = (p1 - p2) * sigmoid(z * 1e3) + p2;
            return if slope == 0.0 {
                finite(x) * 0.0
            } else {
                slope * x
            };
        }
        (p1 - p2) * x * sigmoid(z) + p2 * x
    },
    slope: |x, numbers| (numbers[0] - numbers[1]) * share(x, numbers) + numbers[1],
    wgsl: include_str!("../../shaders/activation/acon_c.wgsl"),
    ..Definition::BLANK
};

/// Values computed with mpmath at 120 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("acon-c", &[
        (-87.3, -1.0644027147661004e-36, -1.0522102438065804e-36, &[9.185795428431447e-35, -87.3, 9.292235699908057e-35]),
        (-30.0, -2.8072868906517896e-12, -2.713710660963134e-12, &[8.141131982889403e-11, -30.00000000008141, 8.421860671954581e-11]),
        (-12.9, -3.222476870458563e-05, -2.9726644120065963e-05, &[0.0003834737091488509, -12.90038347370915, 0.00041569847785343655]),
        (-5.3, -0.026324048745301892, -0.021226500766500588, &[0.11250045406245311, -5.412500454062453, 0.138824502807755]),
        (-2.0, -0.23840584404423512, -0.09078424878489548, &[0.18156849756979096, -2.181568497569791, 0.4199743416140261]),
        (-0.7, -0.23226855948228373, 0.17661321652665757, &[-0.1236292515686603, -0.5763707484313396, 0.10863930791362342]),
        (-0.3, -0.1276672449565023, 0.3522199896811173, &[-0.10566599690433517, -0.19433400309566481, 0.022001248052167126]),
        (-1e-08, -4.9999999750000005e-09, 0.499999995, &[-4.99999995e-09, -5.00000005e-09, 2.5e-17]),
        (1e-30, 5e-31, 0.5, &[5e-31, 5e-31, 2.5000000000000003e-61]),
        (0.0001, 5.000249999999792e-05, 0.5000499999999166, &[5.000499999999167e-05, 4.999500000000833e-05, 2.4999999937500004e-09]),
        (0.125, 0.06640117167171954, 0.5623376202504584, &[0.0702922025313073, 0.0547077974686927, 0.003891030859587773]),
        (0.9, 0.6398545523625035, 0.8958997792330411, &[0.806309801309737, 0.09369019869026304, 0.1664552489472334]),
        (5.5, 5.477614242562571, 1.0182245066058877, &[5.600234786332382, -0.10023478633238175, 0.12262054376981046]),
        (30.0, 29.999999999997193, 1.0000000000027136, &[30.00000000008141, -8.141131982889403e-11, 8.421860671954581e-11]),
        (88.7, 88.7, 1.0, &[88.7, -2.3388516089181846e-35, 2.3655203843904556e-35]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[f64::INFINITY, 0.0, 0.0]),
        (f64::NEG_INFINITY, -0.0, 0.0, &[-0.0, f64::NEG_INFINITY, 0.0]),
        (-0.0, -0.0, 0.5, &[-0.0, -0.0, 0.0]),
    ]),
    ("acon-c(p1=1.5, p2=-0.5, beta=0.75)", &[
        (-5.3, 2.6462630989185647, -0.5048982998478688, &[0.012980494596852422, -5.312980494596852, 0.039597187033519964]),
        (-0.7, -0.012915141144984425, -0.38480743900433745, &[-0.04031739634848188, -0.6596826036515181, 0.3763737979306942]),
        (-0.001, -0.0004992500001406249, 0.4985000005624998, &[-0.0004992500002812499, -0.0005007499997187502, 9.99999437500211e-07]),
        (0.125, 0.07418453799615346, 0.6864071334001264, &[0.0741504458375079, 0.0508495541624921, 0.015488471571816445]),
        (2.0, 2.810296507289733, 1.6762082120303392, &[2.1762082120303394, -0.17620821203033923, 0.7228265556945941]),
        (5.5, 8.247126906489948, 1.5037861339905718, &[5.510411868474073, -0.010411868474072746, 0.03159577394426454]),
    ]),
];
