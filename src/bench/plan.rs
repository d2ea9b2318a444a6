//! Which cases a run measures, and how long it takes over each.

use super::{
    case::{BASELINES, CALL, Case, LAUNCHES, MOMENTS, operations},
    data::MOST_RINGS,
    record::Kind,
};
use crate::{check::Pass, element::ElementType, wgsl::Math};

/// Bytes of an input where no size is given, except on software adapters.
const HARDWARE_SIZE: u64 = 16 << 20;

/// What a run measures, and how.
///
/// ```
/// use wgpu_activations::{ElementType, bench::Plan};
///
/// let plan = Plan { ops: vec!["gelu"], elements: vec![ElementType::F16], ..Plan::quick() };
/// assert_eq!(plan.samples, 30);
/// assert!(Plan::full().elements.contains(&ElementType::Bf16));
/// assert!(Plan::standard().min_time_ms > plan.min_time_ms);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The name that result files give it.
    pub preset: &'static str,
    /// Operations, of [`operations`].
    pub ops: Vec<&'static str>,
    /// Directions.
    pub passes: Vec<Pass>,
    /// Element types.
    pub elements: Vec<ElementType>,
    /// Where elementary functions come from.
    pub maths: Vec<Math>,
    /// Sizes of the input, bytes; none for the preset's own.
    pub sizes: Vec<u64>,
    /// Whether the trip from the host and back and the cost of launching are measured, too.
    pub host_side: bool,
    /// Samples of each row, at least.
    pub samples: u32,
    /// Rounds that they are spread over.
    pub rounds: u32,
    /// What a sample lasts at least, milliseconds.
    pub min_time_ms: f64,
    /// What the tensors that take turns hold together at least, bytes.
    pub working_set_bytes: u64,
}

impl Plan {
    /// A minute on a software adapter: every operation, f32, one size.
    pub fn quick() -> Self {
        Self {
            preset: "quick",
            ops: operations(),
            passes: Pass::ALL.to_vec(),
            elements: vec![ElementType::F32],
            maths: vec![Math::Accurate],
            sizes: Vec::new(),
            host_side: true,
            samples: 30,
            rounds: 5,
            min_time_ms: 3.0,
            working_set_bytes: 128 << 20,
        }
    }

    /// What is worth keeping: 64 MiB, both maths, samples of 20 ms.
    pub fn standard() -> Self {
        Self {
            preset: "standard",
            maths: Math::ALL.to_vec(),
            sizes: vec![64 << 20],
            min_time_ms: 20.0,
            working_set_bytes: 512 << 20,
            ..Self::quick()
        }
    }

    /// All there is: every element type, sizes from 64 KiB to 256 MiB.
    pub fn full() -> Self {
        Self {
            preset: "full",
            elements: ElementType::ALL.to_vec(),
            sizes: (0..7).map(|step| (64 << 10) << (2 * step)).collect(),
            ..Self::standard()
        }
    }

    /// For a browser: the quick plan without what only a host that waits can measure, in tensors that hold `memory`
    /// bytes together at most, 80 MiB or more, and samples that last `min_time_ms`, since browsers' clocks go in steps.
    pub fn browser(memory: u64, min_time_ms: f64) -> Self {
        let quick = Self::quick();
        let ring = memory / MOST_RINGS;
        let whole = ring - ring % HARDWARE_SIZE;
        Self {
            preset: "browser",
            host_side: false,
            samples: 6,
            rounds: 2,
            min_time_ms,
            working_set_bytes: quick.working_set_bytes.min(2 * whole),
            ..quick
        }
    }

    /// Sizes on a device of this type: unless they are given, 16 MiB, and 2 MiB on a software adapter.
    fn sizes_on(&self, r#type: &str) -> Vec<u64> {
        match &self.sizes[..] {
            [] if r#type == "software" => vec![2 << 20],
            [] => vec![HARDWARE_SIZE],
            sizes => sizes.to_vec(),
        }
    }

    /// The cases for a device of this type, as [`DeviceFacts`](super::record::DeviceFacts) has it, those of one element type and size together.
    pub(super) fn cases(&self, r#type: &str) -> Vec<Vec<Case>> {
        let sizes = self.sizes_on(r#type);
        let on_cpu = r#type == "cpu";
        let case = |kind, op: &str, pass, bytes| Case {
            kind,
            op: op.to_owned(),
            pass,
            element: ElementType::F32,
            math: Math::Accurate,
            bytes,
        };
        let mut groups = Vec::new();
        for &element in &self.elements {
            for &bytes in &sizes {
                let baseline = |op| Case {
                    element,
                    ..case(Kind::Baseline, op, None, bytes)
                };
                let mut group = BASELINES.map(baseline).to_vec();
                for op in &self.ops {
                    for &pass in &self.passes {
                        for &math in &self.maths {
                            let case = Case {
                                element,
                                math,
                                ..case(Kind::Kernel, op, Some(pass), bytes)
                            };
                            if case.is_sensible(self) && !(on_cpu && case.is_of_gpus()) {
                                group.push(case);
                            }
                        }
                    }
                }
                groups.push(group);
            }
        }
        if self.host_side {
            let largest = sizes.into_iter().max().unwrap_or_default();
            let offload = case(Kind::Offload, "gelu", Some(Pass::Forward), 4 * largest);
            let launches = if on_cpu { &[CALL][..] } else { &LAUNCHES };
            let launches = launches.iter().map(|op| case(Kind::Launch, op, None, 4));
            groups.push([offload].into_iter().chain(launches).collect());
        }
        groups
    }
}

impl Case {
    /// Whether the processor has no such thing: moments alone, and an adapter's math.
    fn is_of_gpus(&self) -> bool {
        self.op == MOMENTS || self.math == Math::Native
    }

    /// Whether there is such a thing: moments go forward only, and where no elementary function is
    /// taken both maths are one.
    fn is_sensible(&self, plan: &Plan) -> bool {
        let one_math = self.op == MOMENTS
            || self
                .benchmark()
                .is_ok_and(|benchmark| !benchmark.takes_math);
        let first = plan.maths.first() == Some(&self.math);
        (first || !one_math) && (self.op != MOMENTS || self.pass == Some(Pass::Forward))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_in_every_preset_once_per_setting() {
        for plan in [Plan::quick(), Plan::standard(), Plan::full()] {
            let groups = plan.cases("software");
            for op in operations() {
                for group in groups.iter().filter(|group| group.len() > 3) {
                    let forward = |case: &&Case| case.op == op && case.pass == Some(Pass::Forward);
                    let count = group.iter().filter(forward).count();
                    assert!((1..=2).contains(&count), "{op}: {count} in {}", plan.preset);
                }
            }
            let all: Vec<_> = groups.concat();
            for (index, case) in all.iter().enumerate() {
                assert!(!all[..index].contains(case), "{case:?} twice");
            }
        }
    }

    #[test]
    fn the_processor_has_no_math_of_an_adapter_and_no_moments() {
        let cases = Plan::standard().cases("cpu").concat();
        for op in operations() {
            let of_op = cases
                .iter()
                .filter(|case| case.op == op && case.kind == Kind::Kernel);
            assert_eq!(of_op.count(), if op == MOMENTS { 0 } else { 2 }, "{op}");
        }
        let launches = cases.iter().filter(|case| case.kind == Kind::Launch);
        assert_eq!(launches.map(|case| &*case.op).collect::<Vec<_>>(), [CALL]);
    }

    #[test]
    fn a_browsers_tensors_keep_to_its_memory() {
        for (memory, sets) in [(80 << 20, 1), (256 << 20, 3), (4 << 30, 4)] {
            let plan = Plan::browser(memory, 20.0);
            let ring = plan.working_set_bytes.div_ceil(2 * HARDWARE_SIZE) * HARDWARE_SIZE;
            assert_eq!(ring, sets * HARDWARE_SIZE);
            assert!(MOST_RINGS * ring <= memory);
            let cases = plan.cases("discrete").concat();
            assert!(cases.iter().all(|case| !case.is_of_host()));
        }
    }

    #[test]
    fn tensors_are_whole_rows() {
        for case in Plan::full().cases("discrete").concat() {
            if case.kind == Kind::Kernel {
                let shape = case.shape();
                assert_eq!(shape.iter().product::<usize>(), case.len(), "{case:?}");
            }
        }
    }
}
