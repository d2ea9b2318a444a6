//! Randomised leaky ReLU as a family: what is said of it, and what is tried of it.

use super::{NAME, Rrelu, reference::Slopes, shader::shader};
use crate::{
    accuracy::inputs,
    activation::Paper,
    element::ElementType,
    error::Result,
    family::{
        Arguments, Benchmark, Case, Curve, Default, Draw, Drawn, Entry, Family, Operation,
        Parameter, Pass, Picture, Sweep, Traffic, Value, everyday,
    },
    wgsl::{Math, Shader, Vectors},
};

/// Randomised leaky ReLU, as [`families`](crate::family::families) lists it.
pub(in crate::family) struct OfRrelu;

/// Where training begins: one in eight to one in three, as PyTorch has it.
const LOWER: f32 = 0.125;
const UPPER: f32 = 1.0 / 3.0;

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "lower",
        default: Default::Number(LOWER),
        rule: "a finite number",
        description: "the lowest slope below 0",
    },
    Parameter {
        name: "upper",
        default: Default::Number(UPPER),
        rule: "a finite number, at least lower",
        description: "the highest slope below 0",
    },
    Parameter {
        name: "seed",
        default: Default::Choice("none"),
        rule: "a whole number of 64 bits, or none",
        description: "with an element's place it gives the element's slope; without one, in inference, all are the mean",
    },
];

impl Family for OfRrelu {
    fn entry(&self) -> Entry {
        Entry {
            name: NAME,
            aliases: &["randomized-leaky-relu"],
            title: "RReLU",
            formula: "x where x > 0, else a x, a drawn for each element from lower to upper",
            slope_formula: "g where x > 0, else a g",
            parameters: PARAMETERS.into(),
            special_values: &[
                ("NaN", "NaN"),
                ("inf", "inf"),
                ("-inf", "a times -inf, 0 where a is 0"),
            ],
            notes: &[
                "Without a seed, in inference, a is (lower + upper) / 2: Leaky ReLU.",
                "Slopes have 24 random bits, and are the same for every element type and device.",
            ],
            paper: Some(Paper {
                authors: "Xu, Wang, Chen, Li",
                title: "Empirical Evaluation of Rectified Activations in Convolution Network",
                year: 2015,
                url: "https://arxiv.org/abs/1505.00853",
            }),
        }
    }

    fn parse(&self, mut arguments: Arguments) -> Result<Box<dyn Operation>> {
        let lower = arguments.number("lower", "a number")?.unwrap_or(LOWER);
        let upper = arguments.number("upper", "a number")?.unwrap_or(UPPER);
        let what = "a whole number from 0 to 2^64 - 1, or none";
        let seed = match arguments.text("seed", what)?.as_deref() {
            None | Some("none") => None,
            Some(text) => {
                let wrong =
                    |_| arguments.error(format!("seed={text}"), format!("`{text}` is not {what}"));
                Some(text.parse().map_err(wrong)?)
            }
        };
        arguments.finish(PARAMETERS)?;
        let rrelu = Rrelu::new(lower, upper)?;
        Ok(Box::new(Rrelu { seed, ..rrelu }))
    }

    fn allowed(&self, _: Pass, _: ElementType, _: Math) -> String {
        "3 ULP".to_owned()
    }

    fn cases(&self, _: ElementType) -> Vec<Case> {
        let tried = [
            (LOWER, UPPER, None),
            (LOWER, UPPER, Some(1)),
            (-0.5, 2.0, Some(u64::MAX)),
            (0.0, 0.0, Some(1 << 40)),
        ];
        let tried = tried.into_iter().filter_map(|(lower, upper, seed)| {
            let mut input = everyday(70_001, 5);
            input.extend(inputs::grid().into_iter().map(f64::from));
            let shape = [input.len()];
            let rrelu = Rrelu::new(lower, upper).ok()?;
            Some(Case::new(Rrelu { seed, ..rrelu }, &shape, input))
        });
        tried.collect()
    }

    fn draw(&self, draw: &mut Draw, _: &mut Vec<usize>) -> Drawn {
        let some = draw.unit() as f32;
        let lower = draw.one_of(&[LOWER, 0.0, -1.0, some]);
        let upper = lower + draw.one_of(&[0.0, 0.25, 3.0]);
        let seed = match draw.once_in(3) {
            true => "none".to_owned(),
            false => draw.below(usize::MAX).to_string(),
        };
        let texts = [
            ("lower", lower.to_string()),
            ("upper", upper.to_string()),
            ("seed", seed),
        ];
        texts.map(|(name, text)| (name, Value::Text(text))).into()
    }

    fn benchmark(&self) -> Option<Benchmark> {
        Some(Benchmark {
            operation: Rrelu::new(LOWER, UPPER).ok()?.seed(1).into(),
            columns: None,
            forward: Traffic::COPY,
            backward: Traffic::ADD,
            parameters: false,
            takes_math: false,
            tuned_by: &[],
        })
    }

    fn shaders(&self, vectors: Vectors, _: Math) -> Vec<(String, Shader)> {
        vec![(NAME.to_owned(), shader(vectors))]
    }

    fn picture(&self, _: &mut Sweep) -> Result<Option<Picture>> {
        let curve = |label: &str, slope: f64| {
            let slopes = Slopes {
                lower: slope,
                upper: slope,
                seed: None,
            };
            let of = move |x: f64, factor: f64| slopes.value(0, x, factor);
            Curve {
                kinks: vec![0.0],
                ..Curve::new(label, move |x| of(x, x), move |x| of(x, 1.0))
            }
        };
        let (lower, upper) = (f64::from(LOWER), f64::from(UPPER));
        Ok(Some(Picture {
            subject: "the range that slopes are drawn from",
            curves: vec![
                curve("a = lower", lower),
                curve("a = upper", upper),
                curve("the mean, in inference", (lower + upper) / 2.0),
            ],
        }))
    }
}
