use super::{
    Cost, Definition, Paper, Parameter, Properties, Range, Smoothness, finite,
    snake::{sine_of_twice, square_of_sine},
};

pub(super) const DEFINITION: Definition = Definition {
    name: "snake-beta",
    aliases: &[],
    title: "Snake-beta",
    formula: "x + sin^2(alpha x) / beta",
    slope_formula: "1 + alpha sin(2 alpha x) / beta",
    parameters: &[
        Parameter {
            name: "alpha",
            default: 1.0,
            per_channel: true,
            shown: &[1.0, 3.0],
            description: "the frequency, as a rule one per channel, learned",
            slope_formula: "x sin(2 alpha x) / beta",
            slope: |x, [alpha, beta, ..]| finite(x) * sine_of_twice(x, alpha) / beta,
            magnitude: Some(|x, [alpha, beta, ..]| {
                // The sine is off by as much wherever it is.
                (finite(x) / beta).abs() * (2.0 * alpha * x).abs().min(1.0)
            }),
            ..Parameter::BLANK
        },
        Parameter {
            name: "beta",
            default: 1.0,
            range: Range::Positive,
            per_channel: true,
            shown: &[1.0, 0.5],
            description: "what the wave is divided by, as a rule one per channel, learned",
            slope_formula: "-sin^2(alpha x) / beta^2",
            slope: |x, [alpha, beta, ..]| -square_of_sine(x, alpha) / beta / beta,
            magnitude: Some(|x, [alpha, beta, ..]| {
                (alpha * x).abs().min(1.0).powi(2) / beta / beta
            }),
        },
    ],
    properties: Some(Properties::new(
        (f64::NEG_INFINITY, f64::INFINITY),
        Smoothness::Smooth,
        &[],
        Cost::Sine,
    )),
    // x and the wave partly cancel for x < 0: the wave is up to three times y there. 3.6 ULP were seen.
    ulp: 4.0,
    // The terms may cancel, unless it is Snake, and the sine is off by as much wherever it is.
    magnitudes: Some([
        |x, [alpha, beta, ..]| {
            let wave = square_of_sine(x, alpha) / beta;
            if alpha == beta {
                x + wave
            } else {
                x.abs() + wave
            }
        },
        |_, [alpha, beta, ..]| 1.0 + (alpha / beta).abs(),
    ]),
    paper: Some(Paper {
        authors: "Lee, Ping, Ginsburg, Catanzaro, Yoon",
        title: "BigVGAN: A Universal Neural Vocoder with Large-Scale Training",
        year: 2023,
        url: "https://arxiv.org/abs/2206.04658",
    }),
    value: |x, [alpha, beta, ..]| x + square_of_sine(x, alpha) / beta,
    slope: |x, [alpha, beta, ..]| 1.0 + alpha / beta * sine_of_twice(x, alpha),
    wgsl: concat!(
        include_str!("../../shaders/activation/snake_beta.wgsl"),
        include_str!("../../shaders/sine.wgsl")
    ),
    ..Definition::BLANK
};

/// Values computed with mpmath at 120 digits from the definition; at infinity the waves' means.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("snake-beta", &[
        (-98304.0, -98303.83053476231, 0.24967534786134743, &[73759.9146038381, -0.1694652376855764]),
        (-87.3, -86.9196319818199, 1.9709545590311446, &[-84.76433300341891, -0.38036801818009147]),
        (-12.9, -12.792760491711453, 0.38116497787996073, &[7.982971785348506, -0.10723950828854663]),
        (-5.3, -4.607330904614085, 1.9227754216128066, &[-4.890709734547875, -0.6926690953859148]),
        (-2.0, -1.173178189568194, 1.7568024953079282, &[-1.5136049906158564, -0.8268218104318059]),
        (-0.7, -0.2849835714501205, 0.014550270011539834, &[0.6898148109919221, -0.41501642854987947]),
        (-0.3, -0.21266780745483915, 0.4353575266049647, &[0.1693927420185106, -0.08733219254516085]),
        (-1e-08, -9.9999999e-09, 0.99999998, &[2e-16, -1e-16]),
        (1e-30, 1e-30, 1.0, &[2.0000000000000002e-60, -1.0000000000000001e-60]),
        (0.0001, 0.00010000999999996667, 1.0001999999986666, &[1.9999999866666668e-08, -9.999999966666668e-09]),
        (0.125, 0.1405437891446776, 1.247403959254523, &[0.030925494906815367, -0.015543789144677607]),
        (0.9, 1.5136010473465435, 1.9738476308781951, &[0.8764628677903756, -0.6136010473465435]),
        (5.25, 5.9877684639979964, 0.1203042400283299, &[-4.618402739851268, -0.7377684639979962]),
        (30.0, 30.976206490207577, 0.6951893788977833, &[-9.1443186330665, -0.9762064902075781]),
        (10000000000.0, 10000000000.237661, 0.14869784664579755, &[-8513021533.542025, -0.2376621244966246]),
        (3e+38, 3e+38, 0.9526563578613549, &[-1.4203092641593528e+37, -0.0005606694629847464]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[0.0, -0.5]),
        (f64::NEG_INFINITY, f64::NEG_INFINITY, 1.0, &[-0.0, -0.5]),
        (-0.0, 0.0, 1.0, &[0.0, -0.0]),
    ]),
    ("snake-beta(alpha=3, beta=0.5)", &[
        (-5.3, -5.227146003831664, -1.2482015818967622, &[3.9718227946842797, -0.14570799233667095]),
        (-0.7, 0.7902608213406999, 6.229454634481527, &[-1.220206081379023, -2.9805216426813996]),
        (-0.001, -0.0009820000539999352, 0.9640002159996112, &[1.1999928000129601e-05, -3.59998920001296e-05]),
        (0.125, 0.3933111311261791, 5.089832560140005, &[0.17040969000583353, -0.5366222622523582]),
        (2.0, 2.1561460412675078, -2.21943750800261, &[-2.1462916720017398, -0.3122920825350158]),
        (5.5, 6.51327674722306, 6.999471160643603, &[10.999030461179938, -2.026553494446119]),
    ]),
];
