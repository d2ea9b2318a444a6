//! Which piece won each element.

use std::fmt;

use super::{Layout, OP, len_of, shader::IndexType};
use crate::{
    element::ElementType,
    error::{Error, Result},
    family::{Keep, Saved},
    gpu::Gpu,
    kernel::{Window, recorder::Recorder},
    tensor::Tensor,
};

/// Pieces that a byte can tell apart.
const MOST_IN_BYTES: usize = 256;

/// Which piece won each element of y, on the device, for the backward pass.
///
/// A byte per element for up to 256 pieces, else four.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// use wgpu_activations::{Gpu, Maxout, family::maxout::reference::Layout};
///
/// # let gpu = Gpu::new()?;
/// let x = gpu.upload(&[1.0f32, 5.0, 3.0, 2.0], [1, 4])?;
/// let (_, winners) = Maxout::new(2, Layout::Adjacent, -1).forward(&x)?;
/// assert_eq!((winners.shape(), winners.pieces()), (&[1, 2][..], 2));
/// assert_eq!(winners.download()?, [1, 0]);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug)]
pub struct Winners {
    pub(super) words: Tensor,
    pub(super) index: IndexType,
    /// Shape of y.
    shape: Vec<usize>,
    /// Type of x.
    element: ElementType,
    origin: Origin,
    pieces: usize,
    /// Elements of a row, and from one row to the next.
    row: (usize, usize),
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
    /// Memory for the winners of a y of `shape`, whose rows of `row` elements are padded to vectors.
    pub(super) fn allocate(
        recorder: &mut Recorder<'_>,
        gpu: &Gpu,
        origin: Origin,
        pieces: usize,
        shape: &[usize],
        row: usize,
        element: ElementType,
    ) -> Result<Self> {
        let index = if pieces <= MOST_IN_BYTES {
            IndexType::U8
        } else {
            IndexType::U32
        };
        let len = len_of(shape);
        let pitch = row.next_multiple_of(4);
        let rows = if len == 0 { 0 } else { len / row };
        let words = rows * pitch / 4 * words_per_vector(index);
        Ok(Self {
            words: recorder.allocate(gpu, [words], ElementType::F32)?,
            index,
            shape: shape.to_vec(),
            element,
            origin,
            pieces,
            row: (row, pitch),
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
    pub fn download(&self) -> Result<Vec<u32>> {
        let words: Vec<f32> = self.words.download()?;
        let word = |place: usize| words[place].to_bits();
        let (row, pitch) = self.row;
        let winner = |element: usize| {
            let place = element / row * pitch + element % row;
            match self.index {
                IndexType::U8 => (word(place / 4) >> (place % 4 * 8)) & 0xff,
                IndexType::U32 => word(place),
            }
        };
        Ok((0..len_of(&self.shape)).map(winner).collect())
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

    /// The window that holds `len` winners from place `start` on, a multiple of [`super::ALIGNED`].
    pub(super) fn window(&self, start: usize, len: usize) -> Window {
        let bytes = |lanes: usize| (lanes.div_ceil(4) * words_per_vector(self.index) * 4) as u64;
        Window {
            start: bytes(start),
            bytes: bytes(len),
        }
    }

    /// Bytes of one winner.
    pub(super) const fn size(&self) -> u64 {
        words_per_vector(self.index) as u64
    }
}

impl Keep for Winners {
    fn tensors(&self) -> Vec<Tensor> {
        vec![self.words.clone()]
    }

    fn indices(&self) -> Result<Option<Vec<u32>>> {
        self.download().map(Some)
    }
}

/// Words of four winners.
const fn words_per_vector(index: IndexType) -> usize {
    match index {
        IndexType::U8 => 1,
        IndexType::U32 => 4,
    }
}
