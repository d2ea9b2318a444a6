//! Operations one after another: what passes between them is f32.

use std::time::Instant;

use half::f16;
use libtest_mimic::{Failed, Trial};
use wgpu_activations::{
    Activation, Chain, Element, Family, Softmax, accuracy::inputs::words, family::families,
    with_element,
};

use super::{conform, streamed::streamed, written};
use crate::common::{self, Device};

/// Each operation of a family behind and before an elementwise one, and before softmax.
pub(super) fn neighbours<T: Element>(device: &Device, family: &dyn Family) -> Result<(), Failed> {
    const SHAPE: [usize; 2] = [67, 20];
    for axis in [0, 1] {
        for operation in written::operations(family, &SHAPE, axis, 7) {
            if axis == 0 && operation.axis().is_none() {
                continue;
            }
            let alone = Chain::new(operation.clone());
            let mut chains = vec![
                alone.clone().then(Activation::SOFTPLUS),
                alone.then(Softmax::new(axis)),
            ];
            if operation.inputs() == 1 {
                chains.push(Chain::from(Activation::TANH).then(operation));
            }
            for chain in chains {
                conform::<T>(&device.gpu, &chain, &SHAPE)?;
            }
        }
    }
    Ok(())
}

/// What one device shows of all: how much the host has to do.
pub(super) fn once(devices: &[Device]) -> Option<Trial> {
    let device = devices.iter().find(|device| device.trusted())?;
    Some(device.trial("chains/long", long))
}

pub(super) fn trials(device: &Device) -> Vec<Trial> {
    if !device.trusted() {
        return Vec::new();
    }
    let mut trials = vec![device.trial("chains/between-steps", between_steps)];
    for element in common::SIZES {
        let name = format!("chains/{}/many", element.name());
        trials.push(device.trial(
            &name,
            move |device| with_element!(element, T => many::<T>(device)),
        ));
    }
    trials
}

/// Chains of several families, along one axis and along several.
const MANY: [(&str, &[usize]); 9] = [
    ("tanh | maxout(pieces=5, axis=1) | gelu", &[9, 60, 31]),
    (
        "maxout(pieces=2) | maxout(pieces=3, layout=strided)",
        &[300, 36],
    ),
    ("maxout(pieces=2) | gelu | softmax", &[500, 64]),
    ("gelu | dice(alpha=0.25)", &[500, 64]),
    (
        "dice | alpha-dropout(p=0.5, seed=3) | log-softmax",
        &[400, 12],
    ),
    (
        "softmax(axis=1) | dice(axis=1) | softmax(axis=1)",
        &[2, 40, 31],
    ),
    ("softmax(axis=0) | softmax(axis=1)", &[40, 30]),
    ("maxout(pieces=2, axis=0) | elu | dice", &[40, 30]),
    ("selu | alpha-dropout(p=0.1, seed=1) | softmax", &[2, 4007]),
];

fn many<T: Element>(device: &Device) -> Result<(), Failed> {
    for (text, shape) in MANY {
        let chain: Chain = text.parse()?;
        conform::<T>(&device.gpu, &chain, shape)?;
        // What goes along several axes comes whole.
        if chain.layout(shape)?.whole.is_none() {
            streamed::<T>(device, &chain, shape)?;
        }
    }
    Ok(())
}

/// selu(65000) is no f16, and softmax must not see infinity.
fn between_steps(device: &Device) -> Result<(), Failed> {
    let chain: Chain = "selu | softmax".parse()?;
    let x = [f16::from_f32(65_000.0), f16::ONE];
    let y: Vec<f16> = chain.forward(&device.gpu.upload(&x, [1, 2])?)?.download()?;
    assert_eq!(y, [f16::ONE, f16::ZERO]);
    Ok(())
}

/// 600 steps in no order take no more than the kernels of each do.
fn long(device: &Device) -> Result<(), Failed> {
    const STEPS: u64 = 600;
    let activations: Vec<_> = families().filter_map(Family::activation).collect();
    let steps = words(STEPS)
        .take(STEPS as usize)
        .map(|word| activations[word as usize % activations.len()]);
    let chain = steps.fold(Chain::from(Activation::TANH), Chain::then);
    let x = device.gpu.upload(&[0.5f32; 64], [64])?;
    let timed = || -> Result<f64, Failed> {
        let start = Instant::now();
        chain.forward(&x)?.download::<f32>()?;
        chain.backward(&x, &x)?.dx.download::<f32>()?;
        Ok(start.elapsed().as_secs_f64())
    };
    let (first, second) = (timed()?, timed()?);
    // Those of as many as there are, and of how they join; a machine may be busy.
    if first > 60.0 || second > 2.0 {
        return Err(format!("{first:.2} s, then {second:.2} s").into());
    }
    Ok(())
}
