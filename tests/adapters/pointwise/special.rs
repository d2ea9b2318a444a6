//! What NaN, infinities and -0 give, to the bit.

use libtest_mimic::Failed;
use wgpu_activations::{Activation, Element};

use super::Device;

/// f(inf), f(-inf), f'(inf), f'(-inf); a NaN or an infinity at any lane stays or becomes just this.
fn table(activation: Activation) -> [f64; 4] {
    const INF: f64 = f64::INFINITY;
    const LAMBDA: f64 = 1.050_700_987_355_480_5;
    const LAMBDA_ALPHA: f64 = 1.758_099_340_847_376_9;
    match activation.name() {
        "sigmoid" => [1.0, 0.0, 0.0, 0.0],
        "tanh" => [1.0, -1.0, 0.0, 0.0],
        "relu" => [INF, 0.0, 1.0, 0.0],
        "leaky-relu" => [INF, -INF, 1.0, f64::from(0.01f32)],
        "elu" => [INF, -1.0, 1.0, 0.0],
        "selu" => [INF, -LAMBDA_ALPHA, LAMBDA, 0.0],
        "gelu" | "gelu-tanh" | "swish" | "mish" => [INF, -0.0, 1.0, 0.0],
        "softplus" => [INF, 0.0, 1.0, 0.0],
        // One that is newer than this table: what its definition says.
        _ => [
            activation.value(INF),
            activation.value(-INF),
            activation.slope(INF),
            activation.slope(-INF),
        ],
    }
}

/// The value as a kernel stores it: computed in f32, then rounded to the element type.
fn stored<T: Element>(value: f64) -> T {
    T::from_f64(f64::from(value as f32))
}

fn expect<T: Element>(what: &str, found: T, expected: T) -> Result<(), Failed> {
    let (found, expected) = (found.to_f32(), expected.to_f32());
    if found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan()) {
        return Ok(());
    }
    Err(format!("{what} gave {found:?}, expected {expected:?}").into())
}

pub(super) fn special_values<T: Element>(
    device: &Device,
    activation: Activation,
) -> Result<(), Failed> {
    let [plus, minus, slope_plus, slope_minus] = table(activation);
    let mut cases = vec![
        (f64::NAN, f64::NAN, f64::NAN),
        (-f64::NAN, f64::NAN, f64::NAN),
        (f64::INFINITY, plus, slope_plus),
        (f64::NEG_INFINITY, minus, slope_minus),
    ];
    if activation.name() == "tanh" {
        cases.push((-0.0, -0.0, 1.0));
        cases.push((0.0, 0.0, 1.0));
    }
    at_every_lane::<T>(device, activation, &cases)?;
    // Where a parameter makes another function of it.
    match activation.name() {
        "leaky-relu" => at_every_lane::<T>(
            device,
            activation.with(0.0)?,
            &[
                (f64::NEG_INFINITY, 0.0, 0.0),
                (f64::INFINITY, f64::INFINITY, 1.0),
                (f64::NAN, f64::NAN, f64::NAN),
            ],
        ),
        "swish" => {
            at_every_lane::<T>(
                device,
                activation.with(0.0)?,
                &[
                    (f64::NEG_INFINITY, f64::NEG_INFINITY, 0.5),
                    (f64::INFINITY, f64::INFINITY, 0.5),
                    (3.0, 1.5, 0.5),
                    (f64::NAN, f64::NAN, f64::NAN),
                ],
            )?;
            at_every_lane::<T>(device, activation.with(1e-37)?, &cases)?;
            let [first, second, right, left] = [cases[0], cases[1], cases[2], cases[3]];
            let mirrored = [
                first,
                second,
                (-right.0, -right.1, right.2),
                (-left.0, -left.1, left.2),
            ];
            at_every_lane::<T>(device, activation.with(-1e-37)?, &mirrored)
        }
        "softplus" => at_every_lane::<T>(device, activation.with(1e-37)?, &cases),
        _ => Ok(()),
    }
}

/// `cases` are x, f(x) and f'(x); each at five places on end, so that it meets every lane and its
/// neighbours meet every other case.
fn at_every_lane<T: Element>(
    device: &Device,
    activation: Activation,
    cases: &[(f64, f64, f64)],
) -> Result<(), Failed> {
    const UPSTREAM: f32 = 1.5;
    const PLACES: usize = 5;
    let placed: Vec<_> = cases.iter().flat_map(|case| [case; PLACES]).collect();
    let len = placed.len();
    let x: Vec<T> = placed.iter().map(|(x, _, _)| T::from_f64(*x)).collect();
    let x = device.gpu.upload(&x, [len])?;
    let upload = |value: f64| device.gpu.upload(&vec![T::from_f64(value); len], [len]);
    let y: Vec<T> = activation.forward(&x)?.download()?;
    let dx: Vec<T> = activation
        .backward(&x, &upload(f64::from(UPSTREAM))?)?
        .download()?;
    let nan: Vec<T> = activation.backward(&x, &upload(f64::NAN)?)?.download()?;
    for (place, (x, value, slope)) in placed.iter().enumerate() {
        expect(&format!("f({x:?}) at {place}"), y[place], stored(*value))?;
        let expected: T = stored(f64::from(UPSTREAM * *slope as f32));
        // The sign of a gradient of zero is not said.
        if *slope != 0.0 || dx[place].to_f32() != 0.0 {
            expect(&format!("f'({x:?}) at {place}"), dx[place], expected)?;
        }
        let what = format!("f'({x:?}) with a NaN upstream at {place}");
        expect(&what, nan[place], T::from_f64(f64::NAN))?;
    }
    Ok(())
}
