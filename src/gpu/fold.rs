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
        const MOST: u64 = MOST_WORKGROUPS;
        let edges = [MOST, 2 * MOST, 1 << 26].map(|at| [at - 1, at, at + 1]);
        for groups in edges.concat().into_iter().chain([0, MOST * MOST]) {
            let spare = groups.div_ceil(MOST).max(1);
            let over = (fold_over(groups), groups..groups + spare);
            let within = (fold_within(groups), groups + 1 - spare..groups + 1);
            for ((x, y), bounds) in [over, within] {
                let (x, y) = (u64::from(x), u64::from(y));
                assert!(
                    x.max(y) <= MOST && bounds.contains(&(x * y)),
                    "{groups}: {x} x {y}"
                );
            }
        }
    }
}
