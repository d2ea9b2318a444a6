//! The dispatches of maxout over affine maps, for as many rows as bindings hold.

use super::record::{Sizes, expect_fit};
use crate::{
    element::ElementType,
    error::{Error, Result},
    family::maxout::{
        OP, Span, Winners, most_elements,
        shader::{self, AffineArguments},
    },
    gpu::{
        Binding::{self, Read, Write},
        Gpu, Kernel,
    },
    kernel::{bind, dispatch, largest_window, recorder::Recorder},
    tensor::Tensor,
};

/// Threads that fill a device.
const MANY_THREADS: usize = 32_768;

/// Rows that a thread sums at least and at most.
const PER_SPLIT: (usize, usize) = (32, 32_768);

/// Scratch memory for partial sums, unless one takes more.
const MOST_PARTIALS: u64 = 64 << 20;

/// Rows that one dispatch works on, with the splits of their sums.
#[derive(Debug, Clone, Copy)]
struct Rows {
    start: usize,
    count: usize,
    per_split: usize,
    splits: usize,
    add: bool,
}

/// What an entry point binds: all of a tensor, rows of x or of y, and the winners.
pub(super) struct Entry {
    name: &'static str,
    bindings: &'static [Binding],
    of_x: &'static [u32],
    of_y: &'static [u32],
    winners: Option<u32>,
}

pub(super) static FORWARD: Entry = Entry {
    name: "forward",
    bindings: &[Read(0), Read(1), Read(2), Write(3), Write(4)],
    of_x: &[0],
    of_y: &[3],
    winners: Some(4),
};

pub(super) static BACKWARD_X: Entry = Entry {
    name: "backward_x",
    bindings: &[Read(1), Write(3), Read(5), Read(6)],
    of_x: &[3],
    of_y: &[6],
    winners: Some(5),
};

static BACKWARD_WEIGHT: Entry = Entry {
    name: "backward_weight",
    bindings: &[Read(0), Read(5), Read(6), Write(7)],
    of_x: &[0],
    of_y: &[6],
    winners: Some(5),
};

static MERGE: Entry = Entry {
    name: "merge",
    bindings: &[Read(8), Write(9)],
    of_x: &[],
    of_y: &[],
    winners: None,
};

/// Sums over rows: [pieces, x_pitch + 4, y_pitch].
pub(super) fn sums_over_rows(
    recorder: &mut Recorder<'_>,
    x: &Tensor,
    winners: &Winners,
    upstream: &Tensor,
    sizes: Sizes,
) -> Result<Tensor> {
    let gpu = x.gpu();
    let bytes = sizes.sums() as u64 * 4;
    expect_fit("the weight's gradient", bytes, gpu)?;
    let sums = recorder.allocate(gpu, [sizes.sums()], ElementType::F32)?;
    let rows = rows_at_once(x, winners, sizes)?;
    let most = largest_window(gpu).min(MOST_PARTIALS.max(bytes)) / bytes;
    let most = (most as usize).min(MANY_THREADS);
    let at_once = rows.min(most * PER_SPLIT.1);
    let threads = sizes.sums() / 16;
    let wanted = MANY_THREADS.div_ceil(threads);
    for start in (0..sizes.rows).step_by(at_once) {
        let count = at_once.min(sizes.rows - start);
        let splits = wanted
            .clamp(count.div_ceil(PER_SPLIT.1), most)
            .min(count.div_ceil(PER_SPLIT.0));
        let per_split = count.div_ceil(splits);
        let rows = Rows {
            start,
            count,
            per_split,
            splits: count.div_ceil(per_split),
            add: start > 0,
        };
        let shape = [sizes.sums() * rows.splits];
        let partials = recorder.allocate(gpu, shape, ElementType::F32)?;
        let mut pass = recorder.encoder.begin_compute_pass(&Default::default());
        let sum = Launcher {
            entry: &BACKWARD_WEIGHT,
            sizes,
            rows,
            winners,
            tensors: &[(0, x), (6, upstream), (7, &partials)],
            threads: threads * rows.splits,
        };
        sum.encode(gpu, &mut pass)?;
        let merge = Launcher {
            entry: &MERGE,
            tensors: &[(8, &partials), (9, &sums)],
            threads: sizes.sums() / 4,
            ..sum
        };
        merge.encode(gpu, &mut pass)?;
        drop(pass);
        recorder.done_with(partials);
    }
    Ok(sums)
}

/// Runs an entry point that writes `output`, rows of x or of y, for all of them; `threads` says how
/// many it takes for some.
pub(super) fn record_rows(
    recorder: &mut Recorder<'_>,
    entry: &'static Entry,
    sizes: Sizes,
    winners: &Winners,
    (output, tensors): (&Tensor, &[(u32, &Tensor)]),
    threads: impl Fn(usize) -> usize,
) -> Result<()> {
    let gpu = output.gpu();
    let at_once = rows_at_once(output, winners, sizes)?;
    let tensors = &[tensors, &[(3, output)]].concat();
    let mut pass = recorder.encoder.begin_compute_pass(&Default::default());
    for start in (0..sizes.rows).step_by(at_once) {
        let count = at_once.min(sizes.rows - start);
        let work = Launcher {
            entry,
            sizes,
            rows: Rows {
                start,
                count,
                per_split: 0,
                splits: 0,
                add: false,
            },
            winners,
            tensors,
            threads: threads(count),
        };
        work.encode(gpu, &mut pass)?;
    }
    Ok(())
}

/// Rows of x, y and the winners that a binding holds.
fn rows_at_once(elements: &Tensor, winners: &Winners, sizes: Sizes) -> Result<usize> {
    let longer = sizes.x_pitch().max(sizes.y_pitch());
    let size = elements.element().size().max(winners.size());
    let most = most_elements(elements.gpu(), size);
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

/// One dispatch.
#[derive(Clone, Copy)]
struct Launcher<'a> {
    entry: &'static Entry,
    sizes: Sizes,
    rows: Rows,
    winners: &'a Winners,
    tensors: &'a [(u32, &'a Tensor)],
    threads: usize,
}

impl Launcher<'_> {
    fn encode(self, gpu: &Gpu, pass: &mut wgpu::ComputePass<'_>) -> Result<()> {
        let Self {
            entry,
            sizes,
            rows,
            winners,
            ..
        } = self;
        let span = |pitch: usize| Span {
            start: rows.start * pitch,
            len: rows.count * pitch,
        };
        let (of_x, of_y) = (span(sizes.x_pitch()), span(sizes.y_pitch()));
        let mut element = ElementType::F32;
        let mut bindings = Vec::new();
        for &(binding, tensor) in self.tensors {
            let rows = if entry.of_x.contains(&binding) {
                Some(of_x)
            } else if entry.of_y.contains(&binding) {
                Some(of_y)
            } else {
                None
            };
            if rows.is_some() {
                element = tensor.element();
            }
            bindings.push(rows.map_or_else(
                || bind(binding, tensor),
                |rows| rows.binding(binding, tensor),
            ));
        }
        bindings.extend(entry.winners.map(|binding| of_y.winners(binding, winners)));
        let kernel = Kernel {
            shader: shader::affine(gpu.tuning().vectors(element), winners.index),
            entry_point: entry.name,
            bindings: entry.bindings,
            constants: Vec::new(),
            workgroup: gpu.workgroup(64),
        };
        let pipeline = gpu.pipeline(&kernel)?;
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
        let groups = kernel.groups(self.threads as u64);
        dispatch(gpu, pass, &pipeline, &bindings, &arguments, groups);
        Ok(())
    }
}
