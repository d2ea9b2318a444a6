//! What chunks know of a tensor, put together: moments of its channels, and statistics of its rows.

use std::sync::{Mutex, PoisonError};

use super::{chain::Step, chunk::Chunk};
use crate::{
    error::Result,
    family::softmax::Softmax,
    gpu::Gpu,
    moments::{Moments, merge_channel},
    tensor::{Tensor, View},
};

/// What is known of a tensor before a step.
#[derive(Debug, Clone, Default)]
pub(super) enum Joint {
    /// Nothing, and nothing is needed.
    #[default]
    Nothing,
    /// Mean and biased variance of each channel.
    Moments { mean: Vec<f32>, variance: Vec<f32> },
    /// What softmax has to know of each row.
    Rows(Rows),
}

impl Joint {
    pub(super) fn of_moments(channels: &[Channel]) -> Self {
        let variance = |channel: &Channel| (channel.m2 / channel.count as f64) as f32;
        Self::Moments {
            mean: channels.iter().map(|channel| channel.mean as f32).collect(),
            variance: channels.iter().map(variance).collect(),
        }
    }
}

impl Joint {
    /// Something to try a step's speed with.
    pub(super) fn anything(step: &Step, view: View) -> Self {
        match step {
            Step::Dice { alpha, .. } => Self::Moments {
                mean: vec![0.0; alpha.len()],
                variance: vec![1.0; alpha.len()],
            },
            _ => Self::Rows(Rows(vec![[0.0, 1.0]; view.outer * view.inner])),
        }
    }
}

/// Two words for each row of a tensor, rows being numbered as [outer, inner].
#[derive(Debug, Clone, Default)]
pub(super) struct Rows(Vec<[f32; 2]>);

impl Rows {
    /// Those of a chunk's rows, on a device.
    pub(super) fn of(&self, gpu: &Gpu, view: View, chunk: &Chunk) -> Result<Tensor> {
        let rows = rows_of(view, chunk).map(|row| self.0[row]);
        let words: Vec<f32> = rows.flatten().collect();
        let rows = words.len() / 2;
        gpu.upload(&words, [rows, 2])
    }
}

fn rows_of(view: View, chunk: &Chunk) -> impl Iterator<Item = usize> + use<> {
    let (outer, inner) = (chunk.outer.clone(), chunk.inner.clone());
    outer.flat_map(move |outer| inner.clone().map(move |inner| outer * view.inner + inner))
}

/// What is known of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Channel {
    pub(crate) count: u64,
    pub(crate) mean: f64,
    pub(crate) m2: f64,
}

impl Channel {
    /// That of these elements.
    #[cfg(feature = "check")]
    pub(crate) fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        Self {
            count: values.len() as u64,
            mean,
            m2: values.iter().map(|value| (value - mean).powi(2)).sum(),
        }
    }

    /// Those of all channels together.
    pub(super) fn moments(channels: &[Self]) -> Result<Moments> {
        Moments::new(
            channels.first().map_or(0, |channel| channel.count),
            channels.iter().map(|channel| channel.mean).collect(),
            channels.iter().map(|channel| channel.m2).collect(),
        )
    }

    /// Takes in another part of the channel.
    pub(crate) fn absorb(&mut self, part: Self) {
        let pair = |channel: &Self| (channel.count, (channel.mean, channel.m2));
        if part.count > 0 {
            let (mean, m2) = merge_channel(pair(self), pair(&part));
            *self = Self {
                count: self.count + part.count,
                mean,
                m2,
            };
        }
    }
}

/// Takes in the moments of chunks.
pub(super) struct MomentsOfChunks(Mutex<Vec<Channel>>);

impl MomentsOfChunks {
    pub(super) fn new(channels: usize) -> Self {
        Self(Mutex::new(vec![Channel::default(); channels]))
    }

    /// Takes in the bits of [channels, 4] words: count, mean, M2 and an unused one.
    pub(super) fn absorb(&self, chunk: &Chunk, words: &[u32]) {
        let count = (chunk.outer.len() * chunk.inner.len()) as u64;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let channels = &mut all[chunk.extent.clone()];
        for (channel, words) in channels.iter_mut().zip(words.as_chunks::<4>().0) {
            let [_, mean, m2, _] = words.map(|word| f64::from(f32::from_bits(word)));
            channel.absorb(Channel { count, mean, m2 });
        }
    }

    pub(super) fn finish(self) -> Vec<Channel> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A part of a row: where along the axis it begins, and what is known of it.
type Part = (usize, [f32; 2]);

/// Takes in what is known of parts of rows.
pub(super) struct RowsOfChunks {
    view: View,
    /// For each row.
    parts: Mutex<Vec<Vec<Part>>>,
}

impl RowsOfChunks {
    pub(super) fn new(view: View) -> Self {
        Self {
            view,
            parts: Mutex::new(vec![Vec::new(); view.outer * view.inner]),
        }
    }

    /// Takes in the bits of [rows, 2] words.
    pub(super) fn absorb(&self, chunk: &Chunk, words: &[u32]) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        for (row, words) in rows_of(self.view, chunk).zip(words.as_chunks::<2>().0) {
            parts[row].push((chunk.extent.start, words.map(f32::from_bits)));
        }
    }

    /// Puts them together on a device, in the order of their places, whatever order they came in.
    pub(super) fn finish(self, gpu: &Gpu, softmax: Softmax, backward: bool) -> Result<Rows> {
        let mut parts = self
            .parts
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let most = parts.iter().map(Vec::len).max().unwrap_or(0);
        let rows = parts.len();
        if most == 0 {
            return Ok(Rows(vec![[0.0; 2]; rows]));
        }
        // Nothing of a row, where others have more parts.
        let neutral = if backward { 0.0 } else { f32::NEG_INFINITY };
        let mut words = vec![[neutral, 0.0]; most * rows];
        for (row, parts) in parts.iter_mut().enumerate() {
            parts.sort_by_key(|(place, _)| *place);
            for (index, (_, part)) in parts.iter().enumerate() {
                words[index * rows + row] = *part;
            }
        }
        let parts = gpu.upload(words.as_flattened(), [most, rows, 2])?;
        let joined = if backward {
            softmax.backward_join(parts, rows)?
        } else {
            softmax.join(parts, rows)?
        };
        let words: Vec<f32> = joined.download()?;
        Ok(Rows(words.as_chunks::<2>().0[..rows].to_vec()))
    }
}
