//! Random cases: any operation with any parameters over any numbers of any shape, on tensors or streamed.

use super::{Pass, Share, Verifier, check_chain};
use crate::{
    accuracy::Report,
    chain::Chain,
    device::Device,
    element::{Element, ElementType},
    error::{Error, ErrorKind, Result},
    family::{Arguments, Array, Draw, Drawn, Family, Value},
    io::{Shared, Slice},
    offload::{Offload, Purpose, Request},
    with_element,
};

/// Axes of an input at most.
const RANK: usize = 6;

/// About how many elements an input has at most, and once in a while.
const ELEMENTS: [usize; 2] = [1 << 12, 1 << 17];

/// Bytes of the memory that a streamed case is given: the logarithm's bounds.
const MEMORY: (f64, f64) = (4.0, 7.0);

/// What a case may be refused for.
const REFUSED: [ErrorKind; 4] = [
    ErrorKind::Parameter,
    ErrorKind::Shape,
    ErrorKind::Usage,
    ErrorKind::TooLarge,
];

/// One case, the same for the same seed: all that a run of the command takes.
///
/// ```
/// use wgpu_activations::{Gpu, check::RandomCase, family};
///
/// let families: Vec<_> = family::families().collect();
/// let case = RandomCase::new(1, &families);
/// let gpu = Gpu::new()?;
/// match case.check(&gpu)? {
///     Some(report) => assert_eq!(report.failed, 0, "{report}"),
///     None => println!("refused, as a shape that the operation does not take"),
/// }
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Clone)]
pub struct RandomCase<'a> {
    /// The chain's operations: each a family, a user's own too, and its parameters.
    pub operations: Vec<(&'a dyn Family, Drawn)>,
    /// The input's shape.
    pub shape: Vec<usize>,
    /// What input and result are stored as.
    pub element: ElementType,
    /// The inputs, as they are stored.
    pub inputs: Vec<Vec<f32>>,
    /// Upstream gradients, as they are stored, in a case of a backward pass.
    pub upstream: Option<Vec<f32>>,
    /// The memory for chunks, where it is streamed.
    pub memory: Option<u64>,
}

impl<'a> RandomCase<'a> {
    /// The case of `seed`, of operations of `families`; where there are none, [`RandomCase::chain`] fails.
    pub fn new(seed: u64, families: &[&'a dyn Family]) -> Self {
        let mut draw = Draw::new(seed);
        let most = ELEMENTS[usize::from(draw.once_in(16))];
        let mut shape = draw.shape(RANK, most);
        let element = draw.one_of(&ElementType::ALL);
        let steps = match draw.below(8) {
            0 => 2 + draw.below(2),
            _ => 1,
        };
        let mut operations = Vec::new();
        let mut at = shape.clone();
        for step in 0..steps {
            let Some(&family) = families.get(draw.below(families.len())) else {
                break;
            };
            let drawn = family.draw(&mut draw, &mut at);
            let operation = (family, drawn);
            let alone = chain(std::slice::from_ref(&operation));
            if step > 0 && alone.as_ref().is_ok_and(|chain| chain.inputs() > 1) {
                // It takes more than what comes before gives.
                continue;
            }
            if step == 0 {
                shape.clone_from(&at);
            }
            if let Ok(after) = alone.and_then(|it| it.result_shape(&at)) {
                at = after;
            }
            operations.push(operation);
        }
        let numbers = |draw: &mut Draw, shape: &[usize]| {
            let len = shape.iter().product();
            with_element!(element, T => draw.numbers::<T>(len, true).into_iter().map(T::to_f32).collect())
        };
        let count = chain(&operations[..operations.len().min(1)]).map_or(1, |it| it.inputs());
        let inputs = (0..count).map(|_| numbers(&mut draw, &shape)).collect();
        let upstream = draw.once_in(2).then(|| numbers(&mut draw, &at));
        let memory = draw
            .once_in(2)
            .then(|| draw.magnitude(MEMORY.0, MEMORY.1) as u64);
        Self {
            operations,
            shape,
            element,
            inputs,
            upstream,
            memory,
        }
    }

    /// The chain of its operations.
    ///
    /// # Errors
    ///
    /// Where a family refuses the parameters.
    pub fn chain(&self) -> Result<Chain> {
        chain(&self.operations)
    }

    /// Which pass it tries.
    pub const fn pass(&self) -> Pass {
        match self.upstream {
            None => Pass::Forward,
            Some(_) => Pass::Backward,
        }
    }

    /// Runs it on a device, and compares every element, every gradient of a parameter and all that the operation gives
    /// beside. None where it is refused for its shape, its parameters or its memory.
    ///
    /// # Errors
    ///
    /// What the device reports, and what is no fault of the case.
    pub fn check(&self, device: impl Into<Device>) -> Result<Option<Report>> {
        let device = device.into();
        let report = with_element!(self.element, T => self.run::<T>(&device));
        match report {
            Ok(report) => Ok(Some(report)),
            Err(error) if REFUSED.contains(&error.kind()) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn run<T: Element>(&self, device: &Device) -> Result<Report> {
        let chain = self.chain()?;
        let stored =
            |x: &Vec<f32>| -> Vec<T> { x.iter().map(|&x| T::from_f64(f64::from(x))).collect() };
        let x: Vec<_> = self.inputs.iter().map(stored).collect();
        let upstream = self.upstream.as_ref().map(stored);
        match self.memory {
            None => check_chain(device, &chain, &self.shape, x, upstream),
            Some(memory) => {
                let offload = Offload::new(device).memory(memory);
                check_streamed(&offload, &chain, &self.shape, &x, upstream.as_deref())
            }
        }
    }

    /// The smallest case found that `fails` as this one does: with operations left out, in memory, and with axes cut
    /// short.
    #[must_use]
    pub fn smallest(&self, fails: impl Fn(&Self) -> bool) -> Self {
        let mut best = self.clone();
        while let Some(smaller) = best.smaller().into_iter().find(|it| fails(it)) {
            best = smaller;
        }
        best
    }

    /// Cases that are a step smaller.
    fn smaller(&self) -> Vec<Self> {
        let mut cases = Vec::new();
        if let ([first @ .., _], [_, last @ ..]) = (&self.operations[..], &self.operations[..]) {
            let fewer = [last, first].into_iter().filter(|it| !it.is_empty());
            cases.extend(fewer.map(|operations| Self {
                operations: operations.to_vec(),
                ..self.clone()
            }));
        }
        if self.memory.is_some() {
            cases.push(Self {
                memory: None,
                ..self.clone()
            });
        }
        for (axis, &extent) in self.shape.iter().enumerate() {
            let fewer = [1, extent / 2, extent.saturating_sub(1)];
            let fewer = fewer.into_iter().filter(|&to| 0 < to && to < extent);
            cases.extend(fewer.map(|to| self.cut(axis, to)));
        }
        // As many inputs as the first operation takes now, and upstream gradients for the results that there are.
        for case in &mut cases {
            let Ok(chain) = case.chain() else {
                continue;
            };
            case.inputs.truncate(chain.inputs());
            let shape = chain.result_shape(&case.shape);
            if let (Some(upstream), Ok(shape)) = (&mut case.upstream, shape) {
                let all = std::mem::take(upstream).into_iter().cycle();
                *upstream = all.take(shape.iter().product()).collect();
            }
        }
        cases
    }

    /// With the first `to` places along `axis`, and the parameters of those channels.
    fn cut(&self, axis: usize, to: usize) -> Self {
        let mut case = self.clone();
        let extent = std::mem::replace(&mut case.shape[axis], to);
        let inner: usize = self.shape[axis + 1..].iter().product();
        let kept = |values: &[f32]| -> Vec<f32> {
            // An axis behind this one may have no places.
            let slabs = values.chunks((extent * inner).max(1));
            slabs
                .flat_map(|slab| &slab[..slab.len().min(to * inner)])
                .copied()
                .collect()
        };
        case.upstream = self.upstream.as_deref().map(&kept);
        case.inputs = self.inputs.iter().map(|input| kept(input)).collect();
        for (_, drawn) in &mut case.operations {
            for (_, value) in drawn {
                if let Value::Array(array) = value
                    && array.shape() == [extent]
                {
                    *array = Array::from(&array.on_host().unwrap_or_default()[..to]);
                }
            }
        }
        case
    }
}

/// The chain of `operations`.
fn chain(operations: &[(&dyn Family, Drawn)]) -> Result<Chain> {
    let mut steps = operations.iter().map(|(family, drawn)| {
        let mut arguments = Arguments::new(family.entry().name);
        for (name, value) in drawn {
            arguments.add(name, value.clone())?;
        }
        family.parse(arguments)
    });
    let Some(first) = steps.next() else {
        return "".parse();
    };
    steps.try_fold(Chain::new(first?), |chain, step| Ok(chain.then(step?)))
}

/// Streams `x` through `chain`, or `upstream` back, and compares all.
fn check_streamed<T: Element>(
    offload: &Offload<'_>,
    chain: &Chain,
    shape: &[usize],
    x: &[Vec<T>],
    upstream: Option<&[T]>,
) -> Result<Report> {
    let backward = upstream.is_some();
    let purpose = if backward {
        Purpose::Backward
    } else {
        Purpose::ForwardObserved
    };
    let prepared = offload.prepare(chain, shape, T::TYPE, purpose)?;
    let layout = prepared.layout().clone();
    let (count, results) = match backward {
        true => (x.len(), layout.view.elements()),
        false => (1, layout.result.elements()),
    };
    let mut outputs = vec![vec![T::from_f64(0.0); results]; count];
    let mut verifier = Verifier::new(chain, layout, T::TYPE, Share::All);
    if backward {
        verifier = verifier.of_gradients(true);
    }
    let upstream = upstream.map(Slice);
    let sources: Vec<_> = x.iter().map(|x| Slice(x)).collect();
    let sinks: Vec<_> = outputs
        .iter_mut()
        .map(|output| Shared::new(output))
        .collect();
    let outcome = prepared.run(&Request {
        sources: sources.iter().map(|source| source as _).collect(),
        upstream: upstream.as_ref().map(|upstream| upstream as _),
        sinks: sinks.iter().map(|sink| sink as _).collect(),
        indices: None,
        observer: Some(&verifier),
    });
    match outcome {
        Ok(outcome) => Ok(verifier.report(&outcome.summary.extras, &outcome.parameters)),
        // Ended at the first chunk that is wrong.
        Err(Error::Verification { .. }) => Ok(verifier.report(&[], &[])),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::RandomCase;
    use crate::family::families;

    #[test]
    fn a_smaller_case_has_as_many_inputs_as_it_takes() {
        let families: Vec<_> = families().collect();
        let cases = (0..2000).map(|seed| RandomCase::new(seed, &families));
        let mut of_two = 0;
        for case in cases.filter(|case| case.operations.len() > 1 && case.inputs.len() > 1) {
            of_two += 1;
            for smaller in case.smaller() {
                let takes = smaller.chain().map(|chain| chain.inputs());
                assert_eq!(takes.unwrap(), smaller.inputs.len());
            }
        }
        assert!(of_two > 0);
    }

    #[test]
    fn a_case_without_elements_has_a_smallest_one() {
        let families: Vec<_> = families().collect();
        let cases = (0..500).map(|seed| RandomCase::new(seed, &families));
        let empty = |case: &RandomCase<'_>| case.shape.contains(&0);
        for case in cases.filter(empty) {
            let least = case.smallest(empty);
            assert!(
                least.shape.iter().all(|&length| length < 2),
                "{:?}",
                least.shape
            );
            assert_eq!(least.operations.len(), 1);
        }
    }
}
