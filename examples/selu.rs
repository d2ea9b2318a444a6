//! SELU keeps mean 0 and variance 1 through fifty layers where their weights are LeCun normal, with
//! alpha dropout too, and other pairs do not: `cargo run --release --example selu`
//!
//! The claim is that of Klambauer et al., "Self-Normalizing Neural Networks" (2017).

#![allow(clippy::print_stdout)]

use std::error::Error;

use wgpu_activations::{Activation, AlphaDropout, Gpu, Initializer};

const LAYERS: usize = 50;
const WIDTH: usize = 256;
const BATCH: usize = 256;

/// A stack of layers, all of one kind.
struct Stack {
    name: &'static str,
    activation: Activation,
    /// What the weights, of variance 1 / `WIDTH`, are multiplied by.
    scale: f32,
    dropout: Option<f32>,
    /// Whether mean 0 and variance 1 stay, as is claimed.
    keeps: bool,
    /// What comes out of the last layer, [`BATCH`, `WIDTH`].
    values: Vec<f32>,
    /// Mean and variance of that.
    moments: (f64, f64),
}

fn main() -> Result<(), Box<dyn Error>> {
    let gpu = Gpu::new()?;
    println!(
        "mean and variance through {LAYERS} layers on {}",
        gpu.name()
    );

    // Each begins with numbers of mean 0 and variance 1.
    let standard = Initializer::XavierNormal {
        fan_in: 1,
        fan_out: 1,
    };
    let input: Vec<f32> = standard.values(BATCH * WIDTH, 0)?;
    let stack = |name, activation, scale, dropout, keeps| Stack {
        name,
        activation,
        scale,
        dropout,
        keeps,
        values: input.clone(),
        moments: (0.0, 1.0),
    };
    // He normal has twice the variance of LeCun normal.
    let he = 2.0f32.sqrt();
    let mut stacks = [
        stack("SELU, LeCun", Activation::SELU, 1.0, None, true),
        stack("with dropout", Activation::SELU, 1.0, Some(0.1), true),
        stack("SELU, He", Activation::SELU, he, None, false),
        stack("ReLU, LeCun", Activation::RELU, 1.0, None, false),
        stack("tanh, LeCun", Activation::TANH, 1.0, None, false),
    ];

    let names: String = stacks
        .iter()
        .map(|stack| format!(" {:>18}", stack.name))
        .collect();
    println!("     {names}");
    println!("layer{}", "     mean  variance".repeat(stacks.len()));
    for layer in 1..=LAYERS {
        let lecun = Initializer::LecunNormal { fan_in: WIDTH };
        let weights: Vec<f32> = lecun.values(WIDTH * WIDTH, layer as u64)?;
        for stack in &mut stacks {
            stack.pass(&gpu, &weights, layer as u64)?;
        }
        if layer == 1 || layer % 10 == 0 {
            print!("{layer:>5}");
            for stack in &stacks {
                let (mean, variance) = stack.moments;
                print!(" {:>8} {:>9}", short(mean), short(variance));
            }
            println!();
        }
    }

    for stack in &stacks {
        let (mean, variance) = stack.moments;
        let kept = mean.abs() < 0.1 && (0.8..1.25).contains(&variance);
        if kept != stack.keeps {
            let name = stack.name;
            return Err(format!("{name}: mean {mean} and variance {variance} at the end").into());
        }
    }
    Ok(())
}

/// In as few digits as tell enough.
fn short(number: f64) -> String {
    match number.abs() {
        0.001..1e4 => format!("{number:.3}"),
        _ => format!("{number:.0e}"),
    }
}

impl Stack {
    /// One more layer. The matrix product is a plain loop on the host.
    fn pass(&mut self, gpu: &Gpu, weights: &[f32], layer: u64) -> wgpu_activations::Result<()> {
        let mut product = vec![0.0f32; BATCH * WIDTH];
        for (sums, values) in product.chunks_mut(WIDTH).zip(self.values.chunks(WIDTH)) {
            for (value, weights) in values.iter().zip(weights.chunks(WIDTH)) {
                let value = self.scale * value;
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum += value * weight;
                }
            }
        }

        // As one channel, so that the moments are those of all values together.
        let x = gpu.upload(&product, [BATCH * WIDTH, 1])?;
        let mut y = self.activation.forward(&x)?;
        if let Some(p) = self.dropout {
            // A seed of its own for each layer.
            y = AlphaDropout::new(p, layer)?.forward(&y)?;
        }
        let moments = y.moments(-1)?.download()?;
        self.moments = (moments.mean()[0], moments.variance()[0]);
        y.download_into(&mut self.values)
    }
}
