//! Every registered format: written and read back through the trait, opened by content, whatever the name.
// Helpers of tests fail as tests do.
#![allow(clippy::unwrap_used)]

#[path = "formats/elements.rs"]
mod elements;

use std::{
    fs::{self, File},
    io::Cursor,
    path::Path,
};

use half::{bf16, f16};
use wgpu_activations::{
    Element, Error,
    io::{
        self, Endian, FORMATS, Format, NewArray, Number, Order, Sink, Source, Storage, Target,
        collect,
    },
};

const SHAPE: &[usize] = &[2, 3];

fn storage(number: Number) -> Storage {
    Storage {
        number,
        endian: Endian::Little,
    }
}

fn described(storage: Storage) -> NewArray<'static> {
    NewArray {
        name: "x",
        shape: SHAPE,
        order: Order::C,
        storage,
        place: None,
    }
}

fn numbers<T: Element>() -> Vec<T> {
    (0..6)
        .map(|index| T::from_f64(f64::from(index) / 4.0))
        .collect()
}

/// Writes a file in two pieces, the last first where elements come in any order.
fn write<T: Element>(
    format: &dyn Format,
    path: &Path,
    array: &NewArray<'_>,
    in_order: bool,
) -> wgpu_activations::Result<()> {
    let target = Target::File(File::create(path).unwrap());
    let output = format.begin(target, path, array)?;
    let values = numbers::<T>();
    let (left, right) = values.split_at(2);
    if in_order {
        output.write(0, bytemuck::cast_slice(left))?;
        output.write(2, bytemuck::cast_slice(right))?;
        output.finish()
    } else {
        let output = output.in_any_order()?;
        output.write(2, bytemuck::cast_slice(right))?;
        output.write(0, bytemuck::cast_slice(left))?;
        output.finish()
    }
}

/// The name by which the array is asked for.
fn names(format: &dyn Format) -> Vec<String> {
    match format.name() {
        "npy" => Vec::new(),
        _ => vec!["x".to_owned()],
    }
}

fn round_trip<T: Element + PartialEq>(number: Number) {
    let folder = tempfile::tempdir().unwrap();
    for format in FORMATS {
        let what = format!("{} of {number:?}", format.name());
        let path = folder.path().join(format!("x.{}", format.extensions()[0]));
        assert_eq!(io::format_of(&path), *format);
        let loud = format!("x.{}", format.extensions()[0].to_uppercase());
        assert_eq!(io::format_of(loud.as_ref()), *format);
        for in_order in [true, false] {
            let written = write::<T>(*format, &path, &described(storage(number)), in_order);
            written.unwrap();
            let start = fs::read(&path).unwrap();
            let recognising = FORMATS
                .iter()
                .filter(|format| format.recognises(&start[..16]));
            assert_eq!(recognising.collect::<Vec<_>>(), [format], "{what}");

            let open = || {
                let input = io::open(&path, &names(*format)).unwrap();
                assert_eq!(input.format, *format, "{what}");
                input.into_only()
            };
            let array = open().unwrap();
            assert_eq!((&*array.shape, array.len()), (SHAPE, 6), "{what}");
            assert_eq!(
                (array.element, array.storage),
                (T::TYPE, storage(number)),
                "{what}"
            );
            let found: Vec<T> = array.read(Order::Fortran).unwrap();
            let expected = io::rearrange(numbers::<T>(), SHAPE, Order::C, Order::Fortran);
            assert!(found == expected, "{what}");
            for once in [true, false] {
                let elements = open().unwrap().elements(once).unwrap();
                assert!(
                    collect::<T>(&elements, 6).unwrap() == numbers::<T>(),
                    "{what}"
                );
                elements.expect_end().unwrap();
            }
            // Not once: again, and from anywhere.
            let elements = open().unwrap().elements(false).unwrap();
            for place in [5, 0, 3] {
                let mut found = Vec::new();
                let mut put = |bytes: &[u8]| found.extend_from_slice(bytes);
                elements.read(place..place + 1, &mut put).unwrap();
                let expected = &numbers::<T>()[place..=place];
                assert_eq!(found, bytemuck::cast_slice::<T, u8>(expected), "{what}");
            }
        }
    }
}

#[test]
fn what_is_written_is_read_back() {
    round_trip::<f32>(Number::F32);
    round_trip::<f16>(Number::F16);
    round_trip::<bf16>(Number::Bf16);
}

#[test]
fn float64_is_rounded_where_a_format_has_it() {
    let folder = tempfile::tempdir().unwrap();
    for format in FORMATS {
        let path = folder.path().join(format.name());
        write::<f32>(*format, &path, &described(storage(Number::F64)), true).unwrap();
        let array = io::open(&path, &[]).unwrap().into_only().unwrap();
        assert!(["float64", "f64"].contains(&array.type_name));
        assert_eq!(array.read::<f32>(Order::C).unwrap(), numbers::<f32>());
        let array = io::open(&path, &[]).unwrap().into_only().unwrap();
        let error = array.read::<f16>(Order::C).unwrap_err().to_string();
        assert!(error.contains("f16"), "{error}");
        let array = io::open(&path, &[]).unwrap().into_only().unwrap();
        assert_eq!(array.read_as_f32(Order::C).unwrap(), numbers::<f32>());
    }
}

#[test]
fn arrays_in_fortran_order_go_where_the_format_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let array = NewArray {
        order: Order::Fortran,
        ..described(storage(Number::F32))
    };
    for format in FORMATS {
        let path = folder.path().join(format.name());
        let written = write::<f32>(*format, &path, &array, true);
        if format.keeps_layout() {
            let error = written.unwrap_err().to_string();
            assert!(error.ends_with("holds tensors in C order"), "{error}");
            continue;
        }
        written.unwrap();
        let stored = io::open(&path, &[]).unwrap().into_only().unwrap();
        assert_eq!(stored.order, Order::Fortran);
        let expected = io::rearrange(numbers::<f32>(), SHAPE, Order::Fortran, Order::C);
        assert_eq!(stored.read::<f32>(Order::C).unwrap(), expected);
    }
}

#[test]
fn the_content_decides_whatever_the_name() {
    let folder = tempfile::tempdir().unwrap();
    for format in FORMATS {
        for name in ["x.npy", "x.npz", "x.safetensors", "x.NPY", "x.bin", "x"] {
            let path = folder.path().join(name);
            write::<f32>(*format, &path, &described(storage(Number::F32)), true).unwrap();
            let input = io::open(&path, &names(*format)).unwrap();
            assert_eq!(input.format, *format, "{name}");
            let values = input.into_only().unwrap().read::<f32>(Order::C).unwrap();
            assert_eq!(values, numbers::<f32>(), "{name}");
        }
    }
}

#[test]
fn content_of_no_format_is_refused_by_the_one_of_the_name() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content, text) in [
        ("x", &b"1, 2, 3"[..], "is not an .npy file"),
        ("x.npy", b"", "is empty; an .npy file is needed"),
        ("x.npz", b"1, 2, 3", "is not an .npz file"),
        (
            "x.safetensors",
            b"",
            "is empty; a .safetensors file is needed",
        ),
        // A length beyond what the format allows is no header's.
        ("y", b"12345678{", "is not an .npy file"),
        (
            "y.safetensors",
            b"12345678{",
            "so this is no .safetensors file",
        ),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        let error = io::open(&path, &[]).unwrap_err();
        assert!(matches!(error, Error::File { .. }), "{error:?}");
        assert!(error.to_string().contains(text), "{name}: {error}");
    }
}

#[test]
fn files_that_people_take_for_one_of_arrays_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content, text) in [
        (
            "x.npy",
            &b"version https://git-lfs.github.com/spec/v1\noid sha256:00"[..],
            "`git lfs pull`",
        ),
        (
            "x.npy",
            b"\x80\x02}q\x00.",
            "a Python pickle, as of torch.save",
        ),
        ("x.npy", b"\x80\x04\x95", "a Python pickle"),
        ("x.safetensors", b"\xff\xfe{\x00}\x00", "text in UTF-16"),
        ("x.safetensors", b"{\x00\"\x00w\x00", "text in UTF-16"),
        ("x.safetensors", b"\x00{\x00\"\x00w", "text in UTF-16"),
        ("x.npy", b"\xff\xfe\x00\x00{\x00\x00\x00", "text in UTF-32"),
        ("x.npy", b"\x00\x00\xfe\xff\x00\x00\x00{", "text in UTF-32"),
        ("x.json", b"{\x00\x00\x00\"\x00\x00\x00", "text in UTF-32"),
        ("x.json", b"\x00\x00\x00{\x00\x00\x00\"", "text in UTF-32"),
        ("x.npy", b"\x1f\x8b\x08\x00", "`gunzip`"),
        ("x.npz", b"\xef\xbb\xbf{}", "byte order mark"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        let error = io::open(&path, &[]).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
        // The index of a model, where it is one at all.
        let shards = io::safetensors::open_shards(&path, &[]).unwrap();
        assert!(shards.is_none(), "{text}");
    }
}

#[test]
fn the_index_of_a_model_is_no_file_of_arrays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.safetensors");
    fs::write(&path, "{\"weight_map\":{}}").unwrap();
    let error = io::open(&path, &[]).unwrap_err().to_string();
    let text = "is JSON, which holds no arrays; `activations run` takes the index";
    assert!(error.contains(text), "{error}");
}

#[test]
fn a_pipe_brings_what_needs_no_positions() {
    let folder = tempfile::tempdir().unwrap();
    for format in FORMATS {
        let path = folder.path().join("x");
        write::<f32>(*format, &path, &described(storage(Number::F32)), true).unwrap();
        let bytes = fs::read(&path).unwrap();
        let opened = io::open_pipe(Cursor::new(bytes), Path::new("-"), &names(*format));
        if format.name() == "npy" {
            let array = opened.unwrap().into_only().unwrap();
            assert_eq!(array.read::<f32>(Order::C).unwrap(), numbers::<f32>());
        } else {
            let error = opened.unwrap_err().to_string();
            let text = format!("-: is a pipe or a device; {} must have", format.noun());
            assert!(error.starts_with(&text), "{error}");
        }
    }
}

#[test]
fn a_pipe_takes_what_needs_no_positions() {
    for format in FORMATS {
        let target = Target::Pipe(Box::new(std::io::sink()));
        let begun = format.begin(target, Path::new("-"), &described(storage(Number::F32)));
        assert_eq!(begun.is_ok(), format.name() == "npy", "{}", format.name());
    }
}

#[test]
fn what_is_missing_or_too_much_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    let begin = || {
        let target = Target::File(File::create(&path).unwrap());
        let array = described(storage(Number::F32));
        io::format_of(&path).begin(target, &path, &array).unwrap()
    };
    let output = begin();
    output.write(0, &[0; 12]).unwrap();
    let error = output.finish().unwrap_err().to_string();
    assert!(
        error.contains("holds 24 bytes of data but 12 were written"),
        "{error}"
    );
    let output = begin();
    let error = output.write(1, &[0; 4]).unwrap_err().to_string();
    assert!(error.contains("out of order"), "{error}");
}

#[test]
fn one_tensor_is_replaced_and_all_else_passes_through() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let header = br#"{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},"c":{"dtype":"BF16","shape":[1],"data_offsets":[16,18]}}"#;
    let data: Vec<u8> = (0..18).collect();
    let file = [&(header.len() as u64).to_le_bytes()[..], header, &data].concat();
    fs::write(path("in.safetensors"), &file).unwrap();

    let mut input = io::open(&path("in.safetensors"), &["b".to_owned()]).unwrap();
    let array = input.arrays.pop().unwrap();
    let out = path("out.safetensors");
    let format = input.output_format(&out).unwrap();
    input.expect_fit(&array, &[2], format).unwrap();
    let error = input
        .expect_fit(&array, &[1], format)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("tensor `b` of shape [2] would become [1]"),
        "{error}"
    );
    let to = File::create(&out).unwrap();
    input.copy_rest(&to, &out).unwrap();
    let output = format
        .begin(Target::File(to), &out, &array.like(&[2], Order::C))
        .unwrap();
    output
        .write(0, bytemuck::cast_slice(&[1.0f32, 2.0]))
        .unwrap();
    output.finish().unwrap();

    let mut expected = file;
    let place = expected.len() - 10;
    expected[place..place + 4].copy_from_slice(&1.0f32.to_le_bytes());
    expected[place + 4..place + 8].copy_from_slice(&2.0f32.to_le_bytes());
    assert_eq!(fs::read(&out).unwrap(), expected);

    // Between a file of one array and one that is rewritten there is no way.
    let error = input.output_format(&path("y.npy")).unwrap_err();
    assert!(matches!(error, Error::FileFormat(_)), "{error:?}");
    let text = "y.npy: tensors of a .safetensors file go to another .safetensors file";
    assert!(error.to_string().ends_with(text), "{error}");
    let npy = path("x.npy");
    write::<f32>(FORMATS[0], &npy, &described(storage(Number::F32)), true).unwrap();
    let input = io::open(&npy, &[]).unwrap();
    assert_eq!(input.output_format(&path("y.npz")).unwrap().name(), "npz");
    let error = input.output_format(&out).unwrap_err().to_string();
    let text = "an array of an .npy or .npz file goes to an .npy or .npz file";
    assert!(error.ends_with(text), "{error}");
}

#[test]
fn no_format_takes_names_that_it_does_not_know() {
    let folder = tempfile::tempdir().unwrap();
    for format in FORMATS {
        let path = folder.path().join("x");
        write::<f32>(*format, &path, &described(storage(Number::F32)), true).unwrap();
        let error = io::open(&path, &["other".to_owned()]).unwrap_err();
        // A wrong name is the file's, a name where there are none the caller's.
        let is_file = matches!(error, Error::File { .. });
        assert_eq!(is_file, format.name() != "npy", "{error:?}");
        assert_eq!(io::holds_several(&path), format.holds_several());
    }
    assert!(!io::holds_several(folder.path()));
}

#[test]
fn several_arrays_alone_make_a_file() {
    let folder = tempfile::tempdir().unwrap();
    for format in FORMATS.iter().filter(|format| format.holds_several()) {
        let extension = format.extensions()[0];
        let path = |name: &str| folder.path().join(format!("{name}.{extension}"));
        // All of `x`, and then but `a` and `c` of that.
        let begin = |input: &mut io::Input, to: &Path| {
            let file = File::create_new(to).unwrap();
            input.begin_alone(*format, &file, to).unwrap();
            for array in &input.arrays {
                let target = Target::File(file.try_clone().unwrap());
                let new = array.like(&array.shape, Order::C);
                let output = format.begin(target, to, &new).unwrap();
                output
                    .write(0, bytemuck::cast_slice(&numbers::<f32>()))
                    .unwrap();
                output.finish().unwrap();
            }
        };
        write::<f32>(*format, &path("x"), &described(storage(Number::F32)), true).unwrap();
        let mut input = io::open(&path("x"), &[]).unwrap();
        for name in ["a", "b", "c"] {
            let mut array = io::open(&path("x"), &[]).unwrap().into_only().unwrap();
            array.name = name.to_owned();
            input.arrays.push(array);
        }
        input.arrays.remove(0);
        begin(&mut input, &path("three"));
        let names = ["c", "a"].map(str::to_owned);
        let mut two = io::open(&path("three"), &names).unwrap();
        begin(&mut two, &path("two"));
        let all = io::open(&path("two"), &["*".to_owned()]).unwrap();
        let found: Vec<_> = all.arrays.iter().map(|array| &*array.name).collect();
        assert_eq!(found, ["a", "c"], "{}", format.name());
        for array in all.arrays {
            assert_eq!(array.read::<f32>(Order::C).unwrap(), numbers::<f32>());
        }
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_told() {
    let folder = tempfile::tempdir().unwrap();
    for format in FORMATS {
        let path = folder
            .path()
            .join("x")
            .with_extension(format.extensions()[0]);
        write::<f32>(*format, &path, &described(storage(Number::F32)), true).unwrap();
        let names = match format.keeps_layout() {
            true => vec!["*".to_owned()],
            false => Vec::new(),
        };
        let open = || io::open(&path, &names).unwrap();
        let input = open();
        input.expect_unchanged().unwrap();
        let file = File::options().append(true).open(&path).unwrap();
        std::io::Write::write_all(&mut &file, &[0]).unwrap();
        let error = input.expect_unchanged().unwrap_err().to_string();
        assert!(error.contains("was changed while it was read"), "{error}");
        // The time alone.
        file.set_len(file.metadata().unwrap().len() - 1).unwrap();
        let input = open();
        let time = file.metadata().unwrap().modified().unwrap();
        file.set_modified(time + std::time::Duration::from_secs(1))
            .unwrap();
        assert!(input.expect_unchanged().is_err());
    }
}
