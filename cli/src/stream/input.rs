//! What a command streams: arrays in files of several formats, and in pipes.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use crate::{Failure, Result};

use wgpu_activations::{
    ElementType, Error,
    io::{
        npy::{self, Dtype, Endian, Float, Header, Order, Values},
        npz::Member,
        safetensors::{self, Listing},
    },
    offload::{
        Source,
        file::{FileSource, Format, PipeSource, cannot_read},
    },
};

/// The name of standard input and output.
pub(super) const PIPE: &str = "-";

/// A file and the arrays in it that are to be streamed.
pub(super) struct Input {
    pub(super) kind: Kind,
    pub(super) items: Vec<Item>,
}

/// The format of a file.
pub(super) enum Kind {
    Npy,
    /// With the array's name.
    Npz(String),
    /// With everything in the file.
    Safetensors(Listing),
}

/// An array to be streamed.
pub(super) struct Item {
    /// Its name in a file of several.
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) order: Order,
    pub(super) element: ElementType,
    pub(super) format: Format,
    /// The element type as the format calls it.
    pub(super) dtype: String,
    /// For .npy and .npz.
    pub(super) npy_dtype: Option<Dtype>,
    /// Bytes of its data in the file.
    pub(super) data: std::ops::Range<u64>,
    feed: Feed,
}

enum Feed {
    File(File),
    /// What comes one after another.
    Reader(Box<dyn Read + Send>),
}

/// An array's elements, open to be read.
pub(super) enum Elements {
    File(FileSource),
    Pipe(PipeSource<Box<dyn Read + Send>>),
    F32(Vec<f32>),
    F16(Vec<half::f16>),
}

impl Elements {
    pub(super) fn source(&self) -> &dyn Source {
        match self {
            Self::File(source) => source,
            Self::Pipe(source) => source,
            Self::F32(values) => values,
            Self::F16(values) => values,
        }
    }

    /// Fails if a pipe holds more.
    pub(super) fn expect_end(&self) -> wgpu_activations::Result<()> {
        match self {
            Self::Pipe(source) => source.expect_end(),
            _ => Ok(()),
        }
    }
}

impl Input {
    /// Opens what `path` and `tensors`, names or patterns, name.
    pub(super) fn open(path: &Path, tensors: &[String]) -> Result<Self> {
        let ends_in = |extension: &str| {
            path.extension()
                .is_some_and(|found| found.eq_ignore_ascii_case(extension))
        };
        if ends_in("safetensors") {
            return Self::open_safetensors(path, tensors);
        }
        if ends_in("npz") {
            let name = match tensors {
                [] => None,
                [name] => Some(name.as_str()),
                _ => {
                    let rule = "one array of an .npz file at a time; name one with --tensor";
                    return Err(Failure::Usage(rule.to_owned()));
                }
            };
            let member = Member::open(path, name)?;
            let (name, header) = (member.name().to_owned(), member.header().clone());
            let item = Item::of_header(&name, header, Feed::Reader(Box::new(member)));
            return Ok(Self {
                kind: Kind::Npz(name),
                items: vec![item],
            });
        }
        if !tensors.is_empty() {
            let rule = "--tensor names an array of an .npz or .safetensors file";
            return Err(Failure::Usage(rule.to_owned()));
        }
        let item = if path == Path::new(PIPE) {
            let mut stdin = io::stdin();
            let header = Header::read(&mut stdin).map_err(|error| in_words(path, &error))?;
            Item::of_header("", header, Feed::Reader(Box::new(stdin)))
        } else {
            let (header, file) = Header::open(path)?;
            let regular = file.metadata().is_ok_and(|metadata| metadata.is_file());
            let feed = if regular {
                Feed::File(file)
            } else {
                Feed::Reader(Box::new(file))
            };
            Item::of_header("", header, feed)
        };
        Ok(Self {
            kind: Kind::Npy,
            items: vec![item],
        })
    }

    fn open_safetensors(path: &Path, tensors: &[String]) -> Result<Self> {
        let listing = safetensors::list(path)?;
        let refuse = |reason: String| {
            Err(Error::File {
                path: path.to_owned(),
                reason,
            }
            .into())
        };
        let float = |dtype: &safetensors::Dtype| match dtype {
            safetensors::Dtype::F32 => Some(ElementType::F32),
            safetensors::Dtype::F16 => Some(ElementType::F16),
            safetensors::Dtype::BF16 => Some(ElementType::Bf16),
            safetensors::Dtype::Other(_) => None,
        };
        if tensors.is_empty() {
            let names: Vec<_> = listing.entries.iter().map(|entry| &*entry.name).collect();
            return refuse(format!(
                "name tensors with --tensor NAME or a pattern such as '*.weight'; it has {}",
                some_of(&names)
            ));
        }
        let mut items = Vec::new();
        for pattern in tensors {
            let before = items.len();
            for entry in &listing.entries {
                let taken = items.iter().any(|item: &Item| item.name == entry.name);
                if taken || !safetensors::matches(pattern, &entry.name) {
                    continue;
                }
                let Some(element) = float(&entry.dtype) else {
                    // A pattern takes what can be taken; a name says what is wanted.
                    if *pattern == entry.name {
                        return refuse(format!(
                            "tensor `{}` holds {}; F32, F16 and BF16 are accepted",
                            entry.name, entry.dtype
                        ));
                    }
                    continue;
                };
                let format = match element {
                    ElementType::F32 => Format::of(Dtype {
                        float: Float::F32,
                        endian: Endian::Little,
                    }),
                    ElementType::F16 | ElementType::Bf16 => Format::halves(Endian::Little),
                };
                let file = File::open(path).map_err(|error| cannot_read(path, &error))?;
                items.push(Item {
                    name: entry.name.clone(),
                    shape: entry.shape.clone(),
                    order: Order::C,
                    element,
                    format,
                    dtype: entry.dtype.to_string(),
                    npy_dtype: None,
                    data: entry.data.clone(),
                    feed: Feed::File(file),
                });
            }
            if items.len() == before {
                let names: Vec<_> = listing
                    .entries
                    .iter()
                    .filter(|entry| float(&entry.dtype).is_some())
                    .map(|entry| &*entry.name)
                    .collect();
                return refuse(format!(
                    "no tensor of F32, F16 or BF16 matches `{pattern}`; it has {}",
                    some_of(&names)
                ));
            }
        }
        Ok(Self {
            kind: Kind::Safetensors(listing),
            items,
        })
    }
}

impl Item {
    fn of_header(name: &str, header: Header, feed: Feed) -> Self {
        let bytes = header.data_bytes().unwrap_or(u64::MAX);
        Self {
            name: name.to_owned(),
            shape: header.shape,
            order: header.order,
            element: match header.dtype.float {
                Float::F16 => ElementType::F16,
                Float::F32 | Float::F64 => ElementType::F32,
            },
            format: Format::of(header.dtype),
            dtype: header.dtype.to_string(),
            npy_dtype: Some(header.dtype),
            data: header.bytes..header.bytes.saturating_add(bytes),
            feed,
        }
    }

    /// The element type in words: `float32`.
    pub(super) fn type_name(&self) -> &'static str {
        match self.npy_dtype {
            Some(dtype) => dtype.float.name(),
            None => self.element.name(),
        }
    }

    /// Whether it is computed in another type.
    pub(super) fn is_float64(&self) -> bool {
        self.npy_dtype
            .is_some_and(|dtype| dtype.float == Float::F64)
    }

    /// Its elements; so that they can be read again and anywhere, unless they are read `once`, from
    /// beginning to end.
    pub(super) fn elements(self, path: &Path, once: bool) -> Result<Elements> {
        let bytes = self.data.end - self.data.start;
        let (file, start) = match self.feed {
            Feed::File(file) => (file, self.data.start),
            Feed::Reader(reader) if once => {
                let source = PipeSource::new(reader, path, self.format);
                return Ok(Elements::Pipe(source));
            }
            Feed::Reader(mut reader) => (spool(path, &mut reader, bytes)?, 0),
        };
        Ok(Elements::File(FileSource {
            file,
            path: path.to_owned(),
            start,
            format: self.format,
        }))
    }

    /// Its elements in another order, in memory.
    pub(super) fn rearranged(self, path: &Path, to: Order) -> Result<Elements> {
        let (shape, order, element) = (self.shape.clone(), self.order, self.element);
        let elements = self.elements(path, true)?;
        let source = elements.source();
        let len = shape.iter().product();
        let values = match element {
            ElementType::F32 => Values::F32(gather(source, len)?),
            ElementType::F16 | ElementType::Bf16 => Values::F16(gather(source, len)?),
        };
        elements.expect_end()?;
        let array = npy::Array {
            shape,
            order,
            dtype: Dtype {
                float: Float::F32,
                endian: Endian::NATIVE,
            },
            values,
        };
        Ok(match array.to_order(to)?.values {
            Values::F32(values) => Elements::F32(values),
            Values::F16(values) => Elements::F16(values),
        })
    }
}

/// All elements of a source.
pub(super) fn gather<T: bytemuck::Pod>(source: &dyn Source, len: usize) -> Result<Vec<T>> {
    let mut values: Vec<T> = Vec::new();
    source.read(0..len, &mut |bytes| {
        values.extend(bytemuck::pod_collect_to_vec::<u8, T>(bytes));
    })?;
    Ok(values)
}

/// A temporary file with the bytes of a pipe.
fn spool(path: &Path, reader: &mut impl Read, bytes: u64) -> Result<File> {
    let mut spool = || -> io::Result<(File, u64)> {
        let mut file = tempfile::tempfile()?;
        let copied = io::copy(&mut reader.take(bytes.saturating_add(1)), &mut file)?;
        Ok((file, copied))
    };
    let (file, copied) = spool().map_err(|error| cannot_read(path, &error))?;
    if copied != bytes {
        let more = if copied > bytes { " or more" } else { "" };
        return Err(Error::File {
            path: path.to_owned(),
            reason: format!(
                "header claims {bytes} bytes of data, but there are {copied}{more}; they must match"
            ),
        }
        .into());
    }
    Ok(file)
}

/// Some names, and how many more there are.
fn some_of(names: &[&str]) -> String {
    const SHOWN: usize = 8;
    let mut text = match names {
        [] => "none".to_owned(),
        names => {
            let shown: Vec<_> = names
                .iter()
                .take(SHOWN)
                .map(|name| format!("`{name}`"))
                .collect();
            shown.join(", ")
        }
    };
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}

fn in_words(path: &Path, error: &io::Error) -> Failure {
    Error::File {
        path: path.to_owned(),
        reason: error.to_string(),
    }
    .into()
}
