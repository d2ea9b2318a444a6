//! What the passes over the chunks of a tensor are for.

use super::chunk::Chunk;
use crate::chain::{Chain, Layout};

/// What a pass is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Task {
    /// Survey number `index` of operation `step`.
    Survey {
        /// The operation's place in the chain.
        step: usize,
        /// The survey's number among those of the operation.
        index: usize,
        /// Whether it takes upstream gradients.
        needs_upstream: bool,
    },
    /// The result, or the gradients.
    Result,
}

impl Task {
    /// Whether a pass takes upstream gradients, where the job is backward.
    pub const fn needs_upstream(self, backward: bool) -> bool {
        match self {
            Self::Survey { needs_upstream, .. } => needs_upstream,
            Self::Result => backward,
        }
    }
}

/// The surveys that a job takes, in order: those of the forward pass from the first operation on, then those of the
/// backward pass from the last one on.
pub(crate) fn surveys(
    chain: &Chain,
    layout: &Layout,
    chunks: &[Chunk],
    backward: bool,
) -> Vec<Task> {
    if layout.whole.is_some() {
        return Vec::new();
    }
    let uncut = chunks
        .iter()
        .all(|chunk| chunk.extent.len() == layout.view.extent);
    let of_step = |step: usize, upstream: bool| {
        let whole_axis = uncut || layout.extents[step] != layout.extents[0];
        let surveys = chain.steps()[step].surveys(whole_axis);
        let surveys = surveys.into_iter().enumerate();
        surveys
            .filter(move |(_, survey)| survey.needs_upstream == upstream)
            .map(move |(index, _)| Task::Survey {
                step,
                index,
                needs_upstream: upstream,
            })
    };
    let steps = 0..chain.steps().len();
    let mut goals: Vec<_> = steps
        .clone()
        .flat_map(|step| of_step(step, false))
        .collect();
    if backward {
        goals.extend(steps.rev().flat_map(|step| of_step(step, true)));
    }
    goals
}
