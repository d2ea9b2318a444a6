//! Families of operations: the traits that everything else is written over, and the only list of families.
//!
//! A family is one folder here, WGSL files of the same name in `shaders/family/`, one test file and one line in
//! the list below. All else (chains, offload, checks, benchmarks, the command, documentation) iterates
//! [`families`] and knows a family only as a [`Family`] that gives [`Operation`]s.

mod arguments;
mod array;
mod by_reference;
pub(crate) mod calls;
mod case;
mod curve;
mod draw;
mod entry;
mod inputs;
mod operation;
mod pass;
mod reference;
mod survey;

#[doc(hidden)]
pub use crate::activation::nearest;
pub use crate::activation::normalised;
pub use arguments::{Arguments, Resolver, Value};
pub use array::Array;
pub(crate) use calls::calls;
pub use case::{Benchmark, Case, SHAPES, Traffic, everyday};
pub use curve::{Curve, Function, Picture, Sweep};
pub use draw::{Draw, Drawn};
pub use entry::{Default, Entry, Parameter};
pub use inputs::Inputs;
pub(crate) use inputs::inputs_error;
pub(crate) use operation::Chosen;
pub use operation::{Boxed, Cut, Extra, Gradient, Indices, Keep, Operation, Part, Saved};
pub use pass::Pass;
pub use reference::{Sheet, Sum, Table};
pub use survey::{Survey, Surveyed, add};

use crate::{
    activation::{ACTIVATIONS, Activation, is_called},
    element::ElementType,
    error::{Error, Result},
    gpu::Tunable,
    wgsl::{Math, Shader, Vectors},
};

macro_rules! families {
    ($($folder:ident: [$($family:ident),*],)*) => {
        $(pub mod $folder;)*
        /// The families beside the pointwise activations, in the order of the documentation.
        const FAMILIES: &[&dyn Family] = &[$($(&$folder::$family,)*)*];
    };
}

families! {
    pointwise: [],
    dice: [OfDice],
    softmax: [SOFTMAX, LOG_SOFTMAX, OfSoftmin],
    logsumexp: [OfLogSumExp],
    sparsemax: [SPARSEMAX, HARDMAX],
    gated: [GLU, REGLU, GEGLU, GEGLU_TANH, SWIGLU, SWIGLU_CLAMPED, GATED],
    maxout: [OfMaxout],
    alpha_dropout: [OfAlphaDropout],
    rrelu: [OfRrelu],
}

/// A named kind of operation. An [`Activation`] of one element is one, a user's own too.
pub trait Family: Sync {
    /// What it is: names, formulas, parameters, origin.
    fn entry(&self) -> Entry;

    /// The operation with these parameters.
    ///
    /// # Errors
    ///
    /// Where a parameter is unknown, missing, given twice or out of its range.
    fn parse(&self, arguments: Arguments) -> Result<Box<dyn Operation>>;

    /// What a result may differ from the reference by, in words.
    fn allowed(&self, pass: Pass, element: ElementType, math: Math) -> String;

    /// What checks try: operations with inputs that find errors.
    fn cases(&self, element: ElementType) -> Vec<Case>;

    /// Random parameters for an input of `shape`, which it may change to one that they take.
    fn draw(&self, draw: &mut Draw, shape: &mut Vec<usize>) -> Drawn {
        let parameters = self.entry().parameters;
        let axis = parameters.iter().find(|it| it.name == Parameter::AXIS.name);
        let axis = axis.map(|axis| (axis.name, Value::Text(draw.axis(shape).to_string())));
        axis.into_iter().collect()
    }

    /// What benchmarks measure, if anything.
    fn benchmark(&self) -> Option<Benchmark>;

    /// The numbers that shape its kernels alone, for each of which some family's [`Benchmark::tuned_by`] stands.
    fn tunables(&self) -> &'static [Tunable] {
        &[]
    }

    /// The shaders that it launches, for tests that compile them all.
    fn shaders(&self, vectors: Vectors, math: Math) -> Vec<(String, Shader)>;

    /// What it looks like as a function of one element, if that shows something: with the parameters that `sweep`
    /// has, else with some that show what it does.
    ///
    /// # Errors
    ///
    /// Where a parameter is out of its range.
    fn picture(&self, _sweep: &mut Sweep) -> Result<Option<Picture>> {
        Ok(None)
    }

    /// The activation that it is, where its result depends on one element alone.
    fn activation(&self) -> Option<Activation> {
        None
    }
}

/// Every family: the activations of the catalogue, then the others.
///
/// ```
/// use wgpu_activations::family::families;
///
/// let names: Vec<_> = families().map(|family| family.entry().name).collect();
/// assert!(names.contains(&"gelu") && names.contains(&"softmax"));
/// ```
pub fn families() -> impl Iterator<Item = &'static dyn Family> + Clone {
    let pointwise = ACTIVATIONS
        .iter()
        .map(|activation| activation as &dyn Family);
    pointwise.chain(FAMILIES.iter().copied())
}

/// The families whose results depend on more than one element.
pub fn of_many_elements() -> impl Iterator<Item = &'static dyn Family> + Clone {
    FAMILIES.iter().copied()
}

/// The family called `name`, by its name or an alias, whatever its case, with `-`, `_` or nothing between its words.
///
/// ```
/// use wgpu_activations::family::find;
///
/// assert_eq!(find("LogSoftmax")?.entry().name, "log-softmax");
/// assert!(find("gleu").is_err_and(|error| error.to_string().contains("did you mean `gelu`?")));
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::UnknownActivation`] with the nearest name.
pub fn find(name: &str) -> Result<&'static dyn Family> {
    let found = families().find(|family| {
        let entry = family.entry();
        is_called(entry.name, entry.aliases, name)
    });
    found.ok_or_else(|| {
        let entries = families().map(Family::entry);
        let names = entries.map(|entry| (entry.name, entry.aliases));
        crate::activation::unknown(name, names)
    })
}

/// `NAME` or `NAME(ARGUMENTS)` in its parts.
///
/// ```
/// use wgpu_activations::family::split;
///
/// assert_eq!(split("elu(alpha=0.5)")?, ("elu", "alpha=0.5"));
/// assert!(split("elu(alpha=0.5").is_err());
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Syntax`] where the parentheses do not match.
pub fn split(text: &str) -> Result<(&str, &str)> {
    let syntax = |reason: &str| Error::Syntax {
        text: text.trim().to_owned(),
        reason: reason.to_owned(),
    };
    let text = text.trim();
    match text.split_once('(') {
        None if text.is_empty() => Err(syntax("a name is missing")),
        None => Ok((text, "")),
        Some((name, rest)) => {
            let arguments = rest.trim_end().strip_suffix(')');
            let arguments =
                arguments.ok_or_else(|| syntax("the closing parenthesis is missing"))?;
            Ok((name.trim(), arguments.trim()))
        }
    }
}

/// The operation that `text` names, `NAME` or `NAME(PARAMETER=VALUE, ..)`; arrays come from `resolve`.
///
/// # Errors
///
/// As [`find`], [`split`] and [`Family::parse`].
pub fn parse(text: &str, resolve: &Resolver<'_>) -> Result<Box<dyn Operation>> {
    let (name, given) = split(text)?;
    let family = find(name)?;
    let mut arguments = Arguments::new(family.entry().name);
    arguments.add_text(given, resolve)?;
    family.parse(arguments)
}
