//! Hands cases to a measuring process and survives it: one that dies or does not answer costs the row
//! that it was at, and the next one gets a new process.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use crate::file_error;
use wgpu_activations::{
    Result,
    bench::{Answer, Measurer, Request, record::Status},
};

/// How often a waiting supervisor asks whether to go on.
const STEP: Duration = Duration::from_millis(100);

/// [`Answer::Working`] as a line.
const WORKING: &str = "\"Working\"";

/// A measuring process, started when there is something to measure.
pub(crate) struct Supervisor {
    command: Command,
    /// How long it may say nothing.
    patience: Duration,
    process: Option<Process>,
}

struct Process {
    child: Child,
    requests: ChildStdin,
    answers: Receiver<String>,
}

impl Supervisor {
    pub(crate) const fn new(command: Command, patience: Duration) -> Self {
        Self {
            command,
            patience,
            process: None,
        }
    }
}

impl Measurer for Supervisor {
    /// Ends the process: the next request gets a new one.
    fn renew(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    async fn ask(
        &mut self,
        request: &Request,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Answer>> {
        let mut process = match self.process.take() {
            Some(process) => process,
            None => Process::start(&mut self.command)?,
        };
        // A process that is gone does not answer either.
        let _ = process.send(request);
        let mut heard = Instant::now();
        let answer = loop {
            if !go_on() {
                process.kill();
                return Ok(None);
            }
            match process.answers.recv_timeout(STEP.min(self.patience)) {
                Err(RecvTimeoutError::Timeout) if heard.elapsed() < self.patience => {}
                Ok(line) if line == WORKING => heard = Instant::now(),
                answer => break answer,
            }
        };
        let (status, message) = match answer {
            Ok(line) => match serde_json::from_str(&line) {
                Ok(answer) => {
                    self.process = Some(process);
                    return Ok(Some(answer));
                }
                Err(_) => (
                    Status::Failed,
                    format!("the measuring process answered {line:?}"),
                ),
            },
            Err(RecvTimeoutError::Timeout) => {
                let seconds = self.patience.as_secs_f64();
                (Status::Hung, format!("no answer within {seconds} s"))
            }
            Err(RecvTimeoutError::Disconnected) => {
                let how = process.child.wait().map(|status| status.to_string());
                let how = how.unwrap_or_else(|error| error.to_string());
                (
                    Status::Crashed,
                    format!("the measuring process died: {how}"),
                )
            }
        };
        process.kill();
        Ok(Some(Answer::Refused {
            status,
            message,
            accuracy: None,
        }))
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.renew();
    }
}

impl Process {
    fn start(command: &mut Command) -> Result<Self> {
        let program = command.get_program().to_owned();
        let failed = |reason: String| file_error(&program, reason);
        // The terminal's interrupt is for the supervisor, which then ends this process.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child =
            child.map_err(|error| failed(format!("cannot be started to measure: {error}")))?;
        let (Some(requests), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed("has no pipes".to_owned()));
        };
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(output)
                .lines()
                .map_while(std::result::Result::ok);
            // Until nobody listens.
            lines.try_for_each(|line| sender.send(line))
        });
        Ok(Self {
            child,
            requests,
            answers,
        })
    }

    fn send(&mut self, request: &Request) -> std::io::Result<()> {
        let line = serde_json::to_string(request)?;
        writeln!(self.requests, "{line}")
    }

    fn kill(mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use pollster::block_on;
    use serde_json::json;

    fn request() -> Request {
        let case = json!({
            "kind": "kernel", "op": "relu", "pass": null, "element": "f32", "math": "accurate", "bytes": 65536,
        });
        let request = json!({
            "case": case, "samples": 1, "verify": true, "min_time_ms": 1.0, "working_set_bytes": 0,
        });
        serde_json::from_value(request).unwrap()
    }

    fn supervisor(script: &str) -> Supervisor {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Supervisor::new(command, Duration::from_millis(500))
    }

    /// How a process goes that is asked once.
    fn ask(supervisor: &mut Supervisor) -> (Status, String) {
        match block_on(supervisor.ask(&request(), &mut || true)).unwrap() {
            Some(Answer::Refused {
                status, message, ..
            }) => (status, message),
            answer => panic!("{answer:?}"),
        }
    }

    #[test]
    fn a_crash_is_an_answer_and_the_next_process_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let flag = folder.path().join("crashed");
        // The first process dies, the second answers.
        let answer = r#"{"Refused":{"status":"unsupported","message":"m","accuracy":null}}"#;
        let script = format!(
            "read line; if [ -e {0} ]; then echo '{answer}'; read line; else touch {0}; kill -SEGV $$; fi",
            flag.display()
        );
        let mut supervisor = supervisor(&script);
        let (crashed, message) = ask(&mut supervisor);
        assert_eq!(crashed, Status::Crashed);
        assert!(
            message.contains("SIGSEGV") || message.contains("11"),
            "{message}"
        );
        assert_eq!(ask(&mut supervisor).0, Status::Unsupported);
    }

    #[test]
    fn hangs_and_nonsense_are_answers() {
        let hung = (Status::Hung, "no answer within 0.5 s".to_owned());
        assert_eq!(ask(&mut supervisor("sleep 60")), hung);
        let (failed, message) = ask(&mut supervisor("read line; echo hello"));
        assert_eq!(failed, Status::Failed);
        assert!(message.contains("hello"), "{message}");
    }

    #[test]
    fn a_sign_of_life_is_no_hang_and_a_stop_is_heeded() {
        let script = "read line; while :; do echo '\"Working\"'; sleep 0.1; done";
        let mut supervisor = supervisor(script);
        let start = Instant::now();
        let mut go_on = || start.elapsed() < Duration::from_secs(2);
        let answer = block_on(supervisor.ask(&request(), &mut go_on));
        assert_eq!(answer.unwrap(), None);
        assert!(start.elapsed() >= Duration::from_secs(2));
        let working = serde_json::to_string(&Answer::Working).unwrap();
        assert_eq!(working, WORKING);
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let command = Command::new("/there/is/no/such/program");
        let mut supervisor = Supervisor::new(command, Duration::from_secs(1));
        let error = block_on(supervisor.ask(&request(), &mut || true)).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("/there/is/no/such/program"), "{error}");
    }
}
