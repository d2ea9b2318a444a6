//! Maxout over groups of channels as an operation.

use std::fmt;

use super::{Layout, Maxout};
use crate::{
    accuracy::bound::Bound,
    error::Result,
    family::{
        Cut, Operation, Saved, Sheet,
        maxout::{
            OP, Winners,
            bound::{Contest, WRONG},
            reference::Pooling,
        },
    },
    kernel::recorder::Recorder,
    tensor::{Tensor, View, axis_of},
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
        let view = View::along(shape, axis_of(shape, self.axis).ok()?);
        let groups = view.extent.checked_div(self.pieces)?;
        let (outer, inner) = match self.layout {
            Layout::Adjacent => (view.outer * groups, view.inner),
            Layout::Strided => (view.outer, groups * view.inner),
        };
        Some(View {
            outer,
            extent: self.pieces,
            inner,
        })
    }

    fn extra_names(&self) -> &'static [&'static str] {
        &["index"]
    }

    fn expected(&self, sheet: &Sheet<'_>) -> Vec<Bound> {
        let exact = |place| Bound {
            expected: self.contest(sheet, place).best().0,
            allowed: 0.0,
        };
        results(sheet).map(exact).collect()
    }

    fn expected_backward(
        &self,
        sheet: &Sheet<'_>,
        upstream: &[f64],
        chosen: Option<&[u32]>,
    ) -> Vec<Vec<Bound>> {
        let zero = Bound {
            expected: 0.0,
            allowed: 0.0,
        };
        let mut dx = vec![zero; sheet.x().len()];
        for place in results(sheet) {
            let g = upstream[place];
            let contest = self.contest(sheet, place);
            let Some(verdict) = contest.verdict(chosen.map(|chosen| chosen[place])) else {
                (0..self.pieces).for_each(|piece| dx[self.element(sheet, place, piece)] = WRONG);
                continue;
            };
            let off = if verdict.rivals.is_empty() {
                0.0
            } else {
                g.abs()
            };
            dx[self.element(sheet, place, verdict.winner)] = Bound {
                expected: g,
                allowed: off,
            };
            for rival in verdict.rivals {
                dx[self.element(sheet, place, rival)].allowed = off;
            }
        }
        vec![dx]
    }

    fn choose(&self, sheet: &Sheet<'_>) -> Option<Vec<u32>> {
        let winner = |place| self.contest(sheet, place).best().1;
        Some(results(sheet).map(winner).collect())
    }

    fn chose_right(&self, sheet: &Sheet<'_>, chosen: &[u32]) -> Vec<bool> {
        let chosen = chosen.iter().enumerate();
        let right = |(place, &piece)| self.contest(sheet, place).may_be_won_by(piece);
        chosen.map(right).collect()
    }
}

/// The places of all results of a sheet, lane after lane.
fn results(sheet: &Sheet<'_>) -> std::ops::Range<usize> {
    0..sheet.lanes.len() * sheet.extent_after
}

impl Maxout {
    /// Where a piece of result `place` lies in a sheet, whose lanes are whole.
    fn element(&self, sheet: &Sheet<'_>, place: usize, piece: usize) -> usize {
        let lanes = Pooling {
            pieces: self.pieces,
            layout: self.layout,
            channels: sheet.places.len(),
            inner: 1,
        };
        lanes.place(place, piece)
    }

    fn contest(&self, sheet: &Sheet<'_>, place: usize) -> Contest {
        let pieces = (0..self.pieces).map(|piece| {
            let element = self.element(sheet, place, piece);
            Bound {
                expected: sheet.x()[element],
                allowed: sheet.off(element),
            }
        });
        Contest::new(pieces)
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
