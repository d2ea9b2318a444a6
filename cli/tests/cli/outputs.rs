//! Outputs appear whole or not at all, and replace nothing unasked.

use std::fs;
#[cfg(unix)]
use std::process::Stdio;

#[cfg(unix)]
use crate::sandbox::{Outcome, array, numbers};
use crate::sandbox::{Sandbox, elements};
#[cfg(target_os = "linux")]
use wgpu_activations::io::npy::Float;

const RELU: &str = "run relu x.npy --device cpu -o";

/// Names of the files in the sandbox.
fn names(sandbox: &Sandbox) -> Vec<String> {
    sandbox.files().into_iter().map(|(name, _)| name).collect()
}

#[test]
fn an_output_that_is_there_needs_force() {
    let sandbox = Sandbox::with_x();
    fs::write(sandbox.path("y.npy"), "precious").unwrap();
    let text = "y.npy: exists; add --force to replace it";
    sandbox.refuses(1, &format!("{RELU} y.npy"), text);
    sandbox.refuses(1, "grad elu x.npy x.npy -o dx.npy --out alpha=y.npy", text);
    sandbox
        .run(&format!("{RELU} y.npy --force"))
        .expect_success();
    assert_eq!(sandbox.read("y.npy").shape, [3, 4]);
    assert_eq!(names(&sandbox), ["x.npy", "y.npy"]);
}

#[test]
fn the_input_can_be_replaced() {
    let sandbox = Sandbox::with_x();
    sandbox.refuses(1, &format!("{RELU} x.npy"), "x.npy: exists");
    sandbox
        .run(&format!("{RELU} x.npy --force"))
        .expect_success();
    assert_eq!(elements(sandbox.read("x.npy"))[..4], [0.0; 4]);
    assert_eq!(names(&sandbox), ["x.npy"]);
}

#[test]
fn places_that_take_no_file() {
    let sandbox = Sandbox::with_x();
    fs::create_dir(sandbox.path("folder")).unwrap();
    for (output, text) in [
        ("folder", "folder: is a directory; an output file is needed"),
        (".", ".: is a directory; an output file is needed"),
        (
            "y.npy/",
            "y.npy/: there is no such folder; an output file is needed",
        ),
        ("none/y.npy", "none/y.npy: there is no folder none"),
        ("x.npy/y.npy", "x.npy/y.npy: there is no folder x.npy"),
    ] {
        sandbox.refuses(1, &format!("{RELU} {output}"), text);
        sandbox.refuses(1, &format!("{RELU} {output} --force"), text);
    }
}

#[test]
fn paths_may_be_absolute_relative_or_hold_blanks() {
    let sandbox = Sandbox::with_x();
    fs::create_dir(sandbox.path("a folder")).unwrap();
    let absolute = sandbox.path("absolute.npy");
    for output in ["./a folder/of é.npy", absolute.to_str().unwrap()] {
        let mut command = sandbox.command();
        command.args(["run", "relu", "./a folder/../x.npy", "-o", output]);
        assert_eq!(command.output().unwrap().status.code(), Some(0));
        assert_eq!(sandbox.read(output).shape, [3, 4]);
    }
}

#[test]
fn one_file_cannot_take_two_outputs_however_it_is_spelled() {
    let sandbox = Sandbox::with_x();
    let absolute = sandbox.path("y.npy");
    for second in ["y.npy", "./y.npy", absolute.to_str().unwrap()] {
        for force in ["", "--force"] {
            let line = format!("grad elu x.npy x.npy -o y.npy --out alpha={second} {force}");
            let text = format!("{second} is named for two outputs");
            sandbox.refuses(2, &line, &text);
        }
    }
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_stays_one() {
    use std::os::unix::fs::symlink;

    let sandbox = Sandbox::with_x();
    fs::create_dir(sandbox.path("real")).unwrap();
    fs::write(sandbox.path("real/y.npy"), "old").unwrap();
    symlink("real/y.npy", sandbox.path("link.npy")).unwrap();
    symlink("nowhere.npy", sandbox.path("dangling.npy")).unwrap();
    sandbox.refuses(1, &format!("{RELU} link.npy"), "link.npy: exists");
    sandbox
        .run(&format!("{RELU} link.npy --force"))
        .expect_success();
    assert!(sandbox.path("link.npy").is_symlink());
    assert_eq!(sandbox.read("real/y.npy").shape, [3, 4]);
    let line = "grad elu x.npy x.npy -o link.npy --out alpha=real/y.npy --force";
    sandbox.refuses(2, line, "real/y.npy is named for two outputs");
    for force in ["", "--force"] {
        let text = "dangling.npy: is a symbolic link to a file that is not there";
        sandbox.refuses(1, &format!("{RELU} dangling.npy {force}"), text);
    }
}

/// Renaming over a device would replace it, which root may do.
#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_replaced() {
    let sandbox = Sandbox::with_x();
    let _socket = std::os::unix::net::UnixListener::bind(sandbox.path("socket")).unwrap();
    for force in ["", "--force"] {
        let text = "socket: is a device, pipe or socket; an output file is needed";
        sandbox.refuses(1, &format!("{RELU} socket {force}"), text);
    }
    sandbox.refuses(1, &format!("{RELU} /dev/full"), "/dev/full: is a device");
}

/// The size limit does what a full disk does: a write in the middle fails.
#[cfg(target_os = "linux")]
#[test]
fn an_output_that_cannot_be_completed_leaves_nothing() {
    let sandbox = Sandbox::with_x();
    sandbox.save("large.npy", &array(&[100_000], numbers(100_000, 0)));
    let limited = |line: &str| {
        let mut command = sandbox.prepare("sh");
        let activations = env!("CARGO_BIN_EXE_activations");
        let limit = "trap '' XFSZ; ulimit -f 16; exec \"$0\" \"$@\"";
        command
            .args(["-c", limit, activations])
            .args(line.split_whitespace());
        command
    };
    let text = "large2.npy: cannot be written: File too large (os error 27)\n";
    let line = "run relu large.npy -o large2.npy --device cpu";
    sandbox.refuses_command(&mut limited(line), 1, text);
    // The gradient of alpha would fit, yet dx does not.
    let line = "grad elu large.npy large.npy -o large2.npy --out alpha=da.npy --device cpu";
    sandbox.refuses_command(&mut limited(line), 1, text);
    let small = limited("run relu x.npy -o y.npy --device cpu").output();
    assert_eq!(small.unwrap().status.code(), Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_takes_no_files_is_named() {
    let sandbox = Sandbox::with_x();
    // Where not even root can create a file.
    let outcome = sandbox.run(&format!("{RELU} /sys/y.npy"));
    outcome.expect_error(1, "error: /sys/y.npy: cannot be written: ");
    assert!(!outcome.stderr.contains(".tmp"), "{}", outcome.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_no_text_does_not_upset_json() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

    let sandbox = Sandbox::with_x();
    let name = OsStr::from_bytes(b"y\xff.npy");
    let mut command = sandbox.command();
    command
        .args(["run", "relu", "x.npy", "--device", "cpu", "--json", "-o"])
        .arg(name);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["output"], "y\u{fffd}.npy");
    assert!(sandbox.path(name).is_file());
}

/// Interrupts the command while it writes; without a handler the temporary file would stay.
#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_leaves_nothing() {
    let sandbox = Sandbox::new();
    let count = 1 << 23;
    let mut large = array(&[count], vec![1.0; count]);
    large.dtype.float = Float::F64;
    sandbox.save("large.npy", &large);
    for signal in ["INT", "TERM"] {
        // A signal may come too late, when all is done.
        let mut attempts = 0..10;
        let interrupted = attempts.any(|_| {
            let mut command = sandbox.interruptible();
            let line = "run relu large.npy -o y.npy --verify none --device cpu";
            let quiet = command
                .args(line.split(' '))
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let mut child = quiet.spawn().unwrap();
            let entries = || fs::read_dir(sandbox.path("")).unwrap().count();
            while entries() == 1 && child.try_wait().unwrap().is_none() {}
            let kill = format!("kill -{signal} {}", child.id());
            sandbox.prepare("sh").args(["-c", &kill]).output().unwrap();
            let status = child.wait().unwrap();
            if fs::remove_file(sandbox.path("y.npy")).is_ok() {
                return false;
            }
            assert_eq!(status.code(), Some(130), "SIG{signal}");
            assert_eq!(entries(), 1, "SIG{signal} left a file");
            true
        });
        assert!(interrupted, "SIG{signal} always came too late");
    }
}

/// The output is there when the interrupt comes: the command is telling of it, on a pipe that nobody reads.
#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_after_the_end_says_what_was_written() {
    use std::io::Write;

    let sandbox = Sandbox::with_x();
    let (_reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&[b' '; 1 << 16]).unwrap();
    let mut command = sandbox.interruptible();
    command.args("grad elu x.npy x.npy -o y.npy --out alpha=a.npy --device cpu".split(' '));
    let child = command
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let is_there = || sandbox.path("y.npy").exists() && sandbox.path("a.npy").exists();
    while !is_there() {
        std::thread::yield_now();
    }
    let kill = format!("kill -INT {}", child.id());
    sandbox.prepare("sh").args(["-c", &kill]).output().unwrap();
    let outcome = Outcome::from(child.wait_with_output().unwrap());
    assert_eq!(outcome.status, Some(130));
    let told = "note: interrupted, but y.npy and a.npy had been written\n";
    assert_eq!(outcome.stderr, told);
    assert_eq!(names(&sandbox), ["a.npy", "x.npy", "y.npy"]);
}

/// What a killed run has left goes with the next that writes beside it; that of a living one stays. It is as read-only as
/// what it was to replace, which hinders all but root.
#[cfg(target_os = "linux")]
#[test]
fn files_of_killed_runs_are_removed() {
    use std::{io::Write, os::unix::fs::PermissionsExt};

    let sandbox = Sandbox::with_x();
    let mut large = array(&[1 << 22], vec![1.0; 1 << 22]);
    large.dtype.float = Float::F64;
    sandbox.save("large.npy", &large);
    let left = || {
        let left = names(&sandbox).into_iter();
        left.filter(|name| name.starts_with(".activations-"))
            .collect::<Vec<_>>()
    };
    let read_only = fs::Permissions::from_mode(0o444);
    fs::write(sandbox.path("large2.npy"), "old").unwrap();
    fs::set_permissions(sandbox.path("large2.npy"), read_only.clone()).unwrap();
    // Half of a file comes: the run waits for the rest, its own half written.
    let mut command = sandbox.command();
    let line = "run relu - -o large2.npy --force --verify none --device cpu";
    let mut child = command
        .args(line.split(' '))
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let whole = fs::read(sandbox.path("large.npy")).unwrap();
    input.write_all(&whole[..whole.len() / 2]).unwrap();
    while left().is_empty() && child.try_wait().unwrap().is_none() {}
    // Its file is locked.
    sandbox.run(&format!("{RELU} y.npy")).expect_success();
    child.kill().unwrap();
    child.wait().unwrap();
    let killed = left();
    assert_eq!(killed.len(), 1);
    let permissions = |name: &str| sandbox.path(name).metadata().unwrap().permissions();
    assert_eq!(permissions(&killed[0]).mode() & 0o777, read_only.mode());
    // As if another lived.
    let file = fs::File::open(sandbox.path(&killed[0])).unwrap();
    file.lock().unwrap();
    sandbox
        .run(&format!("{RELU} y.npy --force"))
        .expect_success();
    assert_eq!(left(), killed);
    drop(file);
    // What only looks alike stays: of another machine, a folder, a pipe.
    let (start, end) = killed[0].rsplit_once('-').unwrap();
    let strangers = [
        format!("{start}-elsewhere-{end}"),
        format!("{start}x-{end}"),
    ];
    fs::write(sandbox.path(&strangers[1]), "").unwrap();
    fs::create_dir(sandbox.path(&strangers[0])).unwrap();
    sandbox
        .run(&format!("{RELU} y.npy --force"))
        .expect_success();
    let mut strangers = strangers.to_vec();
    strangers.sort();
    assert_eq!(left(), strangers);
}

#[cfg(unix)]
#[test]
fn what_is_replaced_keeps_its_permissions() {
    use std::os::unix::fs::PermissionsExt;

    let sandbox = Sandbox::with_x();
    for mode in [0o600, 0o666, 0o640, 0o400] {
        let path = sandbox.path("y.npy");
        let _ = fs::remove_file(&path);
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        sandbox
            .run(&format!("{RELU} y.npy --force"))
            .expect_success();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, mode);
        assert_eq!(sandbox.read("y.npy").shape, [3, 4]);
    }
}

#[test]
fn stdout_takes_the_output_of_run_alone() {
    let sandbox = Sandbox::with_x();
    let text =
        "`-` is stdout, which takes nothing but the output of `run`; name a file (./- is one)";
    for line in [
        "run dice x.npy -o y.npy --out mean=-",
        "run dice x.npy -o - --out mean=-",
        "grad elu x.npy x.npy -o y.npy --out alpha=-",
    ] {
        sandbox.refuses(2, &format!("{line} --device cpu"), text);
    }
    sandbox.refuses(2, "grad elu x.npy x.npy -o -", "grad writes files");
    let text = "x and upstream cannot both come from stdin";
    sandbox.refuses(2, "grad elu - - -o y.npy", text);
    sandbox.run(&format!("{RELU} ./-")).expect_success();
    assert_eq!(names(&sandbox), ["-", "x.npy"]);
}

/// What a command reads twice must not change in between.
#[cfg(unix)]
#[test]
fn an_input_that_changes_meanwhile_is_told() {
    use std::io::Write;

    let sandbox = Sandbox::new();
    let count = 1 << 18;
    for name in ["x.npy", "g.npy"] {
        sandbox.save(name, &array(&[count], numbers(count, 0)));
    }
    let upstream = fs::read(sandbox.path("g.npy")).unwrap();
    for device in crate::sandbox::device_names() {
        for changes in [false, true] {
            let mut command = sandbox.command();
            let line = format!("grad elu x.npy - -o dx.npy --force --device {device}");
            command
                .args(line.split(' '))
                .stdin(Stdio::piped())
                .stderr(Stdio::piped());
            let mut child = command.stdout(Stdio::null()).spawn().unwrap();
            let mut stdin = child.stdin.take().unwrap();
            // When half of it is taken, which no pipe holds, x is open.
            stdin.write_all(&upstream[..upstream.len() / 2]).unwrap();
            if changes {
                let x = sandbox.path("x.npy");
                let bytes = fs::read(&x).unwrap();
                fs::write(&x, bytes).unwrap();
            }
            stdin.write_all(&upstream[upstream.len() / 2..]).unwrap();
            drop(stdin);
            let outcome = Outcome::from(child.wait_with_output().unwrap());
            if changes {
                outcome.expect_error(1, "x.npy: was changed while it was read");
            } else {
                assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
            }
        }
    }
}

/// It is the folder for temporary files that is full, not the pipe that cannot be read.
#[cfg(target_os = "linux")]
#[test]
fn a_full_folder_for_temporary_files_is_named() {
    let sandbox = Sandbox::new();
    sandbox.save("x.npy", &array(&[100_000], numbers(100_000, 0)));
    fs::create_dir(sandbox.path("spool")).unwrap();
    // A limit on files does what a full disk does.
    for (folder, limit, why) in [
        ("spool", "16", "File too large (os error 27)"),
        ("nowhere", "unlimited", "No such file or directory"),
    ] {
        let folder = sandbox.path(folder);
        let script = format!(
            "trap '' XFSZ; cat x.npy | (ulimit -f {limit}; TMPDIR={} \"$0\" grad elu - x.npy -o y.npy --device cpu)",
            folder.display()
        );
        let mut command = sandbox.prepare("sh");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_activations")]);
        let text = format!("{}: cannot be written: {why}", folder.display());
        sandbox.refuses_command(&mut command, 1, &text);
        let hint = "it is the folder for temporary files, and TMPDIR can name another\n";
        sandbox.refuses_command(&mut command, 1, hint);
    }
}
