//! `activations tune`, and what uses it.

use std::fs;

use serde_json::{Value, json};

use crate::sandbox::{Outcome, Sandbox, devices, words};

/// Runs the command with a cache of its own.
fn run(sandbox: &Sandbox, line: &str) -> Outcome {
    let mut command = sandbox.command();
    // Whatever the system, the folder for caches is in here.
    command.env("HOME", sandbox.path("home"));
    command.env("XDG_CACHE_HOME", sandbox.path("cache"));
    command.args(words(line)).output().unwrap().into()
}

#[test]
fn what_is_found_is_kept_and_used_and_forgotten() {
    let devices = devices();
    let [gpu, .., _cpu] = &devices[..] else {
        return;
    };
    let name = gpu["name"].as_str().unwrap();
    let sandbox = Sandbox::with_x();
    let found = run(&sandbox, &format!("tune --device {name} --json")).expect_json();
    let knobs = found[0]["knobs"].as_array().unwrap();
    assert_eq!(knobs.len(), 9);
    for knob in knobs {
        let tried = knob["tried"].as_array().unwrap();
        let chosen = tried
            .iter()
            .find(|tried| tried[0] == knob["chosen"])
            .unwrap();
        // Better than before, or it.
        let better = chosen[1].as_f64().unwrap() <= 0.97;
        assert!(better || knob["chosen"] == knob["before"], "{knob}");
    }
    // On Linux the folder is known.
    let kept = sandbox.path("cache/wgpu-activations/tuning.json");
    if !cfg!(target_os = "linux") {
        return;
    }
    assert!(kept.exists());
    let key = format!(
        "{name} | {} | {}",
        gpu["driver"].as_str().unwrap(),
        env!("CARGO_PKG_VERSION")
    );
    let odd = json!({"pointwise_threads": 64, "word_bits": 32, "lanes": 1, "column_rows": 8, "reduction_rows": 7, "reduction_vectors": 1,
                     "reduction_threads": 1, "softmax_vectors": 8, "maxout_groups": 4});
    fs::write(&kept, json!({&*key: &odd}).to_string()).unwrap();
    let bench = format!(
        "bench --device {name} --op relu,softmax,moments --pass forward --size 64KiB --samples 2 \
         --min-time 0.1ms --json"
    );
    let tuning = |line: &str| {
        let run: Value = run(&sandbox, line).expect_json();
        let rows = run["rows"].as_array().unwrap();
        assert!(rows.iter().all(|row| row["status"] == "ok"), "{rows:?}");
        run["devices"][0]["tuning"].clone()
    };
    assert_eq!(tuning(&bench), odd);
    assert_eq!(tuning(&format!("{bench} --untuned")), Value::Null);
    let line = format!("run softmax x.npy -o y.npy --device {name} --verify full");
    run(&sandbox, &line).expect_success();
    let forgotten = run(&sandbox, &format!("tune --device {name} --forget"));
    let path = kept.display();
    let told = format!("{name} has the default shapes again; {path} keeps none for it");
    assert_eq!(forgotten.expect_note(&told), "");
    assert_eq!(tuning(&bench), Value::Null);
    // A file that is no such thing does no harm.
    fs::write(&kept, "{").unwrap();
    assert_eq!(tuning(&bench), Value::Null);
}
