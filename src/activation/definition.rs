//! What a catalogue entry says about an activation.

/// One activation: names, formulas, the f64 reference and its shader.
///
/// A function of your own is one, too. Begin with [`Definition::new`] and add what you want told: fields
/// may be added to this struct.
///
/// ```
/// use wgpu_activations::{Activation, activation::{Definition, Parameter}};
///
/// static SQUARED_RELU: Definition = Definition {
///     title: "Squared ReLU",
///     formula: "scale max(x, 0)^2",
///     parameters: &[Parameter::new("scale", 1.0, |x, _| x.max(0.0).powi(2))],
///     ..Definition::new(
///         "squared-relu",
///         "fn value(x: Real, scale: Real) -> Real {
///              let y = max(x, Real(0.0));
///              return scale * y * y;
///          }
///          fn backward(x: Real, upstream: Real, scale: Real) -> Real {
///              return 2.0 * scale * max(x, Real(0.0)) * upstream;
///          }
///          fn parameter_backward(x: Real, upstream: Real, scale: Real) -> Real {
///              let y = max(x, Real(0.0));
///              return y * y * upstream;
///          }",
///         |x, [scale, ..]| scale * x.max(0.0).powi(2),
///         |x, [scale, ..]| scale * 2.0 * x.max(0.0),
///     )
/// };
/// let squared = Activation::new(&SQUARED_RELU).with(0.5)?;
/// assert_eq!(squared.to_string(), "squared-relu(scale=0.5)");
/// assert_eq!((squared.value(3.0), squared.slope(3.0)), (4.5, 3.0));
/// assert!(SQUARED_RELU.paper.is_none());
/// # Ok::<(), wgpu_activations::Error>(())
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
    /// Its parameters, at most [`MOST_PARAMETERS`].
    pub parameters: &'static [Parameter],
    /// What is known of its course, with the parameters at the default, where somebody stated it;
    /// [`Activation::course`](super::Activation::course) computes it for any.
    pub properties: Option<Properties>,
    /// What other libraries call it: the library, then the name there.
    pub elsewhere: &'static [(&'static str, &'static str)],
    /// What is asked of its value in f32 where math is accurate, in units in the last place.
    pub ulp: f64,
    /// Where terms cancel, the sums of their magnitudes: of the value and of the slope. Errors are measured by these.
    pub magnitudes: Option<[Function; 2]>,
    /// Where it was proposed, if it was published.
    pub paper: Option<Paper>,
    /// f(x; parameters) in f64, written from the definition.
    pub value: Function,
    /// df/dx in f64.
    pub slope: Function,
    /// The WGSL functions `value(x)`, `backward(x, upstream)` and, with parameters, which then come last in all of
    /// them, `parameter_backward(x, upstream, parameters..)`, over `Real`: an f32 or four of them. With one parameter
    /// the last gives a `Real`, with several a struct with a member for each, of its name.
    pub wgsl: &'static str,
}

impl Definition {
    /// What most entries of the catalogue leave out.
    pub(super) const BLANK: Self = Self::new("", "", |x, _| x, |_, _| 1.0);

    /// A function without a parameter, known by its name alone: its reference, its slope and its shader.
    pub const fn new(
        name: &'static str,
        wgsl: &'static str,
        value: Function,
        slope: Function,
    ) -> Self {
        Self {
            name,
            aliases: &[],
            title: name,
            formula: "",
            slope_formula: "",
            parameters: &[],
            properties: None,
            elsewhere: &[],
            ulp: 2.5,
            magnitudes: None,
            paper: None,
            value,
            slope,
            wgsl,
        }
    }

    /// What the error of an expected value (pass 0), or of a slope times upstream (pass 1), is measured by.
    pub(crate) fn size(
        &self,
        pass: usize,
        x: f64,
        numbers: [f64; MOST_PARAMETERS],
        (expected, upstream): (f64, f64),
    ) -> f64 {
        let terms = match (self.magnitudes, self.properties) {
            (Some(sums), _) => sums[pass](x, numbers),
            (None, Some(properties)) if pass == 1 && properties.turning_point.is_some() => {
                self.slope_terms(x, numbers)
            }
            _ => return expected,
        };
        (terms * upstream.abs()).max(expected.abs())
    }

    /// The magnitudes of the two terms of f'(x): f(x) / x, and what f'(x) is beside it.
    fn slope_terms(&self, x: f64, numbers: [f64; MOST_PARAMETERS]) -> f64 {
        let slope = (self.slope)(x, numbers);
        let gate = (self.value)(x, numbers) / x;
        // At 0 and at infinity there is but one term.
        if gate.is_finite() {
            gate.abs() + (slope - gate).abs()
        } else {
            slope.abs()
        }
    }

    /// Whether both are the same function: one name, one shader.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        std::ptr::eq(self, other) || (self.name == other.name && self.wgsl == other.wgsl)
    }
}

/// Parameters that an activation has at most.
pub const MOST_PARAMETERS: usize = 4;

/// A function of x and the values of the parameters in their order; those that there are not are 0.
pub type Function = fn(f64, [f64; MOST_PARAMETERS]) -> f64;

/// `value`, unless x is NaN, which a comparison may have lost.
pub(super) fn unless_nan(x: f64, value: f64) -> f64 {
    if x.is_nan() { x } else { value }
}

/// x with infinity at f64's end, of which 0 makes 0.
pub(super) fn finite(x: f64) -> f64 {
    x.clamp(f64::MIN, f64::MAX)
}

/// x times a share, of which 0 makes 0 of infinity, too.
pub(super) fn times(x: f64, share: f64) -> f64 {
    if share == 0.0 {
        0.0 * finite(x)
    } else {
        x * share
    }
}

/// A number that shapes an activation. For one of your own begin with [`Parameter::new`]: fields may be
/// added to this struct.
#[derive(Debug)]
pub struct Parameter {
    /// Its name in the formula.
    pub name: &'static str,
    /// Its value where none is given.
    pub default: f32,
    /// The values it may take.
    pub range: Range,
    /// Whether it is as a rule one for each channel, and learned.
    pub per_channel: bool,
    /// Values that show what it does, for pictures.
    pub shown: &'static [f32],
    /// What it does.
    pub description: &'static str,
    /// df/dparameter, as text.
    pub slope_formula: &'static str,
    /// df/dparameter in f64.
    pub slope: Function,
    /// Where its terms cancel, the sum of their magnitudes.
    pub magnitude: Option<Function>,
}

impl Parameter {
    /// What most parameters of the catalogue leave out.
    pub(super) const BLANK: Self = Self::new("", 0.0, |_, _| 0.0);

    /// A parameter that may be any finite number.
    pub const fn new(name: &'static str, default: f32, slope: Function) -> Self {
        Self {
            name,
            default,
            range: Range::Finite,
            per_channel: false,
            shown: &[],
            description: "",
            slope_formula: "",
            slope,
            magnitude: None,
        }
    }
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

/// What is known of a function's course, with its parameters at the default.
///
/// A test holds what the catalogue states against the f64 reference on a dense grid.
///
/// ```
/// use wgpu_activations::Activation;
///
/// let gelu = Activation::GELU.definition().properties;
/// assert_eq!(gelu.map(|gelu| gelu.saturates), Some((Some(0.0), None)));
/// let turns = gelu.and_then(|gelu| gelu.turning_point);
/// assert!(turns.is_some_and(|x| (x + 0.7518).abs() < 1e-4));
/// ```
///
/// For a function of your own begin with [`Properties::new`]: fields may be added to this struct.
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
    /// Where that jumps which jumps, from left to right.
    pub bends: &'static [f64],
    /// The value it tends to as x goes to -inf and to +inf, where there is one: there its slope
    /// vanishes and learning slows.
    pub saturates: (Option<f64>, Option<f64>),
    /// What it costs to compute.
    pub cost: Cost,
}

impl Properties {
    /// Those of a monotonic function that does not saturate and is not zero-centred.
    ///
    /// ```
    /// use wgpu_activations::activation::{Cost, Properties, Smoothness};
    ///
    /// const SQUARED_RELU: Properties = Properties {
    ///     saturates: (Some(0.0), None),
    ///     ..Properties::new((0.0, f64::INFINITY), Smoothness::Once, &[0.0], Cost::Compare)
    /// };
    /// assert_eq!(SQUARED_RELU.turning_point, None);
    /// ```
    pub const fn new(
        range: (f64, f64),
        smoothness: Smoothness,
        bends: &'static [f64],
        cost: Cost,
    ) -> Self {
        Self {
            range,
            turning_point: None,
            zero_centred: false,
            smoothness,
            bends,
            saturates: (None, None),
            cost,
        }
    }
}

/// Whether the slope is continuous.
///
/// ```
/// use wgpu_activations::{Activation, activation::Smoothness};
///
/// let smoothness = |activation: Activation| activation.course().smoothness;
/// assert_eq!(smoothness(Activation::RELU), Smoothness::Kink);
/// assert_eq!(smoothness(Activation::ELU), Smoothness::Once);
/// assert_eq!(smoothness(Activation::GELU), Smoothness::Smooth);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Smoothness {
    /// Derivatives of every order exist everywhere.
    Smooth,
    /// The slope is continuous, the second derivative jumps.
    Once,
    /// The slope jumps.
    Kink,
    /// The value jumps.
    Jump,
}

impl Smoothness {
    /// In words: `yes`, or what jumps `at`.
    pub fn description(self, at: &[f64]) -> String {
        let at: Vec<_> = at.iter().map(f64::to_string).collect();
        let at = at.join(" and ");
        match self {
            Self::Smooth => "yes".to_owned(),
            Self::Once => format!("once; its second derivative jumps at {at}"),
            Self::Kink => format!("no, its slope jumps at {at}"),
            Self::Jump => format!("no, it jumps at {at}"),
        }
    }

    /// In a word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Smooth => "yes",
            Self::Once => "once",
            Self::Kink | Self::Jump => "no",
        }
    }
}

/// Arithmetic per element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Compare and multiply.
    Compare,
    /// A division.
    Division,
    /// One exponential, perhaps a division.
    Exponential,
    /// An exponential and a second series (a logarithm, an error function, a cubic).
    TwoSeries,
    /// A sine of any number.
    Sine,
}

impl Cost {
    /// In words.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Compare => "a comparison and a product",
            Self::Division => "a division",
            Self::Exponential => "one exponential",
            Self::TwoSeries => "an exponential and a second series",
            Self::Sine => "a sine",
        }
    }
}

/// A publication.
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
