use super::{Cost, Definition, Paper, Properties, Smoothness};

pub(super) const DEFINITION: Definition = Definition {
    name: "softsign",
    aliases: &[],
    title: "Softsign",
    formula: "x / (1 + |x|)",
    slope_formula: "1 / (1 + |x|)^2",
    parameters: &[],
    properties: Some(Properties {
        saturates: (Some(-1.0), Some(1.0)),
        zero_centred: true,
        ..Properties::new((-1.0, 1.0), Smoothness::Once(0.0), Cost::Division)
    }),
    paper: Some(Paper {
        authors: "Turian, Bergstra, Bengio",
        title: "Quadratic Features and Deep Architectures for Chunking",
        year: 2009,
        url: "https://aclanthology.org/N09-2062/",
    }),
    value: |x, _| {
        if x.is_infinite() {
            x.signum()
        } else {
            x / (1.0 + x.abs())
        }
    },
    slope: |x, _| (1.0 + x.abs()).powi(-2),
    wgsl: include_str!("../../shaders/activation/softsign.wgsl"),
};
