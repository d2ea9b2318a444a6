//! The directory of an `.npz` archive, read by zip behind guards.

use std::collections::HashSet;
use std::io::{BufReader, Read, Seek, SeekFrom};

use zip::read::ZipFileEntry;
use zip::{CompressionMethod, ZipArchive, result::ZipError};

use super::{Body, Entry, NEEDED, Reason, body::Extent, cannot_read, entry, file::fill};
use crate::io::choice::{shown, some_of};

/// What NumPy appends to an array's name.
const SUFFIX: &str = ".npy";
/// What a file of PyTorch has in one of its folders.
const TORCH: &str = "data.pkl";
/// What deflate can make of one byte: 258 bytes of a length and a distance of one bit each.
const MAX_DEFLATE: u64 = 1032;

/// The arrays of an archive.
pub(super) struct Directory<R> {
    archive: ZipArchive<BufReader<R>>,
    length: u64,
    /// Each with its place in the archive's directory.
    arrays: Vec<(usize, String)>,
}

impl<R: Read + Seek> Directory<R> {
    /// Reads the directory of an archive of `length` bytes.
    pub(super) fn read(mut reader: R, length: u64) -> Reason<Self> {
        expect_zip(&mut reader)?;
        let mut torch = false;
        // The entries it reserves memory for have been held against the length of the file.
        let archive = ZipArchive::new(BufReader::new(reader)).map_err(damaged)?;
        let mut arrays = Vec::new();
        let mut seen = HashSet::new();
        for index in 0..archive.len() {
            let entry = archive.by_index_data(index).map_err(damaged)?;
            let name = entry.name().map_err(damaged)?.into_owned();
            if !seen.insert(name.clone()) {
                let name = name.escape_debug();
                return Err(format!("holds two entries `{name}`; names must differ"));
            }
            torch |= name == TORCH || name.ends_with(&format!("/{TORCH}"));
            if let Some(name) = name.strip_suffix(SUFFIX) {
                arrays.push((index, name.to_owned()));
            }
        }
        // The archive has kept but one of them.
        if archive.has_duplicate_names() {
            return Err("holds two entries of the same name; names must differ".to_owned());
        }
        if torch && arrays.is_empty() {
            return Err(
                "is a file of PyTorch, as of torch.save; save its tensors with \
                 safetensors.torch.save_file, or one with numpy.save"
                    .to_owned(),
            );
        }
        Ok(Self {
            archive,
            length,
            arrays,
        })
    }

    /// The names of the arrays, in their order.
    pub(super) fn names(&self) -> Vec<&str> {
        self.arrays.iter().map(|(_, name)| &**name).collect()
    }

    /// The place of an array among all entries.
    pub(super) fn place(&self, array: usize) -> usize {
        self.arrays[array].0
    }

    /// All entries but those at some places, so that they can go to another archive.
    pub(super) fn others(mut self, places: &HashSet<u64>) -> Reason<Vec<Entry>> {
        let mut starts = vec![self.archive.central_directory_start()];
        let mut found = Vec::new();
        for place in 0..self.archive.len() {
            let file = self.archive.by_index_raw(place).map_err(damaged)?;
            starts.push(file.header_start());
            let data_end = file
                .data_start()
                .map(|start| start.saturating_add(file.compressed_size()));
            found.push((file.header_start(), data_end, file.central_header_start()));
        }
        starts.sort_unstable();
        let overlap = "has entries that overlap; the file is damaged";
        // One that two records share would grow to two.
        if starts.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(overlap.to_owned());
        }
        let mut reader = self.archive.into_inner();
        let mut entries = Vec::new();
        for (place, (start, data_end, record_at)) in found.into_iter().enumerate() {
            if places.contains(&(place as u64)) {
                continue;
            }
            // What describes the data may follow it, so an entry goes as far as the next.
            let end = starts[starts.partition_point(|other| *other <= start)..].first();
            let end = end.filter(|end| data_end.is_some_and(|data_end| data_end <= **end));
            let end = end.ok_or(overlap)?;
            reader
                .seek(SeekFrom::Start(record_at))
                .map_err(cannot_read)?;
            entries.push(entry::read(&mut reader, start..*end).map_err(cannot_read)?);
        }
        Ok(entries)
    }

    pub(super) fn into_names(self) -> Vec<String> {
        self.arrays.into_iter().map(|(_, name)| name).collect()
    }

    /// The array of a name, or the only one, and its file, not read yet.
    pub(super) fn into_array(mut self, name: Option<&str>) -> Reason<(String, Body<R>)> {
        let array = self.find(name)?;
        let extent = self.extent(array);
        let (_, name) = self.arrays.swap_remove(array);
        let (start, extent) =
            extent.map_err(|reason| format!("array {} {reason}", shown(&name)))?;
        let mut reader = self.archive.into_inner().into_inner();
        reader.seek(SeekFrom::Start(start)).map_err(cannot_read)?;
        Ok((name, Body::new(reader, extent)))
    }

    /// Where an array's file is, and how long.
    pub(super) fn extent(&mut self, array: usize) -> Reason<(u64, Extent)> {
        let place = self.place(array);
        let entry = self.archive.by_index_data(place).map_err(damaged)?;
        let extent = accept(&entry)?;
        let raw = self.archive.by_index_raw(place).map_err(damaged)?;
        let start = raw.data_start().ok_or("has no place in the archive")?;
        if extent.packed > self.length.saturating_sub(start) {
            return Err(format!(
                "takes {} bytes from byte {start}, but the file has {}; the file is not complete",
                extent.packed, self.length
            ));
        }
        Ok((start, extent))
    }

    fn find(&self, name: Option<&str>) -> Reason<usize> {
        let Some(wanted) = name else {
            let names = some_of(&self.names());
            return match self.arrays.len() {
                0 => Err("holds no arrays".to_owned()),
                1 => Ok(0),
                count => Err(format!("holds {count} arrays, one must be named: {names}")),
            };
        };
        let found = self.arrays.iter().position(|(_, name)| name == wanted);
        found.ok_or_else(|| {
            let (wanted, names) = (shown(wanted), some_of(&self.names()));
            format!("has no array {wanted}; it holds {names}")
        })
    }
}

/// What is said of an entry that can be read.
fn accept(entry: &ZipFileEntry<'_>) -> Reason<Extent> {
    if entry.encrypted() {
        return Err("is encrypted; save it without a password".to_owned());
    }
    let (packed, size) = (entry.compressed_size(), entry.size());
    let deflated = match entry.compression() {
        CompressionMethod::Stored if packed != size => {
            let rule = "they must match";
            return Err(format!(
                "is stored in {packed} bytes but claims {size}; {rule}"
            ));
        }
        CompressionMethod::Stored => false,
        CompressionMethod::DEFLATE if size / MAX_DEFLATE > packed => {
            return Err(format!(
                "claims {size} bytes from {packed} deflated ones; deflate gives at most {MAX_DEFLATE} for one"
            ));
        }
        CompressionMethod::DEFLATE => true,
        other => {
            return Err(format!(
                "is compressed by {other}; save it with numpy.savez or numpy.savez_compressed"
            ));
        }
    };
    Ok(Extent {
        deflated,
        packed,
        size,
        checksum: entry.crc32(),
    })
}

/// Refuses what does not begin as an archive does.
fn expect_zip(reader: &mut (impl Read + Seek)) -> Reason<()> {
    let mut start = [0; 8];
    reader.rewind().map_err(cannot_read)?;
    let found = fill(reader, &mut start).map_err(cannot_read)?;
    let start = &start[..found];
    if start.is_empty() {
        return Err(format!("is empty; {NEEDED} is needed"));
    }
    if start.starts_with(b"\x93NUMPY") {
        return Err("is an .npy file; give it a name that ends in .npy".to_owned());
    }
    // An entry, or the end of an archive that has none.
    if !start.starts_with(b"PK\x03\x04") && !start.starts_with(b"PK\x05\x06") {
        return Err(format!(
            "is not an .npz file: begins with `{}`, must begin with `PK\\x03\\x04`",
            start.escape_ascii()
        ));
    }
    Ok(())
}

fn damaged(error: ZipError) -> String {
    match error {
        ZipError::Io(error) => cannot_read(error),
        error => format!("is damaged or not complete: {error}"),
    }
}
