//! The families over shapes that find errors: awkward lengths, every axis, special values.

use half::{bf16, f16};

use super::{Pass, grid, words};
use crate::{
    accuracy::{Report, bound::compare},
    activation::Family,
    element::{Element, ElementType, wide},
    error::Result,
    family::{
        alpha_dropout::{
            AlphaDropout, bound as alpha_dropout,
            reference::{Mask, Transform},
        },
        dice::{Dice, bound as dice},
        maxout::{
            Maxout, MaxoutAffine, bound as maxout,
            reference::{Affine, Layout, Pooling, Sums},
        },
        softmax::{
            Softmax, bound as softmax,
            reference::{Form, MaskedRows},
        },
    },
    gpu::Gpu,
    wgsl::Math,
};

/// Shapes, each with an axis.
const SHAPES: [(&[usize], i64); 7] = [
    (&[2, 1], 0),
    (&[3, 345, 7], 0),
    (&[3, 345, 7], 1),
    (&[7, 1757], -1),
    (&[1757, 5], -1),
    (&[64, 1024], -1),
    (&[2, 40_009], -1),
];

/// What is asked of a family, in words.
///
/// ```
/// use wgpu_activations::{activation::Family, check};
///
/// let softmax = Family::find("softmax").map(check::allowed);
/// assert_eq!(softmax, Some("4 ULP + the row sum's"));
/// ```
pub fn allowed(family: &Family) -> &'static str {
    match family.name {
        "dice" => "1e-6 (1 + |mean| / sigma)",
        "alpha-dropout" => "2 ULP",
        "maxout" => "none; affine 1e-6 of its terms",
        _ => "4 ULP + the row sum's",
    }
}

/// Runs `family` on `gpu` over its shapes and inputs.
///
/// ```no_run
/// use wgpu_activations::{ElementType, FAMILIES, Gpu, Math, check::{self, Pass}};
///
/// let gpu = Gpu::new()?;
/// for family in FAMILIES {
///     let (element, math) = (ElementType::F32, Math::Accurate);
///     let report = check::check_family(&gpu, family, Pass::Forward, element, math)?;
///     assert!(report.passed(), "{}: {report}", family.name);
/// }
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
///
/// # Errors
///
/// What the device reports; a wrong result is not an error but a [`Report`] that did not pass.
pub fn check_family(
    gpu: &Gpu,
    family: &Family,
    pass: Pass,
    element: ElementType,
    math: Math,
) -> Result<Report> {
    match element {
        ElementType::F32 => check::<f32>(gpu, family, pass, math),
        ElementType::F16 => check::<f16>(gpu, family, pass, math),
        ElementType::Bf16 => check::<bf16>(gpu, family, pass, math),
    }
}

fn check<T: Element>(gpu: &Gpu, family: &Family, pass: Pass, math: Math) -> Result<Report> {
    let mut report = Report::default();
    let mut add = |part: Report| report = std::mem::take(&mut report).merge(part);
    match family.name {
        "alpha-dropout" => {
            for (p, seed) in [(0.0, 1), (0.05, 2), (0.5, u64::MAX), (0.95, 1 << 40)] {
                add(check_alpha_dropout::<T>(gpu, pass, p, seed)?);
            }
        }
        "dice" => {
            for (shape, axis) in SHAPES {
                add(check_dice::<T>(gpu, pass, math, shape, axis)?);
            }
        }
        "maxout" => {
            for layout in Layout::ALL {
                for (shape, axis) in SHAPES {
                    add(check_pooling::<T>(gpu, pass, layout, shape, axis)?);
                }
            }
            for sizes in [
                [1, 1, 1, 1],
                [67, 33, 3, 20],
                [345, 7, 5, 31],
                [5, 130, 2, 64],
            ] {
                add(check_affine::<T>(gpu, pass, sizes)?);
            }
        }
        name => {
            let forms = Form::ALL.into_iter().filter(|form| form.name() == name);
            for form in forms {
                for (shape, axis) in SHAPES {
                    add(check_softmax::<T>(gpu, pass, math, form, shape, axis)?);
                }
            }
        }
    }
    Ok(report)
}

/// Numbers of everyday size, 8 apart at most.
fn numbers<T: Element>(len: usize, seed: u64) -> Vec<T> {
    let numbers = words(seed).take(len);
    numbers
        .map(|word| T::from_f64(f64::from(word as i32) / f64::from(1 << 29)))
        .collect()
}

/// Extent of the axis, and elements from one place along it to the next.
fn along(shape: &[usize], axis: i64) -> (usize, usize) {
    let axis = axis.rem_euclid(shape.len() as i64) as usize;
    (shape[axis], shape[axis + 1..].iter().product())
}

fn check_alpha_dropout<T: Element>(gpu: &Gpu, pass: Pass, p: f32, seed: u64) -> Result<Report> {
    let special = grid().into_iter().map(|x| T::from_f64(f64::from(x)));
    let input: Vec<T> = numbers(70_001, seed).into_iter().chain(special).collect();
    let dropout = AlphaDropout::new(p, seed)?;
    let tensor = gpu.upload(&input, [input.len()])?;
    let found = match pass {
        Pass::Forward => dropout.forward(&tensor)?,
        Pass::Backward => dropout.backward(&tensor)?,
    };
    let expectation = alpha_dropout::Expectation {
        transform: Transform::new(f64::from(p)),
        mask: Mask::new(p, seed),
        backward: pass == Pass::Backward,
        input: &input,
    };
    expectation.check(&found.download()?, 0..input.len())
}

/// Training, then inference with the statistics that it left.
fn check_dice<T: Element>(
    gpu: &Gpu,
    pass: Pass,
    math: Math,
    shape: &[usize],
    axis: i64,
) -> Result<Report> {
    const EPSILON: f32 = 1e-5;
    let len: usize = shape.iter().product();
    let (channels, inner) = along(shape, axis);
    if len == channels {
        return Ok(Report::default());
    }
    let shifted = numbers::<T>(len, 5).into_iter().enumerate();
    let x: Vec<T> = shifted
        .map(|(index, x)| {
            let shift = (index / inner % channels % 5) as f64 - 2.0;
            T::from_f64(f64::from(x.to_f32()) + shift)
        })
        .collect();
    let upstream = numbers::<T>(len, 6);
    let slopes = (0..channels).map(|channel| (channel % 11) as f32 * 0.2 - 0.5);
    let slopes: Vec<f32> = slopes.collect();
    let op = Dice::new(gpu, channels)?.axis(axis).epsilon(EPSILON)?;
    let op = op.math(math);
    op.alpha().write(&slopes)?;
    let (input, gradient) = (gpu.upload(&x, shape)?, gpu.upload(&upstream, shape)?);
    let (wide_x, wide_upstream) = (wide(&x), wide(&upstream));
    let trained = crate::family::dice::reference::Dice::of_batch(
        &wide_x,
        wide(&slopes),
        f64::from(EPSILON),
        inner,
    )?;
    let (y, batch) = op.train(&input)?;
    let inferred = crate::family::dice::reference::Dice {
        mean: wide(&op.running_mean().download::<f32>()?),
        variance: wide(&op.running_variance().download::<f32>()?),
        ..trained.clone()
    };
    let mut report = Report::default();
    for (reference, training) in [(&trained, true), (&inferred, false)] {
        let mut expectation = dice::Expectation {
            reference,
            math,
            x: &x,
            backward: None,
        };
        let part = match (pass, training) {
            (Pass::Forward, true) => {
                let part = expectation.check(&y.download()?, 0..len)?;
                part.merge(dice::check_moments(&batch.download()?, reference))
            }
            (Pass::Forward, false) => expectation.check(&op.infer(&input)?.download()?, 0..len)?,
            (Pass::Backward, _) => {
                let (found, expected) = if training {
                    (
                        op.backward(&input, &gradient, &batch)?,
                        reference.train_backward(&wide_x, &wide_upstream),
                    )
                } else {
                    (
                        op.infer_backward(&input, &gradient)?,
                        reference.infer_backward(&wide_x, &wide_upstream),
                    )
                };
                expectation.backward = Some((&expected, &upstream));
                let alpha = compare(&found.alpha.download::<f32>()?, &expectation.alpha());
                expectation
                    .check(&found.dx.download()?, 0..len)?
                    .merge(alpha)
            }
        };
        report = report.merge(part);
    }
    Ok(report)
}

fn check_softmax<T: Element>(
    gpu: &Gpu,
    pass: Pass,
    math: Math,
    form: Form,
    shape: &[usize],
    axis: i64,
) -> Result<Report> {
    let len: usize = shape.iter().product();
    let (extent, inner) = along(shape, axis);
    let mut x = numbers::<T>(len, 7);
    let rows = len / extent;
    for (index, x) in x.iter_mut().enumerate() {
        let row = index / (extent * inner) * inner + index % inner;
        let place = index / inner % extent;
        let value = f64::from(x.to_f32());
        *x = match (row % 8, place) {
            // Far apart, and large.
            (1, _) => T::from_f64(value * 25.0),
            (2, _) => T::from_f64(value + 1000.0),
            (3, 0) => T::from_f64(f64::NEG_INFINITY),
            (4, 1) if row + 8 > rows => T::from_f64(f64::NAN),
            (5, 1) if row + 8 > rows => T::from_f64(f64::INFINITY),
            (6, _) if row + 8 > rows => T::from_f64(f64::NEG_INFINITY),
            _ => *x,
        };
    }
    let softmax = Softmax::with_form(form, axis).math(math);
    let y = softmax.forward(&gpu.upload(&x, shape)?)?;
    let forward = softmax::Expectation {
        form,
        masked: MaskedRows::Nan,
        math,
        extent,
        inner,
        input: &x,
        upstream: None,
    };
    let found_y: Vec<T> = y.download()?;
    if pass == Pass::Forward {
        return forward.check(&found_y);
    }
    let upstream = numbers::<T>(len, 8);
    let dx = softmax.backward(&y, &gpu.upload(&upstream, shape)?)?;
    let backward = softmax::Expectation {
        input: &found_y,
        upstream: Some(&upstream),
        ..forward
    };
    backward.check(&dx.download()?)
}

/// Pools by the smallest divisor of the channels, the tensor full of ties, NaN and infinities.
fn check_pooling<T: Element>(
    gpu: &Gpu,
    pass: Pass,
    layout: Layout,
    shape: &[usize],
    axis: i64,
) -> Result<Report> {
    let len: usize = shape.iter().product();
    let (channels, inner) = along(shape, axis);
    let pieces = (2..=channels)
        .find(|pieces| channels.is_multiple_of(*pieces))
        .unwrap_or(1);
    let special = [f64::NAN, f64::NEG_INFINITY, f64::INFINITY, 0.0, -0.0];
    let numbers = words(9).take(len).map(|word| match word % 16 {
        kind @ 0..5 => special[kind as usize],
        _ => f64::from(word >> 29) - 3.5,
    });
    let x: Vec<T> = numbers.map(T::from_f64).collect();
    let maxout = Maxout::new(pieces, layout, axis);
    let (y, winners) = maxout.forward(&gpu.upload(&x, shape)?)?;
    let reference = Pooling {
        pieces,
        layout,
        channels,
        inner,
    };
    let winners_found = winners.download()?;
    let places = 0..len / pieces;
    if pass == Pass::Forward {
        let found = (&y.download()?[..], &winners_found[..]);
        return Ok(maxout::pooling(reference, &x, found, places));
    }
    let upstream = self::numbers::<T>(places.len(), 10);
    let dx = maxout.backward(&winners, &gpu.upload(&upstream, y.shape())?)?;
    let dx: Vec<T> = dx.download()?;
    let report = maxout::pooling_backward(reference, &winners_found, &upstream, &dx, places);
    Ok(report)
}

fn check_affine<T: Element>(
    gpu: &Gpu,
    pass: Pass,
    [rows, inputs, pieces, outputs]: [usize; 4],
) -> Result<Report> {
    let x = numbers::<T>(rows * inputs, 11);
    let weight = numbers::<f32>(pieces * inputs * outputs, 12);
    let bias = numbers::<f32>(pieces * outputs, 13);
    let upstream = numbers::<T>(rows * outputs, 14);
    let weights = gpu.upload(&weight, [pieces, inputs, outputs])?;
    let biases = gpu.upload(&bias, [pieces, outputs])?;
    let maxout = MaxoutAffine::new(&weights)?.with_bias(&biases)?;
    let input = gpu.upload(&x, [rows, inputs])?;
    let (y, winners) = maxout.forward(&input)?;
    let (weight, bias) = (wide(&weight), wide(&bias));
    let reference = Affine {
        weight: &weight,
        bias: &bias,
        pieces,
        inputs,
        outputs,
    };
    let winners_found = winners.download()?;
    if pass == Pass::Forward {
        let found = (&y.download()?[..], &winners_found[..]);
        return Ok(maxout::affine(reference, &x, found, 0..rows * outputs));
    }
    let gradients = maxout.backward(&input, &winners, &gpu.upload(&upstream, y.shape())?)?;
    let expected = reference.backward(&wide(&x), &winners_found, &wide(&upstream), rows);
    let mut report = Report::default();
    let sums = |sums: &Sums, place: usize| (sums.values[place], sums.magnitudes[place]);
    for (place, found) in gradients.dx.download::<T>()?.into_iter().enumerate() {
        let bound = maxout::sum::<T>(sums(&expected.dx, place));
        report.add(bound.sample(place, x[place].to_f32(), 1.0, found));
    }
    let weights = [Some(&gradients.weight), gradients.bias.as_ref()];
    for (found, expected) in weights
        .into_iter()
        .flatten()
        .zip([&expected.weight, &expected.bias])
    {
        let bounds: Vec<_> = (0..expected.values.len())
            .map(|place| maxout::sum::<f32>(sums(expected, place)))
            .collect();
        report = report.merge(compare(&found.download::<f32>()?, &bounds));
    }
    Ok(report)
}
