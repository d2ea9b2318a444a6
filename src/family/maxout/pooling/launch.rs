//! The dispatches of maxout over groups of channels, for as many groups as bindings hold.

use super::{Layout, Maxout};
use crate::{
    error::Result,
    family::maxout::{
        Span, Winners, most_elements,
        shader::{self, PoolingArguments},
    },
    gpu::{
        Binding::{self, Read, Write},
        Gpu, Kernel,
    },
    kernel::{dispatch, recorder::Recorder},
    tensor::{Tensor, View},
};

/// Pieces up to which their number is built into the pipeline.
const FEW: usize = 8;

/// Elements of a block, eight vectors, and blocks of a run at most.
const BLOCK: usize = 32;
const BLOCKS: usize = 8;

/// Bytes of a page of memory, within which CPUs foresee what is read next.
const PAGE: u64 = 4096;

/// x as [rows, pieces, span], whichever the layout.
#[derive(Debug, Clone, Copy)]
struct Groups {
    rows: usize,
    pieces: usize,
    span: usize,
}

/// What one dispatch or two work on.
#[derive(Debug, Clone, Copy)]
struct Portion {
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
enum Walk {
    Streams,
    /// So many blocks for eight threads.
    Runs(usize),
    Groups,
    Vectors,
    Lanes,
}

/// What a call computes, by the tensors it touches.
#[derive(Clone, Copy)]
pub(super) enum Pass<'a> {
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

    /// Records a pass over all groups; `y` is how y is seen.
    pub(super) fn dispatch(
        &self,
        recorder: &mut Recorder<'_>,
        pass: Pass<'_>,
        y: View,
        winners: &Winners,
    ) -> Result<()> {
        let groups = self.groups(y);
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
    fn steps(self, most: usize) -> Vec<Portion> {
        let Self { rows, pieces, span } = self;
        let row = pieces * span;
        if row <= most {
            let fit = most / row;
            // In fours, so that each begins with a whole vector of y.
            let at_once = if fit >= 4 { fit & !3 } else { fit };
            let of_rows = |first: usize| {
                let count = at_once.min(rows - first);
                Portion {
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
                    steps.push(Portion {
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

impl Portion {
    /// The ways that the shader takes through it: through groups what is left over by lanes.
    fn ways(self, groups: Groups) -> [Option<(Walk, Self)>; 2] {
        if groups.span.is_multiple_of(4) {
            return [Some((Walk::Streams, self)), None];
        }
        let vectors = matches!(self.pieces, 2 | 3) || self.pieces.is_multiple_of(4);
        let whole = self.y.len & !3;
        let begins_whole = self.y.start.is_multiple_of(4) && self.x.start.is_multiple_of(4);
        if groups.span > 1 || self.pieces < groups.pieces || !vectors || !begins_whole || whole == 0
        {
            return [Some((Walk::Lanes, self)), None];
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
            Some((Walk::Groups, part(0, whole))),
            (left > 0).then(|| (Walk::Lanes, part(whole, left))),
        ]
    }

    /// The shader's arguments, which count vectors unless they count lanes.
    fn arguments(self, way: Walk, count: usize) -> PoolingArguments {
        let counts = [
            count,
            self.span,
            self.jump,
            self.stride,
            self.x.skip(),
            self.y.skip(),
        ];
        let counted = match way {
            Walk::Lanes => 1,
            Walk::Streams | Walk::Runs(_) | Walk::Groups | Walk::Vectors => 4,
        };
        let [count, span, jump, stride, x_skip, y_skip] =
            counts.map(|count| (count / counted) as u32);
        PoolingArguments {
            count,
            span,
            jump,
            stride,
            x_skip,
            y_skip,
            pieces: self.pieces as u32,
            first_piece: self.first_piece as u32,
        }
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
    fn way(self, gpu: &Gpu, way: Walk, step: Portion) -> Walk {
        let within_page = step.stride as u64 * self.y().element().size() < PAGE;
        match (self, way) {
            (Self::Forward { .. }, Walk::Streams) if within_page && gpu.is_software() => {
                // As many blocks as fit a row of y evenly.
                let fits = |blocks: &usize| {
                    let run = blocks * BLOCK;
                    step.span.is_multiple_of(run) && step.y.len.is_multiple_of(run)
                };
                (1..=BLOCKS).rev().find(fits).map_or(way, Walk::Runs)
            }
            (Self::Backward { .. }, Walk::Groups)
                if gpu.tuning().maxout_groups == 1
                    && (step.pieces == 2 || step.pieces.is_multiple_of(4)) =>
            {
                Walk::Vectors
            }
            _ => way,
        }
    }

    /// The shader's entry point, and the bindings that it uses.
    const fn entry(self, way: Walk) -> (&'static str, &'static [Binding]) {
        match (self, way) {
            (Self::Forward { .. }, Walk::Streams) => {
                ("forward_streams", &[Read(0), Write(2), Write(3)])
            }
            (Self::Forward { .. }, Walk::Runs(_)) => {
                ("forward_runs", &[Read(0), Write(2), Write(3)])
            }
            (Self::Forward { .. }, Walk::Groups | Walk::Vectors) => {
                ("forward_groups", &[Read(0), Write(2), Write(3)])
            }
            (Self::Forward { .. }, Walk::Lanes) => {
                ("forward_lanes", &[Read(1), Write(2), Write(3)])
            }
            (Self::Backward { .. }, Walk::Streams | Walk::Runs(_)) => {
                ("backward_streams", &[Read(0), Write(2), Read(4)])
            }
            (Self::Backward { .. }, Walk::Groups) => {
                ("backward_groups", &[Read(0), Write(2), Read(4)])
            }
            (Self::Backward { .. }, Walk::Vectors) => {
                ("backward_vectors", &[Read(1), Write(2), Read(4)])
            }
            (Self::Backward { .. }, Walk::Lanes) => {
                ("backward_lanes", &[Read(1), Write(2), Read(4)])
            }
        }
    }

    fn encode(
        self,
        gpu: &Gpu,
        compute: &mut wgpu::ComputePass<'_>,
        way: Walk,
        step: Portion,
        winners: &Winners,
    ) -> Result<()> {
        let (entry_point, bindings) = self.entry(way);
        let built_in = if step.pieces <= FEW { step.pieces } else { 0 };
        let tuning = gpu.tuning();
        let mut kernel = Kernel {
            shader: shader::pooling(tuning.vectors(self.y().element()), winners.index),
            entry_point,
            bindings,
            constants: vec![
                ("PIECES", built_in as u32),
                ("CONTINUED", u32::from(step.first_piece > 0)),
            ],
            // A vector per thread: workgroups of 64 are started more slowly than memory takes them.
            workgroup: gpu.workgroup(match tuning.maxout_groups {
                1 => tuning.pointwise_threads,
                _ => 64,
            }),
        };
        if let Walk::Runs(blocks) = way {
            kernel.constants.push(("BLOCKS", blocks as u32));
        }
        let pipeline = gpu.pipeline(&kernel)?;
        let input_at = u32::from(matches!(way, Walk::Lanes | Walk::Vectors));
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
            Walk::Lanes => written.len,
            Walk::Streams | Walk::Runs(_) | Walk::Groups | Walk::Vectors => step.y.len,
        };
        let threads = match way {
            Walk::Lanes => (written.skip() % 4 + count).div_ceil(4),
            Walk::Runs(blocks) => count / 4 / blocks,
            Walk::Streams | Walk::Groups => count / 4,
            Walk::Vectors => count / 4 * step.pieces,
        };
        let groups = kernel.groups(threads as u64);
        let entries = [input, output, step.y.winners(winners_at, winners)];
        let arguments = step.arguments(way, count);
        dispatch(gpu, compute, &pipeline, &entries, &arguments, groups);
        Ok(())
    }
}
