//! `run` over files of several formats, pipes, chains and devices, in bounded memory.

use std::{
    fs,
    io::{Read, Write},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::json;
use wgpu_activations::io::npy::{Dtype, Endian, Float, Header, Order};

use crate::sandbox::{
    Sandbox, array, device_names, elements, expect_close, numbers, sigmoid, words,
};

pub(crate) fn silu(x: f64) -> f64 {
    x * sigmoid(x)
}

/// A .safetensors file of entries (name, type, shape, data) and metadata.
pub(crate) fn safetensors(entries: &[(&str, &str, &[usize], Vec<u8>)]) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    header.insert("__metadata__".to_owned(), json!({ "format": "pt" }));
    let mut data = Vec::new();
    for (name, dtype, shape, bytes) in entries {
        let start = data.len();
        data.extend(bytes);
        let entry = json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, data.len()] });
        header.insert((*name).to_owned(), entry);
    }
    let header = serde_json::to_vec(&header).unwrap();
    [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat()
}

pub(crate) fn bytes_of(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

#[test]
fn tensors_that_match_are_streamed_and_all_else_passes_through() {
    let sandbox = Sandbox::new();
    let gate = numbers(3000, 1);
    let half: Vec<u8> = (0..50_u16)
        .flat_map(|index| half::bf16::from_f32(f32::from(index) / 8.0).to_le_bytes())
        .collect();
    let rest = vec![7_u8; 24];
    let file = safetensors(&[
        ("a.gate", "F32", &[3, 1000], bytes_of(&gate)),
        ("b.gate", "BF16", &[50], half.clone()),
        ("c.gate", "I64", &[3], rest.clone()),
        ("d.up", "F32", &[2], bytes_of(&[1.0, 2.0])),
    ]);
    fs::write(sandbox.path("in.safetensors"), &file).unwrap();
    for device in device_names() {
        let line = "run silu in.safetensors -o out.safetensors --tensor a.gate --tensor 'b.*' --json --force";
        let told = sandbox
            .run(&format!("{line} --device {device}"))
            .expect_json();
        assert_eq!(told["tensors"].as_array().unwrap().len(), 2, "{told}");
        let out = fs::read(sandbox.path("out.safetensors")).unwrap();
        assert_eq!(out.len(), file.len());
        let data = file.len() - 12_000 - 100 - 24 - 8;
        assert_eq!(out[..data], file[..data], "the header, verbatim");
        assert_eq!(
            out[data + 12_100..],
            file[data + 12_100..],
            "what does not match"
        );
        let found: Vec<f64> = out[data..data + 12_000]
            .chunks(4)
            .map(|bytes| f64::from(f32::from_le_bytes(bytes.try_into().unwrap())))
            .collect();
        let expected: Vec<_> = gate.iter().map(|&x| silu(f64::from(x))).collect();
        expect_close(&device, &found, &expected, 1e-6);
        let found: Vec<f64> = out[data + 12_000..data + 12_100]
            .chunks(2)
            .map(|bytes| half::bf16::from_le_bytes(bytes.try_into().unwrap()).into())
            .collect();
        let expected: Vec<_> = (0..50).map(|index| silu(f64::from(index) / 8.0)).collect();
        expect_close(&device, &found, &expected, 1e-2);
    }
    for (line, text) in [
        (
            "",
            "is a .safetensors file with 4 arrays; name some with --tensor NAME",
        ),
        (
            "--tensor c.gate",
            "holds I64; F32, F16, BF16 and F64 are accepted",
        ),
        (
            "--tensor e",
            "has nothing that matches `e`; it has `a.gate`",
        ),
    ] {
        let line = format!("run silu in.safetensors -o new.safetensors {line}");
        sandbox.refuses(1, &line, text);
    }
    let line = "run maxout in.safetensors -o new.safetensors --tensor a.gate --param pieces=2";
    sandbox.refuses(1, line, "only what keeps the shape");
    sandbox.refuses(
        2,
        "run silu in.safetensors -o y.npy --tensor d.up",
        "go to another .safetensors",
    );
}

#[test]
fn an_array_of_an_archive_goes_to_an_archive_or_a_file() {
    let sandbox = Sandbox::with_x();
    sandbox.run("run relu x.npy -o one.npz").expect_success();
    sandbox.run("run silu one.npz -o y.npz").expect_success();
    sandbox
        .run("run silu one.npz -o y.npy --tensor arr_0")
        .expect_success();
    // Rows that lie apart are written in order, too.
    let line = "run softmax one.npz -o z.npz --axis 0";
    let memory = sandbox.least_memory(line);
    sandbox.run(&format!("{line} {memory}")).expect_success();
    let expected: Vec<_> = (0..12)
        .map(|index| silu((f64::from(index) * 0.5 - 3.0).max(0.0)))
        .collect();
    expect_close("npy", &elements(sandbox.read("y.npy")), &expected, 1e-6);
    sandbox.run("run relu y.npz -o back.npy").expect_success();
    expect_close("npz", &elements(sandbox.read("back.npy")), &expected, 1e-6);
    sandbox.refuses(1, "run silu one.npz -o w.npy --tensor b", "`arr_0`");
    sandbox.refuses(
        2,
        "run silu x.npy -o w.npy --tensor b",
        "--tensor and @FILE:NAME name arrays",
    );
}

/// Runs the command with `input` on stdin; returns what it wrote.
fn piped(sandbox: &Sandbox, line: &str, input: &[u8]) -> (Option<i32>, Vec<u8>, String) {
    let mut child = sandbox
        .command()
        .args(words(line))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // It may stop reading.
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), output.stdout, said)
}

#[test]
fn pipes_lead_in_and_out() {
    let sandbox = Sandbox::new();
    let x = numbers(30_000, 3);
    sandbox.save("x.npy", &array(&[100, 300], x.clone()));
    let file = fs::read(sandbox.path("x.npy")).unwrap();
    let expected: Vec<_> = x.iter().map(|&x| silu(f64::from(x))).collect();
    for device in device_names() {
        let least =
            |op: &str| sandbox.least_memory(&format!("run {op} x.npy -o z.npy --device {device}"));
        let line = format!("run silu - -o - {} --device {device}", least("silu"));
        let (status, out, said) = piped(&sandbox, &line, &file);
        assert_eq!((status, &*said), (Some(0), ""), "{device}");
        fs::write(sandbox.path("y.npy"), out).unwrap();
        expect_close(&device, &elements(sandbox.read("y.npy")), &expected, 1e-6);
        // Statistics take two passes, rows that lie apart take jumps.
        for op in ["dice", "softmax --axis 0"] {
            let memory = least(op);
            let line = format!("run {op} - -o - {memory} --device {device}");
            let (status, out, said) = piped(&sandbox, &line, &file);
            assert_eq!((status, &*said), (Some(0), ""), "{device} {op}");
            fs::write(sandbox.path("y.npy"), out).unwrap();
            let line = format!("run {op} x.npy -o z.npy {memory} --force --device {device}");
            sandbox.run(&line).expect_success();
            assert_eq!(
                elements(sandbox.read("y.npy")),
                elements(sandbox.read("z.npy")),
                "{op}"
            );
        }
    }
    for (input, text) in [
        (
            &file[..file.len() - 4],
            "ended before the data that its header claims",
        ),
        (
            &[&file[..], b"more"].concat(),
            "holds more data than its header claims",
        ),
        (&file[..60], "header is cut short"),
        (b"", "is empty"),
    ] {
        let (status, _, said) = piped(&sandbox, "run silu - -o w.npy", input);
        assert_eq!(status, Some(1), "{said}");
        assert!(said.contains(text), "{said}");
        assert!(!sandbox.path("w.npy").exists());
    }
    sandbox.refuses(2, "run silu x.npy -o - --json", "cannot both go to stdout");
}

#[test]
fn a_reader_that_leaves_is_a_failure_of_one_line() {
    let sandbox = Sandbox::new();
    sandbox.save("x.npy", &array(&[1 << 20], numbers(1 << 20, 3)));
    let mut child = sandbox
        .command()
        .args(words("run silu x.npy -o -"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(
        said.lines()
            .filter(|line| line.starts_with("error: "))
            .count(),
        1,
        "{said}"
    );
    assert!(said.contains("Broken pipe"), "{said}");
}

#[test]
fn a_chain_is_verified_as_a_whole() {
    let sandbox = Sandbox::with_x();
    sandbox.save("slopes.npy", &array(&[4], vec![0.5; 4]));
    for device in device_names() {
        let ops = "\"prelu(alpha=@slopes.npy) | elu(alpha=0.5) | gelu | softmax\"";
        let line =
            format!("run {ops} x.npy -o y.npy --force --json --verify full --device {device}");
        let told = sandbox.run(&line).expect_json();
        let y = elements(sandbox.read("y.npy"));
        for row in y.chunks(4) {
            assert!(
                (row.iter().sum::<f64>() - 1.0).abs() < 1e-6,
                "{device} {row:?}"
            );
        }
        assert_eq!(told["verified"], 12, "{told}");
    }
    for (line, text) in [
        (
            "run \"elu | gelu\" x.npy -o z.npy --param alpha=2",
            "parameters stand with their operation",
        ),
        (
            "run \"elu | gelu\" x.npy -o z.npy --out alpha=a.npy",
            "a chain gives nothing of that name beside",
        ),
        ("run \"elu | gulu\" x.npy -o z.npy", "did you mean `gelu`"),
        ("run \"elu |\" x.npy -o z.npy", "a name is missing"),
        (
            "run \"elu | gelu\" x.npy -o z.npy --axis 0",
            "--axis 0 has no effect",
        ),
    ] {
        sandbox.refuses(2, line, text);
    }
}

/// Gradients in small chunks are those of the reference in one piece.
#[test]
fn gradients_are_streamed_and_verified() {
    let sandbox = Sandbox::new();
    sandbox.save("x.npy", &array(&[30, 200], numbers(6000, 3)));
    sandbox.save("g.npy", &array(&[30, 200], numbers(6000, 90)));
    sandbox.save("half.npy", &array(&[30, 100], numbers(3000, 90)));
    sandbox.save("w.npy", &array(&[2, 200, 3], numbers(1200, 5)));
    sandbox.save("gw.npy", &array(&[30, 3], numbers(90, 7)));
    for (line, out) in [
        ("gelu x.npy g.npy", None),
        ("elu x.npy g.npy", Some("alpha")),
        ("swish(beta=2) x.npy g.npy", Some("beta")),
        ("softmax x.npy g.npy", None),
        ("log-softmax x.npy g.npy --axis 0", None),
        ("dice x.npy g.npy", Some("alpha")),
        ("dice x.npy g.npy --axis 0", Some("alpha")),
        ("alpha-dropout(p=0.3, seed=4) x.npy g.npy", None),
        (
            "maxout x.npy half.npy --param pieces=2 --param layout=strided",
            None,
        ),
        ("maxout x.npy gw.npy --param weight=@w.npy", Some("weight")),
    ] {
        let (op, rest) = line.split_once(" x.npy").unwrap();
        let run = |to: &str, flags: &str| {
            let out = out.map_or(String::new(), |name| format!("--out {name}=p{to}"));
            let line = format!("grad \"{op}\" x.npy{rest} -o {to} {out} --force {flags}");
            let told = sandbox.run(&format!("{line} --json")).expect_json();
            let parameter = out.is_empty() || sandbox.path(format!("p{to}")).exists();
            assert!(parameter, "{line}");
            told
        };
        run("dx.npy", "--device cpu");
        let expected = elements(sandbox.read("dx.npy"));
        for device in device_names().into_iter().filter(|name| name != "cpu") {
            let flags = format!("--verify full --force --device {device}");
            let beside = out.map_or(String::new(), |name| format!("--out {name}=pfound.npy"));
            let memory = sandbox.least_memory(&format!(
                "grad \"{op}\" x.npy{rest} -o found.npy {beside} {flags}"
            ));
            let told = run(
                "found.npy",
                &format!("{memory} --verify full --device {device}"),
            );
            assert_eq!(told["verified"], 6000, "{line} {told}");
            assert!(told["chunks"].as_u64().unwrap() > 5, "{line} {told}");
            let found = elements(sandbox.read("found.npy"));
            expect_close(&format!("{line} {device}"), &found, &expected, 2e-5);
            if out.is_some() {
                let [found, expected] =
                    ["pfound.npy", "pdx.npy"].map(|name| elements(sandbox.read(name)));
                let scale = expected
                    .iter()
                    .fold(1.0, |most: f64, value| most.max(value.abs()));
                let tolerance = 1e-5 * scale;
                expect_close(&format!("{line} {device}"), &found, &expected, tolerance);
            }
        }
    }
}

#[test]
fn a_dry_run_tells_the_cost_and_writes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.save("x.npy", &array(&[100, 300], numbers(30_000, 3)));
    let before = sandbox.files();
    let line = "run \"gelu | dice\" x.npy -o y.npy --dry-run --memory";
    sandbox.refuses(1, &format!("{line} 1"), "of memory but may take 1 B;");
    let said = sandbox.run(&format!("{line} 384K")).expect_success();
    for part in [
        "17 chunks of up to 1800 elements, 2 passes",
        "over the link",
        "s of work",
    ] {
        assert!(said.contains(part), "{said}");
    }
    let told = sandbox
        .run("run gelu x.npy -o y.npy --dry-run --json")
        .expect_json();
    assert_eq!(told[0]["chunks"], 1);
    assert_eq!(told[0]["bytes"], 240_000);
    assert!(told[0]["seconds"].as_f64().unwrap() > 0.0);
    assert!(before == sandbox.files());
}

#[test]
fn several_devices_share_the_work() {
    let sandbox = Sandbox::new();
    let gpus: Vec<_> = device_names()
        .into_iter()
        .filter(|name| name != "cpu")
        .collect();
    let [one, other, ..] = &gpus[..] else {
        return;
    };
    let x = numbers(2_000_000, 3);
    sandbox.save("x.npy", &array(&[2_000_000], x.clone()));
    let line =
        format!("run silu x.npy -o y.npy --json --memory 4M --device {one} --device {other}");
    let told = sandbox.run(&line).expect_json();
    let shares = told["chunks_by_device"].as_object().unwrap();
    assert_eq!(shares.len(), 2, "{told}");
    let expected: Vec<_> = x.iter().map(|&x| silu(f64::from(x))).collect();
    expect_close("y", &elements(sandbox.read("y.npy")), &expected, 1e-6);
    let line = format!("run silu x.npy -o z.npy --json --memory 4M --device {one} --device cpu");
    let told = sandbox.run(&line).expect_json();
    let chunks = told["chunks_by_device"]["cpu"].as_u64();
    assert!(chunks.is_some_and(|chunks| chunks > 0), "{told}");
    expect_close("z", &elements(sandbox.read("z.npy")), &expected, 1e-6);
}

#[test]
fn files_that_lie_are_refused_before_memory_is_taken() {
    let sandbox = Sandbox::new();
    let header = |shape: Vec<usize>| {
        let header = Header {
            shape,
            order: Order::C,
            dtype: Dtype {
                float: Float::F32,
                endian: Endian::Little,
            },
            bytes: 0,
        };
        let mut bytes = Vec::new();
        header.write(&mut bytes).unwrap();
        bytes
    };
    fs::write(sandbox.path("long.npy"), header(vec![1 << 60])).unwrap();
    let huge = [&(2_u64 << 30).to_le_bytes()[..], b"{}"].concat();
    fs::write(sandbox.path("huge.safetensors"), huge).unwrap();
    let json = br#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#;
    let overlapping = [&(json.len() as u64).to_le_bytes()[..], json, &[0; 12]].concat();
    fs::write(sandbox.path("overlap.safetensors"), overlapping).unwrap();
    for (line, text) in [
        ("run silu long.npy -o y.npy", "they must match"),
        (
            "run silu huge.safetensors -o y.safetensors --tensor a",
            "header",
        ),
        (
            "run silu overlap.safetensors -o y.safetensors --tensor a",
            "overlap",
        ),
    ] {
        sandbox.refuses(1, line, text);
    }
}

/// A file of zeros that takes no room on disk, larger than the memory that the test allows.
fn sparse(sandbox: &Sandbox, name: &str, len: usize) {
    let header = Header {
        shape: vec![len / 1024, 1024],
        order: Order::C,
        dtype: Dtype {
            float: Float::F32,
            endian: Endian::Little,
        },
        bytes: 0,
    };
    let mut file = fs::File::create(sandbox.path(name)).unwrap();
    let start = header.write(&mut file).unwrap();
    file.set_len(start + len as u64 * 4).unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn memory_stays_bounded_whatever_the_size() {
    let sandbox = Sandbox::new();
    // 1 GiB.
    sparse(&sandbox, "x.npy", 1 << 28);
    for device in device_names() {
        let line = format!("run relu x.npy -o y.npy --force --device {device}");
        let mut child = sandbox
            .command()
            .args(words(&line))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut peak = 0;
        let status = loop {
            let status =
                fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
            peak = peak.max(kilobytes.unwrap_or(0_u64));
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        assert!(status.success(), "{device}");
        assert!(peak > 10_000 && peak < 600 << 10, "{device}: {peak} KiB");
        assert_eq!(
            fs::metadata(sandbox.path("y.npy")).unwrap().len(),
            fs::metadata(sandbox.path("x.npy")).unwrap().len()
        );
    }
}

/// Killed at whatever moment, the destination holds the old file or the new one.
#[test]
#[cfg(unix)]
fn a_killed_run_leaves_no_damaged_file() {
    let sandbox = Sandbox::new();
    sparse(&sandbox, "x.npy", 1 << 23);
    let whole = fs::metadata(sandbox.path("x.npy")).unwrap().len();
    let old = b"what was there before".to_vec();
    for time in 0..12 {
        fs::write(sandbox.path("y.npy"), &old).unwrap();
        let line = "run sigmoid x.npy -o y.npy --force";
        let mut child: std::process::Child =
            Command::spawn(sandbox.command().args(words(line)).stdout(Stdio::null())).unwrap();
        std::thread::sleep(Duration::from_millis(15 * time));
        let _ = child.kill();
        child.wait().unwrap();
        let found = fs::read(sandbox.path("y.npy")).unwrap();
        let complete = found.len() as u64 == whole
            && found[128..]
                .chunks(4)
                .all(|bytes| bytes == 0.5_f32.to_le_bytes());
        assert!(found == old || complete, "after {} ms", 15 * time);
    }
}
