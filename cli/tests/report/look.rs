//! Reports for people to look at: `cargo test --test report look -- --ignored` writes them to
//! `target/tmp/report/`.

use std::{fs, path::Path};

use wgpu_activations::bench::record::{Kind, Row, Run, Status};

use wgpu_activations_cli::results::report::{Format, Source, render};

use crate::fixture::{DEVICES, row, run, source, timed, went};

const SIZES: [u64; 6] = [1 << 12, 1 << 15, 1 << 18, 1 << 21, 1 << 24, 1 << 26];

#[test]
#[ignore = "writes files for people to look at"]
fn look() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report");
    fs::create_dir_all(&folder).unwrap();
    let mut eight = run(&DEVICES, &[1 << 24]);
    some_went_badly(&mut eight);
    let mut three = run(&[DEVICES[0], DEVICES[4], DEVICES[6]], &SIZES);
    some_went_badly(&mut three);
    three.complete = false;
    for (name, sources) in [
        (
            "one",
            vec![source("runs/h100.json", run(&DEVICES[..1], &SIZES))],
        ),
        (
            "two",
            vec![
                source("before.json", run(&DEVICES[1..2], &SIZES)),
                source("after.json", run(&DEVICES[1..2], &SIZES)),
            ],
        ),
        ("three", vec![source("three.json", three)]),
        ("eight", vec![source("eight.json", eight)]),
        ("mixed", mixed()),
        ("empty", vec![source("empty.json", crate::fixture::empty())]),
    ] {
        write(&folder, name, &sources);
    }
}

/// Several element types, sizes, implementations and choices of math; a peer that knows few
/// operations and is served by caches.
fn mixed() -> Vec<Source> {
    let mut own = run(&DEVICES[4..5], &[1 << 22]);
    let kernels = own
        .rows
        .clone()
        .into_iter()
        .filter(|row| row.kind == Kind::Kernel);
    for mut row in kernels {
        row.dtype = "f16".to_owned();
        row.input_bytes /= 2;
        own.rows.push(row);
    }
    for row in own.rows.iter_mut().filter(|row| row.op.contains("softmax")) {
        row.shape = vec![1 << 8, 1 << 12];
        row.input_bytes = 1 << 22;
    }
    let chosen = |row: &Row| ["gelu", "tanh", "mish"].contains(&&*row.op);
    let native: Vec<_> = own.rows.iter().filter(|row| chosen(row)).cloned().collect();
    for row in own.rows.iter_mut().filter(|row| chosen(row)) {
        row.math = Some("accurate".to_owned());
    }
    own.rows.extend(native.into_iter().map(|row| Row {
        math: Some("native".to_owned()),
        ..row
    }));
    let mut peer = run(&DEVICES[4..5], &[1 << 22]);
    peer.program.name = "burn".to_owned();
    peer.rows
        .retain(|row| row.kind == Kind::Kernel && ["relu", "gelu", "softmax"].contains(&&*row.op));
    for row in &mut peer.rows {
        row.implementation = "burn 0.22.1".to_owned();
        *row = timed(row.clone(), 1100.0, Some(930.0));
        row.accuracy = None;
    }
    vec![source("own.json", own), source("peer.json", peer)]
}

fn write(folder: &Path, name: &str, sources: &[Source]) {
    for format in Format::ALL {
        let path = folder.join(name).with_extension(format.extension());
        fs::write(path, render(sources, format).unwrap()).unwrap();
    }
}

fn some_went_badly(run: &mut Run) {
    let device = run.devices.last().unwrap().name.clone();
    let messages = [
        (
            Status::Wrong,
            "3 of 16777216 elements outside the tolerance; x = -1.4810389e38 gave -1.8e-22, expected -8.1e-39",
        ),
        (
            Status::Failed,
            "device out of memory: buffer of 256 MiB; free tensors, or work in smaller pieces",
        ),
        (Status::Crashed, "the process ended by signal 11"),
        (Status::Hung, "no answer within 120 s"),
        (Status::Unsupported, "rows of more than 16,384 elements"),
    ];
    for ((status, message), op) in messages
        .into_iter()
        .zip(["elu", "gelu", "softmax", "maxout", "dice"])
    {
        for bad in run
            .rows
            .iter_mut()
            .filter(|row| row.device == device && row.op == op && row.kind == Kind::Kernel)
        {
            *bad = went(
                row(&device, bad.kind, op, &bad.pass, bad.input_bytes / 4),
                status,
                message,
            );
        }
    }
}
