//! Gated units as families: what is said of them, and what is tried of them.

use super::{
    Form, Gated, Unit,
    unit::{LIMIT, LIMIT_RULE},
};
use crate::{
    accuracy::inputs,
    activation::Activation,
    element::ElementType,
    error::Result,
    family::{
        Arguments, Benchmark, Case, Curve, Default, Draw, Drawn, Entry, Family, Operation,
        Parameter, Pass, Picture, SHAPES, Sweep, Traffic, Value, everyday,
    },
    wgsl::{Math, Shader, Vectors},
};

/// A form that goes along an axis, or along none.
type Along = fn(i64) -> Form;

const LAYOUTS: [(&str, Along); 3] = [
    ("two", |_| Form::Apart),
    ("halves", Form::Halves),
    ("interleaved", Form::Interleaved),
];

const LAYOUT: Parameter = Parameter {
    name: "layout",
    default: Default::Choice("two"),
    rule: "two, halves or interleaved",
    description: "two tensors, gate and up; or one that holds both along an axis, in halves or in turn",
};

const fn gate(default: &'static str) -> Parameter {
    Parameter {
        name: "gate",
        default: Default::Choice(default),
        rule: "first or last",
        description: "which half of one tensor is the gate; interleaved, last are the odd places",
    }
}

const AXIS: Parameter = Parameter {
    description: "the axis of one tensor that holds both",
    ..Parameter::AXIS
};

const F: Parameter = Parameter {
    name: "f",
    default: Default::Required,
    rule: "any activation of one element, such as elu(alpha=0.5)",
    description: "what becomes of the gate",
};

const LIMIT_OF: Parameter = Parameter {
    name: "limit",
    default: Default::Number(LIMIT),
    rule: LIMIT_RULE,
    description: "gates are at most this, ups between this and its negative",
};

impl Unit {
    /// The parameter of f that is the unit's, by its name here.
    fn own_parameter(self) -> Option<Parameter> {
        let f = self.f();
        let parameter = f.definition().parameters.first()?;
        (self != Self::Any).then_some(Parameter {
            name: self.parameter_name().unwrap_or(parameter.name),
            default: Default::Number(f.parameters()[0]),
            rule: parameter.range.rule(),
            description: "the steepness of the gate's sigmoid, which has a gradient",
        })
    }
}

impl Family for Unit {
    fn entry(&self) -> Entry {
        let mut parameters = Vec::new();
        match self {
            Self::Any => parameters.push(F),
            _ => parameters.extend(self.own_parameter()),
        }
        if self.clamps() {
            parameters.push(LIMIT_OF);
        }
        let side = if self.gate_last() { "last" } else { "first" };
        parameters.extend([LAYOUT, gate(side), AXIS]);
        Entry {
            name: self.name(),
            aliases: self.aliases(),
            title: self.title(),
            formula: self.formula(),
            slope_formula: self.slope_formula(),
            parameters: parameters.into(),
            special_values: match self {
                Self::Glu | Self::Any => &[
                    ("NaN in gate or up", "NaN"),
                    ("f(gate) = 0, up infinite", "NaN"),
                ],
                _ => &[
                    ("NaN in gate or up", "NaN"),
                    ("f(gate) = 0, up infinite", "NaN"),
                    ("gate = -inf, up finite", "0"),
                ],
            },
            notes: self.notes(),
            paper: self.paper(),
        }
    }

    fn parse(&self, mut arguments: Arguments) -> Result<Box<dyn Operation>> {
        let mut gated = Gated::new(*self);
        if *self == Self::Any {
            let f: String = arguments.required(F.name, F.rule)?;
            gated = Gated::of(f.parse::<Activation>()?);
        }
        if let Some(own) = self.own_parameter()
            && let Some(value) = arguments.number(own.name, "a number")?
        {
            gated = gated.parameter(value)?;
        }
        if self.clamps()
            && let Some(limit) = arguments.number(LIMIT_OF.name, "a number")?
        {
            gated = gated.limit(limit)?;
        }
        let form = arguments.choice(LAYOUT.name, &LAYOUTS)?;
        if form(0) != Form::Apart {
            let mut sides = [("first", false), ("last", true)];
            if self.gate_last() {
                sides.reverse();
            }
            gated = gated.gate_last(arguments.choice("gate", &sides)?);
            gated.form = form(arguments.axis(-1)?);
        }
        arguments.finish(&self.entry().parameters)?;
        Ok(Box::new(gated))
    }

    fn allowed(&self, pass: Pass, element: ElementType, math: Math) -> String {
        match (pass, math) {
            (Pass::Forward, Math::Accurate) if element == ElementType::F32 => {
                let (ulps, f) = (self.ulps(), "up x f's 2.5 ULP + 1 ULP");
                match self.is_unrounded(math) {
                    true => format!("{ulps} ULP"),
                    false => f.to_owned(),
                }
            }
            _ => format!("as {}, times up", self.f().name()),
        }
    }

    fn cases(&self, element: ElementType) -> Vec<Case> {
        let mut cases = Vec::new();
        for f in self.tried() {
            // Every gate with ups of all sizes, then the special values with each other.
            let patterns = inputs::patterns(element);
            let grid: Vec<f64> = inputs::grid().into_iter().map(f64::from).collect();
            let mut gates = patterns.clone();
            let mut ups = everyday(patterns.len(), 11);
            gates.extend(&patterns);
            ups.extend(
                patterns
                    .iter()
                    .cycle()
                    .skip(patterns.len() / 3)
                    .take(patterns.len()),
            );
            for gate in &grid {
                gates.extend(vec![*gate; grid.len()]);
                ups.extend(&grid);
            }
            let shape = vec![gates.len()];
            cases.push(Case {
                operation: f.into(),
                shape,
                inputs: vec![gates, ups],
                upstream: inputs::gradients,
            });
        }
        for (shape, axis) in SHAPES {
            let mut shape = shape.to_vec();
            let place = axis.rem_euclid(shape.len() as i64) as usize;
            shape[place] *= 2;
            let forms = [
                Gated::new(*self).halves(axis),
                Gated::new(*self).interleaved(axis),
            ];
            for (index, form) in forms.into_iter().enumerate() {
                let input = everyday(shape.iter().product(), 4);
                let other = (index + place).is_multiple_of(2);
                let form = form.gate_last(self.gate_last() != other);
                cases.push(Case::new(form, &shape, input));
            }
        }
        cases
    }

    fn draw(&self, draw: &mut Draw, shape: &mut Vec<usize>) -> Drawn {
        let mut drawn = Drawn::new();
        let mut text =
            |name, value: &dyn ToString| drawn.push((name, Value::Text(value.to_string())));
        if *self == Self::Any {
            let all: Vec<_> = Activation::all().collect();
            text(F.name, &draw.one_of(&all));
        }
        if let Some(own) = self.own_parameter() {
            text(own.name, &(draw.unit() * 4.0 - 1.0));
        }
        if self.clamps() {
            text(LIMIT_OF.name, &draw.magnitude(-1.0, 2.0));
        }
        let (layout, form) = draw.one_of(&LAYOUTS);
        text(LAYOUT.name, &layout);
        if form(0) != Form::Apart {
            text("gate", &draw.one_of(&["first", "last"]));
            let axis = draw.axis(shape);
            text(AXIS.name, &axis);
            let place = axis.rem_euclid(shape.len().max(1) as i64) as usize;
            if let Some(length) = shape.get_mut(place) {
                *length += *length % 2;
            }
        }
        drawn
    }

    fn benchmark(&self) -> Option<Benchmark> {
        Some(Benchmark {
            operation: Gated::new(*self).into(),
            columns: None,
            forward: Traffic::ADD,
            backward: Traffic::new(20, "add+copy"),
            parameters: false,
            takes_math: *self != Self::Reglu,
            tuned_by: &[],
        })
    }

    fn shaders(&self, vectors: Vectors, math: Math) -> Vec<(String, Shader)> {
        Unit::shaders(*self, vectors, math)
    }

    fn picture(&self, sweep: &mut Sweep) -> Result<Option<Picture>> {
        let mut units = vec![Gated::new(*self)];
        if let Some(own) = self.own_parameter()
            && let Some(values) = sweep.take(own.name)
        {
            let swept = values.into_iter();
            let swept = swept.map(|value| Gated::new(*self).parameter(value as f32));
            units = swept.collect::<Result<_>>()?;
        }
        let curves = units
            .into_iter()
            .flat_map(|unit| [1.0, -2.0].map(|up| unit.curve(up)));
        Ok(Some(Picture {
            subject: "what becomes of a gate",
            curves: curves.collect(),
        }))
    }
}

impl Unit {
    /// The units that checks try: with some parameters, and any unit with some activations.
    fn tried(self) -> Vec<Gated> {
        let of = |values: &[f32]| -> Vec<Gated> {
            let units = values
                .iter()
                .map(|&value| Gated::new(self).parameter(value));
            units.filter_map(Result::ok).collect()
        };
        match self {
            Self::Any => [Activation::TANH, Activation::ELU, Activation::LEAKY_RELU]
                .map(Gated::of)
                .into(),
            Self::Swiglu => of(&[1.0, -0.5]),
            Self::SwigluClamped => vec![Gated::new(self)],
            _ => vec![Gated::new(self)],
        }
    }

    const fn notes(self) -> &'static [&'static str] {
        match self {
            Self::Glu => {
                &["In one tensor the gate is the last half, as PyTorch, Keras and JAX have it."]
            }
            Self::SwigluClamped => &[
                "In one tensor of gpt-oss gates and ups alternate, the gate first: layout=interleaved.",
            ],
            _ => &[
                "In one tensor the gate is the first half, as vLLM and Liger have it; diffusers' GEGLU has it last: gate=last.",
            ],
        }
    }
}

impl Gated {
    /// y as a function of the gate.
    fn curve(self, up: f64) -> Curve {
        use super::reference::Pair;
        let of = move |gate| Pair { gate, up };
        let kinks = match self.unit {
            Unit::Reglu => vec![0.0],
            Unit::SwigluClamped => vec![f64::from(self.limit)],
            _ => Vec::new(),
        };
        Curve {
            kinks,
            ..Curve::new(
                format!("{self}, up = {up}"),
                move |gate| self.value(of(gate)),
                move |gate| self.gradient_pair(of(gate), 1.0).gate,
            )
        }
    }
}
