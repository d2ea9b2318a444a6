//! Wrong input: one line that says what is wrong, and nothing written.

use std::fs;

use wgpu_activations::io::npy::Array;

use crate::sandbox::{Sandbox, array};

/// The bytes of an .npy file with this header and these data.
fn file(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let mut header =
        format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}").into_bytes();
    header.resize(117, b' ');
    header.push(b'\n');
    let mut bytes = b"\x93NUMPY\x01\0\x76\0".to_vec();
    bytes.extend(header);
    bytes.extend(data);
    bytes
}

#[test]
fn inputs_that_cannot_be_read() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("folder")).unwrap();
    let accepted = "float16, float32 and float64 are accepted, convert with .astype('float32')";
    let cases: [(&str, Vec<u8>, &str); 9] = [
        ("short.npy", file("'<f4'", "(3,)", &[0; 11]), "claims 3 elements of 4 bytes = 12 bytes of data, but there are 11"),
        ("long.npy", file("'<f4'", "(3,)", &[0; 13]), "but there are 13; they must match"),
        ("huge.npy", file("'<f8'", "(99999999999, 9)", &[0; 8]), "bytes of data, but there are 8"),
        ("cut.npy", file("'<f4'", "(3,)", &[])[..40].to_vec(), "header is cut short; the file is not complete"),
        ("empty.npy", Vec::new(), "is empty; an .npy file is needed"),
        ("text.npy", b"1, 2, 3\n".to_vec(), "is not an .npy file"),
        ("archive.npz", b"PK\x03\x04\0\0\0\0".to_vec(), "is an .npz archive"),
        ("object.npy", file("'|O'", "(3,)", &[0; 24]), &format!("dtype '|O' is a Python object; {accepted}")),
        ("integer.npy", file("'<i4'", "(3,)", &[0; 12]), &format!("dtype '<i4' is integer; {accepted}")),
    ];
    for (name, bytes, text) in cases {
        fs::write(sandbox.path(name), bytes).unwrap();
        let text = format!("{name}: {}", if text.starts_with("claims") { format!("header {text}") } else { String::new() });
        sandbox.refuses(1, &format!("run gelu {name} -o y.npy --device cpu"), &text);
    }
}
