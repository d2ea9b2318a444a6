//! Operations of every family for a shape, as people write them.

use wgpu_activations::{
    Array, Family, Operation,
    activation::Parameter,
    family::{Resolver, everyday, parse},
};

use crate::common::{channel_axis, values};

/// Operations of a family for tensors of `shape`, channels or rows along `axis`; others for another seed.
pub(super) fn operations(
    family: &dyn Family,
    shape: &[usize],
    axis: i64,
    seed: u64,
) -> Vec<Box<dyn Operation>> {
    let (index, _) = channel_axis(shape, axis);
    let channels = shape[index];
    let last = index + 1 == shape.len();
    let mut operations: Vec<_> = texts(family, channels, last, seed)
        .iter()
        .map(|text| parse(text, &*arrays(family, channels)).expect(text))
        .collect();
    for operation in &mut operations {
        // Maps take the last axis, whichever it is.
        if operation.axis().is_some() {
            operation.set_axis(axis);
        }
    }
    operations
}

fn texts(family: &dyn Family, channels: usize, last: bool, seed: u64) -> Vec<String> {
    let name = family.entry().name;
    match name {
        "maxout" => {
            let pieces = (2..=channels).find(|pieces| channels.is_multiple_of(*pieces));
            let pieces = pieces.unwrap_or(1);
            let layout = ["adjacent", "strided"][seed as usize % 2];
            let mut texts = vec![format!("maxout(pieces={pieces}, layout={layout})")];
            // A map of no inputs is its bias.
            if last && channels > 0 {
                texts.push("maxout(weight=@weight, bias=@bias)".to_owned());
            }
            texts
        }
        "glu" | "reglu" | "geglu" | "geglu-tanh" | "swiglu" | "swiglu-clamped" | "gated" => {
            let own = match (name, seed % 2) {
                ("swiglu", 1) => "beta=1.5, ",
                ("swiglu-clamped", 1) => "limit=2, alpha=1, ",
                ("gated", 0) => "f=tanh, ",
                ("gated", _) => "f=elu(alpha=0.5), ",
                _ => "",
            };
            let layouts = ["two", "halves, gate=last", "interleaved, gate=first"];
            layouts
                .map(|layout| format!("{name}({own}layout={layout})"))
                .into()
        }
        "rrelu" => vec![
            "rrelu(lower=-0.5)".to_owned(),
            format!("rrelu(upper=0.75, seed={seed})"),
        ],
        "alpha-dropout" => vec![format!("alpha-dropout(p=0.3, seed={seed})")],
        "dice" => vec![
            [
                "dice(alpha=@slopes, epsilon=0.001)",
                "dice(alpha=0.25, momentum=0.2)",
            ][seed as usize % 2]
                .to_owned(),
            "dice(alpha=@slopes, mean=@slopes, variance=@variances, mode=infer)".to_owned(),
        ],
        _ => {
            let parameters = parameters(family);
            // All numbers, then ever more arrays before them.
            let texts = (0..=parameters.len()).map(|arrays| {
                let given = parameters.iter().enumerate().map(|(index, it)| {
                    if index < arrays {
                        format!("{0}=@{0}", it.name)
                    } else {
                        format!("{}={}", it.name, values(it, 16)[seed as usize % 16])
                    }
                });
                let given = given.collect::<Vec<_>>().join(", ");
                format!("{name}({given})")
            });
            texts.collect()
        }
    }
}

/// Those of an activation of one element.
fn parameters(family: &dyn Family) -> &'static [Parameter] {
    let activation = family.activation();
    activation.map_or(&[], |activation| activation.definition().parameters)
}

/// Pieces and outputs of affine maps.
const PIECES: usize = 3;
const OUTPUTS: usize = 5;

fn arrays(family: &dyn Family, channels: usize) -> Box<Resolver<'static>> {
    let parameters = parameters(family);
    Box::new(move |name| match name {
        "slopes" => Ok(numbers(channels, 3).into()),
        "variances" => Ok((0..channels)
            .map(|channel| 0.5 + channel as f32 / 7.0)
            .collect::<Vec<_>>()
            .into()),
        "bias" if parameters.is_empty() => {
            Array::new(numbers(PIECES * OUTPUTS, 4), [PIECES, OUTPUTS])
        }
        "weight" if parameters.is_empty() => Array::new(
            numbers(PIECES * channels * OUTPUTS, 5),
            [PIECES, channels, OUTPUTS],
        ),
        own => {
            let parameter = parameters.iter().find(|it| it.name == own).unwrap();
            Ok(values(parameter, channels).into())
        }
    })
}

fn numbers(len: usize, seed: u64) -> Vec<f32> {
    everyday(len, seed)
        .iter()
        .map(|&x| x as f32 / 4.0)
        .collect()
}
