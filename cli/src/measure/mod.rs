//! Measuring in a process of its own, so that a driver that crashes or hangs takes no results with it.

pub mod facts;
mod supervisor;

use std::io::{BufRead, Write};

use crate::file_error;
use wgpu_activations::{
    Device, Result,
    bench::{Answer, Request, Worker},
};

pub(crate) use supervisor::Supervisor;

/// Answers requests, one on each line, until there are no more.
pub(crate) fn serve(device: &Device, input: impl BufRead, mut output: impl Write) -> Result<()> {
    let broken =
        |error: std::io::Error| file_error("the pipe to the measuring process", error.to_string());
    let mut worker = Worker::new(device);
    for line in input.lines() {
        let request: Request =
            serde_json::from_str(&line.map_err(broken)?).map_err(|error| broken(error.into()))?;
        let mut tell = |answer: &Answer| {
            let answer = serde_json::to_string(answer)?;
            writeln!(output, "{answer}")?;
            output.flush()
        };
        // Whom nobody hears any more may finish its request; the end of the pipe ends it.
        let answer = worker.answer(&request, &mut || drop(tell(&Answer::Working)));
        tell(&answer).map_err(broken)?;
    }
    Ok(())
}
