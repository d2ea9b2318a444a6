//! Elements that do not depend on each other, block by block on all threads.

use rayon::prelude::*;

use super::{
    kernel::{Function, Given, MOST, Parameters},
    slice::{Slice, SliceMut},
};
use crate::tensor::View;

/// Elements of a block: what stays in the first cache with all that belongs to it.
pub(crate) const BLOCK: usize = 1 << 11;

/// Elements that a thread takes at a time.
pub(crate) const TASK: usize = 1 << 15;

/// Runs of a channel at least this long are taken one by one.
pub(crate) const RUN: usize = 1 << 8;

/// Parameters of the channels of a tensor, laid out so that a block finds its own as a slice.
pub(crate) struct Channels {
    tables: Vec<Vec<f32>>,
    /// Elements in a run that share a place in the tables.
    run: usize,
}

impl Channels {
    /// Each of `parameters` with one number for each channel, or one for all.
    pub(crate) fn new(parameters: &[&[f32]], view: View) -> Self {
        let View { extent, inner, .. } = view;
        let run = if inner >= RUN { inner } else { 1 };
        let table = |parameter: &&[f32]| -> Vec<f32> {
            let each = |channel: usize| parameter[channel % parameter.len()];
            let places = if run == 1 { inner } else { 1 };
            let period = (0..extent).flat_map(|channel| std::iter::repeat_n(each(channel), places));
            let period: Vec<f32> = period.collect();
            // Blocks of few channels hold several periods.
            let times = if run == 1 {
                (BLOCK / period.len().max(1)).max(1)
            } else {
                1
            };
            period.repeat(times)
        };
        Self {
            tables: parameters.iter().map(table).collect(),
            run,
        }
    }

    /// What blocks may not cross a multiple of.
    pub(crate) fn unit(&self) -> usize {
        match self.tables.first() {
            Some(table) if self.run == 1 => table.len().max(1),
            Some(_) => self.run,
            None => usize::MAX,
        }
    }

    /// Those of a block that begins at element `first`.
    pub(crate) fn at(&self, first: usize, length: usize) -> Parameters<'_> {
        if self.run > 1 || self.tables.is_empty() {
            let mut one = [0.0; MOST];
            for (one, table) in one.iter_mut().zip(&self.tables) {
                *one = table[first / self.run % table.len()];
            }
            return Parameters::One(one);
        }
        let mut each: [&[f32]; MOST] = [&self.tables[0][..length]; MOST];
        for (each, table) in each.iter_mut().zip(&self.tables) {
            let start = first % table.len();
            *each = &table[start..start + length];
        }
        Parameters::Each(each)
    }
}

/// Parameters of an operation on a tensor.
pub(crate) enum Spread {
    /// The same for all elements.
    One([f32; MOST]),
    /// Of each channel.
    Channels(Channels),
}

impl Spread {
    pub(crate) fn unit(&self) -> usize {
        match self {
            Self::One(_) => usize::MAX,
            Self::Channels(channels) => channels.unit(),
        }
    }

    pub(crate) fn at(&self, first: usize, length: usize) -> Parameters<'_> {
        match self {
            Self::One(parameters) => Parameters::One(*parameters),
            Self::Channels(channels) => channels.at(first, length),
        }
    }
}

/// Lets `work` fill y block by block, given the number of the block's first element and its inputs in f32. No block goes
/// across a multiple of `unit`.
pub(crate) fn each_block(
    inputs: &[Slice<'_>],
    y: SliceMut<'_>,
    unit: usize,
    work: impl Fn(usize, &[&[f32]], &mut [f32]) + Sync,
) {
    let task = |(index, mut y): (usize, SliceMut<'_>)| {
        let first = index * TASK;
        let mut rooms = vec![Vec::new(); inputs.len()];
        let mut room = Vec::new();
        let mut at = 0;
        while at < y.len() {
            let before_next = unit - (first + at) % unit;
            let end = at + BLOCK.min(before_next).min(y.len() - at);
            let range = first + at..first + end;
            let inputs = inputs.iter().zip(&mut rooms);
            let inputs: Vec<_> = inputs
                .map(|(input, room)| input.part(range.clone()).widened(room))
                .collect();
            y.part(at..end)
                .fill_with(&mut room, |y| work(first + at, &inputs, y));
            at = end;
        }
    };
    if y.len() <= TASK {
        return task((0, y));
    }
    y.chunks(TASK).into_par_iter().enumerate().for_each(task);
}

/// The loop of `kernel` over x, and over upstream gradients where there are any.
pub(crate) fn pointwise(
    kernel: &Function,
    x: Slice<'_>,
    upstream: Option<Slice<'_>>,
    parameters: &Spread,
    y: SliceMut<'_>,
) {
    let inputs: Vec<_> = std::iter::once(x).chain(upstream).collect();
    each_block(&inputs, y, parameters.unit(), |first, inputs, y| {
        let given = Given {
            x: inputs[0],
            upstream: inputs[inputs.len() - 1],
            parameters: parameters.at(first, y.len()),
        };
        kernel(given, y);
    });
}
