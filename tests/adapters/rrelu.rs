//! Randomised leaky ReLU: what is particular to it. What holds of every family, `conformance` tries.

use libtest_mimic::{Failed, Trial};
use wgpu_activations::{
    Activation, Element, ElementType, Error, Gpu, Pointwise, Rrelu,
    family::rrelu::reference::Slopes,
};

use crate::{
    common::{Device, same_bits},
    with_element,
};

pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let mut trials = vec![
        device.trial("known-answers", known_answers),
        device.trial("wrong-use", wrong_use),
    ];
    for element in ElementType::ALL {
        let name = format!("in-place/{}", element.name());
        trials.push(device.trial(&name, move |device| {
            with_element!(element, in_place(&device.gpu))
        }));
    }
    trials
}

const INF: f32 = f32::INFINITY;

/// Slopes are those of the host, in inference the mean; what a slope of 0 leaves of infinity is 0.
fn known_answers(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    let x: Vec<f32> = (0..5001)
        .map(|index| if index % 7 == 0 { 2.5 } else { -1.0 })
        .collect();
    let rrelu = Rrelu::new(0.25, 0.75)?.seed(u64::MAX - 3);
    let y: Vec<f32> = rrelu.forward(&gpu.upload(&x, [x.len()])?)?.download()?;
    let slopes = Slopes {
        lower: 0.25,
        upper: 0.75,
        seed: Some(u64::MAX - 3),
    };
    for (index, (x, y)) in x.iter().zip(&y).enumerate() {
        let expected = if *x > 0.0 {
            2.5
        } else {
            -slopes.of(index as u64)
        };
        assert!(
            (f64::from(*y) - expected).abs() < 1e-7,
            "{index}: {y}, {expected}"
        );
    }
    let slopes: Vec<f32> = y.iter().copied().filter(|y| *y < 0.0).collect();
    let mean = -slopes.iter().sum::<f32>() / slopes.len() as f32;
    assert!((mean - 0.5).abs() < 0.01, "{mean}");

    let special = [-INF, INF, f32::NAN, 0.0, -0.0, -4.0];
    let x = gpu.upload(&special, [6])?;
    let y: Vec<f32> = Rrelu::new(0.0, 0.0)?.forward(&x)?.download()?;
    assert!(
        y[0] == 0.0 && y[1] == INF && y[2].is_nan() && y[3..] == [0.0; 3],
        "{y:?}"
    );
    let y: Vec<f32> = Rrelu::new(0.0, 0.5)?.forward(&x)?.download()?;
    let leaky = Activation::LEAKY_RELU.with(0.25)?;
    let expected: Vec<f32> = Pointwise::new(leaky).forward(&x)?.download()?;
    same_bits("inference", &expected, &y)
}

/// In place as elsewhere, and the same slopes on the way back.
fn in_place<T: Element>(gpu: &Gpu) -> Result<(), Failed> {
    for len in [0, 1, 5, 2049, 40_001] {
        let rrelu = Rrelu::new(0.125, 2.0)?.seed(9);
        let x: Vec<T> = (0..len)
            .map(|index| T::from_f64(f64::from(index % 9) - 6.0))
            .collect();
        let ones = vec![T::from_f64(1.0); x.len()];
        let x = gpu.upload(&x, [x.len()])?;
        let upstream = gpu.upload(&ones, [ones.len()])?;
        let (y, dx) = (rrelu.forward(&x)?, rrelu.backward(&x, &upstream)?);
        let (y, dx): (Vec<T>, Vec<T>) = (y.download()?, dx.download()?);
        rrelu.backward_in_place(&x, &upstream)?;
        same_bits("dx in place", &dx, &upstream.download::<T>()?)?;
        let before: Vec<T> = x.download()?;
        rrelu.forward_in_place(&x)?;
        same_bits("y in place", &y, &x.download::<T>()?)?;
        for ((x, y), dx) in before.iter().zip(&y).zip(&dx) {
            let (x, y, dx) = (x.to_f32(), y.to_f32(), dx.to_f32());
            assert!((y - x * dx).abs() <= 0.02 * y.abs(), "{x}: {y}, {dx}");
        }
    }
    Ok(())
}

fn wrong_use(device: &Device) -> Result<(), Failed> {
    for (lower, upper) in [(0.5, 0.25), (f32::NAN, 1.0), (0.0, INF), (-INF, 0.0)] {
        let error = Rrelu::new(lower, upper).err();
        assert!(
            matches!(error, Some(Error::ParameterOutOfRange { .. })),
            "{error:?}"
        );
    }
    let x = device.gpu.upload(&[0.0f32; 6], [2, 3])?;
    let error = Rrelu::new(0.1, 0.2)?.backward_in_place(&x, &x).err();
    assert!(matches!(error, Some(Error::Aliased { .. })), "{error:?}");
    Ok(())
}
