//! Gradients streamed, against those of whole tensors on the same device.

use libtest_mimic::Failed;
use wgpu_activations::{
    Activation, AlphaDropout, Dice, Element, ElementType, Error, Maxout, MaxoutAffine, Offload,
    Pointwise, Softmax, Tensor,
    family::{
        maxout::reference::Layout,
        softmax::reference::{Form, MaskedRows},
    },
    offload::{Chain, Step},
};

use super::{Device, numbers};

pub(crate) fn trials<T: Element>(add: &mut impl FnMut(&str, fn(&Device) -> Result<(), Failed>)) {
    add("backward/pointwise", pointwise::<T>);
    add("backward/softmax", softmax::<T>);
    add("backward/dice", dice::<T>);
    add("backward/maxout", maxout::<T>);
    if T::TYPE == ElementType::F32 {
        add("backward/wrong-use", wrong_use);
    }
}

/// What a whole tensor gives.
struct Expected<T> {
    dx: Vec<T>,
    parameters: Vec<Vec<f32>>,
}

impl<T: Element> Expected<T> {
    fn new(dx: &Tensor, parameters: &[&Tensor]) -> Result<Self, Error> {
        let values = parameters.iter().map(|tensor| tensor.download());
        Ok(Self {
            dx: dx.download()?,
            parameters: values.collect::<Result<_, _>>()?,
        })
    }
}

/// Streams with chunks of all sizes; `share` is the difference allowed in dx, 0 for the same bits.
fn streamed<T: Element>(
    device: &Device,
    chain: &Chain,
    shape: &[usize],
    (x, upstream): (&[T], &[T]),
    (expected, share): (&Expected<T>, f32),
) -> Result<(), Failed> {
    for budget in super::BUDGETS {
        let mut dx = vec![T::from_f64(7.0); x.len()];
        let offload = super::offload(device, budget);
        let backward = offload.backward(chain, shape, x, upstream, &mut dx)?;
        let at = |what: &str| Failed::from(format!("{chain} {shape:?} {budget:?}: {what}"));
        for (found, expected) in dx.iter().zip(&expected.dx) {
            let (found, expected) = (found.to_f32(), expected.to_f32());
            let allowed = share * (1.0 + expected.abs());
            if found != expected && (found - expected).abs() > allowed {
                return Err(at(&format!("dx {found} is not {expected}")));
            }
        }
        if backward.parameters.len() != expected.parameters.len() {
            return Err(at("not as many parameters"));
        }
        for ((name, found), expected) in backward.parameters.iter().zip(&expected.parameters) {
            if found.len() != expected.len() {
                return Err(at(name));
            }
            for (found, expected) in found.iter().zip(expected) {
                // Sums of numbers up to 64, in other orders.
                if (found - expected).abs() > 2e-5 * (x.len() as f32).sqrt().max(1.0) * 8.0 {
                    return Err(at(&format!("{name} {found} is not {expected}")));
                }
            }
        }
    }
    Ok(())
}

/// x and upstream.
fn pair<T: Element>(len: usize) -> (Vec<T>, Vec<T>) {
    let x = numbers::<T>(len);
    let upstream = x
        .iter()
        .rev()
        .map(|x| T::from_f64(f64::from(x.to_f32()) / 4.0));
    let upstream = upstream.collect();
    (x, upstream)
}

const SHAPES: [(&[usize], i64); 5] = [
    (&[90, 40], 1),
    (&[2, 4007], 1),
    (&[4007, 2], 0),
    (&[1, 1500, 3], 1),
    (&[2, 3, 1000], 1),
];

fn pointwise<T: Element>(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    for (shape, axis) in SHAPES {
        let (x, g) = pair::<T>(shape.iter().product());
        let (tx, tg) = (gpu.upload(&x, shape)?, gpu.upload(&g, shape)?);
        let expected = Expected::new(&Activation::GELU.backward(&tx, &tg)?, &[])?;
        let chain = Activation::GELU.into();
        streamed(device, &chain, shape, (&x, &g), (&expected, 0.0))?;

        let elu = Pointwise::new(Activation::ELU).gradients(&tx, &tg)?;
        let expected = Expected::new(&elu.dx, &[&elu.parameter])?;
        let chain = Activation::ELU.into();
        streamed(device, &chain, shape, (&x, &g), (&expected, 0.0))?;

        let slopes: Vec<f32> = (0..shape[axis as usize])
            .map(|index| index as f32 / 64.0)
            .collect();
        let parameters = gpu.upload(&slopes, [slopes.len()])?;
        let prelu = Pointwise::new(Activation::PRELU).per_channel(&parameters, axis)?;
        let prelu = prelu.gradients(&tx, &tg)?;
        let expected = Expected::new(&prelu.dx, &[&prelu.parameter])?;
        let chain = Chain::new(Step::Pointwise {
            activation: Activation::PRELU,
            parameters: Some(slopes),
        });
        streamed(device, &chain.axis(axis), shape, (&x, &g), (&expected, 0.0))?;

        let dropout = AlphaDropout::new(0.3, 5)?;
        let expected = Expected::new(&dropout.backward(&tg)?, &[])?;
        streamed(device, &dropout.into(), shape, (&x, &g), (&expected, 0.0))?;
    }
    Ok(())
}

/// What two roundings may do to a number.
fn rounding<T: Element>() -> f32 {
    match T::TYPE {
        ElementType::F32 => 1e-5,
        ElementType::F16 => 2e-3,
        ElementType::Bf16 => 2e-2,
    }
}

fn softmax<T: Element>(device: &Device) -> Result<(), Failed> {
    for (shape, axis) in SHAPES {
        let (x, g) = pair::<T>(shape.iter().product());
        let (tx, tg) = (device.gpu.upload(&x, shape)?, device.gpu.upload(&g, shape)?);
        for form in [Form::Softmax, Form::LogSoftmax] {
            let softmax = Softmax::with_form(form, axis);
            let y = softmax.forward(&tx)?;
            let expected = Expected::new(&softmax.backward(&y, &tg)?, &[])?;
            let masked = MaskedRows::Nan;
            let chain = Chain::new(Step::Softmax { form, masked }).axis(axis);
            let rounding = rounding::<T>() * if form == Form::Softmax { 1.0 } else { 4.0 };
            streamed(device, &chain, shape, (&x, &g), (&expected, rounding))?;
        }
    }
    Ok(())
}

fn dice<T: Element>(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    for (shape, axis) in SHAPES {
        let (x, g) = pair::<T>(shape.iter().product());
        let (tx, tg) = (gpu.upload(&x, shape)?, gpu.upload(&g, shape)?);
        let channels = shape[axis as usize];
        let alpha: Vec<f32> = (0..channels)
            .map(|index| (index % 5) as f32 / 4.0)
            .collect();
        let dice = Dice::new(gpu, channels)?.axis(axis);
        dice.alpha().write(&alpha)?;
        let trained = dice.backward(&tx, &tg, &tx.moments(axis)?)?;
        let trained = Expected::new(&trained.dx, &[&trained.alpha])?;
        let inferred = dice.infer_backward(&tx, &tg)?;
        let inferred = Expected::new(&inferred.dx, &[&inferred.alpha])?;
        let given = (vec![0.0; channels], vec![1.0; channels]);
        for (expected, statistics) in [(trained, None), (inferred, Some(given))] {
            let chain = Chain::new(Step::Dice {
                alpha: alpha.clone(),
                epsilon: 1e-8,
                statistics,
            });
            let pair = (&x[..], &g[..]);
            streamed(
                device,
                &chain.axis(axis),
                shape,
                pair,
                (&expected, rounding::<T>()),
            )?;
        }
    }
    Ok(())
}

fn maxout<T: Element>(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    for layout in Layout::ALL {
        let x = numbers::<T>(90 * 400);
        let (_, g) = pair::<T>(90 * 100);
        let (tx, tg) = (gpu.upload(&x, [90, 400])?, gpu.upload(&g, [90, 100])?);
        let maxout = Maxout::new(4, layout, 1);
        let (_, winners) = maxout.forward(&tx)?;
        let expected = Expected::new(&maxout.backward(&winners, &tg)?, &[])?;
        let chain = Chain::new(Step::Maxout { pieces: 4, layout });
        streamed(device, &chain, &[90, 400], (&x, &g), (&expected, 0.0))?;
    }
    let [pieces, inputs, outputs] = [3, 19, 6];
    let weight = numbers::<f32>(pieces * inputs * outputs);
    let bias = numbers::<f32>(pieces * outputs);
    let maps = gpu.upload(&weight, [pieces, inputs, outputs])?;
    let offsets = gpu.upload(&bias, [pieces, outputs])?;
    let affine = MaxoutAffine::new(&maps)?.with_bias(&offsets)?;
    let x = numbers::<T>(300 * inputs);
    let (_, g) = pair::<T>(300 * outputs);
    let (tx, tg) = (
        gpu.upload(&x, [300, inputs])?,
        gpu.upload(&g, [300, outputs])?,
    );
    let (_, winners) = affine.forward(&tx)?;
    let gradients = affine.backward(&tx, &winners, &tg)?;
    let bias_gradient = gradients.bias.as_ref().expect("there is a bias");
    let expected = Expected::new(&gradients.dx, &[&gradients.weight, bias_gradient])?;
    let chain = Chain::new(Step::Affine {
        weight,
        shape: [pieces, inputs, outputs],
        bias: Some(bias),
    });
    streamed(device, &chain, &[300, inputs], (&x, &g), (&expected, 0.0))
}

fn wrong_use(device: &Device) -> Result<(), Failed> {
    let (x, g) = pair::<f32>(6);
    let mut dx = vec![0.0f32; 6];
    let offload = Offload::new(&device.gpu);
    let gelu = Chain::from(Activation::GELU);
    assert!(matches!(
        offload.backward(&gelu, &[6], &x, &g[..5], &mut dx),
        Err(Error::LengthMismatch {
            expected: 6,
            found: 5,
            ..
        })
    ));
    let two = gelu.then(Step::AlphaDropout(AlphaDropout::new(0.5, 1)?));
    let refused = offload.backward(&two, &[6], &x, &g, &mut dx);
    assert!(
        matches!(refused, Err(Error::ChainBackward { .. })),
        "{refused:?}"
    );
    Ok(())
}
