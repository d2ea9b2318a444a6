//! A table, whatever it is written as.

/// A table. A line break within a cell parts what matters from what explains it.
pub(super) struct Table {
    /// What it shows.
    pub(super) caption: String,
    /// The titles of its columns.
    pub(super) head: Vec<String>,
    /// How many columns, from the first, name a row.
    pub(super) names: usize,
    /// Its rows, each as long as the head.
    pub(super) rows: Vec<Vec<String>>,
}
