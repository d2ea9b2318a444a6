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
    paper: Some(Paper {
        authors: "He, Zhang, Ren, Sun",
        title: "Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet \
                Classification",
        year: 2015,
        url: "https://arxiv.org/abs/1502.01852",
    }),
    ..leaky_relu::DEFINITION
};
