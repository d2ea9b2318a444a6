//! Forward or backward.

/// Direction of a pass.
///
/// ```
/// use wgpu_activations::family::Pass;
///
/// assert_eq!(Pass::ALL.map(Pass::name), ["forward", "backward"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    feature = "bench",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "lowercase")
)]
pub enum Pass {
    /// y = f(x).
    Forward,
    /// dx = f'(x) upstream.
    Backward,
}

impl Pass {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Forward, Self::Backward];

    /// `forward` or `backward`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Backward => "backward",
        }
    }
}
