//! What a chain makes of the chunks of a tensor, held against the reference while they pass.
//!
//! Every step is computed in f64 from what the one before should have given. What that may be off by
//! is carried along: a step may be off by its own tolerance, and by what its input's error makes of it.

use std::{
    borrow::Cow,
    sync::{Mutex, MutexGuard, PoisonError, RwLock},
};

use rayon::prelude::*;

use crate::{
    accuracy::{
        Report, Sample, Tolerance,
        bound::{Bound, compare, storage},
        ulp,
    },
    element::{Element, ElementType},
    error::{Error, Result},
    family::{
        alpha_dropout::reference::{Mask, Transform},
        dice::{bound as dice, reference::Dice},
        maxout::{
            bound as maxout,
            reference::{Layout, winner},
        },
        softmax::{bound as softmax, reference::Row},
    },
    moments::Moments,
    offload::{Chain, Channel, Chunk, Given, Step, Views, Witness},
    wgsl::Math,
};

/// How many elements of the result are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(hidden)]
pub enum Share {
    /// About so many, spread evenly.
    Sample(usize),
    All,
}

/// Looks on while a chain is streamed, and compares.
#[doc(hidden)]
pub struct Streamed<'a> {
    chain: &'a Chain,
    views: Views,
    element: ElementType,
    share: Share,
    /// What is known of the whole tensor before each step, by the reference.
    known: RwLock<Vec<Known>>,
    report: Mutex<Report>,
}

/// What the reference knows of a tensor before a step.
#[derive(Debug, Clone)]
enum Known {
    Nothing,
    Channels(Vec<Channel>),
    /// Rows, numbered as [outer, inner].
    Rows(Vec<Row>),
}

/// A value as it should be, and by how much it may be off.
#[derive(Debug, Clone, Copy)]
struct Estimate {
    value: f64,
    error: f64,
}

/// A place in a chunk.
#[derive(Debug, Clone, Copy)]
struct Place {
    outer: usize,
    extent: usize,
    inner: usize,
}

/// A row before a softmax, and by how much its elements may be off.
type RowBefore = (Row, f64);

impl<'a> Streamed<'a> {
    /// For a tensor of `shape`.
    ///
    /// # Errors
    ///
    /// As [`Chain::result_shape`].
    #[doc(hidden)]
    pub fn new(
        chain: &'a Chain,
        shape: &[usize],
        element: ElementType,
        share: Share,
    ) -> Result<Self> {
        Ok(Self {
            chain,
            views: chain.views(shape)?,
            element,
            share,
            known: RwLock::new(vec![Known::Nothing; chain.steps().len()]),
            report: Mutex::default(),
        })
    }

    /// How the elements compared, and, for the steps in `moments`, the moments of channels.
    ///
    /// # Errors
    ///
    /// [`Error::Verification`] where something is outside its tolerance.
    #[doc(hidden)]
    pub fn finish(self, moments: &[(usize, Moments)]) -> Result<Report> {
        let known = self
            .known
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let report = self
            .report
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let op = self.chain.to_string();
        for (step, found) in moments {
            if let Known::Channels(channels) = &known[*step] {
                let reference = reference_of(channels, &vec![0.0; channels.len()], 0.0);
                let (mean, variance) = dice::statistics(&reference);
                let narrow = |values: &[f64]| values.iter().map(|&value| value as f32).collect();
                let means: Vec<_> = narrow(found.mean());
                let variances: Vec<_> = narrow(&found.variance());
                // An earlier step may be off, and its error is not that of the sums.
                if *step == 0 {
                    expect(&op, "mean", &compare(&means, &mean))?;
                    expect(&op, "variance", &compare(&variances, &variance))?;
                }
            }
        }
        expect(&op, "", &report)?;
        Ok(report)
    }

    fn survey_chunk<T: Element>(&self, step: usize, chunk: &Chunk, x: &[T]) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let work = Work::new(self, &known, chunk, x);
        let [outer, extent, inner] = work.shape;
        let value = |place: Place| {
            let mut rows = if step == 0 { Vec::new() } else { work.rows() };
            work.value(step, place, &mut rows).value
        };
        let by_channel = matches!(self.chain.steps()[step], Step::Dice { .. });
        if by_channel {
            let channels: Vec<Channel> = (0..extent)
                .into_par_iter()
                .map(|extent| {
                    let places = (0..outer).flat_map(|outer| {
                        (0..inner).map(move |inner| Place {
                            outer,
                            extent,
                            inner,
                        })
                    });
                    let values: Vec<f64> = places.map(value).collect();
                    Channel::of(&values)
                })
                .collect();
            drop(known);
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            let all = self.views.input.extent;
            if !matches!(known[step], Known::Channels(_)) {
                known[step] = Known::Channels(vec![Channel::default(); all]);
            }
            if let Known::Channels(known) = &mut known[step] {
                for (known, channel) in known[chunk.extent.clone()].iter_mut().zip(channels) {
                    known.absorb(channel);
                }
            }
            return;
        }
        let row = |(outer, inner): (usize, usize)| {
            // Long rows in parts, so that all threads have work.
            const PART: usize = 1 << 14;
            let parts = (0..extent.div_ceil(PART)).into_par_iter().map(|part| {
                let places = part * PART..extent.min((part + 1) * PART);
                let place = |extent| Place {
                    outer,
                    extent,
                    inner,
                };
                let values: Vec<f64> = places.map(|extent| value(place(extent))).collect();
                Row::of(&values)
            });
            parts
                .collect::<Vec<_>>()
                .into_iter()
                .fold(Row::EMPTY, Row::merge)
        };
        let places: Vec<_> = (0..outer)
            .flat_map(|outer| (0..inner).map(move |inner| (outer, inner)))
            .collect();
        let rows: Vec<Row> = places.par_iter().map(|&place| row(place)).collect();
        drop(known);
        let view = self.views.input;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if !matches!(known[step], Known::Rows(_)) {
            known[step] = Known::Rows(vec![Row::EMPTY; view.outer * view.inner]);
        }
        if let Known::Rows(known) = &mut known[step] {
            for ((outer, inner), row) in places.into_iter().zip(rows) {
                let index = (chunk.outer.start + outer) * view.inner + chunk.inner.start + inner;
                known[index] = known[index].merge(row);
            }
        }
    }

    fn compare_chunk<T: Element>(&self, chunk: &Chunk, x: &[T], y: &[T], winners: &[u32]) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let work = Work::new(self, &known, chunk, x);
        let [outer, _, inner] = work.shape;
        let extent = y.len() / (outer * inner).max(1);
        let lanes = outer * inner;
        // Whole rows, where an element needs its row; so many elements of each row, else.
        let count = self.count(y.len());
        let needs_rows = work.needs_rows();
        let (lanes_compared, each) = if needs_rows {
            (count.div_ceil(extent.max(1)).min(lanes), extent)
        } else {
            let lanes_compared = count.min(lanes);
            (
                lanes_compared,
                count.div_ceil(lanes_compared.max(1)).min(extent),
            )
        };
        let spread = |index: usize, count: usize, len: usize| (index + 1) * len / count - 1;
        let result = chunk.of_result(self.views.input, self.views.result);
        let report = (0..lanes_compared)
            .into_par_iter()
            .with_min_len(256)
            .fold(Report::default, |mut report, lane| {
                let lane = spread(lane, lanes_compared, lanes);
                let mut rows = work.rows();
                for index in 0..each {
                    let place = Place {
                        outer: lane / inner,
                        extent: spread(index, each, extent),
                        inner: lane % inner,
                    };
                    let at = (place.outer * extent + place.extent) * inner + place.inner;
                    let right = winners.is_empty() || work.won(place, winners[at]);
                    let mut sample = work.sample(place, y[at], right, &mut rows);
                    let view = self.views.result;
                    sample.index = ((result.outer.start + place.outer) * view.extent
                        + result.extent.start
                        + place.extent)
                        * view.inner
                        + result.inner.start
                        + place.inner;
                    report.add(sample);
                }
                report
            })
            .reduce(Report::default, Report::merge);
        let mut all = lock(&self.report);
        *all = std::mem::take(&mut *all).merge(report);
    }

    /// Elements to compare of a chunk that has so many.
    fn count(&self, len: usize) -> usize {
        let view = self.views.result;
        let all = view.outer * view.extent * view.inner;
        match self.share {
            Share::All => len,
            // An element of affine maps costs as much as many.
            Share::Sample(count) => {
                let count = count / self.cost().max(1);
                (count.max(1) as u128 * len as u128).div_ceil(all.max(1) as u128) as usize
            }
        }
        .min(len)
    }

    fn cost(&self) -> usize {
        let cost = |step: &Step| match step {
            Step::Affine { shape, .. } => shape[0] * shape[1],
            _ => 1,
        };
        self.chain.steps().iter().map(cost).max().unwrap_or(1)
    }
}

impl Witness for Streamed<'_> {
    fn survey(&self, step: usize, chunk: &Chunk, inputs: &[Vec<u8>]) -> Result<()> {
        for x in inputs {
            match self.element {
                ElementType::F32 => self.survey_chunk::<f32>(step, chunk, &elements(x)),
                ElementType::F16 => self.survey_chunk::<half::f16>(step, chunk, &elements(x)),
                ElementType::Bf16 => self.survey_chunk::<half::bf16>(step, chunk, &elements(x)),
            }
        }
        Ok(())
    }

    fn result(&self, chunk: &Chunk, given: &Given<'_>) -> Result<()> {
        let y = given.output;
        let winners = given.beside.last().map_or(&[][..], |winners| winners);
        for x in given.inputs {
            match self.element {
                ElementType::F32 => {
                    self.compare_chunk::<f32>(chunk, &elements(x), &elements(y), winners);
                }
                ElementType::F16 => {
                    self.compare_chunk::<half::f16>(chunk, &elements(x), &elements(y), winners);
                }
                ElementType::Bf16 => {
                    self.compare_chunk::<half::bf16>(chunk, &elements(x), &elements(y), winners);
                }
            }
        }
        expect(&self.chain.to_string(), "", &lock(&self.report))
    }
}

/// A chunk to be computed in f64.
struct Work<'a, T> {
    chain: &'a Chain,
    known: &'a [Known],
    chunk: &'a Chunk,
    views: &'a Views,
    x: &'a [T],
    /// Of the chunk before the first step.
    shape: [usize; 3],
    /// Length of the axis before each step and behind the last, in the chunk.
    extents: Vec<usize>,
}

impl<'a, T: Element> Work<'a, T> {
    fn new(of: &'a Streamed<'_>, known: &'a [Known], chunk: &'a Chunk, x: &'a [T]) -> Self {
        let shape = chunk.shape();
        let mut extents = vec![shape[1]];
        for step in of.chain.steps() {
            let extent = extents[extents.len() - 1];
            extents.push(match step {
                Step::Maxout { pieces, .. } => extent / pieces,
                Step::Affine { shape, .. } => shape[2],
                _ => extent,
            });
        }
        Self {
            chain: of.chain,
            known,
            chunk,
            views: &of.views,
            x,
            shape,
            extents,
        }
    }

    /// Room for what is known of the rows that a lane passes through, one for each step.
    fn rows(&self) -> Vec<Option<RowBefore>> {
        vec![None; self.chain.steps().len()]
    }

    /// Whether an element needs all its row.
    fn needs_rows(&self) -> bool {
        let mut steps = self.chain.steps().iter().zip(self.known);
        steps.any(|(step, known)| {
            matches!(step, Step::Softmax { .. }) && !matches!(known, Known::Rows(_))
        })
    }

    /// What the first `steps` steps make of the element at `place`.
    fn value(&self, steps: usize, place: Place, rows: &mut Vec<Option<RowBefore>>) -> Estimate {
        let Some(index) = steps.checked_sub(1) else {
            let [_, extent, inner] = self.shape;
            let at = (place.outer * extent + place.extent) * inner + place.inner;
            let value = f64::from(self.x[at].to_f32());
            // An adapter may flush it.
            let subnormal = (value as f32).is_subnormal();
            let error = if subnormal { value.abs() } else { 0.0 };
            return Estimate { value, error };
        };
        match &self.chain.steps()[index] {
            Step::Pointwise {
                activation,
                parameters,
            } => {
                let x = self.value(index, place, rows);
                let parameter = match parameters {
                    Some(parameters) => parameters[self.channel(index, place)],
                    None => activation.parameter().unwrap_or(0.0),
                };
                let value = activation.definition().value;
                let f = |x: f64| value(x, f64::from(parameter));
                let expected = f(x.value);
                let tolerance = Tolerance::forward(T::TYPE, self.math());
                let own = tolerance.allowed(expected, 1.0, T::TYPE);
                through(
                    x,
                    f,
                    Bound {
                        expected,
                        allowed: own,
                    },
                )
            }
            Step::AlphaDropout(dropout) => {
                let x = self.value(index, place, rows);
                let transform = Transform::new(f64::from(dropout.p()));
                let kept = Mask::new(dropout.p(), dropout.seed()).keeps(self.element(place));
                let f = |x: f64| transform.value(x, kept);
                let expected = f(x.value);
                let own =
                    2.0 * (ulp(expected, ElementType::F32) + ulp(transform.b, ElementType::F32));
                let allowed = own + storage(expected, T::TYPE);
                through(x, f, Bound { expected, allowed })
            }
            Step::Softmax { form, masked } => {
                let x = self.value(index, place, rows);
                let (row, error) = self.row(index, place, rows);
                let len = self.views.input.extent.max(self.extents[index]);
                let bound =
                    softmax::forward_bound::<T>(*form, *masked, self.math(), (row, len), x.value);
                let f = |x: f64| row.value(*form, *masked, x);
                let mut estimate = through(x, f, bound);
                if error > 0.0 {
                    // What the others' errors make of the sum.
                    estimate.error += match form {
                        crate::family::softmax::reference::Form::Softmax => {
                            estimate.value * error.exp_m1()
                        }
                        crate::family::softmax::reference::Form::LogSoftmax => error,
                    };
                }
                estimate
            }
            Step::Dice {
                alpha,
                epsilon,
                statistics,
            } => {
                let x = self.value(index, place, rows);
                let channel = self.channel(index, place);
                let wide = |value: f32| f64::from(value);
                let channel = match (&self.known[index], statistics) {
                    (Known::Channels(known), _) => known[channel..=channel].to_vec(),
                    (_, Some((mean, variance))) => vec![Channel {
                        count: 1,
                        mean: wide(mean[channel]),
                        m2: wide(variance[channel]),
                    }],
                    _ => vec![Channel::default()],
                };
                let alpha = wide(alpha[self.channel(index, place)]);
                let reference = reference_of(&channel, &[alpha], wide(*epsilon));
                let bound = dice::forward_bound::<T>(&reference, self.math(), 0, x.value);
                through(x, |x| reference.value(0, x), bound)
            }
            Step::Maxout { pieces, layout } => {
                let values: Vec<_> = (0..*pieces)
                    .map(|piece| self.piece(index, place, (*pieces, *layout), piece, rows))
                    .collect();
                let (value, _) = winner(values.iter().map(|estimate| estimate.value));
                let errors = values.iter().map(|estimate| estimate.error);
                let error = errors.fold(0.0, f64::max);
                Estimate { value, error }
            }
            Step::Affine { shape, .. } => {
                let sums: Vec<_> = (0..shape[0])
                    .map(|piece| self.affine(index, place, piece, rows))
                    .collect();
                let (value, _) = winner(sums.iter().map(|estimate| estimate.value));
                let error = sums.iter().map(|sum| sum.error).fold(0.0, f64::max);
                Estimate {
                    value,
                    error: error + storage(value, T::TYPE),
                }
            }
        }
    }

    fn piece(
        &self,
        step: usize,
        place: Place,
        (pieces, layout): (usize, Layout),
        piece: usize,
        rows: &mut Vec<Option<RowBefore>>,
    ) -> Estimate {
        let extent = match layout {
            Layout::Adjacent => place.extent * pieces + piece,
            Layout::Strided => piece * self.extents[step + 1] + place.extent,
        };
        self.value(step, Place { extent, ..place }, rows)
    }

    /// What a piece of affine maps gives.
    fn affine(
        &self,
        step: usize,
        place: Place,
        piece: usize,
        rows: &mut Vec<Option<RowBefore>>,
    ) -> Estimate {
        let Step::Affine {
            weight,
            shape: [_, inputs, outputs],
            bias,
        } = &self.chain.steps()[step]
        else {
            return Estimate {
                value: f64::NAN,
                error: 0.0,
            };
        };
        let bias = bias
            .as_ref()
            .map_or(0.0, |bias| bias[piece * outputs + place.extent]);
        let bias = f64::from(bias);
        let (mut sum, mut magnitude, mut error) = (bias, bias.abs(), 0.0);
        for input in 0..*inputs {
            let x = self.value(
                step,
                Place {
                    extent: input,
                    ..place
                },
                rows,
            );
            let weight = f64::from(weight[(piece * inputs + input) * outputs + place.extent]);
            sum += weight * x.value;
            magnitude += (weight * x.value).abs();
            error += weight.abs() * x.error;
        }
        let bound = maxout::sum::<f32>((sum, magnitude));
        Estimate {
            value: bound.expected,
            error: bound.allowed + error,
        }
    }

    /// Whether a piece may be called the winner at `place`, the last step being a maxout.
    fn won(&self, place: Place, named: u32) -> bool {
        let last = self.chain.steps().len() - 1;
        let mut rows = self.rows();
        match &self.chain.steps()[last] {
            Step::Maxout { pieces, layout } => {
                let values = (0..*pieces).map(|piece| {
                    self.piece(last, place, (*pieces, *layout), piece, &mut rows)
                        .value
                });
                last > 0 || winner(values).1 == named
            }
            Step::Affine { shape, .. } => {
                let best = self.value(last + 1, place, &mut rows);
                if named as usize >= shape[0] {
                    return false;
                }
                let named = self.affine(last, place, named as usize, &mut rows);
                best.value.is_nan() && named.value.is_nan()
                    || best.value == named.value
                    || (best.value - named.value).abs() <= best.error + named.error
            }
            _ => true,
        }
    }

    /// The row of an element before a softmax.
    fn row(&self, step: usize, place: Place, rows: &mut Vec<Option<RowBefore>>) -> RowBefore {
        if let Known::Rows(known) = &self.known[step] {
            let outer = self.chunk.outer.start + place.outer;
            let row = known[outer * self.views.input.inner + self.chunk.inner.start + place.inner];
            // By how much the elements of other chunks are off is not kept; they are as this one.
            let x = self.value(step, place, rows);
            return (row, 2.0 * x.error);
        }
        if let Some(row) = rows[step] {
            return row;
        }
        let estimates: Vec<_> = (0..self.extents[step])
            .map(|extent| self.value(step, Place { extent, ..place }, rows))
            .collect();
        let values: Vec<_> = estimates.iter().map(|estimate| estimate.value).collect();
        let errors = estimates.iter().map(|estimate| estimate.error);
        let row = (Row::of(&values), errors.fold(0.0, f64::max));
        rows[step] = Some(row);
        row
    }

    fn sample(
        &self,
        place: Place,
        found: T,
        right: bool,
        rows: &mut Vec<Option<RowBefore>>,
    ) -> Sample {
        let steps = self.chain.steps().len();
        let estimate = self.value(steps, place, rows);
        let alike = self.extents[steps] == self.extents[0];
        let x = if alike {
            self.value(0, place, rows).value as f32
        } else {
            estimate.value as f32
        };
        let bound = Bound {
            // Beside the wrong winner nothing is right.
            expected: match (right, estimate.value.is_nan()) {
                (true, _) => estimate.value,
                (false, true) => 0.0,
                (false, false) => f64::NAN,
            },
            allowed: estimate.error,
        };
        bound.sample(0, x, 1.0, found)
    }

    /// The channel of the whole tensor that an element belongs to before a step.
    fn channel(&self, step: usize, place: Place) -> usize {
        let alike = self.extents[step] == self.extents[0];
        let first = if alike { self.chunk.extent.start } else { 0 };
        first + place.extent
    }

    /// Its number in the whole tensor, whose extent no step has changed.
    fn element(&self, place: Place) -> u64 {
        let view = self.views.input;
        let Chunk {
            outer,
            extent,
            inner,
        } = self.chunk;
        let outer = (outer.start + place.outer) * view.extent + extent.start + place.extent;
        (outer * view.inner + inner.start + place.inner) as u64
    }

    fn math(&self) -> Math {
        self.chain.chosen_math()
    }
}

/// What a step makes of a value that may be off.
fn through(x: Estimate, f: impl Fn(f64) -> f64, own: Bound) -> Estimate {
    let off = |by: f64| {
        let moved = (f(x.value + by) - own.expected).abs();
        if moved.is_nan() { 0.0 } else { moved }
    };
    let carried = if x.error > 0.0 {
        off(x.error).max(off(-x.error))
    } else {
        0.0
    };
    Estimate {
        value: own.expected,
        error: own.allowed + carried,
    }
}

pub(super) fn reference_of(channels: &[Channel], alpha: &[f64], epsilon: f64) -> Dice {
    let variance = |channel: &Channel| channel.m2 / channel.count as f64;
    Dice {
        mean: channels.iter().map(|channel| channel.mean).collect(),
        variance: channels.iter().map(variance).collect(),
        alpha: alpha.to_vec(),
        epsilon,
        inner: 1,
    }
}

pub(super) fn expect(op: &str, what: &str, report: &Report) -> Result<()> {
    if report.passed() {
        return Ok(());
    }
    let of = if what.is_empty() {
        String::new()
    } else {
        format!("{what}: ")
    };
    Err(Error::Verification {
        op: op.to_owned(),
        report: format!("{of}{report}"),
    })
}

/// Bytes as elements, copied where they do not begin as elements do.
pub(super) fn elements<T: Element>(bytes: &[u8]) -> Cow<'_, [T]> {
    match bytemuck::try_cast_slice(bytes) {
        Ok(elements) => Cow::Borrowed(elements),
        Err(_) => Cow::Owned(bytemuck::pod_collect_to_vec(bytes)),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
