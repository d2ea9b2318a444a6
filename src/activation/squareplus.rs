use super::{Cost, Definition, Paper, Parameter, Properties, Range, Smoothness, unless_nan};

/// The value where it does not cancel.
fn squareplus(x: f64, b: f64) -> f64 {
    let root = x.hypot(b.sqrt());
    if x < 0.0 {
        b / 2.0 / (root - x)
    } else {
        (x + root) / 2.0
    }
}

pub(super) const DEFINITION: Definition = Definition {
    name: "squareplus",
    title: "Squareplus",
    formula: "(x + sqrt(x^2 + b)) / 2",
    slope_formula: "(1 + x / sqrt(x^2 + b)) / 2",
    parameters: &[Parameter {
        name: "b",
        default: 4.0,
        range: Range::Positive,
        shown: &[4.0, 0.25, 16.0],
        description: "the width of the bend: the value at 0 is half its root, and ReLU is approached at 0",
        slope_formula: "1 / (4 sqrt(x^2 + b))",
        slope: |x, [b, ..]| 0.25 / x.hypot(b.sqrt()),
        ..Parameter::BLANK
    }],
    properties: Some(Properties {
        saturates: (Some(0.0), None),
        ..Properties::new(
            (0.0, f64::INFINITY),
            Smoothness::Smooth,
            &[],
            Cost::Division,
        )
    }),
    elsewhere: &[("Keras", "squareplus"), ("JAX", "squareplus")],
    paper: Some(Paper {
        authors: "Barron",
        title: "Squareplus: A Softplus-Like Algebraic Rectifier",
        year: 2021,
        url: "https://arxiv.org/abs/2112.11687",
    }),
    value: |x, [b, ..]| unless_nan(x, squareplus(x, b)),
    slope: |x, [b, ..]| {
        // As f(x) / sqrt(x^2 + b), which does not cancel; at the infinities the limit.
        if x.is_infinite() {
            x.clamp(0.0, 1.0)
        } else {
            squareplus(x, b) / x.hypot(b.sqrt())
        }
    },
    wgsl: include_str!("../../shaders/activation/squareplus.wgsl"),
    ..Definition::BLANK
};

/// Values computed with mpmath at 120 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("squareplus", &[
        (-87.3, 0.011453251123009316, 0.00013115975614845952, &[0.002862937229346229]),
        (-30.0, 0.03329637837290827, 0.001107421071695522, &[0.008314876315471741]),
        (-12.9, 0.07705906208914276, 0.005903046177161307, &[0.019151044721815454]),
        (-5.3, 0.1824018076537093, 0.03219914052462888, &[0.044132156554280294]),
        (-2.0, 0.41421356237309503, 0.14644660940672624, &[0.08838834764831845]),
        (-0.7, 0.7094810050208545, 0.334824787635947, &[0.11798229454575218]),
        (-0.3, 0.8611874208078342, 0.42582977353487766, &[0.12361704410853719]),
        (-1e-08, 0.999999995, 0.4999999975, &[0.125]),
        (1e-30, 1.0, 0.5, &[0.125]),
        (0.0001, 1.00005000125, 0.5000249999999687, &[0.12499999984375]),
        (0.125, 1.0644512213675874, 0.5311891430775902, &[0.12475657231036107]),
        (0.9, 1.5465856099730655, 0.7051823386643989, &[0.1139901881468883]),
        (5.5, 5.676174977679906, 0.9698967117442185, &[0.04271788288583805]),
        (30.0, 30.03329637837291, 0.9988925789283045, &[0.008314876315471741]),
        (88.7, 88.71127252457937, 0.9998729463342928, &[0.002817773090948663]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[0.0]),
        (f64::NEG_INFINITY, 0.0, 0.0, &[0.0]),
        (-0.0, 1.0, 0.5, &[0.125]),
    ]),
    ("squareplus(b=0.25)", &[
        (-30.0, 0.002083188677497798, 6.942998020001783e-05, &[0.008332176166996667]),
        (-5.3, 0.011766330841232953, 0.002210248642959257, &[0.046961297297834034]),
        (-0.7, 0.08011626335213134, 0.09313326439663253, &[0.29061909685954823]),
        (-0.001, 0.2495004999995, 0.499000001999994, &[0.499999000003]),
        (0.125, 0.3201941016011038, 0.6212678125181665, &[0.48507125007266594]),
        (2.0, 2.030776406404415, 0.9850712500726659, &[0.12126781251816648]),
        (30.0, 30.0020831886775, 0.9999305700198, &[0.008332176166996667]),
    ]),
];
