//! Alpha dropout on the processor.

use super::{AlphaDropout, LANES};
use crate::{
    cpu::{Slice, SliceMut, blocks::each_block, lane::select, math::is_special},
    family::alpha_dropout::reference::{STREAM, Transform},
    random::Random,
};

impl AlphaDropout {
    pub(super) fn compute(&self, x: Slice<'_>, y: SliceMut<'_>) {
        let Transform { a, b, dropped } = Transform::new(f64::from(self.p));
        let (a, b, dropped) = (a as f32, b as f32, dropped as f32);
        self.over(x, y, |x, is_dropped| {
            select(select(a * x + b, x, is_special(x)), dropped, is_dropped)
        });
    }

    pub(super) fn compute_dx(&self, upstream: Slice<'_>, dx: SliceMut<'_>) {
        let a = Transform::new(f64::from(self.p)).a as f32;
        self.over(upstream, dx, |g, is_dropped| {
            select(select(a * g, g, is_special(g)), 0.0, is_dropped)
        });
    }

    /// Each element with whether it is dropped.
    fn over(&self, from: Slice<'_>, to: SliceMut<'_>, of: impl Fn(f32, bool) -> f32 + Sync) {
        let threshold = self.mask().threshold();
        let random = Random::new(self.seed, STREAM);
        each_block(&[from], to, usize::MAX, |first, inputs, to| {
            if threshold == 0 {
                return to.copy_from_slice(inputs[0]);
            }
            // Blocks begin at whole vectors.
            let vectors = inputs[0]
                .chunks(LANES as usize)
                .zip(to.chunks_mut(LANES as usize));
            for (vector, (from, to)) in (self.start + first as u64 / LANES..).zip(vectors) {
                let words = random.block(vector, 0);
                for ((from, to), word) in from.iter().zip(to).zip(words) {
                    *to = of(*from, word < threshold);
                }
            }
        });
    }
}
