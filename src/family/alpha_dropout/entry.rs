//! Alpha dropout as a family: what is said of it, and what is tried of it.

use super::{AlphaDropout, NAME, reference::Transform, shaders};
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

/// Alpha dropout, as [`families`](crate::family::families) lists it.
pub(in crate::family) struct OfAlphaDropout;

const P_RULE: &str = "at least 0 and less than 1";

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "p",
        default: Default::Required,
        rule: P_RULE,
        description: "the probability of an element to be dropped",
    },
    Parameter {
        name: "seed",
        default: Default::Required,
        rule: "a whole number of 64 bits",
        description: "with an element's place it decides whether the element is dropped",
    },
];

/// Probabilities and seeds that checks try: none, few, half, most, and seeds of more than 32 bits.
const TRIED: [(f32, u64); 4] = [(0.0, 1), (0.05, 2), (0.5, u64::MAX), (0.95, 1 << 40)];

impl Family for OfAlphaDropout {
    fn entry(&self) -> Entry {
        Entry {
            name: NAME,
            aliases: &["alphadropout"],
            title: "Alpha dropout",
            formula: "a x + b where kept, a alpha' + b where dropped, alpha' = -1.7581, \
                      a = ((1 - p) (1 + p alpha'^2))^(-1/2), b = -a alpha' p",
            slope_formula: "a g where kept, 0 where dropped",
            parameters: PARAMETERS.into(),
            special_values: &[
                ("NaN, inf or -inf, kept", "as it is"),
                ("NaN, inf or -inf, dropped", "a alpha' + b"),
                ("p = 0", "every bit as it is"),
            ],
            notes: &[
                "alpha' is what SELU gives at -inf; mean 0 and variance 1 are kept.",
                "In inference it is the identity: leave it out.",
            ],
            paper: Some(Paper {
                authors: "Klambauer, Unterthiner, Mayr, Hochreiter",
                title: "Self-Normalizing Neural Networks",
                year: 2017,
                url: "https://arxiv.org/abs/1706.02515",
            }),
        }
    }

    fn parse(&self, mut arguments: Arguments) -> Result<Box<dyn Operation>> {
        let p = arguments.required("p", "a number from 0 to below 1")?;
        let seed = arguments.required("seed", "a whole number from 0 to 2^64 - 1")?;
        arguments.finish(PARAMETERS)?;
        Ok(Box::new(AlphaDropout::new(p, seed)?))
    }

    fn allowed(&self, _: Pass, _: ElementType, _: Math) -> String {
        "2 ULP".to_owned()
    }

    fn cases(&self, _: ElementType) -> Vec<Case> {
        let tried = TRIED.iter().filter_map(|&(p, seed)| {
            let mut input = everyday(70_001, seed);
            input.extend(inputs::grid().into_iter().map(f64::from));
            let shape = [input.len()];
            Some(Case::new(AlphaDropout::new(p, seed).ok()?, &shape, input))
        });
        tried.collect()
    }

    fn draw(&self, draw: &mut Draw, _: &mut Vec<usize>) -> Drawn {
        let some = draw.unit() as f32;
        let p = draw.one_of(&[0.0, some, 0.999]).to_string();
        let seed = draw.below(usize::MAX).to_string();
        vec![("p", Value::Text(p)), ("seed", Value::Text(seed))]
    }

    fn benchmark(&self) -> Option<Benchmark> {
        Some(Benchmark {
            operation: AlphaDropout::new(0.05, 1).ok()?.into(),
            columns: None,
            forward: Traffic::COPY,
            backward: Traffic::COPY,
            parameters: false,
            takes_math: false,
            tuned_by: &[],
        })
    }

    fn shaders(&self, vectors: Vectors, math: Math) -> Vec<(String, Shader)> {
        shaders(vectors, math)
    }

    fn picture(&self, sweep: &mut Sweep) -> Result<Option<Picture>> {
        let p = sweep.values(NAME, "p", &[0.1, 0.5], P_RULE, |p| (0.0..1.0).contains(&p))?;
        Ok(Some(Picture {
            subject: "what becomes of an element",
            curves: p.into_iter().flat_map(curves).collect(),
        }))
    }
}

/// What becomes of x with probability `p`: where it is kept, and where it is dropped.
fn curves(p: f64) -> [Curve; 2] {
    [(true, "kept"), (false, "dropped")].map(|(kept, name)| {
        let transform = Transform::new(p);
        let value = move |x| transform.value(x, kept);
        let slope = move |_| transform.backward(1.0, kept);
        Curve::new(format!("p = {p}, {name}"), value, slope)
    })
}
