//! Parameters as the command line gives them: `--param NAME=VALUE`, and `OP(NAME=VALUE)`.

use std::path::{Path, PathBuf};

use half::f16;

use super::{Failure, Result};
use wgpu_activations::{
    Error,
    io::npy::{self, Values},
};

/// The parameters given to a family.
pub(super) struct Parameters {
    op: &'static str,
    given: Vec<Given>,
}

struct Given {
    name: &'static str,
    value: Value,
}

enum Value {
    Text(String),
    File(PathBuf),
}

/// A parameter of channels.
pub(super) enum PerChannel {
    /// The same for all.
    One(f32),
    /// One for each.
    Each(Vec<f32>),
}

/// A tensor from a file.
pub(super) struct Weights {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f32>,
}

/// `NAME` and `NAME(ARGUMENTS)` in their parts.
pub(super) fn split(op: &str) -> Result<(&str, &str)> {
    match op.split_once('(') {
        None => Ok((op, "")),
        Some((name, rest)) => match rest.trim_end().strip_suffix(')') {
            Some(arguments) => Ok((name, arguments.trim())),
            None => Err(Error::Syntax {
                text: op.to_owned(),
                reason: "the closing parenthesis is missing".to_owned(),
            }
            .into()),
        },
    }
}

impl Parameters {
    /// Those that `arguments`, the text in the parentheses, and `--param` give to `op`, which takes
    /// `known`.
    pub(super) fn new(
        op: &'static str,
        arguments: &str,
        params: &[String],
        known: &[&'static str],
    ) -> Result<Self> {
        let mut given: Vec<Given> = Vec::new();
        let arguments = arguments.split(',').filter(|text| !text.trim().is_empty());
        for text in arguments.chain(params.iter().map(String::as_str)) {
            let (name, value) = text.split_once('=').ok_or_else(|| {
                Failure::Usage(format!("--param {text}: write NAME=VALUE or NAME=@FILE"))
            })?;
            let (name, value) = (name.trim(), value.trim());
            let name = *known.iter().find(|known| **known == name).ok_or_else(|| {
                Error::UnknownParameter {
                    op: op.to_owned(),
                    name: name.to_owned(),
                    known: known.to_vec(),
                }
            })?;
            if given.iter().any(|given| given.name == name) {
                return Err(Failure::Usage(format!(
                    "--param {text}: {name} is given twice"
                )));
            }
            let value = match value.strip_prefix('@') {
                Some("") => {
                    return Err(Failure::Usage(format!(
                        "--param {text}: no file is named; write NAME=@FILE"
                    )));
                }
                Some(path) => Value::File(path.into()),
                None => Value::Text(value.to_owned()),
            };
            given.push(Given { name, value });
        }
        Ok(Self { op, given })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    fn find(&self, name: &str) -> Option<&Value> {
        let given = self.given.iter().find(|given| given.name == name);
        given.map(|given| &given.value)
    }

    /// The text given for `name`, not a file.
    fn text(&self, name: &str, what: &str) -> Result<Option<&str>> {
        match self.find(name) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::File(path)) => Err(Failure::Usage(format!(
                "--param {name}=@{}: {} takes {what} here, not a file",
                path.display(),
                self.op
            ))),
        }
    }

    /// A number, read as `T`.
    pub(super) fn number<T: std::str::FromStr>(&self, name: &str, what: &str) -> Result<Option<T>> {
        let parse = |text: &str| {
            text.parse().map_err(|_| {
                Failure::Usage(format!("--param {name}={text}: `{text}` is not {what}"))
            })
        };
        self.text(name, what)?.map(parse).transpose()
    }

    /// [`Parameters::number`] of a parameter that has no default.
    pub(super) fn required<T: std::str::FromStr>(&self, name: &str, what: &str) -> Result<T> {
        self.number(name, what)?.ok_or_else(|| {
            Failure::Usage(format!("{} needs --param {name}=VALUE, {what}", self.op))
        })
    }

    /// One of `choices`, the first of which is the default.
    pub(super) fn choice<T: Copy>(&self, name: &str, choices: &[(&'static str, T)]) -> Result<T> {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        let text = self.text(name, &names.join(" or "))?.unwrap_or(names[0]);
        let found = choices
            .iter()
            .find(|(choice, _)| choice.eq_ignore_ascii_case(text));
        found.map(|(_, value)| *value).ok_or_else(|| {
            Failure::Usage(format!(
                "--param {name}={text}: {} takes {} here",
                self.op,
                names.join(" or ")
            ))
        })
    }

    /// A tensor from a file.
    pub(super) fn weights(&self, name: &str) -> Result<Option<Weights>> {
        match self.find(name) {
            None => Ok(None),
            Some(Value::File(path)) => Ok(Some(read(path)?)),
            Some(Value::Text(text)) => Err(Failure::Usage(format!(
                "--param {name}={text}: {} takes a file here; write {name}=@FILE",
                self.op
            ))),
        }
    }

    /// A finite number, or one for each channel from a file.
    pub(super) fn per_channel(&self, name: &'static str) -> Result<Option<PerChannel>> {
        match self.find(name) {
            None => Ok(None),
            Some(Value::Text(_)) => {
                let value = self.number(name, "a number")?.unwrap_or(0.0);
                self.expect_finite(name, value)?;
                Ok(Some(PerChannel::One(value)))
            }
            Some(Value::File(path)) => {
                let values = channel_values(path)?;
                for (index, &value) in values.iter().enumerate() {
                    self.expect_finite(name, value)
                        .map_err(|error| Error::File {
                            path: path.clone(),
                            reason: format!("value {index}: {error}"),
                        })?;
                }
                Ok(Some(PerChannel::Each(values)))
            }
        }
    }

    fn expect_finite(&self, parameter: &'static str, value: f32) -> wgpu_activations::Result<()> {
        if value.is_finite() {
            return Ok(());
        }
        Err(Error::ParameterOutOfRange {
            op: self.op.to_owned(),
            parameter,
            value,
            rule: "a finite number",
        })
    }
}

impl PerChannel {
    /// One value for each of the channels along `axis` of `shape`.
    pub(super) fn expand(
        &self,
        op: &'static str,
        parameter: &'static str,
        shape: &[usize],
        axis: usize,
    ) -> Result<Vec<f32>> {
        match self {
            Self::One(value) => Ok(vec![*value; shape[axis]]),
            Self::Each(values) if values.len() == shape[axis] => Ok(values.clone()),
            Self::Each(values) => Err(Error::ChannelMismatch {
                op: op.to_owned(),
                parameter,
                found: values.len(),
                channels: shape[axis],
                axis,
                shape: shape.to_vec(),
            }
            .into()),
        }
    }
}

/// One value per channel from a file.
pub(super) fn channel_values(path: &Path) -> Result<Vec<f32>> {
    let Weights { shape, values } = read(path)?;
    if shape.len() != 1 {
        return Err(Error::File {
            path: path.to_owned(),
            reason: format!(
                "has shape {shape:?}; one value per channel is needed, shape [channels]"
            ),
        }
        .into());
    }
    Ok(values)
}

fn read(path: &Path) -> Result<Weights> {
    let array = npy::read(path)?.to_order(npy::Order::C)?;
    Ok(Weights {
        shape: array.shape,
        values: match array.values {
            Values::F32(values) => values,
            Values::F16(values) => values.into_iter().map(f16::to_f32).collect(),
        },
    })
}
