//! `activations check`

use serde_json::Value;

use crate::sandbox::{Sandbox, device_names};

/// The rows that `check` prints as JSON for ReLU.
fn rows(flags: &str) -> Vec<Value> {
    let line = format!("check relu --json {flags}");
    let rows = Sandbox::new().run(&line).expect_json();
    rows.as_array().unwrap().clone()
}

#[test]
fn every_device_passes_each_pass_and_type() {
    let names = device_names();
    let [gpus @ .., cpu] = &names[..] else {
        panic!("the CPU is missing");
    };
    let of_cpu = rows(&format!("--device {cpu}"));
    assert_eq!(of_cpu.len(), 6);
    assert!(
        of_cpu
            .iter()
            .all(|row| row["passed"] == true && row["device"] == "cpu")
    );
    let all = rows("--all-devices");
    assert_eq!(all.len(), 6 * names.len());
    for (chunk, name) in all.chunks(6).zip(&names) {
        for row in chunk {
            assert_eq!(row["device"], **name);
            assert_eq!(row["passed"], true, "{row}");
            assert_eq!(row["failed"], 0);
            assert!(row["compared"].as_u64().unwrap() >= 65_000, "{row}");
        }
    }
    // The CPU has none of it.
    let Some(last) = gpus.last() else {
        return;
    };
    assert_eq!(rows("--all-devices --math native").len(), 6 * gpus.len());
    let named = rows(&format!("--device {last} --math native"));
    assert_eq!(named.len(), 6);
    assert!(
        named
            .iter()
            .all(|row| row["device"] == **last && row["math"] == "native")
    );

    let table = Sandbox::new().run("check relu").expect_success();
    assert!(table.starts_with("OP "), "{table}");
    assert!(table.ends_with("6 of 6 checks passed\n"), "{table}");
}

#[test]
fn the_cpu_has_no_native_math() {
    Sandbox::new().refuses(
        2,
        "check relu --math native --device cpu",
        "--math native is an adapter's; cpu has the crate's own math alone",
    );
}

#[test]
fn all_inputs_are_of_functions_of_one_element() {
    Sandbox::new().refuses(
        2,
        "check softmax dice --exhaustive",
        "--exhaustive has no effect on softmax, dice: no function of one element",
    );
}

#[test]
fn operations_are_checked_with_the_parameters_given() {
    let Some(_) = device_names().into_iter().rev().nth(1) else {
        return;
    };
    for op in ["softmax(axis=0)", "elu(alpha=0.5)"] {
        let line = format!("check {op} --json");
        let rows = Sandbox::new().run(&line).expect_json();
        let rows = rows.as_array().unwrap();
        assert_eq!(rows.len(), 6);
        for row in rows {
            assert!(
                row["op"].as_str().unwrap().starts_with(&op[..op.len() - 1]),
                "{row}"
            );
            assert_eq!(row["passed"], true, "{row}");
            assert!(row["compared"].as_u64().unwrap() > 0, "{row}");
        }
    }
}

#[test]
fn what_is_not_compared_has_not_passed() {
    let Some(_) = device_names().into_iter().rev().nth(1) else {
        return;
    };
    let outcome = Sandbox::new().run("check maxout(pieces=1000003)");
    assert_eq!(outcome.status, Some(4), "{}", outcome.stderr);
    assert!(
        outcome.stdout.contains("nothing was compared"),
        "{}",
        outcome.stdout
    );
    assert!(
        outcome.stdout.ends_with("0 of 6 checks passed\n"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn random_cases_are_checked() {
    if device_names().len() < 2 {
        return;
    }
    let sandbox = Sandbox::new();
    let rows = sandbox
        .run("check elu softmax --random 40 --seed 7 --json")
        .expect_json();
    let row = &rows[0];
    assert_eq!(
        (&row["cases"], &row["seed"], &row["failed"]),
        (&40.into(), &7.into(), &0.into())
    );
    assert!(row["compared"].as_u64().unwrap() > 1000, "{row}");
    let table = sandbox.run("check relu --random 5").expect_success();
    assert!(table.starts_with("DEVICE "), "{table}");
    sandbox.refuses(
        2,
        "check elu(alpha=2) --random 5",
        "--random draws the parameters; name `elu` without its own",
    );
}

#[test]
fn random_cases_of_which_none_is_compared_have_not_passed() {
    let outcome = Sandbox::new().run("check --random 0 --device cpu");
    assert_eq!(outcome.status, Some(4), "{}", outcome.stderr);
    assert!(
        outcome.stdout.contains("FAIL: nothing was compared"),
        "{}",
        outcome.stdout
    );
}
