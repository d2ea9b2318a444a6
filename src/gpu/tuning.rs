//! Shapes of kernels that suit a device.

/// Shapes of kernels that suit a device: how work is cut up, never what comes out of it but for the
/// order in which sums are taken. [`Gpu::tuning`](super::Gpu::tuning) tells a device's; the command
/// `activations tune` finds better ones by measuring.
///
/// ```no_run
/// use wgpu_activations::{Gpu, gpu::Tuning};
///
/// let gpu = Gpu::new()?;
/// let small = Tuning { pointwise_threads: 64, ..gpu.tuning() };
/// let gpu = gpu.with_tuning(small); // the same device
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(serde::Serialize, serde::Deserialize))]
pub struct Tuning {
    /// Threads of a workgroup of the pointwise kernels; as many as the device allows, if that is less.
    pub pointwise_threads: u32,
    /// Rows that a thread of a reduction per channel walks where rows are 4 KiB or more apart.
    pub reduction_rows: u32,
    /// Vectors of four elements that a thread of softmax takes of its row.
    pub softmax_vectors: u32,
}

impl Tuning {
    /// What suits most devices: `software` ones are CPUs, to which barriers between threads are dear and
    /// pages of memory near.
    pub(super) const fn of(software: bool) -> Self {
        if software {
            Self {
                pointwise_threads: 256,
                reduction_rows: 32,
                softmax_vectors: WHOLE_ROW,
            }
        } else {
            Self {
                pointwise_threads: 256,
                reduction_rows: 128,
                softmax_vectors: 4,
            }
        }
    }

    /// With numbers that kernels can take: threads a power of two, of everything one at least.
    pub(super) const fn sound(self) -> Self {
        const fn at_least_one(number: u32) -> u32 {
            if number == 0 { 1 } else { number }
        }
        Self {
            pointwise_threads: 1 << at_least_one(self.pointwise_threads).ilog2(),
            reduction_rows: at_least_one(self.reduction_rows),
            softmax_vectors: at_least_one(self.softmax_vectors),
        }
    }
}

/// More vectors than a row of softmax's short kernels has: one thread takes it all.
pub(crate) const WHOLE_ROW: u32 = 4096;
