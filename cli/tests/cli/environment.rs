//! The streams, the environment, and a machine without an adapter.

use std::process::Stdio;

use serde_json::Value;

use crate::sandbox::{Outcome, Sandbox, device_names};

#[test]
fn without_an_adapter_the_cpu_does_the_work() {
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
    assert_eq!(devices[1], Value::Null);

    // Whoever asks for backends is told that they have nothing.
    let note = "note: WGPU_BACKEND=noop has no adapter; the CPU does the work";
    let bench = "bench --op relu --size 64KiB --samples 2 --min-time 0.1ms --json";
    for (line, note, device, rows) in [
        ("run relu x.npy -o y.npy --json", note, "/device", None),
        (
            "grad relu x.npy x.npy -o dx.npy --json",
            note,
            "/device",
            None,
        ),
        (
            "run relu x.npy -o z.npy --json --device cpu",
            "",
            "/device",
            None,
        ),
        ("check relu --json", note, "/0/device", Some(6)),
        ("check relu --json --all-devices", "", "/5/device", Some(6)),
        (bench, note, "/devices/0/name", None),
        (
            &format!("{bench} --all-devices"),
            "",
            "/devices/0/name",
            None,
        ),
    ] {
        let said: Value = serde_json::from_str(&without(line).expect_note(note)).unwrap();
        assert_eq!(said.pointer(device), Some(&"cpu".into()), "{line}");
        if rows.is_some() {
            assert_eq!(said.as_array().map(Vec::len), rows, "{line}");
        }
    }
    let untuned = "note: cpu has no kernels whose shapes could be tuned";
    without("tune").expect_note(&format!("{note}\n{untuned}"));
    let looked_for = "(only WGPU_BACKEND=noop was looked for)";
    for line in ["run relu x.npy -o w.npy", "check relu", "bench", "tune"] {
        let outcome = without(&format!("{line} --device llvmpipe"));
        let text = format!("no device matches `llvmpipe`; available: cpu {looked_for}");
        outcome.expect_error(3, &text);
    }
}

#[test]
fn a_backend_that_there_is_not_is_named() {
    let sandbox = Sandbox::with_x();
    for value in ["vulkn", "vulkan,glx", "vulkan,"] {
        for line in [
            "devices",
            "run relu x.npy -o y.npy",
            "grad relu x.npy x.npy -o y.npy",
            "check relu",
            "check relu --all-devices",
            "bench",
            "tune",
            "ops --properties",
            "run relu x.npy -o y.npy --device cpu",
            "grad relu x.npy x.npy -o y.npy --device cpu",
            "check relu --device cpu",
            "ops",
            "plot relu -o relu.svg",
            "compare before.json after.json",
            "report run.json -o report.html",
        ] {
            let mut command = sandbox.command();
            command.env("WGPU_BACKEND", value).args(line.split(' '));
            let text = format!("WGPU_BACKEND={value}: there is no backend ");
            sandbox.refuses_command(&mut command, 2, &text);
        }
    }
}

/// A software adapter is slower than the CPU: it is taken where it is named, or where its backend is.
#[test]
fn a_software_adapter_is_taken_where_it_is_named() {
    let devices = crate::sandbox::devices();
    let are_software = devices
        .iter()
        .all(|device| ["software", "cpu"].contains(&device["type"].as_str().unwrap()));
    let Some(vulkan) = devices.iter().find(|device| device["backend"] == "vulkan") else {
        return;
    };
    if !are_software {
        return;
    }
    let sandbox = Sandbox::with_x();
    let run = |variable: &str, value: &str, flags: &str| {
        let mut command = sandbox.command();
        command.args("run relu x.npy -o y.npy --force --json".split(' '));
        command.args(flags.split_whitespace()).env(variable, value);
        let outcome = Outcome::from(command.output().unwrap());
        assert_eq!(outcome.stderr, "");
        outcome.expect_json()["device"].clone()
    };
    let name = vulkan["name"].as_str().unwrap();
    assert_eq!(run("WGPU_BACKEND", "", ""), "cpu");
    assert_eq!(run("WGPU_BACKEND", "vulkan", ""), name);
    assert_eq!(run("WGPU_ADAPTER_NAME", name, ""), name);
    assert_eq!(run("WGPU_BACKEND", "", &format!("--device {name}")), name);
}

/// GL brings its driver's LLVM into the process, so it is opened only where it is asked for, or there is no other.
#[cfg(target_os = "linux")]
#[test]
fn gl_is_looked_at_where_it_is_asked_for() {
    let devices = crate::sandbox::devices();
    let of = |backend: &str| devices.iter().find(|device| device["backend"] == backend);
    let (Some(_), Some(gl)) = (of("vulkan"), of("gl")) else {
        return;
    };
    let sandbox = Sandbox::with_x();
    let run = |(variable, value): (&str, &str), device: &str| {
        let mut command = sandbox.command();
        command.args("run relu x.npy -o y.npy --force --json".split(' '));
        command.args(device.split_whitespace());
        command
            .env("RUST_LOG", "wgpu_hal=debug")
            .env(variable, value);
        let outcome = Outcome::from(command.output().unwrap());
        assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
        let summary: Value = serde_json::from_str(&outcome.stdout).unwrap();
        (
            summary["device"] == gl["name"],
            outcome.stderr.to_lowercase().contains("egl"),
        )
    };
    let nothing = ("NO_SUCH_VARIABLE", "");
    assert_eq!(run(nothing, ""), (false, false));
    let name = gl["name"].as_str().unwrap();
    for (variable, device) in [
        (nothing, &*format!("--device {name}")),
        (nothing, "--device gl"),
        (("WGPU_ADAPTER_NAME", name), ""),
        (("WGPU_BACKEND", "gl"), ""),
    ] {
        assert_eq!(run(variable, device), (true, true), "{variable:?} {device}");
    }
}

/// The star of `devices` marks what `run` takes.
#[test]
fn the_default_device_is_what_runs() {
    let sandbox = Sandbox::with_x();
    let with = |value: &str, line: &str| {
        let mut command = sandbox.command();
        command
            .env("WGPU_ADAPTER_NAME", value)
            .args(line.split(' '));
        Outcome::from(command.output().unwrap())
    };
    let devices = crate::sandbox::devices();
    let mut names = vec!["", "0"];
    for device in &devices {
        let name = device["name"].as_str().unwrap();
        // Without its backend, as a card is called through all of them.
        names.extend([name, name.rsplit_once('-').map_or(name, |(card, _)| card)]);
    }
    for name in names {
        let listed = with(name, "devices --json");
        let listed = listed.expect_json();
        let is_default = |device: &&Value| device["default"] == true;
        let defaults: Vec<_> = listed
            .as_array()
            .unwrap()
            .iter()
            .filter(is_default)
            .collect();
        assert_eq!(defaults.len(), 1, "{name:?}");
        let ran = with(name, "run relu x.npy -o y.npy --force --json").expect_json();
        assert_eq!(ran["device"], defaults[0]["name"], "{name:?}");
    }
    let unknown = with("h2o", "devices --json");
    assert!(
        unknown.stderr.contains("no device matches `h2o`"),
        "{}",
        unknown.stderr
    );
    assert!(
        !unknown.stdout.contains("\"default\": true"),
        "{}",
        unknown.stdout
    );
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
        let listed: Value = serde_json::from_str(&outcome.stdout).unwrap();
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
