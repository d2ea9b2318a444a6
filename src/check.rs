//! Runs activations on a device over inputs that find errors, and compares with the reference.

mod families;
#[doc(hidden)]
pub mod streamed;
#[doc(hidden)]
pub mod streamed_backward;

pub use families::{allowed, check_family};

use half::{bf16, f16};
use rayon::prelude::*;

use crate::{
    accuracy::{Expectation, Report, Tolerance},
    activation::Activation,
    element::{Element, ElementType},
    error::Result,
    family::pointwise::Pointwise,
    gpu::Gpu,
    wgsl::Math,
};

/// Elements compared by one task.
const TASK: usize = 1 << 14;

/// Inputs per step of an exhaustive check.
const STEP: u64 = 1 << 22;

/// Direction of a pass.
///
/// ```
/// use wgpu_activations::check::Pass;
///
/// assert_eq!(Pass::ALL.map(Pass::name), ["forward", "backward"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    feature = "bench",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "lowercase")
)]
pub enum Pass {
    /// y = f(x).
    Forward,
    /// dx = f'(x) upstream.
    Backward,
}

impl Pass {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Forward, Self::Backward];

    /// `forward` or `backward`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Backward => "backward",
        }
    }
}

/// Inputs at which activations go wrong: special values, the edges of f32, where exponentials
/// overflow or vanish, where functions saturate, where slopes cross zero; both signs of each.
///
/// ```
/// use wgpu_activations::check::grid;
///
/// let grid = grid();
/// assert_eq!(grid.len(), 78);
/// assert!(grid.contains(&f32::MAX) && grid.iter().any(|x| x.is_nan()));
/// ```
pub fn grid() -> Vec<f32> {
    const MAGNITUDES: [f32; 37] = [
        0.0,
        1e-45,
        1.1754942e-38,
        f32::MIN_POSITIVE,
        1e-30,
        1e-20,
        1e-8,
        1e-4,
        0.125,
        0.5,
        0.752,
        0.7517916,
        1.0,
        1.192,
        1.1924568,
        1.278,
        1.2784645,
        5.3,
        5.5,
        10.0,
        11.09,
        12.9,
        13.0,
        17.4,
        20.0,
        44.0,
        87.3,
        88.7,
        88.8,
        91.9,
        104.0,
        1e4,
        1e13,
        1e30,
        3e38,
        f32::MAX,
        f32::INFINITY,
    ];
    let signed = MAGNITUDES
        .iter()
        .flat_map(|&magnitude| [magnitude, -magnitude]);
    let nans = [0x7fc0_0000, 0xffc0_0000, 0x7f80_0001, 0xffff_ffff].map(f32::from_bits);
    signed.chain(nans).collect()
}

/// Pseudo-random words, the same for the same seed (SplitMix64).
///
/// ```
/// use wgpu_activations::check::words;
///
/// assert!(words(1).take(1000).eq(words(1).take(1000)));
/// assert_ne!(words(1).next(), words(2).next());
/// ```
pub fn words(seed: u64) -> impl Iterator<Item = u32> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 32) as u32
    })
}

/// A type with the inputs that a check of it takes.
///
/// ```
/// use half::f16;
/// use wgpu_activations::check::CheckedElement;
///
/// assert_eq!(f16::inputs().len(), 65_536);
/// assert!(f32::inputs().contains(&f32::MIN_POSITIVE));
/// ```
pub trait CheckedElement: Element {
    /// Every bit pattern of a 16-bit type; of f32 the grid, random bit patterns, and random
    /// numbers where activations bend.
    fn inputs() -> Vec<Self>;
}

impl CheckedElement for f32 {
    fn inputs() -> Vec<Self> {
        const RANDOM: usize = 1 << 17;
        let patterns = words(1).take(RANDOM).map(Self::from_bits);
        let bends = words(2).take(RANDOM).enumerate().map(|(index, word)| {
            let reach = [1.0, 20.0, 110.0][index % 3];
            (word as i32 as Self / i32::MAX as Self) * reach
        });
        grid().into_iter().chain(patterns).chain(bends).collect()
    }
}

impl CheckedElement for f16 {
    fn inputs() -> Vec<Self> {
        (0..=u16::MAX).map(Self::from_bits).collect()
    }
}

impl CheckedElement for bf16 {
    fn inputs() -> Vec<Self> {
        (0..=u16::MAX).map(Self::from_bits).collect()
    }
}

/// Upstream gradients for inputs: mostly of everyday size, one in eight of any finite bit pattern.
fn upstream_for<T: CheckedElement>(count: usize) -> Vec<T> {
    words(3)
        .take(count)
        .map(|word| {
            let any = f32::from_bits(word.rotate_left(7));
            let everyday = f64::from(word as i32) / f64::from(1 << 29);
            let value = if word.is_multiple_of(8) && any.is_finite() {
                f64::from(any)
            } else {
                everyday
            };
            let element = T::from_f64(value);
            if element.to_f32().is_finite() {
                element
            } else {
                T::from_f64(everyday)
            }
        })
        .collect()
}

/// Runs `activation` on `gpu` over [`CheckedElement::inputs`].
///
/// ```no_run
/// use wgpu_activations::{Activation, Gpu, Math, check::{self, Pass}};
///
/// let gpu = Gpu::new()?;
/// let report = check::check::<f32>(&gpu, Activation::GELU, Pass::Forward, Math::Accurate)?;
/// assert!(report.passed(), "{report}");
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
///
/// # Errors
///
/// What the device reports; a wrong result is not an error but a [`Report`] that did not pass.
pub fn check<T: CheckedElement>(
    gpu: &Gpu,
    activation: Activation,
    pass: Pass,
    math: Math,
) -> Result<Report> {
    let x = T::inputs();
    let op = Pointwise::new(activation).math(math);
    let input = gpu.upload(&x, [x.len()])?;
    let upstream = upstream_for::<T>(x.len());
    let (found, upstream, tolerance): (Vec<T>, _, _) = match pass {
        Pass::Forward => (
            op.forward(&input)?.download()?,
            None,
            Tolerance::forward(T::TYPE, math),
        ),
        Pass::Backward => {
            let dx = op.backward(&input, &gpu.upload(&upstream, [x.len()])?)?;
            let tolerance = Tolerance::backward(activation, T::TYPE, math);
            (dx.download()?, Some(&upstream[..]), tolerance)
        }
    };
    let expectation = Expectation {
        activation,
        channels: None,
        x: &x,
        upstream,
        tolerance,
    };
    compare(&expectation, &found)
}

/// [`check`] for an element type chosen at run time.
///
/// ```no_run
/// # use wgpu_activations::{Activation, ElementType, Gpu, Math, check::{self, Pass}};
/// # let gpu = Gpu::new()?;
/// let (gelu, accurate) = (Activation::GELU, Math::Accurate);
/// for element in ElementType::ALL {
///     let report = check::check_element(&gpu, gelu, Pass::Backward, element, accurate)?;
///     println!("{}: {report}", element.name());
/// }
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
///
/// # Errors
///
/// As [`check`].
pub fn check_element(
    gpu: &Gpu,
    activation: Activation,
    pass: Pass,
    element: ElementType,
    math: Math,
) -> Result<Report> {
    match element {
        ElementType::F32 => check::<f32>(gpu, activation, pass, math),
        ElementType::F16 => check::<f16>(gpu, activation, pass, math),
        ElementType::Bf16 => check::<bf16>(gpu, activation, pass, math),
    }
}

/// Compares every element of `found`, on all processors.
///
/// ```
/// use wgpu_activations::{Activation, ElementType, Math, check};
/// use wgpu_activations::accuracy::{Expectation, Tolerance};
///
/// let x = vec![-1.0f32; 1 << 20];
/// let expectation = Expectation {
///     activation: Activation::RELU,
///     channels: None,
///     x: &x,
///     upstream: None,
///     tolerance: Tolerance::forward(ElementType::F32, Math::Accurate),
/// };
/// assert!(check::compare(&expectation, &vec![0.0; 1 << 20])?.passed());
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
///
/// # Errors
///
/// As [`Expectation::check`].
pub fn compare<T: Element>(expectation: &Expectation<'_, T>, found: &[T]) -> Result<Report> {
    let len = expectation.x.len();
    (0..len.div_ceil(TASK))
        .into_par_iter()
        .map(|task| expectation.check_at(found, task * TASK..len.min((task + 1) * TASK)))
        .try_reduce(Report::default, |a, b| Ok(a.merge(b)))
}

/// Runs y = f(x) for all 2^32 f32 inputs on each of `gpus`, and calls `progress` with the number
/// of inputs done. The reports come in the order of `gpus`.
///
/// ```no_run
/// use wgpu_activations::{Activation, Gpu, Math, check};
///
/// let gpus = [Gpu::new()?];
/// let told = |done: u64| eprintln!("{:.0} %", 100.0 * done as f64 / f64::powi(2.0, 32));
/// for report in check::exhaustive(&gpus, Activation::TANH, Math::Accurate, told)? {
///     assert!(report.passed(), "{report}");
/// }
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
///
/// # Errors
///
/// What a device reports.
pub fn exhaustive(
    gpus: &[Gpu],
    activation: Activation,
    math: Math,
    progress: impl Fn(u64),
) -> Result<Vec<Report>> {
    let op = Pointwise::new(activation).math(math);
    let tolerance = Tolerance::forward(ElementType::F32, math);
    let mut reports = vec![Report::default(); gpus.len()];
    let mut x = vec![0.0f32; STEP as usize];
    let mut expected = vec![0.0f64; STEP as usize];
    let mut found = vec![0.0f32; STEP as usize];
    for start in (0..1u64 << 32).step_by(STEP as usize) {
        let inputs = x
            .par_iter_mut()
            .zip(&mut expected)
            .enumerate()
            .with_min_len(TASK);
        inputs.for_each(|(index, (x, expected))| {
            *x = f32::from_bits((start + index as u64) as u32);
            *expected = activation.value(f64::from(*x));
        });
        let expectation = Expectation {
            activation,
            channels: None,
            x: &x,
            upstream: None,
            tolerance,
        };
        for (gpu, report) in gpus.iter().zip(&mut reports) {
            let tensor = gpu.upload(&x, [x.len()])?;
            op.forward_in_place(&tensor)?;
            tensor.download_into(&mut found)?;
            let step = found
                .par_iter()
                .zip(&expected)
                .enumerate()
                .with_min_len(TASK)
                .fold(
                    Report::default,
                    |mut report, (index, (&found, &expected))| {
                        // Most results are exact or the nearest f32: no worse than any seen so far.
                        let worst = report.worst.map_or(-1.0, |worst| worst.ulp);
                        let exact = f64::from(found) == expected && worst >= 0.0;
                        let nearest =
                            found.to_bits() == (expected as f32).to_bits() && worst >= 0.5;
                        if exact || nearest {
                            report.compared += 1;
                        } else {
                            report.add(expectation.sample(index, found, expected));
                        }
                        report
                    },
                )
                .reduce(Report::default, Report::merge);
            *report = std::mem::take(report).merge(step);
        }
        progress(start + STEP);
    }
    Ok(reports)
}
