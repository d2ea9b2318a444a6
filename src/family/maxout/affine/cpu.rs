//! Maxout over affine maps on the processor. Results and dx are summed in the order of the shader, for the same bits.
//!
//! Longer than 500 lines: forward, backward and the gradients of weight and bias share their tiles.

use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;

use super::{MaxoutAffine, record::Sizes};
use crate::{
    cpu::{Slice, SliceMut, channels::add},
    error::{Error, Result},
    family::{
        Chosen, Saved,
        maxout::{OP, pooling::better},
    },
};

/// Rows that are computed together.
const ROWS: usize = 4;

/// Columns, or inputs, that are computed together, at most, and what their number is a multiple of.
const WIDE: usize = 64;
const VECTOR: usize = 16;

/// Terms of a sum that are added one after another, and terms of what these sums are added to likewise.
const BLOCK: usize = 32;
const RUN: usize = 1024;

/// Rows that a thread takes at a time, and elements of x in them, at most.
const TASK: usize = 64;
const HELD: usize = 1 << 18;

/// Columns of fewer rows that a thread takes at a time.
const COLUMNS: usize = 256;

/// Columns of the weight's gradient that are summed together.
const SUMMED: usize = 16;

/// Tasks that sums over rows are cut into where there are rows enough: at least so many.
const TASKS: usize = 64;

/// Sums of some columns, or inputs.
type Sums = [f32; WIDE];

/// Results of a task: for each row some columns, and who has won them.
type Results<'a> = Vec<(SliceMut<'a>, &'a mut [u32])>;

/// The affine maps.
struct Maps<'a> {
    sizes: Sizes,
    weight: &'a [f32],
    /// Empty for zeros.
    bias: &'a [f32],
}

impl MaxoutAffine {
    pub(super) fn compute(&self, shape: &[usize], x: Slice<'_>, y: SliceMut<'_>) -> Result<Chosen> {
        let (sizes, _) = self.sizes(shape)?;
        let mut chosen = vec![0_u32; y.len()];
        if y.is_empty() {
            return Ok(Chosen(chosen));
        }
        let [weight, bias] = self.numbers()?;
        let (weight, bias) = (&*weight, &*bias);
        let maps = Maps {
            sizes,
            weight,
            bias,
        };
        let (outputs, at_once) = (sizes.outputs, sizes.rows_at_once());
        if sizes.rows > at_once {
            let tasks = y.chunks(at_once * outputs).into_par_iter();
            let tasks = tasks.zip(chosen.par_chunks_mut(at_once * outputs));
            tasks.enumerate().for_each(|(index, (y, chosen))| {
                let rows = y.chunks(outputs).into_iter();
                let rows = rows.zip(chosen.chunks_mut(outputs));
                maps.contest(x, [index * at_once, 0], rows.collect());
            });
            return Ok(Chosen(chosen));
        }
        // Few rows: threads share their columns.
        let mut tasks: Vec<Results<'_>> = Vec::new();
        tasks.resize_with(outputs.div_ceil(COLUMNS), Vec::new);
        for (y, chosen) in y
            .chunks(outputs)
            .into_iter()
            .zip(chosen.chunks_mut(outputs))
        {
            let parts = y.chunks(COLUMNS).into_iter();
            let parts = parts.zip(chosen.chunks_mut(COLUMNS));
            tasks
                .iter_mut()
                .zip(parts)
                .for_each(|(task, part)| task.push(part));
        }
        let tasks = tasks.into_par_iter().enumerate();
        tasks.for_each(|(index, rows)| maps.contest(x, [0, index * COLUMNS], rows));
        Ok(Chosen(chosen))
    }

    pub(super) fn compute_gradients(
        &self,
        shape: &[usize],
        x: Slice<'_>,
        saved: &Saved,
        upstream: Slice<'_>,
        dx: SliceMut<'_>,
        parameters: bool,
    ) -> Result<Vec<Vec<f32>>> {
        let (sizes, _) = self.sizes(shape)?;
        let chosen = saved.get::<Chosen>().map(|Chosen(chosen)| &**chosen);
        let are_of_x = |chosen: &&[u32]| {
            let mut pieces = chosen.iter();
            chosen.len() == upstream.len() && pieces.all(|piece| (*piece as usize) < sizes.pieces)
        };
        let chosen = chosen.filter(are_of_x).ok_or_else(|| {
            Error::Internal(format!(
                "{OP}: the winners saved are not those of this forward pass"
            ))
        })?;
        let [weight, bias] = self.numbers()?;
        let maps = Maps {
            sizes,
            weight: &weight,
            bias: &bias,
        };
        maps.dx(chosen, upstream, dx);
        if !parameters {
            return Ok(Vec::new());
        }
        let has_bias = self.bias.is_some();
        let sums = maps.sums(x, chosen, upstream, has_bias);
        // Behind the inputs of a piece comes its bias.
        let of_piece = (sizes.inputs + usize::from(has_bias)) * sizes.outputs;
        let of_inputs = sizes.inputs * sizes.outputs;
        let mut gradients = vec![Vec::with_capacity(self.weight.len())];
        if has_bias {
            gradients.push(Vec::with_capacity(bias.len()));
        }
        for sums in sums.chunks_exact(of_piece.max(1)) {
            let (of_weight, of_bias) = sums.split_at(of_inputs);
            for (gradient, sums) in gradients.iter_mut().zip([of_weight, of_bias]) {
                gradient.extend(sums.iter().map(|sum| *sum as f32));
            }
        }
        Ok(gradients)
    }
}

impl Sizes {
    /// Rows that a thread takes at a time.
    fn rows_at_once(self) -> usize {
        let fit = (HELD / self.x_pitch().max(1)).clamp(ROWS, TASK);
        fit / ROWS * ROWS
    }
}

/// Numbers in [0, count) in steps of `step`, each with how many there are from it up to the next.
fn steps(count: usize, step: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count)
        .step_by(step)
        .map(move |first| (first, step.min(count - first)))
}

/// Room for so many columns, or inputs.
fn room_for(count: usize) -> usize {
    count.next_multiple_of(VECTOR)
}

impl Maps<'_> {
    /// Fills results, of which the first is at this row and column.
    fn contest(&self, x: Slice<'_>, [row, column]: [usize; 2], mut results: Results<'_>) {
        let Sizes { pieces, inputs, .. } = self.sizes;
        let pitch = self.sizes.x_pitch();
        let mut rows = vec![0.0; results.len().next_multiple_of(ROWS) * pitch];
        let mut room = Vec::new();
        for (index, padded) in (row..).zip(rows.chunks_exact_mut(pitch.max(1)).take(results.len()))
        {
            let x = x
                .part(index * inputs..(index + 1) * inputs)
                .widened(&mut room);
            padded[..inputs].copy_from_slice(x);
        }
        let width = results.first().map_or(0, |(y, _)| y.len());
        let mut panel = vec![0.0; pitch * room_for(width.min(WIDE))];
        for (first, count) in steps(width, WIDE) {
            let width = room_for(count);
            let mut best = vec![[([0.0; WIDE], [0; WIDE]); ROWS]; results.len().div_ceil(ROWS)];
            for piece in 0..pieces {
                let bias = self.pack(piece, column + first, count, &mut panel[..pitch * width]);
                Arch::new().dispatch(Contest {
                    rows: &rows,
                    pitch,
                    panel: &panel[..pitch * width],
                    bias: &bias[..width],
                    piece: piece as u32,
                    best: &mut best,
                });
            }
            let best = best.iter().flatten();
            for ((y, chosen), (values, winners)) in results.iter_mut().zip(best) {
                y.part(first..first + count)
                    .fill_with(&mut room, |y| y.copy_from_slice(&values[..count]));
                chosen[first..first + count].copy_from_slice(&winners[..count]);
            }
        }
    }

    /// Lays out `count` columns of a map from `first` on as [x_pitch, room for them], and gives their biases.
    fn pack(&self, piece: usize, first: usize, count: usize, panel: &mut [f32]) -> Sums {
        let Sizes {
            inputs, outputs, ..
        } = self.sizes;
        for (input, line) in panel
            .chunks_exact_mut(room_for(count))
            .take(inputs)
            .enumerate()
        {
            let at = (piece * inputs + input) * outputs + first;
            line[..count].copy_from_slice(&self.weight[at..at + count]);
        }
        let mut bias = [0.0; WIDE];
        if !self.bias.is_empty() {
            let at = piece * outputs + first;
            bias[..count].copy_from_slice(&self.bias[at..at + count]);
        }
        bias
    }

    /// dx[n, d] = sum over m of upstream[n, m] W[winner[n, m], d, m].
    fn dx(&self, chosen: &[u32], upstream: Slice<'_>, dx: SliceMut<'_>) {
        if dx.is_empty() {
            return;
        }
        let Sizes {
            inputs, outputs, ..
        } = self.sizes;
        let panels = self.transposed();
        let at_once = TASK.min(self.sizes.rows);
        let tasks = dx.chunks(at_once * inputs).into_par_iter().enumerate();
        tasks.for_each(|(index, mut dx)| {
            let (mut room, mut of_y) = (Vec::new(), Vec::new());
            let rows = dx.len() / inputs;
            let mut totals = vec![[0.0; WIDE]; rows];
            for (panels, (first, count)) in panels.iter().zip(steps(inputs, WIDE)) {
                totals.fill([0.0; WIDE]);
                // Run by run, so that what they take of the weights stays near.
                for (run, length) in steps(outputs, RUN) {
                    for (row, total) in totals.iter_mut().enumerate() {
                        let start = (index * at_once + row) * outputs + run;
                        let range = start..start + length;
                        Arch::new().dispatch(Run {
                            panels,
                            width: room_for(count),
                            pitch: self.sizes.y_pitch(),
                            first: run,
                            upstream: upstream.part(range.clone()).widened(&mut of_y),
                            chosen: &chosen[range],
                            total,
                        });
                    }
                }
                for (row, total) in totals.iter().enumerate() {
                    let start = row * inputs + first;
                    dx.part(start..start + count)
                        .fill_with(&mut room, |dx| dx.copy_from_slice(&total[..count]));
                }
            }
        });
    }

    /// The weights of some inputs at a time, each as [pieces, y_pitch, room for them].
    fn transposed(&self) -> Vec<Vec<f32>> {
        let Sizes {
            pieces,
            inputs,
            outputs,
            ..
        } = self.sizes;
        let pitch = self.sizes.y_pitch();
        let of_inputs = |(first, count): (usize, usize)| {
            let width = room_for(count);
            let mut panels = vec![0.0; pieces * pitch * width];
            for (piece, panel) in panels.chunks_exact_mut(pitch * width).enumerate() {
                // Some columns at a time, so that where they go stays near.
                for (column, columns) in steps(outputs, VECTOR) {
                    for input in 0..count {
                        let at = (piece * inputs + first + input) * outputs + column;
                        let lines = panel[column * width..].chunks_exact_mut(width);
                        for (line, weight) in lines.zip(&self.weight[at..at + columns]) {
                            line[input] = *weight;
                        }
                    }
                }
            }
            panels
        };
        let steps: Vec<_> = steps(inputs, WIDE).collect();
        steps.into_par_iter().map(of_inputs).collect()
    }

    /// Sums over rows of x[n, d] upstream[n, m] where a map has won: [pieces, inputs, outputs], behind the inputs one that
    /// is 1 if there is a bias.
    fn sums(&self, x: Slice<'_>, chosen: &[u32], upstream: Slice<'_>, has_bias: bool) -> Vec<f64> {
        let Sizes {
            rows,
            pieces,
            inputs,
            outputs,
        } = self.sizes;
        let all_inputs = inputs + usize::from(has_bias);
        let mut sums = vec![0.0; pieces * all_inputs * outputs];
        if sums.is_empty() || rows == 0 {
            return sums;
        }
        let tiles = all_inputs.div_ceil(WIDE) * outputs.div_ceil(SUMMED);
        let splits = TASKS.div_ceil(tiles).min(rows.div_ceil(RUN));
        let per_split = rows.div_ceil(splits).next_multiple_of(BLOCK);
        let tasks = steps(all_inputs, WIDE).flat_map(|input| {
            let columns = steps(outputs, SUMMED);
            columns.flat_map(move |column| {
                steps(rows, per_split).map(move |rows| (input, column, rows))
            })
        });
        let tasks: Vec<_> = tasks.collect();
        // So many at a time that what they find stays small.
        for tasks in tasks.chunks(4 * TASKS) {
            let of_task =
                |&(input, column, rows): &_| self.sums_of(x, chosen, upstream, input, column, rows);
            let found: Vec<_> = tasks.par_iter().map(of_task).collect();
            for (((input, count), (column, columns), _), found) in tasks.iter().zip(found) {
                for (place, found) in found.chunks_exact(WIDE).enumerate() {
                    let (piece, at) = (place / SUMMED, place % SUMMED);
                    if at >= *columns {
                        continue;
                    }
                    for (input, found) in (*input..).zip(&found[..*count]) {
                        sums[(piece * all_inputs + input) * outputs + column + at] += found;
                    }
                }
            }
        }
        sums
    }

    /// Those of some inputs, columns and rows: [pieces, SUMMED, WIDE].
    fn sums_of(
        &self,
        x: Slice<'_>,
        chosen: &[u32],
        upstream: Slice<'_>,
        (input, count): (usize, usize),
        (column, columns): (usize, usize),
        (row, rows): (usize, usize),
    ) -> Vec<f64> {
        let Sizes {
            pieces,
            inputs,
            outputs,
            ..
        } = self.sizes;
        let of_x = count.min(inputs - input);
        let (mut of_row, mut of_y) = (Vec::new(), Vec::new());
        let mut part = vec![0.0; pieces * SUMMED * WIDE];
        let mut sums = vec![0.0; part.len()];
        for (row, rows) in steps(rows, BLOCK).map(|(first, rows)| (row + first, rows)) {
            for row in row..row + rows {
                // Behind the inputs comes one that is 1.
                let mut padded = [1.0; WIDE];
                let start = row * inputs + input;
                padded[..of_x].copy_from_slice(x.part(start..start + of_x).widened(&mut of_row));
                let start = row * outputs + column;
                Arch::new().dispatch(Terms {
                    x: &padded,
                    upstream: upstream.part(start..start + columns).widened(&mut of_y),
                    chosen: &chosen[start..start + columns],
                    part: &mut part,
                });
            }
            add(&mut sums, &part);
            part.fill(0.0);
        }
        sums
    }
}

/// What a map gives for rows and columns, beside the best so far.
struct Contest<'a> {
    /// Rows of x, `pitch` elements each.
    rows: &'a [f32],
    pitch: usize,
    /// Weights: [pitch, columns].
    panel: &'a [f32],
    /// For each column.
    bias: &'a [f32],
    piece: u32,
    best: &'a mut [[(Sums, [u32; WIDE]); ROWS]],
}

impl NullaryFnOnce for Contest<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            rows,
            pitch,
            panel,
            bias,
            piece,
            best,
        } = self;
        let width = bias.len().min(WIDE);
        for (group, best) in best.iter_mut().enumerate() {
            let rows = &rows[group * ROWS * pitch..][..ROWS * pitch];
            let sums = affine(rows, pitch, panel, width);
            for (sums, (values, winners)) in sums.iter().zip(best) {
                for column in 0..width {
                    let other = (sums[column] + bias[column], piece);
                    let best = (values[column], winners[column]);
                    let best = if piece == 0 {
                        other
                    } else {
                        better(best, other)
                    };
                    (values[column], winners[column]) = best;
                }
            }
        }
    }
}

/// The sums of rows, in blocks and runs.
#[inline(always)]
fn affine(rows: &[f32], pitch: usize, panel: &[f32], width: usize) -> [Sums; ROWS] {
    let mut total = [[0.0; WIDE]; ROWS];
    for run in (0..pitch).step_by(RUN) {
        let mut sum = [[0.0; WIDE]; ROWS];
        let end = pitch.min(run + RUN);
        for block in (run..end).step_by(BLOCK) {
            let mut part = [[0.0; WIDE]; ROWS];
            for input in (block..end.min(block + BLOCK)).step_by(4) {
                let lines = &panel[input * width..][..4 * width];
                let (w, lines) = lines.split_at(width);
                let (v, lines) = lines.split_at(width);
                let (u, t) = lines.split_at(width);
                let (a, b) = (&rows[input..][..4], &rows[pitch + input..][..4]);
                let (c, d) = (
                    &rows[2 * pitch + input..][..4],
                    &rows[3 * pitch + input..][..4],
                );
                for i in 0..width {
                    part[0][i] += (a[0] * w[i] + a[1] * v[i]) + (a[2] * u[i] + a[3] * t[i]);
                    part[1][i] += (b[0] * w[i] + b[1] * v[i]) + (b[2] * u[i] + b[3] * t[i]);
                    part[2][i] += (c[0] * w[i] + c[1] * v[i]) + (c[2] * u[i] + c[3] * t[i]);
                    part[3][i] += (d[0] * w[i] + d[1] * v[i]) + (d[2] * u[i] + d[3] * t[i]);
                }
            }
            plus(&mut sum, &part, width);
        }
        plus(&mut total, &sum, width);
    }
    total
}

#[inline(always)]
fn plus<const N: usize>(sums: &mut [Sums; N], parts: &[Sums; N], width: usize) {
    for (sum, part) in sums.iter_mut().zip(parts) {
        for i in 0..width.min(WIDE) {
            sum[i] += part[i];
        }
    }
}

/// A run of the columns of a row, added to the sums of some inputs.
struct Run<'a> {
    /// Weights: [pieces, pitch, width].
    panels: &'a [f32],
    width: usize,
    pitch: usize,
    /// The first column.
    first: usize,
    upstream: &'a [f32],
    chosen: &'a [u32],
    total: &'a mut Sums,
}

impl Run<'_> {
    /// The weights of a column of a piece.
    #[inline(always)]
    fn line(&self, piece: u32, column: usize) -> &[f32] {
        &self.panels[(piece as usize * self.pitch + column) * self.width..]
    }
}

impl NullaryFnOnce for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let width = self.width.min(WIDE);
        let mut sum = [[0.0; WIDE]];
        let blocks = self.upstream.chunks(BLOCK).zip(self.chosen.chunks(BLOCK));
        for (block, (upstream, chosen)) in blocks.enumerate() {
            let mut part = [[0.0; WIDE]];
            let fours = upstream.chunks(4).zip(chosen.chunks(4));
            for (four, (upstream, chosen)) in fours.enumerate() {
                let column = self.first + block * BLOCK + four * 4;
                let mut g = [0.0; 4];
                let mut pieces = [0; 4];
                g[..upstream.len()].copy_from_slice(upstream);
                pieces[..chosen.len()].copy_from_slice(chosen);
                let (w, v) = (
                    self.line(pieces[0], column),
                    self.line(pieces[1], column + 1),
                );
                let (u, t) = (
                    self.line(pieces[2], column + 2),
                    self.line(pieces[3], column + 3),
                );
                let (w, v, u, t) = (&w[..width], &v[..width], &u[..width], &t[..width]);
                for i in 0..width {
                    part[0][i] += (g[0] * w[i] + g[1] * v[i]) + (g[2] * u[i] + g[3] * t[i]);
                }
            }
            plus(&mut sum, &part, width);
        }
        for (total, sum) in self.total.iter_mut().zip(&sum[0]) {
            *total += sum;
        }
    }
}

/// The terms of a row of the sums over rows, each where its map has won.
struct Terms<'a> {
    x: &'a Sums,
    upstream: &'a [f32],
    chosen: &'a [u32],
    /// [pieces, SUMMED, WIDE].
    part: &'a mut [f32],
}

impl NullaryFnOnce for Terms<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let x = *self.x;
        let columns = self.upstream.iter().zip(self.chosen).enumerate();
        for (column, (upstream, piece)) in columns {
            let at = (*piece as usize * SUMMED + column) * WIDE;
            let part = &mut self.part[at..][..WIDE];
            for i in 0..WIDE {
                part[i] += x[i] * upstream;
            }
        }
    }
}
