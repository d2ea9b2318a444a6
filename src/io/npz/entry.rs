//! Entries of an archive, and the directory of one that is being written.
//!
//! An entry is passed on as it is: packed, with its own header. Its record in the directory gets another place.
//! All fields of size and place are those of zip64, so that small and large archives are written alike.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;

use super::invalid_data;
use crate::io::{Rest, input::copy_range};

/// A field whose value is that of zip64.
pub(super) const SEE_ZIP64: u32 = u32::MAX;
/// Version 4.5 of the format, the first with zip64.
pub(super) const VERSION: u16 = 45;
pub(super) const UNIX: u16 = 3 << 8;
/// Bytes of a record up to the name.
const FIXED: usize = 46;
/// The field of zip64, and its bytes: size, packed size, place.
const ZIP64: u16 = 1;
const ZIP64_BYTES: usize = 24;
/// Bytes of the directory's end: of zip64, where that is, and its predecessor.
const END: usize = 56 + 20 + 22;

/// An entry of another archive.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its record, whose place is yet to be filled in.
    record: Record,
    /// Its bytes in the other archive: header, name, data.
    bytes: Range<u64>,
}

/// What the directory says of an entry: fields one after the other, lowest byte first.
#[derive(Debug, Clone)]
pub(super) struct Record(pub(super) Vec<u8>);

/// The directory of an archive that is being written.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    records: Vec<Record>,
    /// Where it is to be, which is where the next entry goes.
    pub(super) at: u64,
}

/// Reads the record of an entry that takes some bytes; the reader is at the record.
pub(super) fn read(reader: &mut impl Read, bytes: Range<u64>) -> io::Result<Entry> {
    let mut fixed = [0; FIXED];
    reader.read_exact(&mut fixed)?;
    let u16_at = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
    let u32_at = |at: usize| u64::from(u32::from_le_bytes([0, 1, 2, 3].map(|i| fixed[at + i])));
    let mut read = |length: u16| -> io::Result<Vec<u8>> {
        let mut found = vec![0; usize::from(length)];
        reader.read_exact(&mut found)?;
        Ok(found)
    };
    let (name, extra, comment) = (read(u16_at(28))?, read(u16_at(30))?, read(u16_at(32))?);
    let (mut packed, mut size) = (u32_at(20), u32_at(24));
    let mut others = Vec::new();
    let mut rest = &extra[..];
    while let Some((&[a, b, c, d], after)) = rest.split_first_chunk() {
        let (id, length) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
        let field = after.get(..usize::from(length)).ok_or_else(damaged)?;
        if id == ZIP64 {
            // It holds, in this order, those that do not fit their own fields.
            let mut numbers = field
                .as_chunks()
                .0
                .iter()
                .map(|bytes| u64::from_le_bytes(*bytes));
            for number in [&mut size, &mut packed] {
                if *number == u64::from(SEE_ZIP64) {
                    *number = numbers.next().ok_or_else(damaged)?;
                }
            }
        } else {
            others.extend_from_slice(&rest[..4 + usize::from(length)]);
        }
        rest = &after[usize::from(length)..];
    }
    let extras = u16::try_from(others.len() + 4 + ZIP64_BYTES).map_err(|_| damaged())?;
    let mut record = Record(fixed[..6].to_vec());
    record.u16s(&[u16_at(6).max(VERSION)]).bytes(&fixed[8..20]);
    record.u32(SEE_ZIP64).u32(SEE_ZIP64);
    record.u16s(&[u16_at(28), extras, u16_at(32), 0]);
    record.bytes(&fixed[36..42]).u32(SEE_ZIP64).bytes(&name);
    record.zip64(size, packed).bytes(&others).bytes(&comment);
    Ok(Entry { record, bytes })
}

fn damaged() -> io::Error {
    invalid_data("directory of the archive is damaged".to_owned())
}

/// Passes entries on to another archive.
impl Rest for Vec<Entry> {
    fn copy(&self, mut from: &File, mut to: &File) -> io::Result<()> {
        let mut catalog = Catalog::default();
        for Entry { record, bytes } in self {
            copy_range(&mut from, bytes, &mut to)?;
            catalog.add(record.clone(), None);
            catalog.at += bytes.end - bytes.start;
        }
        match self.is_empty() {
            true => Ok(()),
            false => catalog.write(&mut to),
        }
    }
}

impl Catalog {
    /// The directory of an archive that [`Catalog::write`] has completed; an empty one where there is nothing yet.
    pub(super) fn read(file: &mut (impl Read + Seek)) -> io::Result<Self> {
        let length = file.seek(SeekFrom::End(0))?;
        if length == 0 {
            return Ok(Self::default());
        }
        let end_at = length.checked_sub(END as u64).ok_or_else(damaged)?;
        file.seek(SeekFrom::Start(end_at))?;
        let mut end = [0; END];
        file.read_exact(&mut end)?;
        let [bytes, at] = [40, 48]
            .map(|field| u64::from_le_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(|i| end[field + i])));
        if !end.starts_with(b"PK\x06\x06") || at.checked_add(bytes) != Some(end_at) {
            return Err(damaged());
        }
        file.seek(SeekFrom::Start(at))?;
        let mut directory = vec![0; bytes as usize];
        file.read_exact(&mut directory)?;
        let mut rest = &directory[..];
        let mut records = Vec::new();
        while !rest.is_empty() {
            let lengths = rest.get(28..34).ok_or_else(damaged)?.as_chunks().0;
            let lengths = lengths
                .iter()
                .map(|length| usize::from(u16::from_le_bytes(*length)));
            let record = rest.split_at_checked(FIXED + lengths.sum::<usize>());
            let (record, after) = record.ok_or_else(damaged)?;
            records.push(Record(record.to_vec()));
            rest = after;
        }
        Ok(Self { records, at })
    }

    /// Adds the record of an entry that is where the directory was, at a place among the entries, or as the last.
    pub(super) fn add(&mut self, record: Record, place: Option<u64>) {
        let last = self.records.len();
        let place = place.map_or(last, |place| last.min(place as usize));
        self.records.insert(place, record.placed(self.at));
    }

    /// Completes the archive.
    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let mut end = Record(Vec::new());
        for record in &self.records {
            end.bytes(&record.0);
        }
        let (count, bytes) = (self.records.len() as u64, end.0.len() as u64);
        // The directory's end: 44 bytes follow the first field, one disk.
        end.bytes(b"PK\x06\x06").u64(44);
        end.u16s(&[UNIX | VERSION, VERSION]);
        end.u32(0).u32(0).u64(count).u64(count);
        end.u64(bytes).u64(self.at);
        // Where that is, and its predecessor, which refers to it.
        end.bytes(b"PK\x06\x07").u32(0).u64(self.at + bytes).u32(1);
        let few = u16::try_from(count).unwrap_or(u16::MAX);
        end.bytes(b"PK\x05\x06").u16s(&[0, 0, few, few]);
        end.u32(SEE_ZIP64).u32(SEE_ZIP64).u16s(&[0]);
        to.write_all(&end.0)?;
        to.flush()
    }
}

impl Record {
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend(bytes);
        self
    }

    pub(super) fn u16s(&mut self, values: &[u16]) -> &mut Self {
        self.0
            .extend(values.iter().flat_map(|value| value.to_le_bytes()));
        self
    }

    pub(super) fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(super) fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// The field of sizes, which ends in a place to be filled in.
    pub(super) fn zip64(&mut self, size: u64, packed: u64) -> &mut Self {
        self.u16s(&[ZIP64, ZIP64_BYTES as u16])
            .u64(size)
            .u64(packed)
            .u64(0)
    }

    /// The record with the place of its entry, behind the name.
    fn placed(mut self, at: u64) -> Self {
        let name = usize::from(u16::from_le_bytes([self.0[28], self.0[29]]));
        let field = FIXED + name + 4 + ZIP64_BYTES;
        self.0[field - 8..field].copy_from_slice(&at.to_le_bytes());
        self
    }
}
