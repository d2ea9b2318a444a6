//! Composes a shader from its pieces: kernel, access, words, element, parameter, real, lanes, bits, math,
//! activation.
//!
//! Plain text joined in a fixed order. WGSL resolves names in any order, so nothing cleverer is
//! needed, and with [`Words::U32`] the same text loads anywhere that takes WGSL. Of the pieces that do the same in
//! other ways [`Vectors`] says which are taken. Math and activations are written over `Real`, an f32 or the four
//! of a vector ([`Lanes`]).

mod arguments;
mod fused;
mod parameters;
mod shader;
mod vectors;

pub use arguments::{ARGUMENT_WORDS, Arguments, Word};
pub use fused::Fused;
pub(crate) use parameters::BINDINGS;
pub use parameters::{ParameterSource, PerChannel};
pub use shader::Shader;
pub use vectors::{Lanes, Vectors, Words};

use crate::{
    activation::{CATALOGUE, Definition},
    arguments,
};

const BITS: &str = include_str!("../shaders/bits.wgsl");
/// Integer division.
pub(crate) const QUOTIENT: &str = include_str!("../shaders/quotient.wgsl");
/// Where the lanes of a vector lie.
pub(crate) const LIES: &str = include_str!("../shaders/lies.wgsl");
const MATH: &str = include_str!("../shaders/math.wgsl");
const MATH_NATIVE: &str = include_str!("../shaders/math_native.wgsl");

/// Where elementary functions come from.
///
/// ```
/// use wgpu_activations::Math;
///
/// assert_eq!(Math::default(), Math::Accurate);
/// assert_eq!(Math::ALL.map(Math::name), ["accurate", "native"]);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "bench",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "lowercase")
)]
pub enum Math {
    /// The crate's own: within 2.5 ULP of the definition on every adapter, of Snake and dynamic tanh within 4.
    #[default]
    Accurate,
    /// WGSL's builtins: faster where arithmetic is dear, and as accurate as the adapter makes
    /// them; see [`Tolerance`](crate::accuracy::Tolerance) for what is asked of them.
    Native,
}

impl Math {
    /// Both, the default first.
    pub const ALL: [Self; 2] = [Self::Accurate, Self::Native];

    /// `accurate` or `native`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accurate => "accurate",
            Self::Native => "native",
        }
    }

    const fn source(self) -> &'static str {
        match self {
            Self::Accurate => MATH,
            Self::Native => MATH_NATIVE,
        }
    }
}

arguments! {
    /// What the pointwise kernels over tiles take.
    pub(crate) struct TileArguments {
        /// Elements.
        length: u32,
        /// The parameters, where one number each serves the whole tensor: the first,
        parameter_a: f32,
        /// the second,
        parameter_b: f32,
        /// the third
        parameter_c: f32,
        /// and the fourth.
        parameter_d: f32,
        /// For one per channel the tensor is [outer, channels, inner],
        channels: u32,
        /// of so many elements in a run,
        inner: u32,
        /// and this piece of it starts at this channel
        channel_start: u32,
        /// and place within the channel.
        inner_start: u32,
        /// Tiles before the remainder.
        tiles: u32,
        /// Of several activations: the place of the first parameter.
        first_parameter: u32,
    }
}

arguments! {
    /// What the pointwise kernels over columns take.
    pub(crate) struct ColumnArguments {
        /// Elements.
        length: u32,
        /// Per row.
        vectors: u32,
        /// The period of the parameters.
        channels: u32,
        /// Vectors of the bindings before the first.
        skip: u32,
        /// Groups of ROWS rows before the remainder.
        splits: u32,
    }
}

arguments! {
    /// What reductions take.
    pub(crate) struct ReduceArguments {
        /// columns: rows, the last perhaps partial; runs: outer; merge: partial results.
        rows: u32,
        /// columns: vectors per row; runs: whole vectors per run.
        vectors: u32,
        /// columns: elements; runs: elements per run.
        length: u32,
        /// Of this piece of the tensor.
        channels: u32,
        /// Partial results from one to the next of a channel: channels of the tensor.
        stride: u32,
        /// Elements of the bindings before the first.
        skip: u32,
        /// Place of the first partial result.
        first: u32,
        /// runs: threads that share a run.
        lanes: u32,
        /// runs: the first channel of this piece.
        channel: u32,
        /// columns: rows that a thread takes.
        walk: u32,
    }
}

const REAL: &str = include_str!("../shaders/real/one.wgsl");
const LANES: &str = include_str!("../shaders/lanes/one.wgsl");

/// Vectors in memory: `Packed`, and what takes its four elements out of it and puts them in.
pub fn elements(vectors: impl Into<Vectors>) -> Shader {
    Shader::own(&vectors.into().sources())
}

/// Elementary functions of one lane, and what tells NaN and infinities.
pub fn functions(math: Math) -> Shader {
    Shader::own(&[REAL, BITS, math.source()])
}

/// `kernel` over tiles of `vectors`; its arguments have a `length` and the `tiles` before the remainder.
pub(crate) fn over_tiles(kernel: [&'static str; 2], vectors: Vectors) -> Shader {
    let [arguments, kernel] = kernel;
    let [words, element] = vectors.sources();
    let tiles = include_str!("../shaders/kernel/tiles.wgsl");
    let access = vectors.words.access();
    Shader::own(&[arguments, kernel, tiles, access, words, element])
}

/// The pointwise kernel over tiles, to which functions are appended.
pub(crate) fn pointwise_tiles(vectors: Vectors) -> Shader {
    let kernel = include_str!("../shaders/kernel/pointwise.wgsl");
    over_tiles([TileArguments::WGSL, kernel], vectors)
}

/// Whether a definition's snippet is not one of the catalogue's.
fn is_foreign(definition: &Definition) -> bool {
    !CATALOGUE.iter().any(|own| own.wgsl == definition.wgsl)
}

/// The shader of a function of one element: entry points `forward`, `forward_in_place`,
/// `backward_pass`, `backward_in_place`.
///
/// ```
/// use wgpu_activations::{Activation, ElementType, Math, wgsl::{self, ParameterSource}};
///
/// let gelu = Activation::GELU.definition();
/// let shader = wgsl::pointwise(gelu, ElementType::F32, ParameterSource::None, Math::Accurate);
/// for entry_point in ["forward", "forward_in_place", "backward_pass", "backward_in_place"] {
///     assert!(shader.to_string().contains(&format!("fn {entry_point}(")));
/// }
/// ```
pub fn pointwise(
    definition: &Definition,
    vectors: impl Into<Vectors>,
    parameters: ParameterSource,
    math: Math,
) -> Shader {
    let vectors = vectors.into();
    if parameters == ParameterSource::Channel {
        return per_channel(definition, vectors, math);
    }
    let mut shader = pointwise_tiles(vectors);
    let [real, lanes] = vectors.lanes.sources();
    let parameters = parameters::of_tensor(definition);
    shader.extend(&[parameters, real, lanes, BITS, math.source()]);
    shader.extend_with(definition.wgsl, is_foreign(definition));
    shader
}

/// An activation with numbers for the whole tensor, as `value_at` and `backward_at` over lanes: for kernels of more than
/// one input.
pub(crate) fn function(definition: &Definition, lanes: Lanes, math: Math) -> Shader {
    let [real, lanes] = lanes.sources();
    let parameters = parameters::of_tensor(definition);
    let mut shader = Shader::own(&[parameters, real, lanes, BITS, math.source()]);
    shader.extend_with(definition.wgsl, is_foreign(definition));
    shader
}

/// A term of the gradient of parameter `index` of an activation, as `parameter_term`.
pub(crate) fn parameter_term(definition: &Definition, index: usize) -> Shader {
    let mut shader = Shader::default();
    shader.extend_with(parameters::term_of(definition.parameters, index), false);
    shader
}

/// The shader of a function of one element with parameters per channel, wherever the channels lie: entry points as
/// [`pointwise`].
pub fn per_channel(
    function: impl Into<PerChannel>,
    vectors: impl Into<Vectors>,
    math: Math,
) -> Shader {
    let mut shader = pointwise_tiles(vectors.into());
    let place = include_str!("../shaders/parameter/place.wgsl");
    shader.extend(&[place]);
    function.into().append_to(&mut shader, math, false);
    shader
}

/// The shader of a function of one element with parameters per channel, where the channels lie
/// innermost: entry points as [`pointwise`].
pub fn columns(function: impl Into<PerChannel>, vectors: impl Into<Vectors>, math: Math) -> Shader {
    let [words, element] = vectors.into().sources();
    let mut shader = Shader::own(&[
        ColumnArguments::WGSL,
        include_str!("../shaders/kernel/columns.wgsl"),
        QUOTIENT,
        words,
        element,
    ]);
    function.into().append_to(&mut shader, math, false);
    shader
}

/// The shader of several activations one after another, each with its parameters for the whole tensor, counted over all:
/// entry points `forward`, `forward_in_place`. What is between them stays in f32.
///
/// ```
/// use wgpu_activations::{Activation, ElementType, Math, wgsl::{self, Fused}};
///
/// let steps = Fused::runs(&[Activation::GELU.definition(), Activation::ELU.definition()]);
/// let shader = wgsl::fused(&steps[0], ElementType::F32, Math::Accurate).to_string();
/// assert!(shader.contains("y = select(value_1(y, parameter_of(0u)), y, is_nan(y));"));
/// ```
pub fn fused(steps: &Fused, vectors: impl Into<Vectors>, math: Math) -> Shader {
    let vectors = vectors.into();
    let mut shader = pointwise_tiles(vectors);
    let parameter = include_str!("../shaders/parameter/fused.wgsl");
    let [real, lanes] = vectors.lanes.sources();
    shader.extend(&[parameter, real, lanes, BITS, math.source()]);
    steps.append_to(&mut shader);
    shader
}

/// What is reduced per channel.
#[derive(Debug, Clone)]
pub struct Reduction {
    text: Shader,
    words: usize,
}

impl Reduction {
    /// By the definitions that `shaders/kernel/reduce.wgsl` asks for, with results of so many words.
    pub fn new(text: impl Into<Shader>, words: usize) -> Self {
        let text = text.into();
        Self { text, words }
    }

    /// The sums of a function's terms: the gradients of its parameters.
    ///
    /// ```
    /// use wgpu_activations::{Activation, ElementType, Math, wgsl::{self, Reduction}};
    ///
    /// let elu = Reduction::terms(Activation::ELU.definition(), Math::Accurate);
    /// let shader = wgsl::reduce(&elu, true, ElementType::F32).to_string();
    /// assert!(shader.contains("fn parameter_backward(") && shader.contains("fn merge("));
    /// ```
    pub fn terms(function: impl Into<PerChannel>, math: Math) -> Self {
        let function = function.into();
        let terms = include_str!("../shaders/reduction/terms.wgsl");
        let mut text = Shader::own(&[terms]);
        function.append_to(&mut text, math, true);
        Self::new(text, function.words())
    }

    pub(crate) const fn words(&self) -> usize {
        self.words
    }
}

/// The shader of reductions per channel: entry points `columns`, `columns_joined`, `columns_shared`, `runs`,
/// `merge`, `merge_joined`, `accumulate`. With `dx` the gradient of x is written on the way.
pub fn reduce(reduction: &Reduction, dx: bool, vectors: impl Into<Vectors>) -> Shader {
    let [words, element] = vectors.into().sources();
    let visit = if dx {
        include_str!("../shaders/reduction/with_dx.wgsl")
    } else {
        include_str!("../shaders/reduction/alone.wgsl")
    };
    let kernel = include_str!("../shaders/kernel/reduce.wgsl");
    let kernel = Shader::own(&[ReduceArguments::WGSL, kernel, words, element, visit]);
    kernel.and(reduction.text.clone())
}

/// The random words that a shader draws: functions `threefry` and `counter_after`.
pub const RANDOM: &str = include_str!("../shaders/random.wgsl");

/// [`RANDOM`], and the integers that it is over.
pub(crate) fn random() -> Shader {
    Shader::own(&[REAL, BITS, RANDOM])
}
