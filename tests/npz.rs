//! `.npz` files: one array is found and streamed, what is written NumPy reads, and what is wrong is
//! named.
//!
//! Longer than 500 lines: one format, whose parts share what is below.
// Helpers of tests fail as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs::{self, File};
use std::io::{Cursor, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use flate2::{Compression, Crc, write::DeflateEncoder};
use wgpu_activations::io::npy::{Array, Dtype, Endian, Float, Header, Order};
use wgpu_activations::io::npz::{self, Member, Writer};

#[path = "npz/several.rs"]
mod several;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// An entry of an archive, with all that its records say.
struct Entry {
    name: String,
    flags: u16,
    method: u16,
    checksum: u32,
    packed: Vec<u8>,
    packed_size: u32,
    size: u32,
}

impl Entry {
    fn new(name: &str, method: u16, content: &[u8]) -> Self {
        let packed = if method == DEFLATED {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        } else {
            content.to_vec()
        };
        let mut crc = Crc::new();
        crc.update(content);
        Self {
            name: name.to_owned(),
            // The name is UTF-8.
            flags: 1 << 11,
            method,
            checksum: crc.sum(),
            packed_size: packed.len() as u32,
            packed,
            size: content.len() as u32,
        }
    }

    /// What the entry's record and that of the directory share.
    fn fields(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for field in [20, self.flags, self.method, 0, 33] {
            bytes.extend(field.to_le_bytes());
        }
        for field in [self.checksum, self.packed_size, self.size] {
            bytes.extend(field.to_le_bytes());
        }
        bytes.extend((self.name.len() as u16).to_le_bytes());
        bytes.extend([0; 2]);
        bytes
    }
}

/// An archive as the format lays it out: entries, directory, its end.
fn archive(entries: &[Entry]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(entry.fields());
        directory.extend([0; 10]);
        directory.extend((bytes.len() as u32).to_le_bytes());
        directory.extend(entry.name.as_bytes());

        bytes.extend(b"PK\x03\x04");
        bytes.extend(entry.fields());
        bytes.extend(entry.name.as_bytes());
        bytes.extend(&entry.packed);
    }
    let start = bytes.len() as u32;
    bytes.extend(&directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend([entries.len() as u16; 2].map(u16::to_le_bytes).concat());
    bytes.extend((directory.len() as u32).to_le_bytes());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0; 2]);
    bytes
}

fn header(shape: &[usize]) -> Header {
    Header {
        shape: shape.to_vec(),
        order: Order::Fortran,
        dtype: Dtype {
            float: Float::F16,
            endian: Endian::Big,
        },
        bytes: 128,
    }
}

/// An array's file of a shape and data.
fn array(shape: &[usize], data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    header(shape).write(&mut bytes).unwrap();
    bytes.extend(data);
    bytes
}

fn saved(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// The reason in a message; checks that it names the file and is one line.
fn reason(path: &Path, message: &str) -> String {
    assert!(!message.contains(char::is_control), "{message:?}");
    assert!(message.len() < 2000, "{message}");
    let name = format!("{}: ", path.display());
    message
        .strip_prefix(&name)
        .unwrap_or_else(|| panic!("{message:?} does not name {name}"))
        .to_owned()
}

/// The reason why an array cannot be opened.
fn refused(bytes: &[u8], name: Option<&str>) -> String {
    let (_folder, path) = saved(bytes);
    let error = Member::open(&path, name).unwrap_err();
    reason(&path, &error.to_string())
}

/// The reason why a whole archive is refused.
fn refused_whole(path: &Path) -> String {
    let error = npz::names(path).unwrap_err().to_string();
    assert_eq!(Member::open(path, None).unwrap_err().to_string(), error);
    assert_eq!(
        Member::open(path, Some("x")).unwrap_err().to_string(),
        error
    );
    reason(path, &error)
}

/// The reason why the array of an archive of one entry is refused.
fn refused_entry(entry: Entry) -> String {
    refused(&archive(&[entry]), None)
}

/// Bytes that deflate shortens.
fn data(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| (i / 3 % 256) as u8).collect()
}

#[test]
fn arrays_are_streamed_stored_and_deflated() {
    // Beyond the buffer of the decoder.
    let long = data(400_000);
    for method in [STORED, DEFLATED] {
        let (_folder, path) = saved(&archive(&[
            Entry::new("notes.txt", method, b"not an array"),
            Entry::new("a.npy", method, &array(&[2, 2], &[1, 2, 3, 4, 5, 6, 7, 8])),
            Entry::new("long/\u{3b1}.npy", method, &array(&[200_000], &long)),
            Entry::new("none.npy", method, &array(&[0, 5], &[])),
        ]));
        assert_eq!(npz::names(&path).unwrap(), ["a", "long/\u{3b1}", "none"]);
        for (name, shape, expected) in [
            ("a", &[2, 2][..], &[1, 2, 3, 4, 5, 6, 7, 8][..]),
            ("long/\u{3b1}", &[200_000], &long),
            ("none", &[0, 5], &[]),
        ] {
            let mut member = Member::open(&path, Some(name)).unwrap();
            assert_eq!(member.name(), name);
            assert_eq!(member.header(), &header(shape));
            let mut found = Vec::new();
            member.read_to_end(&mut found).unwrap();
            assert!(found == expected, "{name}");
            assert_eq!(member.read(&mut [0]).unwrap(), 0);
        }
    }
}

#[test]
fn the_only_array_needs_no_name() {
    let a = || Entry::new("a.npy", STORED, &array(&[1], &[1, 2]));
    let (_folder, path) = saved(&archive(&[a(), Entry::new("b.txt", STORED, b"")]));
    assert_eq!(Member::open(&path, None).unwrap().name(), "a");
    assert_eq!(
        refused(&archive(&[a(), Entry::new("b.npy", STORED, b"")]), None),
        "holds 2 arrays, one must be named: `a`, `b`"
    );
    assert_eq!(
        refused(&archive(&[Entry::new("b.txt", STORED, b"")]), None),
        "holds no arrays"
    );
    assert_eq!(refused(&archive(&[]), None), "holds no arrays");
}

#[test]
fn an_unknown_name_lists_the_names_there_are() {
    let entries = |count| -> Vec<u8> {
        let entry = |i| Entry::new(&format!("a\n{i}.npy"), STORED, b"");
        archive(&(0..count).map(entry).collect::<Vec<_>>())
    };
    assert_eq!(
        refused(&entries(2), Some("\u{1b}")),
        r"has no array `\u{1b}`; it holds `a\n0`, `a\n1`"
    );
    assert_eq!(
        refused(&entries(0), Some("a")),
        "has no array `a`; it holds none"
    );
    let message = refused(&entries(25), Some("a"));
    assert!(message.ends_with(r"`a\n19`, 5 more"), "{message}");
}

#[test]
fn what_is_no_npz_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        refused_whole(&folder.path().join("none.npz")),
        "no such file"
    );
    assert_eq!(
        refused_whole(folder.path()),
        "is a directory; an .npz file is needed"
    );
    for (bytes, expected) in [
        (&b""[..], "is empty; an .npz file is needed"),
        (
            &array(&[1], &[0, 0]),
            "is an .npy file; give it a name that ends in .npy",
        ),
        (
            b"GIF89a\x01\n0123456789",
            r"is not an .npz file: begins with `GIF89a\x01\n`, must begin with `PK\x03\x04`",
        ),
        (
            b"PK",
            r"is not an .npz file: begins with `PK`, must begin with `PK\x03\x04`",
        ),
    ] {
        let (_folder, path) = saved(bytes);
        assert_eq!(refused_whole(&path), expected);
    }
}

#[cfg(unix)]
#[test]
fn devices_are_refused() {
    assert_eq!(
        refused_whole(Path::new("/dev/null")),
        "is a pipe or a device; an .npz file must have positions to go to"
    );
}

#[test]
fn an_archive_that_is_cut_short_is_refused() {
    let whole = archive(&[Entry::new("a.npy", STORED, &array(&[1], &[1, 2]))]);
    for length in 4..whole.len() {
        let (_folder, path) = saved(&whole[..length]);
        let message = refused_whole(&path);
        assert!(
            message.starts_with("is damaged or not complete: ")
                || message.starts_with("cannot be read: "),
            "{message}"
        );
    }
}

#[test]
fn an_entry_beyond_the_file_is_refused() {
    let mut entry = Entry::new("a.npy", STORED, &array(&[1000], &[0; 2000]));
    entry.packed.truncate(100);
    let length = archive(&[]).len() + 46 + 5 + 30 + 5 + 100;
    assert_eq!(
        refused_entry(entry),
        format!(
            "array `a` takes 2128 bytes from byte 35, but the file has {length}; the file is not complete"
        )
    );
}

#[test]
fn names_must_differ() {
    for other in ["a.npy", "b.txt"] {
        let entry = |name| Entry::new(name, STORED, &array(&[1], &[1, 2]));
        let bytes = archive(&[entry(other), entry("c.npy"), entry(other)]);
        let (_folder, path) = saved(&bytes);
        assert_eq!(
            refused_whole(&path),
            "holds two entries of the same name; names must differ"
        );
    }
}

#[test]
fn encrypted_entries_are_refused() {
    let mut entry = Entry::new("a.npy", STORED, &array(&[1], &[1, 2]));
    entry.flags |= 1;
    assert_eq!(
        refused_entry(entry),
        "array `a` is encrypted; save it without a password"
    );
}

#[test]
fn other_compressions_are_refused() {
    for (method, name) in [
        (9, "Deflate64"),
        (12, "Bzip2"),
        (14, "Lzma"),
        (93, "Zstd"),
        (500, ""),
    ] {
        let mut entry = Entry::new("a.npy", STORED, &array(&[1], &[1, 2]));
        entry.method = method;
        let message = refused_entry(entry);
        assert!(
            message.starts_with("array `a` is compressed by ")
                && message.contains(name)
                && message.ends_with("; save it with numpy.savez or numpy.savez_compressed"),
            "{message}"
        );
    }
}

#[test]
fn sizes_must_be_what_the_array_s_own_header_claims() {
    for method in [STORED, DEFLATED] {
        for found in [5, 7] {
            let entry = Entry::new("a.npy", method, &array(&[3], &vec![0; found]));
            assert_eq!(
                refused_entry(entry),
                format!(
                    "array `a` header claims 3 elements of 2 bytes = 6 bytes of data, but there are {found}; \
                     they must match"
                )
            );
        }
    }
    let entry = Entry::new("a.npy", STORED, &{
        let mut bytes = array(&[1_000_000_000_000_000_000], &[]);
        // Eight elements of 2^60.
        let text = bytes
            .windows(19)
            .position(|x| x == b"1000000000000000000")
            .unwrap();
        bytes[text..text + 19].copy_from_slice(b"9223372036854775808");
        bytes
    });
    assert_eq!(
        refused_entry(entry),
        "array `a` header claims shape [9223372036854775808], more than any memory holds"
    );
}

#[test]
fn what_an_entry_holds_must_be_an_array() {
    assert_eq!(
        refused_entry(Entry::new("a.npy", DEFLATED, b"GIF89a\x01\n0123456789")),
        r"array `a` is not an .npy file: begins with `GIF89a\x01\n`, must begin with `\x93NUMPY`"
    );
    assert_eq!(
        refused_entry(Entry::new("a.npy", STORED, b"")),
        "array `a` is empty; an .npy file is needed"
    );
}

#[test]
fn a_stored_size_that_is_not_that_of_the_data_is_refused() {
    let mut entry = Entry::new("a.npy", STORED, &array(&[3], &[0; 6]));
    entry.size += 1;
    assert_eq!(
        refused_entry(entry),
        "array `a` is stored in 134 bytes but claims 135; they must match"
    );
}

#[test]
fn a_size_beyond_what_deflate_gives_is_refused() {
    let mut entry = Entry::new("a.npy", DEFLATED, &array(&[3], &[0; 6]));
    entry.size = u32::MAX - 1;
    let packed = entry.packed_size;
    assert_eq!(
        refused_entry(entry),
        format!(
            "array `a` claims 4294967294 bytes from {packed} deflated ones; deflate gives at most 1032 \
             for one"
        )
    );
}

/// What is read of an array until it ends or fails.
fn streamed(entry: Entry) -> (Vec<u8>, std::io::Result<usize>) {
    let mut member = Member::new(Cursor::new(archive(&[entry])), None).unwrap();
    let mut found = Vec::new();
    let result = member.read_to_end(&mut found);
    (found, result)
}

#[test]
fn data_other_than_the_archive_claims_is_found_while_reading() {
    let deflated = || Entry::new("a.npy", DEFLATED, &array(&[50_000], &data(100_000)));
    // Deflated data that ends before what both the archive and the header claim, and after it.
    for (shape, expected) in [
        (
            [50_001],
            "entry ends after 100128 bytes, but the archive claims 100130; they must match",
        ),
        (
            [49_999],
            "entry has more than the 100126 bytes that the archive claims",
        ),
    ] {
        let mut entry = Entry::new("a.npy", DEFLATED, &array(&shape, &data(100_000)));
        entry.size = 128 + 2 * shape[0] as u32;
        let (_, result) = streamed(entry);
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert_eq!(error.to_string(), expected);
    }
    for mut entry in [
        deflated(),
        Entry::new("a.npy", STORED, &array(&[3], &[0; 6])),
    ] {
        let right = entry.checksum;
        entry.checksum = 0x0123_abcd;
        let (_, result) = streamed(entry);
        assert_eq!(
            result.unwrap_err().to_string(),
            format!(
                "entry has checksum {right:08x}, but the archive claims 0123abcd; the file is damaged"
            )
        );
    }
    let mut entry = deflated();
    let middle = entry.packed.len() / 2;
    for byte in &mut entry.packed[middle..] {
        *byte = 0xff;
    }
    assert!(streamed(entry).1.is_err());
    let (found, result) = streamed(deflated());
    assert_eq!((found, result.unwrap()), (data(100_000), 100_000));
}

#[test]
fn what_is_written_is_read() {
    for shape in [&[][..], &[0, 3], &[7], &[30, 1000]] {
        let bytes = data(shape.iter().product::<usize>() * 2);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("y.npz");
        let file = File::create(&path).unwrap();
        let mut writer = Writer::new(file, "\u{3b2}", &header(shape)).unwrap();
        for chunk in bytes.chunks(1001) {
            writer.write_all(chunk).unwrap();
        }
        writer.finish().unwrap();

        assert_eq!(npz::names(&path).unwrap(), ["\u{3b2}"]);
        let mut member = Member::open(&path, None).unwrap();
        assert_eq!(member.header(), &header(shape));
        let mut found = Vec::new();
        member.read_to_end(&mut found).unwrap();
        assert_eq!(found, bytes);

        // As another reader has it, with the checksum held against the data.
        let mut archive = zip::ZipArchive::new(File::open(&path).unwrap()).unwrap();
        let mut entry = archive.by_index(0).unwrap();
        assert_eq!(entry.name().unwrap(), "\u{3b2}.npy");
        assert_eq!(entry.unix_mode(), Some(0o100_644));
        let mut file = Vec::new();
        entry.read_to_end(&mut file).unwrap();
        assert_eq!(file, array(shape, &bytes));
        assert_eq!(Array::read_from(&mut &file[..]).unwrap().shape, shape);
    }
}

#[test]
fn an_archive_is_written_where_the_writer_is() {
    let mut inner = Cursor::new(b"before".to_vec());
    inner.seek(SeekFrom::End(0)).unwrap();
    let mut writer = Writer::new(inner, "y", &header(&[1])).unwrap();
    writer.write_all(&[1, 2]).unwrap();
    writer.flush().unwrap();
    let inner = writer.finish().unwrap();
    assert_eq!(inner.position(), inner.get_ref().len() as u64);
    let bytes = inner.into_inner();
    assert_eq!(bytes[..6], *b"before");
    let mut member = Member::new(Cursor::new(bytes[6..].to_vec()), Some("y")).unwrap();
    let mut found = Vec::new();
    member.read_to_end(&mut found).unwrap();
    assert_eq!(found, [1, 2]);
}

/// Where files may have holes.
#[cfg(unix)]
#[test]
fn an_archive_beyond_4_gib_is_written_and_read() {
    /// Passes over pieces of the size of `skip`, which leaves zeros.
    struct Sparse {
        file: File,
        skip: u64,
    }
    impl Write for Sparse {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if bytes.len() as u64 == self.skip {
                self.file.seek_relative(bytes.len() as i64)?;
                return Ok(bytes.len());
            }
            self.file.write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            self.file.flush()
        }
    }
    impl Seek for Sparse {
        fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
            self.file.seek(to)
        }
    }

    let chunk = vec![0; 1 << 26];
    let count = 65;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("y.npz");
    let sparse = Sparse {
        file: File::create(&path).unwrap(),
        skip: chunk.len() as u64,
    };
    let elements = count * chunk.len() / 2;
    let mut writer = Writer::new(sparse, "y", &header(&[elements])).unwrap();
    for _ in 0..count {
        writer.write_all(&chunk).unwrap();
    }
    writer.finish().unwrap();

    let member = Member::open(&path, None).unwrap();
    assert_eq!(member.header(), &header(&[elements]));
    assert!(fs::metadata(&path).unwrap().len() > 1 << 32);
}

#[test]
fn the_writer_refuses_other_data_than_its_shape_asks_for() {
    let writer = || Writer::new(Cursor::new(Vec::new()), "y", &header(&[3])).unwrap();
    let mut short = writer();
    short.write_all(&[0; 5]).unwrap();
    let error = short.finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(
        error.to_string(),
        "shape [3] holds 6 bytes of data but 5 were written; they must match"
    );
    let mut long = writer();
    long.write_all(&[0; 5]).unwrap();
    let error = long.write_all(&[0; 2]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "shape [3] holds 6 bytes of data but 6 and more were written; they must match"
    );
    // What was refused is not there; the rest can still be written.
    long.write_all(&[0]).unwrap();
    long.finish().unwrap();
}

#[test]
fn the_writer_refuses_what_cannot_be_written() {
    let refused = |name: &str, shape: &[usize]| {
        let mut inner = Cursor::new(Vec::new());
        let error = Writer::new(&mut inner, name, &header(shape)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(inner.into_inner().is_empty());
        error.to_string()
    };
    assert_eq!(
        refused(&"a".repeat(70_000), &[1]),
        "array's name has 70000 bytes; a zip archive allows 65531"
    );
    assert_eq!(refused("a\0b", &[1]), "array's name \"a\\0b\" holds a NUL");
    assert_eq!(
        refused("a", &[1 << 63]),
        "shape [9223372036854775808] is more than any file holds"
    );
    assert_eq!(
        refused("a", &[0; 65]),
        "shape has 65 dimensions; NumPy allows 64"
    );
}

#[test]
fn an_unfinished_archive_is_none() {
    let mut inner = Cursor::new(Vec::new());
    let mut writer = Writer::new(&mut inner, "y", &header(&[3])).unwrap();
    writer.write_all(&[0; 6]).unwrap();
    drop(writer);
    let error = Member::new(inner, None).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("is damaged or not complete: "),
        "{error}"
    );
}

/// Every byte replaced by others.
#[test]
fn mutated_files_never_panic() {
    for method in [STORED, DEFLATED] {
        let original = archive(&[Entry::new("a.npy", method, &array(&[3], &[0; 6]))]);
        let mut accepted = 0;
        for at in 0..original.len() {
            for byte in [0, 1, 8, 0x1b, 0x20, 0x50, 0x7f, 0x80, 0xff] {
                let mut bytes = original.clone();
                bytes[at] = byte;
                let read = Member::new(Cursor::new(bytes), None)
                    .and_then(|mut member| member.read_to_end(&mut Vec::new()));
                match read {
                    Ok(_) => accepted += 1,
                    Err(error) => {
                        assert!(!error.to_string().contains(char::is_control), "{error:?}");
                    }
                }
            }
        }
        assert!(accepted > 100, "{accepted}: not all fields matter");
    }
}
