//! Units of ReLU die as the learning rate grows; those of leaky ReLU and PReLU fall silent but keep a
//! gradient: `cargo run --release --example dead_relu`
//!
//! Each row is a network with one hidden layer that has learned handwritten digits, its hidden weights at
//! some rate and all else at 0.1. A unit is silent if its output is positive for no image, and dead if its
//! slope is 0 for all of them. Matrix products are plain loops on the host.

#![allow(clippy::print_stdout)]

use std::error::Error;

use wgpu_activations::{
    Activation, Gpu, Initializer, Pointwise, Result, Softmax, Tensor, io::npy::Array,
};

const PIXELS: usize = 64;
/// The pixels and a constant 1, whose weights are the biases.
const INPUTS: usize = PIXELS + 1;
const HIDDEN: usize = 64;
const CLASSES: usize = 10;

const EPOCHS: usize = 4;
const BATCH: usize = 64;
/// Rates of the hidden weights, and that of all else.
const RATES: [f32; 5] = [0.1, 1.0, 2.0, 3.0, 5.0];
const RATE: f32 = 0.1;

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let gpu = Gpu::new()?;
    println!("learning digits at growing rates on {}", gpu.name());
    let mut images = Vec::new();
    for image in numbers(include_bytes!("data/digits-images.npy"))?.chunks(PIXELS) {
        images.extend(image.iter().map(|pixel| pixel / 16.0));
        images.push(1.0);
    }
    let labels = numbers(include_bytes!("data/digits-labels.npy"))?;
    let labels: Vec<usize> = labels.into_iter().map(|label| label as usize).collect();

    println!("activation  rate   silent     dead    right");
    for activation in [Activation::RELU, Activation::LEAKY_RELU, Activation::PRELU] {
        let mut dead = Vec::new();
        for rate in RATES {
            let mut network = Network::new(&gpu, activation, rate)?;
            for _ in 0..EPOCHS {
                let batches = images.chunks(BATCH * INPUTS);
                for (images, labels) in batches.zip(labels.chunks(BATCH)) {
                    network.step(images, labels)?;
                }
            }
            let shares = network.shares(&images, &labels)?;
            let [silent, none, right] = shares.map(|share| 100.0 * share);
            let name = activation.name();
            println!("{name:<10} {rate:>5.1} {silent:>6.1} % {none:>6.1} % {right:>6.1} %");
            if right < 75.0 {
                return Err(format!("{name} at {rate}: {right:.1} % right, below 75 %").into());
            }
            dead.push(none);
        }
        let as_claimed = match activation.name() {
            "relu" => dead[RATES.len() - 1] > dead[0] + 25.0,
            _ => dead.iter().all(|share| *share == 0.0),
        };
        if !as_claimed {
            return Err(format!("{activation}: {dead:?} % of the units are dead").into());
        }
    }
    Ok(())
}

/// Inputs to hidden layer to classes.
struct Network<'a> {
    gpu: &'a Gpu,
    activation: Activation,
    /// What the activation learns: one parameter per channel.
    parameters: Option<Tensor>,
    /// [INPUTS, HIDDEN]
    first: Vec<f32>,
    /// [HIDDEN, CLASSES]
    second: Vec<f32>,
    /// At which `first` learns.
    rate: f32,
}

impl<'a> Network<'a> {
    fn new(gpu: &'a Gpu, activation: Activation, rate: f32) -> Result<Self> {
        let weights = |inputs, outputs, seed| {
            Initializer::LecunNormal { fan_in: inputs }.values(inputs * outputs, seed)
        };
        let parameters = match activation.parameters() {
            [alpha] if activation == Activation::PRELU => {
                Some(gpu.upload(&[*alpha; HIDDEN], [HIDDEN])?)
            }
            _ => None,
        };
        Ok(Self {
            gpu,
            activation,
            parameters,
            first: weights(INPUTS, HIDDEN, 1)?,
            second: weights(HIDDEN, CLASSES, 2)?,
            rate,
        })
    }

    fn pointwise(&self) -> Result<Pointwise> {
        let pointwise = Pointwise::new(self.activation);
        match &self.parameters {
            Some(parameters) => pointwise.per_channel(parameters, -1),
            None => Ok(pointwise),
        }
    }

    /// The hidden layer before its activation.
    fn hidden(&self, images: &[f32]) -> Result<Tensor> {
        let x = product(images, &self.first, HIDDEN);
        self.gpu.upload(&x, [x.len() / HIDDEN, HIDDEN])
    }

    /// Probabilities of the classes.
    fn classes(&self, y: &[f32]) -> Result<Vec<f32>> {
        let scores = product(y, &self.second, CLASSES);
        let scores = self
            .gpu
            .upload(&scores, [scores.len() / CLASSES, CLASSES])?;
        Softmax::new(-1).forward(&scores)?.download()
    }

    /// Learns from one batch.
    fn step(&mut self, images: &[f32], labels: &[usize]) -> Result<()> {
        let x = self.hidden(images)?;
        let y: Vec<f32> = self.pointwise()?.forward(&x)?.download()?;
        // The gradient of the mean cross-entropy with respect to the scores.
        let mut upstream = self.classes(&y)?;
        for (upstream, label) in upstream.chunks_mut(CLASSES).zip(labels) {
            upstream[*label] -= 1.0;
            upstream
                .iter_mut()
                .for_each(|value| *value /= labels.len() as f32);
        }
        let dy = product_transposed(&upstream, &self.second, CLASSES);
        descend(&mut self.second, &y, &upstream, CLASSES, RATE);

        let dy = self.gpu.upload(&dy, x.shape())?;
        let dx = match &self.parameters {
            None => self.pointwise()?.backward(&x, &dy)?,
            Some(parameters) => {
                let gradients = self.pointwise()?.gradients(&x, &dy)?;
                let mut alphas: Vec<f32> = parameters.download()?;
                add_scaled(
                    &mut alphas,
                    -RATE,
                    &gradients.parameters[0].download::<f32>()?,
                );
                parameters.write(&alphas)?;
                gradients.dx
            }
        };
        descend(
            &mut self.first,
            images,
            &dx.download::<f32>()?,
            HIDDEN,
            self.rate,
        );
        Ok(())
    }

    /// The shares of units that are silent and that are dead, and of images that are told right.
    fn shares(&self, images: &[f32], labels: &[usize]) -> Result<[f32; 3]> {
        let x = self.hidden(images)?;
        let y: Vec<f32> = self.pointwise()?.forward(&x)?.download()?;
        let ones = self.gpu.upload(&vec![1.0f32; x.len()], x.shape())?;
        let slopes: Vec<f32> = self.pointwise()?.backward(&x, &ones)?.download()?;
        let classes = self.classes(&y)?;
        let right = |(row, label): &(&[f32], &usize)| {
            let mut others = row.iter().enumerate().filter(|(class, _)| class != *label);
            others.all(|(_, value)| *value < row[**label])
        };
        let right = classes.chunks(CLASSES).zip(labels).filter(right);
        Ok([
            share(&y, |y| *y <= 0.0),
            share(&slopes, |slope| *slope == 0.0),
            right.count() as f32 / labels.len() as f32,
        ])
    }
}

/// Share of the units for which it holds in every row.
fn share(values: &[f32], holds: fn(&f32) -> bool) -> f32 {
    let all = |unit: &usize| values.iter().skip(*unit).step_by(HIDDEN).all(holds);
    (0..HIDDEN).filter(all).count() as f32 / HIDDEN as f32
}

/// x W, of so many columns.
fn product(x: &[f32], weights: &[f32], columns: usize) -> Vec<f32> {
    let mut y = Vec::new();
    for x in x.chunks(weights.len() / columns) {
        let start = y.len();
        y.resize(start + columns, 0.0);
        for (x, weights) in x.iter().zip(weights.chunks(columns)) {
            add_scaled(&mut y[start..], *x, weights);
        }
    }
    y
}

/// upstream W^T.
fn product_transposed(upstream: &[f32], weights: &[f32], columns: usize) -> Vec<f32> {
    let mut dx = Vec::new();
    for upstream in upstream.chunks(columns) {
        let dot = |weights: &[f32]| {
            weights
                .iter()
                .zip(upstream)
                .map(|(w, u)| w * u)
                .sum::<f32>()
        };
        dx.extend(weights.chunks(columns).map(dot));
    }
    dx
}

/// W -= rate x^T upstream.
fn descend(weights: &mut [f32], x: &[f32], upstream: &[f32], columns: usize, rate: f32) {
    let rows = x.chunks(weights.len() / columns);
    for (x, upstream) in rows.zip(upstream.chunks(columns)) {
        for (x, weights) in x.iter().zip(weights.chunks_mut(columns)) {
            add_scaled(weights, -rate * x, upstream);
        }
    }
}

/// sum += scale values
fn add_scaled(sum: &mut [f32], scale: f32, values: &[f32]) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += scale * value;
    }
}

/// The numbers of an .npy file.
fn numbers(mut file: &[u8]) -> std::io::Result<Vec<f32>> {
    Ok(Array::read_from(&mut file)?.values.into_f32())
}
