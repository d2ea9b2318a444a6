//! Composes a shader from its pieces: kernel, element, parameter, math, activation.
//!
//! Plain text joined in a fixed order. WGSL resolves names in any order, so nothing cleverer is
//! needed, and the same files load anywhere that takes WGSL.

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
    feature = "cli",
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

const fn element_source(element: ElementType) -> &'static str {
    match element {
        ElementType::F32 => include_str!("../shaders/element/f32.wgsl"),
        ElementType::F16 => include_str!("../shaders/element/f16.wgsl"),
        ElementType::Bf16 => include_str!("../shaders/element/bf16.wgsl"),
    }
}

const LANES: &str = include_str!("../shaders/lanes.wgsl");
const PLACE: &str = include_str!("../shaders/parameter/place.wgsl");
const POINTWISE: &str = include_str!("../shaders/kernel/pointwise.wgsl");
const COLUMNS: &str = include_str!("../shaders/kernel/columns.wgsl");
const DICE: &str = include_str!("../shaders/dice.wgsl");

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
    element: ElementType,
    parameter: ParameterSource,
    math: Math,
) -> String {
    let mut pieces = vec![POINTWISE, element_source(element), parameter.source()];
    if parameter == ParameterSource::Channel {
        pieces.extend([PLACE, NUMBER]);
    }
    pieces.extend([LANES, BITS, math.source(), definition.wgsl]);
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
pub fn columns(definition: &Definition, element: ElementType, math: Math) -> String {
    let parameter = ParameterSource::Channel.source();
    let pieces = [COLUMNS, element_source(element), parameter, NUMBER];
    let function = [LANES, BITS, math.source(), definition.wgsl];
    [pieces, function].concat().join("\n")
}

/// The shader of several activations one after another, each with one parameter for the whole tensor:
/// entry points `forward`, `forward_in_place`. What is between them stays in f32.
///
/// ```
/// use wgpu_activations::{Activation, ElementType, Math, wgsl};
///
/// let steps = [Activation::GELU.definition(), Activation::ELU.definition()];
/// let shader = wgsl::fused(&steps, ElementType::F32, Math::Accurate);
/// assert!(shader.contains("y = select(value_1(y, parameters[1]), y, is_nan(y));"));
/// ```
pub fn fused(definitions: &[&Definition], element: ElementType, math: Math) -> String {
    let mut pieces: Vec<String> = [
        POINTWISE,
        element_source(element),
        include_str!("../shaders/parameter/fused.wgsl"),
        LANES,
        BITS,
        math.source(),
    ]
    .map(str::to_owned)
    .into();
    let mut body = String::new();
    for (index, definition) in definitions.iter().enumerate() {
        // Every snippet calls its functions the same; each gets names of its own.
        let mut snippet = definition.wgsl.to_owned();
        for name in ["value", "backward", "parameter_backward"] {
            snippet = snippet.replace(&format!("fn {name}("), &format!("fn {name}_{index}("));
        }
        pieces.push(snippet);
        let parameter = match definition.parameter {
            Some(_) => format!(", parameters[{index}]"),
            None => String::new(),
        };
        body.push_str(&format!(
            "    y = select(value_{index}(y{parameter}), y, is_nan(y));\n"
        ));
    }
    pieces.push(format!(
        "fn value_at(x: f32, parameter: Parameter) -> f32 {{\n    var y = x;\n{body}    return y;\n}}"
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
pub fn dice(element: ElementType, math: Math) -> String {
    let parameter = ParameterSource::Channel.source();
    let pieces = [POINTWISE, element_source(element), parameter, PLACE];
    let function = [LANES, BITS, math.source(), DICE];
    [pieces, function].concat().join("\n")
}

/// The shader of Dice where its channels lie innermost: entry points as [`pointwise`].
///
/// ```
/// use wgpu_activations::{ElementType, Math, wgsl};
///
/// let shader = wgsl::dice_columns(ElementType::Bf16, Math::Native);
/// assert!(shader.contains("fn forward("));
/// ```
pub fn dice_columns(element: ElementType, math: Math) -> String {
    let parameter = ParameterSource::Channel.source();
    let pieces = [COLUMNS, element_source(element), parameter];
    let function = [LANES, BITS, math.source(), DICE];
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
    include_str!("../shaders/kernel/dice.wgsl").to_owned()
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
    element: ElementType,
    math: Math,
) -> String {
    let mut pieces = vec![
        include_str!("../shaders/kernel/reduce.wgsl"),
        element_source(element),
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
pub fn alpha_dropout(element: ElementType) -> String {
    [
        include_str!("../shaders/kernel/alpha_dropout.wgsl"),
        element_source(element),
        BITS,
        RANDOM,
    ]
    .join("\n")
}

/// The pointwise shader with nothing to compute, which moves words: entry points as
/// [`pointwise`].
///
/// ```
/// use wgpu_activations::wgsl;
///
/// assert!(wgsl::copy().contains("fn forward("));
/// ```
pub fn copy() -> String {
    [
        POINTWISE,
        element_source(ElementType::F32),
        include_str!("../shaders/kernel/copy.wgsl"),
    ]
    .join("\n")
}

/// The shader that only reads: entry points `read_one`, `read_two`.
///
/// ```
/// use wgpu_activations::wgsl;
///
/// assert!(wgsl::read().contains("fn read_two("));
/// ```
pub fn read() -> String {
    include_str!("../shaders/kernel/read.wgsl").to_owned()
}

/// The shader that reads several parts of a tensor and writes one: entry point `streams`.
///
/// ```
/// use wgpu_activations::wgsl;
///
/// assert!(wgsl::streams().contains("fn streams("));
/// ```
pub fn streams() -> String {
    include_str!("../shaders/kernel/streams.wgsl").to_owned()
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
pub fn softmax(kernel: SoftmaxKernel, element: ElementType, math: Math) -> String {
    let entry_points = match kernel {
        SoftmaxKernel::Rows => include_str!("../shaders/kernel/softmax_rows.wgsl"),
        SoftmaxKernel::Held => include_str!("../shaders/kernel/softmax_held.wgsl"),
        SoftmaxKernel::Splits => include_str!("../shaders/kernel/softmax_splits.wgsl"),
    };
    [
        entry_points,
        include_str!("../shaders/kernel/softmax.wgsl"),
        element_source(element),
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

const MAXOUT: &str = include_str!("../shaders/kernel/maxout.wgsl");

/// The shader of maxout over groups of channels: entry points `forward_streams`, `forward_runs`,
/// `forward_groups`, `forward_lanes`, `backward_streams`, `backward_groups`, `backward_lanes`.
///
/// ```
/// use wgpu_activations::{ElementType, wgsl::{self, IndexType}};
///
/// let shader = wgsl::maxout_pooling(ElementType::F32, IndexType::U8);
/// assert!(shader.contains("fn forward_groups("));
/// ```
pub fn maxout_pooling(element: ElementType, index: IndexType) -> String {
    let kernel = include_str!("../shaders/kernel/maxout_pooling.wgsl");
    [kernel, MAXOUT, element_source(element), index.source()].join("\n")
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
pub fn maxout_affine(element: ElementType, index: IndexType) -> String {
    let kernel = include_str!("../shaders/kernel/maxout_affine.wgsl");
    [kernel, MAXOUT, element_source(element), index.source()].join("\n")
}

/// The shader that lays out elements anew: entry point `arrange`.
///
/// ```
/// use wgpu_activations::{ElementType, wgsl};
///
/// assert!(wgsl::arrange(ElementType::F16).contains("fn arrange("));
/// ```
pub fn arrange(element: ElementType) -> String {
    let kernel = include_str!("../shaders/kernel/arrange.wgsl");
    [kernel, element_source(element)].join("\n")
}
