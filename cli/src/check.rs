//! `activations check`

mod random;

use clap::Args;
use serde::Serialize;

use super::{
    Failure, Result, device,
    flags::one_of,
    named::Named,
    stream::plan,
    text::{self, Column},
    usage,
};
use wgpu_activations::{
    Device, ElementType, Family, Math,
    accuracy::Report,
    check::{self, Pass},
    family::families,
};

#[derive(Args)]
pub(super) struct Arguments {
    /// The activations to check, such as gelu or "softmax(axis=0)" [default: all].
    ops: Vec<String>,
    /// A device, as `activations devices` names it; may be repeated.
    #[arg(long, value_name = "D", conflicts_with = "all_devices")]
    device: Vec<String>,
    /// Every device there is.
    #[arg(long)]
    all_devices: bool,
    /// Elementary functions: the crate's own, or the adapter's, of which less is asked.
    #[arg(long, value_parser = one_of(&Math::ALL, Math::name), default_value = "accurate")]
    math: Math,
    /// Also y = f(x) of pointwise activations for all 2^32 f32 inputs; minutes each.
    #[arg(long)]
    exhaustive: bool,
    /// A number of random cases in place of those that are made to find errors: any parameters, shape, type, pass, numbers,
    /// on tensors and streamed. A failure says how to repeat it.
    #[arg(long, value_name = "N", conflicts_with_all = ["exhaustive", "math"])]
    random: Option<usize>,
    /// The number of the first random case; the others follow it.
    #[arg(long, value_name = "S", requires = "random", default_value_t = 1)]
    seed: u64,
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
    worst_at: Option<f32>,
    worst: String,
}

pub(super) fn run(arguments: &Arguments) -> Result {
    let ops = arguments.ops.iter().map(|op| Named::parse(op));
    let mut ops = ops.collect::<Result<Vec<_>>>()?;
    if ops.is_empty() {
        ops.extend(families().map(|family| Named {
            family,
            operation: None,
        }));
    }
    let mut devices = device::open_all(&arguments.device, arguments.all_devices)?;
    if let Some(cases) = arguments.random {
        return random::run(&ops, &devices, cases, arguments.seed, arguments.json);
    }
    let math = arguments.math;
    if math == Math::Native {
        let are_gpus = devices.iter().all(|device| device.gpu().is_some());
        devices.retain(|device| device.gpu().is_some());
        if devices.is_empty() || !(are_gpus || arguments.all_devices) {
            return usage(plan::NATIVE_ON_CPU);
        }
    }
    let exhaustive = |op: &Named| op.activation().filter(|_| arguments.exhaustive);
    // One step for each activation and device, and 1,024 for all inputs.
    let all_inputs = ops.iter().filter_map(exhaustive).count();
    if arguments.exhaustive && all_inputs == 0 {
        let ops = arguments.ops.join(", ");
        return usage(format!(
            "--exhaustive has no effect on {ops}: no function of one element"
        ));
    }
    let progress = text::bar((ops.len() * devices.len() + 1024 * all_inputs) as u64);
    let mut rows = Vec::new();
    for op in &ops {
        for device in &devices {
            progress.set_message(format!("{} on {}", op.name(), device.name()));
            for pass in Pass::ALL {
                for element in ElementType::ALL {
                    let report = op.check(device, pass, element, math)?;
                    let allowed = op.family.allowed(pass, element, math);
                    rows.push(row(
                        op.name(),
                        pass,
                        element,
                        device,
                        math,
                        allowed,
                        &report,
                    ));
                }
            }
            progress.inc(1);
        }
        if let Some(op) = exhaustive(op) {
            progress.set_message(format!("{op}, all 2^32 inputs"));
            let before = progress.position();
            let reports = check::exhaustive(&devices, op, math, |inputs| {
                progress.set_position(before + (inputs >> 22));
            })?;
            for (device, report) in devices.iter().zip(&reports) {
                let (pass, element) = (Pass::Forward, ElementType::F32);
                let allowed = op.allowed(pass, element, math);
                let mut row = row(op.to_string(), pass, element, device, math, allowed, report);
                row.exhaustive = true;
                rows.push(row);
            }
        }
    }
    progress.finish_and_clear();
    let printed = match arguments.json {
        true => text::print_json(&rows),
        false => print(&rows),
    };
    // A failed check is the news, whether or not somebody read it.
    match rows.iter().all(|row| row.passed) {
        true => printed,
        false => Err(Failure::Unverified),
    }
}

impl Named {
    fn name(&self) -> String {
        match (self.activation(), &self.operation) {
            (Some(activation), _) => activation.to_string(),
            (None, Some(operation)) => operation.to_string(),
            (None, None) => self.family.entry().name.to_owned(),
        }
    }

    fn check(
        &self,
        device: &Device,
        pass: Pass,
        element: ElementType,
        math: Math,
    ) -> Result<Report> {
        Ok(match (self.activation(), &self.operation) {
            (None, Some(operation)) => {
                check::check_operation(device, &**operation, self.family, pass, element, math)?
            }
            (Some(activation), _) => check::check(device, &activation, pass, element, math)?,
            (None, None) => check::check(device, self.family, pass, element, math)?,
        })
    }
}

fn row(
    op: String,
    pass: Pass,
    element: ElementType,
    device: &Device,
    math: Math,
    allowed: String,
    report: &Report,
) -> Row {
    let worst = report.worst;
    Row {
        op,
        pass: pass.name(),
        r#type: element.name(),
        device: device.name().to_owned(),
        math: math.name(),
        exhaustive: false,
        compared: report.compared,
        failed: report.failed,
        passed: report.passed(),
        allowed,
        worst_of_allowed: worst.map_or(0.0, |worst| worst.severity),
        worst_ulp: worst.map_or(0.0, |worst| worst.ulp),
        worst_at: worst.and_then(|worst| worst.x),
        worst: report.told().unwrap_or_default(),
    }
}

const COLUMNS: [Column<Row>; 9] = [
    Column::words("op", |row| row.op.clone()),
    Column::words("pass", |row| row.pass.to_owned()),
    Column::words("type", |row| row.r#type.to_owned()),
    Column::words("device", |row| row.device.clone()),
    Column::words("inputs", |row| match row.exhaustive {
        true => "all".to_owned(),
        false => row.compared.to_string(),
    }),
    Column::words("worst", |row| match row.allowed.ends_with("ULP") {
        true => text::ulp(row.worst_ulp),
        false => format!("{:.0} %", row.worst_of_allowed * 100.0),
    }),
    Column::words("allowed", |row| row.allowed.clone()),
    Column::words("at x =", |row| {
        row.worst_at
            .map_or_else(|| "-".to_owned(), |x| format!("{x:e}"))
    }),
    Column::words("result", |row| {
        if row.passed { "ok" } else { "FAIL" }.to_owned()
    }),
];

fn print(rows: &[Row]) -> Result {
    text::print_table(rows, &COLUMNS)?;
    let failed: Vec<_> = rows.iter().filter(|row| !row.passed).collect();
    for row in &failed {
        let found = match row.compared {
            0 => "nothing was compared: it takes none of the shapes that are tried".to_owned(),
            compared => format!(
                "{} of {compared} outside the tolerance; worst: {}",
                row.failed, row.worst
            ),
        };
        let (op, pass, dtype, device) = (&row.op, row.pass, row.r#type, &row.device);
        text::print(&format!("{op} {pass} {dtype} on {device}: {found}"))?;
    }
    let (passed, all) = (rows.len() - failed.len(), rows.len());
    text::print(&format!("{passed} of {all} checks passed"))
}
