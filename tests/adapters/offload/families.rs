//! The families whose results depend on more than one element, streamed.

use libtest_mimic::Failed;
use wgpu_activations::{
    Activation, Dice, Element, Math, Maxout, MaxoutAffine, Softmax,
    family::{
        dice::bound as dice,
        maxout::reference::Layout,
        softmax::{
            bound as softmax,
            reference::{Form, MaskedRows},
        },
    },
    offload::{Chain, Step},
};

use super::{Device, numbers, same_bits, streamed};

pub(crate) fn trials<T: Element>(add: &mut impl FnMut(&str, fn(&Device) -> Result<(), Failed>)) {
    add("softmax", softmax::<T>);
    add("dice", dice::<T>);
    add("maxout", maxout::<T>);
    add("affine", affine::<T>);
    add("chain", chain::<T>);
}

/// Rows that fit a chunk, rows that do not, rows whose elements lie apart.
const SHAPES: [(&[usize], i64); 8] = [
    (&[90, 40], 1),
    (&[90, 40], 0),
    (&[2, 4007], 1),
    (&[4007, 2], 0),
    (&[1, 1500, 3], 1),
    (&[2, 3, 1000], 1),
    (&[0, 5], 1),
    (&[1, 1], 0),
];

fn wide<T: Element>(x: &[T]) -> Vec<f64> {
    x.iter().map(|x| f64::from(x.to_f32())).collect()
}

fn softmax<T: Element>(device: &Device) -> Result<(), Failed> {
    for (shape, axis) in SHAPES {
        let mut x = numbers::<T>(shape.iter().product());
        // One row with an element that dominates, and one that is masked.
        let inner: usize = shape[axis as usize + 1..].iter().product();
        if let Some(first) = x.first_mut() {
            *first = T::from_f64(200.0);
        }
        if shape[0] == 90 {
            let extent = shape[axis as usize];
            for place in 0..extent {
                x[place * inner + if inner == 1 { extent } else { 1 }] =
                    T::from_f64(f64::NEG_INFINITY);
            }
        }
        for form in [Form::Softmax, Form::LogSoftmax] {
            let masked = MaskedRows::Zeros;
            let expectation = softmax::Expectation {
                form,
                masked,
                math: Math::Accurate,
                extent: shape[axis as usize],
                inner,
                input: &x,
                upstream: None,
            };
            let chain = Chain::new(Step::Softmax { form, masked }).axis(axis);
            streamed(device, &chain, shape, &x, |y| {
                let report = expectation.check(y)?;
                if report.passed() {
                    Ok(())
                } else {
                    Err(report.to_string().into())
                }
            })?;
        }
    }
    Ok(())
}

fn dice<T: Element>(device: &Device) -> Result<(), Failed> {
    for (shape, axis) in SHAPES {
        let len: usize = shape.iter().product();
        if len < 2 {
            continue;
        }
        let x = numbers::<T>(len);
        let channels = shape[axis as usize];
        let inner = shape[axis as usize + 1..].iter().product();
        let alpha: Vec<f32> = (0..channels)
            .map(|index| (index % 5) as f32 / 4.0)
            .collect();
        let batch = wgpu_activations::family::dice::reference::Dice::of_batch(
            &wide(&x),
            wide(&alpha),
            1e-8,
            inner,
        )?;
        let given = wgpu_activations::family::dice::reference::Dice {
            mean: vec![0.5; channels],
            variance: vec![2.0; channels],
            ..batch.clone()
        };
        for (reference, statistics) in [
            (&batch, None),
            (&given, Some((vec![0.5; channels], vec![2.0; channels]))),
        ] {
            let step = Step::Dice {
                alpha: alpha.clone(),
                epsilon: 1e-8,
                statistics,
            };
            let expectation = dice::Expectation {
                reference,
                math: Math::Accurate,
                x: &x,
                backward: None,
            };
            let chain = Chain::new(step).axis(axis);
            streamed(device, &chain, shape, &x, |y| {
                let report = expectation.check(y, 0..len)?;
                if report.passed() {
                    Ok(())
                } else {
                    Err(report.to_string().into())
                }
            })?;
        }
    }
    Ok(())
}

fn maxout<T: Element>(device: &Device) -> Result<(), Failed> {
    for (shape, axis) in [
        (&[300, 40][..], 1),
        (&[40, 300], 0),
        (&[20_000], 0),
        (&[2, 4000, 7], 1),
        (&[0, 4], 1),
    ] {
        let x = numbers::<T>(shape.iter().product());
        let tensor = device.gpu.upload(&x, shape)?;
        for layout in Layout::ALL {
            let (y, _) = Maxout::new(4, layout, axis).forward(&tensor)?;
            let expected: Vec<T> = y.download()?;
            let chain = Chain::new(Step::Maxout { pieces: 4, layout }).axis(axis);
            assert_eq!(chain.result_shape(shape)?, y.shape());
            streamed(device, &chain, shape, &x, |y| same_bits("y", y, &expected))?;
        }
    }
    Ok(())
}

fn affine<T: Element>(device: &Device) -> Result<(), Failed> {
    let [pieces, inputs, outputs] = [3, 19, 6];
    let weight = numbers::<f32>(pieces * inputs * outputs);
    let bias = numbers::<f32>(pieces * outputs);
    let maps = device.gpu.upload(&weight, [pieces, inputs, outputs])?;
    let offsets = device.gpu.upload(&bias, [pieces, outputs])?;
    let affine = MaxoutAffine::new(&maps)?.with_bias(&offsets)?;
    let x = numbers::<T>(2 * 500 * inputs);
    let shape = [2, 500, inputs];
    let (y, _) = affine.forward(&device.gpu.upload(&x, shape)?)?;
    let expected: Vec<T> = y.download()?;
    let chain = Chain::new(Step::Affine {
        weight,
        shape: [pieces, inputs, outputs],
        bias: Some(bias),
    });
    streamed(device, &chain, &shape, &x, |y| same_bits("y", y, &expected))
}

/// In one trip the same as one after another.
fn chain<T: Element>(device: &Device) -> Result<(), Failed> {
    let shape = [500, 64];
    let x = numbers::<T>(500 * 64);
    let tensor = device.gpu.upload(&x, shape)?;
    let (pooled, _) = Maxout::new(2, Layout::Adjacent, 1).forward(&tensor)?;
    let gated = Activation::GELU.forward(&pooled)?;
    let expected: Vec<T> = Softmax::new(1).forward(&gated)?.download()?;
    let chain = Chain::new(Step::Maxout {
        pieces: 2,
        layout: Layout::Adjacent,
    })
    .then(Step::Pointwise {
        activation: Activation::GELU,
        parameters: None,
    })
    .then(Step::Softmax {
        form: Form::Softmax,
        masked: MaskedRows::Nan,
    });
    streamed(device, &chain, &shape, &x, |y| same_bits("y", y, &expected))?;

    // Statistics of what an earlier step makes.
    let gated = Activation::GELU.forward(&tensor)?;
    let (y, _) = Dice::new(&device.gpu, 64)?.train(&gated)?;
    let expected: Vec<T> = y.download()?;
    let chain = Chain::from(Activation::GELU).then(Step::Dice {
        alpha: vec![0.0; 64],
        epsilon: 1e-8,
        statistics: None,
    });
    streamed(device, &chain, &shape, &x, |y| {
        for (found, expected) in y.iter().zip(&expected) {
            let (found, expected) = (found.to_f32(), expected.to_f32());
            let allowed = match T::TYPE {
                wgpu_activations::ElementType::F32 => 1e-5 * (1.0 + expected.abs()),
                _ => 1e-2 * (1e-3 + expected.abs()),
            };
            if (found - expected).abs() > allowed {
                return Err(format!("{found} is not {expected}").into());
            }
        }
        Ok(())
    })
}
