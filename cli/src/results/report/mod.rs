//! Shows result files side by side: as a page, a picture, tables or plain rows. No GPU.

mod chart;
mod contender;
mod csv;
mod markdown;
mod number;
mod page;
mod picture;
mod quantity;
mod scale;
mod sweep;
mod tables;
mod view;

use crate::draw::{legal, png};
use wgpu_activations::bench::record::Run;

use wgpu_activations::Result;

/// A result file.
#[derive(Debug, Clone)]
pub struct Source {
    /// What the user calls it.
    pub name: String,
    /// What it holds.
    pub run: Run,
}

/// What a report can be written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One page that needs nothing beside it.
    Html,
    /// One picture of the kernels, for light and dark surroundings.
    Svg,
    /// The same picture in pixels, light.
    Png,
    /// Tables.
    Markdown,
    /// A line per row of the result files.
    Csv,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::Html, Self::Svg, Self::Png, Self::Markdown, Self::Csv];

    /// What the names of such files end with: `html`.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Svg => "svg",
            Self::Png => "png",
            Self::Markdown => "md",
            Self::Csv => "csv",
        }
    }
}

/// The content of a file of `format` that shows `sources` side by side.
///
/// # Errors
///
/// [`Error::Picture`](wgpu_activations::Error::Picture) if a PNG cannot be drawn.
pub fn render(sources: &[Source], format: Format) -> Result<Vec<u8>> {
    let view = view::View::new(sources);
    Ok(match format {
        Format::Html => legal(&page::page(&view).into_string()).into_bytes(),
        Format::Svg => svg(&view).into_bytes(),
        Format::Png => png::png(&svg(&view))?,
        Format::Markdown => legal(&markdown::document(&view)).into_bytes(),
        Format::Csv => csv::lines(&view).into_bytes(),
    })
}

fn svg(view: &view::View<'_>) -> String {
    legal(&picture::svg(view).into_string())
}
