//! Reductions per channel: partial results by thread, joined until one is left for each channel.

use super::{
    Window, bind, columns::columns_for, dispatch, largest_window, launch::bind_parameters,
    recorder::Recorder,
};
use crate::{
    element::ElementType,
    error::{Error, Result},
    gpu::{
        Binding::{self, Read, Write},
        Gpu, Kernel,
    },
    tensor::{Tensor, View},
    wgsl::{self, Math, PerChannel, ReduceArguments, Reduction, Shader, Vectors},
};

/// Vectors of columns, or channels, that a workgroup is wide where its threads are joined; `SHARE` of the shader.
const SHARE: u32 = 32;

/// Columns of a block that eight threads of `columns_shared` share.
const SHARED_COLUMNS: usize = 256;
/// Columns that make neighbouring threads read neighbouring memory.
const COLUMNS: usize = 32;
/// Partial results that a thread joins; `MERGED` of the shader.
const MERGED: usize = 1024;
/// Threads that fill a device whose threads are joined; beyond, each walks more rows.
const MANY_THREADS: usize = 1 << 17;
/// Rows that it walks at most for that, since rounding errors grow with them.
const LONGEST_WALK: usize = 128;
/// Runs or single vectors that a thread sums at most before it joins; `BLOCK` of the shader.
const BLOCK: usize = 32;
/// Whole vectors of a run that one thread takes.
const VECTORS: usize = 64;

/// A reduction of a tensor along its channels.
pub(crate) struct Reduce<'a> {
    pub(crate) op: &'static str,
    /// What is reduced.
    pub(crate) reduction: Reduction,
    pub(crate) view: View,
    pub(crate) x: &'a Tensor,
    pub(crate) upstream: Option<&'a Tensor>,
    pub(crate) parameters: &'a [Tensor],
    /// Receives dx from the same pass, where [`Reduce::takes_dx`].
    pub(crate) dx: Option<&'a Tensor>,
}

/// A piece of the tensor that one dispatch reduces.
struct Piece {
    /// Elements before it.
    start: usize,
    /// Elements of it.
    len: usize,
    /// Channels before it.
    channel: usize,
    /// Partial results per channel before its own.
    before: usize,
    /// Its own partial results per channel.
    partials: usize,
    /// Threads.
    threads: u64,
    entry_point: &'static str,
    /// `rows`, `vectors`, `length`, `channels` and `lanes` of the shader.
    shape: [usize; 5],
}

/// The pieces and how they are walked.
struct Division {
    pieces: Vec<Piece>,
    aligned: bool,
    /// Rows that a thread walks.
    walk: usize,
}

/// The sum of what it is given, through `terms`.
const SUM: PerChannel = PerChannel::own(include_str!("../../shaders/kernel/total.wgsl"), 1);

pub(super) fn total_shader(vectors: Vectors) -> Shader {
    wgsl::reduce(&Reduction::terms(SUM, Math::default()), false, vectors)
}

/// The sum over all channels of each of their `words` f32.
pub(crate) fn total(
    recorder: &mut Recorder<'_>,
    op: &'static str,
    of_channels: &Tensor,
    words: usize,
) -> Result<Tensor> {
    let reduce = Reduce {
        op,
        reduction: Reduction::terms(SUM, Math::default()),
        view: View {
            outer: of_channels.len() / words,
            extent: words,
            inner: 1,
        },
        x: of_channels,
        // What the kernel reads beside does not count here.
        upstream: Some(of_channels),
        parameters: std::slice::from_ref(of_channels),
        dx: None,
    };
    reduce.record(recorder)
}

impl Reduce<'_> {
    /// Whether dx can be written by the pass that reads x: every vector belongs to one thread.
    pub(crate) fn takes_dx(&self) -> bool {
        self.plan().aligned
    }

    /// The results, as many words for each channel as the reduction has. The tensor must not be empty.
    pub(crate) fn record(&self, recorder: &mut Recorder<'_>) -> Result<Tensor> {
        let plan = self.plan();
        let mut batches = self.batches(&plan.pieces).into_iter();
        let total = self.record_batch(recorder, &plan, batches.next().unwrap_or_default())?;
        for batch in batches {
            let results = self.record_batch(recorder, &plan, batch)?;
            self.join(
                recorder,
                "accumulate",
                1,
                &results,
                &total,
                self.view.extent,
            )?;
            recorder.done_with(results);
        }
        Ok(total)
    }

    /// The pieces in runs whose partial results fit a binding together.
    fn batches<'b>(&self, pieces: &'b [Piece]) -> Vec<&'b [Piece]> {
        let most = largest_window(self.x.gpu()) / self.partial_bytes();
        let mut batches = Vec::new();
        let mut start = 0;
        for (index, piece) in pieces.iter().enumerate() {
            if (piece.before + piece.partials - pieces[start].before) as u64 > most
                && piece.before > pieces[start].before
            {
                batches.push(&pieces[start..index]);
                start = index;
            }
        }
        batches.push(&pieces[start..]);
        batches
    }

    /// One result per channel of `pieces`.
    fn record_batch(
        &self,
        recorder: &mut Recorder<'_>,
        plan: &Division,
        pieces: &[Piece],
    ) -> Result<Tensor> {
        let before = pieces.first().map_or(0, |piece| piece.before);
        let end = pieces
            .last()
            .map_or(0, |piece| piece.before + piece.partials);
        let rows = end - before;
        let gpu = self.x.gpu();
        let results = self.scratch(recorder, rows)?;
        let mut pass = recorder.encoder.begin_compute_pass(&Default::default());
        self.reduce(gpu, &mut pass, plan, pieces, &results)?;
        drop(pass);
        self.merge(recorder, rows, results)
    }

    /// Joins `rows` partial results per channel until one is left.
    fn merge(
        &self,
        recorder: &mut Recorder<'_>,
        mut rows: usize,
        mut results: Tensor,
    ) -> Result<Tensor> {
        let joined = self.joined_threads();
        let (entry_point, merged) = match joined {
            1 => ("merge", MERGED),
            threads => ("merge_joined", threads * BLOCK),
        };
        while rows > 1 {
            let fewer_rows = rows.div_ceil(merged);
            let fewer = self.scratch(recorder, fewer_rows)?;
            let threads = with_joined(fewer_rows * self.view.extent, joined);
            self.join(recorder, entry_point, rows, &results, &fewer, threads)?;
            recorder.done_with(std::mem::replace(&mut results, fewer));
            rows = fewer_rows;
        }
        Ok(results)
    }

    /// Runs an entry point that joins `rows` partial results per channel.
    fn join(
        &self,
        recorder: &mut Recorder<'_>,
        entry_point: &'static str,
        rows: usize,
        from: &Tensor,
        to: &Tensor,
        threads: usize,
    ) -> Result<()> {
        let kernel = self.kernel(entry_point, &[Write(2), Read(4)]);
        let channels = self.view.extent as u32;
        let arguments = ReduceArguments {
            rows: rows as u32,
            channels,
            stride: channels,
            lanes: 1,
            ..Default::default()
        };
        let groups = kernel.groups(threads as u64);
        recorder.dispatch(&kernel, &[(2, to), (4, from)], &arguments, groups)
    }

    fn reduce(
        &self,
        gpu: &Gpu,
        pass: &mut wgpu::ComputePass<'_>,
        plan: &Division,
        pieces: &[Piece],
        results: &Tensor,
    ) -> Result<()> {
        let before = pieces.first().map_or(0, |piece| piece.before);
        for piece in pieces {
            let mut kernel = self.kernel(piece.entry_point, self.bindings());
            kernel.constants.push(("ALIGNED", u32::from(plan.aligned)));
            let pipeline = gpu.pipeline(&kernel)?;
            let (window, skip) = Window::around(self.x, piece.start, piece.len);
            let [rows, vectors, length, channels, lanes] = piece.shape.map(|word| word as u32);
            let arguments = ReduceArguments {
                rows,
                vectors,
                length,
                channels,
                stride: self.view.extent as u32,
                skip,
                first: ((piece.before - before) * self.view.extent) as u32,
                lanes,
                channel: piece.channel as u32,
                walk: plan.walk as u32,
            };
            let mut bindings = vec![bind(2, results)];
            let windows = [(0, Some(self.x)), (1, self.upstream), (5, self.dx)];
            for (binding, tensor) in windows {
                bindings.extend(tensor.map(|tensor| window.bind(binding, tensor)));
            }
            bindings.extend(bind_parameters(self.parameters));
            let groups = kernel.groups(piece.threads);
            dispatch(gpu, pass, &pipeline, &bindings, &arguments, groups);
        }
        Ok(())
    }

    fn kernel(&self, entry_point: &'static str, bindings: &'static [Binding]) -> Kernel {
        let gpu = self.x.gpu();
        let tuning = gpu.tuning();
        let vectors = tuning.vectors(self.x.element());
        Kernel {
            shader: wgsl::reduce(&self.reduction, self.dx.is_some(), vectors),
            entry_point,
            bindings,
            constants: Vec::new(),
            workgroup: gpu.workgroup(match tuning.reduction_threads {
                0 | 1 => 64,
                threads => SHARE * threads,
            }),
        }
    }

    fn bindings(&self) -> &'static [Binding] {
        const WITH_DX: &[Binding] = &[
            Write(5),
            Read(1),
            Read(0),
            Write(2),
            Read(3),
            Read(6),
            Read(7),
            Read(8),
        ];
        let first = match (self.upstream, self.dx) {
            (Some(_), Some(_)) => 0,
            (Some(_), None) => 1,
            (None, _) => 2,
        };
        &WITH_DX[first..4 + self.parameters.len()]
    }

    /// Bytes of one partial result for each channel.
    fn partial_bytes(&self) -> u64 {
        (self.view.extent * self.reduction.words() * 4) as u64
    }

    /// Memory for `rows` partial results per channel.
    fn scratch(&self, recorder: &mut Recorder<'_>, rows: usize) -> Result<Tensor> {
        let gpu = self.x.gpu();
        let limit = largest_window(gpu);
        let bytes = rows as u64 * self.partial_bytes();
        if bytes > limit {
            return Err(Error::TooLarge {
                what: format!("{}: partial results per channel", self.op),
                bytes,
                limit,
                advice: "split the tensor along its channels",
            });
        }
        recorder.allocate(gpu, [bytes as usize / 4], ElementType::F32)
    }

    /// Threads of a workgroup that join what they have: 1 where none do.
    fn joined_threads(&self) -> usize {
        let gpu = self.x.gpu();
        let limits = gpu.limits();
        let most = limits
            .max_compute_invocations_per_workgroup
            .min(limits.max_compute_workgroup_size_x)
            / SHARE;
        match most.min(gpu.tuning().reduction_threads) {
            0 | 1 => 1,
            threads => 1 << threads.ilog2(),
        }
    }

    fn plan(&self) -> Division {
        match self.rows_per_window() {
            Some(rows) if self.view.inner == 1 => self.plan_columns(rows),
            _ => self.plan_runs(),
        }
    }

    /// Rows of columns that a binding holds, if any whose partial results it holds too.
    fn rows_per_window(&self) -> Option<usize> {
        let columns = columns_for(self.view.extent, COLUMNS);
        let rows = self.most_elements() / columns;
        let partials = (columns * self.reduction.words() * 4) as u64;
        (rows > 0 && partials <= largest_window(self.x.gpu())).then_some(rows)
    }

    /// Elements that a binding holds, whatever element it begins at.
    fn most_elements(&self) -> usize {
        ((largest_window(self.x.gpu()) - 256) / self.x.element().size()) as usize
    }

    fn plan_columns(&self, fit: usize) -> Division {
        let columns = columns_for(self.view.extent, COLUMNS);
        let fold = columns / self.view.extent;
        let tuning = self.x.gpu().tuning();
        let joined = self.joined_threads();
        let mut walk = tuning.reduction_rows as usize;
        if joined > 1 {
            let longest = self.x.len().min(fit * columns);
            walk = walk.max((longest / 4 / MANY_THREADS).min(LONGEST_WALK));
        }
        let shares = joined == 1
            && tuning.reduction_vectors == 8
            && columns.is_multiple_of(SHARED_COLUMNS)
            && walk.is_multiple_of(4);
        let most = if fit > walk { fit / walk * walk } else { fit };
        let mut pieces = Vec::new();
        let mut partials = 0;
        let (mut start, len) = (0, self.x.len());
        while start < len {
            let length = (len - start).min(most * columns);
            let whole = length / columns / walk * walk * columns;
            let (length, threads, entry_point) = if shares && whole > 0 {
                (whole, columns / 4 / 8, "columns_shared")
            } else if joined > 1 {
                (length, columns / 4, "columns_joined")
            } else {
                (length, columns / 4, "columns")
            };
            let rows = length.div_ceil(columns);
            let splits = rows.div_ceil(walk * joined);
            pieces.push(Piece {
                start,
                len: length,
                channel: 0,
                before: partials,
                partials: splits * fold,
                threads: with_joined(splits * threads, joined) as u64,
                entry_point,
                shape: [rows, columns / 4, length, self.view.extent, 1],
            });
            start += length;
            partials += splits * fold;
        }
        Division {
            pieces,
            aligned: true,
            walk,
        }
    }

    /// Runs of inner elements, each alone; of one element where the channels are innermost and a row
    /// of whole vectors is more than a binding holds.
    ///
    /// Pieces of whole outer rows where one fits a binding, else of whole runs, else of parts of runs.
    fn plan_runs(&self) -> Division {
        let View {
            outer,
            extent: channels,
            inner,
        } = self.view;
        let most = self.most_elements();
        let outer_step = (most / (channels * inner)).clamp(1, outer);
        let channel_step = (most / inner).clamp(1, channels);
        let inner_step = if inner > most { most & !3 } else { inner };
        let mut pieces = Vec::new();
        let mut partials = 0;
        for outer_start in (0..outer).step_by(outer_step) {
            let rows = outer_step.min(outer - outer_start);
            for inner_start in (0..inner).step_by(inner_step) {
                let length = inner_step.min(inner - inner_start);
                let vectors = length / 4;
                let lanes = vectors.div_ceil(VECTORS).max(1);
                let per_thread = (BLOCK / vectors.div_ceil(lanes).max(1)).max(1);
                let splits = rows.div_ceil(per_thread);
                // All channels at once, unless an outer row is more than a binding holds.
                let channel_step = if rows > 1 { channels } else { channel_step };
                for channel in (0..channels).step_by(channel_step) {
                    let count = channel_step.min(channels - channel);
                    pieces.push(Piece {
                        start: (outer_start * channels + channel) * inner + inner_start,
                        len: rows * count * length,
                        channel,
                        before: partials,
                        partials: splits * lanes,
                        threads: (splits * count * lanes) as u64,
                        entry_point: "runs",
                        shape: [rows, vectors, length, count, lanes],
                    });
                }
                partials += splits * lanes;
            }
        }
        Division {
            pieces,
            aligned: inner.is_multiple_of(4),
            walk: 0,
        }
    }
}

/// Threads that give so many results, of each of which `joined` have a part; whole workgroups where that is
/// more than one.
const fn with_joined(results: usize, joined: usize) -> usize {
    match joined {
        1 => results,
        _ => results.next_multiple_of(SHARE as usize) * joined,
    }
}
