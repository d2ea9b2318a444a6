//! What maxout is, and how it is called.

use super::{Maxout, MaxoutAffine, OP, bound, case, pooling::GROUPS, reference::Layout, shader};
use crate::{
    activation::Paper,
    element::ElementType,
    error::Result,
    family::{
        Arguments, Array, Benchmark, Case, Default, Draw, Drawn, Entry, Family, Operation,
        Parameter, Pass, Picture, Sweep, Traffic, Value,
    },
    gpu::Tunable,
    wgsl::{Math, Shader, Vectors},
};

/// Maxout, as [`families`](crate::family::families) lists it: [`Maxout`], or [`MaxoutAffine`] where there is a weight.
pub(in crate::family) struct OfMaxout;

const PARAMETERS: &[Parameter] = &[
    Parameter {
        description: "the axis of the channels",
        ..Parameter::AXIS
    },
    Parameter {
        name: "pieces",
        default: Default::Required,
        rule: "at least 1, a divisor of the channels when pooling",
        description: "how many values compete",
    },
    Parameter {
        name: "layout",
        default: Default::Choice("adjacent"),
        rule: "adjacent or strided",
        description: "which channels compete when pooling: neighbours, as in TensorFlow and \
                      Paddle, or equal places of each piece, as in TensorFlow Addons",
    },
    Parameter {
        name: "weight",
        default: Default::Choice("none: the channels themselves compete"),
        rule: "a tensor [pieces, inputs, outputs]",
        description: "W of the affine form, learned",
    },
    Parameter {
        name: "bias",
        default: Default::Choice("none"),
        rule: "a tensor [pieces, outputs]",
        description: "b of the affine form, learned",
    },
];

impl Family for OfMaxout {
    fn entry(&self) -> Entry {
        Entry {
            name: OP,
            aliases: &[],
            title: "Maxout",
            formula: "max over the pieces of x, or of x W_i + b_i",
            slope_formula: "g to the piece that won, 0 to the others",
            parameters: PARAMETERS.into(),
            special_values: &[
                ("NaN in a piece", "NaN, and it wins"),
                ("pieces that tie", "the first wins"),
            ],
            notes: &["With W_1 = 0, b_1 = 0 and one more piece it is ReLU of an affine map."],
            paper: Some(Paper {
                authors: "Goodfellow, Warde-Farley, Mirza, Courville, Bengio",
                title: "Maxout Networks",
                year: 2013,
                url: "https://arxiv.org/abs/1302.4389",
            }),
        }
    }

    fn parse(&self, mut arguments: Arguments) -> Result<Box<dyn Operation>> {
        const WHOLE: &str = "a whole number >= 1";
        let Some(weight) = arguments.array("weight")? else {
            if arguments.has("bias") {
                let reason = "a bias belongs to weights; give weight=@FILE, too";
                return Err(arguments.error("bias", reason));
            }
            let pieces = arguments.required("pieces", WHOLE)?;
            let layouts = Layout::ALL.map(|layout| (layout.name(), layout));
            let layout = arguments.choice("layout", &layouts)?;
            let axis = arguments.axis(-1)?;
            arguments.finish(PARAMETERS)?;
            return Ok(Box::new(Maxout::new(pieces, layout, axis)));
        };
        for name in ["layout", "axis"] {
            if arguments.has(name) {
                let reason = "it has no effect with weights, whose inputs lie along the last axis";
                return Err(arguments.error(name, reason));
            }
        }
        let pieces = arguments.number::<usize>("pieces", WHOLE)?;
        let shape = weight.shape().to_vec();
        let mut affine = MaxoutAffine::new(weight)?;
        if let Some(pieces) = pieces.filter(|pieces| *pieces != shape[0]) {
            let reason = format!("weight has shape {shape:?}, so {} pieces", shape[0]);
            return Err(arguments.error(format!("pieces={pieces}"), reason));
        }
        if let Some(bias) = arguments.array("bias")? {
            affine = affine.bias(bias)?;
        }
        arguments.finish(PARAMETERS)?;
        Ok(Box::new(affine))
    }

    fn allowed(&self, _: Pass, _: ElementType, _: Math) -> String {
        format!("none; affine {:e} of its terms", bound::SHARE)
    }

    fn cases(&self, _: ElementType) -> Vec<Case> {
        case::cases()
    }

    fn draw(&self, draw: &mut Draw, shape: &mut Vec<usize>) -> Drawn {
        let pieces = 1 + draw.below(4);
        let numbers = |draw: &mut Draw, shape: &[usize]| {
            let numbers = draw.numbers::<f32>(shape.iter().product(), false);
            Value::Array(Array::with_shape(numbers.into(), shape.to_vec()))
        };
        if let (Some(&inputs), true) = (shape.last(), draw.once_in(3)) {
            let outputs = 1 + draw.below(9);
            let weight = numbers(draw, &[pieces, inputs, outputs]);
            let mut drawn = vec![("weight", weight)];
            if draw.once_in(2) {
                drawn.push(("bias", numbers(draw, &[pieces, outputs])));
            }
            return drawn;
        }
        let axis = draw.axis(shape);
        if !shape.is_empty() {
            let place = axis.rem_euclid(shape.len() as i64) as usize;
            shape[place] = shape[place].next_multiple_of(pieces);
        }
        let layout = draw.one_of(&Layout::ALL).name();
        let given = [("pieces", pieces.to_string()), ("axis", axis.to_string())];
        let given = given.into_iter().chain([("layout", layout.to_owned())]);
        given
            .map(|(name, text)| (name, Value::Text(text)))
            .collect()
    }

    /// Pooling of neighbours: y is a quarter of x.
    fn benchmark(&self) -> Option<Benchmark> {
        Some(Benchmark {
            operation: Maxout::new(4, Layout::Adjacent, -1).into(),
            columns: Some(1024),
            forward: Traffic::new(5, "streams"),
            backward: Traffic::new(5, "copy"),
            parameters: false,
            takes_math: false,
            tuned_by: &[(GROUPS.name, Pass::Backward)],
        })
    }

    fn tunables(&self) -> &'static [Tunable] {
        &[GROUPS]
    }

    fn shaders(&self, vectors: Vectors, _: Math) -> Vec<(String, Shader)> {
        shader::shaders(vectors)
    }

    fn picture(&self, _: &mut Sweep) -> Result<Option<Picture>> {
        let rising = [(-1.0, -2.0), (0.2, 0.0), (1.0, -2.0)];
        Ok(Some(Picture {
            subject: "pieces make any convex function",
            curves: vec![
                case::curve("3 pieces: -x - 2, 0.2 x, x - 2", rising),
                case::curve("2 pieces: -x, x", [(-1.0, 0.0), (1.0, 0.0)]),
            ],
        }))
    }
}
