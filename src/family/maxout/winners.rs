//! Which piece won each element.

use std::fmt;

use super::{Layout, OP, shader::IndexType};
use crate::{
    element::ElementType,
    error::{Error, Result},
    family::{Indices, Keep, Saved},
    kernel::recorder::Recorder,
    tensor::Tensor,
};

/// Which piece won each element of y, on the device, for the backward pass.
///
/// A byte per element for up to 256 pieces, else four.
#[derive(Debug)]
pub struct Winners {
    pub(super) words: Tensor,
    pub(super) index: IndexType,
    /// Shape of y.
    shape: Vec<usize>,
    /// Type of x and y.
    pub(super) element: ElementType,
    origin: Origin,
    pieces: usize,
    rows: usize,
    columns: usize,
}

/// The operation that winners belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Pooling(Layout, usize),
    Affine,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pooling(layout, axis) => write!(f, "{} channels, axis {axis}", layout.name()),
            Self::Affine => f.write_str("affine maps"),
        }
    }
}

impl Winners {
    /// Memory for the winners of y, whose rows of `columns` elements are padded to vectors.
    pub(super) fn allocate(
        recorder: &mut Recorder<'_>,
        y: &Tensor,
        origin: Origin,
        pieces: usize,
        columns: usize,
    ) -> Result<Self> {
        let index = IndexType::of(pieces);
        let rows = y.len().checked_div(columns).unwrap_or(0);
        let words = rows * columns.div_ceil(4) * index.size();
        Ok(Self {
            words: recorder.allocate(y.gpu(), [words], ElementType::F32)?,
            index,
            shape: y.shape().to_vec(),
            element: y.element(),
            origin,
            pieces,
            rows,
            columns,
        })
    }

    /// Shape of y, for each element of which there is a winner.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Number of pieces that a winner was chosen from.
    pub fn pieces(&self) -> usize {
        self.pieces
    }

    /// The winners' numbers, from 0 to pieces - 1, blocking until all work on them is done.
    ///
    /// # Errors
    ///
    /// What the device reports.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn download(&self) -> Result<Vec<u32>> {
        Ok(self.of_words(&self.words.download()?))
    }

    /// [`Winners::download`] for asynchronous callers.
    ///
    /// # Errors
    ///
    /// As [`Winners::download`].
    pub async fn download_async(&self) -> Result<Vec<u32>> {
        Ok(self.of_words(&self.words.download_async().await?))
    }

    fn of_words(&self, words: &[f32]) -> Vec<u32> {
        let word = |place: usize| words[place].to_bits();
        let pitch = self.columns.next_multiple_of(4);
        let winner = |element: usize| {
            let place = element / self.columns * pitch + element % self.columns;
            match self.index {
                IndexType::U8 => (word(place / 4) >> (place % 4 * 8)) & 0xff,
                IndexType::U32 => word(place),
            }
        };
        (0..self.rows * self.columns).map(winner).collect()
    }

    /// Those that a forward pass saved.
    pub(super) fn of(saved: &Saved) -> Result<&Self> {
        let winners = saved.get::<Self>();
        winners.ok_or_else(|| Error::Internal(format!("{OP}: no winners were saved")))
    }

    /// Whether these are the winners of `origin`, and `upstream` is a gradient with respect to its y.
    pub(super) fn expect(&self, origin: Origin, pieces: usize, upstream: &Tensor) -> Result<()> {
        if !self.words.gpu().same_device(upstream.gpu()) {
            return Err(Error::ForeignTensor { op: OP.to_owned() });
        }
        if upstream.shape() != self.shape {
            return Err(Error::ShapeMismatch {
                op: OP.to_owned(),
                left: "upstream",
                left_shape: upstream.shape().to_vec(),
                right: "the winners' y",
                right_shape: self.shape.clone(),
            });
        }
        if upstream.element() != self.element {
            return Err(Error::ElementMismatch {
                op: OP.to_owned(),
                left: "upstream",
                left_type: upstream.element().name(),
                right: "x",
                right_type: self.element.name(),
            });
        }
        if (self.origin, self.pieces) != (origin, pieces) {
            return Err(Error::WinnersMismatch {
                op: OP.to_owned(),
                found: format!("{} pieces ({})", self.pieces, self.origin),
                expected: format!("{pieces} pieces ({origin})"),
            });
        }
        Ok(())
    }

    /// Bytes of one winner.
    pub(super) const fn size(&self) -> u64 {
        self.index.size() as u64
    }
}

impl Keep for Winners {
    fn tensors(&self) -> Vec<Tensor> {
        vec![self.words.clone()]
    }

    fn indices(&self) -> Result<Option<Vec<u32>>> {
        #[cfg(target_arch = "wasm32")]
        return Err(Error::Blocking {
            what: "copying winners from a device".to_owned(),
            instead: "await Winners::download_async",
        });
        #[cfg(not(target_arch = "wasm32"))]
        self.download().map(Some)
    }

    fn indices_async(&self) -> Indices<'_> {
        Box::pin(async { self.download_async().await.map(Some) })
    }
}
