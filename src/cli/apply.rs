//! What `run` and `grad` have in common: read, compute, write, tell.

use std::{collections::BTreeMap, path::Path, time::Instant};

use serde_json::json;

use super::{
    Failure, Result, device,
    files::{Content, Outputs},
    flags::Flags,
    job::{Input, Job, Outcome, Request, Setting},
    text,
};
use crate::{
    accuracy::Report,
    check::Pass,
    element::Element,
    error::Error,
    io::npy::{self, Array, Dtype, Float, Values},
};

/// The inputs and outputs of a command.
pub(super) struct Files<'a> {
    pub(super) x: &'a Path,
    /// For a backward pass.
    pub(super) upstream: Option<&'a Path>,
    /// `--out NAME=FILE`.
    pub(super) out: &'a [String],
}

pub(super) fn apply(op: &str, flags: &Flags, files: &Files<'_>) -> Result {
    let outs = named_files(files.out)?;
    let names: Vec<_> = outs.iter().map(|(name, _)| *name).collect();
    let job = Job::parse(Request {
        op,
        pass: match files.upstream {
            None => Pass::Forward,
            Some(_) => Pass::Backward,
        },
        flags,
        outs: &names,
        in_chain: false,
    })?;
    let paths = outs.iter().map(|(_, path)| *path);
    let outputs = Outputs::plan(
        std::iter::once(&*flags.output).chain(paths).collect(),
        flags.force,
    )?;

    let x = npy::read(files.x)?;
    let order = job.order(x.order);
    let upstream = files.upstream.map(npy::read).transpose()?;
    let shape = job.output_shape(&x.shape)?;
    if let Some(upstream) = &upstream {
        expect_alike(&job, upstream, &x, &shape)?;
    }
    let (x, upstream) = (
        x.to_order(order)?,
        upstream.map(|array| array.to_order(order)),
    );
    let upstream = upstream.transpose()?;
    let setting = Setting {
        device: match &flags.device[..] {
            [] => device::open(None)?,
            [device] => device::open(Some(device))?,
            _ => return Err(Failure::Usage("grad works on one --device".to_owned())),
        },
        math: flags.math(),
        verify: flags.verify,
    };

    let start = Instant::now();
    let (values, extras, report) = match (&x.values, upstream.as_ref().map(|array| &array.values)) {
        (Values::F32(values), None) => run(&job, &setting, &x, values, None, Values::F32)?,
        (Values::F16(values), None) => run(&job, &setting, &x, values, None, Values::F16)?,
        (Values::F32(values), Some(Values::F32(upstream))) => {
            run(&job, &setting, &x, values, Some(upstream), Values::F32)?
        }
        (Values::F16(values), Some(Values::F16(upstream))) => {
            run(&job, &setting, &x, values, Some(upstream), Values::F16)?
        }
        (_, Some(_)) => return Err(unlike_types(&job, upstream.as_ref().unwrap_or(&x), &x)),
    };
    let seconds = start.elapsed().as_secs_f64();
    note_conversion(files.x, &x);
    if let (Some(path), Some(upstream)) = (files.upstream, &upstream) {
        note_conversion(path, upstream);
    }
    let main = Array {
        // dx is like x.
        shape: if upstream.is_some() { x.shape } else { shape },
        order,
        dtype: x.dtype,
        values,
    };
    let told = Told {
        shape: main.shape.clone(),
        dtype: main.dtype,
        len: main.values.len(),
        seconds,
        report,
        is_gradient: files.upstream.is_some(),
    };
    let mut contents = vec![Content::Array(main)];
    for name in &names {
        let extra = extras.iter().find(|(extra, _)| extra == name);
        contents.extend(extra.map(|(_, content)| content.clone()));
    }
    outputs.write(&contents)?;
    tell(&job, flags, &setting, &outs, &told)
}

/// The results as arrays.
type Arrays = (Values, Vec<(&'static str, Content)>, Option<Report>);

fn run<T: Element>(
    job: &Job,
    setting: &Setting,
    array: &Array,
    x: &[T],
    upstream: Option<&[T]>,
    values: impl Fn(Vec<T>) -> Values,
) -> Result<Arrays> {
    let input = Input {
        shape: &array.shape,
        order: array.order,
        x,
        upstream,
    };
    let Outcome {
        values: results,
        extras,
        report,
    } = job.run(setting, input)?;
    Ok((values(results), extras, report))
}

/// What is said of a result.
struct Told {
    shape: Vec<usize>,
    dtype: Dtype,
    len: usize,
    seconds: f64,
    report: Option<Report>,
    is_gradient: bool,
}

fn tell(
    job: &Job,
    flags: &Flags,
    setting: &Setting,
    outs: &[(&str, &Path)],
    told: &Told,
) -> Result {
    let Told {
        seconds,
        is_gradient,
        ..
    } = *told;
    let report = told.report.as_ref();
    if flags.json {
        let beside: BTreeMap<_, _> = outs
            .iter()
            .map(|(name, path)| (*name, path.to_string_lossy()))
            .collect();
        return Ok(text::print_json(&json!({
            "op": job.op(),
            "device": setting.device.name(),
            "math": setting.math.name(),
            "shape": told.shape,
            "dtype": told.dtype.to_string(),
            "output": flags.output.to_string_lossy(),
            "outputs": beside,
            "seconds": seconds,
            "verified": report.map_or(0, |report| report.compared),
            "worst_ulp": report.and_then(|report| report.worst).map(|worst| worst.ulp),
        }))?);
    }
    let and: String = outs
        .iter()
        .map(|(_, path)| format!(" and {}", path.display()))
        .collect();
    Ok(text::print(&format!(
        "{}{} of {:?} {} on {}: {}, written to {}{and}",
        if is_gradient { "gradient of " } else { "" },
        job.op(),
        told.shape,
        told.dtype.float.name(),
        setting.device.name(),
        verified(report, told.len),
        flags.output.display(),
    ))?)
}

/// "verified 1024 of 4096 elements, worst 0.50 ULP".
pub(super) fn verified(report: Option<&Report>, len: usize) -> String {
    report.map_or("not verified".to_owned(), |report| {
        let worst = report.worst.map_or(0.0, |worst| worst.ulp);
        format!(
            "verified {} of {len} elements, worst {} ULP",
            report.compared,
            text::ulp(worst)
        )
    })
}

/// Says so where an input is computed in another type.
fn note_conversion(path: &Path, array: &Array) {
    if array.dtype.float == Float::F64 {
        text::note(&format!(
            "{}: float64 is computed as float32",
            path.display()
        ));
    }
}

fn expect_alike(job: &Job, upstream: &Array, x: &Array, output: &[usize]) -> Result {
    if upstream.shape != output {
        let right = if output == x.shape { "x" } else { "the output" };
        return Err(Error::ShapeMismatch {
            op: job.name().to_owned(),
            left: "upstream",
            left_shape: upstream.shape.clone(),
            right,
            right_shape: output.to_vec(),
        }
        .into());
    }
    Ok(())
}

fn unlike_types(job: &Job, upstream: &Array, x: &Array) -> Failure {
    Error::ElementMismatch {
        op: job.name().to_owned(),
        left: "upstream",
        left_type: upstream.dtype.float.name(),
        right: "x",
        right_type: x.dtype.float.name(),
    }
    .into()
}

/// `--out NAME=FILE` in its parts.
pub(super) fn named_files(out: &[String]) -> Result<Vec<(&str, &Path)>> {
    let mut files: Vec<(&str, &Path)> = Vec::new();
    for text in out {
        let (name, path) = text
            .split_once('=')
            .filter(|(_, path)| !path.is_empty())
            .ok_or_else(|| Failure::Usage(format!("--out {text}: write NAME=FILE")))?;
        if files.iter().any(|(other, _)| *other == name) {
            return Err(Failure::Usage(format!(
                "--out {text}: one file is enough for {name}"
            )));
        }
        files.push((name, Path::new(path)));
    }
    Ok(files)
}
