//! `activations bench`

use std::{
    io::{BufReader, stdin, stdout},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use clap::{Args, ValueEnum};

use crate::{
    Failure, Result,
    device::{self, Choice},
    file_error,
    files::Outputs,
    flags::{memory, one_of},
    measure::{Supervisor, facts, serve},
    results,
    stream::plan::NATIVE_ON_CPU,
    text::{self, Column, size, time, title},
    tuning, usage,
};
use wgpu_activations::{
    Device, ElementType, Gpu, Math, ShaderChecks,
    bench::{
        self, About, Event, GRAIN, Plan, Target,
        record::{DeviceFacts, Kind, Row, Run, Status},
    },
    check::Pass,
    family,
};

/// Steps of the progress bar.
const STEPS: u64 = 1000;

/// How long a measuring process may say nothing.
const PATIENCE: Duration = Duration::from_secs(180);

const ABOUT: &str = "\
Every operation is verified against the f64 reference before it is timed; a wrong result has no time. \
Samples are taken in turn with a baseline, a kernel that only moves the same memory, by the device's \
own clock where that agrees with the host's. Tensors take turns, so that caches do not serve them. A \
driver that crashes or hangs costs one row. On cpu the baseline moves memory with the same threads and stores.

GB/s count the bytes that an operation must read and write: for f32, 8 per element forward and 12 \
backward. OF is the fraction of the baseline's speed: 1.00 is as fast as memory allows. ULP is the \
largest error, in units of the last place; large beside a zero of a slope, where units are small.

What works along an axis is measured over rows, and what has parameters per channel with their gradients: \
result files tell each shape.

Examples:
  activations bench                                    every operation, a minute
  activations bench --op gelu,softmax --size 64MiB --math accurate,native
  activations bench --op relu --size 64KiB..256MiB     a sweep, each size four times the last
  activations bench --preset standard --all-devices -o run.json
  activations compare before.json run.json             what changed
  activations report run.json -o report.html           a page to look at

Exit status: 0 done, 1 something crashed, hung or failed, 2 wrong usage, 3 no such device, 4 a result \
was wrong, 130 interrupted.";

#[derive(Args)]
#[command(after_long_help = ABOUT)]
pub(super) struct Arguments {
    /// Operations, as `activations ops` names them, and moments [default: all].
    #[arg(long, value_name = "OP", value_delimiter = ',')]
    op: Vec<String>,
    /// Directions [default: both].
    #[arg(long, value_parser = one_of(&Pass::ALL, Pass::name), value_delimiter = ',')]
    pass: Vec<Pass>,
    /// Element types [default: f32].
    #[arg(long, value_parser = one_of(&ElementType::ALL, ElementType::name), value_delimiter = ',')]
    dtype: Vec<ElementType>,
    /// The input's size in bytes, such as 64MiB, a multiple of 64KiB, or a sweep such as 64KiB..1GiB [default: the
    /// preset's].
    #[arg(long, value_name = "SIZE", value_delimiter = ',')]
    size: Vec<String>,
    /// A device, as `activations devices` names it; may be repeated.
    #[arg(long, value_name = "D", conflicts_with = "all_devices")]
    device: Vec<String>,
    /// Every device there is.
    #[arg(long)]
    all_devices: bool,
    /// Elementary functions: the crate's own, or the adapter's; may be repeated [default: accurate].
    #[arg(long, value_parser = one_of(&Math::ALL, Math::name), value_delimiter = ',')]
    math: Vec<Math>,
    /// How much to measure where nothing else is said.
    #[arg(long, value_enum, default_value_t)]
    preset: Preset,
    /// Leave out what `activations tune` found.
    #[arg(long)]
    untuned: bool,
    /// Samples per row.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=100_000))]
    samples: Option<u32>,
    /// What a sample lasts at least, in ms or s, such as 20ms; a number alone is ms.
    #[arg(long, value_name = "T", value_parser = milliseconds)]
    min_time: Option<f64>,
    /// Result file, written as the run goes.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the result file if it is there.
    #[arg(long)]
    force: bool,
    /// Print the results as JSON in place of the table.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Preset {
    /// A minute: f32, one size.
    #[default]
    Quick,
    /// 64 MiB, both maths, samples of 20 ms.
    Standard,
    /// Every element type, 64 KiB to 256 MiB.
    Full,
}

/// What answers `activations bench` in a process of its own.
#[derive(Args)]
pub(super) struct Worker {
    /// The exact name of the device.
    device: String,
    /// Without what `activations tune` found.
    #[arg(long)]
    untuned: bool,
}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

pub(super) fn run(arguments: &Arguments) -> Result {
    let plan = plan(arguments)?;
    if arguments.output.as_deref() == Some(Path::new("-")) {
        return usage("a result file is written again and again: --json prints one on stdout");
    }
    let chosen = device::choose_all(&arguments.device, arguments.all_devices)?;
    let on_cpu_alone = chosen.iter().all(|it| matches!(it, Choice::Cpu));
    if on_cpu_alone && arguments.math == [Math::Native] {
        return usage(NATIVE_ON_CPU);
    }
    if let Some(path) = &arguments.output {
        Outputs::plan(vec![path], arguments.force)?;
    }
    let program = std::env::current_exe().map_err(|error| {
        let reason = format!("cannot be found to measure in a process of its own: {error}");
        file_error("activations", reason)
    })?;
    // Where a handler cannot be installed an interrupt ends the process, and the file stays as it is.
    let _ = ctrlc::try_set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed));
    let progress = text::bar(STEPS);
    let targets = chosen.iter().map(|choice| {
        let mut worker = Command::new(&program);
        worker.args(["bench-worker", choice.name()]);
        if arguments.untuned {
            worker.arg("--untuned");
        }
        Target {
            device: match choice {
                Choice::Adapter(adapter) => DeviceFacts {
                    tuning: tuning::find(adapter).filter(|_| !arguments.untuned),
                    ..bench::facts::device(adapter)
                },
                Choice::Cpu => bench::facts::cpu(),
            },
            measurer: Supervisor::new(worker, PATIENCE),
        }
    });
    let about = About {
        program: facts::program(),
        started: facts::now(),
        host: facts::host(),
    };
    let run = bench::run(
        &plan,
        about,
        targets.collect(),
        |event| {
            match event {
                Event::Case { case, device, done } => {
                    progress.set_position((done * STEPS as f64) as u64);
                    progress.set_message(format!("{} on {device}", case.title()));
                }
                // What an interrupt did to the measuring process is no result.
                Event::Measured(run) if !INTERRUPTED.load(Ordering::Relaxed) => {
                    if let Some(path) = &arguments.output {
                        results::write(run, path)?;
                    }
                }
                Event::Measured(_) => {}
            }
            Ok(())
        },
        || !INTERRUPTED.load(Ordering::Relaxed),
    )?;
    progress.finish_and_clear();
    if INTERRUPTED.load(Ordering::Relaxed) {
        let measured = run.rows.iter().any(|row| row.measurement.is_some());
        let kept = match &arguments.output {
            _ if !measured => "nothing was measured yet".to_owned(),
            Some(path) => format!("{} has what was measured before", path.display()),
            None => "nothing was kept".to_owned(),
        };
        text::complain(&format!("interrupted; {kept}"));
        return Err(Failure::Interrupted);
    }
    tell(&run, arguments)
}

/// Answers requests on stdin.
pub(super) fn work(arguments: &Worker) -> Result {
    let device = match device::choose(Some(&arguments.device))? {
        Choice::Adapter(adapter) if arguments.untuned => {
            Device::Gpu(Gpu::open(&adapter, ShaderChecks::Trusted)?)
        }
        choice => choice.open()?,
    };
    Ok(serve(&device, BufReader::new(stdin()), stdout())?)
}

fn plan(arguments: &Arguments) -> Result<Plan> {
    let mut plan = match arguments.preset {
        Preset::Quick => Plan::quick(),
        Preset::Standard => Plan::standard(),
        Preset::Full => Plan::full(),
    };
    plan.host_side &= arguments.op.is_empty();
    let ops = arguments.op.iter().map(|op| operation(op));
    replace(&mut plan.ops, ops.collect::<Result<_>>()?);
    replace(&mut plan.passes, arguments.pass.clone());
    replace(&mut plan.elements, arguments.dtype.clone());
    replace(&mut plan.maths, arguments.math.clone());
    let sizes = arguments.size.iter().map(|text| sizes(text));
    let mut sizes = sizes.collect::<Result<Vec<_>>>()?.concat();
    sizes.sort_unstable();
    replace(&mut plan.sizes, sizes);
    plan.samples = arguments.samples.unwrap_or(plan.samples);
    plan.rounds = plan.rounds.min(plan.samples);
    plan.min_time_ms = arguments.min_time.unwrap_or(plan.min_time_ms);
    Ok(plan)
}

/// What the user asks for in place of the preset's, if anything.
fn replace<T: PartialEq>(planned: &mut Vec<T>, mut wanted: Vec<T>) {
    if !wanted.is_empty() {
        wanted.dedup();
        *planned = wanted;
    }
}

/// The name of an operation, which is measured with its default parameters.
fn operation(text: &str) -> Result<&'static str> {
    let (name, _) = family::split(text)?;
    let known = bench::operations();
    let called = |name: &str| known.iter().find(|own| **own == name).copied();
    let found = match called(&family::normalised(name)) {
        Some(own) => own,
        None => {
            let name = family::find(name)?.entry().name;
            called(name).ok_or_else(|| {
                let known = known.join(", ");
                Failure::Usage(format!("{name} is not measured; measured are {known}"))
            })?
        }
    };
    if text.contains('(') {
        return usage(format!(
            "operations are measured with their default parameters: write {found}"
        ));
    }
    Ok(found)
}

/// One size, or those of a sweep, each four times the one before.
fn sizes(text: &str) -> Result<Vec<u64>> {
    let bytes = |text: &str| {
        let Ok(bytes) = memory(text) else {
            return usage(format!(
                "size {text:?}: write a size such as 64MiB or 64KiB..1GiB"
            ));
        };
        let largest = 16 << 30;
        if bytes == 0 || bytes % GRAIN != 0 || bytes > largest {
            return usage(format!(
                "size {text}: sizes are multiples of 64KiB, up to 16GiB"
            ));
        }
        Ok(bytes)
    };
    let Some((from, to)) = text.split_once("..") else {
        return Ok(vec![bytes(text)?]);
    };
    let (from, to) = (bytes(from)?, bytes(to)?);
    if from > to {
        return usage(format!(
            "size {text}: a sweep goes from a smaller size to a larger one"
        ));
    }
    let steps = std::iter::successors(Some(from), |bytes| Some(bytes * 4));
    Ok(steps.take_while(|bytes| *bytes <= to).collect())
}

/// A time in milliseconds: 20ms, 0.5s, 20.
fn milliseconds(text: &str) -> std::result::Result<f64, String> {
    let (number, factor) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => (number, 1.0),
        (None, Some(number)) => (number, 1e3),
        (None, None) => (text, 1.0),
    };
    match number.trim().parse::<f64>() {
        Ok(value) if (0.01..=60e3).contains(&(value * factor)) => Ok(value * factor),
        _ => Err("write a time from 0.01ms to 60s, such as 20ms".to_owned()),
    }
}

fn tell(run: &Run, arguments: &Arguments) -> Result {
    if arguments.json {
        run.write_to(stdout().lock())?;
    } else {
        for device in &run.devices {
            let own = run.rows.iter().filter(|row| row.device == device.name);
            let rows: Vec<_> = own.cloned().collect();
            let mut title = vec![device.name.clone(), device.driver.clone()];
            let common = |column: Column<Row>| column.common(&rows);
            title.extend([TYPE, MATH].into_iter().filter_map(common));
            title.retain(|part| !part.is_empty());
            text::print(&title.join(", "))?;
            text::print_table(&rows, &COLUMNS)?;
            text::print("")?;
        }
        text::print(
            "GB/s count what must be read and written; of baseline: fraction of its speed, in turn with it",
        )?;
    }
    let went_well = |row: &&Row| matches!(row.status, Status::Ok | Status::Unsupported);
    let ill: Vec<_> = run.rows.iter().filter(|row| !went_well(row)).collect();
    for row in &ill {
        let Row {
            op, pass, device, ..
        } = row;
        let message = row.message.as_deref().unwrap_or("failed");
        text::complain(&format!("{op} {pass} on {device}: {message}"));
    }
    match &ill[..] {
        [] => Ok(()),
        rows if rows.iter().any(|row| row.status == Status::Wrong) => Err(Failure::Unverified),
        _ => Err(Failure::Told),
    }
}

const COLUMNS: [Column<Row>; 10] = [
    Column::words("op", title),
    Column::words("pass", |row| row.pass.clone()),
    TYPE,
    MATH,
    Column::numbers("size", |row| size(row.input_bytes)),
    Column::numbers("time", |row| match row.timed() {
        Some(measurement) => time(measurement.summary.median_ns),
        None => row.status.name().to_owned(),
    }),
    Column::numbers("p10..p90", |row| {
        let Some(measurement) = row.timed() else {
            return "-".to_owned();
        };
        let summary = measurement.summary;
        let off = |ns: f64| format!("{:+.0}%", (ns / summary.median_ns - 1.0) * 100.0);
        format!("{} {}", off(summary.p10_ns), off(summary.p90_ns))
    }),
    Column::numbers("GB/s", |row| match row.timed() {
        Some(measurement) if row.kind != Kind::Launch => {
            format!("{:.2}", measurement.summary.gb_per_s)
        }
        _ => "-".to_owned(),
    }),
    Column::words("of baseline", |row| {
        let measurement = row.timed();
        let fraction = measurement.and_then(|measurement| measurement.summary.fraction);
        let baseline = measurement.and_then(|measurement| measurement.baseline.as_ref());
        match (fraction, baseline) {
            (Some(fraction), Some(baseline)) => format!("{fraction:.2} {}", baseline.name),
            _ => "-".to_owned(),
        }
    }),
    Column::numbers("ULP", |row| match (&row.accuracy, row.kind) {
        (Some(accuracy), Kind::Kernel | Kind::Offload) => text::ulp(accuracy.worst_ulp),
        _ => "-".to_owned(),
    }),
];

const TYPE: Column<Row> = Column::words("type", |row: &Row| row.dtype.clone()).may_go();

const MATH: Column<Row> = Column::words("math", |row: &Row| {
    row.math.clone().unwrap_or_else(|| "-".to_owned())
})
.may_go();
