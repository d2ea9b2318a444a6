//! `.npz` among the formats.

use std::io::{self, Seek, Write};
use std::path::Path;

use super::{Member, NEEDED, Writer};
use crate::{
    error::{Error, Result},
    io::{
        Complete, Format, NewArray, Opened, Output, Selection, StoredArray, Target, file,
        input::Data, npy::header_of,
    },
};

/// Arrays in an archive, of which one is read or written.
pub(in crate::io) struct Npz;

impl Format for Npz {
    fn name(&self) -> &'static str {
        "npz"
    }

    fn noun(&self) -> &'static str {
        NEEDED
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["npz"]
    }

    fn recognises(&self, start: &[u8]) -> bool {
        start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06")
    }

    fn open(&self, file: Opened, path: &Path, names: &[String]) -> Result<Selection> {
        let name = match names {
            [] => None,
            [name] => Some(name.as_str()),
            _ => {
                let rule = "one array of an .npz file at a time; name one with --tensor";
                return Err(Error::FileFormat(rule.to_owned()));
            }
        };
        let find = || {
            let (file, length) = file.into_file(NEEDED)?;
            Member::find(file, length, name)
        };
        let member = find().map_err(file::of(path))?;
        let (name, header) = (member.name.clone(), member.header.clone());
        let bytes = member.body.left();
        let data = Data::Pipe(Box::new(member), bytes);
        Ok(Selection {
            arrays: vec![StoredArray::of_header(path, &name, &header, data)],
            rest: Vec::new(),
        })
    }

    fn begin(&self, target: Target, path: &Path, array: &NewArray<'_>) -> Result<Output> {
        let begin = || {
            let file = target.into_file(NEEDED)?;
            let header = header_of(array, NEEDED)?;
            Writer::begin(file, array, &header)
                .map_err(|error| format!("cannot be written: {error}"))
        };
        let writer = begin().map_err(file::of(path))?;
        Ok(Output::in_order(writer, path, array.storage))
    }
}

impl<W: Write + Seek + Send> Complete for Writer<W> {
    fn complete(self: Box<Self>) -> io::Result<()> {
        self.finish().map(drop)
    }
}
