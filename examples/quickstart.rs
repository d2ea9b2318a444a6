//! Forward and backward through an activation, on whatever GPU there is:
//! `cargo run --release --example quickstart`

#![allow(clippy::print_stdout)]

use wgpu_activations::{Activation, Gpu, Result};

fn main() -> Result<()> {
    let gpu = Gpu::new()?;
    println!("on {}", gpu.name());

    let host: Vec<f32> = (-4..=4).map(|step| step as f32 / 2.0).collect();
    let x = gpu.upload(&host, [3, 3])?;
    let y = Activation::GELU.forward(&x)?;

    // The gradient of sum(y^2) / 2 with respect to y is y itself.
    let dx = Activation::GELU.backward(&x, &y)?;

    println!("      x       y      dx");
    for ((x, y), dx) in host
        .iter()
        .zip(y.download::<f32>()?)
        .zip(dx.download::<f32>()?)
    {
        println!("{x:7.3} {y:7.3} {dx:7.3}");
    }
    Ok(())
}
