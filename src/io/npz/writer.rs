//! Writing an `.npz` archive of one array, streamed.
//!
//! By hand rather than through zip, whose writer completes an archive when dropped, whatever is
//! missing. Format: <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>.

use std::io::{self, Seek, SeekFrom, Write};

use flate2::Crc;

use super::{
    entry::{Catalog, Record, SEE_ZIP64, UNIX, VERSION},
    invalid_input,
};
use crate::io::{
    NewArray,
    npy::{Header, header_of},
};

/// Names are UTF-8.
const FLAGS: u16 = 1 << 11;
const STORED: u16 = 0;
/// Midnight on 1980-01-01, the first time the format knows: the same data gives the same file.
const TIME: u16 = 0;
const DATE: u16 = (1 << 5) | 1;
/// A regular file that its owner may write and all may read.
const MODE: u32 = 0o100_644;
/// Where the checksum is within an entry.
const CHECKSUM_AT: u64 = 14;

/// Writes an archive of one array, stored as it is, while its data is produced.
///
/// Takes the data's bytes as [`Write`], in the order and type of the header. Until
/// [`Writer::finish`] has been called, what is written is no archive. See [`Member`](super::Member).
#[derive(Debug)]
pub struct Writer<W> {
    inner: W,
    /// Where the archive begins in `inner`.
    start: u64,
    /// The entries before, and the place of this one among them.
    catalog: Catalog,
    place: Option<u64>,
    /// Name of the entry.
    entry: String,
    /// Bytes of the array's file.
    size: u64,
    shape: Vec<usize>,
    expected: u64,
    written: u64,
    crc: Crc,
}

impl<W: Write + Seek> Writer<W> {
    /// Begins an archive where `inner` is, with the array's name, without `.npy`, and header.
    ///
    /// # Errors
    ///
    /// What `inner` reports; and `InvalidInput` where NumPy would refuse the shape, or the name is
    /// longer than the format allows or holds a NUL.
    pub fn new(mut inner: W, name: &str, header: &Header) -> io::Result<Self> {
        let start = inner.stream_position()?;
        let array = NewArray {
            name,
            shape: &header.shape,
            order: header.order,
            storage: header.dtype.into(),
            place: None,
        };
        Self::begin(inner, start, name, &array, Catalog::default())
    }

    /// The same of an archive that begins at `start` and has entries.
    pub(super) fn begin(
        mut inner: W,
        start: u64,
        name: &str,
        array: &NewArray<'_>,
        catalog: Catalog,
    ) -> io::Result<Self> {
        let expected = array.data_bytes().ok_or_else(|| {
            let shape = array.shape;
            invalid_input(format!("shape {shape:?} is more than any file holds"))
        })?;
        let preamble = header_of(array)?;
        let entry = format!("{name}.npy");
        let Ok(name_bytes) = u16::try_from(entry.len()) else {
            let (found, most) = (name.len(), usize::from(u16::MAX) - ".npy".len());
            let reason = format!("array's name has {found} bytes; a zip archive allows {most}");
            return Err(invalid_input(reason));
        };
        if name.contains('\0') {
            return Err(invalid_input(format!("array's name {name:?} holds a NUL")));
        }
        // NumPy's arrays end at 2^63 bytes: there is room for this, and for what the archive adds.
        let size = expected + preamble.len() as u64;
        let mut crc = Crc::new();
        crc.update(&preamble);

        let mut local = Record(b"PK\x03\x04".to_vec());
        local.u16s(&[VERSION, FLAGS, STORED, TIME, DATE]);
        // The checksum is filled in at the end.
        local.u32(0).u32(SEE_ZIP64).u32(SEE_ZIP64);
        local.u16s(&[name_bytes, 20]).bytes(entry.as_bytes());
        local.u16s(&[1, 16]).u64(size).u64(size);
        inner.seek(SeekFrom::Start(start + catalog.at))?;
        inner.write_all(&local.0)?;
        inner.write_all(&preamble)?;
        Ok(Self {
            inner,
            start,
            catalog,
            place: array.place,
            entry,
            size,
            shape: array.shape.to_vec(),
            expected,
            written: 0,
            crc,
        })
    }

    /// Completes the archive and gives back what it was written to, at the archive's end.
    ///
    /// # Errors
    ///
    /// What the inner writer reports; and `InvalidInput` where fewer bytes were written than the shape
    /// asks for.
    pub fn finish(mut self) -> io::Result<W> {
        if self.written != self.expected {
            return Err(self.mismatch(self.written, ""));
        }
        let checksum = self.crc.sum();
        let end = self.inner.stream_position()?;
        let entry_at = self.start + self.catalog.at;
        self.inner.seek(SeekFrom::Start(entry_at + CHECKSUM_AT))?;
        self.inner.write_all(&checksum.to_le_bytes())?;
        self.inner.seek(SeekFrom::Start(end))?;

        let mut record = Record(b"PK\x01\x02".to_vec());
        record.u16s(&[UNIX | VERSION, VERSION, FLAGS, STORED, TIME, DATE]);
        record.u32(checksum).u32(SEE_ZIP64).u32(SEE_ZIP64);
        // The field of zip64, no comment, on the first disk, not text.
        record.u16s(&[self.entry.len() as u16, 28, 0, 0, 0]);
        record
            .u32(MODE << 16)
            .u32(SEE_ZIP64)
            .bytes(self.entry.as_bytes());
        record.zip64(self.size, self.size);
        self.catalog.add(record, self.place);
        self.catalog.at = end - self.start;
        self.catalog.write(&mut self.inner)?;
        Ok(self.inner)
    }
}

impl<W> Writer<W> {
    fn mismatch(&self, found: u64, more: &str) -> io::Error {
        let (shape, expected) = (&self.shape, self.expected);
        invalid_input(format!(
            "shape {shape:?} holds {expected} bytes of data but {found}{more} were written; they must match"
        ))
    }
}

impl<W: Write> Write for Writer<W> {
    /// Writes data; `InvalidInput` where it is more than the shape asks for.
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if data.len() as u64 > self.expected - self.written {
            return Err(self.mismatch(self.expected, " and more"));
        }
        let count = self.inner.write(data)?;
        self.crc.update(&data[..count]);
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
