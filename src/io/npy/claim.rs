//! What a header claims of its data, held against what is there.

use super::{Header, Reason};

/// The size of the data, as a header claims it.
#[derive(Debug, Clone, Copy)]
pub(in crate::io) struct Claim {
    pub(in crate::io) count: usize,
    pub(in crate::io) bytes: u64,
    element: u64,
}

impl Claim {
    /// The claim of a header, which must be a size that memory or a file can have.
    pub(in crate::io) fn of(header: &Header) -> Reason<Self> {
        let (shape, element) = (&header.shape, header.dtype.float.bytes());
        let counted = header.elements().zip(header.data_bytes());
        let (count, bytes) = counted
            .ok_or_else(|| format!("header claims shape {shape:?}, more than any memory holds"))?;
        Ok(Self {
            count,
            bytes,
            element,
        })
    }

    /// Holds the claim against the bytes of data there are.
    pub(in crate::io) fn hold(&self, found: u64) -> Reason<()> {
        if found == self.bytes {
            return Ok(());
        }
        Err(self.mismatch(found, ""))
    }

    /// The error where there are other than the claimed bytes.
    pub(in crate::io) fn mismatch(&self, found: u64, more: &str) -> String {
        let Self {
            count,
            bytes,
            element,
        } = self;
        format!(
            "header claims {count} elements of {element} bytes = {bytes} bytes of data, but there are \
             {found}{more}; they must match"
        )
    }
}
