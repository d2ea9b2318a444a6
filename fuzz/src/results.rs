//! A result file of any bytes is read or refused; what was read is written and read again.

use std::io::Write;

use wgpu_activations::bench::record::Run;

/// Panics where that does not hold.
pub(crate) fn run(bytes: &[u8]) {
    let read = |bytes: &[u8]| {
        let mut file = tempfile::NamedTempFile::new().expect("there is room");
        file.write_all(bytes).expect("there is room");
        Run::read(file.path())
    };
    let Ok(run) = read(bytes) else {
        return;
    };
    let mut written = Vec::new();
    run.write_to(&mut written).expect("memory takes it");
    assert_eq!(read(&written).expect("what is written is read"), run);
}
