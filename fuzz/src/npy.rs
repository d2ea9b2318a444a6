//! An `.npy` file of any bytes is read or refused; what was read is written and read again.

use wgpu_activations::io::npy::{Array, Header};

/// Panics where that does not hold.
pub(crate) fn run(bytes: &[u8]) {
    let header = Header::read(&mut &bytes[..]);
    let Ok(array) = Array::read_from(&mut &bytes[..]) else {
        return;
    };
    let header = header.expect("an array that is read has a header");
    assert_eq!(header.elements(), Some(array.values.len()));
    assert_eq!(
        header.bytes + header.data_bytes().expect("the data is there"),
        bytes.len() as u64
    );
    let mut written = Vec::new();
    // NumPy refuses some shapes with a 0 in them.
    if array.write_to(&mut written).is_ok() {
        let again = Array::read_from(&mut &written[..]).expect("what is written is read");
        assert_eq!((again.shape, again.order), (array.shape, array.order));
        assert_eq!(
            (again.dtype, again.values.len()),
            (array.dtype, array.values.len())
        );
    }
}
