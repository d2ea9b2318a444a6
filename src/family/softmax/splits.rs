//! Rows along any axis and of any length, cut into splits: parts of sums, then results.

use std::sync::Arc;

use super::{Pass, Softmax};
use crate::{
    element::ElementType,
    error::Result,
    gpu::{
        Binding::{self, Read, Write},
        Gpu, Pipeline,
    },
    kernel::{
        Window, dispatch, fold_over, largest_window,
        recorder::{self, Recorder},
        reduce::bind,
    },
    tensor::{Tensor, View},
    wgsl::SoftmaxKernel,
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

/// Scratch memory for statistics, of 8 bytes each.
const MOST_STATISTICS: u64 = (16 << 20) / 8;

/// How rows are cut up, and how much of the tensor is worked on at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Plan {
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

impl Plan {
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

/// The pipelines that a pass takes.
struct Pipelines {
    sum: Arc<Pipeline>,
    merge: Arc<Pipeline>,
    finish: Arc<Pipeline>,
    write: Arc<Pipeline>,
}

/// What the shader's `Arguments` say of a dispatch.
#[derive(Clone, Copy, Default)]
struct Arguments {
    outer: usize,
    slice: usize,
    inner: usize,
    rows: usize,
    count: usize,
    per_split: usize,
    skip: usize,
    add: bool,
}

impl Arguments {
    /// All rows of a tensor that one binding holds.
    fn of(view: View) -> Self {
        Self {
            outer: view.outer,
            slice: view.extent * view.inner,
            inner: view.inner,
            rows: view.inner,
            count: view.extent,
            ..Default::default()
        }
    }

    fn words(self) -> [u32; 8] {
        let Self {
            outer,
            slice,
            inner,
            rows,
            count,
            per_split,
            skip,
            add,
        } = self;
        let add = usize::from(add);
        [outer, slice, inner, rows, count, per_split, skip, add].map(|word| word as u32)
    }
}

impl Softmax {
    pub(super) fn record_splits(
        &self,
        recorder: &mut Recorder<'_>,
        pass: Pass<'_>,
        view: View,
    ) -> Result<()> {
        let gpu = pass.input().gpu();
        let window = largest_window(gpu);
        // One alignment is spared, since a row may start anywhere.
        let elements = (window - 256) / pass.input().element().size();
        let statistics = MOST_STATISTICS.min(window / 8);
        let plan = Plan::new(view, elements as usize, statistics as usize);
        let scratch = self.scratch(recorder, gpu, plan, plan.splits(plan.count))?;
        let mut work = Work::new(
            self,
            (gpu, &mut *recorder.encoder),
            (pass, view, plan),
            &scratch,
        )?;
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

    /// Memory for the sums of so many splits, and for the runs that they merge into.
    fn scratch(
        &self,
        recorder: &mut Recorder<'_>,
        gpu: &Gpu,
        plan: Plan,
        splits: usize,
    ) -> Result<Vec<Tensor>> {
        let mut allocate = |splits: usize| {
            let shape = [plan.outer * splits * plan.rows, 2];
            recorder.allocate(gpu, shape, ElementType::F32)
        };
        let mut scratch = vec![allocate(splits)?];
        if splits > 1 {
            scratch.push(allocate(splits.div_ceil(RUN))?);
        }
        Ok(scratch)
    }

    /// Sums the rows of a pass's input, which one binding holds: [rows, 2].
    pub(super) fn sum_rows(&self, pass: Pass<'_>, view: View) -> Result<Tensor> {
        let gpu = pass.input().gpu();
        let plan = Plan::new(view, usize::MAX, usize::MAX);
        let splits = plan.splits(view.extent);
        let rows = gpu.allocate([view.outer * view.inner, 2], ElementType::F32)?;
        recorder::submit(gpu, |recorder| {
            let scratch = self.scratch(recorder, gpu, plan, splits)?;
            let encoder = &mut *recorder.encoder;
            let mut work = Work::new(self, (gpu, encoder), (pass, view, plan), &scratch)?;
            let shape = Arguments::of(view);
            let parts = Arguments {
                per_split: plan.per_split,
                ..shape
            };
            work.sum(0, parts);
            let sums = work.merge(Arguments {
                count: splits,
                ..shape
            });
            drop(work);
            let (from, bytes) = (scratch[sums].raw(), rows.bytes());
            recorder
                .encoder
                .copy_buffer_to_buffer(from, 0, rows.raw(), 0, bytes);
            scratch
                .into_iter()
                .for_each(|tensor| recorder.done_with(tensor));
            Ok(())
        })?;
        Ok(rows)
    }

    /// Merges what [`Softmax::sum_rows`] gave for parts of the same rows, [parts, rows, 2], into
    /// what [`Softmax::write_rows`] takes: [rows, 2].
    pub(super) fn merge_rows(&self, backward: bool, parts: Tensor, rows: usize) -> Result<Tensor> {
        let gpu = parts.gpu().clone();
        let count = parts.len() / 2 / rows;
        let runs = gpu.allocate([count.div_ceil(RUN) * rows, 2], ElementType::F32)?;
        let scratch = [parts, runs];
        let [x, y] = &scratch;
        let pass = if backward {
            Pass::Backward {
                y: x,
                upstream: x,
                dx: y,
            }
        } else {
            Pass::Forward { x, y }
        };
        let view = View {
            outer: 1,
            extent: count,
            inner: rows,
        };
        let mut sums = 0;
        gpu.submit(|encoder| {
            let plan = Plan::new(view, usize::MAX, usize::MAX);
            let mut work = Work::new(self, (&gpu, encoder), (pass, view, plan), &scratch)?;
            sums = work.merge(Arguments::of(view));
            if !backward {
                work.finish(sums, Arguments::of(view), rows);
            }
            Ok(())
        })?;
        let [parts, runs] = scratch;
        Ok(if sums == 0 { parts } else { runs })
    }

    /// Writes the result of a pass whose rows have what [`Softmax::merge_rows`] gave.
    pub(super) fn write_rows(&self, pass: Pass<'_>, view: View, rows: &Tensor) -> Result<()> {
        let gpu = pass.input().gpu();
        let plan = Plan::new(view, usize::MAX, usize::MAX);
        gpu.submit(|encoder| {
            let mut work = Work::new(self, (gpu, encoder), (pass, view, plan), &[])?;
            work.write(0, pass.input().len(), rows, Arguments::of(view));
            Ok(())
        })
        .map(drop)
    }

    fn pipelines(&self, gpu: &Gpu, pass: Pass<'_>, plan: Plan) -> Result<Pipelines> {
        let pipeline = |entry_point: &'static str, bindings: &'static [Binding]| {
            let kernel = (SoftmaxKernel::Splits, WORKGROUP);
            let mut key = self.key(pass, kernel, entry_point, bindings);
            key.constants.push(("WIDTH", plan.width as u32));
            gpu.pipeline(&key)
        };
        Ok(Pipelines {
            sum: match pass {
                Pass::Forward { .. } => pipeline("forward_splits", &[Read(0), Write(2)])?,
                Pass::Backward { .. } => {
                    pipeline("backward_splits", &[Read(0), Read(1), Write(2)])?
                }
            },
            merge: pipeline("merge", &[Write(2), Read(3)])?,
            finish: pipeline("finish", &[Write(2)])?,
            write: match pass {
                Pass::Forward { .. } => pipeline("write_forward", &[Read(3), Read(4), Write(6)])?,
                Pass::Backward { .. } => {
                    pipeline("write_backward", &[Read(3), Read(4), Read(5), Write(6)])?
                }
            },
        })
    }
}

/// What is being recorded.
struct Work<'a> {
    gpu: &'a Gpu,
    pass: Pass<'a>,
    view: View,
    plan: Plan,
    pipelines: Pipelines,
    scratch: &'a [Tensor],
    compute: wgpu::ComputePass<'a>,
}

impl<'a> Work<'a> {
    fn new(
        softmax: &Softmax,
        (gpu, encoder): (&'a Gpu, &'a mut wgpu::CommandEncoder),
        (pass, view, plan): (Pass<'a>, View, Plan),
        scratch: &'a [Tensor],
    ) -> Result<Self> {
        Ok(Self {
            gpu,
            pass,
            view,
            plan,
            pipelines: softmax.pipelines(gpu, pass, plan)?,
            scratch,
            compute: encoder.begin_compute_pass(&Default::default()),
        })
    }

    /// Records what the rows from `row` on of the outer places from `outer` on take.
    fn encode(&mut self, outer: usize, row: usize) {
        let (view, plan) = (self.view, self.plan);
        let View { extent, inner, .. } = view;
        let slice = extent * inner;
        let rows = plan.rows.min(inner - row);
        let shape = Arguments {
            outer: plan.outer.min(view.outer - outer),
            slice,
            inner,
            rows,
            per_split: plan.per_split,
            ..Default::default()
        };
        let first = outer * slice + row;
        for place in (0..extent).step_by(plan.count) {
            let count = plan.count.min(extent - place);
            let arguments = Arguments {
                count,
                add: place > 0,
                ..shape
            };
            self.sum(first + place * inner, arguments);
        }
        let splits = plan.splits(plan.count);
        let sums = self.merge(Arguments {
            count: splits,
            ..shape
        });
        if !self.pass.is_backward() {
            self.finish(sums, shape, shape.outer * rows);
        }
        let sums = &self.scratch[sums];
        // Elements of the rows that lie together and fit a window: all of them, or those of some
        // places along the axis, or, where not even one place has room, of a part of one.
        if rows < inner {
            let shape = Arguments {
                slice: rows,
                inner: rows,
                ..shape
            };
            for place in 0..extent {
                self.write(first + place * inner, rows, sums, shape);
            }
        } else if plan.count < extent {
            for place in (0..extent).step_by(plan.count) {
                let slice = plan.count.min(extent - place) * inner;
                let shape = Arguments { slice, ..shape };
                self.write(first + place * inner, slice, sums, shape);
            }
        } else {
            self.write(first, shape.outer * slice, sums, shape);
        }
    }

    /// Sums the splits of the rows that begin at element `first`.
    fn sum(&mut self, first: usize, shape: Arguments) {
        let span = (shape.outer - 1) * shape.slice + (shape.count - 1) * shape.inner + shape.rows;
        let (window, skip) = self.window(first, span);
        let inputs = self.pass.tensors().filter(|(role, _)| *role < 2);
        let mut bindings: Vec<_> = inputs
            .map(|(role, tensor)| wgpu::BindGroupEntry {
                binding: role,
                resource: window.binding(tensor),
            })
            .collect();
        bindings.push(bind(2, &self.scratch[0]));
        let threads = shape.outer * self.plan.splits(shape.count) * shape.rows;
        let pipeline = self.pipelines.sum.clone();
        self.dispatch(&pipeline, &bindings, Arguments { skip, ..shape }, threads);
    }

    /// Turns the sums of rows into the scales of their results.
    fn finish(&mut self, sums: usize, shape: Arguments, rows: usize) {
        let pipeline = self.pipelines.finish.clone();
        self.dispatch(&pipeline, &[bind(2, &self.scratch[sums])], shape, rows);
    }

    /// Merges the splits, `count` per row, until each row has one; tells which part of the scratch
    /// memory has it.
    fn merge(&mut self, mut shape: Arguments) -> usize {
        let scratch = self.scratch;
        let mut from = 0;
        while shape.count > 1 {
            let to = 1 - from;
            let runs = shape.count.div_ceil(RUN);
            let bindings = [bind(2, &scratch[to]), bind(3, &scratch[from])];
            let pipeline = self.pipelines.merge.clone();
            self.dispatch(&pipeline, &bindings, shape, shape.outer * runs * shape.rows);
            shape.count = runs;
            from = to;
        }
        from
    }

    /// Writes the results of `count` elements from `first` on.
    fn write(&mut self, first: usize, count: usize, sums: &Tensor, shape: Arguments) {
        let (window, skip) = self.window(first, count);
        let mut bindings = vec![bind(3, sums)];
        bindings.extend(
            self.pass
                .tensors()
                .map(|(role, tensor)| wgpu::BindGroupEntry {
                    binding: 4 + role,
                    resource: window.binding(tensor),
                }),
        );
        let vectors = (skip + count).div_ceil(4) - skip / 4;
        let arguments = Arguments {
            count,
            skip,
            ..shape
        };
        let pipeline = self.pipelines.write.clone();
        self.dispatch(&pipeline, &bindings, arguments, vectors);
    }

    /// The window that holds `count` elements from `first` on, and its elements before them.
    fn window(&self, first: usize, count: usize) -> (Window, usize) {
        let size = self.pass.input().element().size();
        let start = first as u64 * size;
        let aligned = start & !255;
        let window = Window {
            start: aligned,
            bytes: start + count as u64 * size - aligned,
        };
        (window, ((start - aligned) / size) as usize)
    }

    fn dispatch(
        &mut self,
        pipeline: &Pipeline,
        bindings: &[wgpu::BindGroupEntry<'_>],
        arguments: Arguments,
        threads: usize,
    ) {
        let groups = fold_over(threads.div_ceil(pipeline.workgroup as usize) as u64);
        let words = arguments.words();
        dispatch(
            self.gpu,
            &mut self.compute,
            pipeline,
            bindings,
            words,
            groups,
        );
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
                        let plan = Plan::new(view, window, statistics);
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
