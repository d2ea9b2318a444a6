//! Rows that never lie on the device whole: their parts are summed one by one, the sums merged, and
//! then the results of the parts written one by one.

use super::{Pass, Softmax};
use crate::{error::Result, tensor::Tensor};

impl Softmax {
    /// What is known of the rows of a part of x, which one binding holds: [outer, inner, 2] for
    /// [`Softmax::join`].
    pub(crate) fn part(&self, x: &Tensor) -> Result<Tensor> {
        self.sum_rows(Pass::Forward { x, y: x }, x.view(self.axis)?)
    }

    /// As [`Softmax::part`], for the backward pass.
    pub(crate) fn backward_part(&self, y: &Tensor, upstream: &Tensor) -> Result<Tensor> {
        let pass = Pass::Backward { y, upstream, dx: y };
        self.sum_rows(pass, y.view(self.axis)?)
    }

    /// What is known of `rows` whole rows, from their parts, [parts, rows, 2].
    pub(crate) fn join(&self, parts: Tensor, rows: usize) -> Result<Tensor> {
        self.merge_rows(false, parts, rows)
    }

    /// As [`Softmax::join`], for the backward pass.
    pub(crate) fn backward_join(&self, parts: Tensor, rows: usize) -> Result<Tensor> {
        self.merge_rows(true, parts, rows)
    }

    /// y of a part of x, its rows being known.
    pub(crate) fn forward_part(&self, x: &Tensor, rows: &Tensor) -> Result<Tensor> {
        let y = x.gpu().allocate(x.shape(), x.element())?;
        self.write_rows(Pass::Forward { x, y: &y }, x.view(self.axis)?, rows)?;
        Ok(y)
    }

    /// dx of a part, its rows being known.
    pub(crate) fn dx_part(&self, y: &Tensor, upstream: &Tensor, rows: &Tensor) -> Result<Tensor> {
        let dx = y.gpu().allocate(y.shape(), y.element())?;
        let pass = Pass::Backward {
            y,
            upstream,
            dx: &dx,
        };
        self.write_rows(pass, y.view(self.axis)?, rows)?;
        Ok(dx)
    }
}
