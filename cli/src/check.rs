//! `activations check`

use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::{Failure, Result, device, device::Device, flags::MathFlag, named::Named, text};
use wgpu_activations::{
    ElementType, Family, Gpu, Math,
    accuracy::Report,
    check::{self, Pass},
    family::families,
    gpu,
};

#[derive(Args)]
pub(super) struct Arguments {
    /// The activations to check, such as gelu or "softmax(axis=0)" [default: all].
    ops: Vec<String>,
    /// A device, as `activations devices` names it; may be repeated.
    #[arg(long, value_name = "D", conflicts_with = "all_devices")]
    device: Vec<String>,
    /// Every GPU device there is.
    #[arg(long)]
    all_devices: bool,
    /// Elementary functions: the crate's own, or the adapter's, of which less is asked.
    #[arg(long, value_enum, default_value_t)]
    math: MathFlag,
    /// Also y = f(x) of pointwise activations for all 2^32 f32 inputs; minutes each.
    #[arg(long)]
    exhaustive: bool,
    /// Print the rows as JSON.
    #[arg(long)]
    json: bool,
}

/// One line of the result.
#[derive(Serialize)]
struct Row {
    op: String,
    pass: &'static str,
    r#type: &'static str,
    device: String,
    math: &'static str,
    exhaustive: bool,
    compared: u64,
    failed: u64,
    passed: bool,
    /// Allowed error: a number of ULP, or an absolute and a relative part.
    allowed: String,
    /// Error of the element furthest from the reference, as a fraction of what is allowed there.
    worst_of_allowed: f64,
    /// The same in ULP; large beside a zero of the slope, where ULP are small.
    worst_ulp: f64,
    worst_at: f32,
    worst: String,
}

pub(super) fn run(arguments: &Arguments) -> Result {
    let ops = match &arguments.ops[..] {
        [] => families().map(Named::from).collect(),
        ops => ops
            .iter()
            .map(|op| Named::parse(op))
            .collect::<Result<Vec<_>>>()?,
    };
    let gpus = devices(arguments)?;
    let math = Math::from(arguments.math);
    let of_one_element = ops.iter().filter(|op| op.activation().is_some());
    let exhaustive = if arguments.exhaustive {
        of_one_element.count()
    } else {
        0
    };
    let progress = progress(ops.len() * gpus.len(), exhaustive);
    let mut rows = Vec::new();
    for op in &ops {
        for gpu in &gpus {
            progress.set_message(format!("{} on {}", op.name(), gpu.name()));
            for pass in Pass::ALL {
                for element in ElementType::ALL {
                    let report = op.check(gpu, pass, element, math)?;
                    let allowed = op.allowed(pass, element, math);
                    rows.push(row(op.name(), pass, element, gpu, math, allowed, &report));
                }
            }
            progress.inc(1);
        }
        if let (true, Some(op)) = (arguments.exhaustive, op.activation()) {
            progress.set_message(format!("{op}, all 2^32 inputs"));
            let before = progress.position();
            let reports = check::exhaustive(&gpus, op, math, |inputs| {
                progress.set_position(before + (inputs >> 22));
            })?;
            for (gpu, report) in gpus.iter().zip(&reports) {
                let (pass, element) = (Pass::Forward, ElementType::F32);
                let allowed = op.allowed(pass, element, math);
                let row = row(op.to_string(), pass, element, gpu, math, allowed, report);
                rows.push(Row {
                    exhaustive: true,
                    ..row
                });
            }
        }
    }
    progress.finish_and_clear();
    let printed = if arguments.json {
        text::print_json(&rows).map_err(Failure::from)
    } else {
        print(&rows)
    };
    // A failed check is the news, whether or not somebody read it.
    if rows.iter().all(|row| row.passed) {
        printed
    } else {
        Err(Failure::Unverified)
    }
}

fn devices(arguments: &Arguments) -> Result<Vec<Gpu>> {
    let open = |wanted: Option<&str>| match device::open_strictly(wanted)? {
        Device::Gpu(gpu) => Ok(gpu),
        Device::Cpu => Err(Failure::Usage(
            "cpu is the reference that devices are checked against; name another device".to_owned(),
        )),
    };
    if arguments.all_devices {
        let adapters = device::adapters();
        gpu::best(&adapters)?;
        return adapters.iter().map(device::open_tuned).collect();
    }
    match &arguments.device[..] {
        [] => Ok(vec![open(None)?]),
        names => names.iter().map(|name| open(Some(name))).collect(),
    }
}

/// A bar on stderr, if that is a terminal. Steps: one per activation and device, 1,024 per
/// exhaustive run.
fn progress(checks: usize, exhaustive: usize) -> ProgressBar {
    let progress = ProgressBar::new((checks + 1024 * exhaustive) as u64);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent}% {eta} left  {msg}") {
        progress.set_style(style);
    }
    progress.enable_steady_tick(Duration::from_millis(500));
    progress
}

impl Named {
    fn name(&self) -> String {
        match (self.activation(), &self.operation) {
            (Some(activation), _) => activation.to_string(),
            (None, Some(operation)) => operation.to_string(),
            (None, None) => self.family.entry().name.to_owned(),
        }
    }

    fn check(&self, gpu: &Gpu, pass: Pass, element: ElementType, math: Math) -> Result<Report> {
        Ok(match (self.activation(), &self.operation) {
            (None, Some(operation)) => {
                check::check_operation(gpu, &**operation, self.family, pass, element, math)?
            }
            (Some(activation), _) => check::check(gpu, &activation, pass, element, math)?,
            (None, None) => check::check(gpu, self.family, pass, element, math)?,
        })
    }

    /// What is allowed, in words.
    fn allowed(&self, pass: Pass, element: ElementType, math: Math) -> String {
        self.family.allowed(pass, element, math)
    }
}

fn row(
    op: String,
    pass: Pass,
    element: ElementType,
    gpu: &Gpu,
    math: Math,
    allowed: String,
    report: &Report,
) -> Row {
    let worst = report.worst;
    Row {
        op,
        pass: pass.name(),
        r#type: element.name(),
        device: gpu.name().to_owned(),
        math: math.name(),
        exhaustive: false,
        compared: report.compared,
        failed: report.failed,
        passed: report.passed(),
        allowed,
        worst_of_allowed: worst.map_or(0.0, |worst| worst.severity),
        worst_ulp: worst.map_or(0.0, |worst| worst.ulp),
        worst_at: worst.map_or(0.0, |worst| worst.x),
        worst: worst.map_or_else(String::new, |worst| worst.to_string()),
    }
}

fn print(rows: &[Row]) -> Result {
    let mut table = text::table(&[
        "op", "pass", "type", "device", "inputs", "worst", "allowed", "at x =", "result",
    ]);
    for row in rows {
        let ulp = row.allowed.ends_with("ULP");
        table.add_row([
            row.op.clone(),
            row.pass.to_owned(),
            row.r#type.to_owned(),
            row.device.clone(),
            if row.exhaustive {
                "all".to_owned()
            } else {
                row.compared.to_string()
            },
            if ulp {
                text::ulp(row.worst_ulp)
            } else {
                format!("{:.0} %", row.worst_of_allowed * 100.0)
            },
            row.allowed.clone(),
            format!("{:e}", row.worst_at),
            if row.passed { "ok" } else { "FAIL" }.to_owned(),
        ]);
    }
    text::print(&text::trimmed(&table))?;
    let failed: Vec<_> = rows.iter().filter(|row| !row.passed).collect();
    for row in &failed {
        let found = match row.compared {
            0 => "nothing was compared: it takes none of the shapes that are tried".to_owned(),
            compared => format!(
                "{} of {compared} outside the tolerance; worst: {}",
                row.failed, row.worst
            ),
        };
        text::print(&format!(
            "{} {} {} on {}: {found}",
            row.op, row.pass, row.r#type, row.device
        ))?;
    }
    text::print(&format!(
        "{} of {} checks passed",
        rows.len() - failed.len(),
        rows.len()
    ))?;
    Ok(())
}
