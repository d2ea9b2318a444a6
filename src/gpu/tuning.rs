//! Shapes of kernels that suit a device.

use std::collections::BTreeMap;

use super::Gpu;
use crate::{
    element::ElementType,
    wgsl::{Lanes, Vectors, Words},
};

/// Shapes of kernels that suit a device: how work is cut up, never what comes out of it but for the
/// order in which sums are taken. [`Gpu::tuning`](super::Gpu::tuning) tells a device's; the command
/// `activations tune` finds better ones by measuring.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// use wgpu_activations::{Gpu, gpu::Tuning};
///
/// let gpu = Gpu::new()?;
/// let small = Tuning { pointwise_threads: 64, ..gpu.tuning().clone() };
/// let gpu = gpu.with_tuning(small); // the same device
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "bench", derive(serde::Serialize, serde::Deserialize))]
pub struct Tuning {
    /// Threads of a workgroup of the pointwise kernels; as many as the device allows, if that is less.
    pub pointwise_threads: u32,
    /// Bits of the words that tensors are loaded and stored by: 32, or 64 where the device has
    /// [`wgpu::Features::SHADER_INT64`]; a thread of the pointwise kernels then takes two vectors side by side.
    #[cfg_attr(feature = "bench", serde(default = "earlier::<32>"))]
    pub word_bits: u32,
    /// Lanes of a vector that the pointwise kernels compute with at a time, where one parameter serves them: 1 or 4.
    #[cfg_attr(feature = "bench", serde(default = "earlier::<1>"))]
    pub lanes: u32,
    /// Rows that a thread takes where each channel, the innermost axis, has a parameter of its own: 4, 8 or 16.
    #[cfg_attr(feature = "bench", serde(default = "earlier::<16>"))]
    pub column_rows: u32,
    /// Rows that a thread of a reduction per channel walks, 128 at most; where threads are joined, at least.
    pub reduction_rows: u32,
    /// Vectors of four columns that it walks side by side, where rows are of whole KiB: 1 or 8.
    #[cfg_attr(feature = "bench", serde(default = "earlier::<1>"))]
    pub reduction_vectors: u32,
    /// Threads of its workgroup that walk the same columns, one after another, and join what they have
    /// through the workgroup's memory: a power of two up to 8; 1 for none.
    #[cfg_attr(feature = "bench", serde(default = "earlier::<1>"))]
    pub reduction_threads: u32,
    /// Numbers that families declare ([`Family::tunables`](crate::family::Family::tunables)), by name, where they
    /// are not the default.
    #[cfg_attr(feature = "bench", serde(flatten))]
    pub of_families: BTreeMap<String, u32>,
}

impl Tuning {
    /// What suits most devices. Those of type CPU find barriers between threads dear; others have threads by
    /// the hundred thousand, which is one for few rows.
    ///
    /// Mesa's llvmpipe (22.3) runs eight threads at once from beginning to end. Eight vectors each make them read
    /// rows a KiB at a time: of 1,024 channels, a quarter of the time of one vector each. Loads and stores it does
    /// thread by thread and word by word, which words of 64 bits halve. Lanes side by side give it something to do
    /// while a chain of operations waits. SwiftShader runs four threads and finds eight sums too many (1.3
    /// times the time), and four lanes (up to 1.4 times).
    pub(super) fn of(info: &wgpu::AdapterInfo) -> Self {
        let software = info.device_type == wgpu::DeviceType::Cpu;
        let llvmpipe = info.name.starts_with("llvmpipe");
        Self {
            pointwise_threads: 256,
            word_bits: if llvmpipe { 64 } else { 32 },
            lanes: if llvmpipe { 4 } else { 1 },
            column_rows: match (llvmpipe, software) {
                (true, _) => 8,
                (false, true) => 16,
                (false, false) => 4,
            },
            reduction_rows: if software { 128 } else { 32 },
            reduction_vectors: if llvmpipe { 8 } else { 1 },
            reduction_threads: if software { 1 } else { 8 },
            of_families: BTreeMap::new(),
        }
    }

    /// How kernels load vectors of `element`, and compute with them.
    pub const fn vectors(&self, element: ElementType) -> Vectors {
        Vectors {
            element,
            words: if self.word_bits == 64 {
                Words::U64
            } else {
                Words::U32
            },
            lanes: if self.lanes == 4 {
                Lanes::Four
            } else {
                Lanes::One
            },
        }
    }

    /// With numbers that kernels can take on a device with `features`: threads a power of two, of everything
    /// one at least.
    pub(super) fn sound(self, features: wgpu::Features) -> Self {
        let long_words = self.word_bits >= 64 && features.contains(wgpu::Features::SHADER_INT64);
        Self {
            pointwise_threads: 1 << self.pointwise_threads.max(1).ilog2(),
            word_bits: if long_words { 64 } else { 32 },
            lanes: if self.lanes < 4 { 1 } else { 4 },
            column_rows: 1 << self.column_rows.clamp(4, 16).ilog2(),
            // Rounding errors grow with them.
            reduction_rows: self.reduction_rows.clamp(1, 128),
            reduction_vectors: if self.reduction_vectors < 8 { 1 } else { 8 },
            reduction_threads: 1 << self.reduction_threads.clamp(1, 8).ilog2(),
            of_families: self.of_families,
        }
    }
}

/// A number that shapes the kernels of one family and that no two kinds of devices agree on.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// use wgpu_activations::{Gpu, gpu::Tunable};
///
/// const ROWS: Tunable = Tunable {
///     name: "my_rows",
///     choices: &[1, 4, 16],
///     default: 4,
///     on_software: 16,
/// };
/// let gpu = Gpu::new()?;
/// let mut tuning = gpu.tuning().clone();
/// tuning.of_families.insert("my_rows".to_owned(), 9);
/// assert_eq!(ROWS.of(&gpu.with_tuning(tuning)), 4); // the next choice below
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tunable {
    /// Its name in a [`Tuning`].
    pub name: &'static str,
    /// What it may be, in rising order.
    pub choices: &'static [u32],
    /// What it is where nothing else was found.
    pub default: u32,
    /// The same on a software adapter.
    pub on_software: u32,
}

impl Tunable {
    /// What it is for `gpu`: of its choices the largest that is not above what the tuning says.
    pub fn of(&self, gpu: &Gpu) -> u32 {
        let default = match gpu.is_software() {
            true => self.on_software,
            false => self.default,
        };
        let said = gpu.tuning().of_families.get(self.name);
        let said = *said.unwrap_or(&default);
        let choice = self.choices.iter().rev().find(|choice| **choice <= said);
        *choice.or(self.choices.first()).unwrap_or(&said)
    }
}

/// Of a file from before there was a choice.
#[cfg(feature = "bench")]
const fn earlier<const NUMBER: u32>() -> u32 {
    NUMBER
}
