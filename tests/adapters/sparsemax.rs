//! Sparsemax and hardmax: what is particular to them. What holds of every family, `conformance` tries.

use libtest_mimic::{Failed, Trial};
use wgpu_activations::{Element, ElementType, Error, Gpu, Sparsemax, family::everyday};

use crate::{
    common::{Device, same_bits},
    with_element,
};

/// Those of a device.
pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let mut trials = vec![
        device.trial("known-answers", known_answers),
        device.trial("long-rows", long_rows),
        device.trial("wrong-use", wrong_use),
    ];
    for element in ElementType::ALL {
        let name = format!("windows/{}", element.name());
        trials.push(device.trial(&name, move |device| with_element!(element, windows(device))));
    }
    trials
}

const INF: f32 = f32::INFINITY;
const NAN: f32 = f32::NAN;

/// Rows with what sparsemax and hardmax give.
const ROWS: [([f32; 3], [f32; 3], [f32; 3]); 9] = [
    ([0.5, 0.25, -2.0], [0.625, 0.375, 0.0], [1.0, 0.0, 0.0]),
    ([3.0, 1.0, 2.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]),
    ([0.0, -1.0, 0.0], [0.5, 0.0, 0.5], [1.0, 0.0, 0.0]),
    ([1e30, 1e30, -1e30], [0.5, 0.5, 0.0], [1.0, 0.0, 0.0]),
    ([-INF, 7.0, -INF], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]),
    ([-INF, -INF, -INF], [NAN; 3], [1.0, 0.0, 0.0]),
    ([1.0, INF, INF], [NAN; 3], [0.0, 1.0, 0.0]),
    ([1.0, NAN, 2.0], [NAN; 3], [NAN; 3]),
    (
        [-f32::MAX, -INF, -f32::MAX],
        [0.5, 0.0, 0.5],
        [1.0, 0.0, 0.0],
    ),
];

fn known_answers(device: &Device) -> Result<(), Failed> {
    let x: Vec<f32> = ROWS.iter().flat_map(|(x, ..)| *x).collect();
    let x = device.gpu.upload(&x, [ROWS.len(), 3])?;
    let sparse: Vec<f32> = Sparsemax::new(-1).forward(&x)?.download()?;
    let hard: Vec<f32> = Sparsemax::hard(-1).forward(&x)?.download()?;
    for (index, (x, expected_sparse, expected_hard)) in ROWS.into_iter().enumerate() {
        let same = |found: &[f32], expected: [f32; 3]| {
            let mut pairs = found[index * 3..][..3].iter().zip(expected);
            pairs.all(|(found, expected)| {
                (found - expected).abs() < 3e-7 || found.is_nan() && expected.is_nan()
            })
        };
        assert!(same(&sparse, expected_sparse), "{x:?}: {sparse:?}");
        assert!(same(&hard, expected_hard), "{x:?}: {hard:?}");
    }
    let upstream = device.gpu.upload(&[1.0f32, 0.0, 5.0].repeat(9), [9, 3])?;
    let dx: Vec<f32> = Sparsemax::new(-1).backward(&x, &upstream)?.download()?;
    assert_eq!(dx[..9], [0.5, -0.5, 0.0, 0.0, 0.0, 0.0, -2.0, 0.0, 2.0]);
    let dx: Vec<f32> = Sparsemax::hard(-1).backward(&x, &upstream)?.download()?;
    assert!(dx[..21].iter().all(|dx| *dx == 0.0) && dx[21..24].iter().all(|dx| dx.is_nan()));
    Ok(())
}

/// Rows of more elements than a workgroup has threads: shares of all of them, and the first of the largest wherever it
/// lies.
fn long_rows(device: &Device) -> Result<(), Failed> {
    for len in [1000, 5003] {
        let x = device.gpu.upload(&vec![-3.0f32; 2 * len], [2, len])?;
        let y: Vec<f32> = Sparsemax::new(-1).forward(&x)?.download()?;
        let share = 1.0 / len as f32;
        assert!(
            y.iter().all(|y| (y - share).abs() < 1e-6 * share),
            "{len}: {y:?}"
        );
        let sum: f64 = y[..len].iter().map(|y| f64::from(*y)).sum();
        assert!((sum - 1.0).abs() < 1e-6, "{len}: {sum}");
        for first in [0, 255, 256, 700, len - 1] {
            let mut row = vec![0.0f32; len];
            row[first..].iter_mut().step_by(97).for_each(|x| *x = 2.0);
            let x = device.gpu.upload(&row, [len])?;
            let y: Vec<f32> = Sparsemax::hard(0).forward(&x)?.download()?;
            let ones: Vec<_> = (0..len).filter(|index| y[*index] != 0.0).collect();
            assert_eq!((ones, y[first]), (vec![first], 1.0), "{len}");
        }
    }
    Ok(())
}

/// Tensors that take several windows give what those in one give, wherever a window begins.
fn windows<T: Element>(device: &Device) -> Result<(), Failed> {
    let small = device.with_limits(|limits| limits.max_storage_buffer_binding_size = 1 << 16);
    let shape = [37, 345, 7];
    let numbers = everyday(shape.iter().product(), 3);
    let x: Vec<T> = numbers.iter().map(|x| T::from_f64(*x)).collect();
    for operation in [1, 2]
        .into_iter()
        .flat_map(|axis| [Sparsemax::new(axis), Sparsemax::hard(axis)])
    {
        let run = |gpu: &Gpu| {
            let x = gpu.upload(&x, shape)?;
            let y = operation.forward(&x)?;
            let dx = operation.backward(&x, &x)?;
            Ok::<_, Error>([y.download::<T>()?, dx.download::<T>()?])
        };
        let whole = run(&device.gpu)?;
        for (whole, parts) in whole.iter().zip(run(&small.gpu)?) {
            same_bits(&format!("{operation:?}"), whole, &parts)?;
        }
    }
    let zero = T::from_f64(0.0);
    let long = small.gpu.upload(&[zero; 1 << 17], [1, 1 << 17])?;
    let error = Sparsemax::new(1).forward(&long).err();
    assert!(matches!(error, Some(Error::TooLarge { .. })), "{error:?}");
    Ok(())
}

fn wrong_use(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    let x = gpu.upload(&[0.0f32; 6], [2, 3])?;
    let error = Sparsemax::new(2).forward(&x).err();
    assert!(
        matches!(error, Some(Error::AxisOutOfRange { .. })),
        "{error:?}"
    );
    let other = gpu.allocate([3, 2], ElementType::F32)?;
    let error = Sparsemax::hard(1).forward_into(&x, &other).err();
    assert!(
        matches!(error, Some(Error::ShapeMismatch { .. })),
        "{error:?}"
    );
    let half = gpu.allocate([2, 3], ElementType::F16)?;
    let error = Sparsemax::new(1).backward(&x, &half).err();
    assert!(
        matches!(error, Some(Error::ElementMismatch { .. })),
        "{error:?}"
    );
    Ok(())
}
