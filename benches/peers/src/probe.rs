//! Tries an operation in a process of its own, where a crash or a hang harms nobody.

use std::{
    env,
    io::Read,
    process::{Command, ExitStatus, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use wgpu_activations::bench::record::{Row, Status};

use crate::Result;

/// How often a process is looked after.
const PAUSE: Duration = Duration::from_millis(20);

/// The row as the process found it, or with what became of the process.
pub fn run(row: Row, timeout: Duration) -> Result<Row> {
    let mut child = Command::new(env::current_exe()?)
        .args(["--probe", &row.op, "--device", &row.device])
        .args(["--size", &row.input_bytes.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let start = Instant::now();
    let ended = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None if start.elapsed() > timeout => {
                child.kill()?;
                child.wait()?;
                let message = format!("no result after {} s", timeout.as_secs());
                return Ok(with(row, Status::Hung, message));
            }
            None => sleep(PAUSE),
        }
    };
    // One line, which the pipe holds.
    let mut text = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut text)?;
    }
    match text.lines().last().map(serde_json::from_str) {
        // A driver may crash while it is closed: results were right all the same.
        Some(Ok(found)) => Ok(found),
        _ => Ok(with(row, Status::Crashed, how(ended))),
    }
}

fn with(row: Row, status: Status, message: String) -> Row {
    Row {
        status,
        message: Some(message),
        ..row
    }
}

fn how(ended: ExitStatus) -> String {
    format!("the process ended without a result: {ended}")
}
