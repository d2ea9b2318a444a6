//! Writing an `.npz` archive of one array, streamed.
//!
//! By hand rather than through zip, whose writer completes an archive when dropped, whatever is
//! missing. All fields of size are those of zip64, so that small and large archives are written alike.
//! Format: <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>.

use std::io::{self, Seek, SeekFrom, Write};

use flate2::Crc;

use super::invalid_input;
use crate::io::{
    NewArray,
    npy::{Header, header_of},
};

/// Version 4.5 of the format, the first with zip64.
const VERSION: u16 = 45;
/// Names are UTF-8.
const FLAGS: u16 = 1 << 11;
const STORED: u16 = 0;
/// Midnight on 1980-01-01, the first time the format knows: the same data gives the same file.
const TIME: u16 = 0;
const DATE: u16 = (1 << 5) | 1;
/// A field whose value is that of zip64.
const SEE_ZIP64: u32 = u32::MAX;
/// A regular file that its owner may write and all may read.
const MODE: u32 = 0o100_644;
const UNIX: u16 = 3 << 8;
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
    pub fn new(inner: W, name: &str, header: &Header) -> io::Result<Self> {
        let array = NewArray {
            name,
            shape: &header.shape,
            order: header.order,
            storage: header.dtype.into(),
            place: None,
        };
        Self::begin(inner, name, &array)
    }

    /// The same of an array that [`begin`](crate::io::Format::begin) is given.
    pub(super) fn begin(mut inner: W, name: &str, array: &NewArray<'_>) -> io::Result<Self> {
        let (preamble, shape) = (header_of(array)?, array.shape);
        let entry = format!("{name}.npy");
        let Ok(name_bytes) = u16::try_from(entry.len()) else {
            let (found, most) = (name.len(), usize::from(u16::MAX) - ".npy".len());
            let reason = format!("array's name has {found} bytes; a zip archive allows {most}");
            return Err(invalid_input(reason));
        };
        if name.contains('\0') {
            return Err(invalid_input(format!("array's name {name:?} holds a NUL")));
        }
        let sizes = array.data_bytes().and_then(|expected| {
            // Room for what the archive adds.
            let size = (preamble.len() as u64).checked_add(expected)?;
            size.checked_add(1 << 20).map(|_| (expected, size))
        });
        let too_large = || invalid_input(format!("shape {shape:?} is more than any file holds"));
        let (expected, size) = sizes.ok_or_else(too_large)?;
        let mut crc = Crc::new();
        crc.update(&preamble);

        let mut local = Record::new(b"PK\x03\x04");
        local.u16s(&[VERSION, FLAGS, STORED, TIME, DATE]);
        // The checksum is filled in at the end.
        local.u32(0).u32(SEE_ZIP64).u32(SEE_ZIP64);
        local.u16s(&[name_bytes, 20]).bytes(entry.as_bytes());
        local.u16s(&[1, 16]).u64(size).u64(size);
        let start = inner.stream_position()?;
        inner.write_all(&local.0)?;
        inner.write_all(&preamble)?;
        Ok(Self {
            inner,
            start,
            entry,
            size,
            shape: shape.to_vec(),
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
        let directory_at = self.inner.stream_position()? - self.start;
        self.inner.seek(SeekFrom::Start(self.start + CHECKSUM_AT))?;
        self.inner.write_all(&checksum.to_le_bytes())?;
        self.inner
            .seek(SeekFrom::Start(self.start + directory_at))?;

        // The entry in the directory.
        let mut end = Record::new(b"PK\x01\x02");
        end.u16s(&[UNIX | VERSION, VERSION, FLAGS, STORED, TIME, DATE]);
        end.u32(checksum).u32(SEE_ZIP64).u32(SEE_ZIP64);
        // No comment, on the first disk, not text, the entry at the archive's first byte.
        end.u16s(&[self.entry.len() as u16, 20, 0, 0, 0]);
        end.u32(MODE << 16).u32(0).bytes(self.entry.as_bytes());
        end.u16s(&[1, 16]).u64(self.size).u64(self.size);
        let directory_bytes = end.0.len() as u64;

        // The directory's end: 44 bytes follow the first field, one disk, one entry.
        let end_at = directory_at + directory_bytes;
        end.bytes(b"PK\x06\x06").u64(44);
        end.u16s(&[UNIX | VERSION, VERSION]);
        end.u32(0).u32(0).u64(1).u64(1);
        end.u64(directory_bytes).u64(directory_at);
        // Where that is, and its predecessor, which refers to it.
        end.bytes(b"PK\x06\x07").u32(0).u64(end_at).u32(1);
        end.bytes(b"PK\x05\x06").u16s(&[0, 0, 1, 1]);
        end.u32(SEE_ZIP64).u32(SEE_ZIP64).u16s(&[0]);
        self.inner.write_all(&end.0)?;
        self.inner.flush()?;
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

/// Fields one after the other, lowest byte first.
struct Record(Vec<u8>);

impl Record {
    fn new(signature: &[u8; 4]) -> Self {
        Self(signature.to_vec())
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend(bytes);
        self
    }

    fn u16s(&mut self, values: &[u16]) -> &mut Self {
        self.0
            .extend(values.iter().flat_map(|value| value.to_le_bytes()));
        self
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }
}
