//! The catalogue: what each activation is. No GPU in here.
//!
//! An activation is one file in this folder and one of the same name in `shaders/activation/`,
//! plus its entry in the list below. Everything else that knows the activations (parsing, help,
//! the CPU reference, shader composition, tests, benches, the README's table) iterates
//! [`CATALOGUE`]. What depends on more than one element is a [`family`](crate::family) of its own.

mod course;
mod definition;

pub use course::Course;
pub use definition::{Cost, Definition, Paper, Parameter, Properties, Range, Smoothness};

use std::{fmt, str::FromStr};

use crate::error::{Error, Result, number};

macro_rules! catalogue {
    ($($(#[doc = $doc:literal])+ $constant:ident: $file:ident, $picture:tt;)*) => {
        $(mod $file;)*
        /// Every activation, in the order of the documentation.
        pub const CATALOGUE: &[&Definition] = &[$(&$file::DEFINITION),*];
        /// The same with their parameters at the default.
        pub(crate) const ACTIVATIONS: &[Activation] = &[$(Activation::$constant),*];

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
}

/// An activation function with its parameter.
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
    parameter: f32,
}

impl Activation {
    /// The activation with its parameter at the default.
    pub const fn new(definition: &'static Definition) -> Self {
        let parameter = match &definition.parameter {
            Some(parameter) => parameter.default,
            None => 0.0,
        };
        Self {
            definition,
            parameter,
        }
    }

    /// The same with a number that is known to lie in its parameter's range.
    pub(crate) const fn with_known(self, parameter: f32) -> Self {
        Self { parameter, ..self }
    }

    /// Every activation, with its parameter at the default.
    ///
    /// ```
    /// use wgpu_activations::Activation;
    ///
    /// // Those that keep symmetric input at mean 0.
    /// let centred = Activation::all().filter(|it| it.course().zero_centred);
    /// assert!(centred.eq([Activation::TANH, Activation::SOFTSIGN]));
    /// ```
    pub fn all() -> impl Iterator<Item = Self> {
        CATALOGUE.iter().map(|definition| Self::new(definition))
    }

    /// The same activation with another value of its parameter. A subnormal value, which some
    /// adapters flush, counts as 0.
    ///
    /// ```
    /// use wgpu_activations::{Activation, Error};
    ///
    /// let swish = Activation::SWISH.with(2.0)?;
    /// assert_eq!(swish.parameter(), Some(2.0));
    /// assert!(matches!(Activation::ELU.with(f32::NAN), Err(Error::ParameterOutOfRange { .. })));
    /// assert!(matches!(Activation::RELU.with(2.0), Err(Error::UnknownParameter { .. })));
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::UnknownParameter`] if it has none, [`Error::ParameterOutOfRange`] if `value` is
    /// not in the parameter's range (NaN and infinities never are).
    pub fn with(self, value: f32) -> Result<Self> {
        let Some(parameter) = &self.definition.parameter else {
            return Err(Error::UnknownParameter {
                op: self.name().to_owned(),
                name: value.to_string(),
                known: Vec::new(),
            });
        };
        if !parameter.range.contains(value) {
            return Err(Error::ParameterOutOfRange {
                op: self.name().to_owned(),
                parameter: parameter.name,
                value,
                rule: parameter.range.rule(),
            });
        }
        Ok(Self {
            parameter: if value.is_subnormal() { 0.0 } else { value },
            ..self
        })
    }

    /// The same activation with the parameter called `name` set to `value`.
    ///
    /// # Errors
    ///
    /// As [`Activation::with`], and [`Error::UnknownParameter`] if the name is another.
    pub fn with_named(self, name: &str, value: f32) -> Result<Self> {
        match &self.definition.parameter {
            Some(parameter) if parameter.name == name => self.with(value),
            other => Err(Error::UnknownParameter {
                op: self.name().to_owned(),
                name: name.to_owned(),
                known: other.iter().map(|parameter| parameter.name).collect(),
            }),
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

    /// The value of the parameter, where there is one.
    pub fn parameter(&self) -> Option<f32> {
        self.definition.parameter.as_ref().map(|_| self.parameter)
    }

    /// The f64 reference of the function at `x`.
    pub fn value(&self, x: f64) -> f64 {
        (self.definition.value)(x, f64::from(self.parameter))
    }

    /// The f64 reference of the derivative at `x`.
    pub fn slope(&self, x: f64) -> f64 {
        (self.definition.slope)(x, f64::from(self.parameter))
    }

    /// The f64 reference of the derivative with respect to the parameter at `x`.
    ///
    /// ```
    /// use wgpu_activations::Activation;
    ///
    /// assert_eq!(Activation::PRELU.parameter_slope(-3.0), Some(-3.0));
    /// assert_eq!(Activation::TANH.parameter_slope(-3.0), None);
    /// ```
    pub fn parameter_slope(&self, x: f64) -> Option<f64> {
        let parameter = self.definition.parameter.as_ref()?;
        Some((parameter.slope)(x, f64::from(self.parameter)))
    }
}

/// Equal are activations of one name and one shader with the same parameter.
impl PartialEq for Activation {
    fn eq(&self, other: &Self) -> bool {
        self.definition.same_as(other.definition) && self.parameter == other.parameter
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        if let Some(parameter) = &self.definition.parameter {
            write!(f, "({}={})", parameter.name, number(self.parameter))?;
        }
        Ok(())
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
        let (name, argument) = match text.split_once('(') {
            None => (text, None),
            Some((name, rest)) => {
                let argument = rest
                    .trim_end()
                    .strip_suffix(')')
                    .ok_or_else(|| syntax("the closing parenthesis is missing"))?;
                (name, Some(argument.trim()))
            }
        };
        let activation = Self::new(find(name)?);
        let Some(argument) = argument.filter(|argument| !argument.is_empty()) else {
            return Ok(activation);
        };
        let (parameter, value) = argument
            .split_once('=')
            .ok_or_else(|| syntax("a parameter is written NAME=VALUE"))?;
        let value = value
            .trim()
            .parse()
            .map_err(|_| syntax(&format!("`{}` is not a number", value.trim())))?;
        activation.with_named(parameter.trim(), value)
    }
}

/// The definition called `name`, by its name or an alias, whatever its case, `_` for `-`.
fn find(name: &str) -> Result<&'static Definition> {
    let wanted = normalised(name);
    let names = |definition: &&Definition| (definition.name, definition.aliases);
    CATALOGUE
        .iter()
        .find(|definition| definition.name == wanted || definition.aliases.contains(&&*wanted))
        .copied()
        .ok_or_else(|| unknown(name, CATALOGUE.iter().map(names)))
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
        .map(|name| (strsim::damerau_levenshtein(name, wanted), name))
        .min()
        .filter(|&(distance, name)| distance <= 1 + name.len() / 3)
        .map(|(_, name)| name)
}

/// A name as entries write it: in lower case, with hyphens.
pub fn normalised(name: &str) -> String {
    name.trim().to_lowercase().replace('_', "-")
}
