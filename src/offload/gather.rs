//! What surveys find in chunks, merged on the host.

use std::sync::Mutex;

use super::chunk::Chunk;
use crate::{
    family::{Survey, Surveyed, Table},
    gpu::{lock, unlocked},
    tensor::View,
};

pub(super) struct Gather {
    survey: Survey,
    /// The tensor as the surveyed operation sees it.
    view: View,
    found: Mutex<Merged>,
}

enum Merged {
    /// Channels are merged as they come.
    Channels(Table),
    /// Parts of rows are kept until all are there, each with its place along the axis, so that results do not depend
    /// on which came first.
    Rows(Vec<Vec<(usize, Vec<f64>)>>),
}

impl Gather {
    pub(super) fn new(survey: Survey, view: View) -> Self {
        let keys = survey.keys(view);
        Self {
            survey,
            view,
            found: Mutex::new(match survey.of {
                Surveyed::Channels => Merged::Channels(Table::empty(&survey, keys)),
                Surveyed::Rows => Merged::Rows(vec![Vec::new(); keys]),
            }),
        }
    }

    /// Takes in the words of a chunk, whose places along the operation's axis are `chunk.extent`.
    pub(super) fn absorb(&self, chunk: &Chunk, words: &[f32]) {
        let parts = words.chunks_exact(self.survey.words.max(1));
        let wide = |part: &[f32]| part.iter().map(|&word| f64::from(word)).collect::<Vec<_>>();
        match &mut *lock(&self.found) {
            Merged::Channels(table) => {
                for (channel, part) in chunk.extent.clone().zip(parts) {
                    (self.survey.merge)(table.of_mut(channel), &wide(part));
                }
            }
            Merged::Rows(rows) => {
                for (row, part) in chunk.rows(self.view).zip(parts) {
                    rows[row].push((chunk.extent.start, wide(part)));
                }
            }
        }
    }

    pub(super) fn finish(self) -> Table {
        match unlocked(self.found) {
            Merged::Channels(table) => table,
            Merged::Rows(rows) => {
                let mut table = Table::empty(&self.survey, rows.len());
                for (row, mut parts) in rows.into_iter().enumerate() {
                    parts.sort_by_key(|(place, _)| *place);
                    for (_, part) in parts {
                        (self.survey.merge)(table.of_mut(row), &part);
                    }
                }
                table
            }
        }
    }
}
