use super::{
    Cost, Definition, MOST_PARAMETERS, Paper, Parameter, Properties, Range, Smoothness, finite,
};

/// sin^2(alpha x), and its mean at infinity. The product of two f32 is exact in f64.
pub(super) fn square_of_sine(x: f64, alpha: f64) -> f64 {
    if x.is_infinite() {
        0.5
    } else {
        (alpha * x).sin().powi(2)
    }
}

/// sin(2 alpha x), and its mean at infinity.
pub(super) fn sine_of_twice(x: f64, alpha: f64) -> f64 {
    if x.is_infinite() {
        0.0
    } else {
        (2.0 * alpha * x).sin()
    }
}

/// x sin(2z) / alpha and sin^2(z) / alpha^2, z = alpha x.
fn terms(x: f64, [alpha, ..]: [f64; MOST_PARAMETERS]) -> [f64; 2] {
    [
        finite(x) * sine_of_twice(x, alpha) / alpha,
        square_of_sine(x, alpha) / alpha / alpha,
    ]
}

pub(super) const DEFINITION: Definition = Definition {
    name: "snake",
    aliases: &[],
    title: "Snake",
    formula: "x + sin^2(alpha x) / alpha",
    slope_formula: "1 + sin(2 alpha x)",
    parameters: &[Parameter {
        name: "alpha",
        default: 1.0,
        range: Range::Positive,
        per_channel: true,
        shown: &[1.0, 0.5, 3.0],
        description: "the frequency, as a rule one per channel, learned",
        slope_formula: "(x sin(2z) - sin^2(z) / alpha) / alpha, z = alpha x",
        slope: |x, numbers| {
            let [first, second] = terms(x, numbers);
            first - second
        },
        magnitude: Some(|x, numbers| {
            let [alpha, ..] = numbers;
            let [first, second] = terms(x, numbers);
            // The sine is off by as much wherever it is.
            let whole = if (alpha * x).abs() < 1.0 {
                first.abs()
            } else {
                (finite(x) / alpha).abs()
            };
            whole + second
        }),
    }],
    properties: Some(Properties::new(
        (f64::NEG_INFINITY, f64::INFINITY),
        Smoothness::Smooth,
        &[],
        Cost::Sine,
    )),
    // x and the wave partly cancel for x < 0: the wave is up to three times y there. 3.6 ULP were seen.
    ulp: 4.0,
    // The slope's terms cancel once in each period; those of the value hardly do.
    magnitudes: Some([
        |x, [alpha, ..]| x + square_of_sine(x, alpha) / alpha,
        |_, _| 2.0,
    ]),
    paper: Some(Paper {
        authors: "Ziyin, Hartwig, Ueda",
        title: "Neural Networks Fail to Learn Periodic Functions and How to Fix It",
        year: 2020,
        url: "https://arxiv.org/abs/2006.08195",
    }),
    value: |x, [alpha, ..]| x + square_of_sine(x, alpha) / alpha,
    slope: |x, [alpha, ..]| 1.0 + sine_of_twice(x, alpha),
    wgsl: concat!(
        include_str!("../../shaders/activation/snake.wgsl"),
        include_str!("../../shaders/sine.wgsl")
    ),
    ..Definition::BLANK
};

/// Values computed with mpmath at 120 digits from the definition; at infinity the waves' means.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("snake", &[
        (-98304.0, -98303.83053476231, 0.24967534786134743, &[73759.74513860041]),
        (-87.3, -86.9196319818199, 1.9709545590311446, &[-85.144701021599]),
        (-12.9, -12.792760491711453, 0.38116497787996073, &[7.87573227705996]),
        (-5.3, -4.607330904614085, 1.9227754216128066, &[-5.58337882993379]),
        (-2.0, -1.173178189568194, 1.7568024953079282, &[-2.3404268010476623]),
        (-0.7, -0.2849835714501205, 0.014550270011539834, &[0.2747983824420426]),
        (-0.3, -0.21266780745483915, 0.4353575266049647, &[0.08206054947334974]),
        (-1e-08, -9.9999999e-09, 0.99999998, &[1e-16]),
        (1e-30, 1e-30, 1.0, &[1.0000000000000001e-60]),
        (0.0001, 0.00010000999999996667, 1.0001999999986666, &[9.999999900000002e-09]),
        (0.125, 0.1405437891446776, 1.247403959254523, &[0.015381705762137758]),
        (0.9, 1.5136010473465435, 1.9738476308781951, &[0.2628618204438321]),
        (5.25, 5.9877684639979964, 0.1203042400283299, &[-5.356171203849264]),
        (30.0, 30.976206490207577, 0.6951893788977833, &[-10.12052512327408]),
        (10000000000.0, 10000000000.237661, 0.14869784664579755, &[-8513021533.779687]),
        (3e+38, 3e+38, 0.9526563578613549, &[-1.4203092641593528e+37]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[-0.5]),
        (f64::NEG_INFINITY, f64::NEG_INFINITY, 1.0, &[-0.5]),
        (-0.0, 0.0, 1.0, &[0.0]),
    ]),
    ("snake(alpha=3)", &[
        (-5.3, -5.2878576673052775, 0.6252997363505396, &[0.6579230215491391]),
        (-0.7, -0.45162319644321663, 1.871575772413588, &[-0.28615994808209827]),
        (-0.001, -0.0009970000089999892, 0.9940000359999352, &[9.99991000018e-07]),
        (0.125, 0.16971852185436317, 1.6816387600233342, &[0.013495441049517862]),
        (2.0, 2.026024340211251, 0.463427081999565, &[-0.36639005873737374]),
        (5.5, 5.66887945787051, 1.9999118601072672, &[1.7768785909064864]),
    ]),
];
