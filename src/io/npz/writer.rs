//! Writing an `.npz` archive of one array, streamed.
//!
//! By hand rather than through zip, whose writer completes an archive when dropped, whatever is
//! missing. All fields of size are those of zip64, so that small and large archives are written alike.
//! Format: <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>.

use std::io::{self, Seek, SeekFrom, Write};

use flate2::Crc;

use crate::io::{NewArray, npy::Header};

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
/// [`Writer::finish`] has been called, what is written is no archive.
///
/// ```
/// use std::io::{Cursor, Write};
/// use wgpu_activations::io::npy::{Dtype, Endian, Float, Header, Order};
/// use wgpu_activations::io::npz::Writer;
///
/// let dtype = Dtype { float: Float::F32, endian: Endian::Little };
/// let header = Header { shape: vec![2], order: Order::C, dtype, bytes: 0 };
/// let mut writer = Writer::new(Cursor::new(Vec::new()), "x", &header)?;
/// writer.write_all(&1.0f32.to_le_bytes())?;
/// writer.write_all(&2.0f32.to_le_bytes())?;
/// let archive = writer.finish()?.into_inner();
/// assert!(archive.starts_with(b"PK"));
/// # Ok::<(), std::io::Error>(())
/// ```
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
        let mut preamble = Vec::new();
        header.write(&mut preamble)?;
        Self::with_preamble(inner, name, &header.shape, &preamble, header.data_bytes())
    }

    /// The same of an array that [`begin`](crate::io::Format::begin) is given.
    pub(super) fn begin(inner: W, array: &NewArray<'_>, preamble: &[u8]) -> io::Result<Self> {
        Self::with_preamble(
            inner,
            array.name(),
            array.shape,
            preamble,
            array.data_bytes(),
        )
    }

    /// `preamble` is what the array's file has before its data.
    fn with_preamble(
        mut inner: W,
        name: &str,
        shape: &[usize],
        preamble: &[u8],
        data_bytes: Option<u64>,
    ) -> io::Result<Self> {
        let entry = format!("{name}.npy");
        let Ok(name_bytes) = u16::try_from(entry.len()) else {
            return refuse(format!(
                "array's name has {} bytes; a zip archive allows {}",
                name.len(),
                usize::from(u16::MAX) - ".npy".len()
            ));
        };
        if name.contains('\0') {
            return refuse(format!("array's name {name:?} holds a NUL"));
        }
        let sizes = data_bytes.and_then(|expected| {
            // Room for what the archive adds.
            let size = (preamble.len() as u64).checked_add(expected)?;
            size.checked_add(1 << 20).map(|_| (expected, size))
        });
        let Some((expected, size)) = sizes else {
            return refuse(format!("shape {shape:?} is more than any file holds"));
        };
        let mut crc = Crc::new();
        crc.update(preamble);

        let mut local = Record::new(b"PK\x03\x04");
        local
            .u16(VERSION)
            .u16(FLAGS)
            .u16(STORED)
            .u16(TIME)
            .u16(DATE);
        // The checksum is filled in at the end.
        local.u32(0).u32(SEE_ZIP64).u32(SEE_ZIP64);
        local.u16(name_bytes).u16(20).bytes(entry.as_bytes());
        local.u16(1).u16(16).u64(size).u64(size);
        let start = inner.stream_position()?;
        inner.write_all(&local.0)?;
        inner.write_all(preamble)?;
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
            return refuse(self.mismatch(self.written, ""));
        }
        let checksum = self.crc.sum();
        let directory_at = self.inner.stream_position()? - self.start;
        self.inner.seek(SeekFrom::Start(self.start + CHECKSUM_AT))?;
        self.inner.write_all(&checksum.to_le_bytes())?;
        self.inner
            .seek(SeekFrom::Start(self.start + directory_at))?;

        // The entry in the directory.
        let mut end = Record::new(b"PK\x01\x02");
        end.u16(UNIX | VERSION);
        end.u16(VERSION).u16(FLAGS).u16(STORED).u16(TIME).u16(DATE);
        end.u32(checksum).u32(SEE_ZIP64).u32(SEE_ZIP64);
        // No comment, on the first disk, not text, the entry at the archive's first byte.
        end.u16(self.entry.len() as u16)
            .u16(20)
            .u16(0)
            .u16(0)
            .u16(0);
        end.u32(MODE << 16).u32(0).bytes(self.entry.as_bytes());
        end.u16(1).u16(16).u64(self.size).u64(self.size);
        let directory_bytes = end.0.len() as u64;

        // The directory's end: 44 bytes follow the first field, one disk, one entry.
        let end_at = directory_at + directory_bytes;
        end.bytes(b"PK\x06\x06")
            .u64(44)
            .u16(UNIX | VERSION)
            .u16(VERSION);
        end.u32(0).u32(0).u64(1).u64(1);
        end.u64(directory_bytes).u64(directory_at);
        // Where that is, and its predecessor, which refers to it.
        end.bytes(b"PK\x06\x07").u32(0).u64(end_at).u32(1);
        end.bytes(b"PK\x05\x06").u16(0).u16(0).u16(1).u16(1);
        end.u32(SEE_ZIP64).u32(SEE_ZIP64).u16(0);
        self.inner.write_all(&end.0)?;
        self.inner.flush()?;
        Ok(self.inner)
    }
}

impl<W> Writer<W> {
    fn mismatch(&self, found: u64, more: &str) -> String {
        format!(
            "shape {:?} holds {} bytes of data but {found}{more} were written; they must match",
            self.shape, self.expected
        )
    }
}

impl<W: Write> Write for Writer<W> {
    /// Writes data; `InvalidInput` where it is more than the shape asks for.
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if data.len() as u64 > self.expected - self.written {
            return refuse(self.mismatch(self.expected, " and more"));
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

    fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }
}

fn refuse<T>(reason: String) -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::InvalidInput, reason))
}
