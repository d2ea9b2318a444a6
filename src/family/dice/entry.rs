//! Dice as a family: what is said of it, and what is tried of it.

use super::{
    Function, NAME, PerChannel, bound,
    reference::{Channel, Through},
    shader::shaders,
};
use crate::{
    activation::Paper,
    element::ElementType,
    error::Result,
    family::{
        Arguments, Benchmark, Case, Curve, Default, Draw, Drawn, Entry, Family, Operation,
        Parameter, Pass, Picture, SHAPES, Sweep, Traffic, Value, everyday,
    },
    tensor::View,
    wgsl::{Math, Shader, Vectors},
};

/// Dice, as [`families`](crate::family::families) lists it.
pub(in crate::family) struct OfDice;

/// Channels in benchmarks.
const CHANNELS: usize = 1024;

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "alpha",
        default: Default::Number(0.0),
        rule: "one finite number per channel",
        description: "the slope far below the mean, learned",
    },
    Parameter {
        name: "epsilon",
        default: Default::Number(1e-8),
        rule: "a finite number > 0",
        description: "added to the variance",
    },
    Parameter {
        name: "momentum",
        default: Default::Number(0.1),
        rule: "from 0 to 1",
        description: "the part of a batch's statistics in the running ones",
    },
    Parameter {
        name: "mean",
        default: Default::Choice("0"),
        rule: "one finite number per channel",
        description: "the running mean: inference must be given it, training moves it",
    },
    Parameter {
        name: "variance",
        default: Default::Choice("1"),
        rule: "one finite number per channel",
        description: "the running variance: inference must be given it, training moves it, by the \
                      batch's unbiased one unless the library is told to take the biased one",
    },
    Parameter {
        name: "mode",
        default: Default::Choice("train"),
        rule: "train or infer",
        description: "whether mean and variance are the batch's or the running ones",
    },
    Parameter {
        description: "the axis of the channels",
        ..Parameter::AXIS
    },
];

impl Family for OfDice {
    fn entry(&self) -> Entry {
        Entry {
            name: NAME,
            aliases: &[],
            title: "Dice",
            formula: "x (p + (1 - p) alpha), p = sigmoid(z), \
                      z = (x - mean) / sqrt(variance + epsilon)",
            slope_formula: "training g (alpha + (1 - alpha) p) + r (k - mean k - z mean(k z)), \
                            inference g (alpha + (1 - alpha) p) + r k, \
                            k = g x (1 - alpha) p (1 - p), \
                            r = 1 / sqrt(variance + epsilon); \
                            dalpha = sum of g x (1 - p) of the channel",
            parameters: PARAMETERS.into(),
            special_values: &[
                ("a constant channel", "z = 0, p = 0.5"),
                ("one element per channel in training", "an error"),
            ],
            notes: &[
                "Mean and variance are those of the channel: in training the batch's, in \
                 inference the running ones.",
                "Beside its result training gives mean and variance, the batch's, and running-mean and \
                 running-variance, into which momentum has mixed them: `run --out NAME=FILE` writes them.",
                "DeepCTR and EasyRec: epsilon 1e-9.",
                "TensorFlow keeps the old statistics by momentum: its 0.99 is 0.01 here.",
                "TorchEasyRec: epsilon 1e-5, and its normalisation learns a scale and a shift, \
                 which Dice has not.",
            ],
            paper: Some(Paper {
                authors: "Zhou, Zhu, Song, Fan, Zhu, Ma, Yan, Jin, Li, Gai",
                title: "Deep Interest Network for Click-Through Rate Prediction",
                year: 2018,
                url: "https://arxiv.org/abs/1706.06978",
            }),
        }
    }

    fn parse(&self, mut arguments: Arguments) -> Result<Box<dyn Operation>> {
        let mut function = Function::new();
        if let Some(alpha) = PerChannel::parse(&mut arguments, "alpha")? {
            function = function.alpha(alpha);
        }
        if let Some(epsilon) = arguments.number("epsilon", "a number > 0")? {
            function = function.epsilon(epsilon)?;
        }
        let infers = arguments.choice("mode", &[("train", false), ("infer", true)])?;
        let mean = PerChannel::parse(&mut arguments, "mean")?;
        let variance = PerChannel::parse(&mut arguments, "variance")?;
        match (mean, variance) {
            (Some(mean), Some(variance)) => function = function.running(mean, variance),
            (None, None) if !infers => {}
            _ => {
                return Err(arguments.error(
                    "mean and variance",
                    "the running statistics come together, mean=@FILE and variance=@FILE; \
                     mode=infer needs them",
                ));
            }
        }
        if infers {
            function = function.infer();
        } else if let Some(momentum) = arguments.number("momentum", "a number from 0 to 1")? {
            function = function.momentum(momentum)?;
        }
        function = function.axis(arguments.axis(-1)?);
        arguments.finish(PARAMETERS)?;
        Ok(Box::new(function))
    }

    fn allowed(&self, pass: Pass, _: ElementType, math: Math) -> String {
        let unit = bound::unit(math);
        match pass {
            Pass::Forward => format!("{:.1e} |x| + that of z", 8.0 * unit),
            Pass::Backward => format!("{:.1e} of its terms", 16.0 * unit),
        }
    }

    fn cases(&self, _: ElementType) -> Vec<Case> {
        let cases = SHAPES.iter().filter_map(|&(shape, axis)| {
            let View { extent, inner, .. } = View::of(shape, axis).ok()?;
            // Around a mean of each channel's own.
            let mean = |channel: usize| (channel % 5) as f64 - 2.0;
            let mut x = everyday(shape.iter().product(), 5);
            for (index, x) in x.iter_mut().enumerate() {
                *x += mean(index / inner % extent);
            }
            let function = Function::new().alpha(slopes(extent)).axis(axis);
            let train = function.epsilon(1e-5).ok()?;
            let means: Vec<_> = (0..extent)
                .map(|channel| mean(channel) as f32 / 4.0)
                .collect();
            let variances = (0..extent).map(|channel| 0.5 + (channel % 7) as f32 / 2.0);
            let variances: Vec<_> = variances.collect();
            let infer = train.clone().running(means, variances).infer();
            let trains = train.expect_batch(shape).is_ok();
            let train = trains.then(|| Case::new(train, shape, x.clone()));
            Some(train.into_iter().chain([Case::new(infer, shape, x)]))
        });
        cases.flatten().collect()
    }

    fn draw(&self, draw: &mut Draw, shape: &mut Vec<usize>) -> Drawn {
        let axis = draw.axis(shape);
        let mut drawn = vec![
            ("axis", Value::Text(axis.to_string())),
            (
                "alpha",
                draw.per_channel(shape, axis, |draw| draw.normal() as f32),
            ),
        ];
        if draw.once_in(3) {
            let epsilon = draw.magnitude(-9.0, 0.0) as f32;
            drawn.push(("epsilon", Value::Text(epsilon.to_string())));
        }
        if draw.once_in(3) {
            let (scale, sigma) = (draw.magnitude(-2.0, 4.0), draw.magnitude(-3.0, 3.0));
            let mean = |draw: &mut Draw| (scale * draw.normal()) as f32;
            let variance = |draw: &mut Draw| (sigma * sigma * draw.magnitude(-1.0, 1.0)) as f32;
            drawn.push(("mean", draw.per_channel(shape, axis, mean)));
            drawn.push(("variance", draw.per_channel(shape, axis, variance)));
            drawn.push((
                "mode",
                Value::Text(draw.one_of(&["train", "infer"]).to_owned()),
            ));
        }
        drawn
    }

    fn benchmark(&self) -> Option<Benchmark> {
        Some(Benchmark {
            operation: Function::new().alpha(slopes(CHANNELS)).into(),
            columns: Some(CHANNELS),
            forward: Traffic::new(12, "read+copy"),
            backward: Traffic::new(20, "two-read+add"),
            parameters: true,
            takes_math: true,
            tuned_by: &[],
        })
    }

    fn shaders(&self, vectors: Vectors, math: Math) -> Vec<(String, Shader)> {
        shaders(vectors, math)
    }

    fn picture(&self, sweep: &mut Sweep) -> Result<Option<Picture>> {
        const FINITE: &str = "a finite number";
        let means = sweep.values(NAME, "mean", &[0.0, 2.0], FINITE, f64::is_finite)?;
        let no_less = |variance| variance >= 0.0;
        let variances = sweep.values(NAME, "variance", &[1.0], "a finite number >= 0", no_less)?;
        let alphas = sweep.values(NAME, "alpha", &[0.25], FINITE, f64::is_finite)?;
        let mut curves = Vec::new();
        for alpha in alphas {
            for &variance in &variances {
                curves.extend(means.iter().map(|&mean| curve(mean, variance, alpha)));
            }
        }
        Ok(Some(Picture {
            subject: "the kink follows the batch",
            curves,
        }))
    }
}

/// Slopes of all kinds, one for each channel.
fn slopes(channels: usize) -> Vec<f32> {
    (0..channels)
        .map(|channel| (channel % 11) as f32 * 0.2 - 0.5)
        .collect()
}

/// Dice of a channel with this mean and variance, as in inference.
fn curve(mean: f64, variance: f64, alpha: f64) -> Curve {
    let channel = Channel {
        mean,
        variance,
        alpha,
        epsilon: 1e-8,
    };
    let label = format!("mean {mean}, variance {variance}, alpha {alpha}");
    let slope = move |x| channel.backward(x, 1.0, Through::default());
    Curve::new(label, move |x| channel.value(x), slope)
}
