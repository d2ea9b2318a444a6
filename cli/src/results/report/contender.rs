//! What is compared: devices, implementations and their mathematics.

use std::{collections::HashSet, path::Path};

use super::Source;
use wgpu_activations::bench::record::Row;

/// An implementation with its choice of mathematics on a device, in one result file.
pub(super) struct Contender<'a> {
    /// The place of its file among the sources.
    pub(super) source: usize,
    /// The device's name.
    pub(super) device: &'a str,
    /// The implementation.
    pub(super) implementation: &'a str,
    /// `accurate`, `native`, or none where there is no choice.
    pub(super) math: Option<&'a str>,
    /// A letter that stands for it in charts: A, B, and so on.
    pub(super) letter: String,
    /// What tells it from the others, in words.
    pub(super) label: String,
}

impl Contender<'_> {
    /// Whether `row` of the file `source` is one of its own. A row without a choice of mathematics
    /// is one of every choice's.
    pub(super) fn owns(&self, source: usize, row: &Row) -> bool {
        self.source == source
            && self.device == row.device
            && self.implementation == row.implementation
            && (row.math.is_none() || self.math == row.math.as_deref())
    }
}

/// The contenders of all sources, in the order in which they appear.
pub(super) fn all(sources: &[Source]) -> Vec<Contender<'_>> {
    let mut contenders: Vec<Contender<'_>> = Vec::new();
    for (source, Source { run, .. }) in sources.iter().enumerate() {
        let first = contenders.len();
        // Rows with a choice come first: rows without one join them.
        let (chosen, plain): (Vec<_>, Vec<_>) = run.rows.iter().partition(|row| row.math.is_some());
        for row in chosen.into_iter().chain(plain) {
            let known = &contenders[first..];
            if !known.iter().any(|contender| contender.owns(source, row)) {
                contenders.push(Contender {
                    source,
                    device: &row.device,
                    implementation: &row.implementation,
                    math: row.math.as_deref(),
                    letter: String::new(),
                    label: String::new(),
                });
            }
        }
        let place = |contender: &Contender<'_>| {
            let of_contender = |row: &Row| contender.owns(source, row);
            run.rows.iter().position(of_contender)
        };
        contenders[first..].sort_by_key(place);
    }
    let labels = labels(sources, &contenders);
    for (index, (contender, label)) in contenders.iter_mut().zip(labels).enumerate() {
        contender.letter = letter(index);
        contender.label = label;
    }
    contenders
}

/// What contenders share is left out: their labels would only repeat it.
fn labels(sources: &[Source], contenders: &[Contender<'_>]) -> Vec<String> {
    let several = |part: fn(&Contender<'_>) -> String| {
        let parts: HashSet<_> = contenders.iter().map(part).collect();
        parts.len() > 1
    };
    let implementations = several(|contender| contender.implementation.to_owned());
    let maths = several(|contender| contender.math.unwrap_or_default().to_owned());
    let mut labels: Vec<_> = contenders
        .iter()
        .map(|contender| {
            let mut label = contender.device.to_owned();
            if implementations {
                label += &format!(", {}", contender.implementation);
            }
            if let Some(math) = contender.math.filter(|_| maths) {
                label += &format!(", {math}");
            }
            label
        })
        .collect();
    let repeated: Vec<_> = labels
        .iter()
        .map(|label| labels.iter().filter(|other| *other == label).count() > 1)
        .collect();
    for ((label, contender), repeated) in labels.iter_mut().zip(contenders).zip(repeated) {
        if repeated {
            *label += &format!(", {}", file_name(sources, contender.source));
        }
    }
    labels
}

/// A source's file name, with its folders where another has the same.
pub(super) fn file_name(sources: &[Source], source: usize) -> String {
    let short = |source: &Source| {
        Path::new(&source.name)
            .file_name()
            .map_or(source.name.clone(), |name| name.to_string_lossy().into())
    };
    let name = short(&sources[source]);
    let same = sources.iter().filter(|other| short(other) == name).count();
    if same > 1 {
        sources[source].name.clone()
    } else {
        name
    }
}

/// A to Z, then AA to AZ, and so on.
fn letter(index: usize) -> String {
    let last = char::from(b'A' + (index % 26) as u8);
    match index / 26 {
        0 => last.to_string(),
        rest => format!("{}{last}", letter(rest - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_go_on_beyond_z() {
        let letters = [0, 25, 26, 701, 702].map(letter);
        assert_eq!(letters, ["A", "Z", "AA", "ZZ", "AAA"]);
    }
}
