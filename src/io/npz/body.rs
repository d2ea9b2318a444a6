//! The bytes of an entry, inflated where it is deflated, held against its size and checksum.

use std::io::{self, Read, Take};

use flate2::{Crc, read::DeflateDecoder};

use super::invalid_data;

/// What an archive's directory says of an entry.
#[derive(Debug)]
pub(super) struct Extent {
    pub(super) deflated: bool,
    /// Bytes in the archive.
    pub(super) packed: u64,
    /// Bytes of what was packed.
    pub(super) size: u64,
    pub(super) checksum: u32,
}

/// An entry being read.
#[derive(Debug)]
pub(super) struct Body<R> {
    packed: Packed<R>,
    extent: Extent,
    left: u64,
    crc: Crc,
}

#[derive(Debug)]
enum Packed<R> {
    Stored(Take<R>),
    Deflated(DeflateDecoder<Take<R>>),
}

impl<R: Read> Body<R> {
    /// An entry whose first byte is the reader's next.
    pub(super) fn new(reader: R, extent: Extent) -> Self {
        let reader = reader.take(extent.packed);
        let packed = match extent.deflated {
            true => Packed::Deflated(DeflateDecoder::new(reader)),
            false => Packed::Stored(reader),
        };
        Self {
            packed,
            left: extent.size,
            extent,
            crc: Crc::new(),
        }
    }

    /// Bytes that are yet to be read.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// Nothing must follow the last byte, and the checksum must be right.
    fn expect_end(&mut self) -> io::Result<()> {
        let Extent {
            size,
            checksum: claimed,
            ..
        } = self.extent;
        if self.packed.read(&mut [0])? > 0 {
            return Err(invalid_data(format!(
                "entry has more than the {size} bytes that the archive claims"
            )));
        }
        let found = self.crc.sum();
        if found != claimed {
            return Err(invalid_data(format!(
                "entry has checksum {found:08x}, but the archive claims {claimed:08x}; the file is damaged"
            )));
        }
        Ok(())
    }
}

impl<R: Read> Read for Body<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.left.min(buffer.len() as u64) as usize;
        if length == 0 {
            return Ok(0);
        }
        let found = self.packed.read(&mut buffer[..length])?;
        if found == 0 {
            let (size, found) = (self.extent.size, self.extent.size - self.left);
            return Err(invalid_data(format!(
                "entry ends after {found} bytes, but the archive claims {size}; they must match"
            )));
        }
        self.crc.update(&buffer[..found]);
        self.left -= found as u64;
        if self.left == 0 {
            self.expect_end()?;
        }
        Ok(found)
    }
}

impl<R: Read> Read for Packed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stored(reader) => reader.read(buffer),
            Self::Deflated(reader) => reader.read(buffer),
        }
    }
}
