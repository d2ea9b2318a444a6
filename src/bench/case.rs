//! What there is to measure.

use serde::{Deserialize, Serialize};

use super::record::Kind;
use crate::{
    check::Pass,
    element::ElementType,
    error::{Error, Result},
    family::{self, Benchmark, families},
    wgsl::Math,
};

/// Tensors are whole multiples of this, bytes: rows of every operation are whole then.
pub const GRAIN: u64 = 64 << 10;

/// Channels of what has one parameter or statistic per channel.
pub(super) const CHANNELS: usize = 1024;

/// What the sums that normalisations begin with are called.
pub(super) const MOMENTS: &str = "moments";

/// Kernels that only move memory.
pub(super) const BASELINES: [&str; 4] = ["copy", "read", "two-read", "add"];

/// What the launch rows measure.
pub(super) const LAUNCHES: [&str; 2] = ["encode", "submit"];

/// And what it measures on the processor.
pub(super) const CALL: &str = "call";

/// One thing to measure.
///
/// ```
/// use wgpu_activations::{ElementType, Math, bench::{Case, record::Kind}, check::Pass};
///
/// let case = Case {
///     kind: Kind::Kernel,
///     op: "softmax".to_owned(),
///     pass: Some(Pass::Forward),
///     element: ElementType::F32,
///     math: Math::Accurate,
///     bytes: 64 << 20,
/// };
/// assert_eq!(case.shape(), [4096, 4096]);
/// assert_eq!(case.moved_bytes(), 128 << 20); // read and written
/// assert_eq!(case.title(), "softmax forward");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// What kind of thing it is.
    pub kind: Kind,
    /// The operation's name.
    pub op: String,
    /// The direction; none where there is none.
    pub pass: Option<Pass>,
    /// The tensors' element type.
    pub element: ElementType,
    /// Where elementary functions come from.
    pub math: Math,
    /// The input's size.
    pub bytes: u64,
}

impl Case {
    /// Whether the host's part counts, so that only the host's clock serves.
    pub(super) const fn is_of_host(&self) -> bool {
        matches!(self.kind, Kind::Offload | Kind::Launch)
    }

    pub(super) const fn len(&self) -> usize {
        (self.bytes / self.element.size()) as usize
    }

    /// The operation as its family has it measured.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownActivation`] if there is none of this name.
    pub(super) fn benchmark(&self) -> Result<Benchmark> {
        let family = family::find(&self.op)?;
        family.benchmark().ok_or_else(|| Error::UnknownActivation {
            name: self.op.clone(),
            nearest: None,
            known: operations().join(", "),
        })
    }

    /// The input's shape: rows of as many channels or columns as the operation is measured over, where it has an axis.
    pub fn shape(&self) -> Vec<usize> {
        let columns = match (self.kind, &*self.op) {
            (Kind::Kernel, MOMENTS) => Some(CHANNELS),
            (Kind::Kernel, _) => self
                .benchmark()
                .ok()
                .and_then(|benchmark| benchmark.columns),
            _ => None,
        };
        match columns {
            Some(columns) => vec![self.len() / columns, columns],
            None => vec![self.len()],
        }
    }

    /// Bytes that count: those that the operation must read and write.
    pub fn moved_bytes(&self) -> u64 {
        let quarters = match (self.kind, &*self.op) {
            (Kind::Launch, _) => 0,
            (Kind::Offload, _) => 8,
            (Kind::Baseline, "read") | (_, MOMENTS) => 4,
            (Kind::Baseline, "add") => 12,
            (Kind::Baseline, _) => 8,
            (Kind::Kernel, _) => {
                let pass = self.pass.unwrap_or(Pass::Forward);
                let benchmark = self.benchmark().ok();
                benchmark.map_or(0, |benchmark| benchmark.traffic(pass).quarters)
            }
        };
        self.bytes / 4 * quarters
    }

    /// In a few words, for progress bars.
    pub fn title(&self) -> String {
        let pass = self.pass.map_or("", Pass::name);
        format!("{} {pass}", self.op).trim_end().to_owned()
    }
}

/// The operations that `--op` can name.
pub fn operations() -> Vec<&'static str> {
    let measured = families().filter(|family| family.benchmark().is_some());
    let names = measured.map(|family| family.entry().name);
    names.chain([MOMENTS]).collect()
}
