//! A folder of its own, and the command run in it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;
use wgpu_activations::io::npy::{self, Array, Dtype, Endian, Float, Order, Values};

pub(crate) struct Sandbox {
    folder: TempDir,
}

/// What a run of the command left.
pub(crate) struct Outcome {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// One with `x.npy`: float32, shape [3, 4], from -3 to 2.5.
    pub(crate) fn with_x() -> Self {
        let sandbox = Self::new();
        let x: Vec<f32> = (0..12).map(|i| i as f32 * 0.5 - 3.0).collect();
        sandbox.save("x.npy", &array(&[3, 4], x));
        sandbox
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn save(&self, name: &str, array: &Array) {
        let mut bytes = Vec::new();
        array.write_to(&mut bytes).unwrap();
        fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Array {
        npy::read(&self.path(name)).unwrap()
    }

    /// Every file, hidden ones too, with its content.
    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let name = entry.file_name().to_string_lossy().into_owned();
                (name, fs::read(entry.path()).unwrap_or_default())
            })
            .collect();
        files.sort();
        files
    }

    /// The command in this folder, free of the caller's choices.
    pub(crate) fn command(&self) -> Command {
        self.prepare(env!("CARGO_BIN_EXE_activations"))
    }

    /// The command, with signals as the system has them: a test run in the background of a script
    /// inherits that interrupts are ignored.
    #[cfg(target_os = "linux")]
    pub(crate) fn interruptible(&self) -> Command {
        let undo = "--default-signal=INT,TERM,HUP";
        let can_undo = self.prepare("env").args([undo, "true"]).output();
        if can_undo.is_ok_and(|output| output.status.success()) {
            let mut command = self.prepare("env");
            command.args([undo, env!("CARGO_BIN_EXE_activations")]);
            command
        } else {
            self.command()
        }
    }

    /// Another program in the same place.
    pub(crate) fn prepare(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path());
        for variable in [
            "CLICOLOR_FORCE",
            "NO_COLOR",
            "RUST_LOG",
            "WGPU_ADAPTER_NAME",
            "WGPU_BACKEND",
        ] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs the command with the words of `line`.
    pub(crate) fn run(&self, line: &str) -> Outcome {
        self.command().args(words(line)).output().unwrap().into()
    }

    /// The flag for the least memory that `line` can do with, which what refuses less tells: `6.05 MiB (6340608 bytes)`,
    /// or without the bytes where they are a round number.
    pub(crate) fn least_memory(&self, line: &str) -> String {
        let told = self.run(&format!("{line} --memory 1")).stderr;
        let size = told
            .split_once(" takes ")
            .and_then(|(_, rest)| rest.split_once(" of memory"));
        size.map_or_else(String::new, |(size, _)| {
            let exactly = size.split_once('(').map_or(size, |(_, bytes)| bytes);
            let exactly = exactly.trim_end_matches(" bytes)").replace(' ', "");
            format!("--memory {exactly}")
        })
    }

    /// Runs the command, which must fail with `status` and one line that holds `text`, print
    /// nothing, and leave the folder as it was.
    pub(crate) fn refuses(&self, status: i32, line: &str, text: &str) {
        self.refuses_command(self.command().args(words(line)), status, text);
    }

    pub(crate) fn refuses_command(&self, command: &mut Command, status: i32, text: &str) {
        let before = self.files();
        let outcome = Outcome::from(command.output().unwrap());
        outcome.expect_error(status, text);
        assert!(before == self.files(), "{command:?} changed the folder");
    }
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Outcome {
    /// It went well, and nothing but results was worth saying; returns stdout.
    pub(crate) fn expect_success(self) -> String {
        self.expect_note("")
    }

    /// It went well, and stderr holds `note`; returns stdout.
    pub(crate) fn expect_note(self, note: &str) -> String {
        assert_eq!(self.status, Some(0), "{}", self.stderr);
        assert_eq!(self.stderr.trim_end(), note);
        self.stdout
    }

    /// As [`Outcome::expect_success`], and stdout is JSON.
    pub(crate) fn expect_json(self) -> Value {
        serde_json::from_str(&self.expect_success()).unwrap()
    }

    /// It failed with `status` and said so in one line, which holds `text`.
    pub(crate) fn expect_error(&self, status: i32, text: &str) {
        let Self { stdout, stderr, .. } = self;
        assert_eq!(self.status, Some(status), "{stderr}");
        assert_eq!(stdout, "");
        assert!(stderr.starts_with("error: "), "{stderr}");
        assert_eq!(stderr.find('\n'), Some(stderr.len() - 1), "{stderr}");
        assert!(stderr.contains(text), "{stderr}\nlacks\n{text}");
    }
}

/// A float32 array in C order.
pub(crate) fn array(shape: &[usize], values: Vec<f32>) -> Array {
    Array {
        shape: shape.to_vec(),
        order: Order::C,
        dtype: Dtype {
            float: Float::F32,
            endian: Endian::Little,
        },
        values: Values::F32(values),
    }
}

/// Numbers between -4 and 4, the same for the same count and seed.
pub(crate) fn numbers(count: usize, seed: usize) -> Vec<f32> {
    (0..count)
        .map(|i| ((i + seed) * 7919 % 8009) as f32 / 1001.0 - 4.0)
        .collect()
}

/// The elements in C order, as f64.
pub(crate) fn elements(array: Array) -> Vec<f64> {
    let values = array.to_order(Order::C).unwrap().values.into_f32();
    values.into_iter().map(f64::from).collect()
}

/// Fails at the first pair further apart than `tolerance`, relative and absolute.
pub(crate) fn expect_close(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let close = (found - expected).abs() <= tolerance * (1.0 + expected.abs());
        assert!(close, "{what}: element {index} is {found}, not {expected}");
    }
}

/// The channel of each element of a shape in C order.
pub(crate) fn channels(shape: &[usize], axis: i64) -> Vec<usize> {
    let axis = if axis < 0 {
        (shape.len() as i64 + axis) as usize
    } else {
        axis as usize
    };
    let inner: usize = shape[axis + 1..].iter().product();
    (0..shape.iter().product())
        .map(|index: usize| index / inner % shape[axis])
        .collect()
}

/// What `activations devices --json` lists.
pub(crate) fn devices() -> Vec<Value> {
    let listed = Sandbox::new().run("devices --json").expect_json();
    listed.as_array().unwrap().clone()
}

/// The names of all devices, `cpu` last.
pub(crate) fn device_names() -> Vec<String> {
    devices()
        .iter()
        .map(|device| device["name"].as_str().unwrap().to_owned())
        .collect()
}

pub(crate) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The words of a command line; quotes keep blanks together.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = vec![];
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (c, quote) {
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, Some(open)) if c == open => quote = None,
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
