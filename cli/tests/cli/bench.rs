//! `activations bench` and `activations compare`

use std::{fs, process::Stdio, time::Duration};

use serde_json::Value;
use wgpu_activations::family::families;

use crate::sandbox::{Outcome, Sandbox, device_names};

/// What keeps a test short.
const SHORT: &str = "--size 64KiB --samples 2 --min-time 0.1ms";

fn gpus() -> Vec<String> {
    let mut names = device_names();
    names.pop();
    names
}

fn load(sandbox: &Sandbox, name: &str) -> Value {
    serde_json::from_slice(&fs::read(sandbox.path(name)).unwrap()).unwrap()
}

#[test]
fn every_operation_is_measured_on_every_device() {
    let sandbox = Sandbox::new();
    let line = format!("bench --all-devices {SHORT} -o run.json");
    let table = sandbox.run(&line).expect_success();
    for line in table.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    let run = load(&sandbox, "run.json");
    assert_eq!(run["complete"], true);
    let rows = run["rows"].as_array().unwrap();
    for device in device_names() {
        assert!(table.contains(&device), "{table}");
        let of = |kind: &str| {
            let rows = rows.iter();
            rows.filter(|row| row["device"] == *device && row["kind"] == kind)
                .count()
        };
        // Families both ways, moments one way and on GPUs alone.
        let measured = families().filter(|family| family.benchmark().is_some());
        let (moments, launches) = if device == "cpu" { (0, 1) } else { (1, 2) };
        assert_eq!(of("kernel"), 2 * measured.count() + moments);
        assert_eq!(
            (of("baseline"), of("offload"), of("launch")),
            (4, 1, launches)
        );
    }
    for row in rows {
        assert_eq!(row["status"], "ok", "{row}");
        let measurement = &row["measurement"];
        let rounds = measurement["rounds_ns"].as_array().unwrap();
        let samples = rounds.iter().map(|round| round.as_array().unwrap().len());
        assert_eq!(samples.sum::<usize>(), 2);
        assert!(
            measurement["summary"]["median_ns"].as_f64().unwrap() > 0.0,
            "{row}"
        );
        if row["kind"] == "kernel" {
            assert!(
                row["accuracy"]["worst_of_allowed"].as_f64().unwrap() <= 1.0,
                "{row}"
            );
            assert!(row["accuracy"]["compared"].as_u64().unwrap() > 0, "{row}");
            let beside = measurement["baseline"]["rounds_ns"].as_array().unwrap();
            assert_eq!(beside.len(), rounds.len());
            assert!(measurement["summary"]["fraction"].as_f64().unwrap() > 0.0);
        }
    }
}

#[test]
fn every_type_and_both_maths_and_a_sweep_are_measured() {
    let gpus = gpus();
    let Some(gpu) = gpus.first() else {
        return;
    };
    let line = format!(
        "bench --op silu --op dice,moments --dtype f16,bf16 --math accurate,native --device {gpu} \
         --size 64KiB..1MiB --pass forward --samples 2 --min-time 0.1ms --json"
    );
    let run = Sandbox::new().run(&line).expect_json();
    let rows = run["rows"].as_array().unwrap();
    let kernels = rows.iter().filter(|row| row["kind"] == "kernel");
    // Moments take no elementary function.
    assert_eq!(kernels.count(), 2 * 3 * (2 + 2 + 1));
    assert!(rows.iter().all(|row| row["status"] == "ok"), "{rows:?}");
    let sizes: Vec<_> = rows
        .iter()
        .map(|row| row["input_bytes"].as_u64().unwrap())
        .collect();
    for size in [64 << 10, 256 << 10, 1 << 20] {
        assert!(sizes.contains(&size), "{sizes:?}");
    }
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let sandbox = Sandbox::new();
    for (line, status, text) in [
        ("bench --op gleu", 2, "did you mean `gelu`"),
        (
            "bench --op elu(alpha=2)",
            2,
            "default parameters: write elu",
        ),
        ("bench --size 100", 2, "multiples of 64KiB"),
        ("bench --size big", 2, "such as 64MiB"),
        (
            "bench --size 1MiB..64KiB",
            2,
            "from a smaller size to a larger one",
        ),
        (
            "bench --device cpu --math native",
            2,
            "cpu has the crate's own math alone",
        ),
        ("bench --device there-is-none", 3, "there-is-none"),
        ("bench --op relu -o nowhere/run.json", 1, "nowhere"),
        ("bench --op relu -o -", 2, "--json prints one on stdout"),
    ] {
        sandbox.refuses(status, line, text);
    }
    fs::write(sandbox.path("run.json"), "mine").unwrap();
    sandbox.refuses(1, "bench --op relu -o run.json", "--force");
}

/// `report` and `compare` show the CPU's rows as they show any, and `tune` leaves it alone.
#[test]
fn the_cpu_is_measured_and_shown_and_not_tuned() {
    let sandbox = Sandbox::new();
    for name in ["before", "after"] {
        let line = format!("bench --op gelu,swiglu {SHORT} --device cpu -o {name}.json");
        sandbox.run(&line).expect_success();
    }
    let run = load(&sandbox, "before.json");
    let device = &run["devices"][0];
    assert_eq!(
        (&device["name"], &device["type"]),
        (&"cpu".into(), &"cpu".into())
    );
    let rows = run["rows"].as_array().unwrap();
    let swiglu = rows.iter().filter(|row| row["op"] == "swiglu");
    for row in swiglu.clone() {
        assert_eq!(row["measurement"]["clock"], "host");
        assert_ne!(row["measurement"]["baseline"]["name"], Value::Null);
    }
    assert_eq!(swiglu.count(), 2);
    let compared = sandbox
        .run("compare before.json after.json")
        .expect_success();
    assert!(compared.contains("swiglu"), "{compared}");
    sandbox
        .run("report before.json -o report.md")
        .expect_note("8 rows written to report.md");
    let report = fs::read_to_string(sandbox.path("report.md")).unwrap();
    assert!(
        report.contains("SwiGLU") && report.contains("cpu"),
        "{report}"
    );

    let note = "note: cpu has no kernels whose shapes could be tuned";
    sandbox.run("tune --device cpu").expect_note(note);
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_keeps_what_was_measured() {
    let sandbox = Sandbox::new();
    let child = sandbox
        .interruptible()
        .args("bench --samples 1000 --op relu -o run.json --size 64KiB".split(' '))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A round of one row is many samples: the first rows are there before the interrupt.
    let kept = sandbox.path("run.json");
    for _ in 0..600 {
        if kept.exists() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let kill = format!("kill -INT {}", child.id());
    sandbox.prepare("sh").args(["-c", &kill]).output().unwrap();
    let outcome = Outcome::from(child.wait_with_output().unwrap());
    outcome.expect_error(130, "interrupted; run.json has what was measured before");
    let run = load(&sandbox, "run.json");
    assert_eq!(run["complete"], false);
    let measured = run["rows"].as_array().unwrap().iter();
    assert!(
        measured
            .filter(|row| row["measurement"].is_object())
            .count()
            > 0
    );
}

/// The document's file, its four samples taken three times, each sample `factor` times what it was.
fn example(factor: f64) -> String {
    let mut run: Value = serde_json::from_str(&documented()).unwrap();
    let measurement = &mut run["rows"][0]["measurement"];
    for factor in [("/rounds_ns", factor), ("/baseline/rounds_ns", 1.0)] {
        let rounds = measurement.pointer_mut(factor.0).unwrap();
        for round in rounds.as_array_mut().unwrap() {
            let samples = round.as_array().unwrap().iter();
            let samples = samples.map(|sample| sample.as_f64().unwrap() * factor.1);
            *round = samples.collect::<Vec<_>>().repeat(3).into();
        }
    }
    run.to_string()
}

fn documented() -> String {
    let document = include_str!("../../../docs/results.md");
    let (_, rest) = document.split_once("```json\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

#[test]
fn a_baseline_that_has_changed_itself_is_told() {
    let sandbox = Sandbox::new();
    for (name, factor) in [("before", 1.0), ("after", 0.1)] {
        let mut run: Value = serde_json::from_str(&example(factor)).unwrap();
        let mut copy = run["rows"][0].clone();
        (copy["kind"], copy["op"], copy["math"]) = ("baseline".into(), "copy".into(), Value::Null);
        copy["measurement"]["baseline"] = Value::Null;
        copy["measurement"]["summary"]["fraction"] = Value::Null;
        run["rows"].as_array_mut().unwrap().push(copy);
        fs::write(sandbox.path(format!("{name}.json")), run.to_string()).unwrap();
    }
    let told = "not the same themselves: copy. ";
    let changed = sandbox.run("compare before.json after.json");
    let changed = changed.expect_success();
    assert!(changed.contains(told), "{changed}");
    let same = sandbox.run("compare before.json before.json");
    assert!(!same.expect_success().contains("themselves"));
    let by_time = sandbox.run("compare before.json after.json --by time");
    assert!(!by_time.expect_success().contains("themselves"));
}

#[test]
fn what_is_slower_is_told_and_noise_is_not() {
    let sandbox = Sandbox::new();
    for (name, factor) in [
        ("before", 1.0),
        ("after", 1.0),
        ("slower", 1.2),
        ("faster", 0.5),
        ("tenfold", 10.0),
    ] {
        fs::write(sandbox.path(format!("{name}.json")), example(factor)).unwrap();
    }
    // Four samples are too few, whatever they say.
    fs::write(sandbox.path("few.json"), documented()).unwrap();
    let few = sandbox.run("compare few.json slower.json --fail-above 10%");
    assert_eq!(few.status, Some(5));
    assert!(few.stdout.contains("too few samples"), "{}", few.stdout);
    let told = "error: too few samples to tell of 1 row; measure with --samples 6 or more\n";
    assert!(few.stderr.ends_with(told), "{}", few.stderr);
    sandbox.run("compare few.json slower.json").expect_success();
    let doubtful = sandbox.run("compare before.json slower.json --fail-above 10");
    assert_eq!(doubtful.status, Some(2));
    assert!(
        doubtful
            .stderr
            .contains("10 is 1000%; write 10% if that is meant")
    );
    let same = sandbox.run("compare before.json after.json --fail-above 10%");
    let same = same.expect_success();
    assert!(same.contains("1.00 [1.00 1.00]"), "{same}");
    assert!(same.contains("0 slower, 0 faster, 1 the same"), "{same}");
    let slower = sandbox.run("compare before.json slower.json --fail-above 10%");
    assert_eq!(slower.status, Some(5));
    assert!(
        slower.stdout.contains("1.20 [1.20 1.20]  slower"),
        "{}",
        slower.stdout
    );
    let told = "error: relu forward 2MiB accurate: 1.20 times as long beside its baseline\n";
    assert!(slower.stderr.ends_with(told), "{}", slower.stderr);
    let by_time = sandbox.run("compare before.json tenfold.json --fail-above 10% --by time");
    let told = "error: relu forward 2MiB accurate: takes 10.00 times as long\n";
    assert!(by_time.stderr.ends_with(told), "{}", by_time.stderr);
    sandbox
        .run("compare before.json slower.json --fail-above 30%")
        .expect_success();
    let three = sandbox.run("compare before.json slower.json faster.json --format json");
    let three = three.expect_json();
    let verdicts: Vec<_> = three
        .as_array()
        .unwrap()
        .iter()
        .filter(|line| line["op"] == "relu")
        .map(|line| line["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts, ["slower", "faster"]);
    let csv = sandbox.run("compare before.json faster.json --format csv");
    let csv = csv.expect_success();
    assert!(
        csv.lines()
            .nth(1)
            .unwrap()
            .starts_with("relu,forward,f32,2097152,"),
        "{csv}"
    );
    let markdown = sandbox.run("compare before.json faster.json --format markdown");
    assert!(markdown.expect_success().starts_with("| OP "));
}

#[test]
fn a_row_that_is_lost_or_has_no_time_fails_the_comparison() {
    let sandbox = Sandbox::new();
    let write = |name: &str, change: fn(&mut Vec<Value>)| {
        let mut run: Value = serde_json::from_str(&example(1.0)).unwrap();
        let rows = run["rows"].as_array_mut().unwrap();
        let mut native = rows[0].clone();
        native["math"] = "native".into();
        rows.push(native);
        change(rows);
        fs::write(sandbox.path(name), run.to_string()).unwrap();
    };
    write("before.json", |_| {});
    write("lost.json", |rows| {
        rows.pop();
    });
    write("unmeasured.json", |rows| {
        rows[0]["measurement"] = Value::Null;
    });
    let compare = |files: &str| sandbox.run(&format!("compare {files} --fail-above 10%"));
    let fails = |files: &str, told: &str| {
        let outcome = compare(files);
        assert_eq!(outcome.status, Some(5), "{files}");
        assert!(outcome.stderr.ends_with(told), "{}", outcome.stderr);
    };
    compare("before.json before.json").expect_success();
    for files in ["before.json lost.json", "before.json lost.json before.json"] {
        fails(files, "error: not in every file: 1 row\n");
    }
    let told = "error: relu forward 2MiB accurate: no measurement\n";
    fails("before.json unmeasured.json", told);
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("run.json"), example(1.0)).unwrap();
    let other = example(1.0)
        .replace("\"relu\"", "\"elu\"")
        .replace("\"gelu\"", "\"selu\"");
    fs::write(sandbox.path("other.json"), other).unwrap();
    fs::write(sandbox.path("text.json"), "not a result").unwrap();
    let old = example(1.0).replace("bench/1", "bench/0");
    fs::write(sandbox.path("old.json"), old).unwrap();
    sandbox.refuses(2, "compare run.json other.json", "nothing to compare");
    sandbox.refuses(1, "compare run.json text.json", "text.json");
    sandbox.refuses(1, "compare run.json old.json", "wgpu-activations/bench/0");
    sandbox.refuses(1, "compare run.json nothing.json", "nothing.json");
    sandbox.refuses(1, "compare run.json .", "directory");
}

/// Names of a result file come from anywhere: on a terminal they must not move the cursor, nor be markup.
#[test]
fn names_of_result_files_stay_text() {
    let sandbox = Sandbox::new();
    let hostile = "ge|lu*\u{1b}[31m\r\n\u{9b}2J\u{7f}\u{202e}<b>";
    for (name, factor) in [("before", 1.0), ("after", 2.0)] {
        let mut run: Value = serde_json::from_str(&example(factor)).unwrap();
        for (key, value) in [("op", hostile), ("pass", hostile), ("dtype", hostile)] {
            run["rows"][0][key] = value.into();
        }
        run["rows"][0]["math"] = format!("{name}{hostile}").into();
        run["host"]["cpu"] = format!("{name}{hostile}").into();
        fs::write(sandbox.path(format!("{name}.json")), run.to_string()).unwrap();
    }
    for format in ["table", "markdown", "csv", "json"] {
        let line = format!("compare before.json after.json --format {format}");
        let told = sandbox.run(&line);
        assert_eq!(told.status, Some(0), "{}", told.stderr);
        for text in [&told.stdout, &told.stderr] {
            let moves = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
            assert!(!text.contains(moves), "{format}: {text:?}");
        }
        match format {
            "json" => {
                let lines: Value = serde_json::from_str(&told.stdout).unwrap();
                assert_eq!(lines[0]["op"], hostile);
            }
            "markdown" => {
                let cells = |line: &str| line.replace("\\|", "").matches('|').count();
                let counts: Vec<_> = told.stdout.lines().map(cells).collect();
                assert!(
                    counts.iter().all(|count| *count == counts[0]),
                    "{}",
                    told.stdout
                );
                assert!(told.stdout.contains("ge\\|lu\\*"), "{}", told.stdout);
                assert!(!told.stdout.contains("<b>"), "{}", told.stdout);
            }
            _ => {}
        }
    }
}

#[test]
fn another_machine_or_version_is_told() {
    let sandbox = Sandbox::new();
    let before = example(1.0);
    fs::write(sandbox.path("before.json"), &before).unwrap();
    for (place, what) in [
        ("/program/version", "program: wgpu-activations "),
        ("/program/commit", "program: wgpu-activations "),
        ("/host/os", "system: "),
        ("/host/kernel", "kernel: "),
        ("/host/arch", "architecture: "),
        ("/host/cpu", "CPU: "),
        ("/devices/0/driver", "driver of llvmpipe-vulkan: "),
        ("/devices/0/adapter", "adapter of llvmpipe-vulkan: "),
        ("/devices/0/backend", "backend of llvmpipe-vulkan: "),
        (
            "/devices/0/pci_bus_id",
            "PCI bus id of llvmpipe-vulkan: none, then other",
        ),
    ] {
        let mut run: Value = serde_json::from_str(&before).unwrap();
        *run.pointer_mut(place).unwrap() = "other".into();
        fs::write(sandbox.path("after.json"), run.to_string()).unwrap();
        let told = sandbox.run("compare before.json after.json").stderr;
        let start = format!("note: after.json: {what}");
        assert!(told.starts_with(&start), "{place}: {told}");
        assert!(
            told.ends_with("then other\n") || place.contains("program"),
            "{told}"
        );
        assert_eq!(told.lines().count(), 1, "{told}");
    }
    sandbox
        .run("compare before.json before.json")
        .expect_success();
}
