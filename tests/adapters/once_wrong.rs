//! Small inputs whose results were wrong once, on every adapter and on the CPU.

use half::f16;
use libtest_mimic::{Failed, Trial};
use wgpu_activations::{Chain, Element, accuracy::ulp_error, cpu::Cpu};

use crate::common::Device;

pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    match device.trusted() {
        true => vec![device.trial("values", values)],
        false => Vec::new(),
    }
}

fn values(device: &Device) -> Result<(), Failed> {
    let inf = f64::INFINITY;
    let small = f64::from(1e-20f32);
    let zeros = [0.0; 4096];
    let ones = [1.0; 4096];
    // y was rounded to f16 on the way.
    run::<f16>(
        device,
        "softmax",
        &[1, 2],
        &[9.2109375, 0.0],
        Some(&[-1.0, 0.0]),
        &[-9.992033188725992e-5, 9.992033188725992e-5],
    )?;
    run::<f16>(
        device,
        "log-softmax",
        &[1, 4096],
        &zeros,
        Some(&ones),
        &zeros,
    )?;
    // What passed between two operations was f16.
    run::<f16>(
        device,
        "selu | softmax",
        &[1, 2],
        &[65000.0, 1.0],
        None,
        &[1.0, 0.0],
    )?;
    // An infinity is of its own channel alone.
    let expected = [0.2689414213699951, f64::NAN, 1.4621171572600098, f64::NAN];
    run::<f32>(
        device,
        "dice",
        &[2, 2],
        &[1.0, inf, 2.0, 3.0],
        None,
        &expected,
    )?;
    // The variance is 0 in f32.
    run::<f32>(
        device,
        "dice",
        &[2, 1],
        &[small, 3.0 * small],
        None,
        &[0.5 * small, 1.5 * small],
    )?;
    // 0 times infinity.
    run::<f32>(
        device,
        "relu",
        &[2],
        &[-1.0, 1.0],
        Some(&[inf, inf]),
        &[0.0, inf],
    )
}

/// Whether the chain gives y of x, or dx where there is an upstream gradient: within 1 ULP in f16, and 4 in f32.
fn run<T: Element>(
    device: &Device,
    text: &str,
    shape: &[usize],
    x: &[f64],
    upstream: Option<&[f64]>,
    expected: &[f64],
) -> Result<(), Failed> {
    let narrow = |x: &[f64]| -> Vec<T> { x.iter().map(|&x| T::from_f64(x)).collect() };
    let (chain, x, upstream): (Chain, _, _) = (text.parse()?, narrow(x), upstream.map(narrow));
    let mut by_cpu = vec![T::from_f64(0.0); expected.len()];
    let (cpu, a) = (Cpu::new(), device.gpu.upload(&x, shape)?);
    let found: Vec<T> = match &upstream {
        None => {
            cpu.forward(&chain, shape, &x, &mut by_cpu)?;
            chain.forward(&a)?.download()?
        }
        Some(upstream) => {
            cpu.backward(&chain, shape, &x, upstream, &mut by_cpu)?;
            let upstream = device.gpu.upload(upstream, shape)?;
            chain.backward(&a, &upstream)?.dx.download()?
        }
    };
    let most = if T::TYPE.size() == 2 { 1.0 } else { 4.0 };
    for (name, found) in [(device.gpu.name(), found), ("cpu", by_cpu)] {
        for (found, &expected) in found.into_iter().zip(expected) {
            let ulps = ulp_error(found, expected);
            if ulps.is_nan() || ulps > most {
                let found = found.to_f32();
                return Err(format!("{text} on {name} gave {found:e}, not {expected:e}").into());
            }
        }
    }
    Ok(())
}
