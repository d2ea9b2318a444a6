//! What the reference knows of whole channels and rows.

use crate::{
    chain::Chain,
    family::{Survey, Table},
    offload::TABLES_OBSERVED,
};

/// What the surveys of an operation find, by the reference.
#[derive(Clone)]
pub(super) struct Known {
    /// Their tables: those of values as expected, then those of each move.
    variants: Vec<Vec<Table>>,
}

/// Moves that surveys are made with, of the inputs or of the upstream gradients: all up, and up and down by the lowest
/// two bits of an element's number.
const MOVES: [u32; 3] = [0, 2, 3];

const VARIANTS: usize = 1 + 2 * MOVES.len();
const _: () = assert!(VARIANTS as u64 <= TABLES_OBSERVED);

impl Known {
    /// Nothing yet, of an operation whose inputs and upstream gradients are exact, or of one where they may be off.
    pub(super) fn new(is_exact: bool) -> Self {
        let variants = if is_exact { 1 } else { VARIANTS };
        Self {
            variants: vec![Vec::new(); variants],
        }
    }

    /// For each operation of a chain; of a single one everything is exact.
    pub(super) fn of_chain(chain: &Chain) -> Vec<Self> {
        let steps = chain.steps().len();
        vec![Self::new(steps == 1); steps]
    }

    /// Of values as expected.
    pub(super) fn expected(&self) -> &[Table] {
        &self.variants[0]
    }

    /// Of values that are off: whether the inputs are moved or upstream is, and how.
    pub(super) fn moved(&self) -> impl Iterator<Item = (&[Table], bool, u32)> {
        let moves = [true, false].into_iter();
        let moves = moves.flat_map(|of_inputs| MOVES.map(|of_move| (of_inputs, of_move)));
        let pairs = self.variants[1..].iter().zip(moves);
        pairs.map(|(tables, (of_inputs, of_move))| (&tables[..], of_inputs, of_move))
    }

    /// Takes what survey number `index` has found in a selection: channels or rows, and the words of each by variant.
    pub(super) fn merge(&mut self, index: usize, survey: &Survey, keys: usize, found: &[Found]) {
        for (variant, tables) in self.variants.iter_mut().enumerate() {
            if tables.len() == index {
                tables.push(Table::empty(survey, keys));
            }
            for Found { keys, words } in found {
                let words = words[variant].chunks_exact(survey.words);
                for (&key, part) in keys.iter().zip(words) {
                    (survey.merge)(tables[index].of_mut(key), part);
                }
            }
        }
    }
}

/// What a survey finds in a selection: channels or rows, and for each variant the words of each.
pub(super) struct Found {
    pub(super) keys: Vec<usize>,
    pub(super) words: Vec<Vec<f64>>,
}
