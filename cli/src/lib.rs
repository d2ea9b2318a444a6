//! The command `activations`: one file per subcommand.
//!
//! Results go to stdout, everything else to stderr.

mod bench;
mod check;
mod compare;
mod device;
mod devices;
mod draw;
mod figure;
mod files;
mod flags;
mod grad;
mod inputs;
pub mod measure;
mod named;
mod operation;
mod ops;
mod plot;
mod properties;
mod report;
pub mod results;
mod run;
mod stream;
mod temporary;
mod text;
mod tune;
mod tuning;

use std::{io, path::PathBuf, process::ExitCode};

use clap::{
    CommandFactory, Parser, Subcommand,
    error::{ContextKind, ContextValue},
};

use wgpu_activations::{Error, ErrorKind, family};

/// Activation functions on any GPU, each result verified against an f64 reference.
#[derive(Parser)]
#[command(name = "activations", version, about, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  activations devices                                  what --device can name
  activations ops gelu                                 what gelu is
  activations plot gelu swish mish -o smooth.svg       what they look like
  activations run gelu x.npy -o y.npy                  y = gelu(x), verified
  activations run prelu x.npy -o y.npy --param alpha=@slopes.npy --axis 1
  activations run softmax x.npy -o y.npy               along the last axis
  activations grad elu x.npy dy.npy -o dx.npy --param alpha=0.5 --out alpha=da.npy
  activations check --all-devices                      every activation against the reference
  activations bench --all-devices -o run.json          how fast, and what share of the memory's speed
  activations report run.json -o report.html           a page of what a benchmark found

Environment:
  WGPU_ADAPTER_NAME    the device where --device is not given; without it a GPU, else the CPU, and a
                       software adapter where WGPU_BACKEND names its backend
  WGPU_BACKEND         the backends to look at: vulkan, gl, metal, dx12, separated by commas; without it
                       all but gl, and that where there is no other, or it is asked for by --device
  RUST_LOG             what to log on stderr: warn, info, debug; nothing by default
  NO_COLOR             any value: no colours

Exit status: 0 done, 1 failed, 2 wrong usage, 3 no such device, 4 verification failed, 5 slower\nthan compare --fail-above allows, 130 interrupted.";

#[derive(Subcommand)]
enum Command {
    /// List the devices under the names that --device takes.
    Devices(devices::Arguments),
    /// List the activations, or tell all about one.
    Ops(ops::Arguments),
    /// Draw activations and their slopes.
    Plot(plot::Arguments),
    /// Apply an activation to arrays in files.
    Run(run::Arguments),
    /// Take a gradient back through an activation.
    Grad(grad::Arguments),
    /// Measure operations: time, share of the memory's speed, error.
    Bench(Box<bench::Arguments>),
    /// Measure on request, in a process of its own.
    #[command(hide = true)]
    BenchWorker(bench::Worker),
    /// Say what changed between result files of bench, and whether it is more than noise.
    Compare(compare::Arguments),
    /// Find the shapes of kernels that suit a device, by measuring.
    Tune(tune::Arguments),
    /// Compare devices with the reference.
    Check(check::Arguments),
    /// Show result files of benchmarks side by side.
    Report(report::Arguments),
}

/// Why a command ended without success.
enum Failure {
    /// Something failed; the message is on stderr.
    Error(Error),
    /// The command line asks for something that cannot be.
    Usage(String),
    /// Results were wrong; the report is printed.
    Unverified,
    /// Something failed that has been told already.
    Told,
    /// A measurement is slower than allowed; it has been told.
    Slower,
    /// The user interrupted.
    Interrupted,
    /// Nobody reads stdout any more.
    PipeClosed,
}

type Result<T = ()> = std::result::Result<T, Failure>;

/// A command line that asks for what cannot be.
fn usage<T>(message: impl Into<String>) -> Result<T> {
    Err(Failure::Usage(message.into()))
}

/// What is wrong with a file.
fn file_error(path: impl Into<PathBuf>, reason: impl Into<String>) -> Error {
    Error::File {
        path: path.into(),
        reason: reason.into(),
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::PipeClosed;
        }
        file_error("stdout", format!("cannot be written: {error}")).into()
    }
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Unverified => 4,
            Self::Told => 1,
            Self::Slower => 5,
            Self::Interrupted => 130,
            Self::PipeClosed => 0,
            Self::Error(error) => match error.kind() {
                ErrorKind::Name
                | ErrorKind::Syntax
                | ErrorKind::Parameter
                | ErrorKind::FileFormat => 2,
                ErrorKind::NoDevice => 3,
                ErrorKind::Verification => 4,
                _ => 1,
            },
        }
    }
}

/// Looking for GL displays, Mesa asks Wayland, which complains on stderr where this variable is not
/// set; with it set to any folder there is simply no Wayland.
fn quieten_wayland() {
    const VARIABLE: &str = "XDG_RUNTIME_DIR";
    if cfg!(target_os = "linux") && std::env::var_os(VARIABLE).is_none() {
        // SAFETY: the process has one thread as yet.
        #[allow(unsafe_code)]
        unsafe {
            std::env::set_var(VARIABLE, std::env::temp_dir());
        }
    }
}

/// A command line that clap refuses, with the subcommand that may be meant.
fn with_advice(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    let word = word.clone();
    let command = Cli::command();
    let shown = command.get_subcommands().filter(|it| !it.is_hide_set());
    let nearest = family::nearest(&word, shown.map(clap::Command::get_name));
    let (kind, advice) = match (family::find(&word), nearest) {
        (Ok(_), _) => {
            let tip = format!("'{word}' is an activation: activations run {word} x.npy -o y.npy");
            (
                ContextKind::Suggested,
                ContextValue::StyledStrs(vec![tip.into()]),
            )
        }
        (_, Some(name)) => {
            let names = ContextValue::Strings(vec![name.to_owned()]);
            (ContextKind::SuggestedSubcommand, names)
        }
        _ => return error,
    };
    error.remove(ContextKind::SuggestedSubcommand);
    error.insert(kind, advice);
    error
}

/// Runs the command line.
pub fn main() -> ExitCode {
    quieten_wayland();
    let cli = Cli::try_parse().unwrap_or_else(|error| with_advice(error).exit());
    // RUST_LOG decides; drivers that are merely absent are no news.
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("off")).init();
    let Err(failure) = perform(cli.command) else {
        return ExitCode::SUCCESS;
    };
    match &failure {
        Failure::Error(error) => text::complain(&error.to_string()),
        Failure::Usage(message) => text::complain(message),
        _ => {}
    }
    ExitCode::from(failure.exit_code())
}

fn perform(command: Command) -> Result {
    // A backend that there is not is named by all commands, those that need none too.
    device::backends()?;
    match command {
        Command::Devices(arguments) => devices::run(&arguments),
        Command::Ops(arguments) => ops::run(&arguments),
        Command::Plot(arguments) => plot::run(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Grad(arguments) => grad::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::BenchWorker(arguments) => bench::work(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Tune(arguments) => tune::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_an_error_decides_the_exit_status() {
        let verification = Error::Verification {
            op: "gelu".to_owned(),
            report: "1 of 4 elements outside the tolerance".to_owned(),
        };
        let name = "nothing"
            .parse::<wgpu_activations::Activation>()
            .unwrap_err();
        let axis = Error::AxisOutOfRange {
            axis: 2,
            shape: vec![1],
        };
        let device = Error::UnknownDevice {
            wanted: "none".to_owned(),
            reason: "no device is called",
            available: String::new(),
        };
        let memory = Error::OutOfMemory(String::new());
        for (error, code) in [
            (verification, 4),
            (name, 2),
            (axis, 2),
            (device, 3),
            (memory, 1),
        ] {
            assert_eq!(Failure::from(error).exit_code(), code);
        }
        assert_eq!(Failure::Unverified.exit_code(), 4);
    }
}
