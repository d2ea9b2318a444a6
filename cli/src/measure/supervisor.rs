//! Hands cases to a measuring process and survives it: one that dies or does not answer costs the row
//! that it was at, and the next one gets a new process.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use wgpu_activations::{
    Error, Result,
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

    fn ask(
        &mut self,
        request: &Request,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Answer>> {
        let mut process = match self.process.take() {
            Some(process) => process,
            None => Process::start(&mut self.command)?,
        };
        let refused = |status, message| Answer::Refused {
            status,
            message,
            accuracy: None,
        };
        // A process that is gone does not answer either.
        let sent = process.send(request);
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
        let answer = match answer {
            Ok(line) => match serde_json::from_str(&line) {
                Ok(answer) => {
                    self.process = Some(process);
                    return Ok(Some(answer));
                }
                Err(_) => refused(
                    Status::Failed,
                    format!("the measuring process answered {line:?}"),
                ),
            },
            Err(RecvTimeoutError::Timeout) => refused(
                Status::Hung,
                format!("no answer within {} s", self.patience.as_secs_f64()),
            ),
            Err(RecvTimeoutError::Disconnected) => {
                let how = match (process.child.wait(), sent) {
                    (Ok(status), _) => status.to_string(),
                    (Err(error), _) => error.to_string(),
                };
                refused(
                    Status::Crashed,
                    format!("the measuring process died: {how}"),
                )
            }
        };
        process.kill();
        Ok(Some(answer))
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
        let failed = |reason: String| Error::File {
            path: program.clone().into(),
            reason,
        };
        let failed_to_start =
            |error: std::io::Error| failed(format!("cannot be started to measure: {error}"));
        // The terminal's interrupt is for who supervises, who ends this process then.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed_to_start)?;
        let (Some(requests), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed("has no pipes".to_owned()));
        };
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output)
                .lines()
                .map_while(std::result::Result::ok)
            {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            child,
            requests,
            answers,
        })
    }

    fn send(&mut self, request: &Request) -> std::io::Result<()> {
        let line = serde_json::to_string(request)?;
        writeln!(self.requests, "{line}")?;
        self.requests.flush()
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
    use wgpu_activations::{
        ElementType, Math,
        bench::{Case, record::Kind},
    };

    fn request() -> Request {
        Request {
            case: Case {
                kind: Kind::Kernel,
                op: "relu".to_owned(),
                pass: None,
                element: ElementType::F32,
                math: Math::Accurate,
                bytes: 65536,
            },
            samples: 1,
            verify: true,
            min_time_ms: 1.0,
            working_set_bytes: 0,
        }
    }

    fn supervisor(script: &str) -> Supervisor {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Supervisor::new(command, Duration::from_millis(500))
    }

    fn status(answer: Answer) -> (Status, String) {
        match answer {
            Answer::Refused {
                status, message, ..
            } => (status, message),
            Answer::Measured(_) | Answer::Verified(_) | Answer::Working => {
                (Status::Ok, String::new())
            }
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
        let (crashed, message) = status(supervisor.ask(&request(), &mut || true).unwrap().unwrap());
        assert_eq!(crashed, Status::Crashed);
        assert!(
            message.contains("SIGSEGV") || message.contains("11"),
            "{message}"
        );
        let (next, _) = status(supervisor.ask(&request(), &mut || true).unwrap().unwrap());
        assert_eq!(next, Status::Unsupported);
    }

    #[test]
    fn a_hang_is_an_answer() {
        let (hung, message) = status(
            supervisor("sleep 60")
                .ask(&request(), &mut || true)
                .unwrap()
                .unwrap(),
        );
        assert_eq!(hung, Status::Hung);
        assert_eq!(message, "no answer within 0.5 s");
    }

    #[test]
    fn a_sign_of_life_is_no_hang_and_a_stop_is_heeded() {
        let script = "read line; while :; do echo '\"Working\"'; sleep 0.1; done";
        let mut supervisor = supervisor(script);
        let start = Instant::now();
        let answer = supervisor.ask(&request(), &mut || start.elapsed() < Duration::from_secs(2));
        assert_eq!(answer.unwrap(), None);
        assert!(start.elapsed() >= Duration::from_secs(2));
        let working = serde_json::to_string(&Answer::Working).unwrap();
        assert_eq!(working, WORKING);
    }

    #[test]
    fn nonsense_is_a_failure() {
        let (failed, message) = status(
            supervisor("read line; echo hello")
                .ask(&request(), &mut || true)
                .unwrap()
                .unwrap(),
        );
        assert_eq!(failed, Status::Failed);
        assert!(message.contains("hello"), "{message}");
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let command = Command::new("/there/is/no/such/program");
        let mut supervisor = Supervisor::new(command, Duration::from_secs(1));
        let error = supervisor
            .ask(&request(), &mut || true)
            .unwrap_err()
            .to_string();
        assert!(error.contains("/there/is/no/such/program"), "{error}");
    }
}
