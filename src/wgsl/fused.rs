//! Activations one after another as one function.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{Shader, is_foreign};
use crate::activation::Definition;

/// A run of activations that one kernel applies, the result of each to the next.
///
/// ```
/// use wgpu_activations::{Activation, wgsl::Fused};
///
/// let steps = [Activation::GELU.definition(); 20];
/// let lengths: Vec<_> = Fused::runs(&steps).iter().map(Fused::len).collect();
/// assert_eq!(lengths, [16, 4]);
/// ```
#[derive(Debug, Clone)]
pub struct Fused {
    text: Arc<str>,
    len: usize,
    parameters: usize,
    foreign: bool,
}

impl Fused {
    /// Activations of a run at most. By then reading and writing memory is a small part of the work, and compilers
    /// of drivers take longer than in proportion for longer functions.
    pub const MOST: usize = 16;

    /// `definitions` in runs of [`Fused::MOST`], the last of what is left.
    pub fn runs(definitions: &[&Definition]) -> Vec<Self> {
        definitions.chunks(Self::MOST).map(Self::new).collect()
    }

    /// Activations of the run.
    #[allow(clippy::len_without_is_empty)] // never empty
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Parameters of all of them.
    pub(crate) const fn parameters(&self) -> usize {
        self.parameters
    }

    /// Functions with the same snippet are one function, whatever their names.
    fn new(definitions: &[&Definition]) -> Self {
        let mut places = HashMap::new();
        let mut text = String::new();
        let mut body = String::new();
        let mut parameters = 0;
        for (index, definition) in definitions.iter().enumerate() {
            let place = *places.entry(definition.wgsl).or_insert(index);
            if place == index {
                text.push_str(&with_own_names(definition.wgsl, index));
                text.push('\n');
            }
            let own = parameters..parameters + definition.parameters.len();
            let given: String = own.map(|at| format!(", parameter_of({at}u)")).collect();
            parameters += definition.parameters.len();
            body.push_str(&format!(
                "    y = select(value_{place}(y{given}), y, is_nan(y));\n"
            ));
        }
        text.push_str(&format!(
            "fn value_at(x: Real, parameter: Parameter) -> Real {{\n    var y = x;\n{body}    return y;\n}}"
        ));
        Self {
            text: text.into(),
            len: definitions.len(),
            parameters,
            foreign: definitions.iter().any(|definition| is_foreign(definition)),
        }
    }

    pub(super) fn append_to(&self, shader: &mut Shader) {
        shader.extend_with(self.text.clone(), self.foreign);
    }
}

/// A snippet whose functions, types and constants have a number behind their names: every snippet calls its
/// functions the same.
fn with_own_names(snippet: &str, number: usize) -> String {
    let declared: HashSet<_> = snippet.lines().flat_map(declared).collect();
    let mut renamed = String::with_capacity(snippet.len() + 256);
    for line in snippet.lines() {
        let (mut code, comment) = line.split_at(line.find("//").unwrap_or(line.len()));
        while let Some(start) = code.find(is_word) {
            let (before, from) = code.split_at(start);
            let end = from.find(|c| !is_word(c)).unwrap_or(from.len());
            let (word, after) = from.split_at(end);
            renamed.push_str(before);
            renamed.push_str(word);
            // A member of a struct may be called as a function is.
            if declared.contains(word) && !before.ends_with('.') {
                renamed.push_str(&format!("_{number}"));
            }
            code = after;
        }
        renamed.push_str(code);
        renamed.push_str(comment);
        renamed.push('\n');
    }
    renamed
}

/// The names that a line of WGSL declares.
fn declared(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or_default();
    let words = code.split(|c| !is_word(c)).filter(|word| !word.is_empty());
    let declares = |word: &str| matches!(word, "fn" | "const" | "alias" | "struct");
    words
        .clone()
        .zip(words.skip(1))
        .filter_map(move |(keyword, name)| declares(keyword).then_some(name))
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::with_own_names;

    #[test]
    fn names_of_a_snippet_get_its_number() {
        let snippet = "// value of half\nconst HALF = 0.5;\nfn value(x: f32) -> f32 { return HALF * s(x).value; }";
        let expected = "// value of half\nconst HALF_7 = 0.5;\nfn value_7(x: f32) -> f32 { return HALF_7 * s(x).value; }\n";
        assert_eq!(with_own_names(snippet, 7), expected);
    }
}
