//! Kernels that only move memory.

use std::rc::Rc;

use super::{Measurable, Verified, run_once};
use crate::{
    accuracy::{Report, Sample},
    bench::{case::CHANNELS, data::Data},
    element::ElementType,
    error::Result,
    kernel::{
        baseline::{encode_copy, encode_or, encode_read, encode_streams},
        recorder::Recorder,
    },
    tensor::Tensor,
};

/// Rows that a thread of the reading kernels walks at most, and threads that there are at least where
/// they can be.
const WALK: usize = 128;
const MANY_THREADS: usize = 1 << 17;

/// Streams that `streams` reads side by side.
pub(in crate::bench) const STREAMS: usize = 4;

/// Columns for a device whose threads read several vectors side by side.
const NARROW: usize = 32;

/// One kernel, or several one after another.
pub(in crate::bench) struct Baseline {
    name: String,
    data: Rc<Data>,
    kernels: Vec<Kernel>,
    inputs: Vec<Tensor>,
    seconds: Vec<Tensor>,
    outputs: Vec<Tensor>,
    /// What the kernels that only read leave.
    seen: Tensor,
    /// Columns and rows that these walk.
    walk: [usize; 2],
    /// A quarter of an output.
    quarters: Vec<Tensor>,
}

/// What is moved.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) enum Kernel {
    Copy,
    Read,
    TwoRead,
    Add,
    Streams,
}

impl Kernel {
    /// `copy`, `read`, `two-read`, `add`, `streams`, or several joined by `+`.
    pub(in crate::bench) fn all(names: &str) -> Vec<Self> {
        let named = |name| match name {
            "read" => Self::Read,
            "two-read" => Self::TwoRead,
            "add" => Self::Add,
            "streams" => Self::Streams,
            _ => Self::Copy,
        };
        names.split('+').map(named).collect()
    }

    /// Whether it takes a second tensor.
    pub(in crate::bench) const fn reads_two(self) -> bool {
        matches!(self, Self::TwoRead | Self::Add)
    }

    /// Times a tensor's bytes that it moves, in quarters.
    const fn quarters(self) -> u64 {
        match self {
            Self::Read => 4,
            Self::Copy | Self::TwoRead => 8,
            Self::Add => 12,
            Self::Streams => 5,
        }
    }
}

/// Bytes that kernels move, one after another, of tensors of `bytes`.
pub(in crate::bench) fn moved_bytes(kernels: &[Kernel], bytes: u64) -> u64 {
    let quarters: u64 = kernels.iter().map(|kernel| kernel.quarters()).sum();
    bytes / 4 * quarters
}

impl Baseline {
    /// Of the kernels of [`Kernel::all`].
    pub(in crate::bench) fn of(name: &str, data: &Rc<Data>) -> Result<Self> {
        let kernels = Kernel::all(name);
        let words = data.len() * data.element.size() as usize / 4;
        let flat = |tensors: Vec<Tensor>, len: usize| -> Result<Vec<Tensor>> {
            let tensors = tensors.iter();
            tensors
                .map(|tensor| tensor.prefix(&[len], ElementType::F32))
                .collect()
        };
        let shape = [data.len()];
        // The way in which the device reads fastest.
        let columns = match data.gpu.tuning().reduction_vectors {
            1 => CHANNELS,
            _ => NARROW,
        };
        let rows = if data.gpu.is_software() {
            WALK
        } else {
            (words / 4 / MANY_THREADS).clamp(8, WALK)
        };
        let seen = [(words / columns).div_ceil(rows) * columns];
        Ok(Self {
            name: name.to_owned(),
            inputs: flat(data.inputs(&shape)?, words)?,
            seconds: if kernels.iter().any(|kernel| kernel.reads_two()) {
                flat(data.upstreams(&shape)?, words)?
            } else {
                Vec::new()
            },
            outputs: flat(data.outputs(&shape)?, words)?,
            quarters: flat(data.outputs(&shape)?, words / STREAMS)?,
            seen: data.gpu.allocate(seen, ElementType::F32)?,
            walk: [columns, rows],
            kernels,
            data: data.clone(),
        })
    }

    pub(in crate::bench) fn name(&self) -> &str {
        &self.name
    }

    pub(in crate::bench) fn moved_bytes(&self) -> u64 {
        moved_bytes(
            &self.kernels,
            self.data.len() as u64 * self.data.element.size(),
        )
    }
}

impl Measurable for Baseline {
    fn record(&self, recorder: &mut Recorder<'_>, turn: usize) -> Result<()> {
        let place = turn % self.inputs.len();
        let (x, y) = (&self.inputs[place], &self.outputs[place]);
        let encoder = &mut *recorder.encoder;
        for kernel in &self.kernels {
            match kernel {
                Kernel::Copy => encode_copy(encoder, x, y),
                Kernel::Read => encode_read(encoder, x, None, self.walk, &self.seen),
                Kernel::TwoRead => {
                    let second = &self.seconds[place];
                    encode_read(encoder, x, Some(second), self.walk, &self.seen)
                }
                Kernel::Add => encode_or(encoder, x, &self.seconds[place], y),
                Kernel::Streams => {
                    encode_streams(encoder, x, STREAMS as u32, &self.quarters[place])
                }
            }?;
        }
        Ok(())
    }

    /// Every word of what the last kernel left, by bits.
    fn verify(&self) -> Verified<'_> {
        Box::pin(self.compare())
    }

    fn baseline(&self) -> Result<Option<Self>> {
        Ok(None)
    }

    fn working_set(&self) -> u64 {
        self.data.ring_bytes() * if self.seconds.is_empty() { 2 } else { 3 }
    }
}

impl Baseline {
    async fn compare(&self) -> Result<Report> {
        run_once(self, &self.data)?;
        let x = words(&self.inputs[0]).await?;
        let both = async || -> Result<Vec<u32>> {
            let second = words(&self.seconds[0]).await?;
            Ok(x.iter().zip(second).map(|(x, second)| x | second).collect())
        };
        let (left, expected) = match self.kernels.last() {
            Some(Kernel::Read) => (&self.seen, seen(&x, self.walk)),
            Some(Kernel::TwoRead) => (&self.seen, seen(&both().await?, self.walk)),
            Some(Kernel::Add) => (&self.outputs[0], both().await?),
            Some(Kernel::Streams) => {
                let part = x.len() / STREAMS;
                let at =
                    |place: usize| (0..STREAMS).fold(0, |all, piece| all | x[piece * part + place]);
                (&self.quarters[0], (0..part).map(at).collect())
            }
            Some(Kernel::Copy) | None => (&self.outputs[0], x),
        };
        Ok(same_words(&words(left).await?, &expected))
    }
}

async fn words(tensor: &Tensor) -> Result<Vec<u32>> {
    let words: Vec<f32> = tensor.fetch().await?;
    Ok(words.into_iter().map(f32::to_bits).collect())
}

/// What the reading kernels leave of `words`: the OR of each column of a split of rows.
fn seen(words: &[u32], [columns, rows]: [usize; 2]) -> Vec<u32> {
    let splits = words.chunks(rows * columns);
    let of_split = |split: &[u32]| {
        let mut all = vec![0; columns];
        for (index, word) in split.iter().enumerate() {
            all[index % columns] |= word;
        }
        all
    };
    splits.flat_map(of_split).collect()
}

/// Compares words by their bits.
pub(in crate::bench) fn same_words(found: &[u32], expected: &[u32]) -> Report {
    let mut report = Report::default();
    for (index, expected) in expected.iter().enumerate() {
        let found = found.get(index);
        let wrong = if found == Some(expected) {
            0.0
        } else {
            f64::INFINITY
        };
        report.add(Sample {
            index,
            x: None,
            upstream: 1.0,
            found: f64::from(found.copied().unwrap_or(0)),
            expected: f64::from(*expected),
            ulp: wrong,
            severity: wrong,
        });
    }
    report
}
