//! Operations that are timed in turn, to be compared with each other.

use std::{rc::Rc, time::Duration};

use pollster::block_on;

use super::{
    case::Case,
    clock::Stopwatch,
    data::Data,
    record::Kind,
    work::{self, Baseline, Measurable},
};
use crate::{check::Pass, element::ElementType, error::Result, gpu::Gpu, wgsl::Math};

/// Bytes that the tensors of an operation hold together: more than caches do.
const WORKING_SET: u64 = 128 << 20;

/// Operations in f32 with accurate math on one device, ready to be timed.
pub(super) struct Lineup {
    stopwatch: Stopwatch,
    works: Vec<(Box<dyn Measurable>, u32)>,
}

impl Lineup {
    /// Of `ops`, whose samples last `min_time` at least. `watch` is told what is prepared.
    pub(super) fn new(
        gpu: &Gpu,
        ops: &[(&'static str, Pass)],
        min_time: Duration,
        watch: impl Fn(&str),
    ) -> Result<Self> {
        let bytes = if gpu.is_software() { 8 << 20 } else { 64 << 20 };
        let element = ElementType::F32;
        let data = Rc::new(Data::new(gpu, element, bytes, WORKING_SET));
        let stopwatch = block_on(Stopwatch::new(gpu, &Baseline::of("copy", &data)?))?;
        let mut works = Vec::new();
        for &(op, pass) in ops {
            watch(op);
            let case = Case {
                kind: Kind::Kernel,
                op: op.to_owned(),
                pass: Some(pass),
                element,
                math: Math::Accurate,
                bytes,
            };
            let work = work::build(&case, &data)?;
            let repeats = block_on(stopwatch.repeats(&*work, min_time))?;
            works.push((work, repeats));
        }
        Ok(Self { stopwatch, works })
    }

    /// Nanoseconds of one execution of each operation.
    pub(super) fn times(&self) -> impl Iterator<Item = Result<f64>> {
        let works = self.works.iter();
        works.map(|(work, repeats)| block_on(self.stopwatch.sample(&**work, *repeats)))
    }
}
