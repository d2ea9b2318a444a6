//! What an operation must know of a whole tensor before its boxes can be worked on one by one.

/// A pass over all boxes that finds some numbers for each channel or row.
///
/// Boxes come from several devices and threads; what they find is merged on the host in f64.
#[derive(Debug, Clone, Copy)]
pub struct Survey {
    /// Of what it finds something.
    pub of: Surveyed,
    /// Numbers for each.
    pub words: usize,
    /// What is known of none.
    pub empty: &'static [f64],
    /// Takes in what was found in another part.
    pub merge: fn(&mut [f64], &[f64]),
    /// Whether it takes upstream gradients, so that only a backward pass makes it.
    pub needs_upstream: bool,
}

/// What a survey finds numbers for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surveyed {
    /// Each place along the axis.
    Channels,
    /// Each row along the axis. Parts of a row are merged in the order of their places, whichever comes first.
    Rows,
}

/// Adds numbers: the `merge` of sums.
pub fn add(sums: &mut [f64], part: &[f64]) {
    for (sum, part) in sums.iter_mut().zip(part) {
        *sum += part;
    }
}
