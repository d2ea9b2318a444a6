//! What there is to measure.

use serde::{Deserialize, Serialize};

use super::record::Kind;
use crate::{
    activation::{CATALOGUE, FAMILIES},
    check::Pass,
    element::ElementType,
    wgsl::Math,
};

/// Tensors are whole multiples of this, bytes: rows of every operation are whole then.
pub const GRAIN: u64 = 64 << 10;

/// Channels of what has one parameter or statistic per channel.
pub(super) const CHANNELS: usize = 1024;

/// Columns of softmax's rows.
pub(super) const COLUMNS: usize = 4096;

/// Channels that compete in maxout.
pub(super) const PIECES: usize = 4;

/// Kernels that only move memory.
pub(super) const BASELINES: [&str; 4] = ["copy", "read", "two-read", "add"];

/// What the launch rows measure.
pub(super) const LAUNCHES: [&str; 2] = ["encode", "submit"];

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

    /// Elements of the input.
    pub(super) const fn len(&self) -> usize {
        (self.bytes / self.element.size()) as usize
    }

    /// The input's shape: rows of 1,024 channels or 4,096 columns where the operation has an axis.
    pub fn shape(&self) -> Vec<usize> {
        let rows = |columns: usize| vec![self.len() / columns, columns];
        match &*self.op {
            "prelu" | "dice" | "moments" | "maxout" => rows(CHANNELS),
            "softmax" | "log-softmax" => rows(COLUMNS),
            _ => vec![self.len()],
        }
    }

    /// Bytes that count: those that the operation must read and write.
    pub fn moved_bytes(&self) -> u64 {
        let bytes = self.bytes;
        let backward = self.pass == Some(Pass::Backward);
        match (&*self.op, backward) {
            _ if self.kind == Kind::Launch => 0,
            ("read" | "moments", _) => bytes,
            ("maxout", _) => bytes + bytes / PIECES as u64,
            // Twice read, for the statistics and for what they decide.
            ("dice", true) => 5 * bytes,
            ("dice", false) | ("add", _) => 3 * bytes,
            ("alpha-dropout", _) => 2 * bytes,
            (_, true) => 3 * bytes,
            (_, false) => 2 * bytes,
        }
    }

    /// In a few words, for who watches.
    pub fn title(&self) -> String {
        let pass = self.pass.map_or("", Pass::name);
        format!("{} {pass}", self.op).trim_end().to_owned()
    }
}

/// The operations that `--op` can name.
///
/// ```
/// use wgpu_activations::bench::operations;
///
/// assert!(operations().contains(&"gelu") && operations().contains(&"moments"));
/// ```
pub fn operations() -> Vec<&'static str> {
    let pointwise = CATALOGUE.iter().map(|definition| definition.name);
    let families = FAMILIES.iter().map(|family| family.name);
    pointwise.chain(families).chain(["moments"]).collect()
}
