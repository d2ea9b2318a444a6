//! The streams, the environment, and a machine without an adapter.

use std::process::Stdio;

use crate::sandbox::{Outcome, Sandbox, device_names};

const NO_ADAPTER: &str = "no GPU adapter found; install a Vulkan driver, or a software one: `apt-get install mesa-vulkan-drivers`";

#[test]
fn without_an_adapter_the_cpu_does_the_work_and_says_so() {
    let sandbox = Sandbox::with_x();
    let without = |line: &str| {
        let mut command = sandbox.command();
        // A backend that has no adapters.
        command.env("WGPU_BACKEND", "noop").args(line.split(' '));
        Outcome::from(command.output().unwrap())
    };
    let devices = without("devices --json").expect_json();
    assert_eq!(devices[0]["name"], "cpu");
    assert_eq!(devices[0]["default"], true);
    assert_eq!(devices[1], serde_json::Value::Null);

    for line in [
        "run relu x.npy -o y.npy --json",
        "grad relu x.npy x.npy -o dx.npy --json",
    ] {
        let outcome = without(line);
        assert_eq!(
            outcome.stderr,
            format!(
                "note: {NO_ADAPTER} (only WGPU_BACKEND=noop was looked for); the CPU does the work\n"
            )
        );
        assert_eq!(outcome.expect_json()["device"], "cpu");
    }
    let asked_for = without("run relu x.npy -o z.npy --device cpu");
    assert_eq!(asked_for.stderr, "");
    for line in ["check relu", "check relu --all-devices"] {
        without(line).expect_error(3, &format!("error: {NO_ADAPTER}\n"));
    }
    without("run relu x.npy -o w.npy --device llvmpipe")
        .expect_error(3, "no device matches `llvmpipe`; available: cpu");
}

#[test]
fn wgpu_adapter_name_is_heeded_and_flags_win() {
    let sandbox = Sandbox::with_x();
    let device = |variable: &str, flags: &str| {
        let mut command = sandbox.command();
        command.env("WGPU_ADAPTER_NAME", variable);
        command.args("run relu x.npy -o y.npy --force --json".split(' '));
        command.args(flags.split_whitespace());
        Outcome::from(command.output().unwrap())
    };
    let names = device_names();
    for name in &names {
        assert_eq!(device(name, "").expect_json()["device"], **name);
        assert_eq!(
            device("h2o", &format!("--device {name}")).expect_json()["device"],
            **name
        );
    }
    assert_eq!(device("CPU", "").expect_json()["device"], "cpu");
    device("h2o", "").expect_error(3, "no device matches `h2o`");
    // Empty is as good as not set.
    device("", "").expect_success();
}

#[test]
fn the_log_goes_to_stderr_in_colours_unless_no_color() {
    let sandbox = Sandbox::new();
    let logged = |no_color: bool| {
        let mut command = sandbox.command();
        command
            .args(["devices", "--json"])
            .env("RUST_LOG", "trace")
            .env("CLICOLOR_FORCE", "1");
        if no_color {
            command.env("NO_COLOR", "1");
        }
        let outcome = Outcome::from(command.output().unwrap());
        assert_eq!(outcome.status, Some(0));
        let listed: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert!(listed.is_array());
        assert!(outcome.stderr.contains("wgpu"), "{}", outcome.stderr);
        outcome.stderr.contains('\u{1b}')
    };
    assert!(logged(false));
    assert!(!logged(true));
}

#[test]
fn a_reader_that_has_left_is_no_failure() {
    let sandbox = Sandbox::with_x();
    for line in [
        "ops",
        "ops --json",
        "devices",
        "run relu x.npy -o y.npy --device cpu",
        "--help",
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = sandbox.command();
        command.args(line.split(' ')).stdout(writer);
        let outcome = Outcome::from(command.stderr(Stdio::piped()).output().unwrap());
        assert_eq!(outcome.stderr, "", "{line}");
        assert_eq!(outcome.status, Some(0), "{line}");
    }
    assert_eq!(sandbox.read("y.npy").shape, [3, 4]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_stdout_is_a_failure() {
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut command = Sandbox::new().command();
    command.arg("ops").stdout(full).current_dir("/");
    let outcome = Outcome::from(command.output().unwrap());
    outcome.expect_error(
        1,
        "error: stdout: cannot be written: No space left on device",
    );
}
