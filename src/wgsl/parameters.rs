//! How a shader gets an activation's parameters, and what it gives for their gradients.

use std::{array, sync::LazyLock};

use super::{LANES, REAL, Shader, is_foreign};
use crate::activation::{Definition, MOST_PARAMETERS, Parameter};

/// The bindings of parameters that each channel has one of, in their order.
pub(crate) const BINDINGS: [u32; MOST_PARAMETERS] = [3, 6, 7, 8];

/// What the numbers of a parameter are called in WGSL.
const NAMES: [&str; MOST_PARAMETERS] = ["a", "b", "c", "d"];

/// How a shader gets the activation's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParameterSource {
    /// The activation has none.
    None,
    /// One number each for the whole tensor.
    Scalar,
    /// One of each per channel.
    Channel,
}

impl ParameterSource {
    /// Those that an activation can have.
    pub fn of(definition: &Definition) -> &'static [Self] {
        match definition.parameters {
            [] => &[Self::None],
            _ => &[Self::Scalar, Self::Channel],
        }
    }
}

/// The texts for activations of so many parameters.
struct Texts {
    scalar: String,
    channel: String,
}

static TEXTS: LazyLock<[Texts; MOST_PARAMETERS]> =
    LazyLock::new(|| array::from_fn(|index| Texts::new(&NAMES[..=index])));

impl Texts {
    fn new(names: &[&str]) -> Self {
        let each = |text: &dyn Fn(&str) -> String| {
            let texts: Vec<_> = names.iter().map(|name| text(name)).collect();
            texts.join(", ")
        };
        let (members, given) = (
            each(&|name| format!("{name}: Real")),
            each(&|name| format!("p.{name}")),
        );
        let element = format!(
            "struct Parameter {{ {members} }}
fn value_at(x: Real, p: Parameter) -> Real {{ return value(x, {given}); }}
fn backward_at(x: Real, upstream: Real, p: Parameter) -> Real {{ return backward(x, upstream, {given}); }}
"
        );
        // Where all are 1, most functions' default, compilers are told, and leave out what multiplies and divides
        // by it: softplus takes 0.84 of the time on lavapipe.
        let scalar = format!(
            "override ONE: bool = false;
{element}fn parameters_at(vector: u32) -> Parameters {{
    if ONE {{ return for_all(Parameter({})); }}
    return for_all(Parameter({}));
}}
",
            each(&|_| "Real(1.0)".to_owned()),
            each(&|name| format!("Real(arguments.parameter_{name})")),
        );
        let arrays = names.iter().zip(BINDINGS).map(|(name, binding)| {
            format!(
                "@group(0) @binding({binding}) var<storage, read> parameters_{name}: array<f32>; // [channels]\n"
            )
        });
        let channel = format!(
            "{}{element}fn parameter_of(channel: u32) -> Parameter {{ return Parameter({}); }}\n",
            arrays.collect::<String>(),
            each(&|name| format!("parameters_{name}[channel]")),
        );
        Self { scalar, channel }
    }

    fn of(definition: &[Parameter]) -> Option<&'static Self> {
        TEXTS.get(definition.len().checked_sub(1)?)
    }
}

/// The numbers of an activation whose parameters serve the whole tensor.
pub(super) fn of_tensor(definition: &Definition) -> &'static str {
    match Texts::of(definition.parameters) {
        None => include_str!("../../shaders/parameter/none.wgsl"),
        Some(texts) => &texts.scalar,
    }
}

/// A function of one element and what its channel has.
///
/// ```
/// use wgpu_activations::{Activation, ElementType, Math, wgsl::{self, PerChannel}};
///
/// let prelu = PerChannel::from(Activation::PRELU.definition());
/// // y = scale x + offset.
/// let affine = PerChannel::new(
///     "struct Parameter { scale: f32, offset: f32 }
///      fn value(x: f32, p: Parameter) -> f32 { return p.scale * x + p.offset; }
///      fn backward(x: f32, upstream: f32, p: Parameter) -> f32 { return p.scale * upstream; }
///      alias Terms = vec2<f32>;
///      fn terms(x: f32, upstream: f32, p: Parameter) -> Terms { return vec2(x * upstream, upstream); }",
///     2,
/// );
/// for function in [prelu, affine] {
///     let shader = wgsl::columns(function, ElementType::F32, Math::Accurate);
///     assert!(shader.to_string().contains("fn forward("));
/// }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct PerChannel {
    /// Those of an activation; else channels have a record each.
    parameters: Option<&'static [Parameter]>,
    function: &'static str,
    words: usize,
    foreign: bool,
}

impl PerChannel {
    /// A snippet with the type `Parameter`, the functions `value` and `backward`, and, for gradients of the
    /// parameter, the type `Terms` of `words` f32 that can be added, and the function `terms`, which gives those
    /// of an element.
    pub const fn new(function: &'static str, words: usize) -> Self {
        Self {
            foreign: true,
            ..Self::own(function, words)
        }
    }

    /// A snippet of the crate.
    pub(crate) const fn own(function: &'static str, words: usize) -> Self {
        Self {
            parameters: None,
            function,
            words,
            foreign: false,
        }
    }

    pub(super) const fn words(self) -> usize {
        self.words
    }

    pub(super) fn append_to(self, shader: &mut Shader, math: super::Math, terms: bool) {
        let record = include_str!("../../shaders/parameter/record.wgsl");
        let channel = include_str!("../../shaders/parameter/channel.wgsl");
        let numbers = self.parameters.and_then(Texts::of);
        let numbers = numbers.map_or(record, |texts| &texts.channel);
        shader.extend(&[channel, numbers, REAL, LANES, super::BITS, math.source()]);
        shader.extend_with(self.function, self.foreign);
        if let (true, Some(parameters)) = (terms, self.parameters) {
            shader.extend_with(terms_of(parameters), false);
        }
    }
}

impl From<&Definition> for PerChannel {
    fn from(definition: &Definition) -> Self {
        Self {
            parameters: Some(definition.parameters),
            function: definition.wgsl,
            // A vector of three takes the room of four.
            words: definition.parameters.len().next_power_of_two(),
            foreign: is_foreign(definition),
        }
    }
}

/// A term of the gradient of parameter `index`, alone.
pub(super) fn term_of(parameters: &[Parameter], index: usize) -> super::shader::Piece {
    let given = NAMES.iter().take(parameters.len());
    let given: Vec<_> = given.map(|name| format!("p.{name}")).collect();
    let member = match parameters {
        [_] => String::new(),
        several => several
            .get(index)
            .map_or(String::new(), |it| format!(".{}", it.name)),
    };
    let text = format!(
        "fn parameter_term(x: Real, upstream: Real, p: Parameter) -> Real {{
    return parameter_backward(x, upstream, {}){member};
}}",
        given.join(", ")
    );
    std::sync::Arc::<str>::from(text).into()
}

/// The terms of the parameters' gradients as one number or vector.
fn terms_of(parameters: &[Parameter]) -> super::shader::Piece {
    let [first, second, rest @ ..] = parameters else {
        return "alias Terms = f32;
fn terms(x: f32, upstream: f32, p: Parameter) -> Terms { return parameter_backward(x, upstream, p.a); }"
            .into();
    };
    let last = match rest {
        [] => String::new(),
        [third] => format!(", g.{}, 0.0", third.name),
        [third, fourth, ..] => format!(", g.{}, g.{}", third.name, fourth.name),
    };
    let given: Vec<_> = NAMES
        .iter()
        .take(parameters.len())
        .map(|name| format!("p.{name}"))
        .collect();
    let text = format!(
        "alias Terms = vec{}<f32>;
fn terms(x: f32, upstream: f32, p: Parameter) -> Terms {{
    let g = parameter_backward(x, upstream, {});
    return Terms(g.{}, g.{}{last});
}}",
        parameters.len().next_power_of_two(),
        given.join(", "),
        first.name,
        second.name,
    );
    std::sync::Arc::<str>::from(text).into()
}
