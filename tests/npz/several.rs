//! Arrays of an archive chosen by name and pattern, and replaced in another, to which all else passes.

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::path::Path;

use half::f16;
use wgpu_activations::io::{
    self, Input, Order, Sink, Target,
    npz::{self, Member},
};

use super::{DEFLATED, Entry, STORED, archive, array, data, refused, saved};

/// An array of integers, which is not computed on.
fn integers() -> Vec<u8> {
    let file = array(&[2], &data(4));
    let text = String::from_utf8_lossy(&file[10..128]).replace(">f2", "<i2");
    [&file[..10], text.as_bytes(), &file[128..]].concat()
}

fn several() -> Vec<Entry> {
    let mut described = Entry::new("c.npy", DEFLATED, &array(&[40], &data(80)));
    // Its size and checksum follow the data, too, as where an archive is written to a pipe.
    described.flags |= 1 << 3;
    described.packed.extend(b"PK\x07\x08 sizes....");
    vec![
        Entry::new("a.npy", STORED, &array(&[3], &data(6))),
        Entry::new("notes.txt", STORED, b"what this is"),
        Entry::new("b.npy", DEFLATED, &array(&[2, 2], &data(8))),
        described,
        Entry::new("ids.npy", STORED, &integers()),
        Entry::new("folder/a.npy", STORED, &array(&[], &data(2))),
    ]
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn chosen(input: &Input) -> Vec<&str> {
    input.arrays.iter().map(|array| &*array.name).collect()
}

/// A file as the command makes one: all else, then arrays of fives in place of those that were chosen.
fn replaced(mut input: Input, to: &Path) -> wgpu_activations::Result<()> {
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(to)
        .unwrap();
    input.copy_rest(&file, to)?;
    for array in std::mem::take(&mut input.arrays) {
        // Another shape than before.
        let shape = [array.len() + 1];
        let target = Target::File(file.try_clone().unwrap());
        let output = input
            .format
            .begin(target, to, &array.like(&shape, Order::C))?;
        output.write(0, bytemuck::cast_slice(&vec![f16::from_f32(5.0); shape[0]]))?;
        output.finish()?;
    }
    Ok(())
}

fn read(path: &Path, name: &str) -> Vec<u8> {
    let mut found = Vec::new();
    Member::open(path, Some(name))
        .unwrap()
        .read_to_end(&mut found)
        .unwrap();
    found
}

#[test]
fn arrays_are_chosen_by_name_and_pattern_in_the_archive_s_order() {
    let (_folder, path) = saved(&archive(&several()));
    let open = |patterns: &[&str]| io::open(&path, &names(patterns));
    assert_eq!(chosen(&open(&["b", "a"]).unwrap()), ["a", "b"]);
    assert_eq!(chosen(&open(&["?"]).unwrap()), ["a", "b", "c"]);
    let all = open(&["*"]).unwrap();
    assert_eq!(chosen(&all), ["a", "b", "c", "folder/a"]);
    let [(name, reason)] = &all.passed_over[..] else {
        panic!("{:?}", all.passed_over)
    };
    assert!(
        name == "ids" && reason.starts_with("dtype '<i2' is integer"),
        "{reason}"
    );
    // The arrays are read apart, in any order.
    for array in all.arrays.into_iter().rev() {
        let bytes = data(array.len() * 2);
        let expected = bytes
            .as_chunks()
            .0
            .iter()
            .map(|bytes| f16::from_be_bytes(*bytes));
        let found = array.read::<f16>(Order::Fortran).unwrap();
        assert!(
            found
                .iter()
                .map(|x| x.to_bits())
                .eq(expected.map(f16::to_bits))
        );
    }
    for (patterns, text) in [
        (&["ids"][..], "`ids`: dtype '<i2' is integer"),
        (
            &["i*"],
            "has nothing of that name to compute on: `ids`: dtype '<i2' is integer",
        ),
        (
            &["a", "z*"],
            "has nothing that matches `z*`; it has `a`, `b`, `c`, `ids`, `folder/a`",
        ),
        (
            &[],
            "is an .npz archive with 5 arrays; name some with --tensor NAME",
        ),
    ] {
        let error = open(patterns).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
}

#[test]
fn what_is_not_chosen_passes_through_as_it_is() {
    let bytes = archive(&several());
    let (folder, path) = saved(&bytes);
    let to = folder.path().join("y.npz");
    for (patterns, expected) in [
        (&["a"][..], &["a"][..]),
        (&["b", "folder/*"], &["b", "folder/a"]),
        (&["*"], &["a", "b", "c", "folder/a"]),
    ] {
        let input = io::open(&path, &names(patterns)).unwrap();
        assert_eq!(chosen(&input), expected);
        replaced(input, &to).unwrap();
        // The names keep their order.
        let all = npz::names(&path).unwrap();
        assert_eq!(npz::names(&to).unwrap(), all);
        for name in &all {
            if expected.contains(&&**name) {
                let fives = [f16::from_f32(5.0).to_be_bytes()[0], 0];
                assert!(
                    read(&to, name).chunks(2).all(|bytes| bytes == fives),
                    "{name}"
                );
            } else if name != "ids" {
                assert_eq!(read(&to, name), read(&path, name), "{name}");
            }
        }
        // To the bit, with what is no array, and with what describes the data behind it.
        let written = fs::read(&to).unwrap();
        for entry in several() {
            if !expected.contains(&entry.name.trim_end_matches(".npy")) {
                let part = [entry.name.as_bytes(), &entry.packed].concat();
                assert!(
                    written.windows(part.len()).any(|window| window == part),
                    "{}",
                    entry.name
                );
            }
        }
    }
}

#[test]
fn several_arrays_do_not_go_to_a_file_of_one() {
    let (_folder, path) = saved(&archive(&several()));
    let input = io::open(&path, &names(&["?"])).unwrap();
    let error = input
        .output_format("y.npy".as_ref())
        .unwrap_err()
        .to_string();
    let text = "y.npy: an .npy file holds one array, 3 are chosen; name a .npz file";
    assert!(error.starts_with(text), "{error}");
    let input = io::open(&path, &names(&["b"])).unwrap();
    assert_eq!(input.output_format("y.npy".as_ref()).unwrap().name(), "npy");
}

#[test]
fn entries_that_overlap_do_not_pass() {
    let mut bytes = archive(&several());
    // The last record gets the place of the first entry.
    let record = |window: &[u8]| window == b"PK\x01\x02";
    let at = bytes.windows(4).rposition(record).unwrap();
    bytes[at + 42..at + 46].fill(0);
    let (_folder, path) = saved(&bytes);
    let error = io::open(&path, &names(&["a"])).unwrap_err().to_string();
    assert!(
        error.contains("overlap") || error.contains("damaged"),
        "{error}"
    );
}

#[test]
fn archives_of_other_things_are_named() {
    let torch = [
        Entry::new("archive/data.pkl", STORED, b"\x80\x02}q\0."),
        Entry::new("archive/data/0", STORED, &[0; 16]),
    ];
    let text =
        "is a file of PyTorch, as of torch.save; save its tensors with safetensors.torch.save_file";
    for (entries, text) in [
        (&torch[..], text),
        (&[Entry::new("data.pkl", STORED, b"")], text),
        (
            &[Entry::new("a.txt", STORED, b"")],
            "is an .npz archive without arrays",
        ),
    ] {
        let (_folder, path) = saved(&archive(entries));
        let error = io::open(&path, &[]).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
    let error = refused(&archive(&torch), None);
    assert!(error.starts_with(text), "{error}");
}

#[test]
fn mutated_archives_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("x.npz"), folder.path().join("y.npz"));
    let original = archive(&several());
    let mut passed = 0;
    for at in 0..original.len() {
        let mut bytes = original.clone();
        bytes[at] = !bytes[at];
        fs::write(&from, &bytes).unwrap();
        match io::open(&from, &names(&["b"])).and_then(|input| replaced(input, &to)) {
            Ok(()) => passed += 1,
            Err(error) => assert!(!error.to_string().contains(char::is_control), "{error}"),
        }
    }
    assert!(passed > 100, "{passed}: not all fields matter");
}
