//! Parameters by name, as a command line, a chain's text or a binding gives them.

use std::str::FromStr;

use super::{Array, Parameter};
use crate::error::{Error, Result};

/// The parameters given to one operation. Each may be given once, and each must be taken.
#[derive(Debug)]
pub struct Arguments {
    op: &'static str,
    /// Those that nothing has taken yet.
    given: Vec<(String, Value)>,
}

/// What a parameter is given as.
#[derive(Debug, Clone)]
pub enum Value {
    /// A number or a choice.
    Text(String),
    /// An array.
    Array(Array),
}

/// Where arrays come from that a text names as `NAME=@SOURCE`.
pub type Resolver<'a> = dyn Fn(&str) -> Result<Array> + 'a;

impl Arguments {
    /// None yet, for the operation `op`.
    pub fn new(op: &'static str) -> Self {
        Self {
            op,
            given: Vec::new(),
        }
    }

    /// Those of `text`, `NAME=VALUE` separated by commas, where VALUE may be `@SOURCE` for an array that `resolve`
    /// finds.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] where it does not parse or a name is given twice, and what `resolve` reports.
    pub fn add_text(&mut self, text: &str, resolve: &Resolver<'_>) -> Result<()> {
        // Commas within parentheses belong to a value, such as an activation with parameters.
        let mut depth = 0;
        let between = |c: char| {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            c == ',' && depth == 0
        };
        let mut arguments = text.split(between).filter(|text| !text.trim().is_empty());
        arguments.try_for_each(|argument| self.add_one(argument, resolve))
    }

    /// That of `argument`, one `NAME=VALUE`, whose value may have commas: see [`Arguments::add_text`].
    ///
    /// # Errors
    ///
    /// As [`Arguments::add_text`].
    pub fn add_one(&mut self, argument: &str, resolve: &Resolver<'_>) -> Result<()> {
        let argument = argument.trim();
        let (name, value) = argument.split_once('=').ok_or_else(|| {
            self.error(argument, "a parameter is written NAME=VALUE or NAME=@FILE")
        })?;
        let (name, value) = (name.trim(), value.trim());
        let value = match value.strip_prefix('@') {
            Some("") => {
                return Err(self.error(argument, "no file is named; write NAME=@FILE"));
            }
            Some(source) => Value::Array(resolve(source)?),
            None => Value::Text(value.to_owned()),
        };
        self.add(name, value)
    }

    /// One more parameter.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] if it was given already.
    pub fn add(&mut self, name: &str, value: Value) -> Result<()> {
        if self.has(name) {
            return Err(self.error(name, "it is given twice"));
        }
        self.given.push((name.to_owned(), value));
        Ok(())
    }

    /// The operation that they are for.
    pub fn op(&self) -> &'static str {
        self.op
    }

    /// Whether a parameter is given that was not taken.
    pub fn has(&self, name: &str) -> bool {
        self.given.iter().any(|(given, _)| given == name)
    }

    /// Whether an array is given that was not taken.
    pub fn has_array(&self) -> bool {
        let mut values = self.given.iter().map(|(_, value)| value);
        values.any(|value| matches!(value, Value::Array(_)))
    }

    /// What is given for `name`.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        let place = self.given.iter().position(|(given, _)| given == name)?;
        Some(self.given.remove(place).1)
    }

    /// The text given for `name`.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] if it is an array; `what` says what it takes.
    pub fn text(&mut self, name: &str, what: &str) -> Result<Option<String>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Array(_)) => {
                Err(self.error(name, format!("it takes {what} here, not a file")))
            }
        }
    }

    /// A number, read as `T`.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] where it is none; `what` says what it takes.
    pub fn number<T: FromStr>(&mut self, name: &str, what: &str) -> Result<Option<T>> {
        let Some(text) = self.text(name, what)? else {
            return Ok(None);
        };
        let wrong = |_| self.error(format!("{name}={text}"), format!("`{text}` is not {what}"));
        text.parse().map(Some).map_err(wrong)
    }

    /// A number that must be given.
    ///
    /// # Errors
    ///
    /// As [`Arguments::number`], and [`Error::Argument`] where it is missing.
    pub fn required<T: FromStr>(&mut self, name: &str, what: &str) -> Result<T> {
        self.number(name, what)?
            .ok_or_else(|| self.error(name, format!("it must be given: {name}=VALUE, {what}")))
    }

    /// One of `choices`, the first where none is given.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] where it is none of them.
    pub fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Result<T> {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        let names = names.join(" or ");
        let Some(text) = self.text(name, &names)? else {
            return Ok(choices[0].1);
        };
        let mut choices = choices.iter();
        match choices.find(|(choice, _)| choice.eq_ignore_ascii_case(&text)) {
            Some((_, value)) => Ok(*value),
            None => Err(self.error(format!("{name}={text}"), format!("it takes {names} here"))),
        }
    }

    /// An array.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] where a text is given.
    pub fn array(&mut self, name: &str) -> Result<Option<Array>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Array(array)) => Ok(Some(array)),
            Some(Value::Text(text)) => {
                let reason = format!("it takes an array here; write {name}=@FILE");
                Err(self.error(format!("{name}={text}"), reason))
            }
        }
    }

    /// The axis, or `default`.
    ///
    /// # Errors
    ///
    /// As [`Arguments::number`].
    pub fn axis(&mut self, default: i64) -> Result<i64> {
        let axis = self.number("axis", "a whole number")?;
        Ok(axis.unwrap_or(default))
    }

    /// Fails where something given was not taken: `known` are the parameters that there are.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownParameter`] for a name that is none of them, [`Error::Argument`] for one that has no effect beside the
    /// others.
    pub fn finish(self, known: &[Parameter]) -> Result<()> {
        let Some((left, _)) = self.given.first() else {
            return Ok(());
        };
        let known: Vec<_> = known.iter().map(|parameter| parameter.name).collect();
        if known.contains(&&**left) {
            return Err(self.error(left, "it has no effect here"));
        }
        Err(Error::UnknownParameter {
            op: self.op.into(),
            name: left.clone(),
            known,
        })
    }

    /// What is wrong with `argument`.
    pub fn error(&self, argument: impl Into<String>, reason: impl Into<String>) -> Error {
        Error::Argument {
            op: self.op.into(),
            argument: argument.into(),
            reason: reason.into(),
        }
    }
}
