//! Maxout over groups of channels as an operation.

use std::fmt;

use super::Maxout;
use crate::{
    accuracy::bound::Bound,
    cpu::{Slice, SliceMut},
    error::Result,
    family::{
        Cut, Operation, Saved, Sheet,
        maxout::{
            OP, Winners,
            bound::{self, Contest, WRONG, exact},
            reference::Pooling,
        },
    },
    kernel::recorder::Recorder,
    tensor::{Tensor, View},
};

impl Operation for Maxout {
    fn name(&self) -> &str {
        OP
    }

    fn output_shape(&self, shape: &[usize]) -> Result<Vec<usize>> {
        self.y_shape(shape)
    }

    fn record_forward(
        &self,
        recorder: &mut Recorder<'_>,
        x: &[&Tensor],
        y: &Tensor,
    ) -> Result<Saved> {
        self.record_y(recorder, x[0], y).map(Saved::new)
    }

    fn compute_forward(&self, shape: &[usize], x: &[Slice<'_>], y: SliceMut<'_>) -> Result<Saved> {
        self.compute(shape, x[0], y).map(Saved::new)
    }

    fn compute_backward(
        &self,
        shape: &[usize],
        _: &[Slice<'_>],
        saved: &Saved,
        upstream: Slice<'_>,
        mut dx: Vec<SliceMut<'_>>,
        _: bool,
    ) -> Result<Vec<Vec<f32>>> {
        let Some(dx) = dx.pop() else {
            return Ok(Vec::new());
        };
        self.compute_dx(shape, saved, upstream, dx)?;
        Ok(Vec::new())
    }

    fn record_backward(
        &self,
        recorder: &mut Recorder<'_>,
        _: &[&Tensor],
        saved: &Saved,
        upstream: &Tensor,
        dx: &[&Tensor],
        _: bool,
    ) -> Result<Vec<Tensor>> {
        self.record_dx(recorder, Winners::of(saved)?, upstream, dx[0])?;
        Ok(Vec::new())
    }

    fn saves(&self) -> bool {
        true
    }

    fn axis(&self) -> Option<i64> {
        Some(self.axis)
    }

    fn set_axis(&mut self, axis: i64) {
        self.axis = axis;
    }

    fn cut(&self) -> Cut {
        Cut::WholeAxis
    }

    /// Each group is a short axis of its own, so that the channels may be cut between groups.
    fn view_alone(&self, shape: &[usize]) -> Option<View> {
        let view = View::of(shape, self.axis).ok()?;
        let extent = view.extent.checked_div(self.pieces)?;
        Some(self.groups(View { extent, ..view }))
    }

    fn extra_names(&self) -> &'static [&'static str] {
        &["index"]
    }

    fn expected(&self, sheet: &Sheet<'_>) -> Vec<Bound> {
        let best = |contest: Contest| exact(contest.best().0);
        self.contests(sheet).map(best).collect()
    }

    fn expected_backward(
        &self,
        sheet: &Sheet<'_>,
        upstream: &[f64],
        chosen: Option<&[u32]>,
    ) -> Vec<Vec<Bound>> {
        let lanes = self.lanes(sheet);
        let mut dx = vec![exact(0.0); sheet.x().len()];
        for (place, contest) in self.contests(sheet).enumerate() {
            let g = upstream[place];
            let Some(verdict) = contest.verdict(chosen.map(|chosen| chosen[place])) else {
                (0..self.pieces).for_each(|piece| dx[lanes.place(place, piece)] = WRONG);
                continue;
            };
            let winner = &mut dx[lanes.place(place, verdict.winner)];
            *winner = exact(g);
            if !verdict.rivals.is_empty() {
                winner.allowed = g.abs();
            }
            for rival in verdict.rivals {
                dx[lanes.place(place, rival)].allowed = g.abs();
            }
        }
        vec![dx]
    }

    fn choose(&self, sheet: &Sheet<'_>) -> Option<Vec<u32>> {
        Some(bound::choose(self.contests(sheet)))
    }

    fn chose_right(&self, sheet: &Sheet<'_>, chosen: &[u32]) -> Vec<bool> {
        bound::chose_right(self.contests(sheet), chosen)
    }
}

impl Maxout {
    /// A sheet's lanes, which are whole, side by side.
    fn lanes(&self, sheet: &Sheet<'_>) -> Pooling {
        Pooling {
            pieces: self.pieces,
            layout: self.layout,
            channels: sheet.places.len(),
            inner: 1,
        }
    }

    /// What competes for each result of a sheet, lane after lane.
    fn contests(&self, sheet: &Sheet<'_>) -> impl Iterator<Item = Contest> {
        let lanes = self.lanes(sheet);
        let results = 0..sheet.lanes.len() * sheet.extent_after;
        results.map(move |place| {
            let pieces = (0..lanes.pieces).map(|piece| {
                let element = lanes.place(place, piece);
                Bound {
                    expected: sheet.x()[element],
                    allowed: sheet.off(element),
                }
            });
            Contest(pieces.collect())
        })
    }
}

impl fmt::Display for Maxout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pieces, layout) = (self.pieces, self.layout.name());
        write!(f, "{OP}(pieces={pieces}, layout={layout}")?;
        if self.axis != -1 {
            write!(f, ", axis={}", self.axis)?;
        }
        f.write_str(")")
    }
}
