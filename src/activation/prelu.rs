use super::{Definition, Paper, Parameter, leaky_relu};

/// Leaky ReLU under the name of its learned form: the same snippet and the same reference.
pub(super) const DEFINITION: Definition = Definition {
    name: "prelu",
    aliases: &["parametric-relu"],
    title: "PReLU",
    formula: "x for x > 0, alpha x otherwise, alpha learned per channel",
    slope_formula: "1 for x > 0, alpha otherwise",
    parameters: &[Parameter {
        name: "alpha",
        default: 0.25,
        per_channel: true,
        shown: &[0.25, 0.0, -0.5, 1.0],
        description: "the slope for x <= 0, as a rule one per channel, learned",
        ..leaky_relu::PARAMETER
    }],
    elsewhere: &[("PyTorch", "PReLU"), ("Keras", "PReLU"), ("ONNX", "PRelu")],
    paper: Some(Paper {
        authors: "He, Zhang, Ren, Sun",
        title: "Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet \
                Classification",
        year: 2015,
        url: "https://arxiv.org/abs/1502.01852",
    }),
    ..leaky_relu::DEFINITION
};

/// Values computed with mpmath at 150 digits from the definition, and limits.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const POINTS: &[super::points::Variant] = &[
    ("prelu", &[
        (-87.3, -21.825, 0.25, &[-87.3]),
        (-2.0, -0.5, 0.25, &[-2.0]),
        (-1e-30, -2.5e-31, 0.25, &[-1e-30]),
        (0.5, 0.5, 1.0, &[0.0]),
        (30.0, 30.0, 1.0, &[0.0]),
        (f64::INFINITY, f64::INFINITY, 1.0, &[0.0]),
        (f64::NEG_INFINITY, f64::NEG_INFINITY, 0.25, &[f64::NEG_INFINITY]),
        (-0.0, -0.0, 0.25, &[-0.0]),
    ]),
];
