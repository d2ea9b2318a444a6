//! What the catalogue says about the families: activations whose result depends on more than one
//! element, or on parameters that are tensors.

use super::{Paper, normalised};

/// A family: names, formulas, parameters and origin. Its computation is the launcher's of the same
/// name in [`family`](crate::family).
///
/// ```
/// use wgpu_activations::FAMILIES;
///
/// for family in FAMILIES {
///     println!("{}: {}", family.title, family.formula);
/// }
/// assert!(FAMILIES.iter().any(|family| family.name == "softmax"));
/// ```
pub struct Family {
    /// The name, in lower case with hyphens: `log-softmax`.
    pub name: &'static str,
    /// Other names it is known by.
    pub aliases: &'static [&'static str],
    /// The name as prose writes it: `Log-softmax`.
    pub title: &'static str,
    /// The function, as text.
    pub formula: &'static str,
    /// Its backward pass, as text; g is the upstream gradient.
    pub slope_formula: &'static str,
    /// What shapes it.
    pub parameters: &'static [FamilyParameter],
    /// What NaN, infinities and edge cases give: the input in words, then the result.
    pub special_values: &'static [(&'static str, &'static str)],
    /// What users of other libraries should know.
    pub notes: &'static [&'static str],
    /// Where it was proposed.
    pub paper: Paper,
}

/// Something that shapes a family's result.
///
/// ```
/// use wgpu_activations::activation::{Family, Preset};
///
/// let softmax = Family::find("softmax");
/// let axis = softmax.and_then(|family| family.parameters.iter().find(|it| it.name == "axis"));
/// assert_eq!(axis.map(|axis| axis.default), Some(Preset::Number(-1.0)));
/// ```
pub struct FamilyParameter {
    /// Its name.
    pub name: &'static str,
    /// What it is where it is not given.
    pub default: Preset,
    /// The values it may take, in words.
    pub rule: &'static str,
    /// What it does.
    pub description: &'static str,
}

/// What a parameter is where it is not given.
///
/// ```
/// use wgpu_activations::{FAMILIES, activation::Preset};
///
/// // What must be given.
/// let parameters = FAMILIES.iter().flat_map(|family| family.parameters);
/// let required = parameters.filter(|parameter| parameter.default == Preset::Required);
/// assert!(required.map(|parameter| parameter.name).any(|name| name == "seed"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Preset {
    /// It must be given.
    Required,
    /// This number.
    Number(f32),
    /// This choice.
    Choice(&'static str),
}

impl Family {
    /// The family called `name`, by its name or an alias, whatever its case, `_` for `-`.
    ///
    /// ```
    /// use wgpu_activations::activation::Family;
    ///
    /// assert_eq!(Family::find("Log_Softmax").map(|family| family.name), Some("log-softmax"));
    /// assert!(Family::find("gelu").is_none());
    /// ```
    pub fn find(name: &str) -> Option<&'static Self> {
        let wanted = normalised(name);
        FAMILIES
            .iter()
            .find(|family| family.name == wanted || family.aliases.contains(&&*wanted))
            .copied()
    }
}

/// Every family, in the order of the documentation.
pub const FAMILIES: &[&Family] = &[&DICE, &SOFTMAX, &LOG_SOFTMAX, &MAXOUT, &ALPHA_DROPOUT];

const AXIS: FamilyParameter = FamilyParameter {
    name: "axis",
    default: Preset::Number(-1.0),
    rule: "an axis of the tensor, from the end where negative",
    description: "the axis along which values are normalised",
};

const MASKED: FamilyParameter = FamilyParameter {
    name: "masked",
    default: Preset::Choice("nan"),
    rule: "nan or zeros",
    description: "what a row of nothing but -inf gives; the logarithm of zeros is -inf",
};

const CHANNEL_AXIS: FamilyParameter = FamilyParameter {
    description: "the axis of the channels",
    ..AXIS
};

const DICE: Family = Family {
    name: "dice",
    aliases: &[],
    title: "Dice",
    formula: "x (p + (1 - p) alpha), p = sigmoid(z), z = (x - mean) / sqrt(variance + epsilon)",
    slope_formula: "training g (alpha + (1 - alpha) p) + r (k - mean k - z mean(k z)), \
                    inference g (alpha + (1 - alpha) p) + r k, k = g x (1 - alpha) p (1 - p), \
                    r = 1 / sqrt(variance + epsilon); dalpha = sum of g x (1 - p) of the channel",
    parameters: &[
        FamilyParameter {
            name: "alpha",
            default: Preset::Number(0.0),
            rule: "one finite number per channel",
            description: "the slope far below the mean, learned",
        },
        FamilyParameter {
            name: "epsilon",
            default: Preset::Number(1e-8),
            rule: "a finite number > 0",
            description: "added to the variance",
        },
        FamilyParameter {
            name: "momentum",
            default: Preset::Number(0.1),
            rule: "from 0 to 1",
            description: "the part of a batch's statistics in the running ones",
        },
        FamilyParameter {
            name: "mean",
            default: Preset::Choice("0"),
            rule: "one finite number per channel",
            description: "the running mean: inference uses it, training moves it",
        },
        FamilyParameter {
            name: "variance",
            default: Preset::Choice("1"),
            rule: "one finite number per channel",
            description: "the running variance: inference uses it, training moves it, by the \
                          batch's unbiased one unless the library is told to take the biased one",
        },
        CHANNEL_AXIS,
    ],
    special_values: &[
        ("a constant channel", "z = 0, p = 0.5"),
        ("one element per channel in training", "an error"),
    ],
    notes: &[
        "Mean and variance are those of the channel: in training the batch's, in inference the \
         running ones.",
        "DeepCTR and EasyRec: epsilon 1e-9.",
        "TensorFlow keeps the old statistics by momentum: its 0.99 is 0.01 here.",
        "TorchEasyRec: epsilon 1e-5, and its normalisation learns a scale and a shift, which Dice \
         has not.",
    ],
    paper: Paper {
        authors: "Zhou, Zhu, Song, Fan, Zhu, Ma, Yan, Jin, Li, Gai",
        title: "Deep Interest Network for Click-Through Rate Prediction",
        year: 2018,
        url: "https://arxiv.org/abs/1706.06978",
    },
};

const BRIDLE: Paper = Paper {
    authors: "Bridle",
    title: "Probabilistic Interpretation of Feedforward Classification Network Outputs, with \
            Relationships to Statistical Pattern Recognition",
    year: 1990,
    url: "https://doi.org/10.1007/978-3-642-76153-9_28",
};

const SOFTMAX: Family = Family {
    name: "softmax",
    aliases: &[],
    title: "Softmax",
    formula: "e^(x - m) / sum of e^(x - m), m = max x along the axis",
    slope_formula: "y (g - sum of g y)",
    parameters: &[AXIS, MASKED],
    special_values: &[
        ("a row with NaN or inf", "NaN throughout"),
        ("a row all -inf", "NaN throughout, or zeros"),
        ("-inf in another row", "0"),
    ],
    notes: &[],
    paper: BRIDLE,
};

const LOG_SOFTMAX: Family = Family {
    name: "log-softmax",
    aliases: &["logsoftmax"],
    title: "Log-softmax",
    formula: "x - m - ln(sum of e^(x - m)), m = max x along the axis",
    slope_formula: "g - e^y sum of g",
    parameters: &[AXIS, MASKED],
    special_values: &[
        ("a row with NaN or inf", "NaN throughout"),
        ("a row all -inf", "NaN throughout, or -inf"),
        ("-inf in another row", "-inf"),
    ],
    notes: &["Unlike the logarithm of softmax it stays finite where softmax rounds to 0."],
    paper: BRIDLE,
};

const MAXOUT: Family = Family {
    name: "maxout",
    aliases: &[],
    title: "Maxout",
    formula: "max over the pieces of x, or of x W_i + b_i",
    slope_formula: "g to the piece that won, 0 to the others",
    parameters: &[
        CHANNEL_AXIS,
        FamilyParameter {
            name: "pieces",
            default: Preset::Required,
            rule: "at least 1, a divisor of the channels when pooling",
            description: "how many values compete",
        },
        FamilyParameter {
            name: "layout",
            default: Preset::Choice("adjacent"),
            rule: "adjacent or strided",
            description: "which channels compete when pooling: neighbours, as in TensorFlow and \
                          Paddle, or equal places of each piece, as in TensorFlow Addons",
        },
        FamilyParameter {
            name: "weight",
            default: Preset::Choice("none: the channels themselves compete"),
            rule: "a tensor [pieces, inputs, outputs]",
            description: "W of the affine form, learned",
        },
        FamilyParameter {
            name: "bias",
            default: Preset::Choice("none"),
            rule: "a tensor [pieces, outputs]",
            description: "b of the affine form, learned",
        },
    ],
    special_values: &[
        ("NaN in a piece", "NaN, and it wins"),
        ("pieces that tie", "the first wins"),
    ],
    notes: &["With W_1 = 0, b_1 = 0 and one more piece it is ReLU of an affine map."],
    paper: Paper {
        authors: "Goodfellow, Warde-Farley, Mirza, Courville, Bengio",
        title: "Maxout Networks",
        year: 2013,
        url: "https://arxiv.org/abs/1302.4389",
    },
};

const ALPHA_DROPOUT: Family = Family {
    name: "alpha-dropout",
    aliases: &["alphadropout"],
    title: "Alpha dropout",
    formula: "a x + b where kept, a alpha' + b where dropped, alpha' = -1.7581, \
              a = ((1 - p) (1 + p alpha'^2))^(-1/2), b = -a alpha' p",
    slope_formula: "a g where kept, 0 where dropped",
    parameters: &[
        FamilyParameter {
            name: "p",
            default: Preset::Required,
            rule: "at least 0 and less than 1",
            description: "the probability of an element to be dropped",
        },
        FamilyParameter {
            name: "seed",
            default: Preset::Required,
            rule: "a whole number of 64 bits",
            description: "with an element's place it decides whether the element is dropped",
        },
    ],
    special_values: &[
        ("NaN, inf or -inf, kept", "as it is"),
        ("NaN, inf or -inf, dropped", "a alpha' + b"),
        ("p = 0", "every bit as it is"),
    ],
    notes: &[
        "alpha' is what SELU gives at -inf; mean 0 and variance 1 are kept.",
        "In inference it is the identity: leave it out.",
    ],
    paper: Paper {
        authors: "Klambauer, Unterthiner, Mayr, Hochreiter",
        title: "Self-Normalizing Neural Networks",
        year: 2017,
        url: "https://arxiv.org/abs/1706.02515",
    },
};
