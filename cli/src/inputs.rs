//! The inputs of an operation beside its first: `--input NAME=FILE`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{
    Result,
    files::PIPE,
    stream::{note_types, open},
    usage,
};
use wgpu_activations::{
    Chain, Error,
    io::{Input, StoredArray},
};

#[derive(Args)]
pub(super) struct Inputs {
    /// Another input of an operation that takes two: up=FILE for gated units, whose gate is the first. Of one file
    /// that holds both take "swiglu(layout=halves)" or "swiglu(layout=interleaved)" instead.
    #[arg(long = "input", value_name = "NAME=FILE")]
    others: Vec<String>,
    /// The array of that file, where it holds several.
    #[arg(long, value_name = "NAME=TENSOR")]
    input_tensor: Vec<String>,
}

impl Inputs {
    /// Opens the inputs that `chain` takes beside its first, in its order; `first` is where that comes from.
    pub(super) fn open(&self, chain: &Chain, first: &Path) -> Result<Vec<Input>> {
        let names = &chain.input_names()[1..];
        let files = named("--input", &self.others, names, chain)?;
        let tensors = named("--input-tensor", &self.input_tensor, names, chain)?;
        let mut inputs = Vec::new();
        for name in names {
            let Some((_, file)) = files.iter().find(|(given, _)| given == name) else {
                let all = chain.input_names().join(" and ");
                return usage(format!(
                    "{} takes {all}, the first from the file named; give the other by --input {name}=FILE, or \
                     name a layout in which one tensor holds both, such as layout=halves",
                    chain.summary()
                ));
            };
            let path = PathBuf::from(file.strip_prefix('@').unwrap_or(file));
            if [first, &path].iter().all(|path| *path == Path::new(PIPE)) {
                return usage(
                    "two inputs cannot both come from stdin; name a file for one of them",
                );
            }
            let tensor = tensors.iter().filter(|(given, _)| given == name);
            let tensor: Vec<_> = tensor.map(|(_, tensor)| (*tensor).to_owned()).collect();
            let input = open(&path, &tensor)?;
            if input.arrays.len() != 1 {
                let path = path.display();
                return usage(format!(
                    "--input {name}={path} holds {} arrays but one is needed; name it by --input-tensor {name}=TENSOR",
                    input.arrays.len()
                ));
            }
            note_types(&input);
            inputs.push(input);
        }
        Ok(inputs)
    }
}

/// `NAME=VALUE` in its parts, each name once and one of `names`.
fn named<'a>(
    flag: &str,
    given: &'a [String],
    names: &[&str],
    chain: &Chain,
) -> Result<Vec<(&'a str, &'a str)>> {
    let mut all = Vec::<(&str, &str)>::new();
    for text in given {
        let Some((name, value)) = text.split_once('=').filter(|(_, value)| !value.is_empty())
        else {
            return usage(format!("{flag} {text}: write NAME=VALUE"));
        };
        if !names.contains(&name) {
            let takes = match names {
                [] => "takes one input, the file named".to_owned(),
                _ => format!("takes `{}` here", names.join("`, `")),
            };
            return usage(format!("{flag} {text}: {} {takes}", chain.summary()));
        }
        if all.iter().any(|(other, _)| *other == name) {
            return usage(format!("{flag} {text}: one {name} is enough"));
        }
        all.push((name, value));
    }
    Ok(all)
}

/// The arrays of the inputs beside the first, if they are like it.
pub(super) fn arrays(
    chain: &Chain,
    x: &[&StoredArray],
    more: &mut [Input],
) -> Result<Vec<StoredArray>> {
    if !more.is_empty() && x.len() != 1 {
        return usage(format!(
            "{} arrays are named but --input goes with one; name it with --tensor",
            x.len()
        ));
    }
    let names = chain.input_names();
    let mut arrays = Vec::new();
    for (name, input) in names[1..].iter().zip(more) {
        let Some(array) = input.arrays.pop() else {
            continue;
        };
        expect_alike(chain, (name, &array), (names[0], x[0], &x[0].shape))?;
        arrays.push(array);
    }
    Ok(arrays)
}

/// Fails unless an array has the type of another, and the shape that goes with it.
pub(super) fn expect_alike(
    chain: &Chain,
    (left, array): (&'static str, &StoredArray),
    (right, other, shape): (&'static str, &StoredArray, &[usize]),
) -> Result {
    let op = match chain.steps() {
        [step] => step.name().to_owned(),
        _ => chain.summary(),
    };
    let error = if array.shape != shape {
        let right = if shape == other.shape {
            right
        } else {
            "the output"
        };
        Error::ShapeMismatch {
            op,
            left,
            left_shape: array.shape.clone(),
            right,
            right_shape: shape.to_vec(),
        }
    } else if array.element != other.element {
        Error::ElementMismatch {
            op,
            left,
            left_type: array.type_name,
            right,
            right_type: other.type_name,
        }
    } else {
        return Ok(());
    };
    Err(error.into())
}
