//! The flags that `run` and `grad` share, and what they name.

use std::path::PathBuf;

use clap::{
    Args, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};

use wgpu_activations::Math;

#[derive(Args)]
pub(super) struct Flags {
    /// Output file, of the input's shape, element type and format; `-` is stdout.
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: PathBuf,
    /// A parameter: a number, or @file.npy with one value per channel, or with weights; @file.npz:array of several.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(super) param: Vec<String>,
    /// The axis of the channels or of softmax's rows; negative counts from the end [default: -1].
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(super) axis: Option<i64>,
    /// What dice takes its statistics from: the batch, or running ones given by --param.
    #[arg(long, value_parser = ["train", "infer"])]
    pub(super) mode: Option<String>,
    /// The device: a name from `activations devices`, a unique part of one, or cpu. Several
    /// share the work if this is given several times.
    #[arg(long, value_name = "D")]
    pub(super) device: Vec<String>,
    /// Memory for chunks under way, on host and devices, and for what is known of channels, at most: bytes, or such as
    /// 512M or 2G in powers of 1024, 500MB in powers of 1000 [default: chunks of 4 MiB on cpu alone, else of 16 MiB, and 4 GiB for what is known].
    #[arg(long, value_name = "BYTES", value_parser = memory)]
    pub(super) memory: Option<u64>,
    /// Elementary functions: the crate's own, within 2.5 ULP everywhere, or the adapter's.
    #[arg(long, value_parser = one_of(&Math::ALL, Math::name), default_value = "accurate")]
    pub(super) math: Math,
    /// How much of the result to compare with the f64 reference.
    #[arg(long, value_enum, default_value_t)]
    pub(super) verify: Verify,
    /// Replace the output file if it is there.
    #[arg(long)]
    pub(super) force: bool,
    /// Print a summary as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Verify {
    /// Nothing.
    None,
    /// About 65,536 elements spread over the tensor: more where a result takes its whole row, fewer where it is much
    /// work, all where gradients of parameters are asked for.
    #[default]
    Sample,
    /// Every element.
    Full,
}

/// Parses one of `all` by its name.
pub(super) fn one_of<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    let names = all.iter().map(|&one| name(one));
    PossibleValuesParser::new(names).try_map(move |text| {
        let mut all = all.iter().copied();
        all.find(|&one| name(one) == text).ok_or("unknown")
    })
}

/// A number of bytes: 64M and 64MiB in powers of 1024, 64MB in powers of 1000.
pub(super) fn memory(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = text[..text.len() - unit.len()].parse::<u64>().ok();
    let unit = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "k" | "kib" => Some(1 << 10),
        "m" | "mib" => Some(1 << 20),
        "g" | "gib" => Some(1 << 30),
        "kb" => Some(1000),
        "mb" => Some(1000 * 1000),
        "gb" => Some(1000 * 1000 * 1000),
        _ => None,
    };
    let multiplied = |(number, unit): (u64, u64)| number.checked_mul(unit);
    let bytes = number.zip(unit).and_then(multiplied);
    bytes.ok_or_else(|| "write a number of bytes such as 512M or 2G".to_owned())
}
