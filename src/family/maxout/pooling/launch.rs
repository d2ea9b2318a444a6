//! The dispatches of maxout over groups of channels, for as many groups as bindings hold.

use crate::{
    error::Result,
    family::maxout::{
        Span, Winners, most_elements, numbered,
        shader::{self, PoolingArguments},
    },
    gpu::{
        Binding::{self, Read, Write},
        Kernel, Tunable,
    },
    kernel::recorder::Recorder,
    tensor::{Tensor, View},
};

/// Pieces up to which their number is built into the pipeline.
const FEW: usize = 8;

/// Elements of a block, eight vectors, and blocks of a run at most.
const BLOCK: usize = 32;
const BLOCKS: usize = 8;

/// Bytes of a page of memory, within which CPUs foresee what is read next.
const PAGE: u64 = 4096;

/// Groups of adjacent channels whose gradients a thread writes: 4, or 1, of which it writes one vector of four channels.
pub(in crate::family::maxout) const GROUPS: Tunable = Tunable {
    name: "maxout_groups",
    choices: &[1, 4],
    default: 1,
    on_software: 4,
};

/// What one dispatch or two work on: rows, or a part of one.
#[derive(Debug, Clone, Copy)]
struct Portion {
    x: Span,
    y: Span,
    pieces: usize,
    first_piece: usize,
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

/// What a call computes, by the tensors it touches: y from x, or dx, as `x`, from the upstream gradient of y.
#[derive(Clone, Copy)]
pub(super) struct Pass<'a> {
    pub(super) forward: bool,
    pub(super) x: &'a Tensor,
    pub(super) y: &'a Tensor,
    pub(super) winners: &'a Winners,
    /// x as [rows, pieces, span].
    pub(super) groups: View,
}

impl Portion {
    /// The ways that the shader takes through it: through groups what is left over by lanes.
    fn ways(self, groups: View) -> Vec<(Walk, Self)> {
        if groups.inner.is_multiple_of(4) {
            return vec![(Walk::Streams, self)];
        }
        let of_groups = groups.inner == 1 && self.pieces == groups.extent;
        let vectors = matches!(self.pieces, 2 | 3) || self.pieces.is_multiple_of(4);
        let begins_whole = self.y.start.is_multiple_of(4) && self.x.start.is_multiple_of(4);
        let whole = self.y.len & !3;
        if !(of_groups && vectors && begins_whole) || whole == 0 {
            return vec![(Walk::Lanes, self)];
        }
        let part = |start: usize, len: usize| Self {
            x: Span::new(self.x.start + start * self.pieces, len * self.pieces),
            y: Span::new(self.y.start + start, len),
            ..self
        };
        let mut ways = vec![(Walk::Groups, part(0, whole))];
        if whole < self.y.len {
            ways.push((Walk::Lanes, part(whole, self.y.len - whole)));
        }
        ways
    }
}

impl Pass<'_> {
    /// Records the pass over all groups.
    pub(super) fn record(self, recorder: &mut Recorder<'_>) -> Result<()> {
        if self.y.is_empty() {
            return Ok(());
        }
        for step in self.steps() {
            for (way, step) in step.ways(self.groups) {
                self.dispatch(recorder, self.way(way, step), step)?;
            }
        }
        Ok(())
    }

    /// Whole rows where a binding holds one; else parts of a row, some pieces at a time, or a part of one piece.
    fn steps(self) -> Vec<Portion> {
        let View {
            outer: rows,
            extent: pieces,
            inner: span,
        } = self.groups;
        let size = self.y.element().size().max(self.winners.size());
        let most = most_elements(self.y.gpu(), size);
        let row = pieces * span;
        if row <= most {
            let fit = most / row;
            // In fours, so that each begins with a whole vector of y.
            let at_once = if fit >= 4 { fit & !3 } else { fit };
            let of_rows = |first: usize| {
                let count = at_once.min(rows - first);
                Portion {
                    x: Span::new(first * row, count * row),
                    y: Span::new(first * span, count * span),
                    pieces,
                    first_piece: 0,
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
                    let pieces_here = pieces_at_once.min(pieces - first_piece);
                    let first = (row * pieces + first_piece) * span;
                    steps.push(Portion {
                        x: Span::new(first + start, pieces_here * len),
                        y: Span::new(row * span + start, len),
                        pieces: pieces_here,
                        first_piece,
                    });
                }
            }
        }
        steps
    }

    /// Runs in place of streams on a software adapter, where a page holds several pieces. Where it does not, they are
    /// slower. Vectors of dx in place of groups where the device's tuning has it so.
    fn way(self, way: Walk, step: Portion) -> Walk {
        let (gpu, span) = (self.y.gpu(), self.groups.inner);
        let within_page = span as u64 * self.y.element().size() < PAGE;
        match way {
            Walk::Streams if self.forward && within_page && gpu.is_software() => {
                // As many blocks as fit a row of y evenly.
                let fits = |blocks: &usize| {
                    let run = blocks * BLOCK;
                    span.is_multiple_of(run) && step.y.len.is_multiple_of(run)
                };
                (1..=BLOCKS).rev().find(fits).map_or(way, Walk::Runs)
            }
            Walk::Groups
                if !self.forward
                    && GROUPS.of(gpu) == 1
                    && (step.pieces == 2 || step.pieces.is_multiple_of(4)) =>
            {
                Walk::Vectors
            }
            _ => way,
        }
    }

    fn dispatch(self, recorder: &mut Recorder<'_>, way: Walk, step: Portion) -> Result<()> {
        let entry_point = match (self.forward, way) {
            (true, Walk::Streams) => "forward_streams",
            (true, Walk::Runs(_)) => "forward_runs",
            (true, Walk::Groups | Walk::Vectors) => "forward_groups",
            (true, Walk::Lanes) => "forward_lanes",
            (false, Walk::Streams | Walk::Runs(_)) => "backward_streams",
            (false, Walk::Groups) => "backward_groups",
            (false, Walk::Vectors) => "backward_vectors",
            (false, Walk::Lanes) => "backward_lanes",
        };
        let bindings: &[Binding] = match (self.forward, way) {
            (true, Walk::Lanes) => &[Read(1), Write(2), Write(3)],
            (true, _) => &[Read(0), Write(2), Write(3)],
            (false, Walk::Lanes | Walk::Vectors) => &[Read(1), Write(2), Read(4)],
            (false, _) => &[Read(0), Write(2), Read(4)],
        };
        let (gpu, element) = (self.y.gpu(), self.y.element());
        let tuning = gpu.tuning();
        let built_in = if step.pieces <= FEW { step.pieces } else { 0 };
        let mut kernel = Kernel {
            shader: shader::pooling(tuning.vectors(element), self.winners.index),
            entry_point,
            bindings,
            constants: vec![
                ("PIECES", built_in as u32),
                ("CONTINUED", u32::from(step.first_piece > 0)),
            ],
            // A vector per thread: workgroups of 64 are started more slowly than memory takes them.
            workgroup: gpu.workgroup(match GROUPS.of(gpu) {
                1 => tuning.pointwise_threads,
                _ => 64,
            }),
        };
        if let Walk::Runs(blocks) = way {
            kernel.constants.push(("BLOCKS", blocks as u32));
        }
        let x = (self.x, step.x.window(element.size()));
        let y = (self.y, step.y.window(element.size()));
        let winners = (&self.winners.words, step.y.window(self.winners.size()));
        let (windows, written) = match self.forward {
            true => ([x, y, winners], step.y),
            false => ([y, x, winners], step.x),
        };
        let (pieces, span) = (self.groups.extent, self.groups.inner);
        // All counts are of elements by lanes, else of vectors.
        let (count, counted) = match way {
            Walk::Lanes => (written.len, 1),
            _ => (step.y.len / 4, 4),
        };
        let threads = match way {
            Walk::Lanes => (written.skip() % 4 + count).div_ceil(4),
            Walk::Runs(blocks) => count / blocks,
            Walk::Streams | Walk::Groups => count,
            Walk::Vectors => count * step.pieces,
        };
        let arguments = PoolingArguments {
            count: count as u32,
            span: (span / counted) as u32,
            jump: ((pieces - 1) * span / counted) as u32,
            stride: (span / counted) as u32,
            x_skip: (step.x.skip() / counted) as u32,
            y_skip: (step.y.skip() / counted) as u32,
            pieces: step.pieces as u32,
            first_piece: step.first_piece as u32,
        };
        let groups = kernel.groups(threads as u64);
        recorder.dispatch_windows(&kernel, &numbered(bindings, windows), &arguments, groups)
    }
}
