//! A shader as a list of pieces of text.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

/// The text of a shader, in pieces that are joined when it is built.
///
/// Shaders are equal if their pieces are, by content. They tell pipelines apart and are made anew for each
/// dispatch, so that both is cheap: most pieces are texts of the crate, equal by their address.
///
/// ```
/// use wgpu_activations::{ElementType, Math, wgsl::{self, Shader}};
///
/// let kernel = Shader::from("fn half(x: vec4<f32>) -> vec4<f32> { return 0.5 * x; }");
/// let shader = kernel.and(wgsl::elements(ElementType::F16)).and(wgsl::functions(Math::Accurate));
/// let text = shader.to_string();
/// assert!(text.starts_with("fn half(") && text.contains("fn unpack(") && text.contains("fn expm1f("));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Shader {
    pieces: Vec<Piece>,
    hash: u64,
    foreign: bool,
}

/// A text of a shader, fixed or made.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Fixed(&'static str),
    Made(Arc<str>),
}

impl Piece {
    fn text(&self) -> &str {
        match self {
            Self::Fixed(text) => text,
            Self::Made(text) => text,
        }
    }
}

impl PartialEq for Piece {
    fn eq(&self, other: &Self) -> bool {
        let (left, right) = (self.text(), other.text());
        std::ptr::eq(left, right) || left == right
    }
}

impl Shader {
    /// Of the crate's own texts, of which empty ones are left out.
    pub(crate) fn own(pieces: &[&'static str]) -> Self {
        // Room for what most shaders take.
        let mut shader = Self {
            pieces: Vec::with_capacity(16),
            ..Self::default()
        };
        shader.extend(pieces);
        shader
    }

    pub(crate) fn extend(&mut self, pieces: &[&'static str]) {
        for &text in pieces {
            if !text.is_empty() {
                self.push(Piece::Fixed(text));
            }
        }
    }

    /// Appends a text that is the crate's own unless `foreign`.
    pub(crate) fn extend_with(&mut self, text: impl Into<Piece>, foreign: bool) {
        self.push(text.into());
        self.foreign |= foreign;
    }

    /// The pieces of both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.foreign |= other.foreign;
        other.pieces.into_iter().for_each(|piece| self.push(piece));
        self
    }

    /// The same for a launch that is not the crate's own.
    pub(crate) fn of_another(self) -> Self {
        Self {
            foreign: true,
            ..self
        }
    }

    /// Whether some of its text is not this crate's: nothing is known of its loops and indices.
    pub(crate) fn is_foreign(&self) -> bool {
        self.foreign
    }

    fn push(&mut self, piece: Piece) {
        self.hash = mixed(self.hash, sample(piece.text()));
        self.pieces.push(piece);
    }
}

impl From<&'static str> for Piece {
    fn from(text: &'static str) -> Self {
        Self::Fixed(text)
    }
}

impl From<Arc<str>> for Piece {
    fn from(text: Arc<str>) -> Self {
        Self::Made(text)
    }
}

impl From<&'static str> for Shader {
    fn from(text: &'static str) -> Self {
        let mut shader = Self::default();
        shader.extend_with(text, true);
        shader
    }
}

impl From<String> for Shader {
    fn from(text: String) -> Self {
        let mut shader = Self::default();
        shader.extend_with(Arc::<str>::from(text), true);
        shader
    }
}

impl fmt::Display for Shader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, piece) in self.pieces.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            f.write_str(piece.text())?;
        }
        Ok(())
    }
}

impl PartialEq for Shader {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.foreign == other.foreign && self.pieces == other.pieces
    }
}

impl Eq for Shader {}

impl Hash for Shader {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// A number that tells most texts apart: from the length, and the bytes in the middle and at the end.
/// Comparison reads what hashing leaves out.
fn sample(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let last = |end: usize| {
        let mut word = [0; 8];
        let piece = &bytes[end.saturating_sub(8)..end];
        word[..piece.len()].copy_from_slice(piece);
        u64::from_le_bytes(word)
    };
    mixed(
        mixed(bytes.len() as u64, last(bytes.len() / 2)),
        last(bytes.len()),
    )
}

const fn mixed(hash: u64, word: u64) -> u64 {
    // 2^64 over the golden ratio.
    (hash.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn shaders_are_equal_by_content() {
        let fixed = Shader::from("fn a() {}");
        let made = Shader::from("fn a() {}".to_owned());
        assert_eq!(fixed, made);
        assert_ne!(fixed, Shader::from("fn b() {}"));
        // The crate's own text runs without checks, another's does not.
        assert_ne!(fixed, Shader::own(&["fn a() {}"]));
        let joined = Shader::own(&["a", "", "b"]);
        assert_eq!(joined.to_string(), "a\nb");
        assert_eq!(joined, Shader::own(&["a"]).and(Shader::own(&["b"])));
        assert!(!joined.is_foreign() && joined.clone().and(made.clone()).is_foreign());
        assert_eq!(HashSet::from([fixed, made, joined]).len(), 2);
    }

    #[test]
    fn texts_that_differ_where_hashing_does_not_look_stay_apart() {
        let long =
            |digit: u32| Shader::from(format!("{}{digit}{}", "a".repeat(90), "b".repeat(10)));
        let shaders: HashSet<_> = (0..10).map(long).collect();
        assert_eq!(shaders.len(), 10);
    }
}
