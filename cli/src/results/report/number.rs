//! Numbers as people read them.

/// Three significant digits or all before the point, thousands apart: `2,934`, `81.2`, `0.0412`.
pub(super) fn short(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e9).contains(&value.abs()) {
        return format!("{value:.2e}");
    }
    // From the rounded number: 9.996 has as many digits before the point as 10.
    let rounded = format!("{value:.2e}");
    let exponent = rounded.split_once('e').map(|(_, exponent)| exponent);
    let decimals = 2 - exponent.map_or(0, |exponent| exponent.parse::<i32>().unwrap_or(0));
    thousands(&format!("{value:.*}", decimals.max(0) as usize))
}

/// A mark of an axis: without digits that are all zeros.
pub(super) fn mark(value: f64) -> String {
    let text = short(value);
    if text.contains('e') || !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// From the fewest to the most: `30 to 150`, or `30`.
pub(super) fn range((low, high): (usize, usize)) -> String {
    let [low, high] = [low, high].map(|samples| count(samples as u64));
    if low == high {
        return low;
    }
    format!("{low} to {high}")
}

/// A number of things, thousands apart.
pub(super) fn count(value: u64) -> String {
    thousands(&value.to_string())
}

/// A fraction: two decimals, as more would be noise, or two digits where it is small.
pub(super) fn fraction(value: f64) -> String {
    let size = value.abs();
    if size >= 100.0 {
        return short(value);
    }
    let decimals = match size {
        0.0001..0.01 => 4,
        0.01..0.1 => 3,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

/// Bytes in the largest unit that leaves at least one: `256 MiB`.
pub(super) fn bytes(value: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let power = (value.max(1).ilog2() / 10).min(4);
    let scaled = value as f64 / 1024f64.powi(power as i32);
    let decimals = usize::from(scaled.fract() != 0.0);
    format!("{scaled:.decimals$} {}", units[power as usize])
}

/// A time of `nanoseconds` in the largest unit that leaves at least one: `1.25 ms`.
pub(super) fn time(nanoseconds: f64) -> String {
    let (scale, unit) = time_unit(nanoseconds);
    format!("{} {unit}", short(nanoseconds / scale))
}

/// A mark of an axis of times: `20 µs`.
pub(super) fn time_mark(nanoseconds: f64) -> String {
    let (scale, unit) = time_unit(nanoseconds);
    format!("{} {unit}", mark(nanoseconds / scale))
}

fn time_unit(nanoseconds: f64) -> (f64, &'static str) {
    match nanoseconds {
        ns if ns < 1e3 => (1.0, "ns"),
        ns if ns < 1e6 => (1e3, "µs"),
        ns if ns < 1e9 => (1e6, "ms"),
        _ => (1e9, "s"),
    }
}

/// A shape, unbroken at the ends of lines: `4096 × 1024`; `-` of a single number.
pub(super) fn shape(shape: &[u64]) -> String {
    if shape.is_empty() {
        return "-".to_owned();
    }
    let sizes: Vec<_> = shape.iter().map(u64::to_string).collect();
    sizes.join("\u{a0}×\u{a0}")
}

fn thousands(number: &str) -> String {
    let first = usize::from(number.starts_with('-'));
    let end = number.find('.').unwrap_or(number.len());
    let mut apart = number.to_owned();
    for place in (first + 1..end).rev() {
        if (end - place).is_multiple_of(3) {
            apart.insert(place, ',');
        }
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_units_fit_them() {
        for (found, expected) in [
            (short(2934.4), "2,934"),
            (short(812.04), "812"),
            (short(99.96), "100"),
            (short(9.996), "10.0"),
            (short(0.04123), "0.0412"),
            (short(0.0), "0"),
            (short(1e12), "1.00e12"),
            (short(-1234.0), "-1,234"),
            (mark(0.25), "0.25"),
            (mark(10.0), "10"),
            (mark(100.0), "100"),
            (mark(0.5), "0.5"),
            (mark(0.0), "0"),
            (bytes(0), "0 B"),
            (bytes(1 << 28), "256 MiB"),
            (bytes(3 << 29), "1.5 GiB"),
            (bytes(u64::MAX), "16777216 TiB"),
            (time(950.0), "950 ns"),
            (time(1.25e6), "1.25 ms"),
            (shape(&[4096, 16]), "4096\u{a0}×\u{a0}16"),
            (shape(&[]), "-"),
        ] {
            assert_eq!(found, expected);
        }
    }
}
