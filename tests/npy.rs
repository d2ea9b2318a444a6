//! `.npy` files: what NumPy writes is read, what is written NumPy reads, and what is wrong is named.
//!
//! Longer than 500 lines: one format, whose parts share what is below.
// Helpers of tests fail as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use wgpu_activations::io::npy::{self, Array, Dtype, Endian, Float, Header, Order, Values};

const FLOATS: [Float; 4] = [Float::F16, Float::F32, Float::F64, Float::Bf16];
const ORDERS: [Order; 2] = [Order::C, Order::Fortran];

/// Every type in either byte order; there is no big-endian bfloat16.
fn dtypes() -> impl Iterator<Item = Dtype> {
    let both = |float| [Endian::Little, Endian::Big].map(|endian| Dtype { float, endian });
    let all = FLOATS.into_iter().flat_map(both);
    all.filter(|dtype| dtype.to_string() != ">V2")
}

/// A file as NumPy lays it out: magic, version, length, dictionary padded to 64 bytes, data.
fn file(version: u8, dictionary: &str, data: &[u8]) -> Vec<u8> {
    let width = if version == 1 { 2 } else { 4 };
    let before = 8 + width + dictionary.len() + 1;
    let text = format!(
        "{dictionary}{}\n",
        " ".repeat(before.next_multiple_of(64) - before)
    );
    let mut bytes = vec![0x93, b'N', b'U', b'M', b'P', b'Y', version, 0];
    bytes.extend(&(text.len() as u32).to_le_bytes()[..width]);
    bytes.extend(text.as_bytes());
    bytes.extend(data);
    bytes
}

fn dictionary(descr: &str, fortran: bool, shape: &str) -> String {
    let fortran = if fortran { "True" } else { "False" };
    format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}")
}

fn tuple(shape: &[usize]) -> String {
    match shape {
        [one] => format!("({one},)"),
        _ => format!(
            "({})",
            shape
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        ),
    }
}

fn encode(values: &[f32], dtype: Dtype) -> Vec<u8> {
    let element = |&x: &f32| {
        let mut bytes = match dtype.float {
            Float::F16 => f16::from_f32(x).to_le_bytes().to_vec(),
            Float::F32 => x.to_le_bytes().to_vec(),
            Float::F64 => f64::from(x).to_le_bytes().to_vec(),
            Float::Bf16 => bf16::from_f32(x).to_le_bytes().to_vec(),
        };
        if dtype.endian == Endian::Big {
            bytes.reverse();
        }
        bytes
    };
    values.iter().flat_map(element).collect()
}

fn saved(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn read(bytes: &[u8]) -> Array {
    let (_folder, path) = saved(bytes);
    npy::read(&path).unwrap()
}

/// The reason why a file is refused; checks that the message names the file and is one line.
fn refusal(path: &Path) -> String {
    let message = npy::read(path).unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message:?}");
    let name = format!("{}: ", path.display());
    message
        .strip_prefix(&name)
        .unwrap_or_else(|| panic!("{message:?} does not name {name}"))
        .to_owned()
}

fn refused(bytes: &[u8]) -> String {
    let (_folder, path) = saved(bytes);
    refusal(&path)
}

fn written(array: &Array) -> Vec<u8> {
    let mut bytes = Vec::new();
    array.write_to(&mut bytes).unwrap();
    bytes
}

#[test]
fn every_type_byte_order_memory_order_and_rank_goes_there_and_back() {
    let shapes: [&[usize]; 6] = [
        &[],
        &[5],
        &[2, 3],
        &[2, 1, 3],
        &[4, 1, 2, 3],
        &[2, 2, 1, 3, 2],
    ];
    for shape in shapes {
        let values: Vec<f32> = (0..shape.iter().product())
            .map(|i: usize| i as f32 * 0.5 - 3.0)
            .collect();
        for dtype in dtypes() {
            for order in ORDERS {
                let header = dictionary(&dtype.to_string(), order == Order::Fortran, &tuple(shape));
                let expected = match dtype.float {
                    Float::F16 => Values::F16(values.iter().map(|&x| f16::from_f32(x)).collect()),
                    Float::F32 | Float::F64 => Values::F32(values.clone()),
                    Float::Bf16 => {
                        Values::Bf16(values.iter().map(|&x| bf16::from_f32(x)).collect())
                    }
                };
                for version in [1, 2, 3] {
                    let array = read(&file(version, &header, &encode(&values, dtype)));
                    assert_eq!(array.shape, shape);
                    assert_eq!((array.order, array.dtype), (order, dtype));
                    assert_eq!(array.values, expected);

                    let bytes = written(&array);
                    assert_eq!(bytes[6..8], [1, 0], "version");
                    let data = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
                    assert_eq!(data % 64, 0, "alignment");
                    assert_eq!(bytes[data..], encode(&values, dtype));
                    assert_eq!(read(&bytes), array);
                }
            }
        }
    }
}

#[test]
fn data_longer_than_a_chunk_is_whole() {
    let values: Vec<f32> = (0..200_003).map(|i| (i % 256) as f32).collect();
    for dtype in dtypes() {
        let array = Array {
            shape: vec![values.len()],
            order: Order::C,
            dtype,
            values: Values::F32(values.clone()),
        };
        let bytes = written(&array);
        assert_eq!(bytes[128..], encode(&values, dtype));
        assert!(read(&bytes).values.into_f32() == values, "{dtype}");
    }
}

#[test]
fn special_values_keep_their_bits() {
    let bits = [0x7fc0_1234_u32, 0xff80_0000, 0x8000_0000, 1, 0x7f80_0000];
    for (descr, endian) in [("<f4", Endian::Little), (">f4", Endian::Big)] {
        let data: Vec<u8> = bits
            .iter()
            .flat_map(|x| {
                if endian == Endian::Big {
                    x.to_be_bytes()
                } else {
                    x.to_le_bytes()
                }
            })
            .collect();
        let array = read(&file(1, &dictionary(descr, false, "(5,)"), &data));
        let Values::F32(values) = &array.values else {
            panic!("{array:?}")
        };
        assert_eq!(values.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), bits);
        assert_eq!(written(&array)[128..], data);
    }
}

#[test]
fn float64_is_rounded_to_nearest() {
    let stored = |numbers: [f64; 4]| {
        let data: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        file(1, &dictionary("<f8", false, "(4,)"), &data)
    };
    let array = read(&stored([0.1, f64::INFINITY, -1e-300, f64::NAN]));
    let Values::F32(values) = array.values else {
        panic!("{array:?}")
    };
    assert_eq!(values[..2], [0.1, f32::INFINITY]);
    assert_eq!(values[2].to_bits(), 0x8000_0000);
    assert!(values[3].is_nan());
    let (_folder, path) = saved(&stored([0.1, 2.0, -1e300, 3.0]));
    assert_eq!(
        refusal(&path),
        "element 2 is -1e300, but float64 is computed as float32, which ends at 3.4028235e38; scale the data"
    );
}

#[test]
fn header_may_be_written_otherwise() {
    let one = [0, 0, 128, 63];
    for text in [
        r#"{"shape": (1,), "fortran_order": False, "descr": "<f4"}"#,
        "{'descr':'<f4','fortran_order':False,'shape':(1L,)}",
        "{'descr' : '<f4' , 'fortran_order' : False , 'shape' : ( 1 , 1 , ) , }",
        "{'descr': 'float32', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '=f4', 'fortran_order': False, 'shape': (1,)}",
        r#"{"descr": "f4", "fortran_order": False, "shape": (1,)}"#,
        "{'shape': (1,), 'fortran_order': False, 'descr': 'single'}",
    ] {
        assert_eq!(read(&file(1, text, &one)).values, Values::F32(vec![1.0]));
    }
    // As NumPy loads them, on this machine's order where they say none.
    for descr in [
        "|f4", "=f", "<f", "|e", "<e", ">e", "float16", "half", "d", ">d", "|f8", "float",
    ] {
        let array = read(&file(1, &dictionary(descr, false, "(0,)"), &[]));
        let float = match descr {
            "|f4" | "=f" | "<f" => Float::F32,
            "|e" | "<e" | ">e" | "float16" | "half" => Float::F16,
            _ => Float::F64,
        };
        let endian = match descr.starts_with('>') {
            true => Endian::Big,
            false => Endian::NATIVE,
        };
        assert_eq!(array.dtype, Dtype { float, endian }, "{descr}");
    }
}

#[test]
fn bfloat16_is_read_by_all_its_names_and_written_as_ml_dtypes_does() {
    // What numpy.save writes of ml_dtypes' arrays, of the same loaded without ml_dtypes, and other writers' words.
    for descr in ["<V2", "|V2", "V2", "=V2", "bfloat16"] {
        let array = read(&file(
            1,
            &dictionary(descr, false, "(2,)"),
            &[0x80, 0x3f, 0x60, 0xc0],
        ));
        let expected = [1.0, -3.5].map(bf16::from_f32);
        assert_eq!(array.values, Values::Bf16(expected.to_vec()), "{descr}");
        assert!(
            written(&array)[10..].starts_with(b"{'descr': '<V2', "),
            "{descr}"
        );
    }
}

/// ml_dtypes has both 3f80 and 803f for 1 in an array of `bfloat16.newbyteorder('>')`, by how it came there.
#[test]
fn big_endian_bfloat16_is_neither_read_nor_written() {
    let reason = "dtype '>V2' is bfloat16 of either byte order, as ml_dtypes has it; save .view(ml_dtypes.bfloat16), or \
        .view('uint16').byteswap().view(ml_dtypes.bfloat16), whichever has the right numbers";
    let big = file(1, &dictionary(">V2", false, "(1,)"), &[0x3f, 0x80]);
    assert_eq!(refused(&big), reason);
    let array = Array {
        shape: vec![1],
        order: Order::C,
        dtype: Dtype {
            float: Float::Bf16,
            endian: Endian::Big,
        },
        values: Values::Bf16(vec![bf16::ONE]),
    };
    let mut bytes = Vec::new();
    let error = array.write_to(&mut bytes).unwrap_err().to_string();
    assert!(
        error.starts_with("bfloat16 is written in little-endian order"),
        "{error}"
    );
    assert!(bytes.is_empty());
}

#[test]
fn values_go_to_any_type_rounded_to_nearest() {
    let x = 1.23_f32;
    let (half, brain) = (f16::from_f32(x), bf16::from_f32(x));
    assert!(half.to_f32() != x && brain.to_f32() != half.to_f32());
    for values in [
        Values::F32(vec![x]),
        Values::F16(vec![half]),
        Values::Bf16(vec![brain]),
    ] {
        for float in FLOATS {
            let dtype = Dtype {
                float,
                endian: Endian::Little,
            };
            let array = Array {
                shape: vec![1],
                order: Order::C,
                dtype,
                values: values.clone(),
            };
            let kept = values.clone().into_f32();
            assert_eq!(
                written(&array)[128..],
                encode(&kept, dtype),
                "{values:?} {dtype}"
            );
        }
    }
}

#[test]
fn empty_shapes_hold_nothing() {
    for (text, shape) in [
        ("(0,)", vec![0]),
        ("(3, 0, 2)", vec![3, 0, 2]),
        ("(0, 2305843009213693951)", vec![0, (1 << 61) - 1]),
        ("(1073741824, 1073741824, 0)", vec![1 << 30, 1 << 30, 0]),
        ("(0, 1073741824, 1073741824)", vec![0, 1 << 30, 1 << 30]),
    ] {
        let array = read(&file(1, &dictionary("<f4", false, text), &[]));
        assert_eq!(array.shape, shape);
        assert!(array.values.is_empty());
        let array = array.to_order(Order::Fortran).unwrap();
        assert_eq!((array.order, &array.shape), (Order::Fortran, &shape));
    }
}

/// NumPy counts the bytes of an array in an i64, as if no length were 0.
#[test]
fn empty_shapes_that_numpy_refuses_are_neither_read_nor_written() {
    for (descr, float, shape, is_possible) in [
        ("<f4", Float::F32, vec![usize::MAX, 0], false),
        ("<f4", Float::F32, vec![1 << 63, 0], false),
        ("<f4", Float::F32, vec![0, 1 << 61], false),
        ("<f2", Float::F16, vec![0, 1 << 61], true),
        ("<f2", Float::F16, vec![0, 1 << 62], false),
        ("<V2", Float::Bf16, vec![1 << 60, 0, 1 << 3], false),
        ("<f8", Float::F64, vec![1 << 30, 1 << 30, 0], false),
        ("<f8", Float::F64, vec![1 << 29, 1 << 30, 0], true),
    ] {
        let header = file(1, &dictionary(descr, false, &tuple(&shape)), &[]);
        let endian = Endian::Little;
        let array = Array {
            shape: shape.clone(),
            order: Order::C,
            dtype: Dtype { float, endian },
            values: Values::F32(vec![]),
        };
        if is_possible {
            assert_eq!(read(&header).shape, shape);
            assert_eq!(read(&written(&array)).shape, shape);
        } else {
            let expected =
                format!("shape {shape:?} is beyond what NumPy accepts, even with a 0 in it");
            assert_eq!(refused(&header), expected);
            let mut bytes = Vec::new();
            let error = array.write_to(&mut bytes).unwrap_err();
            assert_eq!(error.to_string(), expected);
            assert!(bytes.is_empty());
        }
    }
}

#[test]
fn orders_convert_into_each_other() {
    let shapes: [&[usize]; 8] = [
        &[],
        &[7],
        &[1, 7, 1],
        &[2, 3],
        &[45, 70],
        &[3, 1, 40, 35],
        &[2, 3, 4, 5],
        &[33, 2, 2, 3, 34],
    ];
    for shape in shapes {
        let count: usize = shape.iter().product();
        let dtype = Dtype {
            float: Float::F32,
            endian: Endian::Little,
        };
        let values = Values::F32((0..count).map(|i| i as f32).collect());
        let rows = Array {
            shape: shape.to_vec(),
            order: Order::C,
            dtype,
            values,
        };
        let columns = rows.clone().to_order(Order::Fortran).unwrap();
        let (Values::F32(from), Values::F32(to)) = (&rows.values, &columns.values) else {
            panic!()
        };
        for (i, &value) in from.iter().enumerate() {
            // The index of element i, last axis fastest; then its place with the first axis fastest.
            let (mut rest, mut index) = (i, vec![0; shape.len()]);
            for axis in (0..shape.len()).rev() {
                index[axis] = rest % shape[axis];
                rest /= shape[axis];
            }
            let place = index
                .iter()
                .zip(shape)
                .rev()
                .fold(0, |place, (i, length)| place * length + i);
            assert_eq!(to[place], value, "{shape:?} {index:?}");
        }
        assert_eq!(columns.to_order(Order::C).unwrap(), rows);
    }
}

#[test]
fn writing_checks_the_shape() {
    let dtype = Dtype {
        float: Float::F32,
        endian: Endian::Little,
    };
    let array = |shape| Array {
        shape,
        order: Order::C,
        dtype,
        values: Values::F32(vec![]),
    };
    for (shape, expected) in [
        (
            vec![2, 3],
            "shape [2, 3] holds 6 elements but the data has 0; they must match",
        ),
        (
            vec![1 << 62, 1 << 62, 0],
            "shape [4611686018427387904, 4611686018427387904, 0] is beyond",
        ),
        (vec![0; 65], "shape has 65 dimensions; NumPy allows 64"),
    ] {
        let mut bytes = Vec::new();
        let message = array(shape).write_to(&mut bytes).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
        assert!(bytes.is_empty());
    }
    let uncounted = array(vec![usize::MAX, 2]).to_order(Order::Fortran);
    assert!(
        uncounted
            .unwrap_err()
            .to_string()
            .contains("holds more elements than can be counted but")
    );
    assert_eq!(read(&written(&array(vec![0; 64]))), array(vec![0; 64]));
}

#[test]
fn other_dtypes_are_named() {
    let convert = ", convert with .astype('float32')";
    for (descr, words, advice) in [
        ("|O", "a Python object", ", save its arrays one by one"),
        ("<i8", "integer", convert),
        ("|u1", "unsigned integer", convert),
        ("|b1", "boolean", convert),
        ("<c8", "complex", ", save its .real and .imag"),
        ("<U7", "a string", ""),
        ("|S7", "a string", ""),
        ("<f16", "long double", convert),
        ("<M8[ns]", "a date", ""),
        ("<m8[s]", "a span of time", convert),
        ("|V8", "raw bytes", ", give them their type with .view(..)"),
        (
            "<V1",
            "raw bytes, perhaps an 8-bit float",
            ", convert with .view(ml_dtypes.float8_e4m3fn) or the type it had, then .astype('float32')",
        ),
    ] {
        assert_eq!(
            refused(&file(1, &dictionary(descr, false, "(1,)"), &[0; 16])),
            format!(
                "dtype '{descr}' is {words}; float16, float32, float64 and bfloat16 are accepted{advice}"
            )
        );
    }
    // By their names, too.
    for (name, told) in [
        ("int32", "dtype '<i4' is integer;"),
        ("uint8", "dtype '<u1' is unsigned integer;"),
        ("bool", "dtype '<b1' is boolean;"),
        ("complex64", "dtype '<c8' is complex;"),
        ("float128", "dtype '<f16' is long double;"),
        ("object", "dtype '<O' is a Python object;"),
        ("|i4", "dtype '<i4' is integer;"),
    ] {
        let message = refused(&file(1, &dictionary(name, false, "(1,)"), &[0; 16]));
        assert!(message.starts_with(told), "{name}: {message}");
    }
    for fields in [
        "[('shape', '<f4'), ('b', '>f8', (2,))]",
        "[('\u{3b1}', '<f4')]",
    ] {
        let text = format!("{{'descr': {fields}, 'fortran_order': False, 'shape': (1,), }}");
        let message = refused(&file(3, &text, &[0; 20]));
        assert_eq!(
            message,
            "dtype is structured; float16, float32, float64 and bfloat16 are accepted, save one of its fields"
        );
    }
}

#[test]
fn what_is_no_npy_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(refusal(&folder.path().join("none.npy")), "no such file");
    assert_eq!(
        refusal(folder.path()),
        "is a directory; an .npy file is needed"
    );
    assert_eq!(refused(b""), "is empty; an .npy file is needed");
    assert_eq!(
        refused(b"GIF89a\x01\n0123456789"),
        r"is not an .npy file: begins with `GIF89a\x01\n`, must begin with `\x93NUMPY`"
    );
    assert_eq!(
        refused(b"PK\x03\x04abcdefgh"),
        "is an .npz archive; save one array with numpy.save"
    );
    assert_eq!(
        refused(b"\x93NUMPY\x04\x00abcdefgh"),
        "is .npy version 4.0; 1.0, 2.0 and 3.0 are accepted"
    );
}

#[test]
fn headers_that_are_cut_short_are_refused() {
    for version in [1, 2, 3] {
        let whole = file(version, &dictionary("<f4", false, "()"), &[0; 4]);
        for length in 1..whole.len() - 4 {
            let message = refused(&whole[..length]);
            assert_eq!(
                message, "header is cut short; the file is not complete",
                "{length}"
            );
        }
    }
    let huge = b"\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr'";
    assert_eq!(
        refused(huge),
        "header claims 4294967295 bytes; NumPy allows 10000"
    );
}

#[test]
fn malformed_headers_are_refused() {
    let twice = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'shape': (4294967296, 4294967296)}";
    for text in [
        "",
        "{}",
        "[]",
        "3",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'shape': (1,)}",
        "{'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': [1]}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1.0,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,",
        "{'descr': '<f12', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<float32', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': 'float33', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': 4, 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '\u{e9}', 'fortran_order': False, 'shape': (1,)}",
        twice,
        &twice.replace("(1,), 'shape'", "(1,), '\\x73hape'"),
        "{'descr': ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((",
        "\n\n\u{1b}[31m",
    ] {
        let message = refused(&file(1, text, &[0; 4]));
        assert!(
            message.starts_with("header \"") && message.contains("a tuple of whole numbers"),
            "{message}"
        );
        assert!(!message.contains(char::is_control), "{message:?}");
    }
    let message = refused(&file(
        1,
        &dictionary("<f4", false, &tuple(&[1; 65])),
        &[0; 4],
    ));
    assert_eq!(message, "shape has 65 dimensions; NumPy allows 64");
}

#[test]
fn data_must_be_as_long_as_claimed() {
    let claim = |shape| dictionary("<f4", false, shape);
    assert_eq!(
        refused(&file(1, &claim("(2, 3)"), &[0; 23])),
        "header claims 6 elements of 4 bytes = 24 bytes of data, but there are 23; they must match"
    );
    assert_eq!(
        refused(&file(1, &claim("(2, 3)"), &[0; 25])),
        "header claims 6 elements of 4 bytes = 24 bytes of data, but there are 25; they must match"
    );
    assert_eq!(
        refused(&file(1, &claim("(1152921504606846976,)"), &[0; 4])),
        "header claims 1152921504606846976 elements of 4 bytes = 4611686018427387904 bytes of data, \
         but there are 4; they must match"
    );
    for shape in [
        "(4294967296, 4294967296)",
        "(4611686018427387904,)",
        "(18446744073709551615, 2)",
    ] {
        let message = refused(&file(1, &claim(shape), &[0; 4]));
        assert!(message.ends_with("more than any memory holds"), "{message}");
    }
}

/// A pipe has no length to hold the header against.
#[cfg(unix)]
#[test]
fn pipes_are_read_as_far_as_claimed() {
    let header = dictionary("<f4", false, "(2,)");
    let claimed = "header claims 2 elements of 4 bytes = 8 bytes of data, but there are";
    for (bytes, expected) in [
        (file(1, &header, &[0; 8]), Ok(())),
        (
            file(1, &header, &[0; 7]),
            Err(format!("{claimed} 7; they must match")),
        ),
        (
            file(1, &header, &[0; 9]),
            Err(format!("{claimed} 8 and more; they must match")),
        ),
        (vec![], Err("is empty; an .npy file is needed".to_owned())),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&path)
                .status()
                .unwrap()
                .success()
        );
        let into = path.clone();
        let writer = std::thread::spawn(move || fs::write(into, bytes));
        match expected {
            Ok(()) => assert_eq!(npy::read(&path).unwrap().values, Values::F32(vec![0.0; 2])),
            Err(reason) => assert_eq!(refusal(&path), reason),
        }
        writer.join().unwrap().unwrap();
    }
}

#[test]
fn header_alone_leaves_the_data_to_be_read() {
    let dtype = Dtype {
        float: Float::F16,
        endian: Endian::Big,
    };
    let header = Header {
        shape: vec![3, 2],
        order: Order::Fortran,
        dtype,
        bytes: 0,
    };
    let mut bytes = Vec::new();
    assert_eq!(header.write(&mut bytes).unwrap(), 128);
    assert_eq!(bytes.len(), 128);
    let found = Header::read(&mut &bytes[..]).unwrap();
    assert_eq!(
        found,
        Header {
            bytes: 128,
            ..header
        }
    );
    assert_eq!((found.elements(), found.data_bytes()), (Some(6), Some(12)));

    bytes.extend(1..=12);
    let (_folder, path) = saved(&bytes);
    let (opened, mut rest) = Header::open(&path).unwrap();
    assert_eq!(opened, found);
    let mut data = Vec::new();
    rest.read_to_end(&mut data).unwrap();
    assert_eq!(data, (1..=12).collect::<Vec<u8>>());
}

#[test]
fn header_alone_is_held_against_the_length() {
    for (length, found) in [(23, "23"), (25, "25")] {
        let bytes = file(1, &dictionary("<f4", false, "(2, 3)"), &vec![0; length]);
        let (_folder, path) = saved(&bytes);
        let message = Header::open(&path).unwrap_err().to_string();
        assert!(
            message.ends_with(&format!("but there are {found}; they must match")),
            "{message}"
        );
    }
    let error = Header::read(&mut &b"GIF89a"[..]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    let huge = Header {
        shape: vec![1 << 40, 1 << 40],
        order: Order::C,
        dtype: Dtype {
            float: Float::F32,
            endian: Endian::Little,
        },
        bytes: 0,
    };
    assert_eq!((huge.elements(), huge.data_bytes()), (None, None));
}
