//! The tensors that a measurement works on, in rings larger than caches.

use std::cell::OnceCell;

use crate::{
    accuracy::inputs::words,
    element::{Element, ElementType},
    error::Result,
    gpu::Gpu,
    kernel::baseline::encode_copy,
    tensor::Tensor,
    with_element,
};

/// Tensors of a ring, at most.
const MOST_SETS: u64 = 256;

/// Inputs of an operation, and so outputs of its backward pass, at most.
const MOST_INPUTS: usize = 2;

/// Rings at most: inputs, outputs, and upstream gradients.
pub(super) const MOST_RINGS: u64 = 2 * MOST_INPUTS as u64 + 1;

/// Seeds of the inputs, and of the upstream gradients.
pub(super) const SEEDS: [u64; MOST_INPUTS] = [7, 9];
pub(super) const UPSTREAM: u64 = 8;

/// Elements that a verification compares.
pub(super) const SAMPLE: usize = 1 << 16;

/// Inputs, upstream gradients and outputs of one element type and size.
pub(super) struct Data {
    pub(super) gpu: Gpu,
    pub(super) element: ElementType,
    bytes: u64,
    sets: usize,
    inputs: [OnceCell<Vec<Tensor>>; MOST_INPUTS],
    upstreams: OnceCell<Vec<Tensor>>,
    outputs: [OnceCell<Vec<Tensor>>; MOST_INPUTS],
}

impl Data {
    /// Tensors of `bytes`, as many as hold `working_set` bytes with as many outputs.
    pub(super) fn new(gpu: &Gpu, element: ElementType, bytes: u64, working_set: u64) -> Self {
        Self {
            gpu: gpu.clone(),
            element,
            bytes,
            sets: sets(bytes, working_set),
            inputs: Default::default(),
            upstreams: OnceCell::new(),
            outputs: Default::default(),
        }
    }

    pub(super) fn is_of(&self, element: ElementType, bytes: u64) -> bool {
        (self.element, self.bytes) == (element, bytes)
    }

    pub(super) const fn len(&self) -> usize {
        (self.bytes / self.element.size()) as usize
    }

    /// Random numbers where activations bend: zeros would flatter every memory.
    pub(super) fn x<T: Element>(&self) -> Vec<T> {
        self.input(0)
    }

    /// The same for input number `index`.
    pub(super) fn input<T: Element>(&self, index: usize) -> Vec<T> {
        numbers(self.len(), SEEDS[index])
    }

    pub(super) fn upstream<T: Element>(&self) -> Vec<T> {
        numbers(self.len(), UPSTREAM)
    }

    /// The inputs, seen with `shape`.
    pub(super) fn inputs(&self, shape: &[usize]) -> Result<Vec<Tensor>> {
        self.ring(&self.inputs[0], Some(SEEDS[0]), shape)
    }

    /// The rings of the first `count` inputs, each of memory of its own.
    pub(super) fn all_inputs(&self, count: usize, shape: &[usize]) -> Result<Vec<Vec<Tensor>>> {
        let rings = self.inputs.iter().zip(SEEDS).take(count);
        rings
            .map(|(ring, seed)| self.ring(ring, Some(seed), shape))
            .collect()
    }

    pub(super) fn upstreams(&self, shape: &[usize]) -> Result<Vec<Tensor>> {
        self.ring(&self.upstreams, Some(UPSTREAM), shape)
    }

    /// The outputs, seen with `shape`, which may hold less than the inputs.
    pub(super) fn outputs(&self, shape: &[usize]) -> Result<Vec<Tensor>> {
        self.ring(&self.outputs[0], None, shape)
    }

    /// The rings of `count` outputs, each of memory of its own.
    pub(super) fn all_outputs(&self, count: usize, shape: &[usize]) -> Result<Vec<Vec<Tensor>>> {
        let rings = self.outputs.iter().take(count);
        rings.map(|ring| self.ring(ring, None, shape)).collect()
    }

    fn ring(
        &self,
        ring: &OnceCell<Vec<Tensor>>,
        seed: Option<u64>,
        shape: &[usize],
    ) -> Result<Vec<Tensor>> {
        let tensors = match ring.get() {
            Some(tensors) => tensors,
            None => {
                let tensors = self.fill(seed)?;
                ring.get_or_init(|| tensors)
            }
        };
        let view = |tensor: &Tensor| tensor.prefix(shape, self.element);
        tensors.iter().map(view).collect()
    }

    fn fill(&self, seed: Option<u64>) -> Result<Vec<Tensor>> {
        let allocate = |_| self.gpu.allocate([self.len()], self.element);
        let tensors = (0..self.sets).map(allocate).collect::<Result<Vec<_>>>()?;
        if let (Some((first, rest)), Some(seed)) = (tensors.split_first(), seed) {
            with_element!(self.element, T => first.write(&numbers::<T>(self.len(), seed)))?;
            for other in rest {
                self.gpu
                    .submit(|encoder| encode_copy(encoder, first, other))?;
            }
        }
        Ok(tensors)
    }

    pub(super) const fn ring_bytes(&self) -> u64 {
        self.sets as u64 * self.bytes
    }
}

/// Tensors of a ring of this size: as many as hold `working_set` bytes with as many outputs.
pub(super) fn sets(bytes: u64, working_set: u64) -> usize {
    working_set.div_ceil(2 * bytes).clamp(1, MOST_SETS) as usize
}

/// `count` random numbers in [-8, 8).
pub(super) fn numbers<T: Element>(count: usize, seed: u64) -> Vec<T> {
    words(seed)
        .take(count)
        .map(|word| T::from_f64(f64::from(word as i32) / f64::from(1 << 28)))
        .collect()
}
