//! What every operation of every registered family must do, on every adapter: one set of rules over the traits.
//!
//! What is expected comes from the input in f64, through [`check`](wgpu_activations::check). A family that is
//! registered is tried here without a line of its own, unless its parameters have no defaults: see [`written`].

mod chains;
mod checker;
mod random;
mod registered;
mod streamed;
mod written;

use libtest_mimic::{Failed, Trial};
use wgpu_activations::{
    Activation, Chain, Element, ElementType, Error, Family, Gpu, Math, Operation,
    accuracy::inputs::grid,
    check::{self, Pass},
    family::{everyday, families},
    with_element,
};

use crate::common::{self, Device, Guarded, SHAPES_WITH_AXES, same_bits};

/// Lengths about a vector, a workgroup and its tile, for what has no axis.
const LENGTHS: [usize; 13] = [0, 1, 3, 4, 5, 255, 256, 257, 345, 1757, 2047, 2048, 2049];

/// Rows that kernels walk in other ways: vectors, halves of them, and what several passes take.
const ROWS: [(&[usize], i64); 6] = [
    (&[37, 12], 1),
    (&[3, 129], 1),
    (&[2, 4096], 1),
    (&[2, 4099], 1),
    (&[2, 512, 6], 1),
    (&[4100, 3], 0),
];

/// Those of no device, and of several.
pub(crate) fn once(devices: &[Device]) -> Vec<Trial> {
    let mut trials = registered::trials();
    trials.extend(checker::trials());
    trials.extend(streamed::together(devices));
    trials.extend(chains::once(devices));
    trials
}

pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let mut trials = Vec::new();
    for family in families() {
        // What operations compute does not depend on who checks the bounds.
        if !device.trusted() && !has_kernels(family) {
            continue;
        }
        for &element in element_types(device, family) {
            let mut add = |name: &str, test: Rule| {
                let name = format!("{}/{}/{name}", family.entry().name, element.name());
                trials.push(device.trial(&name, move |device| test(device, family, element)));
            };
            let kernels = has_kernels(family);
            if kernels || element == ElementType::F32 {
                add(
                    "shapes",
                    |device, family, element| with_element!(element, T => shapes::<T>(device, family)),
                );
                add(
                    "special",
                    |device, family, element| with_element!(element, T => special::<T>(device, family)),
                );
            }
            if !device.trusted() {
                continue;
            }
            add("cases", cases);
            // How bf16 is packed depends on neither chunks nor neighbours.
            if kernels && element != ElementType::Bf16 {
                add(
                    "streamed",
                    |device, family, element| with_element!(element, T => streamed::alone::<T>(device, family)),
                );
                add(
                    "chains",
                    |device, family, element| with_element!(element, T => chains::neighbours::<T>(device, family)),
                );
            }
        }
    }
    trials.push(device.trial("checker/zeros", checker::zeros));
    trials.extend(chains::trials(device));
    trials.extend(random::trials(device));
    trials
}

/// Whether a family has kernels of its own. Those of activations differ in their snippets alone, which shapes in f32 and
/// `cases` show, and so do those of gated units: four and three of them stand for all.
pub(crate) fn has_kernels(family: &dyn Family) -> bool {
    match family.activation() {
        Some(activation) => {
            // Of no parameter, of one, of constants alone, of three that each channel has.
            let kinds = [
                Activation::GELU,
                Activation::ELU,
                Activation::SELU,
                Activation::DYNAMIC_TANH,
            ];
            kinds.contains(&activation)
        }
        None => !["glu", "reglu", "geglu", "geglu-tanh"].contains(&family.entry().name),
    }
}

type Rule = fn(&Device, &dyn Family, ElementType) -> Result<(), Failed>;

fn element_types(device: &Device, family: &dyn Family) -> &'static [ElementType] {
    match family.activation() {
        Some(activation) => common::element_types(device, activation),
        // How elements are packed does not depend on who checks the bounds, nor bf16's on the way to the same compiler.
        None if device.trusted() && device.is_gl() => &ElementType::ALL[..2],
        None if device.trusted() => &ElementType::ALL,
        None => &ElementType::ALL[..1],
    }
}

fn has_axis(operation: &dyn Operation) -> bool {
    operation.axis().is_some()
}

/// Every element of the family's own cases.
fn cases(device: &Device, family: &dyn Family, element: ElementType) -> Result<(), Failed> {
    let maths = match element {
        ElementType::F32 => &Math::ALL[..],
        // How elements are packed does not depend on the math.
        _ => &Math::ALL[..1],
    };
    for pass in Pass::ALL {
        for &math in maths {
            let report = check::check(&device.gpu, family, pass, element, math)?;
            if !report.passed() {
                return Err(format!("{} {}: {report}", pass.name(), math.name()).into());
            }
        }
    }
    Ok(())
}

/// Every shape and axis.
fn shapes<T: Element>(device: &Device, family: &dyn Family) -> Result<(), Failed> {
    for (index, len) in LENGTHS.into_iter().enumerate() {
        for operation in written::operations(family, &[len], 0, index as u64) {
            if !has_axis(&*operation) {
                conform::<T>(&device.gpu, &operation.into(), &[len])?;
            }
        }
    }
    for (index, (shape, axis)) in SHAPES_WITH_AXES.into_iter().chain(ROWS).enumerate() {
        for operation in written::operations(family, shape, axis, index as u64) {
            if has_axis(&*operation) {
                conform::<T>(&device.gpu, &operation.into(), shape)?;
            }
        }
    }
    Ok(())
}

/// NaN, infinities, zeros, small and large numbers, a few of them among everyday ones; none whose square is no f32,
/// as a variance must be.
fn special<T: Element>(device: &Device, family: &dyn Family) -> Result<(), Failed> {
    const SHAPE: [usize; 2] = [78, 24];
    let grid = grid();
    let mut x = everyday(SHAPE[0] * SHAPE[1], 5);
    for (row, special) in grid.into_iter().enumerate().take(SHAPE[0]) {
        // Columns of everyday numbers alone are left.
        if special.abs() < 1e15 || !special.is_finite() {
            x[row * SHAPE[1] + 7 * row % 8] = f64::from(special);
        }
    }
    let x: Vec<T> = narrow(&x);
    for axis in [0, 1] {
        for operation in written::operations(family, &SHAPE, axis, 3) {
            if axis == 0 && !has_axis(&*operation) {
                continue;
            }
            let chain = Chain::new(operation);
            let (mut inputs, g) = numbers::<T>(&chain, &SHAPE)?;
            inputs[0].clone_from(&x);
            right(&device.gpu, &chain, &SHAPE, &inputs, &g)?;
        }
    }
    Ok(())
}

/// Numbers in an element type.
fn narrow<T: Element>(numbers: &[f64]) -> Vec<T> {
    numbers.iter().map(|&number| T::from_f64(number)).collect()
}

/// The inputs, and a gradient for the result, of everyday size.
fn numbers<T: Element>(chain: &Chain, shape: &[usize]) -> Result<(Vec<Vec<T>>, Vec<T>), Failed> {
    let len = |shape: &[usize]| shape.iter().product();
    let result = chain.result_shape(shape)?;
    let inputs = (0..chain.inputs()).map(|input| narrow(&everyday(len(shape), [1, 20][input])));
    Ok((inputs.collect(), narrow(&everyday(len(&result), 2))))
}

/// Whether a chain takes this shape; there are batches too small to be one, and axes without halves.
fn takes(chain: &Chain, shape: &[usize]) -> Result<bool, Failed> {
    match chain.result_shape(shape) {
        Ok(_) => Ok(true),
        Err(Error::BatchTooSmall { .. } | Error::OddAxis { .. }) => Ok(false),
        Err(error) => Err(format!("{chain} {shape:?}: {error}").into()),
    }
}

/// All rules for a chain over a tensor of everyday numbers.
fn conform<T: Element>(gpu: &Gpu, chain: &Chain, shape: &[usize]) -> Result<(), Failed> {
    if !takes(chain, shape)? {
        return Ok(());
    }
    let (x, g) = numbers::<T>(chain, shape)?;
    right(gpu, chain, shape, &x, &g)?;
    every_way(gpu, chain, shape, &x, &g).map_err(|error| at(chain, shape, &error))
}

fn at(chain: &Chain, shape: &[usize], error: &Failed) -> Failed {
    let message = error.message().unwrap_or_default();
    format!("{chain} {shape:?}: {message}").into()
}

/// y, dx and the parameters' gradients are what the definition says.
fn right<T: Element>(
    gpu: &Gpu,
    chain: &Chain,
    shape: &[usize],
    x: &[Vec<T>],
    g: &[T],
) -> Result<(), Failed> {
    for upstream in [None, Some(g.to_vec())] {
        let (pass, least) = match upstream {
            None => (Pass::Forward, g.len()),
            Some(_) => (Pass::Backward, x.len() * x[0].len()),
        };
        let report = check::check_chain(gpu, chain, shape, x.to_vec(), upstream)?;
        if report.failed > 0 || report.compared < least as u64 {
            return Err(format!("{chain} {shape:?} {}: {report}", pass.name()).into());
        }
    }
    Ok(())
}

/// Called twice, into a tensor among others' bytes, in place, and recorded to run later: the same bits.
fn every_way<T: Element>(
    gpu: &Gpu,
    chain: &Chain,
    shape: &[usize],
    x: &[Vec<T>],
    g: &[T],
) -> Result<(), Failed> {
    let result = chain.result_shape(shape)?;
    let guarded = x.iter().map(|x| Guarded::new(gpu, x, shape));
    let inputs = guarded.collect::<Result<Vec<_>, _>>()?;
    let upstream = Guarded::new(gpu, g, &result)?;
    let output = Guarded::new(gpu, &vec![T::from_f64(7.0); g.len()], &result)?;
    let tensors: Vec<_> = inputs.iter().map(|input| &input.tensor).collect();
    let (tensor, gradient) = (&tensors[..], &upstream.tensor);

    let mut encoder = gpu.device().create_command_encoder(&Default::default());
    let late = gpu.allocate(&*result, T::TYPE)?;
    chain.encode_forward(&mut encoder, tensor, &late)?;
    let recorded = chain.allocate_gradients(tensor)?;
    chain.encode_backward(&mut encoder, tensor, gradient, &recorded)?;
    // What runs in between takes none of the memory that the recorded commands need.
    let y: Vec<T> = chain.forward(tensor)?.download()?;
    let called = chain.backward(tensor, gradient)?;
    gpu.queue().submit([encoder.finish()]);

    let again: Vec<T> = chain.forward(tensor)?.download()?;
    same_bits("a second forward pass", &again, &y)?;
    same_bits("a recorded forward pass", &late.download::<T>()?, &y)?;
    chain.forward_into(tensor, &output.tensor)?;
    same_bits("a given output", &output.download::<T>()?, &y)?;
    let again = chain.backward(tensor, gradient)?;
    let given = chain.allocate_gradients(tensor)?;
    chain.backward_into(tensor, gradient, &given)?;
    let ways = [("second", again), ("recorded", recorded), ("given", given)];
    for (what, found) in ways {
        assert_eq!(1 + found.others.len(), x.len());
        let of_called = [&called.dx].into_iter().chain(&called.others);
        for (found, dx) in [&found.dx].into_iter().chain(&found.others).zip(of_called) {
            let (found, dx): (Vec<T>, Vec<T>) = (found.download()?, dx.download()?);
            same_bits(&format!("dx of a {what} pass"), &found, &dx)?;
        }
        if found.parameters.len() != called.parameters.len() {
            return Err(format!("{what}: {:?}", found.parameters).into());
        }
        for (found, called) in found.parameters.iter().zip(&called.parameters) {
            let values = (found.value.download::<f32>()?, called.value.download()?);
            same_bits(
                &format!("{} of a {what} pass", found.name),
                &values.0,
                &values.1,
            )?;
        }
    }
    for (input, x) in inputs.iter().zip(x) {
        same_bits("x afterwards", &input.download::<T>()?, x)?;
    }
    same_bits("upstream afterwards", &upstream.download::<T>()?, g)?;
    if result == shape {
        chain.forward_in_place(tensor)?;
        same_bits("in place", &inputs[0].download::<T>()?, &y)?;
    }
    Ok(())
}
