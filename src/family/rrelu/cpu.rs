//! Randomised leaky ReLU on the processor.

use super::{LANES, Rrelu, reference::STREAM};
use crate::{
    cpu::{Slice, SliceMut, blocks::each_block, lane::select, math::finite},
    random::Random,
};

impl Rrelu {
    /// Fills `to` with what becomes of x, or of upstream gradients beside it.
    pub(super) fn compute(&self, x: Slice<'_>, upstream: Option<Slice<'_>>, to: SliceMut<'_>) {
        let (lower, span) = self.range();
        let random = self.seed.map(|seed| Random::new(seed, STREAM));
        let inputs: Vec<_> = [x].into_iter().chain(upstream).collect();
        each_block(&inputs, to, usize::MAX, |first, inputs, to| {
            let (x, factors) = (inputs[0], inputs[inputs.len() - 1]);
            // Blocks begin at whole vectors.
            let lanes = LANES as usize;
            let vectors = x.chunks(lanes).zip(factors.chunks(lanes));
            let vectors = vectors.zip(to.chunks_mut(lanes));
            for (vector, ((x, factors), to)) in (self.start + first as u64 / LANES..).zip(vectors) {
                let words = random.map_or([0; 4], |random| random.block(vector, 0));
                for (((x, factor), to), word) in x.iter().zip(factors).zip(to).zip(words) {
                    let slope = lower + span * ((word >> 8) as f32 * 5.960_464_5e-8);
                    let sloped = slope * select(*factor, finite(*factor), slope == 0.0);
                    let value = select(sloped, *factor, *x > 0.0);
                    *to = select(value, *x, x.is_nan());
                }
            }
        });
    }
}
