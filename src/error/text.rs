//! Numbers, sizes and shapes in the words of messages.

/// A number as people write it: by a power of ten where it would be a row of zeros.
pub fn number(value: impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

/// Counts that overflowed are the largest there is.
pub(super) fn elements(expected: usize) -> String {
    match expected {
        usize::MAX => "more elements than can be counted".to_owned(),
        _ => format!("{expected} elements"),
    }
}

pub(super) fn beyond(bytes: u64, limit: u64) -> String {
    match bytes {
        u64::MAX => size(bytes),
        _ => format!("{} but this device allows {}", size(bytes), size(limit)),
    }
}

/// Bytes in a unit that leaves few digits, and exactly where that rounds: `6.05 MiB (6340608 bytes)`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let power = bytes.max(1).ilog2() / 10;
    let (unit, name) = (1_u64 << (10 * power), UNITS[power as usize]);
    match bytes {
        u64::MAX => "more bytes than can be counted".to_owned(),
        _ if bytes.is_multiple_of(unit) => format!("{} {name}", bytes / unit),
        _ => format!("{:.2} {name} ({bytes} bytes)", bytes as f64 / unit as f64),
    }
}

pub(super) fn did_you_mean(nearest: &Option<&'static str>) -> String {
    nearest.map_or_else(String::new, |name| format!(", did you mean `{name}`?"))
}

pub(super) fn but_weight(weight: &Option<Vec<usize>>) -> String {
    weight.as_ref().map_or_else(String::new, |shape| {
        format!(" but weight has shape {shape:?}")
    })
}

pub(super) fn axes(shape: &[usize]) -> String {
    match shape.len() as i64 {
        0 => "a single number has no axes".to_owned(),
        rank => format!("axes run from {} to {}", -rank, rank - 1),
    }
}

/// A number of tensors, with their names.
pub(super) fn tensors(count: usize, names: &str) -> String {
    match count {
        1 => "1 tensor".to_owned(),
        _ => format!("{count} tensors ({names})"),
    }
}

pub(super) fn unknown_parameter(op: &str, name: &str, known: &[&'static str]) -> String {
    if known.is_empty() {
        return format!("{op} takes no parameter, so `{name}` cannot be set");
    }
    format!(
        "{op} has no parameter `{name}`; it takes `{}`",
        known.join("`, `")
    )
}
