//! `.npz` among the formats.

use std::io::{self, Seek, Write};
use std::path::Path;

use super::{Member, NEEDED, Writer};
use crate::{
    error::{Error, Result},
    io::{
        Complete, Format, NewArray, Opened, Output, Selection, StoredArray, Target, file,
        input::Data, stream::cannot_write,
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
        if names.len() > 1 {
            let rule = "one array of an .npz file at a time; name one with --tensor";
            return Err(Error::FileFormat(rule.to_owned()));
        }
        let find = || {
            let (file, length) = file.into_file(NEEDED)?;
            Member::find(file, length, names.first().map(String::as_str))
        };
        let member = find().map_err(file::of(path))?;
        let (name, header) = (member.name.clone(), member.header.clone());
        let bytes = member.body.left();
        let data = Data::Pipe(Box::new(member), bytes);
        let arrays = vec![StoredArray::of_header(path, &name, &header, data)];
        let rest = Vec::new();
        Ok(Selection { arrays, rest })
    }

    fn begin(&self, target: Target, path: &Path, array: &NewArray<'_>) -> Result<Output> {
        let file = target.into_file(NEEDED).map_err(file::of(path))?;
        let writer = Writer::begin(file, array).map_err(|error| cannot_write(path, &error))?;
        Ok(Output::in_order(writer, path, array.storage))
    }
}

impl<W: Write + Seek + Send> Complete for Writer<W> {
    fn complete(self: Box<Self>) -> io::Result<()> {
        self.finish().map(drop)
    }
}
