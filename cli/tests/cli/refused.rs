//! Wrong input: one line that says what is wrong, and nothing written.

use std::fs;

use crate::sandbox::{Sandbox, array, device_names};

/// The bytes of an .npy file with this element type, this shape and these data.
fn file(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let mut header =
        format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}").into_bytes();
    header.resize(117, b' ');
    header.push(b'\n');
    [&b"\x93NUMPY\x01\0\x76\0"[..], &header, data].concat()
}

#[test]
fn files_that_are_no_array_of_floats() {
    let sandbox = Sandbox::new();
    let accepted = "float16, float32, float64 and bfloat16 are accepted";
    let cases: [(&str, Vec<u8>, &str); 12] = [
        (
            "short.npy",
            file("'<f4'", "(3,)", &[0; 11]),
            "header claims 3 elements of 4 bytes = 12 bytes of data, but there are 11; they must match",
        ),
        (
            "long.npy",
            file("'<f4'", "(3,)", &[0; 13]),
            "header claims 3 elements of 4 bytes = 12 bytes of data, but there are 13; they must match",
        ),
        (
            "huge.npy",
            file("'<f8'", "(99999999999, 9)", &[0; 8]),
            "header claims 899999999991 elements of 8 bytes",
        ),
        (
            "endless.npy",
            file("'<f4'", "(4294967296, 4294967296)", &[0; 8]),
            "header claims shape [4294967296, 4294967296], more than any memory holds",
        ),
        (
            "cut.npy",
            file("'<f4'", "(3,)", &[])[..40].to_vec(),
            "header is cut short; the file is not complete",
        ),
        ("empty.npy", Vec::new(), "is empty; an .npy file is needed"),
        (
            "text.npy",
            b"1, 2, 3\n".to_vec(),
            "is not an .npy file: begins with `1, 2, 3\\n`",
        ),
        (
            "archive.npz",
            b"PK\x03\x04\0\0\0\0".to_vec(),
            "is damaged or not complete: invalid Zip archive",
        ),
        (
            "object.npy",
            file("'|O'", "(3,)", &[0; 24]),
            "dtype '|O' is a Python object",
        ),
        (
            "integer.npy",
            file("'<i4'", "(3,)", &[0; 12]),
            "dtype '<i4' is integer",
        ),
        (
            "complex.npy",
            file("'<c8'", "(3,)", &[0; 24]),
            "dtype '<c8' is complex",
        ),
        (
            "fields.npy",
            file("[('a', '<f4')]", "(3,)", &[0; 12]),
            "dtype is structured",
        ),
    ];
    for (name, bytes, text) in cases {
        fs::write(sandbox.path(name), bytes).unwrap();
        let mut text = format!("{name}: {text}");
        if text.contains("dtype") {
            text = format!("{text}; {accepted}");
        }
        sandbox.refuses(1, &format!("run gelu {name} -o y.npy"), &text);
    }
}

#[test]
fn files_that_are_not_there_or_are_folders() {
    let sandbox = Sandbox::with_x();
    fs::create_dir(sandbox.path("folder")).unwrap();
    for (line, text) in [
        ("run gelu none.npy -o y.npy", "none.npy: no such file"),
        (
            "run gelu folder -o y.npy",
            "folder: is a directory; an .npy file is needed",
        ),
        (
            "grad gelu x.npy none.npy -o y.npy",
            "none.npy: no such file",
        ),
        (
            "grad gelu none.npy x.npy -o y.npy",
            "none.npy: no such file",
        ),
        (
            "run elu x.npy -o y.npy --param alpha=@none.npy",
            "none.npy: no such file",
        ),
    ] {
        sandbox.refuses(1, line, text);
    }
    let mut command = sandbox.command();
    command.args(["run", "gelu", "two\nlines.npy", "-o", "y.npy"]);
    sandbox.refuses_command(&mut command, 1, "two\\nlines.npy: no such file");
}

#[test]
fn activations_that_are_not_there() {
    let sandbox = Sandbox::with_x();
    let known = "known: sigmoid, tanh, relu,";
    for (op, text) in [
        (
            "gleu",
            format!("unknown activation `gleu`, did you mean `gelu`?; {known}"),
        ),
        ("sofplus", format!("did you mean `softplus`?; {known}")),
        (
            "zzzzzzzz",
            format!("unknown activation `zzzzzzzz`; {known}"),
        ),
        (
            "elu(alpha=1",
            "the closing parenthesis is missing".to_owned(),
        ),
        ("elu(1)", "a parameter is written NAME=VALUE".to_owned()),
        (
            "elu(alpha=nan)",
            "alpha is NaN but must be a finite number".to_owned(),
        ),
    ] {
        sandbox.refuses(2, &format!("run {op} x.npy -o y.npy"), &text);
        sandbox.refuses(2, &format!("grad {op} x.npy x.npy -o y.npy"), &text);
        sandbox.refuses(2, &format!("ops {op}"), &text);
        sandbox.refuses(2, &format!("check {op}"), &text);
    }
}

#[test]
fn parameters_that_cannot_be() {
    let sandbox = Sandbox::with_x();
    for (op, param, text) in [
        (
            "elu",
            "beta=1",
            "elu has no parameter `beta`; it takes `alpha`",
        ),
        ("gelu", "alpha=1", "gelu takes no parameter"),
        (
            "elu",
            "alpha",
            "--param alpha: a parameter is written NAME=VALUE or NAME=@FILE",
        ),
        ("elu", "alpha=", "elu: alpha=: `` is not a number"),
        ("elu", "alpha=one", "elu: alpha=one: `one` is not a number"),
        ("elu", "alpha=@", "--param alpha=@: no file is named"),
        (
            "elu",
            "alpha=nan",
            "elu: alpha is NaN but must be a finite number >= 0",
        ),
        (
            "elu",
            "alpha=-0.1",
            "elu: alpha is -0.1 but must be a finite number >= 0",
        ),
        (
            "elu",
            "alpha=inf",
            "elu: alpha is inf but must be a finite number >= 0",
        ),
        (
            "softplus",
            "beta=0",
            "softplus: beta is 0 but must be a finite number > 0",
        ),
        (
            "elu",
            "alpha=1 --param alpha=2",
            "--param alpha=2: it is given twice",
        ),
        (
            "elu(alpha=1)",
            "alpha=2",
            "--param alpha=2: it is given twice",
        ),
    ] {
        let text = format!("error: {text}");
        sandbox.refuses(
            2,
            &format!("run {op} x.npy -o y.npy --param {param}"),
            &text,
        );
        let line = format!("grad {op} x.npy x.npy -o y.npy --param {param}");
        sandbox.refuses(2, &line, &text);
    }
}

#[test]
fn parameters_per_channel_that_do_not_fit() {
    let sandbox = Sandbox::with_x();
    sandbox.save("scalar.npy", &array(&[], vec![1.0]));
    sandbox.save("three.npy", &array(&[3], vec![1.0; 3]));
    sandbox.save("square.npy", &array(&[2, 2], vec![1.0; 4]));
    sandbox.save("negative.npy", &array(&[4], vec![1.0, -1.0, 1.0, 1.0]));
    for (status, input, flags, text) in [
        (
            1,
            "x.npy",
            "--param alpha=@three.npy",
            "elu: 3 values of alpha but 4 channels along axis 1 of shape [3, 4]; they must match",
        ),
        (
            2,
            "x.npy",
            "--param alpha=@square.npy",
            "elu: alpha of shape [2, 2]: one value per channel is needed, shape [channels]",
        ),
        (
            2,
            "x.npy",
            "--param alpha=@negative.npy",
            "elu: alpha, value 1: it is -1 but must be a finite number >= 0",
        ),
        (
            2,
            "x.npy",
            "--param alpha=@three.npy --axis 2",
            "axis 2 does not exist in shape [3, 4]; axes run from -2 to 1",
        ),
        (
            2,
            "x.npy",
            "--param alpha=@three.npy --axis -3",
            "axis -3 does not exist in shape [3, 4]; axes run from -2 to 1",
        ),
        (
            2,
            "scalar.npy",
            "--param alpha=@three.npy",
            "axis -1 does not exist in shape []; a single number has no axes",
        ),
        (2, "x.npy", "--axis 0", "--axis 0 has no effect on elu"),
    ] {
        sandbox.refuses(status, &format!("run elu {input} -o y.npy {flags}"), text);
    }
}

/// clap's own words, over several lines.
#[test]
fn command_lines_that_do_not_parse() {
    let sandbox = Sandbox::with_x();
    for (line, text) in [
        ("", "Usage: "),
        ("jog gelu x.npy -o y.npy", "unrecognized subcommand 'jog'"),
        (
            "rnu gelu x.npy -o y.npy",
            "a similar subcommand exists: 'run'",
        ),
        ("bnech", "a similar subcommand exists: 'bench'\n"),
        ("tun", "a similar subcommand exists: 'tune'\n"),
        (
            "gelu x.npy -o y.npy",
            "'gelu' is an activation: activations run gelu x.npy -o y.npy",
        ),
        ("run gelu x.npy", "--output <FILE>"),
        (
            "run gelu x.npy -o y.npy --verify most",
            "none, sample, full",
        ),
        ("run gelu x.npy -o y.npy --math fast", "accurate, native"),
        ("run gelu x.npy -o y.npy --axis one", "--axis <N>"),
        ("check gelu --device a --all-devices", "--all-devices"),
    ] {
        let outcome = sandbox.run(line);
        assert_eq!(outcome.status, Some(2), "{line}");
        assert_eq!(outcome.stdout, "", "{line}");
        assert!(outcome.stderr.contains(text), "{line}: {}", outcome.stderr);
    }
    assert_eq!(sandbox.files().len(), 1);
}

#[test]
fn float64_beyond_float32_is_told_by_its_place() {
    let sandbox = Sandbox::new();
    sandbox.save("x.npy", &array(&[2], vec![1.0, 2.0]));
    let data = [0.5f64, -1e300].map(f64::to_le_bytes).concat();
    fs::write(sandbox.path("far.npy"), file("'<f8'", "(2,)", &data)).unwrap();
    let rule = "far.npy: cannot be read: element 1 is -1e300, but float64 is computed as float32, which ends at \
                3.4028235e38; scale the data";
    for device in device_names() {
        for line in [
            "run relu far.npy -o y.npy",
            "run prelu(alpha=@far.npy) x.npy -o y.npy",
            "grad relu far.npy far.npy -o y.npy",
        ] {
            let outcome = sandbox.run(&format!("{line} --device {device}"));
            assert_eq!(outcome.status, Some(1), "{line}: {}", outcome.stderr);
            assert!(outcome.stderr.contains(rule), "{line}: {}", outcome.stderr);
            assert!(!sandbox.path("y.npy").exists());
        }
    }
}
