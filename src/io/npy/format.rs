//! `.npy` among the formats.

use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::{Header, NEEDED, header};
use crate::{
    error::Result,
    io::{
        FileSink, Format, NewArray, Number, Opened, Output, Selection, Storage, StoredArray,
        Target, file, input::Data, stream::cannot_write,
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
        let arrays = vec![find().map_err(file::of(path))?];
        Ok(Selection {
            arrays,
            passed_over: Vec::new(),
            rest: Box::new(Vec::<Range<u64>>::new()),
        })
    }

    fn begin(&self, target: Target, path: &Path, array: &NewArray<'_>) -> Result<Output> {
        let storage = array.storage;
        let begin = || {
            let header = header_of(array)?;
            Ok(match target {
                Target::File(mut file) => {
                    file.write_all(&header)?;
                    let (path, start) = (path.to_owned(), header.len() as u64);
                    Output::places(FileSink {
                        file,
                        path,
                        start,
                        storage,
                    })
                }
                Target::Pipe(mut writer) => {
                    writer.write_all(&header)?;
                    Output::in_order(writer, path, storage)
                }
            })
        };
        begin().map_err(|error| cannot_write(path, &error))
    }
}

/// The header that an array begins with as an `.npy` file.
pub(in crate::io) fn header_of(array: &NewArray<'_>) -> io::Result<Vec<u8>> {
    let Storage { number, endian } = array.storage;
    let kind = match number {
        Number::F16 => "f2",
        Number::F32 => "f4",
        Number::F64 => "f8",
        Number::U32 => "u4",
        // As ml_dtypes has it: `numpy.load(..).view(ml_dtypes.bfloat16)` reads it.
        Number::Bf16 => "V2",
    };
    let dtype = format!("{}{kind}", endian.sign());
    header::of(array.shape, array.order, &dtype)
}

impl StoredArray {
    /// An array that a file's header describes.
    pub(in crate::io) fn of_header(path: &Path, name: &str, header: &Header, data: Data) -> Self {
        Self {
            name: name.to_owned(),
            shape: header.shape.clone(),
            order: header.order,
            element: header.dtype.float.element(),
            storage: header.dtype.into(),
            dtype: header.dtype.to_string(),
            type_name: header.dtype.float.name(),
            place: None,
            data,
            path: path.to_owned(),
        }
    }
}
