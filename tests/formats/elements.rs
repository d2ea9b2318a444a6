//! What formats are made of: elements in files and pipes.

use std::{fs::File, path::Path};

use wgpu_activations::io::{
    Endian, FileSink, FileSource, Number, PipeSource, Sink, Source, Storage,
};

use super::storage;

fn source(file: &File, start: u64, storage: Storage) -> FileSource {
    FileSource {
        file: file.try_clone().unwrap().into(),
        path: "file".into(),
        start,
        storage,
    }
}

#[test]
fn elements_come_back_as_they_went_from_any_place() {
    let file = tempfile::tempfile().unwrap();
    let values: Vec<f32> = (0..200_000).map(|index| index as f32 / 8.0).collect();
    for endian in [Endian::Little, Endian::Big] {
        for number in [Number::F32, Number::F64] {
            let storage = Storage { number, endian };
            let sink = FileSink {
                file: file.try_clone().unwrap(),
                path: "file".into(),
                start: 64,
                storage,
            };
            let (left, right) = values.split_at(77_777);
            sink.write(77_777, bytemuck::cast_slice(right)).unwrap();
            sink.write(0, bytemuck::cast_slice(left)).unwrap();
            let mut found: Vec<f32> = Vec::new();
            let mut put =
                |bytes: &[u8]| found.extend(bytemuck::pod_collect_to_vec::<_, f32>(bytes));
            let source = source(&file, 64, storage);
            source.read(5..150_000, &mut put).unwrap();
            assert!(found == values[5..150_000], "{number:?} {endian:?}");
        }
    }
}

#[test]
fn a_file_that_shrinks_is_told_from_one_that_cannot_be_read() {
    let file = tempfile::tempfile().unwrap();
    file.set_len(400).unwrap();
    let source = source(&file, 0, storage(Number::F32));
    source.read(0..100, &mut |_| {}).unwrap();
    file.set_len(300).unwrap();
    let error = source.read(0..100, &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("was cut short meanwhile"), "{error}");
}

#[test]
fn a_pipe_is_read_once_and_in_order() {
    let bytes = &[0_u8; 40][..];
    let source = PipeSource::new(bytes, Path::new("-"), storage(Number::F32));
    source.read(0..4, &mut |_| {}).unwrap();
    assert!(source.expect_end().is_err());
    assert!(source.read(0..4, &mut |_| {}).is_err());
}
