//! Kernels of any shape give results within the tolerances.

use libtest_mimic::{Failed, Trial};
use wgpu_activations::{
    Activation, ElementType, Gpu, Math, Moments, Pointwise,
    accuracy::inputs::words,
    check::{self, Pass},
    family::of_many_elements,
    gpu::Tuning,
};

use crate::{common::Device, conformance::has_kernels};

/// Odd, large, and what suits a device with cheap barriers.
const TUNINGS: [[u32; 9]; 3] = [
    [0, 64, 0, 0, 7, 9, 3, 3, 9],
    [512, 64, 4, 8, 256, 8, 1, 16, 4],
    [256, 32, 1, 4, 16, 1, 8, 4, 1],
];

/// In the order of the fields; the last two are families' own.
fn tuning(numbers: [u32; 9]) -> Tuning {
    let of_families = [
        ("softmax_vectors", numbers[7]),
        ("maxout_groups", numbers[8]),
    ];
    Tuning {
        pointwise_threads: numbers[0],
        word_bits: numbers[1],
        lanes: numbers[2],
        column_rows: numbers[3],
        reduction_rows: numbers[4],
        reduction_vectors: numbers[5],
        reduction_threads: numbers[6],
        of_families: of_families
            .map(|(name, number)| (name.to_owned(), number))
            .into(),
    }
}

pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    // Which kernels are chosen does not depend on the backend, for all of which `tests/wgsl.rs` translates them.
    if !device.trusted() || device.adapter.info().backend == wgpu::Backend::Gl {
        return Vec::new();
    }
    let trials = TUNINGS.iter().enumerate();
    trials
        .map(|(index, &numbers)| {
            device.trial(&index.to_string(), move |device| {
                tuned(device, tuning(numbers))
            })
        })
        .collect()
}

fn tuned(device: &Device, tuning: Tuning) -> Result<(), Failed> {
    let gpu = device.gpu.with_tuning(tuning);
    let (element, math) = (ElementType::F32, Math::Accurate);
    for pass in Pass::ALL {
        for element in [ElementType::F32, ElementType::F16] {
            let report = check::check(&gpu, &Activation::ELU, pass, element, math)?;
            assert!(report.passed(), "{report}");
        }
        for family in of_many_elements().filter(|family| has_kernels(*family)) {
            let report = check::check(&gpu, family, pass, element, math)?;
            assert!(report.passed(), "{report}");
        }
    }
    // Rows of two pages each, and not a whole number of walks.
    let shape = [345, 2048];
    let numbers = words(1).take(shape[0] * shape[1]);
    let numbers: Vec<f32> = numbers
        .map(|word| word as i32 as f32 / (1 << 29) as f32)
        .collect();
    let x = gpu.upload(&numbers, shape)?;
    let found = x.moments(-1)?.download()?;
    let wide: Vec<_> = numbers.iter().map(|&x| f64::from(x)).collect();
    let expected = Moments::of(&wide, shape[1], 1)?;
    let slopes = gpu.upload(&vec![0.25f32; shape[1]], [shape[1]])?;
    let prelu = Pointwise::new(Activation::PRELU).per_channel(&slopes, -1)?;
    let gradient: Vec<f32> = prelu.gradients(&x, &x)?.parameters[0].download()?;
    for (channel, gradient) in gradient.into_iter().map(f64::from).enumerate() {
        let (found, expected) = (found.variance()[channel], expected.variance()[channel]);
        assert!(
            (found - expected).abs() <= 1e-6 * expected,
            "{found}, not {expected}"
        );
        let column = wide.iter().skip(channel).step_by(shape[1]);
        let squares = column.filter(|x| **x < 0.0).map(|x| x * x);
        let expected: f64 = squares.sum();
        assert!(
            (gradient - expected).abs() <= 1e-6 * expected,
            "{gradient}, not {expected}"
        );
    }
    long_walks(&gpu)
}

/// Equal terms, so that rounding errors do not average out, over more rows than a thread may walk.
fn long_walks(gpu: &Gpu) -> Result<(), Failed> {
    let shape = [4096, 32];
    let x = gpu.upload(&vec![-1.9725f32; shape[0] * shape[1]], shape)?;
    let upstream = gpu.upload(&vec![1.0f32; shape[0] * shape[1]], shape)?;
    let slopes = gpu.upload(&vec![0.25f32; shape[1]], [shape[1]])?;
    let prelu = Pointwise::new(Activation::PRELU).per_channel(&slopes, -1)?;
    let gradient: Vec<f32> = prelu.gradients(&x, &upstream)?.parameters[0].download()?;
    let expected = f64::from(-1.9725f32) * shape[0] as f64;
    for gradient in gradient.into_iter().map(f64::from) {
        assert!(
            (gradient - expected).abs() <= 1e-6 * expected.abs(),
            "{gradient}, not {expected}"
        );
    }
    Ok(())
}
