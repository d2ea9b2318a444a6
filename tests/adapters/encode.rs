//! Families recorded into the caller's own encoder give the bits that they give when called: two
//! recordings in one submission, of which the second takes memory that the first is done with.

use crate::common::{Device, same_bits};
use libtest_mimic::{Failed, Trial};
use wgpu_activations::{
    Activation, Dice, ElementType, Gated, Gpu, Maxout, MaxoutAffine, Pointwise, Tensor,
    accuracy::inputs::words, family::maxout::reference::Layout,
};

const SHAPE: [usize; 2] = [345, 36];

pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    vec![
        device.trial("moments", moments),
        device.trial("dice", dice),
        device.trial("dice-parts", dice_parts),
        device.trial("gradients", gradients),
        device.trial("gated", gated),
        device.trial("maxout", maxout),
        device.trial("maxout-affine", affine),
    ]
}

fn tensor(gpu: &Gpu, shape: &[usize], seed: u64) -> Tensor {
    let numbers = words(seed).take(shape.iter().product());
    let numbers: Vec<f32> = numbers
        .map(|word| word as i32 as f32 / (1 << 29) as f32)
        .collect();
    gpu.upload(&numbers, shape).unwrap()
}

/// Records twice into one encoder, the second time on other tensors, and returns the results once the
/// commands have run.
fn recorded<T>(gpu: &Gpu, record: impl Fn(&mut wgpu::CommandEncoder, u64) -> T) -> [T; 2] {
    let mut encoder = gpu.device().create_command_encoder(&Default::default());
    let results = [1, 2].map(|seed| record(&mut encoder, seed));
    gpu.queue().submit([encoder.finish()]);
    gpu.wait().unwrap();
    results
}

fn alike(name: &str, found: &Tensor, expected: &Tensor) -> Result<(), Failed> {
    same_bits(
        name,
        &found.download::<f32>().unwrap(),
        &expected.download::<f32>().unwrap(),
    )
}

fn moments(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    let found = recorded(gpu, |encoder, seed| {
        tensor(gpu, &SHAPE, seed)
            .encode_moments(encoder, -1)
            .unwrap()
    });
    for (seed, found) in (1..).zip(found) {
        let expected = tensor(gpu, &SHAPE, seed).moments(-1).unwrap();
        assert_eq!(found.download().unwrap(), expected.download().unwrap());
    }
    Ok(())
}

fn new_dice(gpu: &Gpu) -> Dice {
    let dice = Dice::new(gpu, SHAPE[1]).unwrap();
    let slopes: Vec<f32> = (0..SHAPE[1]).map(|channel| channel as f32 / 20.0).collect();
    dice.alpha().write(&slopes).unwrap();
    dice
}

fn dice(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    let own = new_dice(gpu);
    let found = recorded(gpu, |encoder, seed| {
        let (x, g) = (tensor(gpu, &SHAPE, seed), tensor(gpu, &SHAPE, seed + 9));
        let [y, inferred] = [0, 0].map(|_| gpu.allocate(SHAPE, ElementType::F32).unwrap());
        let [gradients, at_rest] = [0, 0].map(|_| own.allocate_gradients(&x).unwrap());
        let batch = own.encode_train(encoder, &x, &y).unwrap();
        own.encode_backward(encoder, &x, &g, &batch, &gradients)
            .unwrap();
        own.encode_infer(encoder, &x, &inferred).unwrap();
        own.encode_infer_backward(encoder, &x, &g, &at_rest)
            .unwrap();
        (y, gradients, inferred, at_rest)
    });
    let called = new_dice(gpu);
    for (seed, (y, gradients, inferred, at_rest)) in (1..).zip(found) {
        let (x, g) = (tensor(gpu, &SHAPE, seed), tensor(gpu, &SHAPE, seed + 9));
        let (expected, batch) = called.train(&x).unwrap();
        alike("y", &y, &expected)?;
        let expected = called.backward(&x, &g, &batch).unwrap();
        alike("dx", &gradients.dx, &expected.dx)?;
        alike("dalpha", &gradients.alpha, &expected.alpha)?;
        alike("inferred", &inferred, &called.infer(&x).unwrap())?;
        let expected = called.infer_backward(&x, &g).unwrap();
        alike("inferred dx", &at_rest.dx, &expected.dx)?;
        alike("inferred dalpha", &at_rest.alpha, &expected.alpha)?;
    }
    alike(
        "the running mean",
        own.running_mean(),
        called.running_mean(),
    )
}

/// What devices that share a batch call, with x as its only part.
fn dice_parts(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    let own = new_dice(gpu);
    let allocate = |shape: [usize; 2]| gpu.allocate(shape, ElementType::F32).unwrap();
    let found = recorded(gpu, |encoder, seed| {
        let (x, g) = (tensor(gpu, &SHAPE, seed), tensor(gpu, &SHAPE, seed + 9));
        let (y, sums) = (allocate(SHAPE), allocate([SHAPE[1], 4]));
        let gradients = own.allocate_gradients(&x).unwrap();
        let batch = x.encode_moments(encoder, -1).unwrap();
        own.encode_train_with(encoder, &x, &batch, &y).unwrap();
        own.encode_sums(encoder, &x, &g, &batch, &sums).unwrap();
        own.encode_backward_with(encoder, &x, &g, &batch, &sums, &gradients)
            .unwrap();
        (y, sums, gradients)
    });
    let called = new_dice(gpu);
    for (seed, (y, sums, gradients)) in (1..).zip(found) {
        let (x, g) = (tensor(gpu, &SHAPE, seed), tensor(gpu, &SHAPE, seed + 9));
        let batch = x.moments(-1).unwrap();
        alike("y", &y, &called.train_with(&x, &batch).unwrap())?;
        let expected = called.sums(&x, &g, &batch).unwrap();
        alike("sums", &sums, &expected)?;
        let expected = called.backward_with(&x, &g, &batch, &expected).unwrap();
        alike("dx", &gradients.dx, &expected.dx)?;
        alike("dalpha", &gradients.alpha, &expected.alpha)?;
    }
    Ok(())
}

/// Units of two tensors and of one, with a parameter that has a gradient.
fn gated(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    for (unit, inputs) in [(Gated::SWIGLU, 2), (Gated::SWIGLU.halves(-1), 1)] {
        let tensors = |seed| {
            let x = (0..inputs as u64).map(|of| tensor(gpu, &SHAPE, seed + 20 * of));
            let columns = SHAPE[1] * inputs / 2;
            let g = tensor(gpu, &[SHAPE[0], columns], seed + 9);
            (x.collect::<Vec<_>>(), g)
        };
        let found = recorded(gpu, |encoder, seed| {
            let (x, g) = tensors(seed);
            let x: Vec<_> = x.iter().collect();
            let y = gpu.allocate(g.shape(), ElementType::F32).unwrap();
            let gradients = unit.allocate_gradients(&x[..]).unwrap();
            unit.encode_forward(encoder, &x[..], &y).unwrap();
            unit.encode_backward(encoder, &x[..], &g, &gradients)
                .unwrap();
            (y, gradients)
        });
        for (seed, (y, gradients)) in (1..).zip(found) {
            let (x, g) = tensors(seed);
            let x: Vec<_> = x.iter().collect();
            alike("y", &y, &unit.forward(&x[..]).unwrap())?;
            let expected = unit.backward(&x[..], &g).unwrap();
            for (found, expected) in gradients.dx.iter().zip(&expected.dx) {
                alike("dx", found, expected)?;
            }
            alike("dbeta", &gradients.parameters[0], &expected.parameters[0])?;
        }
    }
    Ok(())
}

fn gradients(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    let beta = tensor(gpu, &[SHAPE[1]], 5);
    let swish = Pointwise::new(Activation::SWISH);
    let ops = [swish.clone(), swish.per_channel(&beta, -1).unwrap()];
    for op in ops {
        let found = recorded(gpu, |encoder, seed| {
            let (x, g) = (tensor(gpu, &SHAPE, seed), tensor(gpu, &SHAPE, seed + 9));
            let gradients = op.allocate_gradients(&x).unwrap();
            op.encode_gradients(encoder, &x, &g, &gradients).unwrap();
            let alone = [gpu
                .allocate(gradients.parameters[0].shape(), ElementType::F32)
                .unwrap()];
            op.encode_parameter_gradients(encoder, &x, &g, &alone)
                .unwrap();
            (gradients, alone)
        });
        for (seed, (found, alone)) in (1..).zip(found) {
            let (x, g) = (tensor(gpu, &SHAPE, seed), tensor(gpu, &SHAPE, seed + 9));
            let expected = op.gradients(&x, &g).unwrap();
            alike("dx", &found.dx, &expected.dx)?;
            alike("dbeta", &found.parameters[0], &expected.parameters[0])?;
            let expected = op.parameter_gradients(&x, &g).unwrap();
            alike("dbeta alone", &alone[0], &expected[0])?;
        }
    }
    Ok(())
}

fn maxout(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    let op = Maxout::new(3, Layout::Strided, -1);
    let y_shape = [SHAPE[0], SHAPE[1] / 3];
    let found = recorded(gpu, |encoder, seed| {
        let (x, g) = (tensor(gpu, &SHAPE, seed), tensor(gpu, &y_shape, seed + 9));
        let y = gpu.allocate(y_shape, ElementType::F32).unwrap();
        let dx = gpu.allocate(SHAPE, ElementType::F32).unwrap();
        let winners = op.encode_forward(encoder, &x, &y).unwrap();
        op.encode_backward(encoder, &winners, &g, &dx).unwrap();
        (y, dx)
    });
    for (seed, (y, dx)) in (1..).zip(found) {
        let (x, g) = (tensor(gpu, &SHAPE, seed), tensor(gpu, &y_shape, seed + 9));
        let (expected, winners) = op.forward(&x).unwrap();
        alike("y", &y, &expected)?;
        alike("dx", &dx, &op.backward(&winners, &g).unwrap())?;
    }
    Ok(())
}

/// Sizes that are no whole vectors, so that rows are padded on the way.
fn affine(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    let [pieces, inputs, outputs, rows] = [3, 7, 5, 67];
    let weight = tensor(gpu, &[pieces, inputs, outputs], 5);
    let bias = tensor(gpu, &[pieces, outputs], 6);
    let op = MaxoutAffine::new(&weight).unwrap().bias(&bias).unwrap();
    let allocate = |shape: &[usize]| gpu.allocate(shape, ElementType::F32).unwrap();
    let (x_shape, y_shape) = ([rows, inputs], [rows, outputs]);
    let found = recorded(gpu, |encoder, seed| {
        let (x, g) = (tensor(gpu, &x_shape, seed), tensor(gpu, &y_shape, seed + 9));
        let y = allocate(&y_shape);
        let winners = op.encode_forward(encoder, &x, &y).unwrap();
        let gradients = op.allocate_gradients(&x).unwrap();
        op.encode_backward(encoder, &x, &winners, &g, &gradients)
            .unwrap();
        (y, gradients)
    });
    for (seed, (y, gradients)) in (1..).zip(found) {
        let (x, g) = (tensor(gpu, &x_shape, seed), tensor(gpu, &y_shape, seed + 9));
        let (expected, winners) = op.forward(&x).unwrap();
        alike("y", &y, &expected)?;
        let expected = op.backward(&x, &winners, &g).unwrap();
        alike("dx", &gradients.dx, &expected.dx)?;
        alike("dW", &gradients.weight, &expected.weight)?;
        alike("db", &gradients.bias.unwrap(), &expected.bias.unwrap())?;
    }
    Ok(())
}
