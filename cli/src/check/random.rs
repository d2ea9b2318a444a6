//! `activations check --random N`: cases that nobody thought of.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use serde::Serialize;

use crate::{
    Failure, Result, file_error,
    files::Outputs,
    named::Named,
    text::{self, Column},
    usage,
};
use wgpu_activations::{
    Device, Element, ElementType,
    check::{Pass, RandomCase},
    family::Value,
    io::{Number, Order, Sink},
    with_element,
};

/// Failures that are told in full.
const TOLD: usize = 8;

/// Numbers that are told beside the file that holds them.
const FEW: usize = 16;

/// One line of the result: a device.
#[derive(Serialize)]
struct Row {
    device: String,
    /// The seed of the first case; the others follow it.
    seed: u64,
    cases: usize,
    /// Cases that operation, shape, parameters or memory do not allow.
    refused: usize,
    compared: u64,
    failed: usize,
    passed: bool,
}

const COLUMNS: [Column<Row>; 5] = [
    Column::words("device", |row| row.device.clone()),
    Column::words("cases", |row| row.cases.to_string()),
    Column::words("refused", |row| row.refused.to_string()),
    Column::words("compared", |row| row.compared.to_string()),
    Column::words("result", |row| match row.failed {
        0 if row.passed => "ok".to_owned(),
        0 => "FAIL: nothing was compared".to_owned(),
        failed => format!("{failed} FAIL"),
    }),
];

/// Runs `cases` cases of `ops` on each of `devices`.
pub(super) fn run(
    ops: &[Named],
    devices: &[Device],
    cases: usize,
    seed: u64,
    json: bool,
) -> Result {
    if let Some(op) = ops.iter().find_map(|op| op.operation.as_ref()) {
        return usage(format!(
            "--random draws the parameters; name `{}` without its own",
            op.name()
        ));
    }
    let families: Vec<_> = ops.iter().map(|op| op.family).collect();
    let progress = text::bar((cases * devices.len()) as u64);
    let mut rows = Vec::new();
    let mut told = 0;
    for device in devices {
        progress.set_message(device.name().to_owned());
        let mut row = Row {
            device: device.name().to_owned(),
            seed,
            cases,
            refused: 0,
            compared: 0,
            failed: 0,
            passed: false,
        };
        for index in 0..cases {
            let seed = seed.wrapping_add(index as u64);
            let case = RandomCase::new(seed, &families);
            match outcome(&case, device) {
                Outcome::Refused => row.refused += 1,
                Outcome::Right(compared) => row.compared += compared,
                Outcome::Wrong(_) => {
                    row.failed += 1;
                    if told < TOLD {
                        told += 1;
                        progress.suspend(|| tell(ops, seed, &case, device))?;
                    }
                }
            }
            progress.inc(1);
        }
        row.passed = row.failed == 0 && row.compared > 0;
        rows.push(row);
    }
    progress.finish_and_clear();
    let printed = match json {
        true => text::print_json(&rows),
        false => text::print_table(&rows, &COLUMNS),
    };
    match rows.iter().all(|row| row.passed) {
        true => printed,
        false => Err(Failure::Unverified),
    }
}

enum Outcome {
    Refused,
    /// So many elements were compared.
    Right(u64),
    /// In words.
    Wrong(String),
}

fn outcome(case: &RandomCase, device: &Device) -> Outcome {
    match catch_unwind(AssertUnwindSafe(|| case.check(device))) {
        Ok(Ok(None)) => Outcome::Refused,
        Ok(Ok(Some(report))) if report.failed == 0 => Outcome::Right(report.compared),
        Ok(Ok(Some(report))) => Outcome::Wrong(report.to_string()),
        Ok(Err(error)) => Outcome::Wrong(error.to_string()),
        Err(_) => Outcome::Wrong("it panicked".to_owned()),
    }
}

/// Tells of a failure what is wrong, and how to see it again with as little as possible.
fn tell(ops: &[Named], seed: u64, case: &RandomCase, device: &Device) -> Result {
    let case = case.smallest(|case| matches!(outcome(case, device), Outcome::Wrong(_)));
    let Outcome::Wrong(wrong) = outcome(&case, device) else {
        text::note(&format!(
            "seed {seed} failed once on {}, and not again",
            device.name()
        ));
        return Ok(());
    };
    let folder = format!("activations-random-{seed}-{}", device.name());
    let folder = std::env::temp_dir().join(folder);
    let (pass, element) = (case.pass().name(), case.element.name());
    text::note(&format!(
        "seed {seed}, {pass} {element} {:?} on {}: {wrong}",
        case.shape,
        device.name()
    ));
    let line = if can_be_saved(&case)? {
        saved(&case, &folder, device)?
    } else {
        let names = ops.iter().map(|op| op.family.entry().name);
        let names: Vec<_> = names.collect();
        let (names, device) = (names.join(" "), device.name());
        format!("activations check {names} --random 1 --seed {seed} --device {device}")
    };
    text::note(&format!("repeat it: {line}"));
    Ok(())
}

/// Whether files can hold a case and its result: those of bf16 keep the shape.
fn can_be_saved(case: &RandomCase) -> Result<bool> {
    let keeps_shape = case.chain()?.result_shape(&case.shape)? == case.shape;
    Ok(keeps_shape || case.element != ElementType::Bf16 || case.pass() == Pass::Backward)
}

/// The command line that runs a case, whose numbers are put into files in `folder`.
fn saved(case: &RandomCase, folder: &Path, device: &Device) -> Result<String> {
    std::fs::create_dir_all(folder).map_err(|error| {
        let reason = format!("cannot be made: {error}");
        file_error(folder, reason)
    })?;
    let chain = case.chain()?;
    let (mut operations, mut params) = (Vec::new(), Vec::new());
    let mut outs = Vec::new();
    for (step, (family, drawn)) in case.operations.iter().enumerate() {
        let mut given = Vec::new();
        for (parameter, value) in drawn {
            let only_for = chain.steps()[step].only_for(parameter);
            if !only_for.is_empty() {
                // Without an effect there, the command refuses it.
                if case.pass() == Pass::Backward || chain.steps().len() > 1 {
                    continue;
                }
                outs.extend(only_for);
            }
            given.push(match value {
                Value::Text(text) => format!("{parameter}={text}"),
                Value::Array(array) => {
                    let path = folder.join(format!("{parameter}{step}.npy"));
                    let values = array.on_host().unwrap_or_default();
                    save(&path, array.shape(), ElementType::F32, values)?;
                    format!("{parameter}=@{}", path.display())
                }
            });
        }
        let name = family.entry().name;
        if chain.steps().len() > 1 {
            operations.push(format!("{name}({})", given.join(",")));
        } else {
            operations.push(name.to_owned());
            let given = given.into_iter();
            params.extend(given.flat_map(|it| ["--param".to_owned(), it]));
        }
    }
    if let (Pass::Backward, [only]) = (case.pass(), chain.steps()) {
        let gradients = only.gradients(&case.shape);
        outs.extend(gradients.iter().map(|gradient| gradient.name));
    }
    outs.sort_unstable();
    outs.dedup();
    let extension = match case.element {
        ElementType::Bf16 => "safetensors",
        _ => "npy",
    };
    let mut words = vec![
        match case.pass() {
            Pass::Forward => "run",
            Pass::Backward => "grad",
        }
        .to_owned(),
        operations.join(" | "),
    ];
    let shape = chain.result_shape(&case.shape)?;
    let upstream = case.upstream.iter().map(|it| ("upstream", &shape, it));
    let names = chain.input_names();
    let inputs = names.iter().zip(&case.inputs);
    let inputs = inputs.map(|(name, it)| (*name, &case.shape, it));
    for (name, shape, values) in inputs.chain(upstream) {
        let path = folder.join(name).with_extension(extension);
        save(&path, shape, case.element, values)?;
        match names[1..].contains(&name) {
            true => words.extend(["--input".to_owned(), format!("{name}={}", path.display())]),
            false => words.push(path.display().to_string()),
        }
        if values.len() <= FEW {
            text::note(&format!("{name} = {values:?}"));
        }
    }
    words.extend(params);
    let result = folder.join("result").with_extension(extension);
    words.extend(["-o".to_owned(), result.display().to_string()]);
    words.extend(["--force", "--verify", "full", "--device", device.name()].map(str::to_owned));
    if let Some(bytes) = case.memory {
        words.extend(["--memory".to_owned(), bytes.to_string()]);
    }
    for name in outs {
        let path = folder.join(format!("{name}-beside.npy"));
        words.extend(["--out".to_owned(), format!("{name}={}", path.display())]);
    }
    let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
    Ok(format!("activations {}", words.join(" ")))
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:".contains(c);
    match word.chars().all(is_plain) {
        true => word.to_owned(),
        false if cfg!(windows) => format!("\"{word}\""),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// Writes an array to a file of its own, whether or not there is one.
fn save(path: &Path, shape: &[usize], element: ElementType, values: &[f32]) -> Result {
    let outputs = Outputs::plan(vec![path], true)?;
    let files = outputs.begin()?;
    let number = match element {
        ElementType::F32 => Number::F32,
        ElementType::F16 => Number::F16,
        ElementType::Bf16 => Number::Bf16,
    };
    let output = files[0].begin_only(shape, Order::C, number)?;
    with_element!(element, T => {
        let stored = values.iter().map(|&value| T::from_f64(f64::from(value)));
        output.write(0, bytemuck::cast_slice(&stored.collect::<Vec<T>>()))?;
    });
    output.finish()?;
    outputs.finish(files)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use clap::Parser;
    use std::process::Command;
    use wgpu_activations::{Cpu, family::families};

    /// The words that a shell makes of a line.
    fn words(line: &str) -> std::io::Result<Vec<String>> {
        let print = format!("printf '%s\\0' {line}");
        let printed = Command::new("sh").args(["-c", &print]).output()?.stdout;
        let printed = String::from_utf8_lossy(&printed);
        let words = printed.split_terminator('\0');
        Ok(words.map(str::to_owned).collect())
    }

    #[test]
    fn the_line_that_is_printed_runs_the_case() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("it's a folder");
        let device = Device::Cpu(Cpu::new());
        let families: Vec<_> = families().collect();
        let mut ran = 0;
        for seed in 0..150 {
            let case = RandomCase::new(seed, &families);
            let few = case.inputs.iter().map(Vec::len).sum::<usize>() < 1 << 12;
            if !few || !matches!(outcome(&case, &device), Outcome::Right(_)) {
                continue;
            }
            if !can_be_saved(&case).is_ok_and(|can| can) {
                continue;
            }
            let line = saved(&case, &folder, &device).unwrap_or_else(|_| panic!("seed {seed}"));
            let Ok(cli) = crate::Cli::try_parse_from(words(&line).unwrap()) else {
                panic!("seed {seed}: {line}");
            };
            if let Err(failure) = crate::perform(cli.command) {
                let why = match failure {
                    Failure::Error(error) => error.to_string(),
                    Failure::Usage(why) => why,
                    other => format!("exit status {}", other.exit_code()),
                };
                panic!("seed {seed}: {line}\n{why}");
            }
            ran += 1;
        }
        assert!(ran > 20, "{ran}");
    }
}
