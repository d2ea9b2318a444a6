//! Over affine maps.

use libtest_mimic::{Failed, Trial};
use wgpu_activations::{
    Activation, Element, ElementType, Gpu, MaxoutAffine, MaxoutGradients, Tensor,
    accuracy::{inputs::words, ulp},
    family::{
        Sum,
        maxout::reference::{Affine, winner},
    },
};

use super::{Device, same_bits, upstream, wide};
use crate::{
    common::{self, Guarded},
    with_element,
};

/// x's outer axes, then d, m and the pieces.
type Case = (&'static [usize], usize, usize, usize);

const SHAPES: [Case; 17] = [
    (&[1], 1, 1, 1),
    (&[], 5, 3, 2),
    (&[7], 3, 5, 2),
    (&[4], 8, 8, 3),
    (&[5], 4, 4, 1),
    (&[2, 3], 16, 12, 5),
    (&[33], 17, 9, 4),
    (&[257], 64, 32, 3),
    (&[3], 345, 7, 2),
    (&[2], 7, 345, 3),
    (&[130], 5, 1, 7),
    (&[6], 4, 4, 300),
    (&[2, 2], 3, 2, 257),
    (&[0], 3, 4, 2),
    (&[4], 0, 3, 2),
    (&[3, 2], 3, 0, 2),
    (&[1757], 6, 4, 2),
];

const FEW_SHAPES: [Case; 6] = [
    (&[7], 3, 5, 2),
    (&[2, 3], 16, 12, 5),
    (&[33], 17, 9, 4),
    (&[2, 2], 3, 2, 257),
    (&[4], 0, 3, 2),
    (&[0], 3, 4, 2),
];

/// What takes several windows of 16 KiB.
const PIECES: [Case; 6] = [
    (&[1000], 24, 12, 2),
    (&[3000], 3, 5, 3),
    (&[700], 33, 7, 2),
    (&[9], 500, 1, 1),
    (&[9], 1, 500, 1),
    (&[500], 4, 2, 100),
];

pub(super) fn trials(device: &Device) -> Vec<Trial> {
    let mut trials = vec![
        device.trial("affine/known", known),
        device.trial("affine/relu", relu),
        device.trial("affine/not-a-number", not_a_number),
    ];
    for element in ElementType::ALL {
        let mut add = |name: &str, test: fn(&Device, ElementType) -> Result<(), Failed>| {
            let name = format!("affine/{}/{name}", element.name());
            trials.push(device.trial(&name, move |device| test(device, element)));
        };
        add("few-shapes", |device, element| {
            with_element!(element, shapes(&device.gpu, &FEW_SHAPES))
        });
        add("guarded", |device, element| {
            with_element!(element, guarded(&device.gpu))
        });
        if device.trusted() {
            add("shapes", |device, element| {
                with_element!(element, shapes(&device.gpu, &SHAPES))
            });
        }
        if device.trusted() && common::SIZES.contains(&element) {
            add("pieces", |device, element| {
                with_element!(element, pieces(device))
            });
        }
    }
    if device.trusted() {
        trials.push(device.trial("affine/long-sums", long_sums));
    }
    trials
}

fn numbers<T: Element>(seed: u64, len: usize) -> Vec<T> {
    words(seed)
        .take(len)
        .map(|word| T::from_f64(f64::from(word as i32) / f64::from(1 << 30)))
        .collect()
}

/// Everything on the host.
struct Host<T> {
    shape: Vec<usize>,
    y_shape: Vec<usize>,
    rows: usize,
    x: Vec<T>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    upstream: Vec<T>,
    sizes: [usize; 3],
}

impl<T: Element> Host<T> {
    fn new((outer, d, m, k): Case) -> Self {
        let rows = outer.iter().product();
        Self {
            shape: [outer, &[d]].concat(),
            y_shape: [outer, &[m]].concat(),
            rows,
            x: numbers(1, rows * d),
            weight: numbers(2, k * d * m),
            bias: numbers(3, k * m),
            upstream: upstream(rows * m),
            sizes: [k, d, m],
        }
    }

    /// The reference, on `weight` and `bias` in f64.
    fn reference<'a>(&self, weight: &'a [f64], bias: &'a [f64]) -> Affine<'a> {
        let [pieces, inputs, outputs] = self.sizes;
        Affine {
            weight,
            bias,
            pieces,
            inputs,
            outputs,
        }
    }

    /// Fails unless each y is within 1e-6 of the terms' magnitudes of the largest piece, and so is the
    /// piece that is said to have won.
    fn check(&self, bias: &[f32], y: &[T], winners: &[u32]) -> Result<(), Failed> {
        let (weight, bias) = (wide(&self.weight), wide(bias));
        let reference = self.reference(&weight, &bias);
        let x = wide(&self.x);
        let [k, d, m] = self.sizes;
        if y.len() != self.rows * m || winners.len() != y.len() {
            return Err(format!("lengths {} and {}", y.len(), winners.len()).into());
        }
        for (index, (&y, &won)) in y.iter().zip(winners).enumerate() {
            let row = &x[index / m * d..][..d];
            let pieces = (0..k).map(|piece| reference.sum(row, piece, index % m));
            let pieces: Vec<Sum> = pieces.collect();
            let (most, _) = winner(pieces.iter().map(|sum| sum.value));
            let magnitude = pieces.iter().map(|sum| sum.magnitude);
            let allowed = 1e-6 * magnitude.fold(0.0, f64::max);
            let storage = storage::<T>(most);
            // Written so that NaN fails.
            let fits = (won as usize) < k
                && (f64::from(y.to_f32()) - most).abs() <= allowed + storage
                && most - pieces[won as usize].value <= 2.0 * allowed;
            if !fits {
                let y = y.to_f32();
                return Err(format!("y {index}: {y} of piece {won}, expected {most}").into());
            }
        }
        Ok(())
    }

    fn check_gradients(
        &self,
        winners: &[u32],
        found: (&[T], &[f32], Option<&[f32]>),
    ) -> Result<(), Failed> {
        let (weight, bias) = (wide(&self.weight), wide(&self.bias));
        let reference = self.reference(&weight, &bias);
        let upstream = wide(&self.upstream);
        let expected = reference.backward(&wide(&self.x), winners, &upstream, self.rows);
        let (dx, weight, bias) = found;
        close("dx", dx, &expected.dx)?;
        close("weight", weight, &expected.weight)?;
        bias.map_or(Ok(()), |bias| close("bias", bias, &expected.bias))
    }
}

/// What rounding to the element type may add.
fn storage<T: Element>(expected: f64) -> f64 {
    match T::TYPE {
        ElementType::F32 => 0.0,
        ElementType::F16 | ElementType::Bf16 => ulp(expected, T::TYPE),
    }
}

/// Fails unless each sum is within 1e-6 of the sum of its terms' magnitudes.
fn close<T: Element>(what: &str, found: &[T], expected: &[Sum]) -> Result<(), Failed> {
    if found.len() != expected.len() {
        return Err(format!("{what}: {} of {}", found.len(), expected.len()).into());
    }
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let (expected, magnitude) = (expected.value, expected.magnitude);
        let found = f64::from(found.to_f32());
        let allowed = 1e-6 * magnitude + storage::<T>(expected);
        // Written so that NaN fails.
        let fits = (found - expected).abs() <= allowed;
        if !fits {
            let message = format!("{what} {index}: {found}, expected {expected} within {allowed}");
            return Err(message.into());
        }
    }
    Ok(())
}

/// Weight and bias on the device.
struct Maps(Tensor, Tensor);

impl Maps {
    fn new<T: Element>(gpu: &Gpu, host: &Host<T>) -> Result<Self, Failed> {
        let [k, d, m] = host.sizes;
        Ok(Self(
            gpu.upload(&host.weight, [k, d, m])?,
            gpu.upload(&host.bias, [k, m])?,
        ))
    }
}

fn run<T: Element>(gpu: &Gpu, case: Case) -> Result<(), Failed> {
    let host = Host::<T>::new(case);
    let Maps(weight, bias) = Maps::new(gpu, &host)?;
    let x = gpu.upload(&host.x, host.shape.clone())?;
    let without = MaxoutAffine::new(&weight)?;
    let maxout = without.clone().bias(&bias)?;
    let (y, winners) = without.forward(&x)?;
    let none = vec![0.0; host.bias.len()];
    host.check(&none, &y.download::<T>()?, &winners.download()?)?;

    let (y, winners) = maxout.forward(&x)?;
    if y.shape() != host.y_shape || winners.shape() != host.y_shape {
        return Err(format!("y is {:?}", y.shape()).into());
    }
    let (found, places) = (
        y.download::<T>()?,
        pollster::block_on(winners.download_async())?,
    );
    host.check(&host.bias, &found, &places)?;
    let g = gpu.upload(&host.upstream, host.y_shape.clone())?;
    let gradients = maxout.backward(&x, &winners, &g)?;
    let dx: Vec<T> = gradients.dx.download()?;
    let of_weight: Vec<f32> = gradients.weight.download()?;
    let of_bias: Vec<f32> = gradients.bias.as_ref().unwrap().download()?;
    host.check_gradients(&places, (&dx, &of_weight, Some(&of_bias)))?;
    let shapes = [gradients.dx.shape(), gradients.weight.shape()];
    assert_eq!(shapes, [x.shape(), weight.shape()]);

    let (again, winners) = maxout.forward(&x)?;
    same_bits("a second forward pass", &found, &again.download::<T>()?)?;
    assert_eq!(winners.download()?, places);
    let again = maxout.backward(&x, &winners, &g)?;
    same_bits("dx again", &dx, &again.dx.download::<T>()?)?;
    let again = again.weight.download::<f32>()?;
    same_bits("weight again", &of_weight, &again)
}

fn shapes<T: Element>(gpu: &Gpu, cases: &[Case]) -> Result<(), Failed> {
    for &case in cases {
        run::<T>(gpu, case).map_err(|error| {
            let message = error.message().unwrap_or_default();
            format!("{} {case:?}: {message}", T::TYPE.name())
        })?;
    }
    Ok(())
}

/// Devices whose bindings hold little: few rows, and few partial sums over them.
fn pieces<T: Element>(device: &Device) -> Result<(), Failed> {
    let with = |bytes| device.with_limits(|limits| limits.max_storage_buffer_binding_size = bytes);
    shapes::<T>(&with(16 << 10).gpu, &PIECES)?;
    // Winners of four bytes.
    shapes::<T>(&with(64 << 10).gpu, &[(&[6000], 4, 2, 260)])
}

/// Answers written by hand; small integers are exact.
fn known(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    let weight = gpu.upload(&[1.0f32, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0], [2, 2, 2])?;
    let bias = gpu.upload(&[0.0f32, 0.5, 0.0, 0.0], [2, 2])?;
    let x = gpu.upload(&[1.0f32, 2.0, 4.0, -3.0], [2, 2])?;
    let maxout = MaxoutAffine::new(&weight)?.bias(&bias)?;
    let (y, winners) = maxout.forward(&x)?;
    same_bits("y", &y.download::<f32>()?, &[2.0, 2.5, 4.0, 4.0])?;
    assert_eq!(winners.download()?, [1, 0, 0, 1]);
    let g = gpu.upload(&[1.0f32, 10.0, 100.0, 1000.0], [2, 2])?;
    let gradients = maxout.backward(&x, &winners, &g)?;
    let dx = gradients.dx.download::<f32>()?;
    same_bits("dx", &dx, &[0.0, 11.0, 1100.0, 0.0])?;
    same_bits(
        "weight",
        &gradients.weight.download::<f32>()?,
        &[400.0, 10.0, -300.0, 20.0, 1.0, 4000.0, 2.0, -3000.0],
    )?;
    let bias = gradients.bias.unwrap().download::<f32>()?;
    same_bits("bias", &bias, &[100.0, 10.0, 1.0, 1000.0])?;
    // Equal pieces: the first.
    let ones = gpu.upload(&[1.0f32; 12], [3, 2, 2])?;
    let (_, winners) = MaxoutAffine::new(&ones)?.forward(&x)?;
    assert_eq!(winners.download()?, [0; 4]);
    Ok(())
}

/// One more piece of zeros makes ReLU of an affine map.
fn relu(device: &Device) -> Result<(), Failed> {
    const ROWS: usize = 37;
    let gpu = &device.gpu;
    let (d, m) = (19, 11);
    let mut weight = numbers::<f32>(1, d * m);
    let mut bias = numbers::<f32>(2, m);
    let x = gpu.upload(&numbers::<f32>(3, ROWS * d), [ROWS, d])?;
    let (one_weight, one_bias) = (gpu.upload(&weight, [1, d, m])?, gpu.upload(&bias, [1, m])?);
    let affine = MaxoutAffine::new(&one_weight)?.bias(&one_bias)?;
    let expected = Activation::RELU.forward(&affine.forward(&x)?.0)?;
    weight.resize(2 * d * m, 0.0);
    bias.resize(2 * m, 0.0);
    let (weight, bias) = (gpu.upload(&weight, [2, d, m])?, gpu.upload(&bias, [2, m])?);
    let maxout = MaxoutAffine::new(&weight)?.bias(&bias)?;
    let (y, winners) = maxout.forward(&x)?;
    let y: Vec<f32> = y.download()?;
    same_bits("relu", &y, &expected.download::<f32>()?)?;
    let zeros = y.iter().filter(|y| **y == 0.0).count();
    let second = winners.download()?.iter().filter(|won| **won == 1).count();
    if zeros != second || zeros == 0 || zeros == y.len() {
        return Err(format!("{zeros} zeros, {second} of the second piece").into());
    }
    Ok(())
}

/// NaN spoils its row, where the first piece wins, and nothing else.
fn not_a_number(device: &Device) -> Result<(), Failed> {
    let host = Host::<f32>::new((&[9], 6, 5, 3));
    let Maps(weight, bias) = Maps::new(&device.gpu, &host)?;
    let mut spoilt = host.x.clone();
    spoilt[4 * 6 + 2] = f32::NAN;
    let mut of_bias = host.bias.clone();
    of_bias[2 * 5 + 1] = -f32::NAN; // piece 2, column 1
    bias.write(&of_bias)?;
    let x = device.gpu.upload(&spoilt, [9, 6])?;
    let maxout = MaxoutAffine::new(&weight)?.bias(&bias)?;
    let (y, winners) = maxout.forward(&x)?;
    let (y, places) = (y.download::<f32>()?, winners.download()?);
    if y.len() != 45 || places.len() != 45 {
        return Err(format!("lengths {} and {}", y.len(), places.len()).into());
    }
    for index in 0..45 {
        let (row, column) = (index / 5, index % 5);
        let spoilt = row == 4 || column == 1;
        let piece = if row == 4 {
            Some(0)
        } else {
            (column == 1).then_some(2)
        };
        if y[index].is_nan() != spoilt || piece.is_some_and(|piece| places[index] != piece) {
            return Err(format!("y {index}: {} of piece {}", y[index], places[index]).into());
        }
    }
    Ok(())
}

/// Bytes before and behind the elements stay as they are.
fn guarded<T: Element>(gpu: &Gpu) -> Result<(), Failed> {
    for case in [(&[3][..], 3, 5, 2), (&[5], 4, 8, 3), (&[1], 1, 1, 1)] {
        let host = Host::<T>::new(case);
        let [k, d, m] = host.sizes;
        let x = Guarded::new(gpu, &host.x, &host.shape)?;
        let weight = Guarded::new(gpu, &host.weight, &[k, d, m])?;
        let bias = Guarded::new(gpu, &host.bias, &[k, m])?;
        let y = Guarded::new(gpu, &host.upstream, &host.y_shape)?;
        let maxout = MaxoutAffine::new(&weight.tensor)?.bias(&bias.tensor)?;
        let winners = maxout.forward_into(&x.tensor, &y.tensor)?;
        let places = winners.download()?;
        host.check(&host.bias, &y.download::<T>()?, &places)?;
        let g = Guarded::new(gpu, &host.upstream, &host.y_shape)?;
        let of_x = Guarded::new(gpu, &host.x, &host.shape)?;
        let of_weight = Guarded::new(gpu, &host.weight, &[k, d, m])?;
        let of_bias = Guarded::new(gpu, &host.bias, &[k, m])?;
        let tensor = |of: &Guarded| {
            gpu.tensor_from_wgpu(
                of.tensor.buffer(),
                of.tensor.offset(),
                of.tensor.shape(),
                of.tensor.element(),
            )
        };
        let gradients = MaxoutGradients {
            dx: tensor(&of_x)?,
            weight: tensor(&of_weight)?,
            bias: Some(tensor(&of_bias)?),
        };
        maxout.backward_into(&x.tensor, &winners, &g.tensor, &gradients)?;
        let (dx, of_weight) = (of_x.download::<T>()?, of_weight.download::<f32>()?);
        let of_bias = of_bias.download::<f32>()?;
        host.check_gradients(&places, (&dx, &of_weight, Some(&of_bias)))?;
        same_bits("x", &host.x, &x.download::<T>()?)?;
        same_bits("weight", &host.weight, &weight.download::<f32>()?)?;
        same_bits("bias", &host.bias, &bias.download::<f32>()?)?;
    }
    Ok(())
}

/// Sums whose terms are all alike, where roundings add up: over many inputs, and over many rows.
fn long_sums(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    let (rows, d) = (40_000, 9000);
    let weight = gpu.upload(&vec![0.7f32; d], [1, d, 1])?;
    let x = gpu.upload(&vec![1.1f32; d], [1, d])?;
    let (y, _) = MaxoutAffine::new(&weight)?.forward(&x)?;
    let near = |what: &str, found: &[f32], expected: f64| {
        let fits = |found: &f32| (f64::from(*found) / expected - 1.0).abs() <= 1e-6;
        if found.is_empty() || !found.iter().all(fits) {
            return Err(Failed::from(format!("{what}: {found:?}, not {expected}")));
        }
        Ok(())
    };
    let term = f64::from(0.7f32) * f64::from(1.1f32);
    near("y", &y.download::<f32>()?, d as f64 * term)?;
    // Its transpose, which makes as long a sum of dx.
    let turned = weight.reshaped([1, 1, d])?;
    let x = gpu.upload(&[1.0f32], [1, 1])?;
    let g = gpu.upload(&vec![1.1f32; d], [1, d])?;
    let maxout = MaxoutAffine::new(&turned)?;
    let (_, winners) = maxout.forward(&x)?;
    let dx = maxout.backward(&x, &winners, &g)?.dx;
    near("dx", &dx.download::<f32>()?, d as f64 * term)?;
    let weight = gpu.upload(&[1.0f32], [1, 1, 1])?;
    let bias = gpu.upload(&[0.0f32], [1, 1])?;
    let x = gpu.upload(&vec![1.1f32; rows], [rows, 1])?;
    let g = gpu.upload(&vec![0.7f32; rows], [rows, 1])?;
    let maxout = MaxoutAffine::new(&weight)?.bias(&bias)?;
    let (_, winners) = maxout.forward(&x)?;
    let gradients = maxout.backward(&x, &winners, &g)?;
    let of_weight = gradients.weight.download::<f32>()?;
    near("weight", &of_weight, rows as f64 * term)?;
    let bias = gradients.bias.unwrap().download::<f32>()?;
    near("bias", &bias, rows as f64 * f64::from(0.7f32))
}
