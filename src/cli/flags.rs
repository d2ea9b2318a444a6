//! The flags that `run` and `grad` share, and what they name.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use half::f16;

use super::{Failure, Result};
use crate::{
    activation::Activation,
    error::Error,
    io::npy::{self, Values},
    wgsl::Math,
};

#[derive(Args)]
pub(super) struct Flags {
    /// Output file; it has the input's shape and element type.
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: PathBuf,
    /// A parameter: a number, or @file.npy with one value per channel.
    #[arg(long, value_name = "NAME=VALUE")]
    param: Vec<String>,
    /// The channel axis for --param NAME=@FILE; negative counts from the end [default: -1].
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(super) axis: Option<i64>,
    /// The device: a name from `activations devices`, a unique part of one, or cpu.
    #[arg(long, value_name = "D")]
    pub(super) device: Option<String>,
    /// Elementary functions: the crate's own, within 4 ULP everywhere, or the adapter's.
    #[arg(long, value_enum, default_value_t)]
    math: MathFlag,
    /// How much of the result to compare with the f64 reference.
    #[arg(long, value_enum, default_value_t)]
    pub(super) verify: Verify,
    /// Replace the output file if it is there.
    #[arg(long)]
    pub(super) force: bool,
    /// Print a summary as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Clone, Copy, Default, ValueEnum)]
pub(super) enum MathFlag {
    #[default]
    Accurate,
    Native,
}

impl From<MathFlag> for Math {
    fn from(flag: MathFlag) -> Self {
        match flag {
            MathFlag::Accurate => Self::Accurate,
            MathFlag::Native => Self::Native,
        }
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Verify {
    /// Nothing.
    None,
    /// 65,536 elements spread over the tensor.
    #[default]
    Sample,
    /// Every element.
    Full,
}

impl Flags {
    pub(super) fn math(&self) -> Math {
        self.math.into()
    }

    /// The activation that `op` and `--param` name, with its parameter per channel where one comes
    /// from a file.
    pub(super) fn activation(&self, op: &str) -> Result<(Activation, Option<Vec<f32>>)> {
        let mut activation: Activation = op.parse()?;
        let mut per_channel = None;
        // As in `elu(alpha=0.5)`.
        let mut seen = op.contains('=');
        for param in &self.param {
            let (name, value) = param.split_once('=').ok_or_else(|| {
                Failure::Usage(format!("--param {param}: write NAME=VALUE or NAME=@FILE"))
            })?;
            if std::mem::replace(&mut seen, true) {
                return Err(Failure::Usage(format!(
                    "--param {param}: one value is enough, {} has one parameter",
                    activation.name()
                )));
            }
            if value == "@" {
                return Err(Failure::Usage(format!(
                    "--param {param}: no file is named; write NAME=@FILE"
                )));
            }
            if let Some(path) = value.strip_prefix('@') {
                // Checks the name before the file.
                let default = activation.parameter().unwrap_or(0.0);
                activation.with_named(name, default)?;
                per_channel = Some(channel_values(activation, Path::new(path))?);
            } else {
                let value: f64 = value.parse().map_err(|_| {
                    Failure::Usage(format!(
                        "--param {param}: `{value}` is not a number; write NAME=VALUE or NAME=@FILE"
                    ))
                })?;
                activation = activation.with_named(name, value as f32)?;
            }
        }
        if self.axis.is_some() && per_channel.is_none() {
            return Err(Failure::Usage(
                "--axis has no effect without --param NAME=@FILE".to_owned(),
            ));
        }
        Ok((activation, per_channel))
    }
}

/// One value per channel from a file, each within the parameter's range.
fn channel_values(activation: Activation, path: &Path) -> Result<Vec<f32>> {
    let array = npy::read(path)?;
    if array.shape.len() != 1 {
        return Err(Error::File {
            path: path.to_owned(),
            reason: format!(
                "has shape {:?}; one value per channel is needed, shape [channels]",
                array.shape
            ),
        }
        .into());
    }
    let mut values = match array.values {
        Values::F32(values) => values,
        Values::F16(values) => values.into_iter().map(f16::to_f32).collect(),
    };
    for (index, value) in values.iter_mut().enumerate() {
        let with = activation.with(*value).map_err(|error| Error::File {
            path: path.to_owned(),
            reason: format!("value {index}: {error}"),
        })?;
        *value = with.parameter().unwrap_or(*value);
    }
    Ok(values)
}
