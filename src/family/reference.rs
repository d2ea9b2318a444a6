//! What the f64 reference of an operation works on.

use super::survey::{Survey, Surveyed};
use crate::{accuracy::bound::Bound, tensor::View};

/// Some lanes of a tensor seen as [outer, extent, inner]: for each lane, a pair (outer, inner), the elements at some
/// places along the axis.
#[derive(Debug, Clone, Copy)]
pub struct Sheet<'a> {
    /// The whole tensor.
    pub view: View,
    /// (outer, inner) of each lane.
    pub lanes: &'a [(usize, usize)],
    /// Places along the axis, rising; all of them for an operation that needs whole rows.
    pub places: &'a [usize],
    /// Length of the result's axis, for an operation that changes it.
    pub extent_after: usize,
    /// For each input its elements, lane after lane.
    pub inputs: &'a [&'a [f64]],
    /// For each input what its elements may be off by; empty where they are exact.
    pub off: &'a [&'a [f64]],
    /// What the surveys have found; empty where there were none.
    pub known: &'a [Table],
}

impl<'a> Sheet<'a> {
    /// The elements of the first input.
    pub fn x(&self) -> &'a [f64] {
        self.inputs.first().copied().unwrap_or(&[])
    }

    /// What element `index` of the first input may be off by.
    pub fn off(&self, index: usize) -> f64 {
        self.off.first().map_or(0.0, |off| off[index])
    }

    /// The elements of each lane of the first input.
    pub fn rows(&self) -> impl Iterator<Item = &'a [f64]> {
        let (x, len) = (self.x(), self.places.len());
        (0..self.lanes.len()).map(move |lane| &x[lane * len..][..len])
    }

    /// The place along the axis of element `index` of the sheet: its channel.
    pub fn channel(&self, index: usize) -> usize {
        self.places[index % self.places.len()]
    }

    /// The row in the whole tensor of lane `lane`, rows being numbered as [outer, inner].
    pub fn row(&self, lane: usize) -> usize {
        let (outer, inner) = self.lanes[lane];
        outer * self.view.inner + inner
    }

    /// The number in the whole tensor of element `index` of the sheet.
    pub fn element(&self, index: usize) -> u64 {
        let (outer, inner) = self.lanes[index / self.places.len()];
        let place = outer as u64 * self.view.extent as u64 + self.channel(index) as u64;
        place * self.view.inner as u64 + inner as u64
    }
}

/// Numbers for each channel, or row, of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    words: usize,
    values: Vec<f64>,
}

impl Table {
    /// What is known of `keys` channels or rows before anything was looked at.
    pub fn empty(survey: &Survey, keys: usize) -> Self {
        Self {
            words: survey.words,
            values: survey.empty.repeat(keys),
        }
    }

    /// Numbers known from elsewhere, `words` for each key.
    pub fn new(words: usize, values: Vec<f64>) -> Self {
        Self { words, values }
    }

    /// Those of one channel or row.
    pub fn of(&self, key: usize) -> &[f64] {
        &self.values[key * self.words..][..self.words]
    }

    /// The same, to be changed.
    pub fn of_mut(&mut self, key: usize) -> &mut [f64] {
        &mut self.values[key * self.words..][..self.words]
    }

    /// All, key after key.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.values.chunks_exact(self.words.max(1))
    }
}

impl Survey {
    /// How many channels or rows a tensor has.
    pub fn keys(&self, view: View) -> usize {
        match self.of {
            Surveyed::Channels => view.extent,
            // Beyond any number only where there are no elements.
            Surveyed::Rows => view.outer.saturating_mul(view.inner),
        }
    }
}

/// A sum, and the sum of its finite terms' magnitudes, by which its rounding is measured.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sum {
    /// The sum.
    pub value: f64,
    /// The sum of the magnitudes.
    pub magnitude: f64,
    /// What it may be off by beside its rounding: terms that may belong to another sum.
    pub off: f64,
}

impl Sum {
    /// Adds a term.
    pub fn add(&mut self, term: f64) {
        self.value += term;
        if term.is_finite() {
            self.magnitude += term.abs();
        }
    }

    /// Adds what a term may be off by, if it is a `factor` times what is off by `off`: nothing where either is 0.
    pub fn add_off(&mut self, factor: f64, off: f64) {
        if factor != 0.0 && off != 0.0 {
            self.off += (factor * off).abs();
        }
    }

    /// What the sum should be, computed in f32: it may be off by a `share` of its terms' magnitudes. Where those leave
    /// f32's range, so may parts of the sum, and nothing is asked of it.
    pub fn bound(&self, share: f64) -> Bound {
        let overflows = self.magnitude > f64::from(f32::MAX);
        let anything = overflows || self.off == f64::INFINITY;
        let allowed = share * self.magnitude + self.off + f64::from(f32::MIN_POSITIVE);
        Bound {
            expected: self.value,
            allowed: if anything { f64::INFINITY } else { allowed },
        }
    }

    /// Takes in another part of the sum.
    pub fn merge(&mut self, other: Self) {
        self.value += other.value;
        self.magnitude += other.magnitude;
        self.off += other.off;
    }
}
