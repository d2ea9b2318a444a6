//! burn beside wgpu-activations: the same operations on the same adapter, as result files that
//! `activations compare` and `activations report` read. See the README.

mod case;
mod measure;
mod ours;
mod peer;
mod probe;

use std::{cell::Cell, path::PathBuf, process::ExitCode, rc::Rc, time::Duration};

use clap::Parser;
use wgpu_activations::{
    Adapter, Math,
    accuracy::Report,
    bench::{
        facts::device,
        record::{Accuracy, Kind, Program, Row, Run, SCHEMA, Settings, Status},
        stats,
    },
    gpu,
};
use wgpu_activations_cli::{measure::facts, results};

use crate::{
    case::{COLUMNS, Case, Op, numbers},
    measure::{Group, Line, Timer},
    ours::Ours,
    peer::Burn,
};

/// Any error, in words.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Times burn, and with --with-ours wgpu-activations in turn with it, on one device.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Device, by its name in `activations devices`, a part of it, or its place; the best if not given
    #[arg(long)]
    device: Option<String>,
    /// Result file to write
    #[arg(short, long, required_unless_present_any = ["validate", "probe"])]
    output: Option<PathBuf>,
    /// Operation, as often as wanted; all if not given
    #[arg(long = "op")]
    ops: Vec<String>,
    /// Size of the input: bytes, or with KiB, MiB, GiB
    #[arg(long, default_value = "64MiB", value_parser = bytes)]
    size: u64,
    /// Samples of each row
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    samples: u32,
    /// Rounds over all rows that the samples are spread over
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// What a sample lasts at least, milliseconds
    #[arg(long, default_value_t = 20)]
    min_time: u64,
    /// What the tensors taken in turn hold together at least
    #[arg(long, default_value = "256MiB", value_parser = bytes)]
    working_set: u64,
    /// Time wgpu-activations, too, sample by sample in turn with burn
    #[arg(long)]
    with_ours: bool,
    /// Seconds after which an operation of burn's counts as hung
    #[arg(long, default_value_t = 300)]
    timeout: u64,
    /// Only check that these result files can be read and add up
    #[arg(long, num_args = 1.., conflicts_with = "output")]
    validate: Vec<PathBuf>,
    /// Try one operation and print its row: what the process does for itself
    #[arg(long, hide = true)]
    probe: Option<String>,
}

fn bytes(text: &str) -> std::result::Result<u64, String> {
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let unit = match unit {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(format!("`{unit}` is no unit; write KiB, MiB or GiB")),
    };
    let number = number.parse::<u64>().ok();
    number
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(|| format!("`{text}` is no size; write 64MiB"))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = if !arguments.validate.is_empty() {
        validate(&arguments.validate)
    } else if let Some(op) = &arguments.probe {
        probe(&arguments, op)
    } else {
        bench(&arguments)
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What a run knows before anything is measured.
struct Setting {
    adapters: Vec<Adapter>,
    index: usize,
    elements: usize,
    /// Inputs that are taken in turn.
    copies: usize,
    x: Vec<f32>,
}

impl Setting {
    fn new(arguments: &Arguments) -> Result<Self> {
        let adapters = gpu::adapters();
        let adapter = match &arguments.device {
            Some(name) => gpu::find(&adapters, name)?,
            None => gpu::best(&adapters)?,
        };
        let name = adapter.name();
        let index = adapters.iter().position(|adapter| adapter.name() == name);
        let index = index.ok_or("the device is gone")?;
        let elements = usize::try_from(arguments.size / 4)?;
        if elements == 0 || !arguments.size.is_multiple_of(4 * COLUMNS as u64) {
            let row = 4 * COLUMNS / 1024;
            return Err(format!("--size must be a multiple of {row}KiB, a row of softmax").into());
        }
        let copies = arguments.working_set.div_ceil(2 * arguments.size).max(2);
        Ok(Self {
            adapters,
            index,
            elements,
            copies: usize::try_from(copies)?,
            x: numbers(elements),
        })
    }

    fn adapter(&self) -> &Adapter {
        &self.adapters[self.index]
    }

    fn row(&self, case: Case, implementation: String, math: Option<Math>) -> Row {
        Row {
            implementation,
            device: self.adapter().name().to_owned(),
            kind: Kind::Kernel,
            op: case.op.name().to_owned(),
            pass: "forward".to_owned(),
            dtype: "f32".to_owned(),
            math: math.map(|math| math.name().to_owned()),
            shape: case
                .shape()
                .into_iter()
                .map(|extent| extent as u64)
                .collect(),
            input_bytes: case.input_bytes(),
            moved_bytes: case.moved_bytes(),
            status: Status::Ok,
            message: None,
            accuracy: None,
            measurement: None,
        }
    }
}

/// The row with what a comparison said of the results.
fn judged(row: Row, report: &Report) -> Row {
    let worst = report.worst.as_ref();
    Row {
        status: if report.passed() {
            Status::Ok
        } else {
            Status::Wrong
        },
        message: (!report.passed()).then(|| report.to_string()),
        accuracy: Some(Accuracy {
            compared: report.compared,
            failed: report.failed,
            worst_ulp: worst.map_or(0.0, |sample| sample.ulp),
            worst_of_allowed: worst.map_or(0.0, |sample| sample.severity),
        }),
        ..row
    }
}

fn selected(arguments: &Arguments) -> Result<Vec<Op>> {
    let all = Op::all();
    if arguments.ops.is_empty() {
        return Ok(all);
    }
    let one = |name: &String| {
        let known = all.iter().map(|op| op.name());
        let found = all.iter().find(|op| op.name() == name).copied();
        found.ok_or_else(|| {
            let known = known.collect::<Vec<_>>().join(", ");
            format!("no operation is called `{name}`; there are: {known}").into()
        })
    };
    arguments.ops.iter().map(one).collect()
}

fn bench(arguments: &Arguments) -> Result<()> {
    let ops = selected(arguments)?;
    let setting = Setting::new(arguments)?;
    peer::selector(&setting.adapters, setting.index)?;
    let path = arguments.output.as_deref().ok_or("no output is given")?;
    eprintln!("{} on {}", peer::implementation(), setting.adapter().name());
    let mut run = begun(arguments, &setting);
    results::write(&run, path)?;

    // What crashes or hangs does so in a process of its own.
    let probed = ops
        .iter()
        .map(|op| {
            let case = case(&setting, *op);
            let row = setting.row(case, peer::implementation(), None);
            let row = probe::run(row, Duration::from_secs(arguments.timeout))?;
            eprintln!("{:12} {}", op.name(), status(&row));
            Ok((case, row))
        })
        .collect::<Result<Vec<_>>>()?;

    let mut groups = prepared(arguments, &setting, probed)?;
    let per_round = arguments.samples.div_ceil(arguments.rounds);
    for round in 1..=arguments.rounds {
        eprintln!("round {round} of {}", arguments.rounds);
        for group in &mut groups {
            group.round(per_round);
        }
        run.rows = groups.iter().flat_map(Group::rows).collect();
        run.complete = round == arguments.rounds;
        results::write(&run, path)?;
    }
    print(&groups);
    Ok(())
}

const fn case(setting: &Setting, op: Op) -> Case {
    Case {
        op,
        elements: setting.elements,
    }
}

fn begun(arguments: &Arguments, setting: &Setting) -> Run {
    Run {
        schema: SCHEMA.to_owned(),
        program: Program {
            name: "burn".to_owned(),
            version: peer::version().to_owned(),
            commit: None,
        },
        started: facts::now(),
        complete: false,
        host: facts::host(),
        settings: Settings {
            preset: "custom".to_owned(),
            samples: arguments.samples,
            rounds: arguments.rounds,
            min_time_ms: arguments.min_time as f64,
            working_set_bytes: arguments.working_set,
        },
        devices: vec![device(setting.adapter())],
        rows: Vec::new(),
    }
}

/// Opens both, verifies everything, warms up.
fn prepared(
    arguments: &Arguments,
    setting: &Setting,
    probed: Vec<(Case, Row)>,
) -> Result<Vec<Group>> {
    let least = Duration::from_millis(arguments.min_time);
    let any = probed.iter().any(|(_, row)| row.status == Status::Ok);
    let burn = any
        .then(|| measure::guarded(|| open_burn(setting)))
        .transpose()?
        .map(Rc::new);
    let ours = arguments
        .with_ours
        .then(|| Ours::open(setting.adapter(), setting.copies))
        .transpose()?
        .map(Rc::new);
    let mut groups = Vec::new();
    for (case, row) in probed {
        eprintln!("preparing {}", case.op.name());
        let mut lines = vec![match (&burn, row.status) {
            (Some(burn), Status::Ok) => burn_line(setting, burn, case, row, least),
            _ => Line::untimed(row),
        }];
        let mut baseline = None;
        if let Some(ours) = &ours {
            for math in case.op.maths() {
                lines.push(our_line(setting, ours, case, *math, least)?);
            }
            let (name, moved_bytes, work) = Ours::baseline(case);
            let run = timed(ours, ours.pairs(case, &setting.x)?, work);
            baseline = Some((name, moved_bytes, Timer::new(run, least)?));
        }
        let copies = setting.copies as u64;
        groups.push(Group {
            lines,
            baseline,
            working_set_bytes: copies * (case.input_bytes() + case.output_bytes()),
        });
    }
    Ok(groups)
}

fn open_burn(setting: &Setting) -> Result<Burn> {
    Burn::open(&setting.adapters, setting.index, &setting.x, setting.copies)
}

fn burn_line(setting: &Setting, burn: &Rc<Burn>, case: Case, row: Row, least: Duration) -> Line {
    let verified = measure::guarded(|| verify_burn(setting, burn, case, row.clone()));
    let row = match verified {
        Ok(row) if row.status == Status::Ok => row,
        Ok(row) => return Line::untimed(row),
        Err(error) => return Line::untimed(measure::failed(row, &error.to_string())),
    };
    let Some(execution) = burn.execution(case, &setting.x) else {
        return Line::untimed(row);
    };
    let (burn, turn) = (burn.clone(), Cell::new(0));
    let run = move |repeats| burn.time(&execution, &turn, repeats);
    Line::new(row, Box::new(run), least)
}

fn verify_burn(setting: &Setting, burn: &Burn, case: Case, row: Row) -> Result<Row> {
    let Some(execution) = burn.execution(case, &setting.x) else {
        return Ok(Row {
            status: Status::Unsupported,
            message: Some("burn has no such operation".to_owned()),
            ..row
        });
    };
    let found = execution(0).numbers()?;
    // A peer is held to what builtin functions are allowed, not to the 4 ULP of our accurate ones.
    let report = case.verify(&setting.x, &found, Math::Native)?;
    Ok(judged(row, &report))
}

fn our_line(
    setting: &Setting,
    ours: &Rc<Ours>,
    case: Case,
    math: Option<Math>,
    least: Duration,
) -> Result<Line> {
    let row = setting.row(case, ours::implementation(), math);
    let math = math.unwrap_or_default();
    let work = ours.work(case.op, math)?;
    let pairs = ours.pairs(case, &setting.x)?;
    let found = ours.result(&work, &pairs[0])?;
    let row = judged(row, &case.verify(&setting.x, &found, math)?);
    Ok(match row.status {
        Status::Ok => Line::new(row, timed(ours, pairs, work), least),
        _ => Line::untimed(row),
    })
}

/// A closure for the timer.
fn timed(
    ours: &Rc<Ours>,
    pairs: Rc<Vec<ours::Pair>>,
    work: ours::Work,
) -> Box<dyn Fn(u32) -> Result<Duration>> {
    let (ours, turn) = (ours.clone(), Cell::new(0));
    Box::new(move |repeats| ours.time(&work, &pairs, &turn, repeats))
}

/// In the process of its own: one operation, its row on stdout.
fn probe(arguments: &Arguments, op: &str) -> Result<()> {
    let setting = Setting::new(arguments)?;
    let op = Op::all().into_iter().find(|one| one.name() == op);
    let case = case(&setting, op.ok_or("unknown operation")?);
    let row = setting.row(case, peer::implementation(), None);
    let verified = measure::guarded(|| {
        let burn = open_burn(&setting)?;
        verify_burn(&setting, &burn, case, row.clone())
    });
    let row = verified.unwrap_or_else(|error| measure::failed(row, &error.to_string()));
    println!("{}", serde_json::to_string(&row)?);
    Ok(())
}

fn status(row: &Row) -> String {
    let status = format!("{:?}", row.status).to_lowercase();
    match &row.message {
        Some(message) => format!("{status}: {message}"),
        None => status,
    }
}

/// Medians, and how many times as long as ours burn took.
fn print(groups: &[Group]) {
    println!("| op | what | ms | GB/s | of baseline | burn's time / its time |");
    println!("|---|---|---|---|---|---|");
    for group in groups {
        let rows: Vec<_> = group.rows().collect();
        for row in &rows {
            let name = match &row.math {
                Some(math) => format!("{}, {math}", row.implementation),
                None => row.implementation.clone(),
            };
            let Some(measurement) = &row.measurement else {
                println!("| {} | {name} | {} | | | |", row.op, status(row));
                continue;
            };
            let summary = measurement.summary;
            let fraction = summary
                .fraction
                .map_or_else(|| "-".to_owned(), |fraction| format!("{fraction:.2}"));
            let ratio = match &rows[0].measurement {
                Some(burn) if row.implementation != rows[0].implementation => {
                    let ratio = stats::ratio_of_medians(&measurement.rounds_ns, &burn.rounds_ns);
                    let (value, low, high) = (ratio.value, ratio.low, ratio.high);
                    format!("{value:.2} [{low:.2}, {high:.2}]")
                }
                _ => "-".to_owned(),
            };
            println!(
                "| {} | {name} | {:.3} | {:.2} | {fraction} | {ratio} |",
                row.op,
                summary.median_ns / 1e6,
                summary.gb_per_s,
            );
        }
    }
}

/// Reads files and checks that what they say of themselves adds up.
fn validate(paths: &[PathBuf]) -> Result<()> {
    for path in paths {
        let run = Run::read(path)?;
        for row in &run.rows {
            check(&run, row).map_err(|error| format!("{}: {}: {error}", path.display(), row.op))?;
        }
        let (rows, complete) = (run.rows.len(), run.complete);
        println!("{}: {rows} rows, complete: {complete}", path.display());
    }
    Ok(())
}

fn check(run: &Run, row: &Row) -> Result<()> {
    if !run.devices.iter().any(|device| device.name == row.device) {
        return Err(format!("its device {} is not in the file", row.device).into());
    }
    let Some(measurement) = &row.measurement else {
        return match (row.status, run.complete) {
            (Status::Ok, true) => Err("it is ok and has no times".into()),
            _ => Ok(()),
        };
    };
    if row.status != Status::Ok {
        return Err("it is not ok and has times".into());
    }
    let rounds = &measurement.rounds_ns;
    if rounds.iter().any(Vec::is_empty) || !rounds.concat().iter().all(|&time| time > 0.0) {
        return Err("a round is empty or a time is not positive".into());
    }
    let summary = stats::summary(row.moved_bytes, rounds, measurement.baseline.as_ref());
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs();
    let same = [
        (summary.median_ns, measurement.summary.median_ns),
        (summary.p10_ns, measurement.summary.p10_ns),
        (summary.p90_ns, measurement.summary.p90_ns),
        (summary.gb_per_s, measurement.summary.gb_per_s),
        (
            summary.fraction.unwrap_or(0.0),
            measurement.summary.fraction.unwrap_or(0.0),
        ),
    ];
    if !same.iter().all(|&(a, b)| close(a, b)) {
        return Err("the summary does not follow from the samples".into());
    }
    Ok(())
}
