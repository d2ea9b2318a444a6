//! Workgroups in two dimensions.

/// Workgroups per dimension that every adapter allows.
pub(crate) const MOST_WORKGROUPS: u64 = 65_535;

/// `groups` workgroups folded into two dimensions, fewer than y to spare.
///
/// ```
/// use wgpu_activations::kernel::fold_over;
///
/// assert_eq!(fold_over(100), (100, 1));
/// assert_eq!(fold_over(65_536), (32_768, 2));
/// ```
pub fn fold_over(groups: u64) -> (u32, u32) {
    let y = groups.div_ceil(MOST_WORKGROUPS);
    let x = groups.div_ceil(y.max(1));
    (x as u32, y as u32)
}

/// As many of `groups` workgroups as fold into two dimensions, fewer than y left out.
pub(crate) fn fold_within(groups: u64) -> (u32, u32) {
    let y = groups.div_ceil(MOST_WORKGROUPS);
    let x = groups / y.max(1);
    (x as u32, y as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_covers_all_workgroups_within_the_limit() {
        for groups in [
            0,
            1,
            65_534,
            65_535,
            65_536,
            65_537,
            131_070,
            131_071,
            1 << 26,
            65_535 * 65_535 - 1,
        ] {
            let (x, y) = fold_over(groups);
            assert!(u64::from(x.max(y)) <= MOST_WORKGROUPS, "{groups}");
            let over = u64::from(x) * u64::from(y);
            assert!(
                over >= groups && over < groups + u64::from(y.max(1)),
                "{groups}: {x} x {y}"
            );
            let (x, y) = fold_within(groups);
            assert!(u64::from(x.max(y)) <= MOST_WORKGROUPS, "{groups}");
            let within = u64::from(x) * u64::from(y);
            assert!(
                within <= groups && within + u64::from(y.max(1)) > groups,
                "{groups}: {x} x {y}"
            );
        }
    }
}
