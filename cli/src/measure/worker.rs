//! What measures: a process of its own, so that a driver that crashes or hangs takes no results with
//! it. It reads a request per line from stdin and answers each with a line on stdout.

use std::io::{BufRead, Write};

use wgpu_activations::{
    Error, Gpu, Result,
    bench::{Answer, Request, Worker},
};

/// Answers requests until there are no more.
///
/// # Errors
///
/// [`Error::File`] if stdin or stdout break off.
pub(crate) fn serve(gpu: &Gpu, input: impl BufRead, mut output: impl Write) -> Result<()> {
    let broken = |error: std::io::Error| Error::File {
        path: "the pipe to the measuring process".into(),
        reason: error.to_string(),
    };
    let mut worker = Worker::new(gpu);
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
