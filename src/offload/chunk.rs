//! Tensors cut into boxes that a device works on one at a time.

use std::ops::Range;

use crate::{element::count, error::Result, family::Cut, io::Sink, tensor::View};

/// A box of a tensor seen as [outer, extent, inner].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Places along the outer axes.
    pub outer: Range<usize>,
    /// Places along the axis.
    pub extent: Range<usize>,
    /// Places along the inner axes.
    pub inner: Range<usize>,
}

/// Elements in a run of memory that make a strided box worth it.
const RUN: usize = 256;

/// Elements of a row in a box that does not have it whole, so that few statistics join them.
const PART: usize = 4096;

impl Chunk {
    /// All of a tensor.
    pub const fn whole(view: View) -> Self {
        Self {
            outer: 0..view.outer,
            extent: 0..view.extent,
            inner: 0..view.inner,
        }
    }

    /// Lengths of its sides.
    pub fn shape(&self) -> [usize; 3] {
        [self.outer.len(), self.extent.len(), self.inner.len()]
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        // Of what can be counted, or is empty.
        count(&self.shape()).unwrap_or(usize::MAX)
    }

    /// Where an element (outer, place, inner) of the whole tensor lies in it.
    pub fn position(&self, (outer, place, inner): (usize, usize, usize)) -> usize {
        let row = (outer - self.outer.start) * self.extent.len() + place - self.extent.start;
        row * self.inner.len() + inner - self.inner.start
    }

    /// The runs of elements that it takes up in the whole tensor, in order.
    pub fn runs(&self, view: View) -> impl Iterator<Item = Range<usize>> + use<> {
        let slab = view.extent * view.inner;
        let whole_inner = self.inner.len() == view.inner;
        let whole_slab = whole_inner && self.extent.len() == view.extent;
        // Sides that are whole belong to the runs.
        let (outer, extent) = match (whole_slab, whole_inner) {
            (true, _) => (self.outer.start..self.outer.start + 1, 0..1),
            (false, true) => (self.outer.clone(), self.extent.start..self.extent.start + 1),
            (false, false) => (self.outer.clone(), self.extent.clone()),
        };
        let runs = outer.len() * extent.len();
        let length = self.len().checked_div(runs).unwrap_or(0);
        let inner = self.inner.start;
        outer.flat_map(move |outer| {
            let extent = extent.clone();
            extent.map(move |place| {
                let start = outer * slab + place * view.inner + inner;
                start..start + length
            })
        })
    }

    /// Writes its elements, of `size` bytes each, to where they belong in the whole tensor.
    pub(super) fn write(
        &self,
        view: View,
        sink: &dyn Sink,
        bytes: &[u8],
        size: usize,
    ) -> Result<()> {
        let mut left = bytes;
        for run in self.runs(view) {
            let (part, rest) = left.split_at(run.len() * size);
            sink.write(run.start, part)?;
            left = rest;
        }
        Ok(())
    }

    /// The rows that it has some of, as (outer, inner).
    pub(crate) fn lanes(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (mut outer, inner) = (self.outer.clone(), self.inner.clone());
        if inner.is_empty() {
            // One side may be as long as it likes where another is empty.
            outer.end = outer.start;
        }
        outer.flat_map(move |outer| inner.clone().map(move |inner| (outer, inner)))
    }

    /// How many these are.
    pub(crate) fn lanes_len(&self) -> usize {
        // Of what can be counted, or is empty.
        self.outer.len().saturating_mul(self.inner.len())
    }

    /// Number `index` of these.
    #[cfg(any(test, feature = "check"))]
    pub(crate) fn lane(&self, index: usize) -> (usize, usize) {
        let inner = self.inner.len();
        (
            self.outer.start + index / inner,
            self.inner.start + index % inner,
        )
    }

    /// The same numbered in the whole tensor.
    pub fn rows(&self, view: View) -> impl Iterator<Item = usize> + use<> {
        let lanes = self.lanes();
        lanes.map(move |(outer, inner)| outer * view.inner + inner)
    }

    /// The box of the result, whose axis is `extent` long where this one has it whole.
    pub fn of_result(&self, view: View, result: View) -> Self {
        Self {
            extent: if self.extent.len() == view.extent {
                0..result.extent
            } else {
                self.extent.clone()
            },
            ..self.clone()
        }
    }
}

/// Cuts a box into smaller ones of at most `most` elements; none if it has no rows. Rows without elements count as if
/// they had one.
///
/// # Errors
///
/// Where `cut` allows no box as small as that: the elements of the smallest.
pub(super) fn cut_up(whole: &Chunk, most: usize, cut: Cut) -> Result<Vec<Chunk>, usize> {
    if whole.lanes_len() == 0 {
        return Ok(Vec::new());
    }
    let steps = steps(whole, most, cut)?;
    let sides = [&whole.outer, &whole.extent, &whole.inner];
    let [outer, extent, inner] = std::array::from_fn(|side| parts(sides[side], steps[side]));
    let faces: Vec<_> = if cut == Cut::Anywhere {
        // As they lie in memory.
        let of_extent = |extent| inner.iter().map(move |inner| (extent, inner));
        extent.iter().flat_map(of_extent).collect()
    } else {
        // Row after row.
        let of_inner = |inner| extent.iter().map(move |extent| (extent, inner));
        inner.iter().flat_map(of_inner).collect()
    };
    let chunks = outer.iter().flat_map(|outer| {
        faces.iter().map(|&(extent, inner)| Chunk {
            outer: outer.clone(),
            extent: extent.clone(),
            inner: inner.clone(),
        })
    });
    Ok(chunks.collect())
}

/// How many boxes [`cut_up`] makes.
pub(super) fn pieces(whole: &Chunk, most: usize, cut: Cut) -> Result<usize, usize> {
    let steps = steps(whole, most, cut)?.into_iter();
    let sides = whole.shape().into_iter().zip(steps);
    let pieces = sides.map(|(side, step)| side.max(1).div_ceil(step.max(1)));
    Ok(pieces.fold(1, usize::saturating_mul))
}

/// The sides of the boxes.
fn steps(whole: &Chunk, most: usize, cut: Cut) -> Result<[usize; 3], usize> {
    let [outer, extent, inner] = whole.shape().map(|side| side.max(1));
    let slab = extent * inner;
    let at_once = if cut == Cut::FourSlabs { 4 } else { 1 };
    let slabs = match most / slab {
        fit if fit >= outer => outer,
        fit => fit / at_once * at_once,
    };
    let along_memory = || {
        let width = inner.min(most.max(1));
        [1, (most / width).clamp(1, extent), width]
    };
    let width = most / extent;
    Ok(match cut {
        _ if slabs == outer || slabs >= at_once => [slabs, extent, inner],
        Cut::FourSlabs => return Err(slab * outer.min(at_once)),
        Cut::Anywhere => along_memory(),
        Cut::WholeAxis if width == 0 => return Err(extent),
        Cut::WholeAxis => [1, extent, width],
        Cut::Rows if width >= inner.min(RUN) => [1, extent, width],
        Cut::Rows => {
            let width = inner.min((most / PART).max(1));
            [1, (most / width).clamp(1, extent), width]
        }
    })
}

/// Whether chunks are runs of memory that follow one another.
pub(super) fn in_order(chunks: &[Chunk], view: View) -> bool {
    let mut end = 0;
    chunks.iter().all(|chunk| {
        chunk
            .runs(view)
            .all(|run| std::mem::replace(&mut end, run.end) == run.start)
    })
}

/// A range in parts of `step`, the last one perhaps shorter; one part where there is nothing.
fn parts(range: &Range<usize>, step: usize) -> Vec<Range<usize>> {
    if range.is_empty() {
        return vec![range.clone()];
    }
    let starts = range.clone().step_by(step.max(1));
    let part = |start: usize| start..start.saturating_add(step).min(range.end);
    starts.map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUTS: [Cut; 4] = [Cut::Anywhere, Cut::Rows, Cut::WholeAxis, Cut::FourSlabs];

    #[test]
    fn chunks_cover_every_element_once_within_the_limit() {
        for (outer, extent, inner) in [
            (1, 1, 1),
            (7, 5, 3),
            (1, 1000, 1),
            (3, 1, 1000),
            (2, 40, 600),
            (100, 7, 1),
            (1000, 1, 1),
            (1, 3, 9000),
            (2, 9000, 3),
        ] {
            let view = View {
                outer,
                extent,
                inner,
            };
            for most in [1, 4, 63, 1024, 30_000, 1 << 20] {
                for cut in CUTS {
                    let Ok(chunks) = cut_up(&Chunk::whole(view), most, cut) else {
                        continue;
                    };
                    let mut times = vec![0; outer * extent * inner];
                    for chunk in &chunks {
                        assert!(chunk.len() <= most, "{view:?} {most} {cut:?}: {chunk:?}");
                        assert!(cut != Cut::WholeAxis || chunk.extent.len() == extent);
                        let mut len = 0;
                        for run in chunk.runs(view) {
                            len += run.len();
                            assert!(cut != Cut::FourSlabs || run.start % 4 == 0);
                            run.for_each(|element| times[element] += 1);
                        }
                        assert_eq!(len, chunk.len());
                    }
                    assert!(
                        times.iter().all(|&times| times == 1),
                        "{view:?} {most} {cut:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_cut_is_told() {
        let view = View {
            outer: 9,
            extent: 100,
            inner: 2,
        };
        let whole = Chunk::whole(view);
        assert_eq!(cut_up(&whole, 99, Cut::WholeAxis), Err(100));
        assert_eq!(cut_up(&whole, 799, Cut::FourSlabs), Err(800));
        assert!(cut_up(&whole, 1, Cut::Anywhere).is_ok());
        assert!(cut_up(&whole, 1, Cut::Rows).is_ok());
    }

    #[test]
    fn a_box_of_whole_places_is_one_run() {
        let view = View {
            outer: 9,
            extent: 10,
            inner: 2,
        };
        let chunk = Chunk {
            outer: 2..4,
            extent: 0..10,
            inner: 0..2,
        };
        assert!(chunk.runs(view).eq(std::iter::once(40..80)));
        let strided = Chunk {
            outer: 1..2,
            extent: 3..5,
            inner: 1..2,
        };
        assert_eq!(strided.runs(view).collect::<Vec<_>>(), [27..28, 29..30]);
    }
}
