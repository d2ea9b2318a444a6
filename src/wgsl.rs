//! Composes a shader from its pieces: kernel, access, words, element, parameter, real, lanes, bits, math,
//! activation.
//!
//! Plain text joined in a fixed order. WGSL resolves names in any order, so nothing cleverer is
//! needed, and with [`Words::U32`] the same text loads anywhere that takes WGSL. Of the pieces that do the same in
//! other ways [`Vectors`] says which are taken. Math and activations are written over `Real`, an f32 or the four
//! of a vector ([`Lanes`]).

use crate::{activation::Definition, element::ElementType};

const BITS: &str = include_str!("../shaders/bits.wgsl");
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
    /// The crate's own: within 4 ULP of the definition on every adapter.
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

/// How a shader gets the activation's parameter.
///
/// ```
/// use wgpu_activations::{Activation, wgsl::ParameterSource};
///
/// let of = |activation: Activation| ParameterSource::of(activation.definition());
/// assert_eq!(of(Activation::RELU), [ParameterSource::None]);
/// assert_eq!(of(Activation::ELU), [ParameterSource::Scalar, ParameterSource::Channel]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParameterSource {
    /// The activation has none.
    None,
    /// One for the whole tensor.
    Scalar,
    /// One per channel.
    Channel,
}

impl ParameterSource {
    const fn source(self) -> &'static str {
        match self {
            Self::None => include_str!("../shaders/parameter/none.wgsl"),
            Self::Scalar => include_str!("../shaders/parameter/scalar.wgsl"),
            Self::Channel => include_str!("../shaders/parameter/channel.wgsl"),
        }
    }

    /// Those that an activation can have.
    pub fn of(definition: &Definition) -> &'static [Self] {
        match definition.parameter {
            None => &[Self::None],
            Some(_) => &[Self::Scalar, Self::Channel],
        }
    }
}

/// The integers that a shader loads and stores vectors by.
///
/// ```
/// use wgpu_activations::wgsl::{self, Words};
///
/// let [words, long_words] = Words::ALL.map(wgsl::copy);
/// assert!(long_words.contains("vec4<u64>") && !words.contains("u64"));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Words {
    /// Of 32 bits, which is WGSL.
    #[default]
    U32,
    /// Of 64 bits, an extension of naga's that takes [`wgpu::Features::SHADER_INT64`]: for adapters where a
    /// load costs as much as it has words. What goes over tiles ([`pointwise`], [`fused`], [`dice`], [`alpha_dropout`]
    /// and [`copy`]) serves whole tiles alone with them.
    U64,
}

impl Words {
    /// Both, the default first.
    pub const ALL: [Self; 2] = [Self::U32, Self::U64];

    /// Which two vectors of a tile a thread takes.
    const fn access(self) -> &'static str {
        match self {
            Self::U32 => include_str!("../shaders/access/apart.wgsl"),
            Self::U64 => include_str!("../shaders/access/adjacent.wgsl"),
        }
    }
}

/// How many lanes of a vector of four a shader computes with at a time.
///
/// ```
/// use wgpu_activations::{Activation, ElementType, Math, wgsl::{self, Lanes, ParameterSource, Vectors}};
///
/// let gelu = Activation::GELU.definition();
/// let of = |lanes| {
///     let vectors = Vectors { lanes, ..ElementType::F32.into() };
///     wgsl::pointwise(gelu, vectors, ParameterSource::None, Math::Accurate)
/// };
/// assert!(of(Lanes::One).contains("alias Real = f32;"));
/// assert!(of(Lanes::Four).contains("alias Real = vec4<f32>;"));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Lanes {
    /// One after another.
    #[default]
    One,
    /// All, where one parameter serves them ([`pointwise`] and [`fused`]): for adapters that wait for one
    /// operation before they begin the next.
    Four,
}

impl Lanes {
    /// Both, the default first.
    pub const ALL: [Self; 2] = [Self::One, Self::Four];

    /// What math is over, and an activation over a vector.
    const fn sources(self) -> [&'static str; 2] {
        match self {
            Self::One => [REAL, LANES],
            Self::Four => [
                include_str!("../shaders/real/four.wgsl"),
                include_str!("../shaders/lanes/four.wgsl"),
            ],
        }
    }
}

/// How a shader loads vectors of four elements, and computes with them.
///
/// ```
/// use wgpu_activations::{ElementType, wgsl::{self, Vectors, Words}};
///
/// let long = Vectors { words: Words::U64, ..ElementType::F16.into() };
/// assert_ne!(wgsl::arrange(long), wgsl::arrange(ElementType::F16));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Vectors {
    /// The type of the elements in memory.
    pub element: ElementType,
    /// What they are loaded by.
    pub words: Words,
    /// How many are computed with at a time.
    pub lanes: Lanes,
}

impl From<ElementType> for Vectors {
    fn from(element: ElementType) -> Self {
        Self {
            element,
            words: Words::default(),
            lanes: Lanes::default(),
        }
    }
}

impl Vectors {
    fn of_f32(words: Words) -> Self {
        Self {
            words,
            ..ElementType::F32.into()
        }
    }

    /// A vector in words, and the elements in those.
    const fn sources(self) -> [&'static str; 2] {
        let words = match (self.words, self.element) {
            (Words::U32, ElementType::F32) => include_str!("../shaders/words/u32_f32.wgsl"),
            (Words::U32, _) => include_str!("../shaders/words/u32_half.wgsl"),
            (Words::U64, ElementType::F32) => include_str!("../shaders/words/u64_f32.wgsl"),
            (Words::U64, _) => include_str!("../shaders/words/u64_half.wgsl"),
        };
        let element = match self.element {
            ElementType::F32 => include_str!("../shaders/element/f32.wgsl"),
            ElementType::F16 => include_str!("../shaders/element/f16.wgsl"),
            ElementType::Bf16 => include_str!("../shaders/element/bf16.wgsl"),
        };
        [words, element]
    }
}

/// `kernel` over tiles of `vectors`.
fn over_tiles(kernel: &'static str, vectors: Vectors) -> Vec<&'static str> {
    let [words, element] = vectors.sources();
    let tiles = include_str!("../shaders/kernel/tiles.wgsl");
    vec![kernel, tiles, vectors.words.access(), words, element]
}

const REAL: &str = include_str!("../shaders/real/one.wgsl");
const LANES: &str = include_str!("../shaders/lanes/one.wgsl");
const PLACE: &str = include_str!("../shaders/parameter/place.wgsl");
const POINTWISE: &str = include_str!("../shaders/kernel/pointwise.wgsl");
const COLUMNS: &str = include_str!("../shaders/kernel/columns.wgsl");
const DICE: &str = include_str!("../shaders/family/dice.wgsl");

/// What a parameter per channel is to the activations of the catalogue.
const NUMBER: &str = "alias Parameter = f32;";

/// Gradients with respect to that number.
const NUMBER_TERMS: &str = "
alias Terms = f32;
fn terms(x: f32, upstream: f32, parameter: f32) -> f32 { return parameter_backward(x, upstream, parameter); }";

/// What is reduced per channel.
///
/// ```
/// use wgpu_activations::{ElementType, Math, wgsl::{self, Reduction}};
///
/// let of = |reduction| wgsl::reduce(reduction, false, None, ElementType::F32, Math::Accurate);
/// assert!(of(Reduction::Dice).len() > of(Reduction::Moments).len()); // it has the sigmoid
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// Count, mean and M2.
    Moments,
    /// The gradient of an activation's parameter.
    Parameter,
    /// What Dice's backward pass needs.
    Dice,
}

impl Reduction {
    /// Words of a result.
    pub(crate) const fn words(self) -> usize {
        match self {
            Self::Moments | Self::Dice => 4,
            Self::Parameter => 1,
        }
    }
}

/// The shader of the pointwise family: entry points `forward`, `forward_in_place`,
/// `backward_pass`, `backward_in_place`.
///
/// ```
/// use wgpu_activations::{Activation, ElementType, Math, wgsl::{self, ParameterSource}};
///
/// let gelu = Activation::GELU.definition();
/// let shader = wgsl::pointwise(gelu, ElementType::F32, ParameterSource::None, Math::Accurate);
/// for entry_point in ["forward", "forward_in_place", "backward_pass", "backward_in_place"] {
///     assert!(shader.contains(&format!("fn {entry_point}(")));
/// }
/// ```
pub fn pointwise(
    definition: &Definition,
    vectors: impl Into<Vectors>,
    parameter: ParameterSource,
    math: Math,
) -> String {
    let vectors = vectors.into();
    let mut pieces = over_tiles(POINTWISE, vectors);
    pieces.push(parameter.source());
    if parameter == ParameterSource::Channel {
        pieces.extend([PLACE, NUMBER]);
        pieces.extend(Lanes::One.sources());
    } else {
        pieces.extend(vectors.lanes.sources());
    }
    pieces.extend([BITS, math.source(), definition.wgsl]);
    pieces.join("\n")
}

/// The shader of the pointwise family with a parameter per channel, where the channels lie
/// innermost: entry points as [`pointwise`].
///
/// ```
/// use wgpu_activations::{Activation, ElementType, Math, wgsl};
///
/// let prelu = Activation::PRELU.definition();
/// let shader = wgsl::columns(prelu, ElementType::F16, Math::Accurate);
/// assert!(shader.contains("fn forward("));
/// ```
pub fn columns(definition: &Definition, vectors: impl Into<Vectors>, math: Math) -> String {
    let [words, element] = vectors.into().sources();
    let parameter = ParameterSource::Channel.source();
    let pieces = [COLUMNS, words, element, parameter, NUMBER];
    let function = [REAL, LANES, BITS, math.source(), definition.wgsl];
    [&pieces[..], &function].concat().join("\n")
}

/// The shader of several activations one after another, each with one parameter for the whole tensor:
/// entry points `forward`, `forward_in_place`. What is between them stays in f32.
///
/// ```
/// use wgpu_activations::{Activation, ElementType, Math, wgsl};
///
/// let steps = [Activation::GELU.definition(), Activation::ELU.definition()];
/// let shader = wgsl::fused(&steps, ElementType::F32, Math::Accurate);
/// assert!(shader.contains("y = select(value_1(y, Real(parameters[1])), y, is_nan(y));"));
/// ```
pub fn fused(definitions: &[&Definition], vectors: impl Into<Vectors>, math: Math) -> String {
    let vectors = vectors.into();
    let mut pieces: Vec<String> = over_tiles(POINTWISE, vectors)
        .into_iter()
        .chain([include_str!("../shaders/parameter/fused.wgsl")])
        .chain(vectors.lanes.sources())
        .chain([BITS, math.source()])
        .map(str::to_owned)
        .collect();
    let mut body = String::new();
    for (index, definition) in definitions.iter().enumerate() {
        let same = |other: &&Definition| other.name == definition.name;
        let first = definitions.iter().position(same).unwrap_or(index);
        if first == index {
            // Every snippet calls its functions the same; each gets names of its own.
            let mut snippet = definition.wgsl.to_owned();
            for name in ["value", "backward", "parameter_backward"] {
                snippet = snippet.replace(&format!("fn {name}("), &format!("fn {name}_{index}("));
            }
            pieces.push(snippet);
        }
        let parameter = match definition.parameter {
            Some(_) => format!(", Real(parameters[{index}])"),
            None => String::new(),
        };
        body.push_str(&format!(
            "    y = select(value_{first}(y{parameter}), y, is_nan(y));\n"
        ));
    }
    pieces.push(format!(
        "fn value_at(x: Real, parameter: Parameter) -> Real {{\n    var y = x;\n{body}    return y;\n}}"
    ));
    pieces.join("\n")
}

/// The shader of Dice, wherever its channels lie: entry points as [`pointwise`].
///
/// ```
/// use wgpu_activations::{ElementType, Math, wgsl};
///
/// let shader = wgsl::dice(ElementType::F32, Math::Accurate);
/// assert!(shader.contains("fn backward_pass("));
/// ```
pub fn dice(vectors: impl Into<Vectors>, math: Math) -> String {
    let mut pieces = over_tiles(POINTWISE, vectors.into());
    pieces.extend([ParameterSource::Channel.source(), PLACE]);
    pieces.extend([REAL, LANES, BITS, math.source(), DICE]);
    pieces.join("\n")
}

/// The shader of Dice where its channels lie innermost: entry points as [`pointwise`].
///
/// ```
/// use wgpu_activations::{ElementType, Math, wgsl};
///
/// let shader = wgsl::dice_columns(ElementType::Bf16, Math::Native);
/// assert!(shader.contains("fn forward("));
/// ```
pub fn dice_columns(vectors: impl Into<Vectors>, math: Math) -> String {
    let [words, element] = vectors.into().sources();
    let pieces = [COLUMNS, words, element, ParameterSource::Channel.source()];
    let function = [REAL, LANES, BITS, math.source(), DICE];
    [&pieces[..], &function].concat().join("\n")
}

/// The shader of what Dice knows of its channels: entry points `from_batch`, `from_running`,
/// `train`, `through_batch`, `alpha_of_sums`.
///
/// ```
/// use wgpu_activations::wgsl;
///
/// assert!(wgsl::dice_statistics().contains("fn train("));
/// ```
pub fn dice_statistics() -> String {
    include_str!("../shaders/family/dice_statistics.wgsl").to_owned()
}

/// The shader of reductions per channel: entry points `columns`, `runs`, `merge`, `accumulate`.
/// `definition` is the activation whose parameter's gradient is wanted; with `dx` that of x is written on the way.
///
/// ```
/// use wgpu_activations::{Activation, ElementType, Math, wgsl::{self, Reduction}};
///
/// let elu = Some(Activation::ELU.definition());
/// let shader = wgsl::reduce(Reduction::Parameter, true, elu, ElementType::F32, Math::Accurate);
/// assert!(shader.contains("fn parameter_backward(") && shader.contains("fn merge("));
/// ```
pub fn reduce(
    reduction: Reduction,
    dx: bool,
    definition: Option<&Definition>,
    vectors: impl Into<Vectors>,
    math: Math,
) -> String {
    let [words, element] = vectors.into().sources();
    let mut pieces = vec![
        include_str!("../shaders/kernel/reduce.wgsl"),
        words,
        element,
        if dx {
            include_str!("../shaders/reduction/with_dx.wgsl")
        } else {
            include_str!("../shaders/reduction/alone.wgsl")
        },
    ];
    if reduction == Reduction::Moments {
        pieces.push(include_str!("../shaders/reduction/moments.wgsl"));
        return pieces.join("\n");
    }
    pieces.extend([
        include_str!("../shaders/reduction/terms.wgsl"),
        ParameterSource::Channel.source(),
        REAL,
        LANES,
        BITS,
        math.source(),
    ]);
    match definition {
        Some(definition) => pieces.extend([NUMBER, NUMBER_TERMS, definition.wgsl]),
        None => pieces.push(DICE),
    }
    pieces.join("\n")
}

/// The random words that a shader draws: functions `threefry` and `counter_after`.
pub const RANDOM: &str = include_str!("../shaders/random.wgsl");

/// The shader of alpha dropout: entry points `forward`, `forward_in_place`, `backward_pass`,
/// `backward_in_place`.
///
/// ```
/// use wgpu_activations::{ElementType, wgsl};
///
/// let shader = wgsl::alpha_dropout(ElementType::F32);
/// assert!(shader.contains(wgsl::RANDOM) && shader.contains("fn forward("));
/// ```
pub fn alpha_dropout(vectors: impl Into<Vectors>) -> String {
    let kernel = include_str!("../shaders/family/alpha_dropout.wgsl");
    let mut pieces = over_tiles(kernel, vectors.into());
    pieces.extend([REAL, BITS, RANDOM]);
    pieces.join("\n")
}

/// The pointwise shader with nothing to compute, which moves words: entry points as
/// [`pointwise`].
///
/// ```
/// use wgpu_activations::wgsl::{self, Words};
///
/// assert!(wgsl::copy(Words::U32).contains("fn forward("));
/// ```
pub fn copy(words: Words) -> String {
    let mut pieces = over_tiles(POINTWISE, Vectors::of_f32(words));
    pieces.push(include_str!("../shaders/kernel/copy.wgsl"));
    pieces.join("\n")
}

/// The shader that only reads: entry points `read_one`, `read_two`.
///
/// ```
/// use wgpu_activations::wgsl::{self, Words};
///
/// assert!(wgsl::read(Words::U32).contains("fn read_two("));
/// ```
pub fn read(words: Words) -> String {
    let [words, element] = Vectors::of_f32(words).sources();
    [include_str!("../shaders/kernel/read.wgsl"), words, element].join("\n")
}

/// The shader that reads several parts of a tensor and writes one: entry point `streams`.
///
/// ```
/// use wgpu_activations::wgsl::{self, Words};
///
/// assert!(wgsl::streams(Words::U32).contains("fn streams("));
/// ```
pub fn streams(words: Words) -> String {
    let [words, element] = Vectors::of_f32(words).sources();
    [
        include_str!("../shaders/kernel/streams.wgsl"),
        words,
        element,
    ]
    .join("\n")
}

/// How the softmax kernels go about their rows.
///
/// ```
/// use wgpu_activations::{ElementType, Math, wgsl::{self, SoftmaxKernel}};
///
/// let of = |kernel| wgsl::softmax(kernel, ElementType::F32, Math::Accurate);
/// assert!(of(SoftmaxKernel::Rows).contains("fn forward_rows("));
/// assert!(of(SoftmaxKernel::Splits).contains("fn forward_splits("));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SoftmaxKernel {
    /// Short rows along the innermost axis, walked through: entry points `forward_rows`, `backward_rows`.
    Rows,
    /// The same, held in registers: entry points `forward_held`, `backward_held`.
    Held,
    /// Any other: entry points `forward_splits`, `backward_splits`, `merge`, `finish`,
    /// `write_forward`, `write_backward`.
    Splits,
}

/// The shader of softmax and log-softmax, with the entry points that `kernel` lists.
///
/// ```
/// use wgpu_activations::{ElementType, Math, wgsl::{self, SoftmaxKernel}};
///
/// let shader = wgsl::softmax(SoftmaxKernel::Rows, ElementType::F16, Math::Native);
/// assert!(shader.contains("fn backward_rows("));
/// ```
pub fn softmax(kernel: SoftmaxKernel, vectors: impl Into<Vectors>, math: Math) -> String {
    let entry_points = match kernel {
        SoftmaxKernel::Rows => include_str!("../shaders/family/softmax_rows.wgsl"),
        SoftmaxKernel::Held => include_str!("../shaders/family/softmax_held.wgsl"),
        SoftmaxKernel::Splits => include_str!("../shaders/family/softmax_splits.wgsl"),
    };
    let [words, element] = vectors.into().sources();
    [
        entry_points,
        include_str!("../shaders/family/softmax.wgsl"),
        words,
        element,
        REAL,
        BITS,
        math.source(),
    ]
    .join("\n")
}

/// How the winners of maxout are stored.
///
/// ```
/// use wgpu_activations::{ElementType, wgsl::{self, IndexType}};
///
/// let [bytes, words] = IndexType::ALL.map(|index| wgsl::maxout_pooling(ElementType::F32, index));
/// assert_ne!(bytes, words);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IndexType {
    /// Four to a word, for up to 256 pieces.
    U8,
    /// One to a word.
    U32,
}

impl IndexType {
    /// Both.
    pub const ALL: [Self; 2] = [Self::U8, Self::U32];

    const fn source(self) -> &'static str {
        match self {
            Self::U8 => include_str!("../shaders/index/u8.wgsl"),
            Self::U32 => include_str!("../shaders/index/u32.wgsl"),
        }
    }
}

const MAXOUT: &str = include_str!("../shaders/family/maxout.wgsl");

/// The shader of maxout over groups of channels: entry points `forward_streams`, `forward_runs`,
/// `forward_groups`, `forward_lanes`, `backward_streams`, `backward_groups`, `backward_lanes`.
///
/// ```
/// use wgpu_activations::{ElementType, wgsl::{self, IndexType}};
///
/// let shader = wgsl::maxout_pooling(ElementType::F32, IndexType::U8);
/// assert!(shader.contains("fn forward_groups("));
/// ```
pub fn maxout_pooling(vectors: impl Into<Vectors>, index: IndexType) -> String {
    let kernel = include_str!("../shaders/family/maxout_pooling.wgsl");
    let [words, element] = vectors.into().sources();
    [kernel, MAXOUT, words, element, index.source()].join("\n")
}

/// The shader of maxout over affine maps: entry points `forward`, `backward_x`, `backward_weight`,
/// `merge`.
///
/// ```
/// use wgpu_activations::{ElementType, wgsl::{self, IndexType}};
///
/// let shader = wgsl::maxout_affine(ElementType::F32, IndexType::U8);
/// assert!(shader.contains("fn backward_weight("));
/// ```
pub fn maxout_affine(vectors: impl Into<Vectors>, index: IndexType) -> String {
    let kernel = include_str!("../shaders/family/maxout_affine.wgsl");
    let [words, element] = vectors.into().sources();
    [kernel, MAXOUT, words, element, index.source()].join("\n")
}

/// The shader that lays out elements anew: entry point `arrange`.
///
/// ```
/// use wgpu_activations::{ElementType, wgsl};
///
/// assert!(wgsl::arrange(ElementType::F16).contains("fn arrange("));
/// ```
pub fn arrange(vectors: impl Into<Vectors>) -> String {
    let [words, element] = vectors.into().sources();
    [
        include_str!("../shaders/kernel/arrange.wgsl"),
        words,
        element,
    ]
    .join("\n")
}
