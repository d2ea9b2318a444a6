//! `activations devices`, `activations ops` and what `--help` teaches.

use std::collections::HashSet;

use wgpu_activations::{family::families, io::Number};

use crate::sandbox::{Sandbox, device_names, devices};
use crate::{several::save_npz, stream::safetensors};

#[test]
fn each_device_is_listed_under_the_name_that_opens_it() {
    let names = device_names();
    assert_eq!(names, device_names(), "the same from run to run");
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
    assert_eq!(names.last().unwrap(), "cpu");
    if std::env::var("REQUIRE_GPU").is_ok_and(|value| value == "1") {
        assert!(names.len() > 1, "no adapter found");
    }
    let sandbox = Sandbox::with_x();
    for name in &names {
        let part = name[1..].to_uppercase();
        let is_part = |other: &&String| other.to_uppercase().contains(&part);
        let unique = name != "cpu" && names.iter().filter(is_part).count() == 1;
        for wanted in [Some(name), unique.then_some(&part)].into_iter().flatten() {
            let line = format!("run relu x.npy -o y.npy --force --json --device {wanted}");
            assert_eq!(sandbox.run(&line).expect_json()["device"], **name);
        }
    }
}

#[test]
fn devices_are_described() {
    let devices = devices();
    assert_eq!(
        devices
            .iter()
            .filter(|device| device["default"] == true)
            .count(),
        1
    );
    let table = Sandbox::new().run("devices").expect_success();
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[0].starts_with("NAME"), "{table}");
    for (device, line) in devices.iter().zip(&lines[1..]) {
        let text = |key: &str| device[key].as_str().unwrap().to_owned();
        let name = text("name");
        assert_eq!(line.split_whitespace().next(), Some(&*name));
        assert_eq!(line.contains(" * "), device["default"] == true, "{line}");
        for key in ["backend", "type", "driver"] {
            assert!(line.contains(&text(key)), "{line} lacks {key}");
        }
        assert!(device["features"].is_array());
        if name != "cpu" {
            for limit in [
                "max_buffer_bytes",
                "max_binding_bytes",
                "max_workgroup_threads",
            ] {
                assert!(
                    device["limits"][limit].as_u64().unwrap() > 0,
                    "{name} {limit}"
                );
            }
        }
    }
}

#[test]
fn a_device_that_is_not_there_has_an_exit_status_of_its_own() {
    let sandbox = Sandbox::with_x();
    let known = device_names().join(", ");
    let text = format!("error: no device matches `h2o`; available: {known}\n");
    sandbox.refuses(3, "run relu x.npy -o y.npy --device h2o", &text);
    sandbox.refuses(3, "grad relu x.npy x.npy -o y.npy --device h2o", &text);
    sandbox.refuses(3, "check relu --device h2o", &text);
}

#[test]
fn ops_lists_and_describes_every_activation() {
    let sandbox = Sandbox::new();
    let table = sandbox.run("ops").expect_success();
    let listed: Vec<_> = table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    let names: Vec<_> = families().map(|family| family.entry().name).collect();
    assert_eq!(listed, names);
    let all = sandbox.run("ops --json").expect_json();
    let all = all.as_array().unwrap();
    assert_eq!(all.len(), names.len());
    for (family, json) in families().zip(all) {
        let entry = family.entry();
        let kind = match family.activation() {
            Some(_) => "pointwise",
            None => "family",
        };
        let page = page_of(&sandbox, entry.name, kind, json);
        let mut parts = vec![entry.formula, entry.slope_formula, entry.paper.unwrap().url];
        for parameter in entry.parameters.iter() {
            parts.extend([parameter.name, parameter.rule, parameter.description]);
        }
        parts.extend(entry.special_values.iter().flat_map(|&(x, y)| [x, y]));
        parts.extend(entry.notes);
        let definition = family
            .activation()
            .map(|activation| activation.definition());
        let own = definition.map_or(&[][..], |definition| definition.parameters);
        parts.extend(own.iter().map(|own| own.slope_formula));
        for part in parts {
            assert!(page.contains(part), "{page}\nlacks {part}");
        }
        for alias in entry.aliases {
            assert_eq!(sandbox.run(&format!("ops {alias}")).expect_success(), page);
        }
    }
}

/// The page of the activation called `name`, whose JSON must be `entry`, with the keys that every
/// entry has.
fn page_of(sandbox: &Sandbox, name: &str, kind: &str, entry: &serde_json::Value) -> String {
    assert_eq!(entry["name"], name);
    assert_eq!(entry["kind"], kind);
    for key in ["title", "formula", "slope"] {
        assert!(entry[key].is_string(), "{name}: {key}");
    }
    for key in ["aliases", "parameters", "special_values"] {
        assert!(entry[key].is_array(), "{name}: {key}");
    }
    assert!(entry["paper"]["url"].is_string(), "{name}: paper");
    let line = format!("ops {name}");
    assert_eq!(sandbox.run(&format!("{line} --json")).expect_json(), *entry);
    sandbox.run(&line).expect_success()
}

#[test]
fn defaults_are_numbers_choices_or_null() {
    let sandbox = Sandbox::new();
    let parameter = |name: &str, parameter: &str| {
        let entry = sandbox.run(&format!("ops {name} --json")).expect_json();
        let parameters = entry["parameters"].as_array().unwrap().iter();
        let found = parameters.clone().find(|found| found["name"] == parameter);
        found.unwrap()["default"].clone()
    };
    assert_eq!(parameter("prelu", "alpha"), 0.25);
    assert_eq!(parameter("Dice", "momentum"), 0.1);
    assert_eq!(parameter("softmax", "masked"), "nan");
    assert_eq!(parameter("maxout", "layout"), "adjacent");
    assert!(parameter("alpha_dropout", "p").is_null());
}

#[test]
fn ops_suggests_names_from_both_lists() {
    let sandbox = Sandbox::new();
    let names: Vec<_> = families().map(|family| family.entry().name).collect();
    let known = format!("known: {}\n", names.join(", "));
    for (name, nearest) in [
        ("sofmax", ", did you mean `softmax`?"),
        ("sofplus", ", did you mean `softplus`?"),
        ("zzzzzzzz", ""),
    ] {
        let text = format!("error: unknown activation `{name}`{nearest}; {known}");
        sandbox.refuses(2, &format!("ops {name}"), &text);
    }
}

#[test]
fn help_names_every_flag_and_fits() {
    let sandbox = Sandbox::new();
    let shared = "--output --param --axis --mode --device --math --verify --force --json Examples:";
    for (command, words) in [
        (
            "",
            "devices ops run grad check Examples: WGPU_BACKEND Exit status:".to_owned(),
        ),
        ("devices", "--json".to_owned()),
        ("ops", "--json".to_owned()),
        ("run", shared.to_owned()),
        ("grad", format!("{shared} --out UPSTREAM")),
        (
            "check",
            "--device --all-devices --math --exhaustive --json".to_owned(),
        ),
        ("bench", "--min-time --size --samples".to_owned()),
        ("compare", "--fail-above --by".to_owned()),
        ("plot", "--param --range Examples:".to_owned()),
        ("report", "--op --math Examples:".to_owned()),
        ("tune", "--forget --json".to_owned()),
    ] {
        let help = sandbox.run(&format!("{command} --help")).expect_success();
        for word in words.split(' ') {
            assert!(help.contains(word), "{command} --help lacks {word}");
        }
        for line in help.lines() {
            assert!(line.chars().count() <= 100, "{command} --help: {line}");
        }
    }
}

/// A result file without rows.
const EMPTY_RUN: &str = r#"{
    "schema": "wgpu-activations/bench/1",
    "program": {"name": "wgpu-activations", "version": "0.1.0", "commit": null},
    "started": "2026-11-25T12:00:00Z",
    "complete": true,
    "host": {"os": "an OS", "kernel": "6", "arch": "x86_64", "cpu": "a CPU", "cores": 2, "memory_bytes": 1},
    "settings": {"preset": "quick", "samples": 30, "rounds": 5, "min_time_ms": 5, "working_set_bytes": 1},
    "devices": [],
    "rows": []
}"#;

#[test]
fn examples_in_the_help_run() {
    let sandbox = Sandbox::with_x();
    let four = crate::sandbox::array(&[4], vec![0.5; 4]);
    for name in ["slopes.npy", "betas.npy"] {
        sandbox.save(name, &four);
    }
    sandbox.save("dmax.npy", &crate::sandbox::array(&[3, 2], vec![0.5; 6]));
    for name in ["dy.npy", "gate.npy", "up.npy"] {
        std::fs::copy(sandbox.path("x.npy"), sandbox.path(name)).unwrap();
    }
    sandbox.save("both.npy", &four);
    sandbox.save("big.npy", &crate::sandbox::array(&[5000], vec![0.5; 5000]));
    for (name, tensor) in [
        ("model", "a.gate.weight"),
        ("x", "layer.0"),
        ("dy", "layer.0"),
    ] {
        let file = safetensors(&[(tensor, "F32", &[2], vec![0; 8])]);
        std::fs::write(sandbox.path(format!("{name}.safetensors")), file).unwrap();
    }
    let index = r#"{"weight_map": {"a.gate.weight": "model.safetensors"}}"#;
    std::fs::write(sandbox.path("model.safetensors.index.json"), index).unwrap();
    let vector = |name| (name, Number::F32, &[0.5, 1.5][..]);
    save_npz(&sandbox.path("arrays.npz"), &[vector("a"), vector("b1")]);
    save_npz(&sandbox.path("all.npz"), &[vector("x"), vector("dy")]);
    for name in ["run", "before", "after", "gpu", "cpu"] {
        std::fs::write(sandbox.path(format!("{name}.json")), EMPTY_RUN).unwrap();
    }
    let mut count = 0;
    for command in ["", "plot", "run", "grad", "report"] {
        let help = sandbox.run(&format!("{command} --help")).expect_success();
        let (_, examples) = help.split_once("Examples:").unwrap();
        let examples = examples.replace("\\\n", "");
        for line in examples.lines() {
            let Some(line) = line.trim().strip_prefix("activations ") else {
                continue;
            };
            // What follows two blanks explains.
            let (line, more) = line.split_once("  ").unwrap_or((line, ""));
            let more = more
                .trim_start()
                .split("  ")
                .next()
                .filter(|more| more.starts_with("--"));
            let line = format!("{line} {}", more.unwrap_or_default());
            let long = line.starts_with("check") || line.starts_with("bench");
            if long || line.contains("llvmpipe") || line.contains("--device A") {
                continue;
            }
            let force = if line.contains("-o ") { "--force" } else { "" };
            let outcome = sandbox.run(&format!("{line} {force}"));
            if line.starts_with("plot") || line.starts_with("report") {
                assert_eq!(outcome.status, Some(0), "{line}: {}", outcome.stderr);
                assert!(outcome.stderr.contains(" written to "), "{line}");
            } else {
                outcome.expect_success();
            }
            count += 1;
        }
    }
    assert_eq!(count, 44);
}
