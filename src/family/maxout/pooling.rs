//! Maxout over groups of channels.

mod cpu;
mod launch;
mod operation;

use super::{Layout, OP, Origin, Winners, forward_calls};
use crate::{
    error::{Error, Result},
    family::{Operation, calls},
    kernel::{
        self, expect_apart, expect_shape,
        recorder::{self, Recorder},
    },
    tensor::{Tensor, View, axis_of},
};
pub(super) use cpu::better;
pub(super) use launch::GROUPS;
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

forward_calls!(
    Maxout,
    "[`Error::AxisOutOfRange`], [`Error::PiecesMismatch`] if the pieces do not divide the channels,"
);

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
    ///
    /// ```
    /// use wgpu_activations::{Maxout, family::maxout::reference::Layout};
    ///
    /// let maxout = Maxout::new(4, Layout::Strided, 1);
    /// assert_eq!((maxout.pieces(), maxout.layout(), maxout.axis()), (4, Layout::Strided, 1));
    /// ```
    pub const fn pieces(&self) -> usize {
        self.pieces
    }

    /// How the channels of a group lie.
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// The axis of the channels, counted from the end where negative.
    pub const fn axis(&self) -> i64 {
        self.axis
    }

    fn record_y(&self, recorder: &mut Recorder<'_>, x: &Tensor, y: &Tensor) -> Result<Winners> {
        let axis = axis_of(x.shape(), self.axis)?;
        let shape = self.y_shape(x.shape())?;
        kernel::launch::Pass::Forward { x, y }.expect_fit(&OP, &shape, false)?;
        let origin = Origin::Pooling(self.layout, axis);
        let winners = Winners::allocate(recorder, y, origin, self.pieces, y.len())?;
        let pass = Pass {
            forward: true,
            x,
            y,
            winners: &winners,
            groups: self.groups(y.view(self.axis)?),
        };
        pass.record(recorder)?;
        Ok(winners)
    }

    /// dx, of the shape and type of the x that gave `winners`, from the gradient `upstream` of the loss
    /// with respect to y: upstream where a piece won, 0 elsewhere.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`] or [`Error::ElementMismatch`] if upstream is not like y, [`Error::WinnersMismatch`] if
    /// the winners are of other groups, [`Error::ForeignTensor`], and what the device reports.
    pub fn backward(&self, winners: &Winners, upstream: &Tensor) -> Result<Tensor> {
        let shape = self.x_shape(upstream)?;
        let dx = upstream.gpu().allocate(shape, upstream.element())?;
        self.backward_into(winners, upstream, &dx)?;
        Ok(dx)
    }

    /// dx into a tensor of x's shape and type.
    ///
    /// # Errors
    ///
    /// [`Error::Aliased`], or as [`Maxout::backward`] if dx does not serve.
    pub fn backward_into(&self, winners: &Winners, upstream: &Tensor, dx: &Tensor) -> Result<()> {
        recorder::submit(upstream.gpu(), |recorder| {
            self.record_dx(recorder, winners, upstream, dx)
        })
    }

    /// Records [`Maxout::backward_into`].
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{ElementType, Gpu, Maxout, family::maxout::reference::Layout};
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[1.0f32, 5.0, 3.0, 2.0], [1, 4])?;
    /// # let upstream = gpu.upload(&[0.5f32, 0.25], [1, 2])?;
    /// let (y, dx) = (gpu.allocate([1, 2], ElementType::F32)?, gpu.allocate([1, 4], ElementType::F32)?);
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
    /// As [`Maxout::backward_into`].
    pub fn encode_backward(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        winners: &Winners,
        upstream: &Tensor,
        dx: &Tensor,
    ) -> Result<()> {
        calls::encode_over(encoder, [upstream, &winners.words, dx], |recorder| {
            self.record_dx(recorder, winners, upstream, dx)
        })
    }

    fn record_dx(
        &self,
        recorder: &mut Recorder<'_>,
        winners: &Winners,
        upstream: &Tensor,
        dx: &Tensor,
    ) -> Result<()> {
        let (of_y, of_x) = (("upstream", upstream), ("dx", dx));
        let shape = self.x_shape(upstream)?;
        let origin = Origin::Pooling(self.layout, axis_of(&shape, self.axis)?);
        winners.expect(origin, self.pieces, upstream)?;
        expect_shape(&OP, of_x, ("the result", &shape), of_y)?;
        expect_apart(&OP, of_y, of_x, "a tensor of its own")?;
        let pass = Pass {
            forward: false,
            x: dx,
            y: upstream,
            winners,
            groups: self.groups(upstream.view(self.axis)?),
        };
        pass.record(recorder)
    }

    /// x as [rows, pieces, span], whichever the layout, from a view of y.
    const fn groups(&self, y: View) -> View {
        let (outer, inner) = match self.layout {
            Layout::Adjacent => (y.outer.saturating_mul(y.extent), y.inner),
            Layout::Strided => (y.outer, y.extent.saturating_mul(y.inner)),
        };
        View {
            outer,
            extent: self.pieces,
            inner,
        }
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
