//! No memory for what a shape claims, results of nothing, and what memory a job is said to take.

use std::fs;

use crate::sandbox::{Sandbox, array, device_names, elements, numbers};

/// What a file of no elements asks for, by the header alone.
#[test]
fn shapes_claim_no_memory() {
    let sandbox = Sandbox::new();
    for (name, shape) in [("rows.npy", [1 << 40, 0]), ("columns.npy", [0, 1 << 40])] {
        sandbox.save(name, &array(&shape, Vec::new()));
    }
    let before = sandbox.files();
    for device in device_names() {
        for op in ["dice", "softmax", "prelu", "maxout(pieces=2)"] {
            for (input, axis) in [("rows", 0), ("rows", 1), ("columns", 0), ("columns", 1)] {
                if (op, axis) != ("prelu", 1) {
                    let axis = if op == "prelu" {
                        String::new()
                    } else {
                        format!("--axis {axis}")
                    };
                    let line = format!("run {op} {input}.npy -o y.npy --device {device} {axis}");
                    sandbox.run(&line).expect_success();
                    fs::remove_file(sandbox.path("y.npy")).unwrap();
                }
            }
        }
        let on = format!("--axis 0 --device {device}");
        let by_default =
            "of memory but may take 4 GiB; this is the default: allow more by --memory,";
        let line = format!("run dice rows.npy -o y.npy --out mean=m.npy {on}");
        sandbox.refuses(1, &line, by_default);
        let line = format!("grad dice rows.npy rows.npy -o y.npy --out alpha=a.npy {on}");
        sandbox.refuses(1, &line, by_default);
        assert!(before == sandbox.files());
    }
}

#[test]
fn results_of_nothing_are_computed() {
    let sandbox = Sandbox::new();
    sandbox.save("x.npy", &array(&[3, 0], Vec::new()));
    sandbox.save("w.npy", &array(&[2, 0, 4], Vec::new()));
    let bias = vec![1.0, 2.0, 3.0, 4.0, 4.0, 3.0, 2.0, 1.0];
    sandbox.save("b.npy", &array(&[2, 4], bias));
    sandbox.save("g.npy", &array(&[3, 4], vec![1.0; 12]));
    sandbox.save("batch.npy", &array(&[0, 8], Vec::new()));
    let read = |name: &str| {
        let array = sandbox.read(name);
        (array.shape.clone(), elements(array))
    };
    for device in device_names() {
        let affine = "--param weight=@w.npy --param bias=@b.npy --force --verify full";
        let line = format!("run maxout x.npy -o y.npy {affine} --device {device}");
        sandbox.run(&line).expect_success();
        let row = [4.0, 3.0, 3.0, 4.0];
        assert_eq!(read("y.npy"), (vec![3, 4], row.repeat(3)), "{device}");
        let line = format!(
            "grad maxout x.npy g.npy -o dx.npy --out bias=db.npy {affine} --device {device}"
        );
        sandbox.run(&line).expect_success();
        assert_eq!(read("dx.npy"), (vec![3, 0], Vec::new()), "{device}");
        // Ties go to the first piece.
        let of_bias = vec![0.0, 0.0, 3.0, 3.0, 3.0, 3.0, 0.0, 0.0];
        assert_eq!(read("db.npy"), (vec![2, 4], of_bias), "{device}");

        for (input, axis, shape, empty) in [
            ("x.npy", 1, [3, 1], [3, 0]),
            ("batch.npy", 0, [1, 8], [0, 8]),
        ] {
            let rows = shape.iter().product();
            sandbox.save("u.npy", &array(&shape, vec![1.0; rows]));
            let flags = format!("--axis {axis} --force --verify full --device {device}");
            let line = format!("run logsumexp {input} -o y.npy {flags}");
            sandbox.run(&line).expect_success();
            let nothing = vec![f64::NEG_INFINITY; rows];
            assert_eq!(read("y.npy"), (shape.to_vec(), nothing), "{device}");
            let line = format!("grad logsumexp {input} u.npy -o dx.npy {flags}");
            sandbox.run(&line).expect_success();
            assert_eq!(read("dx.npy"), (empty.to_vec(), Vec::new()), "{device}");
        }

        let outs = ["mean", "variance", "running-mean", "running-variance"];
        let line = outs
            .map(|name| format!("--out {name}={name}.npy"))
            .join(" ");
        let line = format!("run dice batch.npy -o y.npy --force {line} --device {device}");
        sandbox.run(&line).expect_success();
        for (name, expected) in outs.into_iter().zip([f64::NAN, f64::NAN, 0.0, 1.0]) {
            let (shape, found) = read(&format!("{name}.npy"));
            let same = |found: &f64| *found == expected || found.is_nan() && expected.is_nan();
            assert!(
                shape == [8] && found.iter().all(same),
                "{device} {name}: {found:?}"
            );
        }
        let line = format!(
            "grad dice x.npy x.npy -o dx.npy --axis 0 --force --out alpha=a.npy --device {device}"
        );
        sandbox.run(&line).expect_success();
        assert_eq!(read("a.npy"), (vec![3], vec![0.0; 3]), "{device}");
    }
}

#[test]
fn what_takes_more_memory_than_allowed_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.save("x.npy", &array(&[2, 100_000], numbers(200_000, 3)));
    let mut columns = array(&[400, 500], numbers(200_000, 3));
    columns.order = wgpu_activations::io::npy::Order::Fortran;
    sandbox.save("columns.npy", &columns);
    for device in device_names() {
        let run = |op: &str, memory: &str| {
            format!("run {op} -o y.npy --device {device} --memory {memory}")
        };
        sandbox.refuses(
            1,
            &run("gelu x.npy", "1K"),
            "of memory but may take 1 KiB; allow more memory,",
        );
        // Four numbers of each channel.
        sandbox.refuses(1, &run("dice x.npy", "6M"), "of memory but may take 6 MiB;");
        let dropout = "alpha-dropout(p=0.5,seed=1) columns.npy";
        sandbox.refuses(1, &run(dropout, "1M"), "of a whole tensor");
        let told = sandbox
            .run(&(run("dice x.npy", "12M") + " --dry-run --json"))
            .expect_json();
        let of = |name: &str| told[0][name].as_u64().unwrap();
        assert!(
            of("known_memory") >= 100_000 * 64 && of("memory") <= 12 << 20,
            "{told}"
        );
    }
    if cfg!(unix) {
        sandbox.refuses(1, "compare /dev/zero", "is longer than 64 MiB");
    }
}

/// An affine maxout of rows without elements gives as many results as it has weights for.
#[test]
fn results_of_rows_without_elements_keep_to_the_memory() {
    let sandbox = Sandbox::new();
    for (name, shape) in [
        ("x.npy", &[1 << 12, 0][..]),
        ("long.npy", &[1 << 20, 0]),
        ("few.npy", &[64, 0]),
        ("w.npy", &[2, 0, 1 << 16]),
        ("wide.npy", &[2, 0, 1 << 20]),
    ] {
        sandbox.save(name, &array(shape, Vec::new()));
    }
    let run = |x: &str, w: &str, flags: &str| {
        format!("run maxout {x} -o y.npy --param weight=@{w} --device cpu {flags}")
    };
    let told = "of memory but may take ";
    for (x, flags) in [
        ("x.npy", "--memory 1M --dry-run"),
        ("long.npy", "--memory 1M --dry-run"),
        // A list of so many chunks is too much.
        ("long.npy", "--dry-run"),
    ] {
        sandbox.refuses(1, &run(x, "wide.npy", flags), told);
    }
    let plan = sandbox
        .run(&run("x.npy", "w.npy", "--memory 16M --dry-run --json"))
        .expect_json();
    let of = |key: &str| plan[0][key].as_u64().unwrap();
    assert!((1 << 20..16 << 20).contains(&of("memory")), "{plan}");
    assert_eq!(of("chunk_elements") % (1 << 16), 0, "{plan}");
    assert!(of("chunk_elements") > 0 && of("chunks") > 64, "{plan}");
    sandbox
        .run(&run("few.npy", "w.npy", "--memory 8M"))
        .expect_success();
    assert_eq!(sandbox.read("y.npy").shape, [64, 1 << 16]);
}
