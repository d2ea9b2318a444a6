//! The dispatches of maxout over affine maps, for as many rows as bindings hold.

use super::record::{Sizes, expect_fit};
use crate::{
    element::ElementType,
    error::{Error, Result},
    family::maxout::{
        OP, Span, Winners, most_elements, numbered,
        shader::{self, AffineArguments},
    },
    gpu::{
        Binding::{self, Read, Write},
        Kernel,
    },
    kernel::{Window, largest_window, recorder::Recorder},
    tensor::Tensor,
};

/// Threads that fill a device.
const MANY_THREADS: usize = 32_768;

/// Rows that a thread sums at least and at most.
const PER_SPLIT: (usize, usize) = (32, 32_768);

/// Scratch memory for partial sums, unless one takes more.
const MOST_PARTIALS: u64 = 64 << 20;

/// An entry point with the bindings that it uses.
type Entry = (&'static str, &'static [Binding]);

pub(super) const FORWARD: Entry = ("forward", &[Read(0), Read(1), Read(2), Write(3), Write(4)]);
pub(super) const BACKWARD_X: Entry = ("backward_x", &[Read(1), Write(3), Read(5), Read(6)]);
const BACKWARD_WEIGHT: Entry = ("backward_weight", &[Read(0), Read(5), Read(6), Write(7)]);
const MERGE: Entry = ("merge", &[Read(8), Write(9)]);

/// What a binding is: all of a tensor, or what it or the winners have of the rows at work.
#[derive(Clone, Copy)]
pub(super) enum Operand<'a> {
    Whole(&'a Tensor),
    OfX(&'a Tensor),
    OfY(&'a Tensor),
    Winners,
}

/// Rows that one dispatch works on, with the splits of their sums.
#[derive(Debug, Clone, Copy, Default)]
struct Rows {
    start: usize,
    count: usize,
    per_split: usize,
    splits: usize,
    add: bool,
}

/// What the dispatches of a pass have in common.
#[derive(Clone, Copy)]
pub(super) struct Launcher<'a> {
    pub(super) sizes: Sizes,
    pub(super) winners: &'a Winners,
}

impl Launcher<'_> {
    /// Runs an entry point for all rows; `threads` says how many it takes for some.
    pub(super) fn over_rows(
        self,
        recorder: &mut Recorder<'_>,
        entry: Entry,
        operands: &[Operand<'_>],
        threads: impl Fn(usize) -> usize,
    ) -> Result<()> {
        let at_once = self.rows_at_once()?;
        for start in (0..self.sizes.rows).step_by(at_once) {
            let rows = Rows {
                start,
                count: at_once.min(self.sizes.rows - start),
                ..Rows::default()
            };
            self.dispatch(recorder, entry, operands, rows, threads(rows.count))?;
        }
        Ok(())
    }

    /// Sums over rows: [pieces, x_pitch + 4, y_pitch].
    pub(super) fn sums_over_rows(
        self,
        recorder: &mut Recorder<'_>,
        x: &Tensor,
        upstream: &Tensor,
    ) -> Result<Tensor> {
        let (gpu, len) = (x.gpu(), self.sizes.sums());
        let bytes = len as u64 * 4;
        expect_fit("the weight's gradient", bytes, gpu)?;
        let sums = recorder.allocate(gpu, [len], ElementType::F32)?;
        let most = largest_window(gpu).min(MOST_PARTIALS.max(bytes)) / bytes;
        let most = (most as usize).min(MANY_THREADS);
        let at_once = self.rows_at_once()?.min(most * PER_SPLIT.1);
        let threads = len / 16;
        let wanted = MANY_THREADS.div_ceil(threads);
        for start in (0..self.sizes.rows).step_by(at_once) {
            let count = at_once.min(self.sizes.rows - start);
            let splits = wanted
                .clamp(count.div_ceil(PER_SPLIT.1), most)
                .min(count.div_ceil(PER_SPLIT.0));
            let per_split = count.div_ceil(splits);
            let splits = count.div_ceil(per_split);
            let rows = Rows {
                start,
                count,
                per_split,
                splits,
                add: start > 0,
            };
            let partials = recorder.allocate(gpu, [len * splits], ElementType::F32)?;
            let operands = [
                Operand::OfX(x),
                Operand::Winners,
                Operand::OfY(upstream),
                Operand::Whole(&partials),
            ];
            self.dispatch(recorder, BACKWARD_WEIGHT, &operands, rows, threads * splits)?;
            let operands = [Operand::Whole(&partials), Operand::Whole(&sums)];
            self.dispatch(recorder, MERGE, &operands, rows, len / 4)?;
            recorder.done_with(partials);
        }
        Ok(sums)
    }

    /// Rows of x, y and the winners that a binding holds.
    fn rows_at_once(self) -> Result<usize> {
        let longer = self.sizes.x_pitch().max(self.sizes.y_pitch());
        let size = self.winners.element.size().max(self.winners.size());
        let most = most_elements(self.winners.words.gpu(), size);
        if longer > most {
            return Err(Error::TooLarge {
                what: format!("{OP}: a row of {longer} elements"),
                bytes: longer as u64 * size,
                limit: most as u64 * size,
                advice: "split the last axis",
            });
        }
        let fit = most / longer;
        // In fours, so that threads have no row too many.
        Ok(if fit >= 4 { fit & !3 } else { fit })
    }

    fn dispatch(
        self,
        recorder: &mut Recorder<'_>,
        (entry_point, bindings): Entry,
        operands: &[Operand<'_>],
        rows: Rows,
        threads: usize,
    ) -> Result<()> {
        let Self { sizes, winners } = self;
        let span = |pitch: usize| Span::new(rows.start * pitch, rows.count * pitch);
        let (of_x, of_y) = (span(sizes.x_pitch()), span(sizes.y_pitch()));
        let windows = operands.iter().map(|operand| match *operand {
            Operand::Whole(tensor) => (tensor, Window::whole(tensor)),
            Operand::OfX(tensor) => (tensor, of_x.window(tensor.element().size())),
            Operand::OfY(tensor) => (tensor, of_y.window(tensor.element().size())),
            Operand::Winners => (&winners.words, of_y.window(winners.size())),
        });
        let gpu = winners.words.gpu();
        let kernel = Kernel {
            shader: shader::affine(gpu.tuning().vectors(winners.element), winners.index),
            entry_point,
            bindings,
            constants: Vec::new(),
            workgroup: gpu.workgroup(64),
        };
        let arguments = AffineArguments {
            rows: rows.count as u32,
            inputs: (sizes.x_pitch() / 4) as u32,
            outputs: (sizes.y_pitch() / 4) as u32,
            pieces: sizes.pieces as u32,
            x_skip: (of_x.skip() / 4) as u32,
            y_skip: (of_y.skip() / 4) as u32,
            per_split: rows.per_split as u32,
            splits: rows.splits as u32,
            add: u32::from(rows.add),
        };
        let groups = kernel.groups(threads as u64);
        recorder.dispatch_windows(&kernel, &numbered(bindings, windows), &arguments, groups)
    }
}
