//! `activations devices`, `activations ops` and what `--help` teaches.

use std::collections::HashSet;

use wgpu_activations::Activation;

use crate::sandbox::{Sandbox, device_names, devices};

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
    let names: Vec<_> = Activation::all().map(|op| op.name()).collect();
    assert_eq!(listed, names);
    let all = sandbox.run("ops --json").expect_json();
    for (op, entry) in Activation::all().zip(all.as_array().unwrap()) {
        let definition = op.definition();
        assert_eq!(entry["name"], op.name());
        let line = format!("ops {}", op.name());
        assert_eq!(sandbox.run(&format!("{line} --json")).expect_json(), *entry);
        let page = sandbox.run(&line).expect_success();
        let parameter = definition
            .parameter
            .as_ref()
            .map_or("", |parameter| parameter.name);
        for part in [
            definition.formula,
            definition.slope_formula,
            definition.paper.url,
            parameter,
        ] {
            assert!(page.contains(part), "{page}\nlacks {part}");
        }
    }
    assert_eq!(all.as_array().unwrap().len(), names.len());
}

#[test]
fn help_names_every_flag_and_fits() {
    let sandbox = Sandbox::new();
    let shared = "--output --param --axis --device --math --verify --force --json Examples:";
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

#[test]
fn examples_in_the_help_run() {
    let sandbox = Sandbox::with_x();
    let four = crate::sandbox::array(&[4], vec![0.5; 4]);
    for name in ["slopes.npy", "betas.npy"] {
        sandbox.save(name, &four);
    }
    std::fs::copy(sandbox.path("x.npy"), sandbox.path("dy.npy")).unwrap();
    let mut count = 0;
    for command in ["", "run", "grad"] {
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
            if line.starts_with("check") || line.contains("llvmpipe") {
                continue;
            }
            let force = if line.contains("-o ") { "--force" } else { "" };
            sandbox.run(&format!("{line} {force}")).expect_success();
            count += 1;
        }
    }
    assert_eq!(count, 11);
}
