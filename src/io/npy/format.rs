//! `.npy` among the formats.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use super::{Float, Header, NEEDED, Reason, header};
use crate::{
    element::ElementType,
    error::Result,
    io::{
        Endian, FileSink, Format, NewArray, Number, Opened, Output, Selection, Storage,
        StoredArray, Target, file, input::Data, stream::cannot_write,
    },
};

/// One array in a file.
pub(in crate::io) struct Npy;

impl Format for Npy {
    fn name(&self) -> &'static str {
        "npy"
    }

    fn noun(&self) -> &'static str {
        NEEDED
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["npy"]
    }

    fn recognises(&self, start: &[u8]) -> bool {
        start.starts_with(header::MAGIC)
    }

    fn holds_several(&self) -> bool {
        false
    }

    fn open(&self, file: Opened, path: &Path, _: &[String]) -> Result<Selection> {
        let find = || {
            let (header, data) = match file {
                Opened::File { mut file, length } => {
                    let (header, _) = Header::held(&mut file, Some(length))?;
                    let start = header.bytes;
                    (header, Data::File(Arc::new(file), start))
                }
                Opened::Pipe(mut reader) => {
                    let (header, claim) = Header::held(&mut reader, None)?;
                    (header, Data::Pipe(reader, claim.bytes))
                }
            };
            Ok(StoredArray::of_header(path, "", &header, data))
        };
        let array = find().map_err(file::of(path))?;
        Ok(Selection {
            arrays: vec![array],
            rest: Vec::new(),
        })
    }

    fn begin(&self, target: Target, path: &Path, array: &NewArray<'_>) -> Result<Output> {
        let storage = array.storage;
        let header = header_of(array, "an .npy file").map_err(file::of(path))?;
        let begun = match target {
            Target::File(mut file) => file.write_all(&header).map(|()| {
                Output::places(FileSink {
                    file,
                    path: path.to_owned(),
                    start: header.len() as u64,
                    storage,
                })
            }),
            Target::Pipe(mut writer) => writer
                .write_all(&header)
                .map(|()| Output::in_order(writer, path, storage)),
        };
        begun.map_err(|error| cannot_write(path, &error))
    }
}

/// The header that an array begins with as an `.npy` file, or as that file in `noun`.
pub(in crate::io) fn header_of(array: &NewArray<'_>, noun: &str) -> Reason<Vec<u8>> {
    let Storage { number, endian } = array.storage;
    let kind = match number {
        Number::F16 => "f2",
        Number::F32 => "f4",
        Number::F64 => "f8",
        Number::U32 => "u4",
        Number::Bf16 => return Err(format!("cannot be written: {noun} holds no bfloat16")),
    };
    let endian = match endian {
        Endian::Little => '<',
        Endian::Big => '>',
    };
    let mut header = Vec::new();
    header::write(
        &mut header,
        array.shape,
        array.order,
        &format!("{endian}{kind}"),
    )
    .map_err(|error| format!("cannot be written: {error}"))?;
    Ok(header)
}

impl StoredArray {
    /// An array that a file's header describes.
    pub(in crate::io) fn of_header(path: &Path, name: &str, header: &Header, data: Data) -> Self {
        let (number, element) = match header.dtype.float {
            Float::F16 => (Number::F16, ElementType::F16),
            Float::F32 => (Number::F32, ElementType::F32),
            Float::F64 => (Number::F64, ElementType::F32),
        };
        Self {
            name: name.to_owned(),
            shape: header.shape.clone(),
            order: header.order,
            element,
            storage: Storage {
                number,
                endian: header.dtype.endian,
            },
            dtype: header.dtype.to_string(),
            type_name: header.dtype.float.name(),
            place: None,
            data,
            path: path.to_owned(),
        }
    }
}
