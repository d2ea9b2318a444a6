//! Tables of figures.

use std::{fmt::Write, fs, path::PathBuf};

use wgpu_activations::{
    Activation,
    bench::record::{Kind, Row, Run},
};

use super::{head::flat, root};

/// The devices of the results kept, in the order in which tables show them.
const DEVICES: [&str; 3] = [
    "llvmpipe-vulkan",
    "llvmpipe-gl",
    "swiftshader-device-vulkan",
];

/// Bytes of the inputs that tables speak of.
const BYTES: u64 = 64 << 20;

/// The latest run of the standard preset on a device, and its path from docs/.
fn latest(device: &str) -> (Run, String) {
    let folder = root().join("benches/results").join(device);
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with("-standard.json"))
        .collect();
    files.sort();
    let path = files.pop().unwrap();
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    (
        Run::read(&path).unwrap(),
        format!("../benches/results/{device}/{name}"),
    )
}

/// The row of a kernel in f32.
fn find<'a>(run: &'a Run, op: &str, pass: &str, math: &str) -> Option<&'a Row> {
    run.rows.iter().find(|row| {
        row.kind == Kind::Kernel
            && row.op == op
            && row.pass == pass
            && row.dtype == "f32"
            && row.input_bytes == BYTES
            && row.math.as_deref() == Some(math)
    })
}

fn time(row: &Row) -> Option<f64> {
    Some(row.measurement.as_ref()?.summary.median_ns)
}

/// Two digits behind the point at most.
fn two(value: f64) -> String {
    match (value * 100.0).round() / 100.0 + 0.0 {
        f64::INFINITY => "∞".to_owned(),
        f64::NEG_INFINITY => "-∞".to_owned(),
        rounded => rounded.to_string(),
    }
}

/// What is computed of each activation, and its measured time.
pub(crate) fn properties() -> String {
    let runs = DEVICES.map(|device| latest(device).0);
    let mut table = String::from(
        "| | range | turns at | smooth | slope below 0.01 | time: lavapipe | llvmpipe-GL | SwiftShader |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for activation in Activation::all() {
        let name = activation.name();
        let course = activation.course();
        let turns: Vec<_> = course.turning_points.iter().map(|at| two(*at)).collect();
        let smooth = course.smoothness.word();
        let (low, high) = course.range;
        write!(
            table,
            "| [{name}](activations/{name}.md) | {} to {} | {} | {smooth} | {} |",
            two(low),
            two(high),
            turns.join(", "),
            flat(&course, two),
        )
        .unwrap();
        for run in &runs {
            let of = |op: &str| time(find(run, op, "forward", "accurate")?);
            let ratio = of(name).zip(of("relu")).map(|(own, relu)| own / relu);
            let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
            write!(table, " {ratio} |").unwrap();
        }
        table.push('\n');
    }
    table
}

/// Fractions of the baseline on lavapipe.
pub(crate) fn fractions() -> String {
    let (run, path) = latest(DEVICES[0]);
    let mut table = format!(
        "From [the result file]({path}):\n\n\
         | | forward | forward, native math | backward | backward, native math |\n|---|---|---|---|---|\n"
    );
    let mut ops: Vec<&str> = Vec::new();
    for row in run.rows.iter().filter(|row| row.kind == Kind::Kernel) {
        if !ops.contains(&&*row.op) {
            ops.push(&row.op);
        }
    }
    for op in ops {
        let fraction = |pass: &str, math: &str| {
            let row = find(&run, op, pass, math);
            let summary = row.and_then(|row| row.measurement.as_ref());
            let fraction = summary.and_then(|measurement| measurement.summary.fraction);
            fraction.map_or_else(String::new, |fraction| format!("{fraction:.2}"))
        };
        writeln!(
            table,
            "| {op} | {} | {} | {} | {} |",
            fraction("forward", "accurate"),
            fraction("forward", "native"),
            fraction("backward", "accurate"),
            fraction("backward", "native"),
        )
        .unwrap();
    }
    table
}

/// Worst errors of both maths on lavapipe, where they differ.
pub(crate) fn native_errors() -> String {
    let (run, path) = latest(DEVICES[0]);
    let mut table = format!(
        "From [the result file]({path}), in ULP:\n\n| | accurate | native |\n|---|---|---|\n"
    );
    let worst = |op: &str, math: &str| {
        let accuracy = find(&run, op, "forward", math)?.accuracy.as_ref()?;
        Some(accuracy.worst_ulp)
    };
    let text = |ulp: f64| match ulp {
        ulp if ulp < 10.0 => format!("{ulp:.1}"),
        ulp => format!("{ulp:.0}"),
    };
    for activation in Activation::all() {
        let name = activation.name();
        if let (Some(accurate), Some(native)) = (worst(name, "accurate"), worst(name, "native")) {
            writeln!(table, "| {name} | {} | {} |", text(accurate), text(native)).unwrap();
        }
    }
    table
}
