//! Which arrays of a file are chosen, by names and patterns.

use std::borrow::Cow;

use super::file::Reason;

/// What was chosen of the arrays of a file.
pub(super) struct Chosen<T> {
    /// The arrays to compute on, each with its place among all.
    pub(super) taken: Vec<(usize, T)>,
    /// Those that a pattern names and that cannot be computed on, each with the reason.
    pub(super) passed_over: Vec<(String, String)>,
}

/// The arrays of `found` that are `known` and that names or patterns name, in the order of `found`. `open` gives what is
/// computed on, or why it cannot be: a pattern passes over such an array, a name says that it is wanted.
pub(super) fn choose<T>(
    patterns: &[String],
    found: &[&str],
    known: impl Fn(&str) -> bool,
    mut open: impl FnMut(usize) -> Reason<T>,
) -> Reason<Chosen<T>> {
    let (mut taken, mut passed_over) = (Vec::new(), Vec::new());
    for (index, name) in found.iter().enumerate() {
        if !known(name) || !patterns.iter().any(|pattern| matches(pattern, name)) {
            continue;
        }
        match open(index) {
            Ok(array) => taken.push((index, array)),
            Err(reason) if patterns.iter().any(|pattern| pattern == name) => {
                return Err(format!("{}: {reason}", shown(name)));
            }
            Err(reason) => passed_over.push(((*name).to_owned(), reason)),
        }
    }
    Ok(Chosen { taken, passed_over })
}

/// Fails where there are but arrays that cannot be computed on.
pub(super) fn expect_taken(any: bool, passed_over: &[(String, String)]) -> Reason<()> {
    match passed_over.first() {
        Some((name, reason)) if !any => {
            let name = shown(name);
            Err(format!(
                "has nothing of that name to compute on: {name}: {reason}"
            ))
        }
        _ => Ok(()),
    }
}

/// The patterns that choose of `found`: those that are given, each of which must match something, or without any the
/// name of the only array. `noun` says what holds them.
pub(super) fn patterns<'a>(
    given: &'a [String],
    found: &[&str],
    noun: &str,
) -> Reason<Cow<'a, [String]>> {
    match (given, found) {
        ([], []) => return Err(format!("is {noun} without arrays")),
        ([], [only]) => return Ok(vec![(*only).to_owned()].into()),
        ([], _) => {
            return Err(format!(
                "is {noun} with {} arrays; name some with --tensor NAME or a pattern such as '*.weight', or one for a \
                 parameter with @FILE:NAME: {}",
                found.len(),
                some_of(found)
            ));
        }
        _ => {}
    }
    let idle = |pattern: &&String| !found.iter().any(|name| matches(pattern, name));
    given.iter().find(idle).map_or(Ok(given.into()), |pattern| {
        Err(format!(
            "has nothing that matches {}; it has {}",
            shown(pattern),
            some_of(found)
        ))
    })
}

/// A name on one line.
pub(super) fn shown(name: &str) -> String {
    format!("`{}`", name.escape_debug())
}

/// Some names, and how many more there are.
pub(super) fn some_of(names: &[&str]) -> String {
    const SHOWN: usize = 20;
    if names.is_empty() {
        return "none".to_owned();
    }
    let shown = names.iter().take(SHOWN).map(|name| shown(name));
    let more = names.len().saturating_sub(SHOWN);
    let more = (more > 0).then(|| format!("{more} more"));
    shown.chain(more).collect::<Vec<_>>().join(", ")
}

/// Whether a name fits a pattern, in which `*` stands for any characters and `?` for one.
///
/// ```
/// use wgpu_activations::io::matches;
///
/// assert!(matches("blocks.*.weight", "blocks.0.mlp.weight"));
/// assert!(matches("blocks.?.bias", "blocks.7.bias"));
/// assert!(!matches("blocks.?.bias", "blocks.10.bias"));
/// ```
pub fn matches(pattern: &str, name: &str) -> bool {
    let (mut pattern, mut name) = (pattern.chars(), name.chars());
    // What follows the last star, and the part of the name that it has not taken. Only the last
    // needs to be tried again: an earlier one that takes more leaves no more to the later ones.
    let mut star = None;
    loop {
        let here = name.clone();
        match (pattern.next(), name.next()) {
            (Some('*'), _) => {
                name = here.clone();
                star = Some((pattern.clone(), here));
            }
            (None, None) => return true,
            (Some('?'), Some(_)) => {}
            (Some(wanted), Some(found)) if wanted == found => {}
            _ => {
                let Some((after, rest)) = &mut star else {
                    return false;
                };
                if rest.next().is_none() {
                    return false;
                }
                (pattern, name) = (after.clone(), rest.clone());
            }
        }
    }
}
