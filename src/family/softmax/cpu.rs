//! Softmax and log-softmax on the processor, and what log-sum-exp needs of a row.
//!
//! Exponentials are computed once, into the result's memory, and then become what they should be. The largest elements
//! are counted apart: log-softmax of a row that one element dominates is all the others'.

use std::borrow::Cow;

use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;

use super::{
    Softmax,
    reference::{Form, MaskedRows},
    splits::KNOWN,
};
use crate::{
    cpu::{
        Slice, SliceMut,
        lane::{max, min, select},
        math::{Shift, TO_ONE, exp_shifted, shift_for},
        rows::Rows,
    },
    error::Result,
    family::Array,
    tensor::View,
};

/// Elements of a row that a thread takes at a time.
const SEGMENT: usize = 1 << 15;

/// Elements whose sums run in f32.
const BLOCK: usize = 1 << 10;

const LANES: usize = 16;

/// The largest element of a row; NaN if one is NaN.
pub(in crate::family) fn largest(x: &[f32]) -> f32 {
    struct Largest<'a>(&'a [f32]);
    impl NullaryFnOnce for Largest<'_> {
        type Output = f32;
        #[inline(always)]
        fn call(self) -> f32 {
            let mut most = [f32::NEG_INFINITY; LANES];
            let mut nan = [0_u32; LANES];
            let (vectors, rest) = self.0.as_chunks::<LANES>();
            for x in vectors {
                for i in 0..LANES {
                    most[i] = max(most[i], x[i]);
                    nan[i] |= u32::from(x[i].is_nan());
                }
            }
            for (i, x) in rest.iter().enumerate() {
                most[i] = max(most[i], *x);
                nan[i] |= u32::from(x.is_nan());
            }
            match nan.iter().any(|nan| *nan != 0) {
                true => f32::NAN,
                false => most.into_iter().fold(f32::NEG_INFINITY, f32::max),
            }
        }
    }
    let of = |x: &[f32]| Arch::new().dispatch(Largest(x));
    if x.len() <= SEGMENT {
        return of(x);
    }
    let parts: Vec<_> = x.par_chunks(SEGMENT).map(of).collect();
    let larger = |a: f32, b: f32| if a.is_nan() || b <= a { a } else { b };
    parts.into_iter().fold(f32::NEG_INFINITY, larger)
}

/// Sums over some elements of a row.
#[derive(Default)]
struct Sums {
    /// Of exponentials of all that are not the largest.
    rest: f64,
    /// How many are the largest.
    equal: f64,
    /// Of upstream gradients of all that are not the largest, for softmax times their exponentials, the largest of which
    /// `TO_ONE` makes about 1.
    others: f64,
    /// Of upstream gradients of the largest.
    largest: f64,
}

/// Exponentials of x under the shift for the largest element of the row, and sums of them.
struct Exponentials<'a, const LOG: bool> {
    x: &'a [f32],
    upstream: &'a [f32],
    most: f32,
    shift: Shift,
    e: &'a mut [f32],
}

impl<const LOG: bool> NullaryFnOnce for Exponentials<'_, LOG> {
    type Output = Sums;

    #[inline(always)]
    fn call(self) -> Sums {
        let Self {
            x,
            upstream,
            most,
            shift,
            e,
        } = self;
        let mut sums = Sums::default();
        let blocks = x.chunks(BLOCK).zip(upstream.chunks(BLOCK));
        for ((x, g), e) in blocks.zip(e.chunks_mut(BLOCK)) {
            let mut rest = [0.0_f32; LANES];
            let mut equal = [0.0_f32; LANES];
            let mut others = [0.0_f32; LANES];
            let mut largest = [0.0_f32; LANES];
            macro_rules! lane {
                ($i:expr, $x:expr, $g:expr, $e:expr) => {{
                    let (x, g) = ($x, $g);
                    let power = exp_shifted(x, shift, 1.0);
                    let is_most = x == most;
                    rest[$i] += select(power, 0.0, is_most);
                    equal[$i] += select(0.0, 1.0, is_most);
                    let term = if LOG { g } else { g * (power * TO_ONE) };
                    others[$i] += select(term, 0.0, is_most);
                    largest[$i] += select(0.0, g, is_most);
                    $e = power;
                }};
            }
            let (xs, x) = x.as_chunks::<LANES>();
            let (gs, g) = g.as_chunks::<LANES>();
            let (es, e) = e.as_chunks_mut::<LANES>();
            for ((x, g), e) in xs.iter().zip(gs).zip(es) {
                for i in 0..LANES {
                    lane!(i, x[i], g[i], e[i]);
                }
            }
            for i in 0..x.len() {
                lane!(i, x[i], g[i], e[i]);
            }
            for i in 0..LANES {
                sums.rest += f64::from(rest[i]);
                sums.equal += f64::from(equal[i]);
                sums.others += f64::from(others[i]);
                sums.largest += f64::from(largest[i]);
            }
        }
        sums
    }
}

/// What a row is, but for its special elements.
#[derive(Clone, Copy)]
pub(in crate::family) struct Row {
    /// The sum of e^(x - most) over all elements but one of the largest.
    pub(in crate::family) rest: f64,
    /// The sums of upstream gradients, as in `Sums`.
    others: f64,
    largest: f64,
    /// e^most under the shift for it.
    top: f64,
}

impl Row {
    /// That of x, whose largest element is finite; its exponentials go into `e`.
    pub(in crate::family) fn of(
        form: Form,
        x: &[f32],
        upstream: Option<&[f32]>,
        most: f32,
        e: &mut [f32],
    ) -> Self {
        let shift = shift_for(most);
        let upstream_or_any = upstream.unwrap_or(x);
        let of = |((x, upstream), e): ((&[f32], &[f32]), &mut [f32])| match form {
            Form::Softmax => Arch::new().dispatch(Exponentials::<false> {
                x,
                upstream,
                most,
                shift,
                e,
            }),
            Form::LogSoftmax => Arch::new().dispatch(Exponentials::<true> {
                x,
                upstream,
                most,
                shift,
                e,
            }),
        };
        let sums = if x.len() <= SEGMENT {
            of(((x, upstream_or_any), e))
        } else {
            let segments = x
                .par_chunks(SEGMENT)
                .zip(upstream_or_any.par_chunks(SEGMENT));
            let parts: Vec<_> = segments.zip(e.par_chunks_mut(SEGMENT)).map(of).collect();
            parts.into_iter().fold(Sums::default(), |all, part| Sums {
                rest: all.rest + part.rest,
                equal: all.equal + part.equal,
                others: all.others + part.others,
                largest: all.largest + part.largest,
            })
        };
        let top = f64::from(exp_shifted(most, shift, 1.0));
        Self {
            rest: sums.rest / top + (sums.equal - 1.0),
            others: sums.others,
            largest: sums.largest,
            top,
        }
    }

    /// What exponentials under the shift are multiplied by.
    pub(in crate::family) fn scale(&self) -> f64 {
        1.0 / ((1.0 + self.rest) * self.top)
    }

    /// The sum of g y over all but the largest elements, for log-softmax of g.
    fn others(&self, form: Form) -> f64 {
        match form {
            Form::Softmax => self.others / f64::from(TO_ONE) * self.scale(),
            Form::LogSoftmax => self.others,
        }
    }

    /// What dx takes of the row: `Numbers::gradients`.
    fn gradients(&self, form: Form, [others, largest]: [f64; 2]) -> [f32; 2] {
        let share = 1.0 / (1.0 + self.rest);
        let rest = self.rest * share;
        let dominates = self.rest < 0.5 && largest.is_finite();
        if form == Form::LogSoftmax {
            let own = largest * rest - others * share;
            let own = if dominates { own as f32 } else { f32::NAN };
            return [(others + largest) as f32, own];
        }
        let sum = others + largest * share;
        let near = if dominates { largest } else { sum } as f32;
        let anchor = if near.is_finite() { 0.5 * near } else { 0.0 };
        let a = 2.0 * f64::from(anchor);
        let beyond = others + ((largest - a) * share - a * rest);
        [(0.5 * beyond) as f32, anchor]
    }

    /// Of the sum of the exponentials, less the largest element.
    pub(in crate::family) fn logarithm(&self) -> f64 {
        libm::log1p(self.rest)
    }
}

/// Numbers of a row that its results need.
#[derive(Clone, Copy)]
struct Numbers {
    most: f32,
    scale: f32,
    logarithm: f32,
    /// Whether the largest element is alone.
    alone: bool,
    /// `More` of softmax_backward.wgsl. For softmax half of S - a and half of a; for log-softmax G, and dx of the largest
    /// element where it dominates the row, else NaN.
    gradients: [f32; 2],
}

/// From an element, its upstream gradient and its exponential to a result.
trait Finish {
    fn at(x: f32, g: f32, e: f32, row: Numbers) -> f32;
}

macro_rules! finish {
    ($($name:ident: |$x:ident, $g:ident, $e:ident, $row:ident| $value:expr;)*) => {$(
        struct $name;
        impl Finish for $name {
            #[inline(always)]
            fn at($x: f32, $g: f32, $e: f32, $row: Numbers) -> f32 {
                $value
            }
        }
    )*};
}

finish! {
    // Never above 1, and 1 where nothing else is.
    Softmaxed: |x, _g, e, row| {
        let share = min(e * row.scale, 1.0);
        select(share, 1.0, row.alone & (x == row.most))
    };
    LogSoftmaxed: |x, _g, _e, row| min(x - row.most, 0.0) - row.logarithm;
    SoftmaxBackward: |_x, g, e, row| {
        let [beyond, anchor] = row.gradients;
        2.0 * ((e * row.scale) * ((0.5 * g - anchor) - beyond))
    };
    LogSoftmaxBackward: |x, g, e, row| {
        let [sum, own] = row.gradients;
        select(g - (e * row.scale) * sum, own, (x == row.most) & !own.is_nan())
    };
}

/// Turns exponentials into results.
fn finish<F: Finish>(x: &[f32], upstream: &[f32], e: &mut [f32], row: Numbers) {
    struct All<'a, F> {
        x: &'a [f32],
        upstream: &'a [f32],
        e: &'a mut [f32],
        row: Numbers,
        finish: std::marker::PhantomData<F>,
    }
    impl<F: Finish> NullaryFnOnce for All<'_, F> {
        type Output = ();
        #[inline(always)]
        fn call(self) {
            let elements = self.x.iter().zip(self.upstream).zip(self.e);
            for ((&x, &g), e) in elements {
                *e = F::at(x, g, *e, self.row);
            }
        }
    }
    let of = |((x, upstream), e): ((&[f32], &[f32]), &mut [f32])| {
        let finish = std::marker::PhantomData::<F>;
        Arch::new().dispatch(All {
            x,
            upstream,
            e,
            row,
            finish,
        });
    };
    if x.len() <= SEGMENT {
        return of(((x, upstream), e));
    }
    let segments = x.par_chunks(SEGMENT).zip(upstream.par_chunks(SEGMENT));
    segments.zip(e.par_chunks_mut(SEGMENT)).for_each(of);
}

impl Softmax {
    /// y, or dx where there are upstream gradients.
    pub(super) fn compute(
        &self,
        shape: &[usize],
        x: Slice<'_>,
        upstream: Option<Slice<'_>>,
        y: SliceMut<'_>,
    ) -> Result<()> {
        let view = View::of(shape, self.axis)?;
        let known = self.known.as_ref().map(Array::to_host).transpose()?;
        let inputs: Vec<_> = [Some(x), upstream]
            .into_iter()
            .flatten()
            .map(|it| (it, view.extent))
            .collect();
        let rows = Rows::along(view, &inputs);
        rows.fill(y, view.extent, |row, inputs, y| {
            let known = known.as_ref().map(|known| &known[row * KNOWN..][..KNOWN]);
            let upstream = inputs.get(1).copied();
            self.compute_row(known, &self.scores_of(inputs[0]), upstream, y);
            if self.negated && upstream.is_some() {
                y.iter_mut().for_each(|dx| *dx = -*dx);
            }
        });
        Ok(())
    }

    /// What shares are made of: x, in softmin -x.
    fn scores_of<'a>(&self, x: &'a [f32]) -> Cow<'a, [f32]> {
        match self.negated {
            true => x.iter().map(|x| -x).collect(),
            false => Cow::Borrowed(x),
        }
    }

    fn compute_row(
        &self,
        known: Option<&[f32]>,
        x: &[f32],
        upstream: Option<&[f32]>,
        y: &mut [f32],
    ) {
        let most = known.map_or_else(|| largest(x), |known| known[0]);
        if !most.is_finite() {
            return self.special_row(most, upstream, y);
        }
        let mut row = Row::of(self.form, x, upstream, most, y);
        let mut sums = [row.others(self.form), row.largest];
        if let Some(&[_, rest, others, largest]) = known {
            row.rest = f64::from(rest);
            sums = [others, largest].map(f64::from);
        }
        let numbers = Numbers {
            most,
            scale: row.scale() as f32,
            logarithm: row.logarithm() as f32,
            alone: row.rest == 0.0,
            gradients: row.gradients(self.form, sums),
        };
        let upstream_or_any = upstream.unwrap_or(x);
        let finish = match (self.form, upstream) {
            (Form::Softmax, None) => finish::<Softmaxed>,
            (Form::LogSoftmax, None) => finish::<LogSoftmaxed>,
            (Form::Softmax, Some(_)) => finish::<SoftmaxBackward>,
            (Form::LogSoftmax, Some(_)) => finish::<LogSoftmaxBackward>,
        };
        finish(x, upstream_or_any, y, numbers);
    }

    /// A row with NaN or infinity, or of -infinity alone.
    fn special_row(&self, most: f32, upstream: Option<&[f32]>, y: &mut [f32]) {
        let masked = most == f32::NEG_INFINITY && self.masked == MaskedRows::Zeros;
        match (self.form, upstream) {
            _ if !masked => y.fill(f32::NAN),
            (Form::Softmax, _) => y.fill(0.0),
            (Form::LogSoftmax, None) => y.fill(f32::NEG_INFINITY),
            (Form::LogSoftmax, Some(upstream)) => y.copy_from_slice(upstream),
        }
    }

    /// What a survey finds in the parts of rows: their largest element, +infinity for NaN, and the sum of the others;
    /// or the sum that dx needs.
    pub(super) fn compute_words(
        &self,
        shape: &[usize],
        x: Slice<'_>,
        upstream: Option<Slice<'_>>,
    ) -> Result<Vec<f32>> {
        let view = View::of(shape, self.axis)?;
        let known = self.known.as_ref().map(Array::to_host).transpose()?;
        let inputs: Vec<_> = [Some(x), upstream]
            .into_iter()
            .flatten()
            .map(|it| (it, view.extent))
            .collect();
        let rows = Rows::along(view, &inputs);
        let words = rows.map(|row, inputs| {
            let (x, upstream) = (&*self.scores_of(inputs[0]), inputs.get(1).copied());
            let known = known.as_ref().map(|known| &known[row * KNOWN..][..KNOWN]);
            let most = known.map_or_else(|| largest(x), |known| known[0]);
            let mut e = vec![0.0; x.len()];
            let Some(known) = known.filter(|_| upstream.is_some()) else {
                if !most.is_finite() {
                    let most = if most.is_nan() { f32::INFINITY } else { most };
                    return vec![most, 0.0];
                }
                let row = Row::of(self.form, x, None, most, &mut e);
                return vec![most, row.rest as f32];
            };
            if !most.is_finite() {
                return vec![0.0; 4];
            }
            let mut row = Row::of(self.form, x, upstream, most, &mut e);
            // The shares are of the whole row. The last two words are the reference's.
            row.rest = f64::from(known[1]);
            vec![row.others(self.form) as f32, row.largest as f32, 0.0, 0.0]
        });
        Ok(words.concat())
    }
}
