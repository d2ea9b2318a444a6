//! Files of other kinds, told by their first bytes.

/// Whether it is JSON with names in it that begins so, rather than the same in UTF-16.
#[cfg(any(feature = "safetensors", feature = "bench"))]
pub(super) fn is_json(start: &[u8]) -> bool {
    start.starts_with(JSON) && start.get(1) != Some(&0)
}

const JSON: &[u8] = b"{";

/// What a file is that should be JSON and begins so, where that is known.
#[cfg(feature = "bench")]
pub(crate) fn other_than_json(start: &[u8]) -> Option<&'static str> {
    const ARRAYS: [(&[u8], &str); 2] = [
        (b"PK\x03\x04", "is an .npz file or another archive"),
        (b"\x93NUMPY", "is an .npy file"),
    ];
    let arrays = ARRAYS.iter().find(|(begins, _)| start.starts_with(begins));
    let stranger = || stranger(start).filter(|_| !is_json(start));
    arrays.map(|(_, reason)| *reason).or_else(stranger)
}

/// What a file is that people take for one of arrays, and what to do about it.
pub(super) fn stranger(start: &[u8]) -> Option<&'static str> {
    const PICKLE: &str =
        "is a Python pickle, as of torch.save; save arrays with numpy.save or safetensors";
    const UTF_32: &str = "is text in UTF-32; save it again in UTF-8";
    const UTF_16: &str = "is text in UTF-16; save it again in UTF-8";
    const STRANGERS: [(&[u8], &str); 17] = [
        // Those of a mark begin as UTF-16 does, and those without one, which are JSON, too.
        (b"\xff\xfe\0\0", UTF_32),
        (b"\0\0\xfe\xff", UTF_32),
        (b"{\0\0\0", UTF_32),
        (b"\0\0\0{", UTF_32),
        (b"\xff\xfe", UTF_16),
        (b"\xfe\xff", UTF_16),
        (b"{\0", UTF_16),
        (b"\0{", UTF_16),
        (
            b"version https://",
            "is a Git LFS pointer; `git lfs pull` fetches the file that it stands for",
        ),
        (
            JSON,
            "is JSON, which holds no arrays; `activations run` takes the index of a model in shards",
        ),
        (b"\x80\x02", PICKLE),
        (b"\x80\x03", PICKLE),
        (b"\x80\x04", PICKLE),
        (b"\x80\x05", PICKLE),
        (
            b"\x89HDF",
            "is an HDF5 file; save its arrays with numpy.save or safetensors",
        ),
        (
            b"\xef\xbb\xbf",
            "is text with a byte order mark; save it again without that",
        ),
        (
            b"\x1f\x8b",
            "is compressed by gzip; `gunzip` gives the file that is in it",
        ),
    ];
    let known = STRANGERS
        .iter()
        .find(|(begins, _)| start.starts_with(begins));
    known.map(|(_, reason)| *reason)
}
