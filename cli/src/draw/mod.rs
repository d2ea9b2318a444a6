//! What pictures are drawn with: colours, pixels, text. No GPU.

pub(crate) mod palette;
pub(crate) mod png;

use std::path::Path;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::{Failure, Result};

/// A page that needs nothing beside it: whatever it shows, it fetches and runs nothing.
pub(crate) fn page(title: &str, style: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'";
                title { (title) }
                style { (PreEscaped(style)) }
            }
            body { (body) }
        }
    }
}

/// The one of `all` whose extension, beside it, the name of `path` has.
pub(crate) fn by_extension<F: Copy>(path: &Path, all: &[(F, &str)]) -> Result<F> {
    let wanted = path.extension().unwrap_or_default();
    let found = all
        .iter()
        .find(|(_, extension)| wanted.eq_ignore_ascii_case(extension));
    found.map(|(format, _)| *format).ok_or_else(|| {
        let known = all.iter().map(|(_, extension)| format!(".{extension}"));
        let known = known.collect::<Vec<_>>().join(", ");
        Failure::Usage(format!(
            "{}: the name must end with one of {known}",
            path.display()
        ))
    })
}

/// The least step between marks, one of `factors` times a power of ten, that is not below `rough`.
pub(crate) fn round_step(rough: f64, factors: &[f64]) -> f64 {
    let power = 10f64.powf(rough.log10().floor());
    let mut steps = factors.iter().map(|factor| factor * power);
    let enough = steps.find(|step| *step >= rough * (1.0 - 1e-9));
    enough.unwrap_or(rough)
}

/// Pixels, to a tenth.
pub(crate) fn px(pixels: f64) -> String {
    // Adding 0 makes -0 a 0.
    format!("{}", (pixels * 10.0).round() / 10.0 + 0.0)
}

/// The text, cut to `most` characters.
pub(crate) fn clip(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most - 1).collect();
    format!("{}…", kept.trim_end())
}

/// The text without characters that markup cannot hold, not even escaped.
pub(crate) fn legal(text: &str) -> String {
    let replaced = |character: char| match character {
        '\n' | '\t' => character,
        '\u{fffe}' | '\u{ffff}' => char::REPLACEMENT_CHARACTER,
        _ if character.is_control() => char::REPLACEMENT_CHARACTER,
        _ => character,
    };
    text.chars().map(replaced).collect()
}

/// Four significant digits, as a power of ten where that is shorter.
pub(crate) fn number(value: f64) -> String {
    // Adding 0 makes -0 a 0.
    let rounded: f64 = format!("{value:.3e}").parse().unwrap_or(value) + 0.0;
    let size = rounded.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) && size.is_finite() {
        format!("{rounded:e}")
    } else {
        rounded.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (-0.0, "0"),
            (0.84134474, "0.8413"),
            (-2.80743e-13, "-2.807e-13"),
            (123456.0, "123500"),
            (3e7, "3e7"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
