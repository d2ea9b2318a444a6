//! Gradients of the chunks of a tensor, held against the reference while they pass.

use std::sync::{Mutex, PoisonError, RwLock};

use rayon::prelude::*;

use super::streamed::{Share, elements, expect, reference_of};
use crate::{
    accuracy::{
        self, Report, Tolerance,
        bound::{Bound, compare, storage},
        ulp,
    },
    element::{Element, ElementType, wide},
    error::Result,
    family::{
        alpha_dropout::reference::{Mask, Transform},
        maxout::{
            bound::sum,
            reference::{Affine, Layout, winner},
        },
        softmax::{
            bound::row_sum_error,
            reference::{Form, Row},
        },
    },
    offload::{Chain, Channel, Chunk, Given, Stage, Step, Views, Witness},
    wgsl::Math,
};

/// Looks on while gradients are streamed through one operation, and compares.
#[doc(hidden)]
pub struct StreamedBackward<'a> {
    chain: &'a Chain,
    step: &'a Step,
    views: Views,
    element: ElementType,
    share: Share,
    /// Whether the parameters' gradients are wanted, which takes every element.
    parameters: bool,
    known: RwLock<Known>,
    report: Mutex<Report>,
    /// Sums, and sums of magnitudes, for each parameter.
    sums: Mutex<Vec<Vec<(f64, f64)>>>,
}

/// What the reference knows of the whole tensor.
#[derive(Debug, Default)]
struct Known {
    channels: Vec<Channel>,
    /// Sums over each channel of what goes through Dice's statistics.
    through: Vec<(f64, f64)>,
    /// The largest magnitude of an upstream gradient.
    steepest: f64,
    rows: Vec<Row>,
    /// Of each row, the sum that softmax's dx needs, and that of its terms' magnitudes.
    row_sums: Vec<(f64, f64)>,
}

/// What a chunk is compared with.
struct Piece<'a, T> {
    chunk: &'a Chunk,
    x: &'a [T],
    upstream: &'a [T],
    /// [outer, extent, inner] of x.
    shape: [usize; 3],
}

impl<T: Element> Piece<'_, T> {
    /// Place in the chunk of (outer, extent, inner).
    fn at(&self, outer: usize, extent: usize, inner: usize) -> usize {
        (outer * self.shape[1] + extent) * self.shape[2] + inner
    }

    /// (outer, extent, inner) of a place.
    fn place(&self, at: usize) -> (usize, usize, usize) {
        let [_, extent, inner] = self.shape;
        (at / inner / extent, at / inner % extent, at % inner)
    }

    fn x(&self, at: usize) -> f64 {
        f64::from(self.x[at].to_f32())
    }

    fn upstream(&self, at: usize) -> f64 {
        f64::from(self.upstream[at].to_f32())
    }
}

impl<'a> StreamedBackward<'a> {
    /// For a tensor of `shape` and a chain of one operation.
    ///
    /// # Errors
    ///
    /// As [`Chain::result_shape`], and [`Error::ChainBackward`](crate::Error::ChainBackward).
    #[doc(hidden)]
    pub fn new(
        chain: &'a Chain,
        shape: &[usize],
        element: ElementType,
        share: Share,
        parameters: bool,
    ) -> Result<Self> {
        let [step] = chain.steps() else {
            return Err(crate::Error::ChainBackward {
                chain: chain.to_string(),
            });
        };
        let views = chain.views(shape)?;
        let extent = views.input.extent;
        let lengths = match step {
            Step::Pointwise { parameters, .. } => vec![parameters.as_ref().map_or(1, Vec::len)],
            Step::Dice { .. } => vec![extent],
            Step::Affine { shape, .. } => {
                vec![shape.iter().product(), shape[0] * shape[2]]
            }
            _ => Vec::new(),
        };
        let known = match step {
            Step::Dice { .. } => Known {
                channels: vec![Channel::default(); extent],
                through: vec![(0.0, 0.0); extent],
                ..Known::default()
            },
            _ => Known::default(),
        };
        Ok(Self {
            chain,
            step,
            views,
            element,
            share,
            parameters,
            known: RwLock::new(known),
            report: Mutex::default(),
            sums: Mutex::new(lengths.iter().map(|&len| vec![(0.0, 0.0); len]).collect()),
        })
    }

    /// How dx compared; `found` are the gradients of parameters.
    ///
    /// # Errors
    ///
    /// [`Error::Verification`](crate::Error::Verification) where something is outside its tolerance.
    #[doc(hidden)]
    pub fn finish(&self, found: &[(&'static str, Vec<f32>)]) -> Result<Report> {
        let op = self.chain.to_string();
        let known = read(&self.known);
        let sums = std::mem::take(&mut *self.sums.lock().unwrap_or_else(PoisonError::into_inner));
        let native = self.chain.chosen_math() == Math::Native;
        let wanted = found.iter().filter(|_| self.parameters);
        for ((name, found), sums) in wanted.zip(sums) {
            let bounds: Vec<_> = sums
                .into_iter()
                .enumerate()
                .map(|(index, (expected, magnitude))| match self.step {
                    Step::Affine { .. } => sum::<f32>((expected, magnitude)),
                    step => {
                        let (share, factor) = match step {
                            Step::Dice { epsilon, .. } => {
                                let statistics = self.channel(&known, index);
                                let reference =
                                    reference_of(&[statistics], &[0.0], f64::from(*epsilon));
                                let share = if native { 1e-5 } else { 1e-6 };
                                (share, 1.0 + reference.conditioning(0))
                            }
                            _ => (if native { 1e-4 } else { 1e-6 }, 1.0),
                        };
                        Bound {
                            expected,
                            allowed: share * factor * magnitude + f64::from(f32::MIN_POSITIVE),
                        }
                    }
                })
                .collect();
            expect(
                &op,
                &format!("gradient of {name}"),
                &compare(found, &bounds),
            )?;
        }
        let report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        let report = (*report).clone();
        expect(&op, "", &report)?;
        Ok(report)
    }

    /// What Dice knows of a channel of the whole tensor.
    fn channel(&self, known: &Known, channel: usize) -> Channel {
        match self.step {
            Step::Dice {
                statistics: Some((mean, variance)),
                ..
            } => Channel {
                count: 1,
                mean: f64::from(mean[channel]),
                m2: f64::from(variance[channel]),
            },
            _ => known.channels[channel],
        }
    }

    fn survey_chunk<T: Element>(&self, stage: usize, piece: &Piece<'_, T>) {
        let chunk = piece.chunk;
        let [outer, extent, inner] = piece.shape;
        let view = self.views.input;
        let lanes: Vec<_> = (0..outer)
            .flat_map(|outer| (0..inner).map(move |inner| (outer, inner)))
            .collect();
        let row_index = |&(outer, inner): &(usize, usize)| {
            (chunk.outer.start + outer) * view.inner + chunk.inner.start + inner
        };
        match (self.step, stage == Stage::Forward as usize) {
            (Step::Dice { .. }, true) => {
                let channels: Vec<Channel> = (0..extent)
                    .into_par_iter()
                    .map(|extent| {
                        let values = lanes.iter().map(|&(o, i)| piece.x(piece.at(o, extent, i)));
                        Channel::of(&values.collect::<Vec<_>>())
                    })
                    .collect();
                let mut known = write(&self.known);
                let all = known.channels[chunk.extent.clone()].iter_mut();
                all.zip(channels)
                    .for_each(|(known, channel)| known.absorb(channel));
            }
            (Step::Dice { alpha, epsilon, .. }, false) => {
                let read = read(&self.known);
                let sums: Vec<(f64, f64)> = (0..extent)
                    .into_par_iter()
                    .map(|extent| {
                        let channel = chunk.extent.start + extent;
                        let alpha = f64::from(alpha[channel]);
                        let statistics = self.channel(&read, channel);
                        let reference = reference_of(&[statistics], &[alpha], f64::from(*epsilon));
                        let terms = lanes.iter().map(|&(o, i)| {
                            let at = piece.at(o, extent, i);
                            reference.through_statistics(0, piece.x(at), piece.upstream(at))
                        });
                        terms.fold((0.0, 0.0), |sum, term| (sum.0 + term.0, sum.1 + term.1))
                    })
                    .collect();
                drop(read);
                let steepest = piece.upstream.iter().map(|g| f64::from(g.to_f32()).abs());
                let steepest = steepest.fold(0.0, f64::max);
                let mut known = write(&self.known);
                known.steepest = known.steepest.max(steepest);
                let all = known.through[chunk.extent.clone()].iter_mut();
                for (known, sum) in all.zip(sums) {
                    *known = (known.0 + sum.0, known.1 + sum.1);
                }
            }
            (Step::Softmax { .. }, true) => {
                let rows: Vec<Row> = lanes
                    .par_iter()
                    .map(|&(o, i)| {
                        let values = (0..extent).map(|extent| piece.x(piece.at(o, extent, i)));
                        Row::of(&values.collect::<Vec<_>>())
                    })
                    .collect();
                let mut known = write(&self.known);
                known.rows.resize(view.outer * view.inner, Row::EMPTY);
                for (lane, row) in lanes.iter().zip(rows) {
                    let index = row_index(lane);
                    known.rows[index] = known.rows[index].merge(row);
                }
            }
            (Step::Softmax { form, masked }, false) => {
                let read = read(&self.known);
                let sums: Vec<(f64, f64)> = lanes
                    .par_iter()
                    .map(|lane| {
                        let row = read.rows[row_index(lane)];
                        let terms = (0..extent).map(|extent| {
                            let at = piece.at(lane.0, extent, lane.1);
                            let y = row.value(*form, *masked, piece.x(at));
                            term(*form, y, piece.upstream(at))
                        });
                        terms.fold((0.0, 0.0), |sum, term| (sum.0 + term, sum.1 + term.abs()))
                    })
                    .collect();
                drop(read);
                let mut known = write(&self.known);
                known.row_sums.resize(view.outer * view.inner, (0.0, 0.0));
                for (lane, sum) in lanes.iter().zip(sums) {
                    let known = &mut known.row_sums[row_index(lane)];
                    *known = (known.0 + sum.0, known.1 + sum.1);
                }
            }
            _ => {}
        }
    }

    fn compare_chunk<T: Element>(&self, piece: &Piece<'_, T>, dx: &[T], beside: &[Vec<u32>]) {
        let known = read(&self.known);
        let mut report = match self.step {
            Step::Pointwise { .. } => self.pointwise(piece, dx),
            Step::AlphaDropout(dropout) => {
                let transform = Transform::new(f64::from(dropout.p()));
                let mask = Mask::new(dropout.p(), dropout.seed());
                self.elements(piece, dx, |at| {
                    let kept = mask.keeps(self.global(piece, at) as u64);
                    let expected = transform.backward(piece.upstream(at), kept);
                    Bound {
                        expected,
                        allowed: 2.0 * ulp(expected, ElementType::F32) + storage(expected, T::TYPE),
                    }
                })
            }
            Step::Softmax { .. } => self.softmax(&known, piece, dx),
            Step::Dice { .. } => self.dice(&known, piece, dx),
            Step::Maxout { pieces, layout } => self.pooling(piece, dx, (*pieces, *layout)),
            Step::Affine { .. } => {
                let winners = beside.last().map_or(&[][..], |winners| winners);
                self.affine(piece, dx, winners)
            }
        };
        if let Some(worst) = &mut report.worst {
            worst.index = self.global(piece, worst.index);
        }
        if self.parameters {
            self.add_terms(&known, piece);
        }
        let mut all = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        *all = std::mem::take(&mut *all).merge(report);
    }

    /// The place in the whole tensor of one in a chunk.
    fn global<T: Element>(&self, piece: &Piece<'_, T>, at: usize) -> usize {
        let (outer, extent, inner) = piece.place(at);
        let Chunk {
            outer: first_outer,
            extent: first_extent,
            inner: first_inner,
        } = piece.chunk;
        let view = self.views.input;
        let outer = (first_outer.start + outer) * view.extent + first_extent.start + extent;
        outer * view.inner + first_inner.start + inner
    }

    /// Elements to compare of a chunk with so many.
    fn count(&self, len: usize) -> usize {
        let view = self.views.input;
        let all = (view.outer * view.extent * view.inner).max(1) as u128;
        match self.share {
            Share::All => len,
            Share::Sample(count) => (count as u128 * len as u128).div_ceil(all) as usize,
        }
        .min(len)
    }

    /// Compares elements spread over a chunk.
    fn elements<T: Element>(
        &self,
        piece: &Piece<'_, T>,
        dx: &[T],
        bound: impl Fn(usize) -> Bound + Sync,
    ) -> Report {
        let count = self.count(dx.len());
        (0..count)
            .into_par_iter()
            .with_min_len(1024)
            .fold(Report::default, |mut report, index| {
                let at = (index + 1) * dx.len() / count - 1;
                let upstream = piece.upstream.get(at).map_or(1.0, |g| g.to_f32());
                report.add(bound(at).sample(at, piece.x[at].to_f32(), upstream, dx[at]));
                report
            })
            .reduce(Report::default, Report::merge)
    }

    fn pointwise<T: Element>(&self, piece: &Piece<'_, T>, dx: &[T]) -> Report {
        let Step::Pointwise {
            activation,
            parameters,
        } = self.step
        else {
            return Report::default();
        };
        let channels = parameters.as_ref();
        let expectation = accuracy::Expectation {
            activation: *activation,
            channels: channels.map(|values| (&values[piece.chunk.extent.clone()], piece.shape[2])),
            x: piece.x,
            upstream: Some(piece.upstream),
            tolerance: Tolerance::backward(*activation, T::TYPE, self.chain.chosen_math()),
        };
        let count = self.count(dx.len());
        (0..count)
            .into_par_iter()
            .with_min_len(1024)
            .fold(Report::default, |mut report, index| {
                let at = (index + 1) * dx.len() / count - 1;
                // What an infinite gradient does to a slope that underflows is not defined.
                if !piece.upstream(at).is_infinite() {
                    report.add(expectation.sample(at, dx[at], expectation.expected(at)));
                }
                report
            })
            .reduce(Report::default, Report::merge)
    }

    /// dx follows from y, which is off by its own rounding, and from a sum over the row.
    fn softmax<T: Element>(&self, known: &Known, piece: &Piece<'_, T>, dx: &[T]) -> Report {
        let Step::Softmax { form, masked } = self.step else {
            return Report::default();
        };
        let (form, masked) = (*form, *masked);
        let [outer, extent, inner] = piece.shape;
        let len = self.views.input.extent;
        let native = match self.chain.chosen_math() {
            Math::Accurate => 0.0,
            Math::Native => 2e-4,
        };
        let lanes = outer * inner;
        // Whole rows of the chunk.
        let count = self.count(dx.len()).div_ceil(extent.max(1)).min(lanes);
        (0..count)
            .into_par_iter()
            .fold(Report::default, |mut report, index| {
                let lane = (index + 1) * lanes / count - 1;
                let (o, i) = (lane / inner, lane % inner);
                let places = || (0..extent).map(|extent| piece.at(o, extent, i));
                let (row, (sum, terms)) = if known.rows.is_empty() {
                    let row = Row::of(&places().map(|at| piece.x(at)).collect::<Vec<_>>());
                    let terms = places().map(|at| {
                        term(
                            form,
                            row.value(form, masked, piece.x(at)),
                            piece.upstream(at),
                        )
                    });
                    let add = |sum: (f64, f64), term: f64| (sum.0 + term, sum.1 + term.abs());
                    (row, terms.fold((0.0, 0.0), add))
                } else {
                    let outer = piece.chunk.outer.start + o;
                    let row = outer * self.views.input.inner + piece.chunk.inner.start + i;
                    (known.rows[row], known.row_sums[row])
                };
                for at in places() {
                    let (x, g) = (piece.x(at), piece.upstream(at));
                    let y = row.value(form, masked, x);
                    let (share, expected) = match form {
                        Form::Softmax => (y, y * (g - sum)),
                        Form::LogSoftmax => (y.exp(), g - y.exp() * sum),
                    };
                    let magnitude = match form {
                        Form::Softmax => share * (g.abs() + terms),
                        Form::LogSoftmax => g.abs() + share * terms,
                    };
                    // How far y is off, relative to a share.
                    let rounding = match form {
                        Form::Softmax => 4.0 * ulp(1.0, T::TYPE) + row_sum_error(len),
                        Form::LogSoftmax => 4.0 * ulp(y, T::TYPE) + row_sum_error(len),
                    };
                    let allowed = (rounding + row_sum_error(len) + native) * magnitude
                        + 4.0 * ulp(magnitude, ElementType::F32)
                        + storage(expected, T::TYPE)
                        // A subnormal y may be flushed, or be all that f16 holds of one.
                        + least::<T>() * (1.0 + g.abs() + terms);
                    let bound = Bound { expected, allowed };
                    report.add(bound.sample(at, x as f32, g as f32, dx[at]));
                }
                report
            })
            .reduce(Report::default, Report::merge)
    }

    fn dice<T: Element>(&self, known: &Known, piece: &Piece<'_, T>, dx: &[T]) -> Report {
        let Step::Dice {
            alpha,
            epsilon,
            statistics,
        } = self.step
        else {
            return Report::default();
        };
        let share = match self.chain.chosen_math() {
            Math::Accurate => 1e-6,
            Math::Native => 1e-5,
        };
        let of_chunk = piece.upstream.iter().map(|g| f64::from(g.to_f32()).abs());
        let steepest = known.steepest.max(of_chunk.fold(0.0, f64::max));
        self.elements(piece, dx, |at| {
            let channel = piece.chunk.extent.start + piece.place(at).1;
            let of = self.channel(known, channel);
            let alpha = f64::from(alpha[channel]);
            let reference = reference_of(&[of], &[alpha], f64::from(*epsilon));
            let means = match statistics {
                Some(_) => (0.0, 0.0),
                None => {
                    let (k, kz) = known.through[channel];
                    let count = of.count as f64;
                    (k / count, kz / count)
                }
            };
            let (expected, _) = reference.backward(0, piece.x(at), piece.upstream(at), means);
            let conditioning = 1.0 + reference.conditioning(0);
            let allowed = conditioning.powi(2) * (steepest + expected.abs());
            Bound {
                expected,
                allowed: share * allowed + storage(expected, T::TYPE),
            }
        })
    }

    /// The gradient goes to the first of the largest, bit by bit.
    fn pooling<T: Element>(
        &self,
        piece: &Piece<'_, T>,
        dx: &[T],
        (pieces, layout): (usize, Layout),
    ) -> Report {
        let [_, extent, inner] = piece.shape;
        let groups = extent / pieces;
        self.elements(piece, dx, |at| {
            let (o, e, i) = piece.place(at);
            let (group, number) = match layout {
                Layout::Adjacent => (e / pieces, e % pieces),
                Layout::Strided => (e % groups, e / groups),
            };
            let values = (0..pieces).map(|number| {
                let extent = match layout {
                    Layout::Adjacent => group * pieces + number,
                    Layout::Strided => number * groups + group,
                };
                piece.x(piece.at(o, extent, i))
            });
            let (_, won) = winner(values);
            let g = piece.upstream((o * groups + group) * inner + i);
            Bound {
                expected: if won as usize == number { g } else { 0.0 },
                allowed: 0.0,
            }
        })
    }

    /// What follows from the pieces that won, each of which must have come near the largest.
    fn affine<T: Element>(&self, piece: &Piece<'_, T>, dx: &[T], winners: &[u32]) -> Report {
        let Step::Affine {
            weight,
            shape: [pieces, inputs, outputs],
            bias,
        } = self.step
        else {
            return Report::default();
        };
        let wide_weight = wide(weight);
        let wide_bias = bias
            .as_ref()
            .map_or(vec![0.0; pieces * outputs], |bias| wide(bias));
        let reference = Affine {
            weight: &wide_weight,
            bias: &wide_bias,
            pieces: *pieces,
            inputs: *inputs,
            outputs: *outputs,
        };
        let rows = piece.shape[0];
        let (x, upstream) = (wide(piece.x), wide(piece.upstream));
        let mut report = Report::default();
        let near = self.count(winners.len()).min(winners.len());
        for index in 0..near {
            let at = (index + 1) * winners.len() / near - 1;
            if !comes_near(reference, &x, at, winners[at]) {
                let bound = Bound {
                    expected: f64::NAN,
                    allowed: 0.0,
                };
                report.add(bound.sample(0, 0.0, 1.0, T::from_f64(0.0)));
                return report;
            }
        }
        let gradients = reference.backward(&x, winners, &upstream, rows);
        for (at, &found) in dx.iter().enumerate() {
            let bound = sum::<T>((gradients.dx.values[at], gradients.dx.magnitudes[at]));
            report.add(bound.sample(at, piece.x[at].to_f32(), 1.0, found));
        }
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        for (sums, found) in sums.iter_mut().zip([&gradients.weight, &gradients.bias]) {
            let found = found.values.iter().zip(&found.magnitudes);
            for (sum, (value, magnitude)) in sums.iter_mut().zip(found) {
                *sum = (sum.0 + value, sum.1 + magnitude);
            }
        }
        report
    }

    /// Adds a chunk's terms to the gradients of parameters.
    fn add_terms<T: Element>(&self, known: &Known, piece: &Piece<'_, T>) {
        let [outer, extent, inner] = piece.shape;
        let lanes: Vec<_> = (0..outer)
            .flat_map(|outer| (0..inner).map(move |inner| (outer, inner)))
            .collect();
        let first = piece.chunk.extent.start;
        let term = |channel: usize, at: usize| -> f64 {
            let (x, g) = (piece.x(at), piece.upstream(at));
            match self.step {
                Step::Pointwise {
                    activation,
                    parameters,
                } => {
                    let parameter = match parameters {
                        Some(parameters) => parameters[channel],
                        None => activation.parameter().unwrap_or(0.0),
                    };
                    let slope = activation.definition().parameter.as_ref();
                    slope.map_or(0.0, |slope| (slope.slope)(x, f64::from(parameter)) * g)
                }
                Step::Dice { alpha, epsilon, .. } => {
                    let of = self.channel(known, channel);
                    let alpha = f64::from(alpha[channel]);
                    let reference = reference_of(&[of], &[alpha], f64::from(*epsilon));
                    reference.backward(0, x, g, (0.0, 0.0)).1
                }
                _ => 0.0,
            }
        };
        if matches!(self.step, Step::Affine { .. }) {
            // Added with dx.
            return;
        }
        let add = |a: (f64, f64), b: (f64, f64)| (a.0 + b.0, a.1 + b.1);
        let of_channel = |extent: usize| {
            let terms = lanes.par_iter().with_min_len(1024).map(|&(o, i)| {
                let term = term(first + extent, piece.at(o, extent, i));
                (term, term.abs())
            });
            terms.reduce(|| (0.0, 0.0), add)
        };
        let found: Vec<(f64, f64)> = (0..extent).into_par_iter().map(of_channel).collect();
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sums) = sums.first_mut() {
            // One parameter for all, or one for each channel.
            let all = sums.len() == 1;
            for (extent, found) in found.into_iter().enumerate() {
                let sum = &mut sums[if all { 0 } else { first + extent }];
                *sum = add(*sum, found);
            }
        }
    }

    fn survey_as<T: Element>(&self, stage: usize, chunk: &Chunk, inputs: &[Vec<u8>]) {
        if let [x, rest @ ..] = inputs {
            let upstream = rest.first().map_or(&[][..], |upstream| upstream);
            let (x, upstream) = (elements::<T>(x), elements::<T>(upstream));
            let piece = Piece {
                chunk,
                x: &x,
                upstream: &upstream,
                shape: chunk.shape(),
            };
            self.survey_chunk(stage, &piece);
        }
    }

    fn result_as<T: Element>(&self, chunk: &Chunk, given: &Given<'_>) {
        if let [x, upstream] = given.inputs {
            let (x, upstream) = (elements::<T>(x), elements::<T>(upstream));
            let piece = Piece {
                chunk,
                x: &x,
                upstream: &upstream,
                shape: chunk.shape(),
            };
            self.compare_chunk(&piece, &elements(given.output), &given.beside);
        }
    }
}

impl Witness for StreamedBackward<'_> {
    fn survey(&self, stage: usize, chunk: &Chunk, inputs: &[Vec<u8>]) -> Result<()> {
        match self.element {
            ElementType::F32 => self.survey_as::<f32>(stage, chunk, inputs),
            ElementType::F16 => self.survey_as::<half::f16>(stage, chunk, inputs),
            ElementType::Bf16 => self.survey_as::<half::bf16>(stage, chunk, inputs),
        }
        Ok(())
    }

    fn result(&self, chunk: &Chunk, given: &Given<'_>) -> Result<()> {
        match self.element {
            ElementType::F32 => self.result_as::<f32>(chunk, given),
            ElementType::F16 => self.result_as::<half::f16>(chunk, given),
            ElementType::Bf16 => self.result_as::<half::bf16>(chunk, given),
        }
        let report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        expect(&self.chain.to_string(), "", &report)
    }
}

/// A term of the sum that softmax's dx needs.
fn term(form: Form, y: f64, upstream: f64) -> f64 {
    match form {
        Form::Softmax => upstream * y,
        Form::LogSoftmax => upstream,
    }
}

/// The smallest share that y holds to its precision.
fn least<T: Element>() -> f64 {
    match T::TYPE {
        ElementType::F32 | ElementType::Bf16 => f64::from(f32::MIN_POSITIVE),
        ElementType::F16 => f64::from(half::f16::MIN_POSITIVE),
    }
}

/// Whether a piece gives nearly the largest sum for element `at` of y.
fn comes_near(affine: Affine<'_>, x: &[f64], at: usize, named: u32) -> bool {
    let (row, output) = (at / affine.outputs, at % affine.outputs);
    let sums: Vec<_> = (0..affine.pieces)
        .map(|piece| {
            let bias = affine.bias[piece * affine.outputs + output];
            let inputs = x[row * affine.inputs..][..affine.inputs].iter().enumerate();
            inputs.fold((bias, bias.abs()), |(sum, magnitude), (d, x)| {
                let weight = affine.weight[(piece * affine.inputs + d) * affine.outputs + output];
                (sum + x * weight, magnitude + (x * weight).abs())
            })
        })
        .collect();
    let (best, _) = winner(sums.iter().map(|(sum, _)| *sum));
    let magnitude = sums
        .iter()
        .map(|(_, magnitude)| *magnitude)
        .fold(0.0, f64::max);
    sums.get(named as usize).is_some_and(|(sum, _)| {
        *sum == best || sum.is_nan() && best.is_nan() || (sum - best).abs() <= 2e-6 * magnitude
    })
}

fn read(known: &RwLock<Known>) -> std::sync::RwLockReadGuard<'_, Known> {
    known.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(known: &RwLock<Known>) -> std::sync::RwLockWriteGuard<'_, Known> {
    known.write().unwrap_or_else(PoisonError::into_inner)
}
