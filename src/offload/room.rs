//! How large chunks are, and what memory a job takes.

use super::{
    KNOWN, TABLES_OBSERVED,
    chunk::{Chunk, cut_up, pieces},
    prepared::Prepared,
    task::{Task, surveys},
    trip::SLOTS,
};
use crate::{
    device::Device,
    element::{ElementType, count},
    error::{Error, Result},
    family::{Cut, Survey, Surveyed},
    tensor::View,
};

/// Bytes of a chunk where no budget says otherwise: enough for the link's full speed, and for software
/// adapters what stays in the caches on its way (gelu on lavapipe: 620 ms per GiB, and 870 with 16 MiB).
const CHUNK: u64 = 16 << 20;
const CHUNK_ON_CPU: u64 = 4 << 20;

/// Elements that chunks are multiples of, of input or result, whichever are more.
const ALIGNED: usize = 1024;

/// Bytes for the list of chunks where no budget says otherwise: of some terabytes.
const LISTED: u64 = 64 << 20;

/// Bytes of a number in a table.
const NUMBER: u64 = 8;

/// Copies of a channel's numbers, 4 bytes each, that a chunk takes on its way: of what surveys give and of what kernels
/// make of it, on the host and on the device; and of what an observer finds.
const COPIES: u64 = 14;
const COPIES_OBSERVED: u64 = 20;
const COPIES_OF_MOVED: u64 = 2 * (TABLES_OBSERVED - 1);

/// Bytes of a channel's numbers in one binding, at most: what a kernel is given for each.
const BOUND: u64 = 32;

/// Bytes of a part of a row in a list of parts, without its numbers.
const PART: u64 = 80;

/// Bytes of a number that is given beside the result: it, what it should be and what it may be off by.
const EXTRA: u64 = 32;

/// The same for a number of a parameter's gradient, with the sums that it comes from.
const GRADIENT: u64 = 64;

/// Bytes of a list of chunks, and of those that are left of it.
const fn list(chunks: usize) -> u64 {
    (chunks as u64).saturating_mul(2 * size_of::<Chunk>() as u64)
}

impl Prepared<'_> {
    /// Cuts the tensor into chunks that keep to the memory that the job may take.
    pub(super) fn cut_to_fit(&mut self) -> Result<()> {
        let mut known = self.beside();
        // Smaller chunks can mean that more must be known, which leaves less for chunks.
        for _ in 0..4 {
            self.cut_up(known)?;
            let (before, limit) = (known, self.offload.memory.unwrap_or(u64::MAX));
            known = self.known().max(before);
            if self.memory() <= limit || known == before {
                break;
            }
        }
        match self.offload.memory {
            Some(limit) if self.memory() > limit => Err(self.too_much(self.memory(), limit)),
            None if self.known() > KNOWN => Err(self.too_much(self.memory(), KNOWN)),
            _ => Ok(()),
        }
    }

    /// Cuts the tensor into chunks where so many bytes are taken otherwise.
    fn cut_up(&mut self, known: u64) -> Result<()> {
        let whole = Chunk::whole(self.layout.view);
        self.most = self.most(known);
        self.chunks = if whole.is_empty() && self.layout.result.elements() == 0 {
            Vec::new()
        } else {
            let cannot = |smallest: usize| {
                let aligned = smallest.checked_next_multiple_of(self.aligned());
                let needed = self.of_chunks(aligned.unwrap_or(usize::MAX));
                let (needed, most) = (needed.saturating_add(known), self.of_chunks(self.most));
                self.too_much(needed, self.offload.memory.unwrap_or(most))
            };
            // A shape alone takes no memory for a list of chunks, either.
            let pieces = pieces(&whole, self.most, self.layout.cut).map_err(cannot)?;
            let limit = self.offload.memory.unwrap_or(0).max(LISTED);
            if list(pieces) > limit {
                return Err(self.too_much(list(pieces), limit));
            }
            cut_up(&whole, self.most, self.layout.cut).map_err(cannot)?
        };
        self.surveys = if self.chunks.is_empty() && !self.offload.beside {
            Vec::new()
        } else {
            let backward = self.purpose.is_backward();
            surveys(self.chain, &self.layout, &self.chunks, backward)
        };
        Ok(())
    }

    fn too_much(&self, bytes: u64, limit: u64) -> Error {
        Error::MemoryLimit {
            what: format!(
                "`{}`, in the smallest chunks and with what must be known of channels and rows,",
                self.chain.summary()
            ),
            bytes,
            limit,
            advice: match self.offload.memory == Some(limit) {
                true => "allow more memory, or split the tensor",
                false => {
                    "this is the default: allow more by --memory, memory= or Offload::memory, or split the tensor"
                }
            },
        }
    }

    /// Elements of a chunk, where so many bytes of the memory are taken otherwise.
    fn most(&self, known: u64) -> usize {
        let devices = &self.offload.devices;
        let bindings = devices.iter().filter_map(Device::gpu);
        let bindings = bindings.map(|gpu| gpu.limits().max_storage_buffer_binding_size);
        let binding = bindings.min().unwrap_or(u64::MAX);
        let View { extent, inner, .. } = self.layout.view;
        // The result must be bound, too.
        let mut bound = binding / 2 / self.results() / self.element.size();
        if self.layout.cut == Cut::Anywhere && extent as u64 > binding / BOUND {
            // And so must what is known of the channels.
            bound = bound.min((binding / BOUND).saturating_mul(inner as u64));
        }
        let chunk = match devices.iter().all(Device::is_cpu) {
            true => CHUNK_ON_CPU,
            false => CHUNK,
        };
        let elements = match self.offload.memory {
            None => chunk / self.element.size() / self.results(),
            Some(memory) => {
                // Either all channels are in a chunk, or as many as its elements leave room for.
                let left = memory.saturating_sub(known) / devices.len().max(1) as u64;
                let all = self.per_channel().saturating_mul(extent as u64);
                let each = self.per_channel().div_ceil(inner.max(1) as u64);
                let with_all = left.saturating_sub(all) / self.per_element();
                with_all.max(left / self.per_element().saturating_add(each))
            }
        };
        let (elements, aligned) = (elements.min(bound) as usize, self.aligned());
        let row = extent.min(ALIGNED);
        (elements / aligned * aligned).max(aligned).max(row)
    }

    /// Elements of the input that chunks are multiples of.
    fn aligned(&self) -> usize {
        (ALIGNED / self.results() as usize).max(1)
    }

    /// Bytes of memory that the job takes at most.
    pub(super) fn memory(&self) -> u64 {
        let elements = |chunk: &Chunk| match self.layout.view.extent {
            // As chunks are cut up: a row without elements counts as one.
            0 => chunk.lanes_len(),
            _ => chunk.len(),
        };
        let largest = self.chunks.iter().map(elements).max().unwrap_or(0);
        self.of_chunks(largest).saturating_add(self.known())
    }

    /// Bytes for chunks of so many elements, on the host and on all devices.
    fn of_chunks(&self, elements: usize) -> u64 {
        let View { extent, inner, .. } = self.layout.view;
        let channels = extent.min(elements.div_ceil(inner.max(1))) as u64;
        let of_channels = self.per_channel().saturating_mul(channels);
        let of_elements = self.per_element().saturating_mul(elements as u64);
        let devices = self.offload.devices.len() as u64;
        of_elements
            .saturating_add(of_channels)
            .saturating_mul(devices)
    }

    /// Results for each element, at least one.
    fn results(&self) -> u64 {
        let (view, result) = (self.layout.view, self.layout.result);
        let results = (result.extent as u64).div_ceil(view.extent.max(1) as u64);
        results.max(1)
    }

    /// Bytes for an element of a chunk: for the slots of the ring, inputs and result and what is kept of the inputs; and
    /// for the tensors of the chunk that is worked on, f32 between operations.
    fn per_element(&self) -> u64 {
        let results = self.results();
        let of_chain = self.chain.inputs() as u64;
        let (inputs, kept, result) = match self.purpose.is_backward() {
            true => (of_chain + results, of_chain + results, of_chain),
            false => (
                of_chain,
                of_chain * u64::from(self.purpose.keeps()),
                results,
            ),
        };
        let slots = SLOTS as u64 * (inputs + kept + result);
        let steps = (self.chain.steps().len() - 1) as u64;
        let between = ElementType::F32.size() * steps * results * of_chain;
        self.element.size() * (slots + inputs + 2 * result) + 2 * between
    }

    /// Bytes for a channel of a chunk: what surveys have found, on its way.
    fn per_channel(&self) -> u64 {
        let surveys = self.surveys.iter().filter_map(|task| self.survey(task));
        let words = surveys.map(|(_, survey)| match survey.of {
            Surveyed::Channels => survey.words as u64,
            Surveyed::Rows => 0,
        });
        let copies = match (self.purpose.keeps(), self.tables_observed()) {
            (false, _) => COPIES,
            (true, 1) => COPIES_OBSERVED,
            (true, _) => COPIES_OBSERVED + COPIES_OF_MOVED,
        };
        words.sum::<u64>() * ElementType::F32.size() * copies
    }

    /// Tables that an observer keeps of a survey.
    fn tables_observed(&self) -> u64 {
        match self.chain.steps().len() {
            1 => 1,
            _ => TABLES_OBSERVED,
        }
    }

    /// Bytes for what is known of channels and rows, from pass to pass and at the end, and for the list of chunks.
    pub(super) fn known(&self) -> u64 {
        let copies = 1 + u64::from(self.purpose.keeps()) * self.tables_observed();
        let surveys = self.surveys.iter().filter_map(|task| self.survey(task));
        let tables = surveys.map(|(step, survey)| {
            let numbers = survey.words as u64 * NUMBER;
            let parts = match survey.of {
                Surveyed::Channels => 0,
                // Those of each chunk are kept until all are there.
                Surveyed::Rows => self.chunks.iter().map(Chunk::lanes_len).sum::<usize>() as u64,
            };
            let keys = survey.keys(self.layout.view_before(step)) as u64;
            let tables = keys.saturating_mul(numbers * copies);
            tables.saturating_add((PART + numbers).saturating_mul(parts))
        });
        let list = list(self.chunks.len());
        tables
            .fold(list, u64::saturating_add)
            .saturating_add(self.beside())
    }

    /// Bytes for what is given beside the result.
    fn beside(&self) -> u64 {
        if !self.offload.beside {
            return 0;
        }
        let steps = self.chain.steps().iter().enumerate();
        let bytes = steps.map(|(step, operation)| {
            if self.purpose.is_backward() {
                let gradients = self.layout.gradients[step].iter();
                let numbers = gradients.map(|it| count(&it.shape).unwrap_or(usize::MAX) as u64);
                return numbers
                    .fold(0, u64::saturating_add)
                    .saturating_mul(GRADIENT);
            }
            let mut surveys = self.surveys.iter().filter_map(|task| self.survey(task));
            let names = match surveys.any(|(of, _)| of == step) {
                true => operation.extra_names().len() as u64,
                false => 0,
            };
            let channels = self.layout.view_before(step).extent as u64;
            channels.saturating_mul(names * EXTRA)
        });
        bytes.fold(0, u64::saturating_add)
    }

    /// The survey that a pass makes, and the operation whose it is.
    pub(super) fn survey(&self, task: &Task) -> Option<(usize, Survey)> {
        let Task::Survey { step, index, .. } = *task else {
            return None;
        };
        let surveys = self.chain.steps()[step].surveys(false);
        Some((step, *surveys.get(index)?))
    }
}
