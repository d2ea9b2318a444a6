//! What the activations cost on a device, compared with each other.

use std::{rc::Rc, time::Duration};

use super::{
    case::Case,
    clock::Stopwatch,
    data::Data,
    record::Kind,
    stats::median,
    work::{self, Baseline},
};
use crate::{
    activation::Activation, check::Pass, element::ElementType, error::Result, gpu::Gpu, wgsl::Math,
};

/// What a sample lasts at least.
const MIN_TIME: Duration = Duration::from_millis(8);

/// Samples of each, taken in turn.
const ROUNDS: usize = 9;

/// Bytes that the tensors of a kernel hold together: more than caches do.
const WORKING_SET: u64 = 128 << 20;

/// What the others are compared with.
const YARDSTICK: &str = "relu";

/// The time of each activation's forward pass in f32, with accurate math, as a multiple of ReLU's: the
/// median over rounds in which all take turns. `watch` is told what is prepared.
///
/// ```no_run
/// use wgpu_activations::{Gpu, bench};
///
/// let gpu = Gpu::new()?;
/// for (name, cost) in bench::costs(&gpu, |_| ())? {
///     println!("{name}: {cost:.1} times ReLU");
/// }
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
///
/// # Errors
///
/// What the device reports.
pub fn costs(gpu: &Gpu, watch: impl Fn(&str)) -> Result<Vec<(&'static str, f64)>> {
    let bytes = if gpu.is_software() { 8 << 20 } else { 64 << 20 };
    let element = ElementType::F32;
    let data = Rc::new(Data::new(gpu, element, bytes, WORKING_SET));
    let stopwatch = Stopwatch::new(gpu, &Baseline::of("copy", &data)?)?;
    let mut works = Vec::new();
    for activation in Activation::all() {
        watch(activation.name());
        let case = Case {
            kind: Kind::Kernel,
            op: activation.name().to_owned(),
            pass: Some(Pass::Forward),
            element,
            math: Math::Accurate,
            bytes,
        };
        let work = work::build(&case, &data)?;
        let repeats = stopwatch.repeats(&*work, MIN_TIME)?;
        works.push((activation.name(), work, repeats, Vec::new()));
    }
    for _ in 0..ROUNDS {
        for (name, work, repeats, times) in &mut works {
            watch(name);
            times.push(stopwatch.sample(&**work, *repeats)?);
        }
    }
    let yardstick = works.iter().find(|(name, ..)| *name == YARDSTICK);
    let yardstick = yardstick.map_or_else(Vec::new, |(.., times)| times.clone());
    let ratio = |times: &[f64]| {
        let ratios: Vec<_> = times
            .iter()
            .zip(&yardstick)
            .map(|(own, relu)| own / relu)
            .collect();
        median(&ratios)
    };
    Ok(works
        .iter()
        .map(|(name, _, _, times)| (*name, ratio(times)))
        .collect())
}
