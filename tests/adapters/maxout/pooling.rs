//! Over groups of channels.

use half::{bf16, f16};
use libtest_mimic::{Failed, Trial};
use wgpu_activations::{
    Element, ElementType, Gpu, Maxout,
    accuracy::inputs::words,
    family::maxout::reference::{Layout, Pooling},
};

use super::{Device, same_bits, upstream, wide};
use crate::{
    common::{self, Guarded, channel_axis},
    with_element,
};

/// Shapes with the axis and the pieces.
const SHAPES: [(&[usize], i64, usize); 45] = [
    (&[1], 0, 1),
    (&[1, 12], 1, 3),
    (&[1, 7], 1, 7),
    (&[12, 1], 0, 4),
    (&[7, 1], 0, 7),
    (&[5, 1], 1, 1),
    (&[3, 345, 7], 0, 3),
    (&[3, 345, 7], 0, 1),
    (&[3, 345, 7], 1, 1),
    (&[3, 345, 7], 1, 3),
    (&[3, 345, 7], 1, 5),
    (&[3, 345, 7], 1, 23),
    (&[3, 345, 7], 1, 69),
    (&[3, 345, 7], 1, 115),
    (&[3, 345, 7], 1, 345),
    (&[3, 345, 7], -1, 7),
    (&[3, 345, 7], -1, 1),
    (&[2, 1756], 1, 4),
    (&[3, 1756], 1, 2),
    (&[1756, 3], 0, 4),
    (&[5, 8], 1, 2),
    (&[37, 12], 1, 2),
    (&[37, 12], 1, 3),
    (&[37, 12], 1, 4),
    (&[37, 12], 1, 6),
    (&[37, 12], 1, 12),
    (&[37, 12], 0, 37),
    (&[67, 48], 1, 3),
    (&[64, 32], 1, 8),
    (&[5, 160], 1, 16),
    (&[3, 24, 8], 1, 2),
    (&[3, 24, 8], 1, 8),
    (&[3, 24, 8], 1, 24),
    (&[2, 3, 4, 5], -2, 2),
    (&[5, 128], 1, 4),
    (&[3, 192], 1, 2),
    (&[3, 6, 96], 1, 3),
    (&[2, 600], 1, 300),
    (&[2, 1200, 4], 1, 300),
    (&[1, 1024], 1, 512),
    (&[3, 514, 3], 1, 257),
    (&[0, 3], 1, 3),
    (&[3, 0], 1, 4),
    (&[2, 3, 0, 4], 1, 3),
    (&[20], -1, 5),
];

const FEW_SHAPES: [(&[usize], i64, usize); 10] = [
    (&[3, 6, 96], 1, 3),
    (&[3, 345, 7], 1, 5),
    (&[2, 1756], 1, 4),
    (&[37, 12], 1, 2),
    (&[37, 12], 1, 3),
    (&[37, 12], 1, 4),
    (&[3, 24, 8], 1, 2),
    (&[3, 514, 3], 1, 257),
    (&[2, 1200, 4], 1, 300),
    (&[3, 0], 1, 4),
];

/// What takes several windows of 16 KiB; where a row does, its pieces come in turn.
const PIECES: [(&[usize], i64, usize); 12] = [
    (&[100, 128], 1, 4),
    (&[1000, 24], 1, 4),
    (&[1000, 24], 1, 3),
    (&[1000, 25], 1, 5),
    (&[3, 5001, 3], 1, 3),
    (&[2, 12, 5000], 1, 4),
    (&[3, 3, 4001], 1, 3),
    (&[7, 10, 301], 1, 5),
    (&[20_000], 0, 200),
    (&[2, 20_000], 1, 10_000),
    (&[2, 20_000], 1, 20_000),
    (&[5, 2, 9001], 1, 2),
];

pub(super) fn trials(device: &Device) -> Vec<Trial> {
    let mut trials = vec![device.trial("pooling/known", known)];
    for element in ElementType::ALL {
        let mut add = |name: &str, test: fn(&Device, ElementType) -> Result<(), Failed>| {
            let name = format!("pooling/{}/{name}", element.name());
            trials.push(device.trial(&name, move |device| test(device, element)));
        };
        add("few-shapes", |device, element| {
            with_element!(element, shapes(&device.gpu, &FEW_SHAPES))
        });
        add("guarded", |device, element| {
            with_element!(element, guarded(&device.gpu))
        });
        add("not-a-number", |device, element| {
            with_element!(element, not_a_number(&device.gpu))
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
    trials
}

/// The least subnormal and its neighbour, which adapters may flush.
trait Least: Element {
    fn least(count: u16) -> Self;
}

impl Least for f32 {
    fn least(count: u16) -> Self {
        Self::from_bits(u32::from(count))
    }
}

impl Least for f16 {
    fn least(count: u16) -> Self {
        Self::from_bits(count)
    }
}

impl Least for bf16 {
    fn least(count: u16) -> Self {
        Self::from_bits(count)
    }
}

/// Numbers with many ties, among them signed zeros, infinities, subnormals and a few NaN.
fn numbers<T: Least>(len: usize) -> Vec<T> {
    let number = |word: u32| match word % 64 {
        0 => T::from_f64(0.0),
        1 => T::from_f64(-0.0),
        2 => T::from_f64(f64::INFINITY),
        3..=6 => T::from_f64(f64::NEG_INFINITY),
        7 => T::from_f64(if word & 64 == 0 { f64::NAN } else { -f64::NAN }),
        8 => T::least(1),
        9 => T::least(2),
        10..=36 => T::from_f64(f64::from(word as i32 >> 8) / f64::from(1 << 20)),
        _ => T::from_f64(f64::from((word >> 8) % 5) - 3.0),
    };
    words(len as u64 + 3).take(len).map(number).collect()
}

fn of(layout: Layout, shape: &[usize], axis: i64, pieces: usize) -> (Maxout, Pooling) {
    let (index, inner) = channel_axis(shape, axis);
    let reference = Pooling {
        pieces,
        layout,
        channels: shape[index],
        inner,
    };
    (Maxout::new(pieces, layout, axis), reference)
}

/// Fails unless y and the winners are those of the reference, y in the very bits of x.
fn check<T: Element>(reference: Pooling, x: &[T], y: &[T], winners: &[u32]) -> Result<(), Failed> {
    let (values, places) = reference.forward(&wide(x));
    if y.len() != values.len() || winners.len() != values.len() {
        let lengths = (y.len(), winners.len(), values.len());
        return Err(format!("lengths {lengths:?}").into());
    }
    for (index, value) in values.iter().enumerate() {
        let (winner, expected) = (winners[index], places[index]);
        if winner != expected {
            return Err(format!("element {index}: piece {winner}, expected {expected}").into());
        }
        let chosen = x[reference.place(index, winner as usize)];
        let both_nan = value.is_nan() && y[index].to_f32().is_nan();
        if !both_nan {
            same_bits(&format!("element {index}"), &[y[index]], &[chosen])?;
        }
    }
    Ok(())
}

fn expected_dx<T: Element>(reference: Pooling, winners: &[u32], upstream: &[T]) -> Vec<T> {
    let dx = reference.backward(winners, &wide(upstream));
    dx.into_iter().map(T::from_f64).collect()
}

fn run<T: Least>(
    gpu: &Gpu,
    layout: Layout,
    (shape, axis, pieces): (&[usize], i64, usize),
    x: &[T],
) -> Result<(), Failed> {
    let (maxout, reference) = of(layout, shape, axis, pieces);
    let tensor = gpu.upload(x, shape)?;
    let (y, winners) = maxout.forward(&tensor)?;
    let (index, _) = channel_axis(shape, axis);
    let mut y_shape = shape.to_vec();
    y_shape[index] /= pieces;
    if y.shape() != y_shape || winners.shape() != y_shape {
        return Err(format!("y is {:?}, expected {y_shape:?}", y.shape()).into());
    }
    let found: Vec<T> = y.download()?;
    let places = winners.download()?;
    check(reference, x, &found, &places)?;
    if pieces == 1 {
        same_bits("identity", x, &found)?;
    }
    let gradient = upstream::<T>(found.len());
    let g = gpu.upload(&gradient, y_shape)?;
    let dx = maxout.backward(&winners, &g)?;
    if dx.shape() != shape {
        return Err(format!("dx is {:?}", dx.shape()).into());
    }
    let dx: Vec<T> = dx.download()?;
    let expected = expected_dx(reference, &places, &gradient);
    same_bits("dx", &dx, &expected)?;

    let (again, winners) = maxout.forward(&tensor)?;
    same_bits("a second forward pass", &found, &again.download::<T>()?)?;
    assert_eq!(winners.download()?, places);
    let again: Vec<T> = maxout.backward(&winners, &g)?.download()?;
    same_bits("a second backward pass", &dx, &again)
}

fn shapes<T: Least>(gpu: &Gpu, shapes: &[(&[usize], i64, usize)]) -> Result<(), Failed> {
    for &case in shapes {
        let x = numbers::<T>(case.0.iter().product());
        for layout in Layout::ALL {
            run(gpu, layout, case, &x).map_err(|error| in_case::<T>(layout, case, &error))?;
        }
    }
    Ok(())
}

fn in_case<T: Element>(
    layout: Layout,
    (shape, axis, pieces): (&[usize], i64, usize),
    error: &Failed,
) -> Failed {
    let message = error.message().unwrap_or_default();
    let (layout, element) = (layout.name(), T::TYPE.name());
    format!("{layout} {element} {shape:?} axis {axis}, {pieces} pieces: {message}").into()
}

/// A device whose bindings hold little.
fn pieces<T: Least>(device: &Device) -> Result<(), Failed> {
    let small = device.with_limits(|limits| limits.max_storage_buffer_binding_size = 16 << 10);
    shapes::<T>(&small.gpu, &PIECES)
}

/// NaN at every place of a group, alone and before another.
fn not_a_number<T: Least>(gpu: &Gpu) -> Result<(), Failed> {
    for pieces in [1, 2, 3, 4, 5, 8, 257] {
        for layout in Layout::ALL {
            let (_, reference) = of(layout, &[pieces * pieces], 0, pieces);
            let mut x = vec![T::from_f64(f64::INFINITY); pieces * pieces];
            for group in 0..pieces {
                x[reference.place(group, group)] = T::from_f64(-f64::NAN);
                x[reference.place(group, pieces - 1)] = T::from_f64(f64::NAN);
            }
            let maxout = Maxout::new(pieces, layout, 0);
            let (y, winners) = maxout.forward(&gpu.upload(&x, [x.len()])?)?;
            let expected: Vec<_> = (0..pieces as u32).collect();
            if winners.download()? != expected {
                return Err(format!("{pieces} pieces: {:?}", winners.download()?).into());
            }
            let y: Vec<T> = y.download()?;
            if y.len() != pieces || !y.iter().all(|y| y.to_f32().is_nan()) {
                return Err(format!("{pieces} pieces: not NaN").into());
            }
        }
    }
    Ok(())
}

/// Answers written by hand.
fn known(device: &Device) -> Result<(), Failed> {
    const INF: f32 = f32::INFINITY;
    let gpu = &device.gpu;
    let x = [-0.0f32, 0.0, -INF, -INF, 2.0, 2.0, -3.0, INF];
    for (layout, y, winners, dx) in [
        (
            Layout::Adjacent,
            [-0.0, -INF, 2.0, INF],
            [0, 0, 0, 1],
            [1.0, 0.0, 2.0, 0.0, 3.0, 0.0, 0.0, 4.0],
        ),
        (
            Layout::Strided,
            [2.0, 2.0, -3.0, INF],
            [1, 1, 1, 1],
            [0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0],
        ),
    ] {
        for (shape, axis) in [(&[1usize, 8][..], 1), (&[8], 0), (&[8, 1], -2)] {
            let maxout = Maxout::new(2, layout, axis);
            let (found, places) = maxout.forward(&gpu.upload(&x, shape)?)?;
            same_bits(layout.name(), &found.download::<f32>()?, &y)?;
            assert_eq!(places.download()?, winners);
            assert_eq!((places.pieces(), places.shape()), (2, found.shape()));
            let g = gpu.upload(&[1.0f32, 2.0, 3.0, 4.0], found.shape())?;
            let found = maxout.backward(&places, &g)?.download::<f32>()?;
            same_bits("dx", &found, &dx)?;
        }
    }
    Ok(())
}

/// Bytes before and behind the elements stay as they are.
fn guarded<T: Least>(gpu: &Gpu) -> Result<(), Failed> {
    for case @ (shape, axis, pieces) in [
        (&[1usize][..], 0, 1),
        (&[3, 7], 1, 7),
        (&[9, 7], 0, 3),
        (&[5, 12], 1, 2),
        (&[5, 12], 1, 3),
        (&[7, 12], 1, 4),
        (&[3, 1, 345], 2, 5),
        (&[2, 4, 8], 1, 2),
    ] {
        let x = numbers::<T>(shape.iter().product());
        let outputs = x.len() / pieces;
        for layout in Layout::ALL {
            let (maxout, reference) = of(layout, shape, axis, pieces);
            let (index, _) = channel_axis(shape, axis);
            let mut y_shape = shape.to_vec();
            y_shape[index] /= pieces;
            let unset = vec![T::from_f64(7.0); x.len()];
            let input = Guarded::new(gpu, &x, shape)?;
            let y = Guarded::new(gpu, &unset[..outputs], &y_shape)?;
            let winners = maxout.forward_into(&input.tensor, &y.tensor)?;
            let places = winners.download()?;
            check(reference, &x, &y.download::<T>()?, &places)
                .map_err(|error| in_case::<T>(layout, case, &error))?;
            same_bits("x", &x, &input.download::<T>()?)?;

            let gradient = upstream::<T>(outputs);
            let g = Guarded::new(gpu, &gradient, &y_shape)?;
            let dx = Guarded::new(gpu, &unset, shape)?;
            maxout.backward_into(&winners, &g.tensor, &dx.tensor)?;
            let expected = expected_dx(reference, &places, &gradient);
            same_bits("dx", &dx.download::<T>()?, &expected)?;
            same_bits("upstream", &gradient, &g.download::<T>()?)?;
        }
    }
    Ok(())
}

/// More workgroups than one dimension holds.
pub(super) fn many_workgroups(device: &Device) -> Result<(), Failed> {
    const GROUPS: usize = 65_536 * 256 + 4;
    let x = numbers::<f16>(2 * GROUPS);
    for layout in Layout::ALL {
        run(&device.gpu, layout, (&[2 * GROUPS], 0, 2), &x)?;
    }
    // Of which one vector takes the way of single lanes.
    let odd = &x[..2 * GROUPS - 2];
    run(&device.gpu, Layout::Strided, (&[odd.len()], 0, 2), odd)?;
    device.gpu.trim();
    Ok(())
}
