//! The catalogue: what each activation is. No GPU in here.
//!
//! An activation is one file in this folder and one of the same name in `shaders/activation/`,
//! plus its entry in the list below. Everything else that knows the activations (parsing, help,
//! the CPU reference, shader composition, tests, benches, the README's table) iterates
//! [`CATALOGUE`]. What depends on more than one element is a [`family`](crate::family) of its own.

mod course;
mod definition;
#[cfg(test)]
mod points;

pub use course::Course;
pub use definition::{
    Cost, Definition, Function, MOST_PARAMETERS, Paper, Parameter, Properties, Range, Smoothness,
};

use definition::{finite, times, unless_nan};
use std::{fmt, str::FromStr};

use crate::error::{Error, Result, number};

macro_rules! catalogue {
    ($($(#[doc = $doc:literal])+ $constant:ident: $file:ident, $picture:tt;)*) => {
        $(mod $file;)*
        /// Every activation, in the order of the documentation.
        pub const CATALOGUE: &[&Definition] = &[$(&$file::DEFINITION),*];
        /// The same with their parameters at the defaults.
        pub(crate) const ACTIVATIONS: &[Activation] = &[$(Activation::$constant),*];

        /// Their constants' names, and what they should give.
        #[cfg(test)]
        const POINTS: &[(&str, &[points::Variant])] =
            &[$((stringify!($constant), $file::POINTS)),*];

        impl Activation {
            $(
                $(#[doc = $doc])+
                #[cfg_attr(doc, doc = picture!($picture))]
                pub const $constant: Self = Self::new(&$file::DEFINITION);
            )*
        }
    };
}

// Each with its constant, its file, and the name of its picture.
catalogue! {
    /// Sigmoid: 1 / (1 + e^-x).
    SIGMOID: sigmoid, "sigmoid";
    /// Tanh: (e^x - e^-x) / (e^x + e^-x).
    TANH: tanh, "tanh";
    /// ReLU: x for x > 0, else 0.
    RELU: relu, "relu";
    /// Leaky ReLU: x for x > 0, else slope x, with slope = 0.01.
    LEAKY_RELU: leaky_relu, "leaky-relu";
    /// PReLU: x for x > 0, else alpha x, with alpha = 0.25 where none is learned.
    PRELU: prelu, "prelu";
    /// ELU: x for x > 0, else alpha (e^x - 1), with alpha = 1.
    ELU: elu, "elu";
    /// SELU: lambda x for x > 0, else lambda alpha (e^x - 1); its constants keep mean 0, variance 1.
    SELU: selu, "selu";
    /// GELU: x Phi(x), Phi the standard normal distribution.
    GELU: gelu, "gelu";
    /// GELU (tanh): x (1 + tanh u) / 2, u = sqrt(2 / pi) (x + 0.044715 x^3).
    GELU_TANH: gelu_tanh, "gelu-tanh";
    /// Swish, or SiLU: x sigmoid(beta x), with beta = 1.
    SWISH: swish, "swish";
    /// Softplus: ln(1 + e^(beta x)) / beta, with beta = 1.
    SOFTPLUS: softplus, "softplus";
    /// Mish: x tanh(softplus(x)).
    MISH: mish, "mish";
    /// Softsign: x / (1 + |x|).
    SOFTSIGN: softsign, "softsign";
    /// Identity: x.
    IDENTITY: identity, "identity";
    /// Squared ReLU: max(x, 0)^2.
    SQUARED_RELU: squared_relu, "squared-relu";
    /// ReLU6: x between 0 and 6, which it does not leave.
    RELU6: relu6, "relu6";
    /// Hardtanh: x between min and max, which it does not leave, with -1 and 1.
    HARDTANH: hardtanh, "hardtanh";
    /// Softshrink: x moved lambd closer to 0, with lambd = 0.5.
    SOFTSHRINK: softshrink, "softshrink";
    /// Hardshrink: x where |x| > lambd, else 0, with lambd = 0.5.
    HARDSHRINK: hardshrink, "hardshrink";
    /// Shrink: x moved bias closer to 0 where |x| > lambd, else 0, with bias = 0 and lambd = 0.5.
    SHRINK: shrink, "shrink";
    /// Threshold: x where it is more than threshold, else value, with 0 and 0.
    THRESHOLD: threshold, "threshold";
    /// Thresholded ReLU: x where it is more than alpha, else 0, with alpha = 1.
    THRESHOLDED_RELU: thresholded_relu, "thresholded-relu";
    /// Hard sigmoid: slope x + offset between 0 and 1, which it does not leave, with 1/6 and 0.5.
    HARD_SIGMOID: hard_sigmoid, "hard-sigmoid";
    /// Hard swish: x times (x + 3) / 6 between 0 and 1.
    HARD_SWISH: hard_swish, "hard-swish";
    /// Sparse plus: (x + 1)^2 / 4 between -1 and 1, 0 below, x above.
    SPARSE_PLUS: sparse_plus, "sparse-plus";
    /// Sparse sigmoid: (x + 1) / 2 between 0 and 1, which it does not leave.
    SPARSE_SIGMOID: sparse_sigmoid, "sparse-sigmoid";
    /// Exponential: e^x.
    EXPONENTIAL: exponential, "exponential";
    /// Log-sigmoid: ln(1 / (1 + e^-x)).
    LOG_SIGMOID: log_sigmoid, "log-sigmoid";
    /// Tanhshrink: x - tanh x.
    TANHSHRINK: tanhshrink, "tanhshrink";
    /// Quick GELU: x sigmoid(1.702 x).
    QUICK_GELU: quick_gelu, "quick-gelu";
    /// CELU: x for x > 0, else alpha (e^(x / alpha) - 1), with alpha = 1.
    CELU: celu, "celu";
    /// Squareplus: (x + sqrt(x^2 + b)) / 2, with b = 4.
    SQUAREPLUS: squareplus, "squareplus";
    /// Dynamic tanh: weight tanh(alpha x) + bias, with 1, 0.5 and 0.
    DYNAMIC_TANH: dynamic_tanh, "dynamic-tanh";
    /// ACON-C: (p1 - p2) x sigmoid(beta (p1 - p2) x) + p2 x, with 1, 0 and 1.
    ACON_C: acon_c, "acon-c";
    /// Snake: x + sin^2(alpha x) / alpha, with alpha = 1.
    SNAKE: snake, "snake";
    /// Snake-beta: x + sin^2(alpha x) / beta, with 1 and 1.
    SNAKE_BETA: snake_beta, "snake-beta";
    /// Scale: factor x, with factor = 1.
    SCALE: scale, "scale";
    /// Bias: x + b, with b = 0.
    BIAS: bias, "bias";
}

/// An activation function with its parameters.
///
/// ```
/// use wgpu_activations::Activation;
///
/// let elu: Activation = "elu(alpha=0.5)".parse()?;
/// assert_eq!(elu, Activation::ELU.with(0.5)?);
/// assert_eq!(elu.to_string(), "elu(alpha=0.5)");
/// assert_eq!(elu.value(2.0), 2.0);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Activation {
    definition: &'static Definition,
    /// In the order of the definition, then zeros.
    parameters: [f32; MOST_PARAMETERS],
}

impl Activation {
    /// The activation with its parameters at their defaults.
    pub const fn new(definition: &'static Definition) -> Self {
        let mut parameters = [0.0; MOST_PARAMETERS];
        let mut index = 0;
        while index < MOST_PARAMETERS && index < definition.parameters.len() {
            parameters[index] = definition.parameters[index].default;
            index += 1;
        }
        Self {
            definition,
            parameters,
        }
    }

    /// The same with a first parameter that is known to lie in its range.
    pub(crate) const fn with_known(mut self, parameter: f32) -> Self {
        self.parameters[0] = parameter;
        self
    }

    /// Every activation, with its parameters at their defaults.
    ///
    /// ```
    /// use wgpu_activations::Activation;
    ///
    /// // Those that keep symmetric input at mean 0.
    /// let mut centred = Activation::all().filter(|it| it.course().zero_centred);
    /// assert_eq!(centred.next(), Some(Activation::TANH));
    /// ```
    pub fn all() -> impl Iterator<Item = Self> {
        CATALOGUE.iter().map(|definition| Self::new(definition))
    }

    /// The same activation with another value of its parameter, where it has one. A subnormal value, which some
    /// adapters flush, counts as 0.
    ///
    /// ```
    /// use wgpu_activations::{Activation, Error};
    ///
    /// let swish = Activation::SWISH.with(2.0)?;
    /// assert_eq!(swish.parameters(), [2.0]);
    /// assert!(matches!(Activation::ELU.with(f32::NAN), Err(Error::ParameterOutOfRange { .. })));
    /// assert!(matches!(Activation::RELU.with(2.0), Err(Error::UnknownParameter { .. })));
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::UnknownParameter`] if it has none, [`Error::Argument`] if it has several,
    /// [`Error::ParameterOutOfRange`] if `value` is not in the parameter's range (NaN and infinities never are).
    pub fn with(self, value: f32) -> Result<Self> {
        self.with_named(self.only_parameter(number(value))?, value)
    }

    /// The same activation with the parameter called `name` set to `value`.
    ///
    /// ```
    /// use wgpu_activations::{Activation, activation::{Definition, Parameter}};
    ///
    /// static AFFINE: Definition = Definition {
    ///     parameters: &[
    ///         Parameter::new("scale", 1.0, |x, _| x),
    ///         Parameter::new("offset", 0.0, |_, _| 1.0),
    ///     ],
    ///     ..Definition::new(
    ///         "affine",
    ///         "fn value(x: Real, scale: Real, offset: Real) -> Real { return scale * x + offset; }
    ///          fn backward(x: Real, upstream: Real, scale: Real, offset: Real) -> Real {
    ///              return scale * upstream;
    ///          }
    ///          struct Gradients { scale: Real, offset: Real }
    ///          fn parameter_backward(x: Real, upstream: Real, scale: Real, offset: Real) -> Gradients {
    ///              return Gradients(x * upstream, upstream);
    ///          }",
    ///         |x, [scale, offset, ..]| scale * x + offset,
    ///         |_, [scale, ..]| scale,
    ///     )
    /// };
    /// let affine = Activation::new(&AFFINE).with_named("scale", 2.0)?.with_named("offset", 1.0)?;
    /// assert_eq!(affine.to_string(), "affine(scale=2, offset=1)");
    /// assert_eq!((affine.value(3.0), affine.slope(3.0)), (7.0, 2.0));
    /// assert_eq!(affine.parameter_slopes(3.0), [3.0, 1.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::UnknownParameter`] if there is none of that name, [`Error::ParameterOutOfRange`] if `value` is not in
    /// its range.
    pub fn with_named(mut self, name: &str, value: f32) -> Result<Self> {
        let mut parameters = self.definition.parameters.iter().zip(&mut self.parameters);
        let Some((parameter, own)) = parameters.find(|(parameter, _)| parameter.name == name)
        else {
            return Err(self.no_parameter(name.to_owned()));
        };
        if !parameter.range.contains(value) {
            return Err(Error::ParameterOutOfRange {
                op: self.name().to_owned(),
                parameter: parameter.name,
                value,
                rule: parameter.range.rule(),
            });
        }
        *own = if value.is_subnormal() { 0.0 } else { value };
        Ok(self)
    }

    /// The name of its parameter, where it has one; `given` is what that is to be.
    pub(crate) fn only_parameter(&self, given: String) -> Result<&'static str> {
        match self.definition.parameters {
            [parameter] => Ok(parameter.name),
            [] => Err(self.no_parameter(given)),
            several => Err(Error::Argument {
                op: self.name().to_owned(),
                argument: given,
                reason: format!(
                    "it has {} parameters; name the one that is meant",
                    several.len()
                ),
            }),
        }
    }

    /// The error for a parameter that it does not have.
    pub(crate) fn no_parameter(&self, name: String) -> Error {
        let parameters = self.definition.parameters.iter();
        Error::UnknownParameter {
            op: self.name().to_owned(),
            name,
            known: parameters.map(|parameter| parameter.name).collect(),
        }
    }

    /// What the activation is: formula, properties, origin.
    pub const fn definition(&self) -> &'static Definition {
        self.definition
    }

    /// The name in the catalogue, such as `leaky-relu`.
    pub const fn name(&self) -> &'static str {
        self.definition.name
    }

    /// The values of the parameters, in the order of [`Definition::parameters`].
    pub fn parameters(&self) -> &[f32] {
        &self.parameters[..self.definition.parameters.len().min(MOST_PARAMETERS)]
    }

    /// The same with zeros behind them.
    pub(crate) const fn all_parameters(&self) -> [f32; MOST_PARAMETERS] {
        self.parameters
    }

    /// The parameters, as the reference takes them.
    pub(crate) fn numbers(&self) -> [f64; MOST_PARAMETERS] {
        self.parameters.map(f64::from)
    }

    /// The f64 reference of the function at `x`.
    pub fn value(&self, x: f64) -> f64 {
        (self.definition.value)(x, self.numbers())
    }

    /// The f64 reference of the derivative at `x`.
    pub fn slope(&self, x: f64) -> f64 {
        (self.definition.slope)(x, self.numbers())
    }

    /// The f64 reference of the derivative with respect to each parameter at `x`.
    ///
    /// ```
    /// use wgpu_activations::Activation;
    ///
    /// assert_eq!(Activation::PRELU.parameter_slopes(-3.0), [-3.0]);
    /// assert!(Activation::TANH.parameter_slopes(-3.0).is_empty());
    /// ```
    pub fn parameter_slopes(&self, x: f64) -> Vec<f64> {
        let parameters = self.definition.parameters.iter();
        parameters
            .map(|parameter| (parameter.slope)(x, self.numbers()))
            .collect()
    }
}

/// Equal are activations of one name and one shader with the same parameters.
impl PartialEq for Activation {
    fn eq(&self, other: &Self) -> bool {
        self.definition.same_as(other.definition) && self.parameters == other.parameters
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        let parameters = self.definition.parameters.iter().zip(self.parameters);
        for (index, (parameter, value)) in parameters.enumerate() {
            let before = if index == 0 { "(" } else { ", " };
            write!(f, "{before}{}={}", parameter.name, number(value))?;
        }
        f.write_str(if self.parameters().is_empty() {
            ""
        } else {
            ")"
        })
    }
}

impl fmt::Debug for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Activation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let syntax = |reason: &str| Error::Syntax {
            text: text.to_owned(),
            reason: reason.to_owned(),
        };
        let (name, arguments) = match text.split_once('(') {
            None => (text, ""),
            Some((name, rest)) => {
                let arguments = rest.trim_end().strip_suffix(')');
                (
                    name,
                    arguments.ok_or_else(|| syntax("the closing parenthesis is missing"))?,
                )
            }
        };
        let mut activation = Self::new(find(name)?);
        let mut given = Vec::new();
        for argument in arguments.split(',').filter(|it| !it.trim().is_empty()) {
            let (name, value) = argument
                .split_once('=')
                .ok_or_else(|| syntax("a parameter is written NAME=VALUE"))?;
            let (name, value) = (name.trim(), value.trim());
            if given.contains(&name) {
                return Err(syntax(&format!("`{name}` is given twice")));
            }
            given.push(name);
            let value = value
                .parse()
                .map_err(|_| syntax(&format!("`{value}` is not a number")))?;
            activation = activation.with_named(name, value)?;
        }
        Ok(activation)
    }
}

/// The definition called `name`, by its name or an alias: see [`is_called`].
fn find(name: &str) -> Result<&'static Definition> {
    let names = |definition: &&Definition| (definition.name, definition.aliases);
    CATALOGUE
        .iter()
        .find(|definition| is_called(definition.name, definition.aliases, name))
        .copied()
        .ok_or_else(|| unknown(name, CATALOGUE.iter().map(names)))
}

/// Whether `wanted` is a name or an alias, whatever its case, with `-`, `_` or nothing between its words, so that
/// `LeakyReLU`, `leaky_relu` and `leaky-relu` are one.
pub(crate) fn is_called(name: &str, aliases: &[&str], wanted: &str) -> bool {
    let letters = |name: &str| normalised(name).replace('-', "");
    let wanted = letters(wanted);
    std::iter::once(&name)
        .chain(aliases)
        .any(|name| letters(name) == wanted)
}

/// The error for a name that is none of `entries`, names with their aliases.
pub(crate) fn unknown(
    name: &str,
    entries: impl Iterator<Item = (&'static str, &'static [&'static str])> + Clone,
) -> Error {
    let names = entries
        .clone()
        .flat_map(|(name, aliases)| std::iter::once(name).chain(aliases.iter().copied()));
    let nearest = nearest(&normalised(name), names);
    let known: Vec<_> = entries.map(|(name, _)| name).collect();
    Error::UnknownActivation {
        name: name.trim().to_owned(),
        nearest,
        known: known.join(", "),
    }
}

/// The one of `names` that is meant by a mistyped one, if any is near.
#[doc(hidden)]
pub fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        // A name that was refused is no advice.
        .filter(|name| *name != wanted)
        .map(|name| {
            // Of names as near, one that only lacks its end.
            let is_other = !name.starts_with(wanted);
            (strsim::damerau_levenshtein(name, wanted), is_other, name)
        })
        .min()
        .filter(|&(distance, _, name)| distance <= 1 + name.len() / 3)
        .map(|(_, _, name)| name)
}

/// A name as entries write it: in lower case, with hyphens.
pub fn normalised(name: &str) -> String {
    name.trim().to_lowercase().replace('_', "-")
}
