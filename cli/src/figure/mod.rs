//! Pictures of activations and their slopes, from the f64 reference. No GPU.

pub(crate) mod gallery;
mod line;
mod page;
mod picture;
mod scale;

use crate::draw::{legal, png};

use wgpu_activations::{Result, family::Curve};

/// Curves over the same x.
pub(crate) struct Plot {
    /// What the picture shows, in a few words.
    pub(crate) title: String,
    /// At most as many as there are colours.
    pub(crate) curves: Vec<Curve>,
    /// The first and the last x, the first smaller.
    pub(crate) range: (f64, f64),
    /// Whether slopes stand beside the functions.
    pub(crate) slope: bool,
}

/// Curves that colours tell apart.
pub(crate) const MOST_CURVES: usize = 8;

/// What a plot can be written as.
#[derive(Clone, Copy)]
pub(crate) enum Format {
    /// For light and dark surroundings.
    Svg,
    /// The same picture in pixels, light.
    Png,
    /// The picture in a page of its own, with a table of values.
    Html,
}

impl Format {
    /// Each with what the names of its files end with.
    pub(crate) const ALL: [(Self, &str); 3] =
        [(Self::Svg, "svg"), (Self::Png, "png"), (Self::Html, "html")];
}

/// The content of a file of `format`.
pub(crate) fn render(plot: &Plot, format: Format) -> Result<Vec<u8>> {
    let svg = || legal(&picture::svg(plot).into_string());
    Ok(match format {
        Format::Svg => svg().into_bytes(),
        Format::Png => png::png(&svg())?,
        Format::Html => legal(&page::page(plot).into_string()).into_bytes(),
    })
}
