//! What is compared: devices, implementations and their mathematics.

use std::path::Path;

use super::Source;
use wgpu_activations::bench::record::Row;

/// An implementation with its choice of mathematics on a device, in one result file.
pub(super) struct Contender<'a> {
    /// The place of its file among the sources.
    pub(super) source: usize,
    pub(super) device: &'a str,
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
        contenders[first..].sort_by_key(|contender| {
            let mut rows = run.rows.iter();
            rows.position(|row| contender.owns(source, row))
        });
    }
    let labels = labels(sources, &contenders);
    for (index, (contender, label)) in contenders.iter_mut().zip(labels).enumerate() {
        contender.letter = letter(index);
        contender.label = label;
    }
    contenders
}

/// What contenders share is left out: their labels would only repeat it.
fn labels<'a>(sources: &[Source], contenders: &[Contender<'a>]) -> Vec<String> {
    let differ = |part: fn(&Contender<'a>) -> Option<&'a str>| {
        let mut parts = contenders.iter().map(part);
        let first = parts.next();
        parts.any(|part| Some(part) != first)
    };
    let implementations = differ(|contender| Some(contender.implementation));
    let maths = differ(|contender| contender.math);
    let label = |contender: &Contender<'_>| {
        let mut parts = vec![contender.device];
        parts.extend(implementations.then_some(contender.implementation));
        parts.extend(contender.math.filter(|_| maths));
        parts.join(", ")
    };
    let labels: Vec<_> = contenders.iter().map(label).collect();
    let apart = |(label, contender): (&String, &Contender<'_>)| {
        if labels.iter().filter(|other| *other == label).count() == 1 {
            return label.clone();
        }
        format!("{label}, {}", file_name(sources, contender.source))
    };
    labels.iter().zip(contenders).map(apart).collect()
}

/// A source's file name, with its folders where another has the same.
pub(super) fn file_name(sources: &[Source], source: usize) -> String {
    let short = |source: &Source| {
        let name = Path::new(&source.name).file_name();
        name.map_or(source.name.clone(), |name| name.to_string_lossy().into())
    };
    let name = short(&sources[source]);
    match sources.iter().filter(|other| short(other) == name).count() {
        1 => name,
        _ => sources[source].name.clone(),
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
