//! Softmax and log-softmax on every adapter, against the f64 reference.

#[path = "softmax/reference.rs"]
mod by_definition;
mod dominated;
mod refused;

use libtest_mimic::{Failed, Trial};
use wgpu_activations::{
    Chain, Element, ElementType, Gpu, Math, Softmax,
    accuracy::inputs::words,
    check::check_chain,
    family::softmax::{
        bound::row_sum_error,
        reference::{Form, MaskedRows},
    },
};

use self::dominated::{dominated_rows, known_values};
use crate::{
    common::{self, Device, expect_passed, same_bits, upstream},
    with_element,
};

/// Shapes with the axis, which rows of each kind take.
const FEW_SHAPES: [(&[usize], i64); 5] = [
    (&[3, 345, 7], 1),
    (&[3, 345, 7], -1),
    (&[3, 135], 1),
    (&[37, 12], 1),
    (&[1009, 2], 1),
];

/// What takes several windows of 16 KiB.
const PIECES: [(&[usize], i64); 9] = [
    (&[1000, 24], 1),
    (&[300, 100], 1),
    (&[5, 4096], 1),
    (&[3, 9001], 1),
    (&[40_003], 0),
    (&[2, 5001, 3], 1),
    (&[7, 5, 301], 1),
    (&[3, 4, 5001], 1),
    (&[9001, 2], 1),
];

const FEW_PIECES: [(&[usize], i64); 3] = [(&[1000, 24], 1), (&[20_003], 0), (&[3, 2, 9001], 1)];

const LONGER: [(&[usize], i64); 5] = [
    (&[2, 16_384], 1),
    (&[2, 16_388], 1),
    (&[100_000, 10], 1),
    (&[8_000, 63], 1),
    (&[1_000_000], 0),
];

/// Those of the first device, and of none.
pub(crate) fn once(devices: &[Device]) -> Vec<Trial> {
    let mut trials = by_definition::trials();
    // One device will do for the largest.
    if let Some(device) = devices.iter().find(|device| device.trusted()) {
        trials.push(device.trial("f32/10^7-columns", ten_million));
    }
    trials
}

pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let mut trials = vec![device.trial("wrong-use", refused::wrong_use)];
    for element in ElementType::ALL {
        let mut add = |name: &str, test: fn(&Device, ElementType) -> Result<(), Failed>| {
            let name = format!("{}/{name}", element.name());
            trials.push(device.trial(&name, move |device| test(device, element)));
        };
        add("dominated", |device, element| {
            with_element!(element, dominated_rows(device))
        });
        add("dominated/known-values", |device, element| {
            with_element!(element, known_values(device))
        });
        // The other types differ in how a vector is loaded and stored, and take the same ways.
        if element != ElementType::F32 {
            if device.trusted() {
                if common::SIZES.contains(&element) {
                    add("pieces", |device, element| {
                        with_element!(element, pieces(device, &FEW_PIECES))
                    });
                }
                add("special", |device, element| {
                    with_element!(element, special(&device.gpu, &[8, 135]))
                });
            }
            continue;
        }
        add("threads", |device, _| threads(&device.gpu));
        if device.trusted() {
            add("native", |device, _| {
                shapes::<f32>(&device.gpu, &FEW_SHAPES, Math::Native)
            });
            add("longer", |device, _| {
                shapes::<f32>(&device.gpu, &LONGER, Math::Accurate)
            });
            add("numbers", |device, _| numbers(&device.gpu));
            add("ceiling", |device, _| ceiling(&device.gpu));
            add("special", |device, _| {
                special::<f32>(&device.gpu, &[4, 5, 64, 135, 16_388])
            });
            add("pieces", |device, _| pieces::<f32>(device, &PIECES));
        }
    }
    trials
}

/// Numbers between -`spread` / 2 and `spread` / 2.
fn spread<T: Element>(len: usize, spread: f64) -> Vec<T> {
    words(len as u64)
        .take(len)
        .map(|word| T::from_f64(spread * f64::from(word as i32) / f64::from(u32::MAX)))
        .collect()
}

/// Both passes, each against the reference, the first twice.
fn run<T: Element>(gpu: &Gpu, op: &Softmax, shape: &[usize], x: &[T]) -> Result<Vec<T>, Failed> {
    let chain = Chain::new(op.clone());
    let gradient = upstream::<T>(x.len());
    for upstream in [None, Some(gradient)] {
        let report = check_chain(gpu, &chain, shape, vec![x.to_vec()], upstream)?;
        expect_passed(&report, x.len())
            .map_err(|failed| format!("{op:?} {shape:?}: {}", failed.message().unwrap_or("")))?;
    }
    let tensor = gpu.upload(x, shape)?;
    let found: Vec<T> = op.forward(&tensor)?.download()?;
    let again: Vec<T> = op.forward(&tensor)?.download()?;
    same_bits("a second forward pass", &found, &again)?;
    Ok(found)
}

/// Softmax is never above 1, and exactly 1 where a row has no other element.
fn ceiling(gpu: &Gpu) -> Result<(), Failed> {
    const ROWS: usize = 4096;
    for columns in [1, 2, 3, 4, 8, 135, 1024] {
        for threads in [1, 32] {
            let op = Softmax::new(-1).threads_per_row(threads);
            for width in [2.0, 100.0, 2000.0] {
                let x = gpu.upload(&spread::<f32>(ROWS * columns, width), [ROWS, columns])?;
                let y: Vec<f32> = op.forward(&x)?.download()?;
                let above = y.iter().position(|&y| y > 1.0);
                let short = y.iter().position(|&y| y != 1.0);
                if let Some(place) = above.or(short.filter(|_| columns == 1)) {
                    let y = y[place];
                    return Err(format!("{y} at {place} of rows of {columns}").into());
                }
            }
        }
    }
    let x = gpu.upload(&[30.0f32, 0.0, 200.5, -200.0, 0.3, -90.0], [3, 2])?;
    let y: Vec<f32> = Softmax::new(-1).forward(&x)?.download()?;
    // Beside e^-30 an adapter may round down.
    assert!(y[0] >= 1.0f32.next_down() && y[0] <= 1.0);
    assert_eq!([y[2], y[4]], [1.0; 2]);
    Ok(())
}

fn shapes<T: Element>(gpu: &Gpu, shapes: &[(&[usize], i64)], math: Math) -> Result<(), Failed> {
    for &(shape, axis) in shapes {
        let x = spread::<T>(shape.iter().product(), 16.0);
        for form in Form::ALL {
            run(gpu, &Softmax::with_form(form, axis).math(math), shape, &x)?;
        }
    }
    Ok(())
}

/// Rows that several threads share, which software adapters would not choose: held in registers where
/// that takes four vectors each at most, one to four of them here, and walked through elsewhere.
fn threads(gpu: &Gpu) -> Result<(), Failed> {
    for (shape, threads) in [
        (&[5usize, 64][..], 7),
        (&[67, 132], 16),
        (&[67, 132], 4),
        (&[7, 260], 1000),
        (&[5, 380], 32),
        (&[3, 4096], 256),
        (&[3, 4096], 64),
        (&[2, 16384], 1024),
    ] {
        let len = shape.iter().product();
        for form in Form::ALL {
            let op = Softmax::with_form(form, 1).threads_per_row(threads);
            // Where numbers are far apart, each thread's largest element is another.
            for x in [spread(len, 16.0), spread(len, 1000.0), vec![0.7f32; len]] {
                run(gpu, &op, shape, &x)?;
            }
        }
    }
    Ok(())
}

/// What the rows of the tests below are like.
fn row<T: Element>(kind: usize, extent: usize) -> Vec<T> {
    let base: Vec<f64> = spread::<f32>(extent, 4.0)
        .iter()
        .map(|x| f64::from(*x))
        .collect();
    let with = |change: &dyn Fn(&mut Vec<f64>)| {
        let mut row = base.clone();
        change(&mut row);
        row
    };
    let last = extent - 1;
    let row = match kind {
        1 => with(&|row| row[last] = f64::NAN),
        3 => with(&|row| row[0] = f64::INFINITY),
        5 => vec![f64::NEG_INFINITY; extent],
        7 => with(&|row| row[last / 2] = f64::NEG_INFINITY),
        9 => with(&|row| row[..last].fill(f64::NEG_INFINITY)),
        11 => with(&|row| row[0] = -f64::NAN),
        13 => vec![f64::NAN; extent],
        15 => with(&|row| (row[0], row[last]) = (f64::INFINITY, f64::NEG_INFINITY)),
        _ => base,
    };
    row.into_iter().map(T::from_f64).collect()
}

/// Rows with NaN and infinities between others that they must not harm.
fn special<T: Element>(gpu: &Gpu, extents: &[usize]) -> Result<(), Failed> {
    const ROWS: usize = 17;
    for &extent in extents {
        let rows: Vec<Vec<T>> = (0..ROWS).map(|kind| row(kind, extent)).collect();
        let x = rows.concat();
        let turned: Vec<T> = (0..extent)
            .flat_map(|place| rows.iter().map(move |row| row[place]))
            .collect();
        for form in Form::ALL {
            let shape = [ROWS, extent];
            let op = Softmax::with_form(form, 1);
            let zeros = op.clone().masked(MaskedRows::Zeros);
            let y = run(gpu, &op, &shape, &x)?;
            let is_nan = |row: &usize| y[row * extent].to_f32().is_nan();
            let nan: Vec<_> = (0..ROWS).filter(is_nan).collect();
            if nan != [1, 3, 5, 11, 13, 15] {
                return Err(format!("rows {nan:?} are NaN").into());
            }
            run(gpu, &zeros, &shape, &x)?;
            if extent == 64 {
                run(gpu, &op.clone().threads_per_row(16), &shape, &x)?;
                run(gpu, &zeros.clone().threads_per_row(4), &shape, &x)?;
                run(gpu, &op.math(Math::Native), &shape, &x)?;
            }
            let across = Softmax::with_form(form, 0).masked(MaskedRows::Zeros);
            run(gpu, &across, &[extent, ROWS], &turned)?;
        }
    }
    Ok(())
}

/// Rows whose numbers are hard on exponentials.
fn numbers(gpu: &Gpu) -> Result<(), Failed> {
    // One dominates: the result at its place is what the others sum to.
    let mut dominated = vec![-12.0f32; 8];
    dominated[3] = -0.25;
    let mut single = vec![0.3f32; 16];
    single[5] = 10.3;
    let steps = |first: f32, step: f32, len: usize| -> Vec<f32> {
        (0..len).map(|i| first + step * i as f32).collect()
    };
    for row in [
        dominated,
        single,
        vec![0.0; 4],
        spread(4096, 400.0),
        spread(4099, 400.0),
        spread(1021, 2.0),
        steps(0.0, -0.317, 512),
        steps(-87.9, 0.171, 516),
        steps(-199.0, 0.093, 1024),
        steps(199.5, 0.031, 128),
        steps(-204.0, 0.0625, 128),
        steps(1e4, -0.5, 128),
        steps(-1e4, 0.25, 100),
        steps(9.9e4, 1.7, 77),
        steps(300.0, 0.0625, 4096),
        steps(-40.0, -0.0625, 4096),
        vec![1e30, -1e30, 1e30, 0.0],
        vec![3e38, -3e38, 3e38, 2e38, 0.0],
        vec![-3e38, -3.1e38, -3e38, -3e38],
        vec![-3.4e38, f32::NEG_INFINITY, -3.4e38, -3.4e38],
        vec![f32::MAX, f32::MIN, 1.0, 0.0],
        vec![104.0, 0.0, 0.1, -0.7],
        vec![86.9, 0.0, 0.1, -0.4, 86.9],
        vec![1.1; 4096],
        vec![0.77; 16_384],
        vec![-250.3; 16_385],
    ] {
        for form in Form::ALL {
            let shape = [2, row.len()];
            let op = Softmax::with_form(form, 1);
            let both: Vec<f32> = row.iter().chain(row.iter().rev()).copied().collect();
            run(gpu, &op, &shape, &both)?;
            run(gpu, &op.clone().math(Math::Native), &shape, &both)?;
            if row.len() % 4 == 0 {
                run(gpu, &op.threads_per_row(4), &shape, &both)?;
            }
            let shape = [row.len(), 1, 3];
            let thrice: Vec<f32> = row.iter().flat_map(|x| [*x, x / 2.0, -x]).collect();
            run(gpu, &Softmax::with_form(form, 0), &shape, &thrice)?;
        }
    }
    Ok(())
}

/// A device whose bindings hold little: tensors, rows and even one place along the axis take
/// several windows.
fn pieces<T: Element>(device: &Device, shapes: &[(&[usize], i64)]) -> Result<(), Failed> {
    let small = device.with_limits(|limits| {
        limits.max_storage_buffer_binding_size = 16 << 10;
        limits.max_compute_invocations_per_workgroup = 64;
        limits.max_compute_workgroup_size_x = 64;
    });
    self::shapes::<T>(&small.gpu, shapes, Math::Accurate)
}

/// The sum of the results of one row of 10^7 elements, and of a row of equal ones.
fn ten_million(device: &Device) -> Result<(), Failed> {
    const COLUMNS: usize = 10_000_000;
    for x in [spread::<f32>(COLUMNS, 8.0), vec![0.7; COLUMNS]] {
        let tensor = device.gpu.upload(&x, [COLUMNS])?;
        let y: Vec<f32> = Softmax::new(0).forward(&tensor)?.download()?;
        let sum: f64 = y.iter().map(|y| f64::from(*y)).sum();
        // Written so that NaN fails.
        let close = (sum - 1.0).abs() <= row_sum_error(COLUMNS);
        if !close {
            return Err(format!("the row sums to 1 + {:e}", sum - 1.0).into());
        }
        let report = check_chain(
            &device.gpu,
            &Softmax::new(0).into(),
            &[COLUMNS],
            vec![x],
            None,
        )?;
        expect_passed(&report, COLUMNS)?;
    }
    device.gpu.trim();
    Ok(())
}
