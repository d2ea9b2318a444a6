//! The result file: what was measured, on what, and how. `docs/results.md` describes it for readers
//! in other languages.

use std::{
    fs::File,
    io::{ErrorKind, Read, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result, size},
    gpu::Tuning,
    io,
};

/// The version of the format that this crate writes. Readers refuse any other.
pub const SCHEMA: &str = "wgpu-activations/bench/1";

/// A result file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// [`SCHEMA`].
    pub schema: String,
    /// What wrote the file.
    pub program: Program,
    /// When the run began: RFC 3339, UTC.
    pub started: String,
    /// Whether the run came to its end; the file is written as the run goes.
    pub complete: bool,
    /// The machine.
    pub host: Host,
    /// How it was measured.
    pub settings: Settings,
    /// The devices that rows name.
    pub devices: Vec<DeviceFacts>,
    /// One per thing measured.
    pub rows: Vec<Row>,
}

/// A program and its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// `wgpu-activations`, or a peer's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The commit that it was built from, `-dirty` behind it if files had changed; none if unknown.
    pub commit: Option<String>,
}

/// The machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Operating system and its version.
    pub os: String,
    /// The kernel's version.
    pub kernel: String,
    /// Instruction set: `x86_64`.
    pub arch: String,
    /// The processor's name.
    pub cpu: String,
    /// Logical processors.
    pub cores: u32,
    /// Main memory, bytes.
    pub memory_bytes: u64,
}

/// How it was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// `quick`, `standard`, `full`, `browser`, or `custom`.
    pub preset: String,
    /// Samples of each row, at least.
    pub samples: u32,
    /// Rounds over all rows that the samples are spread over.
    pub rounds: u32,
    /// What a sample should last at least, milliseconds.
    pub min_time_ms: f64,
    /// What the rotating tensors of a row should hold together at least, bytes.
    pub working_set_bytes: u64,
}

/// A device, as its driver describes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceFacts {
    /// The name that rows and `--device` use.
    pub name: String,
    /// The driver's name for it.
    pub adapter: String,
    /// `discrete`, `integrated`, `virtual`, `software`, `cpu` or `other`.
    pub r#type: String,
    /// `vulkan`, `metal`, `dx12`, `gl`, `-` of the processor; for peers also `cuda` or `cpu`.
    pub backend: String,
    /// The driver and its version.
    pub driver: String,
    /// PCI vendor and device, where there are any.
    pub vendor_id: u32,
    /// See `vendor_id`.
    pub device_id: u32,
    /// PCI bus id, where there is one.
    pub pci_bus_id: Option<String>,
    /// What it allows; none for peers that do not say.
    pub limits: Option<DeviceLimits>,
    /// What it can do: `timestamp-query`, `subgroup`.
    pub features: Vec<String>,
    /// Nanoseconds per tick of its clock, where that was read.
    pub timestamp_period_ns: Option<f64>,
    /// The shapes of kernels that `activations tune` found, where it was used.
    #[serde(default)]
    pub tuning: Option<Tuning>,
}

/// The limits that bear on activations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceLimits {
    /// Largest buffer, bytes.
    pub max_buffer_bytes: u64,
    /// Largest part of a buffer that a kernel can see, bytes.
    pub max_binding_bytes: u64,
    /// Threads of a workgroup, at most.
    pub max_workgroup_threads: u32,
    /// Memory that a workgroup shares, bytes.
    pub workgroup_memory_bytes: u32,
    /// Threads of a subgroup, at least.
    pub subgroup_min: u32,
    /// Threads of a subgroup, at most.
    pub subgroup_max: u32,
}

/// One thing measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What ran: `wgpu-activations 0.1.0`, `burn 0.22.1`.
    pub implementation: String,
    /// Where: the name of a device.
    pub device: String,
    /// What kind of thing it is.
    pub kind: Kind,
    /// The operation: `gelu`, `prelu`, `softmax`; of a baseline `copy`, `read`, `two-read`.
    pub op: String,
    /// `forward`, `backward`; `-` where there is none.
    pub pass: String,
    /// The element type: `f32`, `f16`, `bf16`.
    pub dtype: String,
    /// `accurate` or `native`; none where there is no such choice.
    pub math: Option<String>,
    /// The input's shape.
    pub shape: Vec<u64>,
    /// The input's size, bytes.
    pub input_bytes: u64,
    /// Bytes that count: those that the operation must read and write.
    pub moved_bytes: u64,
    /// How it went.
    pub status: Status,
    /// Why it did not go well.
    pub message: Option<String>,
    /// How far results were from the reference; none where that was not looked at.
    pub accuracy: Option<Accuracy>,
    /// The times; none unless results were right.
    pub measurement: Option<Measurement>,
}

/// A kind of row. Only rows of one kind can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An operation on tensors that are on the device.
    Kernel,
    /// A kernel that only moves memory.
    Baseline,
    /// From the host's memory through the device and back.
    Offload,
    /// What it costs to get work to the device, whatever the work.
    Launch,
}

/// How a row went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Results were right and times were taken.
    Ok,
    /// Results were wrong: there are no times.
    Wrong,
    /// It failed with an error.
    Failed,
    /// The process that measured it died.
    Crashed,
    /// It did not answer in time.
    Hung,
    /// The device or implementation cannot do it.
    Unsupported,
}

impl Status {
    /// As result files write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Wrong => "wrong",
            Self::Failed => "failed",
            Self::Crashed => "crashed",
            Self::Hung => "hung",
            Self::Unsupported => "unsupported",
        }
    }
}

impl Row {
    /// The times, of a row whose results were right.
    pub fn timed(&self) -> Option<&Measurement> {
        let measurement = self.measurement.as_ref();
        measurement.filter(|_| self.status == Status::Ok)
    }
}

/// How far results were from the reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    /// Elements compared.
    pub compared: u64,
    /// Elements beyond what is allowed.
    pub failed: u64,
    /// The largest error, units in the last place.
    pub worst_ulp: f64,
    /// The largest error as a fraction of what is allowed there.
    pub worst_of_allowed: f64,
}

/// Times of one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// The clock that they come from.
    pub clock: Clock,
    /// Executions that a sample's time was divided by.
    pub repeats: u32,
    /// Bytes of the tensors that the executions take in turn, so that caches do not serve them.
    pub working_set_bytes: u64,
    /// Nanoseconds of one execution: the samples of each round over the rows.
    pub rounds_ns: Vec<Vec<f64>>,
    /// The baseline beside it, sample by sample in turn.
    pub baseline: Option<Baseline>,
    /// What follows from the samples.
    pub summary: Summary,
}

/// A clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// The device's own, written before and after the executions.
    Device,
    /// The host's, around submission and wait: the slope between n and 2 n executions, in which
    /// what a submission costs falls out.
    HostSlope,
    /// The host's, around the whole.
    Host,
}

/// What a row is measured against, in turn with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// `copy`, `read`, `two-read`, `streams`, `read+copy`.
    pub name: String,
    /// Bytes that it moves.
    pub moved_bytes: u64,
    /// As [`Measurement::rounds_ns`].
    pub rounds_ns: Vec<Vec<f64>>,
}

/// What follows from the samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The median time of one execution, nanoseconds.
    pub median_ns: f64,
    /// A tenth of the samples is below.
    pub p10_ns: f64,
    /// A tenth of the samples is above.
    pub p90_ns: f64,
    /// Bytes that count per nanosecond, by the median.
    pub gb_per_s: f64,
    /// Speed by bytes that count as a fraction of the baseline's: the median over pairs of samples.
    pub fraction: Option<f64>,
}

impl Run {
    /// Reads a result file.
    ///
    /// ```no_run
    /// use wgpu_activations::bench::record::Run;
    ///
    /// let run = Run::read("run.json".as_ref())?;
    /// for row in &run.rows {
    ///     if let Some(measurement) = row.timed() {
    ///         println!("{} {}: {:.0} GB/s", row.op, row.pass, measurement.summary.gb_per_s);
    ///     }
    /// }
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it cannot be read, is no result file, or is one of another version.
    pub fn read(path: &Path) -> Result<Self> {
        let broken = |reason: String| Error::File {
            path: path.to_owned(),
            reason,
        };
        let bytes = read_bytes(path).map_err(|error| broken(error.to_string()))?;
        let no_result =
            |why: &str| broken(format!("is no result file of `activations bench`: {why}"));
        if let Some(what) = io::other_than_json(&bytes) {
            return Err(no_result(&format!("it {what}")));
        }
        let text = String::from_utf8(bytes).map_err(|_| no_result("it is no text in UTF-8"))?;
        let version: Version =
            serde_json::from_str(&text).map_err(|error| no_result(&error.to_string()))?;
        if version.schema != SCHEMA {
            return Err(broken(format!(
                "has the schema {:?}; this version reads {SCHEMA:?}",
                version.schema
            )));
        }
        serde_json::from_str(&text)
            .map_err(|error| broken(format!("does not follow the schema {SCHEMA}: {error}")))
    }

    /// Writes the file's text: a line per row, as samples are many.
    ///
    /// # Errors
    ///
    /// What the writer gives.
    pub fn write_to(&self, mut writer: impl Write) -> std::io::Result<()> {
        writeln!(writer, "{{")?;
        for (name, value) in [
            ("schema", serde_json::to_string(&self.schema)?),
            ("program", serde_json::to_string(&self.program)?),
            ("started", serde_json::to_string(&self.started)?),
            ("complete", serde_json::to_string(&self.complete)?),
            ("host", serde_json::to_string(&self.host)?),
            ("settings", serde_json::to_string(&self.settings)?),
            ("devices", serde_json::to_string(&self.devices)?),
        ] {
            writeln!(writer, "\"{name}\": {value},")?;
        }
        writer.write_all(b"\"rows\": [")?;
        for (index, row) in self.rows.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(writer, "{comma}\n{}", serde_json::to_string(row)?)?;
        }
        writer.write_all(b"\n]\n}\n")
    }
}

/// Bytes of the longest text that is read whole: far more than a long run leaves.
const LONGEST: u64 = 64 << 20;

/// The text of a file that is read whole, such as a result file.
///
/// # Errors
///
/// What reading gives, and [`ErrorKind::FileTooLarge`] beyond 64 MiB: what a device gives, such as `/dev/zero`, may
/// never end.
pub fn read_text(path: &Path) -> std::io::Result<String> {
    let invalid = |error| std::io::Error::new(ErrorKind::InvalidData, error);
    String::from_utf8(read_bytes(path)?).map_err(invalid)
}

fn read_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path)?
        .take(LONGEST + 1)
        .read_to_end(&mut bytes)?;
    if read as u64 > LONGEST {
        let reason = format!("is longer than {}; no file of results is", size(LONGEST));
        return Err(std::io::Error::new(ErrorKind::FileTooLarge, reason));
    }
    Ok(bytes)
}

/// What every version of the format begins with.
#[derive(Deserialize)]
struct Version {
    schema: String,
}
