//! Dice on the processor: the loops of activations with six numbers for each channel, which moments make, or running
//! statistics.

use pulp::{Arch, NullaryFnOnce};

use super::{
    Function, NAME, Statistics,
    operation::{SUMS, mean_of},
};
use crate::{
    cpu::{
        Slice, SliceMut,
        blocks::{BLOCK, Channels, Spread, pointwise},
        channels::{Piece, add, reduce, sums},
        kernel::{Kernel, but_nan, lanes},
        lane::select,
        math::{
            enlarging_last, exp_minus_product, finite, sigmoids, times_sigmoid, times_sigmoids,
        },
    },
    error::{Error, Result},
    family::{Keep, Saved},
    kernel::moments::{in_two, m2_of_word, m2_word},
    moments::merge_channel,
    tensor::{Tensor, View},
};

/// Count, mean and M2 of each channel of a batch.
#[derive(Clone)]
struct Batch(Vec<f64>);

/// Numbers of a channel in [`Batch`].
const WORDS: usize = 3;

impl Keep for Batch {
    fn tensors(&self) -> Vec<Tensor> {
        Vec::new()
    }
}

/// x in standard deviations from the mean, of a mean in two parts.
#[inline(always)]
fn normalised(x: f32, mean: f32, rest: f32, inverse: f32) -> f32 {
    ((x - mean) - rest) * inverse
}

/// The sigmoid s of z, and 1 - s without what cancels; NaN where z is.
#[inline(always)]
fn shares_of(z: f32) -> (f32, f32) {
    let both = sigmoids(z);
    (
        select(both.plus, z, z.is_nan()),
        select(both.minus, z, z.is_nan()),
    )
}

/// k = upstream (1 - alpha) v, v = x s (1 - s), the gradient with respect to z.
#[inline(always)]
fn through_z(v: f32, upstream: f32, alpha: f32) -> f32 {
    let factors = enlarging_last(1.0 - alpha, upstream);
    factors.first * v * factors.last
}

/// k as a term of a sum.
#[inline(always)]
fn term_through_z(x: f32, upstream: f32, z: f32, alpha: f32) -> f32 {
    let v = times_sigmoids(x, exp_minus_product(z, 1.0));
    select(through_z(v, upstream, alpha), z, z.is_nan())
}

/// upstream x (1 - s), whose tail f32 need not hold: what is not small comes first.
#[inline(always)]
fn of_alpha(x: f32, upstream: f32, z: f32) -> f32 {
    let both = (upstream.abs() < 1.0) & (x.abs() > 1.0);
    let first = select(upstream, upstream * x, both);
    let term = times_sigmoid(first, z <= 0.0, exp_minus_product(z, 1.0));
    select(term * select(x, 1.0, both), z, z.is_nan())
}

const FORWARD: Kernel = lanes!(|x, _upstream, [mean, rest, inverse, alpha]| {
    let (share, _) = shares_of(normalised(x, mean, rest, inverse));
    but_nan(x * (share + (1.0 - share) * alpha), x)
});

const BACKWARD: Kernel = lanes!(
    |x, upstream, [mean, rest, inverse, alpha, mean_k, mean_kz]| {
        let z = normalised(x, mean, rest, inverse);
        let shares = shares_of(z);
        let k = through_z(x * shares.0 * shares.1, upstream, alpha);
        let through = k - mean_k - finite(z) * mean_kz;
        let dx = upstream * (alpha + (1.0 - alpha) * shares.0) + inverse * through;
        but_nan(but_nan(dx, upstream), x)
    }
);

/// The terms of the sums of k and of k z, and of the gradient of alpha.
const TERMS: [Kernel; 3] = [
    lanes!(|x, upstream, [mean, rest, inverse, alpha]| {
        let z = normalised(x, mean, rest, inverse);
        but_nan(but_nan(term_through_z(x, upstream, z, alpha), upstream), x)
    }),
    lanes!(|x, upstream, [mean, rest, inverse, alpha]| {
        let z = normalised(x, mean, rest, inverse);
        let term = term_through_z(x, upstream, z, alpha) * z;
        but_nan(but_nan(term, upstream), x)
    }),
    lanes!(|x, upstream, [mean, rest, inverse]| {
        let z = normalised(x, mean, rest, inverse);
        but_nan(but_nan(of_alpha(x, upstream, z), upstream), x)
    }),
];

/// The moments of each channel. Pieces are walked twice, which stay in the cache.
fn moments(view: View, x: Slice<'_>) -> Batch {
    struct Squares<'a> {
        sums: &'a mut [f64],
        x: &'a [f32],
        means: &'a [f64],
    }
    impl NullaryFnOnce for Squares<'_> {
        type Output = ();
        #[inline(always)]
        fn call(self) {
            for ((sum, x), mean) in self.sums.iter_mut().zip(self.x).zip(self.means) {
                let deviation = f64::from(*x) - mean;
                *sum += deviation * deviation;
            }
        }
    }
    let find = |piece: Piece, alone: bool| -> Vec<f64> {
        let mut room = Vec::new();
        let mut walk = |visit: &mut dyn FnMut(&[f32])| {
            for row in piece.rows() {
                for first in row.clone().step_by(BLOCK) {
                    let block = first..row.end.min(first + BLOCK);
                    visit(x.part(block).widened(&mut room));
                }
            }
        };
        let width = piece.width.min(BLOCK);
        let mut means = vec![0.0; width];
        walk(&mut |x| add(&mut means, x));
        let count = if alone {
            let count = (piece.width * piece.rows) as f64;
            let sum: f64 = means.iter().sum();
            means.fill(sum / count);
            count
        } else {
            means.iter_mut().for_each(|mean| *mean /= piece.rows as f64);
            piece.rows as f64
        };
        for mean in &mut means {
            if mean.is_infinite() {
                *mean = f64::NAN;
            }
        }
        let mut m2 = vec![0.0; width];
        walk(&mut |x| {
            Arch::new().dispatch(Squares {
                sums: &mut m2,
                x,
                means: &means,
            });
        });
        if alone {
            return vec![count, means[0], m2.iter().sum()];
        }
        means
            .iter()
            .zip(m2)
            .flat_map(|(&mean, m2)| [count, mean, m2])
            .collect()
    };
    Batch(reduce(view, WORDS, find, |all, part| {
        let channel = |words: &[f64]| (words[0], (words[1], words[2]));
        let (mean, m2) = match all[0] {
            0.0 => (part[1], part[2]),
            _ => merge_channel(channel(all), channel(part)),
        };
        all.copy_from_slice(&[all[0] + part[0], mean, m2]);
    }))
}

impl Function {
    /// The loops' numbers: mean in two parts, 1 over the standard deviation, alpha, and the means of k and k z.
    fn numbers(&self, view: View, batch: Option<&Batch>, sums: Option<&[f64]>) -> Spread {
        let (alpha, mean, variance) = (
            self.alpha.to_host(),
            self.mean.to_host(),
            self.variance.to_host(),
        );
        let mut numbers = vec![Vec::new(); 6];
        for channel in 0..view.extent {
            let (mean, variance, count) = match batch {
                Some(Batch(words)) => {
                    let words = &words[channel * WORDS..];
                    (words[1], words[2] / words[0], words[0])
                }
                None => (mean.of(channel), variance.of(channel), 1.0),
            };
            let [high, low] = match batch {
                Some(_) => in_two(mean),
                None => [mean, 0.0],
            };
            let inverse = 1.0 / (variance + f64::from(self.epsilon)).sqrt();
            let of_sums = |word: usize| sums.map_or(0.0, |sums| sums[channel * 3 + word] / count);
            let all = [
                high,
                low,
                inverse,
                alpha.of(channel),
                of_sums(0),
                of_sums(1),
            ];
            numbers
                .iter_mut()
                .zip(all)
                .for_each(|(numbers, number)| numbers.push(number as f32));
        }
        let numbers: Vec<_> = numbers.iter().map(Vec::as_slice).collect();
        Spread::Channels(Channels::new(&numbers, view))
    }

    /// The moments that results depend on, if they are of a batch.
    fn batch(&self, view: View, x: Slice<'_>) -> Result<Option<Batch>> {
        Ok(match &self.statistics {
            Statistics::Batch => Some(moments(view, x)),
            Statistics::Running => None,
            Statistics::Whole { moments, .. } => {
                let words = moments.to_host()?;
                let channels = words.as_chunks::<4>().0.iter();
                let batch = channels.flat_map(|&words| {
                    let wide = words.map(f64::from);
                    [wide[0], mean_of(&wide), m2_of_word(wide[2])]
                });
                Some(Batch(batch.collect()))
            }
        })
    }

    pub(super) fn compute(&self, shape: &[usize], x: Slice<'_>, y: SliceMut<'_>) -> Result<Saved> {
        let view = self.view(shape)?;
        let batch = self.batch(view, x)?;
        pointwise(
            &FORWARD,
            x,
            None,
            &self.numbers(view, batch.as_ref(), None),
            y,
        );
        Ok(match batch {
            Some(batch) if self.statistics == Statistics::Batch => Saved::new(batch),
            _ => Saved::NOTHING,
        })
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
        let view = self.view(shape)?;
        let batch = match saved.get::<Batch>() {
            Some(batch) => Some(batch.clone()),
            None => self.batch(view, x)?,
        };
        let found = match &self.statistics {
            Statistics::Whole { sums, .. } => {
                let sums = sums.as_ref().ok_or_else(|| {
                    Error::Internal(format!("{NAME}: the sums of the batch were not taken"))
                })?;
                let words = sums.to_host()?;
                let channels = words.as_chunks::<{ SUMS.words }>().0.iter();
                Some(
                    channels
                        .flat_map(|&[k, kz, alpha, _]| [k, kz, alpha].map(f64::from))
                        .collect(),
                )
            }
            Statistics::Running if !parameters => None,
            _ => {
                let numbers = self.numbers(view, batch.as_ref(), None);
                Some(self.sums(view, x, upstream, &numbers))
            }
        };
        let through = found.as_deref().filter(|_| batch.is_some());
        let numbers = self.numbers(view, batch.as_ref(), through);
        pointwise(&BACKWARD, x, Some(upstream), &numbers, dx);
        let alpha = found.as_deref().unwrap_or_default().chunks_exact(3);
        let whole = matches!(self.statistics, Statistics::Whole { .. });
        Ok(match parameters && !whole {
            true => vec![alpha.map(|sums| sums[2] as f32).collect()],
            false => Vec::new(),
        })
    }

    fn sums(&self, view: View, x: Slice<'_>, upstream: Slice<'_>, numbers: &Spread) -> Vec<f64> {
        let kernels = TERMS.each_ref().map(|kernel| kernel as _);
        sums(&kernels, view, x, upstream, numbers)
    }

    /// What a survey finds: moments, or the sums that gradients need.
    pub(super) fn compute_words(
        &self,
        shape: &[usize],
        x: Slice<'_>,
        upstream: Option<Slice<'_>>,
    ) -> Result<Vec<f32>> {
        let view = self.view(shape)?;
        let Some(upstream) = upstream else {
            let Batch(words) = moments(view, x);
            let channels = words.chunks_exact(WORDS);
            let words = channels.flat_map(|words| {
                let [mean, rest] = in_two(words[1]).map(|part| part as f32);
                [words[0] as f32, mean, m2_word(words[2]), rest]
            });
            return Ok(words.collect());
        };
        let batch = self.batch(view, x)?;
        let numbers = self.numbers(view, batch.as_ref(), None);
        let sums = self.sums(view, x, upstream, &numbers);
        let channels = sums.chunks_exact(3);
        Ok(channels
            .flat_map(|sums| [sums[0] as f32, sums[1] as f32, sums[2] as f32, 0.0])
            .collect())
    }
}
