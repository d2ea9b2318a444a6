//! Log-sum-exp: what is particular to it. What holds of every family, `conformance` tries.

use libtest_mimic::{Failed, Trial};
use wgpu_activations::{Chain, Element, ElementType, Error, Gpu, LogSumExp, family::everyday};

use crate::{
    common::{Device, same_bits},
    with_element,
};

/// Those of a device.
pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let mut trials = vec![
        device.trial("known-answers", known_answers),
        device.trial("wrong-use", wrong_use),
    ];
    for element in ElementType::ALL {
        let name = format!("rows-of-nothing/{}", element.name());
        let trial = move |device: &Device| with_element!(element, rows_of_nothing(device));
        trials.push(device.trial(&name, trial));
        let name = format!("windows/{}", element.name());
        trials.push(device.trial(&name, move |device| with_element!(element, windows(device))));
    }
    trials
}

const INF: f32 = f32::INFINITY;

fn known_answers(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    // An element that dominates keeps what the others add: e^-20.
    let rows = [
        ([0.0, 0.0], std::f32::consts::LN_2),
        ([1000.0, 1000.0], 1000.0 + std::f32::consts::LN_2),
        ([0.0, -20.0], 2.061_153_6e-9),
        ([5.0, -INF], 5.0),
        ([-INF, -INF], -INF),
        ([INF, -INF], INF),
        ([f32::MAX, f32::MAX], f32::MAX),
        ([INF, f32::NAN], f32::NAN),
    ];
    let x: Vec<f32> = rows.iter().flat_map(|(row, _)| *row).collect();
    let x = gpu.upload(&x, [rows.len(), 2])?;
    let found: Vec<f32> = LogSumExp::new(-1).forward(&x)?.download()?;
    for ((row, expected), found) in rows.into_iter().zip(found) {
        let near = (found - expected).abs() <= 3e-7 * expected.abs();
        let same = found == expected || found.is_nan() && expected.is_nan();
        assert!(near || same, "{row:?}: {found}, expected {expected}");
    }
    let upstream = gpu.upload(&[2.0f32; 8], [8, 1])?;
    let dx: Vec<f32> = LogSumExp::new(-1).backward(&x, &upstream)?.download()?;
    assert_eq!(dx[..4], [1.0; 4]);
    assert_eq!(dx[6..8], [2.0, 0.0]);
    assert!(
        dx[8..12].iter().chain(&dx[14..]).all(|dx| dx.is_nan()),
        "{dx:?}"
    );
    Ok(())
}

/// Tensors that take several windows give what those in one give, wherever a window begins.
fn windows<T: Element>(device: &Device) -> Result<(), Failed> {
    let small = device.with_limits(|limits| limits.max_storage_buffer_binding_size = 1 << 16);
    let shape = [37, 345, 7];
    let numbers = everyday(shape.iter().product(), 3);
    let x: Vec<T> = numbers.iter().map(|x| T::from_f64(*x)).collect();
    for axis in [1, 2] {
        let run = |gpu: &Gpu| {
            let operation = LogSumExp::new(axis);
            let x = gpu.upload(&x, shape)?;
            let y = operation.forward(&x)?;
            let dx = operation.backward(&x, &y)?;
            Ok::<_, Error>([y.download::<T>()?, dx.download::<T>()?])
        };
        let whole = run(&device.gpu)?;
        for (whole, parts) in whole.iter().zip(run(&small.gpu)?) {
            same_bits(&format!("axis {axis}"), whole, &parts)?;
        }
    }
    let zero = T::from_f64(0.0);
    let long = small.gpu.upload(&[zero; 1 << 17], [1, 1 << 17])?;
    let error = LogSumExp::new(1).forward(&long).err();
    assert!(matches!(error, Some(Error::TooLarge { .. })), "{error:?}");
    Ok(())
}

/// The sum of nothing is 0, its logarithm -infinity; of the gradient nothing is left.
fn rows_of_nothing<T: Element>(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    for (shape, axis) in [([5, 0], 1), ([0, 7], 0)] {
        let x = gpu.upload::<T>(&[], shape)?;
        let operation = LogSumExp::new(axis);
        let y = operation.forward(&x)?;
        let found = y.download::<T>()?;
        let rows: usize = shape.iter().sum();
        assert_eq!(found.len(), rows);
        assert!(found.iter().all(|y| y.to_f32() == -INF), "{shape:?}");
        let dx = operation.backward(&x, &y)?;
        assert_eq!(dx.shape(), shape);
        // Beside other tensors' work in one recording, through which nothing is left, either.
        let chain: Chain = format!("logsumexp(axis={axis}) | tanh").parse()?;
        let y = chain.forward(&x)?.download::<T>()?;
        assert!(y.len() == rows && y.iter().all(|y| y.to_f32() == -1.0));
    }
    // Elsewhere there are neither rows nor results.
    let x = gpu.upload::<T>(&[], [0, 3])?;
    assert_eq!(LogSumExp::new(1).forward(&x)?.shape(), [0, 1]);
    Ok(())
}

fn wrong_use(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    let x = gpu.upload(&[0.0f32; 6], [2, 3])?;
    let error = LogSumExp::new(2).forward(&x).err();
    assert!(
        matches!(error, Some(Error::AxisOutOfRange { .. })),
        "{error:?}"
    );
    let wide = gpu.allocate([2, 3], ElementType::F32)?;
    let error = LogSumExp::new(1).forward_into(&x, &wide).err();
    assert!(
        matches!(error, Some(Error::ShapeMismatch { .. })),
        "{error:?}"
    );
    let half = gpu.allocate([2, 1], ElementType::F16)?;
    let error = LogSumExp::new(1).backward(&x, &half).err();
    assert!(
        matches!(error, Some(Error::ElementMismatch { .. })),
        "{error:?}"
    );
    let alone = gpu.upload(&[1.0f32], [1])?;
    let error = LogSumExp::new(0).forward_into(&alone, &alone).err();
    assert!(matches!(error, Some(Error::Aliased { .. })), "{error:?}");
    Ok(())
}
