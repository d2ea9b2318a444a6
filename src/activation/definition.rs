//! What a catalogue entry says about an activation.

/// One activation: names, formulas, the f64 reference and its shader.
///
/// ```
/// use wgpu_activations::CATALOGUE;
///
/// for definition in CATALOGUE {
///     println!("{}: {}", definition.title, definition.formula);
/// }
/// let relu = CATALOGUE.iter().find(|definition| definition.name == "relu");
/// assert_eq!(relu.map(|relu| (relu.value)(-1.0, 0.0)), Some(0.0));
/// ```
pub struct Definition {
    /// The name, in lower case with hyphens: `leaky-relu`.
    pub name: &'static str,
    /// Other names it is known by.
    pub aliases: &'static [&'static str],
    /// The name as prose writes it: `Leaky ReLU`.
    pub title: &'static str,
    /// The function, as text.
    pub formula: &'static str,
    /// Its derivative, as text.
    pub slope_formula: &'static str,
    /// Its parameter, where it has one.
    pub parameter: Option<Parameter>,
    /// What is known of its course, with the parameter at the default.
    pub properties: Properties,
    /// Where it was proposed.
    pub paper: Paper,
    /// f(x; parameter) in f64, written from the definition.
    pub value: fn(f64, f64) -> f64,
    /// df/dx in f64.
    pub slope: fn(f64, f64) -> f64,
    /// The WGSL functions `value`, `backward` and, with a parameter, `parameter_backward`, over `Real`: an
    /// f32 or four of them.
    pub wgsl: &'static str,
}

/// The number that shapes an activation.
///
/// ```
/// use wgpu_activations::Activation;
///
/// let slope = Activation::LEAKY_RELU.definition().parameter.as_ref();
/// assert_eq!(slope.map(|slope| slope.default), Some(0.01));
/// ```
pub struct Parameter {
    /// Its name in the formula.
    pub name: &'static str,
    /// Its value where none is given.
    pub default: f32,
    /// The values it may take.
    pub range: Range,
    /// What it does.
    pub description: &'static str,
    /// df/dparameter, as text.
    pub slope_formula: &'static str,
    /// df/dparameter in f64, at (x, parameter).
    pub slope: fn(f64, f64) -> f64,
}

/// The values a parameter may take; NaN and infinities never.
///
/// ```
/// use wgpu_activations::activation::Range;
///
/// assert!(Range::NonNegative.contains(0.0) && !Range::Positive.contains(0.0));
/// assert!(!Range::Finite.contains(f32::INFINITY));
/// assert_eq!(Range::NonNegative.rule(), "a finite number >= 0");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// Any finite number.
    Finite,
    /// A finite number of at least zero.
    NonNegative,
    /// A finite number of at least the smallest normal f32, 1.18e-38.
    Positive,
}

impl Range {
    /// Whether `value` may be taken.
    pub fn contains(self, value: f32) -> bool {
        value.is_finite()
            && match self {
                Self::Finite => true,
                Self::NonNegative => value >= 0.0,
                Self::Positive => value >= f32::MIN_POSITIVE,
            }
    }

    /// The range in words: "a finite number".
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Finite => "a finite number",
            Self::NonNegative => "a finite number >= 0",
            Self::Positive => "a finite number > 0 (at least 1.18e-38)",
        }
    }
}

/// What is known of a function's course, with its parameter at the default.
///
/// A test holds each of these against the f64 reference on a dense grid.
///
/// ```
/// use wgpu_activations::Activation;
///
/// let gelu = Activation::GELU.definition().properties;
/// assert_eq!(gelu.saturates, (Some(0.0), None));
/// assert!(gelu.turning_point.is_some_and(|x| (x + 0.7518).abs() < 1e-4));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Properties {
    /// Infimum and supremum of its values.
    pub range: (f64, f64),
    /// Where its slope changes sign, if it does: then it is not monotonic.
    pub turning_point: Option<f64>,
    /// Whether f(-x) = -f(x), so that symmetric input keeps mean zero.
    pub zero_centred: bool,
    /// Where its slope jumps, if it does.
    pub smoothness: Smoothness,
    /// The value it tends to as x goes to -inf and to +inf, where there is one: there its slope
    /// vanishes and learning slows.
    pub saturates: (Option<f64>, Option<f64>),
    /// What it costs to compute.
    pub cost: Cost,
}

/// Whether the slope is continuous.
///
/// ```
/// use wgpu_activations::{Activation, activation::Smoothness};
///
/// let smoothness = |activation: Activation| activation.definition().properties.smoothness;
/// assert_eq!(smoothness(Activation::RELU), Smoothness::Kink(0.0));
/// assert_eq!(smoothness(Activation::ELU), Smoothness::Once(0.0));
/// assert_eq!(smoothness(Activation::GELU), Smoothness::Smooth);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Smoothness {
    /// Derivatives of every order exist everywhere.
    Smooth,
    /// The slope is continuous, the second derivative jumps at this point.
    Once(f64),
    /// The slope jumps at this point.
    Kink(f64),
}

/// Arithmetic per element.
///
/// ```
/// use wgpu_activations::{Activation, activation::Cost};
///
/// let cheap = Activation::all().filter(|it| it.definition().properties.cost == Cost::Compare);
/// assert!(cheap.eq([Activation::RELU, Activation::LEAKY_RELU, Activation::PRELU]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Compare and multiply.
    Compare,
    /// One exponential, perhaps a division.
    Exponential,
    /// An exponential and a second series (a logarithm, an error function, a cubic).
    TwoSeries,
}

impl Cost {
    /// In words.
    ///
    /// ```
    /// use wgpu_activations::activation::Cost;
    ///
    /// assert_eq!(Cost::Exponential.description(), "one exponential");
    /// ```
    pub const fn description(self) -> &'static str {
        match self {
            Self::Compare => "a comparison and a product",
            Self::Exponential => "one exponential",
            Self::TwoSeries => "an exponential and a second series",
        }
    }
}

/// A publication.
///
/// ```
/// use wgpu_activations::Activation;
///
/// let paper = Activation::GELU.definition().paper;
/// assert_eq!(paper.title, "Gaussian Error Linear Units (GELUs)");
/// assert_eq!(paper.year, 2016);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paper {
    /// Authors.
    pub authors: &'static str,
    /// Title.
    pub title: &'static str,
    /// Year.
    pub year: u16,
    /// A lasting address: a DOI or arXiv link, else the publisher's or authors' page.
    pub url: &'static str,
}
