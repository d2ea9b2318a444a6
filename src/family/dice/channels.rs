//! Numbers of channels.

use std::{ops::Range, sync::Arc};

use super::NAME;
use crate::{
    error::{Error, Result},
    family::{Arguments, Array, Value},
    gpu::Gpu,
    kernel::recorder::Recorder,
    tensor::Tensor,
};

/// One number for all channels, or one for each.
#[derive(Debug, Clone, PartialEq)]
pub enum PerChannel {
    /// The same for all.
    All(f32),
    /// One for each, on the host or on a device.
    Each(Array),
}

impl PerChannel {
    /// A finite number, or one for each channel, as `arguments` give `name`.
    pub(super) fn parse(arguments: &mut Arguments, name: &'static str) -> Result<Option<Self>> {
        match arguments.take(name) {
            None => Ok(None),
            Some(Value::Text(text)) => {
                let value = text.parse().map_err(|_| {
                    let reason = format!("`{text}` is not a number");
                    arguments.error(format!("{name}={text}"), reason)
                })?;
                expect_finite(name, value)?;
                Ok(Some(Self::All(value)))
            }
            Some(Value::Array(array)) => {
                array
                    .expect_per_channel(arguments.op(), name, |value| expect_finite(name, value))?;
                Ok(Some(array.one().map_or(Self::Each(array), Self::All)))
            }
        }
    }

    /// That it has a number for each of the channels along `axis` of `shape`.
    pub(super) fn expect_fits(
        &self,
        parameter: &'static str,
        shape: &[usize],
        axis: usize,
    ) -> Result<()> {
        match self {
            Self::All(_) => Ok(()),
            Self::Each(values) => expect_channels(parameter, values.len(), shape, axis),
        }
    }

    /// Those of a range of channels.
    pub(super) fn part(&self, channels: Range<usize>) -> Result<Self> {
        match self {
            Self::All(value) => Ok(Self::All(*value)),
            Self::Each(values) => values.part(channels).map(Self::Each),
        }
    }

    /// One for each of so many channels, on a device.
    pub(super) fn on_device(
        &self,
        recorder: &mut Recorder<'_>,
        gpu: &Gpu,
        channels: usize,
    ) -> Result<Tensor> {
        match self {
            Self::All(value) => Array::from(vec![*value; channels]).on_device(recorder, gpu, NAME),
            Self::Each(values) => values.on_device(recorder, gpu, NAME),
        }
    }

    /// The same on the host.
    pub(super) fn to_host(&self) -> OnHost {
        match self {
            Self::All(value) => OnHost::All(*value),
            Self::Each(values) => match values.to_host() {
                Ok(values) => OnHost::Each(values),
                Err(_) => OnHost::All(f32::NAN),
            },
        }
    }
}

/// Numbers of channels on the host; NaN where they cannot be read.
pub(super) enum OnHost {
    All(f32),
    Each(Arc<[f32]>),
}

impl OnHost {
    /// That of a channel.
    pub(super) fn of(&self, channel: usize) -> f64 {
        f64::from(match self {
            Self::All(value) => *value,
            Self::Each(values) => values[channel],
        })
    }
}

impl From<f32> for PerChannel {
    fn from(value: f32) -> Self {
        Self::All(value)
    }
}

impl From<Vec<f32>> for PerChannel {
    fn from(values: Vec<f32>) -> Self {
        Self::Each(values.into())
    }
}

impl From<Array> for PerChannel {
    fn from(values: Array) -> Self {
        Self::Each(values)
    }
}

impl From<&Tensor> for PerChannel {
    /// On a device, in f32.
    fn from(values: &Tensor) -> Self {
        Self::Each(values.into())
    }
}

/// That there are as many numbers as channels along `axis` of `shape`.
pub(super) fn expect_channels(
    parameter: &'static str,
    found: usize,
    shape: &[usize],
    axis: usize,
) -> Result<()> {
    let channels = shape[axis];
    if found == channels {
        return Ok(());
    }
    Err(Error::ChannelMismatch {
        op: NAME.to_owned(),
        parameter,
        found,
        channels,
        axis,
        shape: shape.to_vec(),
    })
}

fn expect_finite(parameter: &'static str, value: f32) -> Result<()> {
    super::expect_range(value.is_finite(), parameter, value, "a finite number")
}
