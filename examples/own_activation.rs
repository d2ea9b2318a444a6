//! An activation of your own: its WGSL, its f64 reference, and all else comes with it:
//! `cargo run --release --features check --example own_activation`

#![allow(clippy::print_stdout)]

use std::error::Error;

use wgpu_activations::{
    Activation, Chain, ElementType, Gpu, Math, Offload, Softmax,
    activation::{Definition, Parameter, Range},
    check::{self, Pass, Share, Verifier},
    io::{Shared, Slice},
    offload::{Purpose, Request},
};

/// Where infinity stops: x / (scale + |x|) is 1 there already, and the divisor is one that every GPU can take.
const LARGE: f64 = 1e30;

/// Softsign, x / (scale + |x|): what the shader computes, and what it is held to.
static SOFTSIGN: Definition = Definition {
    title: "Scaled softsign",
    formula: "x / (scale + |x|)",
    parameters: &[Parameter {
        range: Range::Positive,
        ..Parameter::new("scale", 1.0, |x, [scale, ..]| {
            let x = x.clamp(-LARGE, LARGE);
            -x / (scale + x.abs()).powi(2)
        })
    }],
    ..Definition::new(
        "scaled-softsign",
        "fn bounded(x: Real) -> Real { return clamp(x, Real(-1e30), Real(1e30)); }
         fn value(x: Real, scale: Real) -> Real {
             let c = bounded(x);
             return c / (scale + abs(c));
         }
         fn backward(x: Real, upstream: Real, scale: Real) -> Real {
             let d = scale + abs(bounded(x));
             return scale / d / d * upstream;
         }
         fn parameter_backward(x: Real, upstream: Real, scale: Real) -> Real {
             let c = bounded(x);
             let d = scale + abs(c);
             return -c / d / d * upstream;
         }",
        |x, [scale, ..]| softsign(x, scale),
        |x, [scale, ..]| scale / (scale + x.abs()).powi(2),
    )
};

/// Another function of the same name: what tells activations apart is their WGSL, too.
static TWICE: Definition = Definition::new(
    "scaled-softsign",
    "fn bounded(x: Real) -> Real { return clamp(x, Real(-1e30), Real(1e30)); }
     fn value(x: Real) -> Real {
         let c = bounded(x);
         return 2.0 * c / (1.0 + abs(c));
     }
     fn backward(x: Real, upstream: Real) -> Real {
         let d = 1.0 + abs(bounded(x));
         return 2.0 / d / d * upstream;
     }",
    |x, _| 2.0 * softsign(x, 1.0),
    |x, _| 2.0 / (1.0 + x.abs()).powi(2),
);

fn softsign(x: f64, scale: f64) -> f64 {
    let x = x.clamp(-LARGE, LARGE);
    x / (scale + x.abs())
}

const ROWS: usize = 512;
const COLUMNS: usize = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let gpu = Gpu::new()?;
    let mine = Activation::new(&SOFTSIGN).with(0.5)?;
    let host: Vec<f32> = (0..ROWS * COLUMNS)
        .map(|index| (index % 2001) as f32 / 200.0 - 5.0)
        .collect();
    let x: Vec<f64> = host.iter().map(|&x| f64::from(x)).collect();
    let tensor = gpu.upload(&host, [ROWS, COLUMNS])?;

    // On tensors. The upstream gradient is x.
    let y = mine.forward(&tensor)?.download()?;
    expect(&y, x.iter().map(|&x| softsign(x, 0.5)))?;
    let dx = mine.backward(&tensor, &tensor)?.download()?;
    let slope = |x: f64| 0.5 / (0.5 + x.abs()).powi(2);
    expect(&dx, x.iter().map(|&x| x * slope(x)))?;
    println!("{mine} forward and backward");

    // In a chain.
    let chain = Chain::from(mine).then(Softmax::new(-1));
    let y = chain.forward(&tensor)?.download()?;
    expect(&y, x.chunks(COLUMNS).flat_map(softmax_of_softsign))?;
    println!("{chain}");

    // Streamed from the host, while each chunk is held against the reference.
    let mut streamed = vec![0.0f32; host.len()];
    let offload = Offload::new(&gpu).memory(1 << 20);
    let prepared = offload.prepare(
        &chain,
        &[ROWS, COLUMNS],
        ElementType::F32,
        Purpose::ForwardObserved,
    )?;
    let layout = prepared.layout().clone();
    let verifier = Verifier::new(&chain, layout, ElementType::F32, Share::All);
    let outcome = prepared.run(&Request {
        observer: Some(&verifier),
        ..Request::new(&Slice(&host), &Shared::new(&mut streamed))
    })?;
    let report = verifier.finish(&outcome.summary.extras, &[])?;
    expect(&streamed, x.chunks(COLUMNS).flat_map(softmax_of_softsign))?;
    println!(
        "{} chunks streamed, {} elements verified",
        outcome.summary.chunks, report.compared
    );

    // Over the inputs that find errors: infinities, NaN, the edges of f32, all f16.
    for element in ElementType::ALL {
        for pass in Pass::ALL {
            let report = check::check(&gpu, &mine, pass, element, Math::Accurate)?;
            println!("{} {}: {report}", element.name(), pass.name());
            if !report.passed() {
                return Err(format!("{mine} is not what it should be").into());
            }
        }
    }

    // Two of one name, side by side in one kernel.
    let twice = Activation::new(&TWICE);
    if mine == twice || Activation::new(&SOFTSIGN) == twice {
        return Err("two functions of one name pass for the same".into());
    }
    let both = Chain::from(mine).then(twice);
    let y = both.forward(&tensor)?.download()?;
    let expected = |&x: &f64| 2.0 * softsign(softsign(x, 0.5), 1.0);
    expect(&y, x.iter().map(expected))?;
    println!("{both}: two of one name, each itself");
    Ok(())
}

/// A row through softsign and softmax, in plain f64.
fn softmax_of_softsign(row: &[f64]) -> Vec<f64> {
    let powers: Vec<f64> = row.iter().map(|&x| softsign(x, 0.5).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

/// Fails unless each number is what it should be, but for roundings.
fn expect(found: &[f32], expected: impl Iterator<Item = f64>) -> Result<(), String> {
    let expected: Vec<f64> = expected.collect();
    if found.len() != expected.len() {
        return Err(format!("{} numbers, not {}", found.len(), expected.len()));
    }
    for (index, (&found, &expected)) in found.iter().zip(&expected).enumerate() {
        // Written so that NaN fails.
        let fits = (f64::from(found) - expected).abs() <= 1e-5 * (1e-6 + expected.abs());
        if !fits {
            return Err(format!("element {index} is {found}, expected {expected}"));
        }
    }
    Ok(())
}
