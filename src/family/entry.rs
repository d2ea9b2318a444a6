//! What is said about a family.

use std::borrow::Cow;

use crate::activation::Paper;

/// A family: names, formulas, parameters and origin.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The name, in lower case with hyphens: `log-softmax`.
    pub name: &'static str,
    /// Other names it is known by.
    pub aliases: &'static [&'static str],
    /// The name as prose writes it: `Log-softmax`.
    pub title: &'static str,
    /// The function, as text.
    pub formula: &'static str,
    /// Its backward pass, as text; g is the upstream gradient.
    pub slope_formula: &'static str,
    /// What shapes it.
    pub parameters: Cow<'static, [Parameter]>,
    /// What NaN, infinities and edge cases give: the input in words, then the result.
    pub special_values: &'static [(&'static str, &'static str)],
    /// What users of other libraries should know.
    pub notes: &'static [&'static str],
    /// Where it was proposed, if it was published.
    pub paper: Option<Paper>,
}

/// Something that shapes a family's result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it is where it is not given.
    pub default: Default,
    /// The values it may take, in words.
    pub rule: &'static str,
    /// What it does.
    pub description: &'static str,
}

/// What a parameter is where it is not given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Default {
    /// It must be given.
    Required,
    /// This number.
    Number(f32),
    /// This choice.
    Choice(&'static str),
}

impl Parameter {
    /// The axis of the channels or rows.
    pub const AXIS: Self = Self {
        name: "axis",
        default: Default::Number(-1.0),
        rule: "an axis of the tensor, from the end where negative",
        description: "the axis along which values are normalised",
    };
}
