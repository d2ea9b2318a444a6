//! Maxout over groups of channels.

use super::{OP, Origin, Span, Winners, expect_result, most_elements};
use crate::{
    error::{Error, Result},
    family::maxout::reference::Layout,
    gpu::{
        Binding::{self, Read, Write},
        Gpu, Kernel, PipelineKey,
    },
    kernel::{
        dispatch, fold_over,
        recorder::{self, Recorder},
    },
    tensor::{Tensor, View},
    wgsl::Math,
};

/// Pieces up to which their number is built into the pipeline.
const FEW: usize = 8;

/// Elements of a block, eight vectors, and blocks of a run at most.
const BLOCK: usize = 32;
const BLOCKS: usize = 8;

/// Bytes of a page of memory, within which CPUs foresee what is read next.
const PAGE: u64 = 4096;

/// Maxout over groups of channels along one axis of a tensor of any shape: of each group of `pieces`
/// channels the largest, so that the axis shrinks to a `pieces`-th.
///
/// Of equal elements the first wins, -0 and 0 being equal; the first NaN wins over any number. y holds
/// the very bits of the elements that won. The backward pass sends the gradient to the winner alone.
///
/// ```no_run
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

/// x as [rows, pieces, span], whichever the layout.
#[derive(Debug, Clone, Copy)]
struct Groups {
    rows: usize,
    pieces: usize,
    span: usize,
}

/// What one dispatch or two work on.
#[derive(Debug, Clone, Copy)]
struct Step {
    x: Span,
    y: Span,
    pieces: usize,
    first_piece: usize,
    /// Elements of y from one row to the next.
    span: usize,
    /// Elements of x from a row's end in its first piece to the next row.
    jump: usize,
    /// Elements of x from one piece to the next.
    stride: usize,
}

/// How the shader goes through a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Streams,
    /// So many blocks for eight threads.
    Runs(usize),
    Groups,
    Vectors,
    Lanes,
}

/// What a call computes, by the tensors it touches.
#[derive(Clone, Copy)]
enum Pass<'a> {
    Forward {
        x: &'a Tensor,
        y: &'a Tensor,
    },
    Backward {
        upstream: &'a Tensor,
        dx: &'a Tensor,
    },
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
        let y = x.gpu().allocate(self.y_shape(x)?, x.element())?;
        let winners = self.forward_into(x, &y)?;
        Ok((y, winners))
    }

    /// y into a tensor of the shape and type that [`Maxout::forward`] gives it.
    ///
    /// ```no_run
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
        recorder::submit(x.gpu(), |recorder| self.record_forward(recorder, x, y))
    }

    /// Records [`Maxout::forward_into`] into the caller's encoder. Submits nothing and waits for
    /// nothing; the tensors' buffers are kept until the caller's commands are done with them.
    ///
    /// ```no_run
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
        let winners = recorder::encode(x.gpu(), encoder, |recorder| {
            self.record_forward(recorder, x, y)
        })?;
        [x, y, &winners.words].into_iter().for_each(Tensor::expose);
        Ok(winners)
    }

    pub(crate) fn record_forward(
        &self,
        recorder: &mut Recorder<'_>,
        x: &Tensor,
        y: &Tensor,
    ) -> Result<Winners> {
        let shape = self.y_shape(x)?;
        expect_result(("y", y), &shape, ("x", x))?;
        let axis = x.axis(self.axis)?;
        let winners = Winners::allocate(
            recorder,
            x.gpu(),
            Origin::Pooling(self.layout, axis),
            self.pieces,
            &shape,
            y.len(),
            x.element(),
        )?;
        let groups = self.groups(y.view(self.axis)?);
        self.record(recorder, Pass::Forward { x, y }, groups, &winners)?;
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
    /// ```no_run
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
            self.record_backward(recorder, winners, upstream, dx)
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
            self.record_backward(recorder, winners, upstream, dx)
        })?;
        let used = [&winners.words, upstream, dx];
        used.into_iter().for_each(Tensor::expose);
        Ok(())
    }

    pub(crate) fn record_backward(
        &self,
        recorder: &mut Recorder<'_>,
        winners: &Winners,
        upstream: &Tensor,
        dx: &Tensor,
    ) -> Result<()> {
        let shape = self.x_shape(upstream)?;
        let (axis, view) = (upstream.axis(self.axis)?, upstream.view(self.axis)?);
        winners.expect(Origin::Pooling(self.layout, axis), self.pieces, upstream)?;
        expect_result(("dx", dx), &shape, ("upstream", upstream))?;
        let pass = Pass::Backward { upstream, dx };
        self.record(recorder, pass, self.groups(view), winners)
    }

    fn y_shape(&self, x: &Tensor) -> Result<Vec<usize>> {
        let axis = x.axis(self.axis)?;
        let mut shape = x.shape().to_vec();
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
        let axis = y.axis(self.axis)?;
        let mut shape = y.shape().to_vec();
        shape[axis] = shape[axis].saturating_mul(self.pieces);
        Ok(shape)
    }

    /// How x is seen, from a view of y.
    const fn groups(&self, y: View) -> Groups {
        let (rows, span) = match self.layout {
            Layout::Adjacent => (y.outer.saturating_mul(y.extent), y.inner),
            Layout::Strided => (y.outer, y.extent.saturating_mul(y.inner)),
        };
        Groups {
            rows,
            pieces: self.pieces,
            span,
        }
    }

    fn record(
        &self,
        recorder: &mut Recorder<'_>,
        pass: Pass<'_>,
        groups: Groups,
        winners: &Winners,
    ) -> Result<()> {
        if pass.y().is_empty() {
            return Ok(());
        }
        let gpu = pass.y().gpu();
        let most = most_elements(gpu, pass.y().element().size().max(winners.size()));
        let mut compute = recorder.encoder.begin_compute_pass(&Default::default());
        for step in groups.steps(most) {
            for (way, step) in step.ways(groups).into_iter().flatten() {
                let way = pass.way(gpu, way, step);
                pass.encode(gpu, &mut compute, way, step, winners)?;
            }
        }
        Ok(())
    }
}

impl Groups {
    /// Whole rows where a binding of `most` elements holds one; else parts of a row, some pieces at a
    /// time, or a part of one piece.
    fn steps(self, most: usize) -> Vec<Step> {
        let Self { rows, pieces, span } = self;
        let row = pieces * span;
        if row <= most {
            let fit = most / row;
            // In fours, so that each begins with a whole vector of y.
            let at_once = if fit >= 4 { fit & !3 } else { fit };
            let of_rows = |first: usize| {
                let count = at_once.min(rows - first);
                Step {
                    x: Span {
                        start: first * row,
                        len: count * row,
                    },
                    y: Span {
                        start: first * span,
                        len: count * span,
                    },
                    pieces,
                    first_piece: 0,
                    span,
                    jump: row - span,
                    stride: span,
                }
            };
            return (0..rows).step_by(at_once).map(of_rows).collect();
        }
        let chunk = span.min(most & !3);
        let pieces_at_once = (most / span).max(1);
        let mut steps = Vec::new();
        for row in 0..rows {
            for start in (0..span).step_by(chunk) {
                let len = chunk.min(span - start);
                for first_piece in (0..pieces).step_by(pieces_at_once) {
                    let count = pieces_at_once.min(pieces - first_piece);
                    steps.push(Step {
                        x: Span {
                            start: (row * pieces + first_piece) * span + start,
                            len: count * len,
                        },
                        y: Span {
                            start: row * span + start,
                            len,
                        },
                        pieces: count,
                        first_piece,
                        span: len,
                        jump: 0,
                        stride: span,
                    });
                }
            }
        }
        steps
    }
}

impl Step {
    /// The ways that the shader takes through it: through groups what is left over by lanes.
    fn ways(self, groups: Groups) -> [Option<(Way, Self)>; 2] {
        if groups.span.is_multiple_of(4) {
            return [Some((Way::Streams, self)), None];
        }
        let vectors = matches!(self.pieces, 2 | 3) || self.pieces.is_multiple_of(4);
        let whole = self.y.len & !3;
        let begins_whole = self.y.start.is_multiple_of(4) && self.x.start.is_multiple_of(4);
        if groups.span > 1 || self.pieces < groups.pieces || !vectors || !begins_whole || whole == 0
        {
            return [Some((Way::Lanes, self)), None];
        }
        let part = |start: usize, len: usize| Self {
            x: Span {
                start: self.x.start + start * self.pieces,
                len: len * self.pieces,
            },
            y: Span {
                start: self.y.start + start,
                len,
            },
            ..self
        };
        let left = self.y.len - whole;
        [
            Some((Way::Groups, part(0, whole))),
            (left > 0).then(|| (Way::Lanes, part(whole, left))),
        ]
    }

    /// The shader's `Arguments`, which count vectors unless they count lanes.
    fn arguments(self, way: Way, count: usize) -> [u32; 8] {
        let counts = [
            count,
            self.span,
            self.jump,
            self.stride,
            self.x.skip(),
            self.y.skip(),
        ];
        let [count, span, jump, stride, x_skip, y_skip] = match way {
            Way::Lanes => counts,
            Way::Streams | Way::Runs(_) | Way::Groups | Way::Vectors => {
                counts.map(|count| count / 4)
            }
        };
        [
            count,
            span,
            jump,
            stride,
            x_skip,
            y_skip,
            self.pieces,
            self.first_piece,
        ]
        .map(|word| word as u32)
    }
}

impl<'a> Pass<'a> {
    const fn y(self) -> &'a Tensor {
        match self {
            Self::Forward { y, .. } => y,
            Self::Backward { upstream, .. } => upstream,
        }
    }

    /// Runs in place of streams on a software adapter, where a page holds several pieces. Where it does
    /// not, they are slower. Vectors of dx in place of groups where
    /// the device's tuning has it so.
    fn way(self, gpu: &Gpu, way: Way, step: Step) -> Way {
        let within_page = step.stride as u64 * self.y().element().size() < PAGE;
        match (self, way) {
            (Self::Forward { .. }, Way::Streams) if within_page && gpu.is_software() => {
                // As many blocks as fit a row of y evenly.
                let fits = |blocks: &usize| {
                    let run = blocks * BLOCK;
                    step.span.is_multiple_of(run) && step.y.len.is_multiple_of(run)
                };
                (1..=BLOCKS).rev().find(fits).map_or(way, Way::Runs)
            }
            (Self::Backward { .. }, Way::Groups)
                if gpu.tuning().maxout_groups == 1
                    && (step.pieces == 2 || step.pieces.is_multiple_of(4)) =>
            {
                Way::Vectors
            }
            _ => way,
        }
    }

    /// The shader's entry point, and the bindings that it uses.
    const fn entry(self, way: Way) -> (&'static str, &'static [Binding]) {
        match (self, way) {
            (Self::Forward { .. }, Way::Streams) => {
                ("forward_streams", &[Read(0), Write(2), Write(3)])
            }
            (Self::Forward { .. }, Way::Runs(_)) => {
                ("forward_runs", &[Read(0), Write(2), Write(3)])
            }
            (Self::Forward { .. }, Way::Groups | Way::Vectors) => {
                ("forward_groups", &[Read(0), Write(2), Write(3)])
            }
            (Self::Forward { .. }, Way::Lanes) => ("forward_lanes", &[Read(1), Write(2), Write(3)]),
            (Self::Backward { .. }, Way::Streams | Way::Runs(_)) => {
                ("backward_streams", &[Read(0), Write(2), Read(4)])
            }
            (Self::Backward { .. }, Way::Groups) => {
                ("backward_groups", &[Read(0), Write(2), Read(4)])
            }
            (Self::Backward { .. }, Way::Vectors) => {
                ("backward_vectors", &[Read(1), Write(2), Read(4)])
            }
            (Self::Backward { .. }, Way::Lanes) => {
                ("backward_lanes", &[Read(1), Write(2), Read(4)])
            }
        }
    }

    fn encode(
        self,
        gpu: &Gpu,
        compute: &mut wgpu::ComputePass<'_>,
        way: Way,
        step: Step,
        winners: &Winners,
    ) -> Result<()> {
        let (entry_point, bindings) = self.entry(way);
        let built_in = if step.pieces <= FEW { step.pieces } else { 0 };
        let pipeline = gpu.pipeline(&PipelineKey {
            kernel: Kernel::MaxoutPooling(winners.index),
            entry_point,
            bindings,
            activations: Vec::new(),
            element: self.y().element(),
            math: Math::Accurate,
            constants: {
                let mut constants = vec![
                    ("PIECES", built_in as u32),
                    ("CONTINUED", u32::from(step.first_piece > 0)),
                ];
                if let Way::Runs(blocks) = way {
                    constants.push(("BLOCKS", blocks as u32));
                }
                constants
            },
        })?;
        let input_at = u32::from(matches!(way, Way::Lanes | Way::Vectors));
        let (input, output, winners_at, written) = match self {
            Self::Forward { x, y } => {
                (step.x.binding(input_at, x), step.y.binding(2, y), 3, step.y)
            }
            Self::Backward { upstream, dx } => (
                step.y.binding(input_at, upstream),
                step.x.binding(2, dx),
                4,
                step.x,
            ),
        };
        let count = match way {
            Way::Lanes => written.len,
            Way::Streams | Way::Runs(_) | Way::Groups | Way::Vectors => step.y.len,
        };
        let threads = match way {
            Way::Lanes => (written.skip() % 4 + count).div_ceil(4),
            Way::Runs(blocks) => count / 4 / blocks,
            Way::Streams | Way::Groups => count / 4,
            Way::Vectors => count / 4 * step.pieces,
        };
        let groups = fold_over((threads as u64).div_ceil(pipeline.workgroup.into()));
        let entries = [input, output, step.y.winners(winners_at, winners)];
        let arguments = step.arguments(way, count);
        dispatch(gpu, compute, &pipeline, &entries, arguments, groups);
        Ok(())
    }
}
