//! The activations of the catalogue, and a user's own, as families.

use super::{Pointwise, shaders};
use crate::{
    accuracy::{Tolerance, inputs},
    activation::{self, Activation, Cost, Range},
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
        let parameters = definition.parameters.iter().map(|parameter| Parameter {
            name: parameter.name,
            default: Default::Number(parameter.default),
            rule: parameter.range.rule(),
            description: parameter.description,
        });
        let axis = (!definition.parameters.is_empty()).then_some(CHANNEL_AXIS);
        Entry {
            name: definition.name,
            aliases: definition.aliases,
            title: definition.title,
            formula: definition.formula,
            slope_formula: definition.slope_formula,
            parameters: parameters.chain(axis).collect(),
            special_values: &[],
            notes: &[],
            paper: definition.paper,
        }
    }

    fn parse(&self, mut arguments: Arguments) -> Result<Box<dyn Operation>> {
        let mut activation = *self;
        let (mut arrays, mut takes_axis) = (Vec::new(), false);
        for &activation::Parameter { name, .. } in self.definition().parameters {
            match arguments.take(name) {
                None => {}
                Some(Value::Text(text)) => {
                    let value = text.parse::<f64>().map_err(|_| {
                        let argument = format!("{name}={text}");
                        arguments.error(argument, format!("`{text}` is not a number"))
                    })?;
                    activation = activation.with_named(name, value as f32)?;
                }
                Some(Value::Array(array)) => {
                    let array = self.in_range(name, &array)?;
                    match array.one() {
                        Some(value) => activation = activation.with_named(name, value)?,
                        None => arrays.push((name, array)),
                    }
                    takes_axis = true;
                }
            }
        }
        let axis = if takes_axis { arguments.axis(-1)? } else { -1 };
        let mut operation = Pointwise::new(activation);
        for (name, array) in arrays {
            operation = operation.per_channel_named(name, array, axis)?;
        }
        arguments.finish(&self.entry().parameters)?;
        Ok(Box::new(operation))
    }

    fn allowed(&self, pass: Pass, element: ElementType, math: Math) -> String {
        let tolerance = match pass {
            Pass::Forward => Tolerance::forward(*self, element, math),
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
            let shares: Vec<f32> = shares.collect();
            // Each parameter by channel in one case, one of them a number in the others.
            for spared in 0..self.definition().parameters.len() {
                let spared = (spared > 0).then_some(spared);
                if let Ok(operation) = self.by_channel(&shares, axis, spared) {
                    let input = everyday(shape.iter().product(), 4);
                    cases.push(Case::new(operation, shape, input));
                }
            }
        }
        cases
    }

    fn draw(&self, draw: &mut Draw, shape: &mut Vec<usize>) -> Drawn {
        let parameters = self.definition().parameters;
        if parameters.is_empty() {
            return Drawn::new();
        }
        let axis = draw.axis(shape);
        let mut drawn = Drawn::new();
        for parameter in parameters {
            let value = draw.per_channel(shape, axis, |draw| match draw.below(4) {
                0 => parameter.default,
                1 => draw.magnitude(-6.0, 6.0) as f32,
                _ => everyday_parameter(parameter.range, draw.unit() as f32),
            });
            drawn.push((parameter.name, value));
        }
        if drawn
            .iter()
            .any(|(_, value)| matches!(value, Value::Array(_)))
        {
            drawn.push((CHANNEL_AXIS.name, Value::Text(axis.to_string())));
        }
        drawn
    }

    fn benchmark(&self) -> Option<Benchmark> {
        let mut operation = Pointwise::new(*self);
        let parameters = self.definition().parameters.iter();
        let per_channel: Vec<_> = parameters
            .filter(|parameter| parameter.per_channel)
            .collect();
        for parameter in &per_channel {
            let shares = (0..CHANNELS).map(|channel| (channel % 9) as f32 / 8.0);
            let values = shares.map(|share| everyday_parameter(parameter.range, share));
            let values: Vec<f32> = values.collect();
            operation = operation
                .per_channel_named(parameter.name, values, -1)
                .ok()?;
        }
        let per_channel = !per_channel.is_empty();
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
        let mut drawn = vec![*self];
        for parameter in self.definition().parameters {
            if let Some(values) = sweep.take(parameter.name) {
                let each = drawn.iter().flat_map(|activation| {
                    let values = values.iter().map(|value| *value as f32);
                    values.map(|value| activation.with_named(parameter.name, value))
                });
                drawn = each.collect::<Result<_>>()?;
            }
        }
        Ok(Some(Picture {
            subject: "",
            curves: drawn.into_iter().map(Curve::of).collect(),
        }))
    }

    fn activation(&self) -> Option<Activation> {
        Some(*self)
    }
}

impl Activation {
    /// One parameter called `name` for each channel, each within the range.
    fn in_range(&self, name: &str, array: &Array) -> Result<Array> {
        let allowed = |value| self.with_named(name, value).map(drop);
        array.expect_per_channel(self.name(), name, allowed)?;
        let values = array.on_host().unwrap_or_default().iter();
        // Shaders may flush subnormal numbers.
        let flushed = values.map(|value| if value.is_subnormal() { 0.0 } else { *value });
        let flushed: Vec<f32> = flushed.collect();
        Ok(array.on_host().map_or(array.clone(), |_| flushed.into()))
    }

    /// Its parameters for channels along `axis`, at shares of their everyday ranges, but for one that may be spared.
    fn by_channel(&self, shares: &[f32], axis: i64, spared: Option<usize>) -> Result<Pointwise> {
        let parameters = self.definition().parameters.iter().enumerate();
        let mut parameters = parameters.filter(|(index, _)| Some(*index) != spared);
        parameters.try_fold(Pointwise::new(*self), |operation, (index, parameter)| {
            let shares = shares.iter().cycle().skip(index).take(shares.len());
            let values = shares.map(|share| everyday_parameter(parameter.range, *share));
            operation.per_channel_named(parameter.name, values.collect::<Vec<_>>(), axis)
        })
    }
}

/// A parameter at a share of its everyday range.
fn everyday_parameter(range: Range, share: f32) -> f32 {
    let (least, most) = match range {
        Range::Finite => (-1.5, 2.5),
        Range::NonNegative => (0.0, 3.0),
        Range::Positive => (0.25, 4.0),
    };
    least + (most - least) * share
}

impl Curve {
    /// An activation, under its name with its parameters.
    pub fn of(activation: Activation) -> Self {
        let mut label = activation.name().to_owned();
        let parameters = activation.definition().parameters.iter();
        for (parameter, value) in parameters.zip(activation.parameters()) {
            label.push_str(&format!(", {} = {}", parameter.name, number(*value)));
        }
        Self {
            label,
            value: Box::new(move |x| activation.value(x)),
            slope: Box::new(move |x| activation.slope(x)),
            kinks: activation.course().bends,
        }
    }
}
