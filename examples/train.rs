//! A network learns handwritten digits, once with each of five hidden layers; activations, forward and
//! backward, and the gradients of what they learn run on the GPU:
//! `cargo run --release --example train -- loss.svg`
//!
//! The argument says where to draw the loss. Matrix products are plain loops on the host: they are a
//! framework's business, and not what this crate does.

#![allow(clippy::print_stdout)]

use std::{env, error::Error, fmt::Write, fs, time::Instant};

use wgpu_activations::{
    Activation, Dice, Gpu, Initializer, Maxout, Pointwise, Result, Softmax, Tensor,
    family::maxout::reference::Layout, io::npy::Array,
};

const PIXELS: usize = 64;
const HIDDEN: usize = 64;
const CLASSES: usize = 10;
const PIECES: usize = 4;

const EPOCHS: usize = 15;
const BATCH: usize = 64;
const RATE: f32 = 0.2;

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let gpu = Gpu::new()?;
    println!("learning digits on {}", gpu.name());
    let (train, test) = Digits::load()?;

    let learned = |activation: Activation| -> Result<_> {
        let initial = activation.parameters()[0];
        let parameters = gpu.upload(&[initial; HIDDEN], [HIDDEN])?;
        Ok(Hidden::Learned(activation, parameters))
    };
    let maxout = Maxout::new(PIECES, Layout::Adjacent, -1);
    let layers = [
        ("ReLU", Hidden::Fixed(Activation::RELU)),
        ("PReLU", learned(Activation::PRELU)?),
        ("Swish", learned(Activation::SWISH)?),
        ("Dice", Hidden::Dice(Box::new(Dice::new(&gpu, HIDDEN)?))),
        ("Maxout", Hidden::Maxout(maxout)),
    ];

    println!("hidden   first loss   last loss   test accuracy      ms   learned from, mean, to");
    let mut curves = Vec::new();
    for (name, hidden) in layers {
        let before = hidden.parameters()?;
        let start = Instant::now();
        let mut network = Network::new(&gpu, hidden)?;
        let mut losses = Vec::new();
        for _ in 0..EPOCHS {
            losses.push(network.epoch(&train)?);
        }
        let milliseconds = start.elapsed().as_millis();
        let accuracy = network.accuracy(&test)?;
        let after = network.hidden.parameters()?;

        let (first, last) = (losses[0], losses[EPOCHS - 1]);
        print!("{name:<7} {first:>11.3} {last:>11.3} {accuracy:>13.1} % {milliseconds:>7}");
        if !after.is_empty() {
            let least = after.iter().copied().fold(f32::INFINITY, f32::min);
            let most = after.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let mean = after.iter().sum::<f32>() / after.len() as f32;
            print!("   {least:>12.3} {mean:>5.3} {most:>4.3}");
        }
        println!();

        if accuracy < 90.0 {
            return Err(format!("{name}: {accuracy:.1} % of the test images, below 90 %").into());
        }
        if last > first / 5.0 {
            return Err(format!("{name}: the loss fell from {first} to {last} only").into());
        }
        let moved = |(before, after): (&f32, &f32)| (before - after).abs() > 0.01;
        if !before.is_empty() && !before.iter().zip(&after).any(moved) {
            return Err(format!("{name}: its parameters have not moved").into());
        }
        curves.push((name, losses));
    }

    if let Some(path) = env::args_os().nth(1) {
        fs::write(&path, picture(&curves)?)?;
        println!("the losses are drawn in {}", path.display());
    }
    Ok(())
}

/// What stands between the two matrices.
enum Hidden {
    /// An activation as it is.
    Fixed(Activation),
    /// One with a parameter that each channel learns.
    Learned(Activation, Tensor),
    Dice(Box<Dice>),
    /// Takes the largest of `PIECES` channels.
    Maxout(Maxout),
}

impl Hidden {
    /// Channels before the activation; `HIDDEN` are behind it.
    fn width(&self) -> usize {
        match self {
            Self::Maxout(maxout) => HIDDEN * maxout.pieces(),
            _ => HIDDEN,
        }
    }

    /// One step of learning: dx, where `rest` turns y into the gradient of the loss with respect to it.
    fn train(&self, x: &Tensor, rest: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
        match self {
            Self::Fixed(activation) => {
                let upstream = rest(&activation.forward(x)?)?;
                activation.backward(x, &upstream)
            }
            Self::Learned(activation, parameters) => {
                let activation = Pointwise::new(*activation).per_channel(parameters, -1)?;
                let upstream = rest(&activation.forward(x)?)?;
                let gradients = activation.gradients(x, &upstream)?;
                descend(parameters, &gradients.parameters[0])?;
                Ok(gradients.dx)
            }
            Self::Dice(dice) => {
                let (y, batch) = dice.train(x)?;
                let gradients = dice.backward(x, &rest(&y)?, &batch)?;
                descend(dice.alpha(), &gradients.alpha)?;
                Ok(gradients.dx)
            }
            Self::Maxout(maxout) => {
                let (y, winners) = maxout.forward(x)?;
                maxout.backward(&winners, &rest(&y)?)
            }
        }
    }

    /// y once all is learned: Dice uses the running statistics in place of the batch's.
    fn infer(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Fixed(activation) => activation.forward(x),
            Self::Learned(activation, parameters) => Pointwise::new(*activation)
                .per_channel(parameters, -1)?
                .forward(x),
            Self::Dice(dice) => dice.infer(x),
            Self::Maxout(maxout) => Ok(maxout.forward(x)?.0),
        }
    }

    /// What it learns: one value per channel, or nothing.
    fn parameters(&self) -> Result<Vec<f32>> {
        match self {
            Self::Learned(_, parameters) => parameters.download(),
            Self::Dice(dice) => dice.alpha().download(),
            _ => Ok(Vec::new()),
        }
    }
}

/// A step of gradient descent.
fn descend(parameters: &Tensor, gradient: &Tensor) -> Result<()> {
    let mut values: Vec<f32> = parameters.download()?;
    add_scaled(&mut values, -RATE, &gradient.download::<f32>()?);
    parameters.write(&values)
}

/// Pixels to hidden layer to classes.
struct Network<'a> {
    gpu: &'a Gpu,
    first: Linear,
    hidden: Hidden,
    second: Linear,
}

impl<'a> Network<'a> {
    fn new(gpu: &'a Gpu, hidden: Hidden) -> Result<Self> {
        Ok(Self {
            gpu,
            first: Linear::new(PIXELS, hidden.width(), 1)?,
            hidden,
            second: Linear::new(HIDDEN, CLASSES, 2)?,
        })
    }

    /// Learns from all images once; the mean loss on the way.
    fn epoch(&mut self, digits: &Digits) -> Result<f32> {
        let batches = digits.images.chunks(BATCH * PIXELS);
        let mut loss = 0.0;
        for (images, labels) in batches.zip(digits.labels.chunks(BATCH)) {
            loss += self.step(images, labels)?;
        }
        Ok(loss / digits.labels.len() as f32)
    }

    /// Learns from one batch; the sum of its losses.
    fn step(&mut self, images: &[f32], labels: &[usize]) -> Result<f32> {
        let (gpu, rows) = (self.gpu, labels.len());
        let mut loss = 0.0;
        let x = gpu.upload(&self.first.forward(images), [rows, self.hidden.width()])?;
        let dx = self.hidden.train(&x, |y| {
            let y: Vec<f32> = y.download()?;
            let scores = gpu.upload(&self.second.forward(&y), [rows, CLASSES])?;

            // The cross-entropy is -log softmax at the label, so that its gradient is -1 there.
            let softmax = Softmax::log(-1);
            let logarithms = softmax.forward(&scores)?;
            let known: Vec<f32> = logarithms.download()?;
            let mut upstream = vec![0.0f32; known.len()];
            for (row, label) in labels.iter().enumerate() {
                loss -= known[row * CLASSES + label];
                upstream[row * CLASSES + label] = -1.0 / rows as f32;
            }
            let upstream = gpu.upload(&upstream, [rows, CLASSES])?;
            let upstream = softmax.backward(&scores, &upstream)?.download()?;
            gpu.upload(&self.second.backward(&y, &upstream), [rows, HIDDEN])
        })?;
        self.first.backward(images, &dx.download()?);
        Ok(loss)
    }

    /// Percentage of images that get the highest score for their label.
    fn accuracy(&self, digits: &Digits) -> Result<f32> {
        let rows = digits.labels.len();
        let x = self.first.forward(&digits.images);
        let x = self.gpu.upload(&x, [rows, self.hidden.width()])?;
        let scores = self.second.forward(&self.hidden.infer(&x)?.download()?);
        let right = |(scores, label): &(&[f32], &usize)| {
            let mut others = scores
                .iter()
                .enumerate()
                .filter(|(class, _)| class != *label);
            others.all(|(_, score)| *score < scores[**label])
        };
        let right = scores.chunks(CLASSES).zip(&digits.labels).filter(right);
        Ok(100.0 * right.count() as f32 / rows as f32)
    }
}

/// y = x W + b.
struct Linear {
    /// [inputs, outputs]
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Linear {
    fn new(inputs: usize, outputs: usize, seed: u64) -> Result<Self> {
        let initializer = Initializer::LecunNormal { fan_in: inputs };
        Ok(Self {
            weight: initializer.values(inputs * outputs, seed)?,
            bias: vec![0.0; outputs],
        })
    }

    fn forward(&self, x: &[f32]) -> Vec<f32> {
        let outputs = self.bias.len();
        let mut y = Vec::new();
        for x in x.chunks(self.weight.len() / outputs) {
            let start = y.len();
            y.extend_from_slice(&self.bias);
            for (x, weights) in x.iter().zip(self.weight.chunks(outputs)) {
                add_scaled(&mut y[start..], *x, weights);
            }
        }
        y
    }

    /// dx = upstream W^T; weights and bias take a step of gradient descent.
    fn backward(&mut self, x: &[f32], upstream: &[f32]) -> Vec<f32> {
        let outputs = self.bias.len();
        let mut dx = Vec::with_capacity(x.len());
        for upstream in upstream.chunks(outputs) {
            let dot = |weights: &[f32]| {
                weights
                    .iter()
                    .zip(upstream)
                    .map(|(w, u)| w * u)
                    .sum::<f32>()
            };
            dx.extend(self.weight.chunks(outputs).map(dot));
        }
        let rows = x.chunks(self.weight.len() / outputs);
        for (x, upstream) in rows.zip(upstream.chunks(outputs)) {
            for (x, weights) in x.iter().zip(self.weight.chunks_mut(outputs)) {
                add_scaled(weights, -RATE * x, upstream);
            }
            add_scaled(&mut self.bias, -RATE, upstream);
        }
        dx
    }
}

/// sum += scale values
fn add_scaled(sum: &mut [f32], scale: f32, values: &[f32]) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += scale * value;
    }
}

/// Images of `PIXELS` from 0 to 1, one after the other, and the digit that each shows.
#[derive(Default)]
struct Digits {
    images: Vec<f32>,
    labels: Vec<usize>,
}

impl Digits {
    /// Those to learn from and, every fifth, those to test with.
    fn load() -> std::result::Result<(Self, Self), Box<dyn Error>> {
        let images = numbers(include_bytes!("data/digits-images.npy"))?;
        let labels = numbers(include_bytes!("data/digits-labels.npy"))?;
        let (mut train, mut test) = (Self::default(), Self::default());
        for (index, (image, label)) in images.chunks(PIXELS).zip(labels).enumerate() {
            let part = if index % 5 == 4 {
                &mut test
            } else {
                &mut train
            };
            part.images.extend(image.iter().map(|pixel| pixel / 16.0));
            part.labels.push(label as usize);
        }
        Ok((train, test))
    }
}

/// The numbers of an .npy file.
fn numbers(mut file: &[u8]) -> std::io::Result<Vec<f32>> {
    Ok(Array::read_from(&mut file)?.values.into_f32())
}

/// The losses over the epochs, on a logarithmic scale, as SVG.
fn picture(curves: &[(&str, Vec<f32>)]) -> std::result::Result<String, std::fmt::Error> {
    // Colours that colour-blind readers tell apart: Okabe and Ito, "Color Universal Design" (2008).
    const COLOURS: [&str; 5] = ["#000000", "#e69f00", "#0072b2", "#009e73", "#cc79a7"];
    const TICKS: [f32; 8] = [5.0, 2.0, 1.0, 0.5, 0.2, 0.1, 0.05, 0.02];
    let x = |epoch: usize| 60.0 + 480.0 * (epoch - 1) as f32 / (EPOCHS - 1) as f32;
    let losses = || curves.iter().flat_map(|(_, losses)| losses.iter().copied());
    let most = losses().fold(0.0, f32::max) * 1.2;
    let least = losses().fold(f32::INFINITY, f32::min) / 1.2;
    let y = |loss: f32| 30.0 + 320.0 * (most / loss).ln() / (most / least).ln();

    let mut svg = String::from(concat!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 400" font-family="sans-serif" font-size="13">"#,
        r##"<rect width="640" height="400" fill="#ffffff"/>"##,
    ));
    let inside = |tick: &f32| (least..most).contains(tick);
    for loss in TICKS.into_iter().filter(inside) {
        let y = y(loss);
        write!(
            svg,
            r##"<path d="M60 {y}H540" stroke="#dddddd"/><text x="52" y="{}" text-anchor="end">{loss}</text>"##,
            y + 4.0
        )?;
    }
    for epoch in (1..=EPOCHS).step_by(2) {
        let x = x(epoch);
        write!(
            svg,
            r##"<path d="M{x} 350v5" stroke="#000000"/><text x="{x}" y="370" text-anchor="middle">{epoch}</text>"##
        )?;
    }
    svg += r##"<path d="M60 30V350H540" fill="none" stroke="#000000"/>"##;
    svg += r#"<text x="300" y="392" text-anchor="middle">epoch</text>"#;
    svg += r#"<text x="60" y="18" text-anchor="middle">loss</text>"#;
    for (index, ((name, losses), colour)) in curves.iter().zip(COLOURS).enumerate() {
        let points = losses.iter().enumerate();
        let points = points.map(|(epoch, loss)| format!("{},{} ", x(epoch + 1), y(*loss)));
        let points: String = points.collect();
        let y = 40 + 20 * index;
        write!(
            svg,
            r#"<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/><path d="M556 {y}h20" stroke="{colour}" stroke-width="3"/><text x="582" y="{}">{name}</text>"#,
            y + 4
        )?;
    }
    Ok(svg + "</svg>\n")
}
