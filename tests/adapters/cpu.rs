//! The processor beside an adapter: it computes by the same formulas, and where the adapter rounds as IEEE 754 says it
//! gives the same bits.

use libtest_mimic::{Failed, Trial};
use wgpu_activations::{Activation, Array, Chain, Cpu, MaxoutAffine, Pointwise};

use crate::common::{Device, inputs, upstream};

/// Elements that are compared.
const LENGTH: usize = 1 << 16;

pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let bits = |device: &Device| {
        let mut worst: (f64, String) = (1.0, String::new());
        for activation in Activation::all() {
            let (forward, backward) = share(device, activation)?;
            let least = forward.min(backward);
            if least < worst.0 {
                worst = (least, activation.to_string());
            }
        }
        // Lavapipe contracts and reorders some sums.
        if device.trusted() && worst.0 < 0.5 {
            return Err(format!("{} of the bits of {}", worst.0, worst.1).into());
        }
        Ok(())
    };
    vec![
        device.trial("bits", bits),
        device.trial("bits of families", families),
    ]
}

/// Gated units and affine maps, which are summed in the same order.
fn families(device: &Device) -> Result<(), Failed> {
    let units = [
        "glu",
        "reglu",
        "geglu",
        "geglu-tanh",
        "swiglu",
        "swiglu-clamped",
    ];
    let units = units.map(|unit| format!("{unit}(layout=halves)").parse::<Chain>());
    let weight = Array::new(inputs::<f32>(2 * 70 * 90), [2, 70, 90])?;
    let affine = Chain::new(MaxoutAffine::new(weight)?);
    // Lavapipe contracts and reorders some sums, those of affine maps above all.
    let units = units.into_iter().map(|unit| (unit, [64, 1024], 0.5));
    for (chain, shape, least) in units.chain([(Ok(affine), [50, 70], 0.25)]) {
        let chain = chain?;
        let x = inputs::<f32>(shape.iter().product());
        let results = chain.result_shape(&shape)?.iter().product();
        let g = upstream::<f32>(results);
        let (mut y, mut dx) = (vec![0.0f32; results], vec![0.0f32; x.len()]);
        let cpu = Cpu::new();
        cpu.forward(&chain, &shape, &x, &mut y)?;
        cpu.backward(&chain, &shape, &x, &g, &mut dx)?;
        let (x, g) = (
            device.gpu.upload(&x, shape)?,
            device.gpu.upload(&g, chain.result_shape(&shape)?)?,
        );
        let of_y = equal(&chain.forward(&x)?.download()?, &y);
        let of_dx = equal(&chain.backward(&x, &g)?.dx.download()?, &dx);
        if device.trusted() && of_y.min(of_dx) < least {
            return Err(format!("{of_y} and {of_dx} of the bits of {chain}").into());
        }
    }
    Ok(())
}

/// The share of elements that have the same bits.
fn equal(a: &[f32], b: &[f32]) -> f64 {
    let same = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
    a.iter().zip(b).filter(|pair| same(*pair)).count() as f64 / a.len() as f64
}

/// Shares of results that have the same bits, forward and backward.
fn share(device: &Device, activation: Activation) -> Result<(f64, f64), Failed> {
    let shape = [LENGTH];
    let (x, g) = (inputs::<f32>(LENGTH), upstream::<f32>(LENGTH));
    let (mut y, mut dx) = (vec![0.0f32; LENGTH], vec![0.0f32; LENGTH]);
    let cpu = Cpu::new();
    cpu.forward(&activation.into(), &shape, &x, &mut y)?;
    cpu.backward(&activation.into(), &shape, &x, &g, &mut dx)?;
    let (x, g) = (device.gpu.upload(&x, shape)?, device.gpu.upload(&g, shape)?);
    let operation = Pointwise::new(activation);
    let of_y = equal(&operation.forward(&x)?.download()?, &y);
    let of_dx = equal(&operation.backward(&x, &g)?.download()?, &dx);
    Ok((of_y, of_dx))
}
