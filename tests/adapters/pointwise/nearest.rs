//! f16 and bf16: the nearest number to the value in f64, for every input.

use libtest_mimic::Failed;
use wgpu_activations::{
    Activation, Element, ElementType, Pointwise,
    accuracy::{ulp, ulp_error},
};

use super::Device;

/// How near the middle of two numbers a value may lie and be rounded to either, as a share of their distance: an f32's
/// own place is half of that, in f16. Hard swish is rounded three times.
fn near(activation: Activation) -> f64 {
    let places = if activation == Activation::HARD_SWISH {
        1.5
    } else {
        1.0
    };
    places / 8192.0
}

/// Inputs of the 65,536 whose result may be the other neighbour, as docs/accuracy.md has them.
fn others(activation: Activation, element: ElementType) -> usize {
    match (activation.name(), element) {
        ("dynamic-tanh", ElementType::F16) => 8,
        ("squareplus" | "quick-gelu", ElementType::F16) => 1,
        // A sixth of an input with few digits is often near the middle.
        ("hard-sigmoid", ElementType::Bf16) => 22,
        ("hard-swish", ElementType::Bf16) => 44,
        (
            "sigmoid" | "hard-swish" | "log-sigmoid" | "gelu-tanh" | "softplus" | "tanhshrink",
            ElementType::F16,
        ) => 2,
        ("leaky-relu" | "exponential", ElementType::Bf16) => 2,
        ("snake" | "snake-beta", ElementType::Bf16) => 3,
        (
            "sigmoid" | "log-sigmoid" | "softplus" | "swish" | "quick-gelu" | "acon-c",
            ElementType::Bf16,
        ) => 1,
        _ => 0,
    }
}

/// Whether a value lies in the middle of two numbers of the type, or near it.
fn is_tie<T: Element>(value: f64, near: f64) -> bool {
    let unit = ulp(value, T::TYPE);
    let part = (value / unit).rem_euclid(1.0);
    (part - 0.5).abs() <= near
}

pub(super) fn nearest<T: Element>(device: &Device, activation: Activation) -> Result<(), Failed> {
    let x: Vec<T> = (0..=u16::MAX)
        .map(|bits| match T::TYPE {
            ElementType::F16 => half::f16::from_bits(bits).to_f64(),
            _ => half::bf16::from_bits(bits).to_f64(),
        })
        .map(T::from_f64)
        .collect();
    let y = device.gpu.upload(&x, [x.len()])?;
    let y: Vec<T> = Pointwise::new(activation).forward(&y)?.download()?;
    let mut other = 0;
    for (&x, &y) in x.iter().zip(&y) {
        let expected = activation.value(f64::from(x.to_f32()));
        let nearest = T::from_f64(expected);
        // Adapters may flush what is subnormal in f32.
        let flushed = x.to_f32().is_subnormal() || ulp_error(y, expected) == 0.0;
        if y.to_f32() == nearest.to_f32() || nearest.to_f32().is_nan() || flushed {
            continue;
        }
        other += 1;
        if !is_tie::<T>(expected, near(activation)) {
            let [x, y, nearest] = [x, y, nearest].map(Element::to_f32);
            return Err(format!("f({x:e}) gave {y:e}; {nearest:e} is nearest {expected:e}").into());
        }
    }
    let most = others(activation, T::TYPE);
    if other > most {
        return Err(
            format!("{other} of 65,536 results are not the nearest, and {most} may be").into(),
        );
    }
    Ok(())
}
