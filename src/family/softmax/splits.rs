//! Rows along any axis and of any length, cut into splits: parts of sums, then results. Of a tensor that has
//! only parts of its rows, one call records what it knows of them, and another, told what is known of the whole
//! rows, its results.

use std::{ops::Range, sync::Arc};

use super::{
    Softmax,
    launch::{Writes, inputs},
    shader::{Method, SplitArguments},
};
use crate::{
    element::ElementType,
    error::Result,
    gpu::{
        Binding::{self, Read, Write},
        Gpu, Kernel, Pipeline,
    },
    kernel::{Window, bind, dispatch, largest_window, launch::Pass, recorder::Recorder},
    tensor::{Tensor, View},
};

const WORKGROUP: u32 = 64;

/// Parts that one thread merges; `RUN` of the shader.
const RUN: usize = 32;

/// Splits that fill a device, where the tensor has enough elements.
const MANY_SPLITS: usize = 65_536;

/// Elements that a thread sums at least, where the row has them, and at most.
const PER_SPLIT: (usize, usize) = (64, 1024);

/// Splits that interleave in a row along the innermost axis, and the row that is worth it.
const WIDTH: usize = 32;
const WIDE_ROW: usize = 128;

/// `Statistics` of the shader forward and backward, and `Known`, in numbers.
const STATISTICS: (usize, usize) = (3, 4);
pub(super) const KNOWN: usize = 4;

/// Scratch memory for statistics, in bytes.
const SCRATCH: u64 = 24 << 20;

/// How rows are cut up, and how much of the tensor is worked on at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Division {
    /// Splits that interleave.
    width: usize,
    /// Elements of a split.
    per_split: usize,
    /// Outer places at a time: more than one only of whole rows.
    outer: usize,
    /// Places along the axis in one window.
    count: usize,
    /// Rows per outer place at a time.
    rows: usize,
}

impl Division {
    /// For windows of `window` elements and at most `statistics` parts of sums.
    fn new(view: View, window: usize, statistics: usize) -> Self {
        let View {
            outer,
            extent,
            inner,
        } = view;
        let width = if inner == 1 && extent >= WIDE_ROW {
            WIDTH
        } else {
            1
        };
        let (least, most) = PER_SPLIT;
        let per_split = (outer * extent * inner / MANY_SPLITS)
            .clamp(least, most)
            .next_multiple_of(32);
        let mut plan = Self {
            width,
            per_split,
            outer: 1,
            count: extent,
            rows: inner,
        };
        let splits = plan.splits(extent);
        let slice = extent * inner;
        plan.rows = inner.min(window).min(statistics / splits).max(1);
        if plan.rows == inner && slice <= window {
            let fit = (window / slice).min(statistics / (splits * inner));
            plan.outer = fit.clamp(1, outer);
        } else {
            plan.count = (1 + (window - plan.rows) / inner).min(extent);
        }
        plan
    }

    /// Splits of `count` places along the axis, each of which has an element; as in the shader.
    fn splits(&self, count: usize) -> usize {
        let group = self.width * self.per_split;
        let groups = (count - 1) / group;
        groups * self.width + self.width.min(count - groups * group)
    }
}

type Built = (Kernel, Arc<Pipeline>);

impl Softmax {
    pub(super) fn record_splits(
        &self,
        recorder: &mut Recorder<'_>,
        (pass, writes): (Pass<'_>, Writes),
        view: View,
    ) -> Result<()> {
        let gpu = pass.x().gpu();
        let window = largest_window(gpu);
        // One alignment is spared, since a row may start anywhere.
        let elements = (window - 256) / pass.x().element().size();
        let words = match pass.upstream() {
            None => STATISTICS.0,
            Some(_) => STATISTICS.1,
        };
        let statistics = SCRATCH.min(window) / (4 * words as u64);
        let plan = Division::new(view, elements as usize, statistics as usize);
        let known = match &self.known {
            Some(known) => Some(known.on_device(recorder, gpu, self.form.name())?),
            None => None,
        };
        let splits = if must_sum(writes, known.is_some()) {
            plan.splits(plan.count)
        } else {
            1
        };
        let mut allocate = |splits: usize| {
            let shape = [plan.outer * splits * plan.rows, words];
            recorder.allocate(gpu, shape, ElementType::F32)
        };
        let mut scratch = vec![allocate(splits)?];
        if splits > 1 {
            scratch.push(allocate(splits.div_ceil(RUN))?);
        }
        let kernels = self.kernels((pass, writes), known.is_some(), plan)?;
        let mut work = Launcher {
            gpu,
            pass,
            writes,
            view,
            plan,
            kernels: &kernels,
            known: known.as_ref(),
            scratch: &scratch,
            compute: recorder.encoder.begin_compute_pass(&Default::default()),
        };
        for outer in (0..view.outer).step_by(plan.outer) {
            for row in (0..view.inner).step_by(plan.rows) {
                work.encode(outer, row);
            }
        }
        drop(work);
        scratch
            .into_iter()
            .for_each(|tensor| recorder.done_with(tensor));
        Ok(())
    }

    /// The kernels of a pass; `known` says whether the rows are.
    fn kernels(
        &self,
        (pass, writes): (Pass<'_>, Writes),
        known: bool,
        plan: Division,
    ) -> Result<Kernels> {
        let built = |entry_point: &'static str, bindings: &'static [Binding]| {
            let method = (Method::Splits, WORKGROUP);
            let mut kernel = self.kernel(pass, method, entry_point, bindings);
            kernel.constants.push(("WIDTH", plan.width as u32));
            let pipeline = pass.x().gpu().pipeline(&kernel)?;
            Ok((kernel, pipeline))
        };
        let backward = pass.upstream().is_some();
        let summing = || -> Result<Summing> {
            let bindings = if backward {
                &[Read(0), Read(1), Write(2)][..]
            } else {
                &[Read(0), Write(2)][..]
            };
            Ok(Summing {
                sum: built("sum", bindings)?,
                merge: built("merge", &[Write(2), Read(3)])?,
            })
        };
        let write = || {
            if backward {
                built("write", &[Read(3), Read(4), Read(5), Write(6)])
            } else {
                built("write", &[Read(3), Read(4), Write(6)])
            }
        };
        Ok(Kernels {
            summing: must_sum(writes, known).then(summing).transpose()?,
            rows: match (writes, known) {
                (Writes::Survey, true) => built("survey_gradients", &[Read(3), Read(7), Write(8)])?,
                (Writes::Survey, false) => built("survey_rows", &[Read(3), Write(8)])?,
                (Writes::Result, true) => built("prepare", &[Write(2), Read(7)])?,
                (Writes::Result, false) => built("finish", &[Write(2)])?,
            },
            write: (writes == Writes::Result).then(write).transpose()?,
        })
    }
}

/// Whether the rows are summed: not for results where surveys have.
fn must_sum(writes: Writes, known: bool) -> bool {
    !known || writes == Writes::Survey
}

/// The kernels that a pass takes, built.
struct Kernels {
    summing: Option<Summing>,
    /// What becomes of the sums of rows: what results need, or what a survey tells.
    rows: Built,
    /// Where results are wanted.
    write: Option<Built>,
}

struct Summing {
    sum: Built,
    merge: Built,
}

/// What is being recorded.
struct Launcher<'a> {
    gpu: &'a Gpu,
    pass: Pass<'a>,
    writes: Writes,
    view: View,
    plan: Division,
    kernels: &'a Kernels,
    known: Option<&'a Tensor>,
    scratch: &'a [Tensor],
    compute: wgpu::ComputePass<'a>,
}

impl Launcher<'_> {
    /// Records what the rows from `row` on of the outer places from `outer` on take.
    fn encode(&mut self, outer: usize, row: usize) {
        let (view, plan) = (self.view, self.plan);
        let View { extent, inner, .. } = view;
        let slice = extent * inner;
        let rows = plan.rows.min(inner - row);
        let shape = SplitArguments {
            outer: plan.outer.min(view.outer - outer) as u32,
            slice: slice as u32,
            inner: inner as u32,
            rows: rows as u32,
            per_split: plan.per_split as u32,
            ..Default::default()
        };
        let first = outer * slice + row;
        let mut sums = 0;
        let kernels = self.kernels;
        if let Some(summing) = &kernels.summing {
            for place in (0..extent).step_by(plan.count) {
                let arguments = SplitArguments {
                    count: plan.count.min(extent - place) as u32,
                    add: u32::from(place > 0),
                    ..shape
                };
                self.sum(&summing.sum, first + place * inner, arguments);
            }
            let arguments = SplitArguments {
                count: plan.splits(plan.count) as u32,
                ..shape
            };
            sums = self.merge(&summing.merge, arguments);
        }
        let sums = &self.scratch[sums];
        let among_all = SplitArguments {
            skip: (outer * inner + row) as u32,
            ..shape
        };
        self.finish(sums, among_all);
        let Some(write) = &kernels.write else {
            return;
        };
        // Elements of the rows that lie together and fit a window: all of them, or those of some
        // places along the axis, or, where not even one place has room, of a part of one.
        if rows < inner {
            let shape = SplitArguments {
                slice: rows as u32,
                inner: rows as u32,
                ..shape
            };
            for place in 0..extent {
                let start = first + place * inner;
                self.write(write, start..start + rows, sums, shape);
            }
        } else if plan.count < extent {
            for place in (0..extent).step_by(plan.count) {
                let slice = plan.count.min(extent - place) * inner;
                let shape = SplitArguments {
                    slice: slice as u32,
                    ..shape
                };
                let start = first + place * inner;
                self.write(write, start..start + slice, sums, shape);
            }
        } else {
            let end = first + shape.outer as usize * slice;
            self.write(write, first..end, sums, shape);
        }
    }

    /// Sums the splits of the rows that begin at element `first`.
    fn sum(&mut self, built: &Built, first: usize, shape: SplitArguments) {
        let [outer, slice, inner, rows, count] = [
            shape.outer,
            shape.slice,
            shape.inner,
            shape.rows,
            shape.count,
        ]
        .map(|n| n as usize);
        let span = (outer - 1) * slice + (count - 1) * inner + rows;
        let (window, skip) = Window::around(self.pass.x(), first, span);
        let inputs = inputs(self.pass).map(|(place, tensor)| window.bind(place, tensor));
        let mut bindings: Vec<_> = inputs.collect();
        bindings.push(bind(2, &self.scratch[0]));
        let threads = outer * self.plan.splits(count) * rows;
        let arguments = SplitArguments { skip, ..shape };
        self.dispatch(built, &bindings, arguments, threads);
    }

    /// Merges the splits, `count` per row, until each row has one; tells which part of the scratch
    /// memory has it.
    fn merge(&mut self, built: &Built, mut shape: SplitArguments) -> usize {
        let scratch = self.scratch;
        let mut from = 0;
        while shape.count > 1 {
            let to = 1 - from;
            let runs = shape.count.div_ceil(RUN as u32);
            let bindings = [bind(2, &scratch[to]), bind(3, &scratch[from])];
            let threads = shape.outer as usize * runs as usize * shape.rows as usize;
            self.dispatch(built, &bindings, shape, threads);
            shape.count = runs;
            from = to;
        }
        from
    }

    /// Turns the sums of rows, or what is known of the whole rows, into the scales of their results; or tells
    /// what the sums are.
    fn finish(&mut self, sums: &Tensor, shape: SplitArguments) {
        let mut bindings = match self.writes {
            Writes::Result => vec![bind(2, sums)],
            Writes::Survey => vec![bind(3, sums), bind(8, self.pass.output())],
        };
        bindings.extend(self.known.map(|known| bind(7, known)));
        let kernels = self.kernels;
        let threads = shape.outer as usize * shape.rows as usize;
        self.dispatch(&kernels.rows, &bindings, shape, threads);
    }

    /// Writes the results of some elements.
    fn write(
        &mut self,
        built: &Built,
        elements: Range<usize>,
        sums: &Tensor,
        shape: SplitArguments,
    ) {
        let count = elements.len();
        let (window, skip) = Window::around(self.pass.x(), elements.start, count);
        let mut bindings = vec![bind(3, sums), window.bind(6, self.pass.output())];
        let inputs = inputs(self.pass);
        bindings.extend(inputs.map(|(place, tensor)| window.bind(4 + place, tensor)));
        let vectors = (skip as usize + count).div_ceil(4) - skip as usize / 4;
        let arguments = SplitArguments {
            count: count as u32,
            skip,
            ..shape
        };
        self.dispatch(built, &bindings, arguments, vectors);
    }

    fn dispatch(
        &mut self,
        (kernel, pipeline): &Built,
        bindings: &[wgpu::BindGroupEntry<'_>],
        arguments: SplitArguments,
        threads: usize,
    ) {
        let groups = kernel.groups(threads as u64);
        let pass = &mut self.compute;
        dispatch(self.gpu, pass, pipeline, bindings, &arguments, groups);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_stay_within_the_window_and_the_scratch_memory() {
        for extent in [1, 2, 127, 128, 1757, 16_388, 1_000_003, 100_000_000] {
            for inner in [1, 7, 1000, 5_000_000] {
                for outer in [1, 3, 100_000] {
                    if [inner, outer]
                        .iter()
                        .fold(extent, |len: usize, &axis| len.saturating_mul(axis))
                        > 1 << 34
                    {
                        continue;
                    }
                    let view = View {
                        outer,
                        extent,
                        inner,
                    };
                    for (window, statistics) in [(4032, 512), (1 << 25, 1 << 21)] {
                        let plan = Division::new(view, window, statistics);
                        let span = (plan.outer - 1) * extent * inner
                            + (plan.count - 1) * inner
                            + plan.rows;
                        assert!(span <= window, "{view:?} {window}: {plan:?}");
                        let parts = plan.outer * plan.splits(plan.count) * plan.rows;
                        assert!(parts <= statistics, "{view:?} {window}: {plan:?}");
                        assert!(plan.outer == 1 || (plan.count, plan.rows) == (extent, inner));
                    }
                }
            }
        }
    }
}
