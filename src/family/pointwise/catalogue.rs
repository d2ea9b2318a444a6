//! The activations of the catalogue, and a user's own, as families.

use super::{Pointwise, shaders};
use crate::{
    accuracy::{Tolerance, inputs},
    activation::{Activation, Cost, Range, Smoothness},
    element::ElementType,
    error::{Result, number},
    family::{
        Arguments, Array, Benchmark, Case, Curve, Default, Draw, Drawn, Entry, Family, Operation,
        Parameter, Pass, Picture, Sweep, Traffic, Value, everyday,
    },
    wgsl::{Math, Shader, Vectors},
};

/// Channels of what has one parameter each, in benchmarks.
const CHANNELS: usize = 1024;

/// Shapes, with a channel axis, that walk channels in every way: innermost in whole vectors and not, and farther out.
const CHANNEL_SHAPES: [(&[usize], i64); 3] = [(&[67, 12], 1), (&[345, 7], -1), (&[5, 9, 14], 1)];

/// The axis of the channels, where each has a parameter of its own.
const CHANNEL_AXIS: Parameter = Parameter {
    description: "the axis of the channels, where each has a parameter of its own",
    ..Parameter::AXIS
};

/// The activations that stand for all when a device's tuning is looked for: one that costs nothing, one whose slope
/// costs most, and one with a parameter for each channel.
const TUNED_BY: &[(Activation, &[(&str, Pass)])] = &[
    (
        Activation::RELU,
        &[
            ("word_bits", Pass::Forward),
            ("lanes", Pass::Forward),
            ("pointwise_threads", Pass::Forward),
        ],
    ),
    (
        Activation::GELU,
        &[
            ("word_bits", Pass::Backward),
            ("lanes", Pass::Backward),
            ("pointwise_threads", Pass::Backward),
        ],
    ),
    (
        Activation::PRELU,
        &[
            ("column_rows", Pass::Forward),
            ("reduction_rows", Pass::Backward),
            ("reduction_vectors", Pass::Backward),
            ("reduction_threads", Pass::Backward),
        ],
    ),
];

impl Family for Activation {
    fn entry(&self) -> Entry {
        let definition = self.definition();
        let parameters = definition.parameter.iter().flat_map(|parameter| {
            let own = Parameter {
                name: parameter.name,
                default: Default::Number(parameter.default),
                rule: parameter.range.rule(),
                description: parameter.description,
            };
            [own, CHANNEL_AXIS]
        });
        Entry {
            name: definition.name,
            aliases: definition.aliases,
            title: definition.title,
            formula: definition.formula,
            slope_formula: definition.slope_formula,
            parameters: parameters.collect(),
            special_values: &[],
            notes: &[],
            paper: definition.paper,
        }
    }

    fn parse(&self, mut arguments: Arguments) -> Result<Box<dyn Operation>> {
        let mut operation = Pointwise::new(*self);
        if let Some(parameter) = &self.definition().parameter {
            match arguments.take(parameter.name) {
                None => {}
                Some(Value::Text(text)) => {
                    let value = text.parse::<f64>().map_err(|_| {
                        let argument = format!("{}={text}", parameter.name);
                        arguments.error(argument, format!("`{text}` is not a number"))
                    })?;
                    operation = Pointwise::new(self.with(value as f32)?);
                }
                Some(Value::Array(array)) => {
                    let axis = arguments.axis(-1)?;
                    let array = self.in_range(&array)?;
                    operation = match array.one() {
                        Some(value) => Pointwise::new(self.with(value)?),
                        None => operation.per_channel(array, axis)?,
                    };
                }
            }
        }
        arguments.finish(&self.entry().parameters)?;
        Ok(Box::new(operation))
    }

    fn allowed(&self, pass: Pass, element: ElementType, math: Math) -> String {
        let tolerance = match pass {
            Pass::Forward => Tolerance::forward(element, math),
            Pass::Backward => Tolerance::backward(*self, element, math),
        };
        match tolerance {
            Tolerance::Ulp(count) => format!("{count} ULP"),
            Tolerance::Terms(count) => format!("{count} eps of its terms"),
            Tolerance::Mixed { absolute, relative } => format!("{absolute:e} + {relative:e} rel"),
        }
    }

    fn cases(&self, element: ElementType) -> Vec<Case> {
        let patterns = inputs::patterns(element);
        let mut cases = vec![Case {
            upstream: inputs::gradients,
            ..Case::new(Pointwise::new(*self), &[patterns.len()], patterns)
        }];
        for (shape, axis) in CHANNEL_SHAPES {
            let axis_length = shape[axis.rem_euclid(shape.len() as i64) as usize];
            let shares = inputs::words(axis_length as u64).take(axis_length);
            let shares = shares.map(|word| (word >> 8) as f32 / (1 << 24) as f32);
            let slopes: Vec<_> = shares.map(|it| self.everyday_parameter(it)).collect();
            if let Ok(operation) = Pointwise::new(*self).per_channel(slopes, axis) {
                let input = everyday(shape.iter().product(), 4);
                cases.push(Case::new(operation, shape, input));
            }
        }
        cases
    }

    fn draw(&self, draw: &mut Draw, shape: &mut Vec<usize>) -> Drawn {
        let Some(parameter) = self.definition().parameter.as_ref() else {
            return Drawn::new();
        };
        let axis = draw.axis(shape);
        let value = draw.per_channel(shape, axis, |draw| match draw.below(4) {
            0 => parameter.default,
            1 => draw.magnitude(-6.0, 6.0) as f32,
            _ => self.everyday_parameter(draw.unit() as f32),
        });
        let mut drawn = vec![(parameter.name, value)];
        if let Value::Array(_) = drawn[0].1 {
            drawn.push((CHANNEL_AXIS.name, Value::Text(axis.to_string())));
        }
        drawn
    }

    fn benchmark(&self) -> Option<Benchmark> {
        let parameter = self.definition().parameter.as_ref();
        let mut operation = Pointwise::new(*self);
        let per_channel = parameter.is_some_and(|parameter| parameter.per_channel);
        if per_channel {
            let slopes: Vec<f32> = (0..CHANNELS)
                .map(|channel| (channel % 9) as f32 / 8.0)
                .collect();
            operation = operation.per_channel(slopes, -1).ok()?;
        }
        Some(Benchmark {
            operation: Box::new(operation),
            columns: per_channel.then_some(CHANNELS),
            forward: Traffic::COPY,
            backward: Traffic::ADD,
            parameters: per_channel,
            tuned_by: TUNED_BY
                .iter()
                .find(|(own, _)| own == self)
                .map_or(&[], |(_, knobs)| knobs),
            takes_math: self
                .definition()
                .properties
                .is_none_or(|properties| properties.cost != Cost::Compare),
        })
    }

    fn shaders(&self, vectors: Vectors, math: Math) -> Vec<(String, Shader)> {
        shaders(self.definition(), vectors, math)
    }

    fn picture(&self, sweep: &mut Sweep) -> Result<Option<Picture>> {
        let parameter = self.definition().parameter.as_ref();
        let curves = match parameter.and_then(|parameter| sweep.take(parameter.name)) {
            None => vec![Curve::of(*self)],
            Some(values) => {
                let swept = values.into_iter().map(|value| self.with(value as f32));
                swept
                    .map(|activation| activation.map(Curve::of))
                    .collect::<Result<_>>()?
            }
        };
        Ok(Some(Picture {
            subject: "",
            curves,
        }))
    }

    fn activation(&self) -> Option<Activation> {
        Some(*self)
    }
}

impl Activation {
    /// One parameter for each channel, each within the range.
    fn in_range(&self, array: &Array) -> Result<Array> {
        let name = self.definition().parameter.as_ref();
        let name = name.map_or("parameter", |parameter| parameter.name);
        array.expect_per_channel(self.name(), name, |value| self.with(value).map(drop))?;
        let values = array.on_host().unwrap_or_default().iter();
        // Shaders may flush subnormal numbers.
        let flushed = values.map(|value| if value.is_subnormal() { 0.0 } else { *value });
        let flushed: Vec<f32> = flushed.collect();
        Ok(array.on_host().map_or(array.clone(), |_| flushed.into()))
    }

    /// The parameter at a share of its everyday range.
    fn everyday_parameter(&self, share: f32) -> f32 {
        let parameter = self.definition().parameter.as_ref();
        let (least, most) = match parameter.map(|parameter| parameter.range) {
            None | Some(Range::Finite) => (-1.5, 2.5),
            Some(Range::NonNegative) => (0.0, 3.0),
            Some(Range::Positive) => (0.25, 4.0),
        };
        least + (most - least) * share
    }
}

impl Curve {
    /// An activation, under its name with its parameter.
    pub fn of(activation: Activation) -> Self {
        let kinks = match activation.course().smoothness {
            Smoothness::Kink(at) | Smoothness::Once(at) => vec![at],
            Smoothness::Smooth => Vec::new(),
        };
        let label = match (&activation.definition().parameter, activation.parameter()) {
            (Some(parameter), Some(value)) => {
                format!(
                    "{}, {} = {}",
                    activation.name(),
                    parameter.name,
                    number(value)
                )
            }
            _ => activation.name().to_owned(),
        };
        Self {
            label,
            value: Box::new(move |x| activation.value(x)),
            slope: Box::new(move |x| activation.slope(x)),
            kinks,
        }
    }
}
