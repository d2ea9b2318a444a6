//! Maxout over groups of channels.

mod launch;
mod operation;

use super::{Layout, OP, Origin, Winners, expect_result};
use crate::{
    error::{Error, Result},
    kernel::recorder::{self, Recorder},
    tensor::{Tensor, axis_of},
};
use launch::Pass;

/// Maxout over groups of channels along one axis of a tensor of any shape: of each group of `pieces`
/// channels the largest, so that the axis shrinks to a `pieces`-th.
///
/// Of equal elements the first wins, -0 and 0 being equal; the first NaN wins over any number. y holds
/// the very bits of the elements that won. The backward pass sends the gradient to the winner alone.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// use wgpu_activations::{Gpu, Maxout, family::maxout::reference::Layout};
///
/// let gpu = Gpu::new()?;
/// let x = gpu.upload(&[1.0f32, 5.0, 3.0, 2.0], [1, 4])?;
/// let maxout = Maxout::new(2, Layout::Adjacent, -1);
/// let (y, winners) = maxout.forward(&x)?;
/// assert_eq!(y.download::<f32>()?, [5.0, 3.0]);
/// assert_eq!(winners.download()?, [1, 0]);
/// let upstream = gpu.upload(&[0.5f32, 0.25], [1, 2])?;
/// let dx = maxout.backward(&winners, &upstream)?;
/// assert_eq!(dx.download::<f32>()?, [0.0, 0.5, 0.25, 0.0]);
/// // Strided groups: channels 0 and 2, 1 and 3.
/// let (y, _) = Maxout::new(2, Layout::Strided, -1).forward(&x)?;
/// assert_eq!(y.download::<f32>()?, [3.0, 5.0]);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Maxout {
    pieces: usize,
    layout: Layout,
    axis: i64,
}

impl Maxout {
    /// Over groups of `pieces` channels along `axis`, which counts from the end where negative.
    pub const fn new(pieces: usize, layout: Layout, axis: i64) -> Self {
        Self {
            pieces,
            layout,
            axis,
        }
    }

    /// Channels of a group.
    pub const fn pieces(&self) -> usize {
        self.pieces
    }

    /// y, of x's type and its shape with the axis divided by the number of pieces, and the piece that
    /// won each of its elements.
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`], [`Error::PiecesMismatch`] if the pieces do not divide the channels,
    /// and what the device reports.
    pub fn forward(&self, x: &Tensor) -> Result<(Tensor, Winners)> {
        let y = x.gpu().allocate(self.y_shape(x.shape())?, x.element())?;
        let winners = self.forward_into(x, &y)?;
        Ok((y, winners))
    }

    /// y into a tensor of the shape and type that [`Maxout::forward`] gives it.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{ElementType, Gpu, Maxout, family::maxout::reference::Layout};
    /// # let gpu = Gpu::new()?;
    /// let x = gpu.upload(&[1.0f32, 5.0, 3.0, 2.0], [1, 4])?;
    /// let y = gpu.allocate([1, 2], ElementType::F32)?;
    /// let winners = Maxout::new(2, Layout::Adjacent, -1).forward_into(&x, &y)?;
    /// assert_eq!(y.download::<f32>()?, [5.0, 3.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`], [`Error::ElementMismatch`], [`Error::ForeignTensor`] or
    /// [`Error::Aliased`] if y does not serve, and as [`Maxout::forward`].
    pub fn forward_into(&self, x: &Tensor, y: &Tensor) -> Result<Winners> {
        recorder::submit(x.gpu(), |recorder| self.record_y(recorder, x, y))
    }

    /// Records [`Maxout::forward_into`] into the caller's encoder. Submits nothing and waits for
    /// nothing; the tensors' buffers are kept until the caller's commands are done with them.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{ElementType, Gpu, Maxout, family::maxout::reference::Layout};
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[1.0f32, 5.0, 3.0, 2.0], [1, 4])?;
    /// # let upstream = gpu.upload(&[0.5f32, 0.25], [1, 2])?;
    /// # let y = gpu.allocate([1, 2], ElementType::F32)?;
    /// # let dx = gpu.allocate([1, 4], ElementType::F32)?;
    /// let maxout = Maxout::new(2, Layout::Adjacent, -1);
    /// let mut encoder = gpu.device().create_command_encoder(&Default::default());
    /// let winners = maxout.encode_forward(&mut encoder, &x, &y)?;
    /// maxout.encode_backward(&mut encoder, &winners, &upstream, &dx)?;
    /// gpu.queue().submit([encoder.finish()]);
    /// assert_eq!(dx.download::<f32>()?, [0.0, 0.5, 0.25, 0.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Maxout::forward_into`].
    pub fn encode_forward(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        y: &Tensor,
    ) -> Result<Winners> {
        let winners = recorder::encode(x.gpu(), encoder, |recorder| self.record_y(recorder, x, y))?;
        [x, y, &winners.words].into_iter().for_each(Tensor::expose);
        Ok(winners)
    }

    fn record_y(&self, recorder: &mut Recorder<'_>, x: &Tensor, y: &Tensor) -> Result<Winners> {
        let shape = self.y_shape(x.shape())?;
        expect_result(("y", y), &shape, ("x", x))?;
        let axis = axis_of(x.shape(), self.axis)?;
        let winners = Winners::allocate(
            recorder,
            x.gpu(),
            Origin::Pooling(self.layout, axis),
            self.pieces,
            &shape,
            y.len(),
            x.element(),
        )?;
        let view = y.view(self.axis)?;
        self.dispatch(recorder, Pass::Forward { x, y }, view, &winners)?;
        Ok(winners)
    }

    /// dx, of the shape and type of the x that gave `winners`, from the gradient `upstream` of the loss
    /// with respect to y: upstream where a piece won, 0 elsewhere.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`] or [`Error::ElementMismatch`] if upstream is not like y,
    /// [`Error::WinnersMismatch`] if the winners are of other groups, [`Error::ForeignTensor`], and what
    /// the device reports.
    pub fn backward(&self, winners: &Winners, upstream: &Tensor) -> Result<Tensor> {
        let shape = self.x_shape(upstream)?;
        let dx = upstream.gpu().allocate(shape, upstream.element())?;
        self.backward_into(winners, upstream, &dx)?;
        Ok(dx)
    }

    /// dx into a tensor of x's shape and type: see [`Maxout::backward`].
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{ElementType, Gpu, Maxout, family::maxout::reference::Layout};
    /// # let gpu = Gpu::new()?;
    /// # let maxout = Maxout::new(2, Layout::Adjacent, -1);
    /// # let (_, winners) = maxout.forward(&gpu.upload(&[1.0f32, 5.0, 3.0, 2.0], [1, 4])?)?;
    /// let upstream = gpu.upload(&[0.5f32, 0.25], [1, 2])?;
    /// let dx = gpu.allocate([1, 4], ElementType::F32)?;
    /// maxout.backward_into(&winners, &upstream, &dx)?;
    /// assert_eq!(dx.download::<f32>()?, [0.0, 0.5, 0.25, 0.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Aliased`], or as [`Maxout::backward`] if dx does not serve.
    pub fn backward_into(&self, winners: &Winners, upstream: &Tensor, dx: &Tensor) -> Result<()> {
        recorder::submit(upstream.gpu(), |recorder| {
            self.record_dx(recorder, winners, upstream, dx)
        })
    }

    /// Records [`Maxout::backward_into`]: see [`Maxout::encode_forward`].
    ///
    /// # Errors
    ///
    /// As [`Maxout::backward_into`].
    pub fn encode_backward(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        winners: &Winners,
        upstream: &Tensor,
        dx: &Tensor,
    ) -> Result<()> {
        recorder::encode(upstream.gpu(), encoder, |recorder| {
            self.record_dx(recorder, winners, upstream, dx)
        })?;
        let used = [&winners.words, upstream, dx];
        used.into_iter().for_each(Tensor::expose);
        Ok(())
    }

    fn record_dx(
        &self,
        recorder: &mut Recorder<'_>,
        winners: &Winners,
        upstream: &Tensor,
        dx: &Tensor,
    ) -> Result<()> {
        let shape = self.x_shape(upstream)?;
        let (axis, view) = (
            axis_of(upstream.shape(), self.axis)?,
            upstream.view(self.axis)?,
        );
        winners.expect(Origin::Pooling(self.layout, axis), self.pieces, upstream)?;
        expect_result(("dx", dx), &shape, ("upstream", upstream))?;
        let pass = Pass::Backward { upstream, dx };
        self.dispatch(recorder, pass, view, winners)
    }

    fn y_shape(&self, shape: &[usize]) -> Result<Vec<usize>> {
        let axis = axis_of(shape, self.axis)?;
        let mut shape = shape.to_vec();
        if self.pieces == 0 || !shape[axis].is_multiple_of(self.pieces) {
            return Err(Error::PiecesMismatch {
                op: OP.to_owned(),
                pieces: self.pieces,
                channels: shape[axis],
                axis,
                shape,
            });
        }
        shape[axis] /= self.pieces;
        Ok(shape)
    }

    fn x_shape(&self, y: &Tensor) -> Result<Vec<usize>> {
        let axis = axis_of(y.shape(), self.axis)?;
        let mut shape = y.shape().to_vec();
        shape[axis] = shape[axis].saturating_mul(self.pieces);
        Ok(shape)
    }
}
