//! What of the rows is shown together.

use std::collections::{BTreeMap, HashSet};

use super::{
    Source,
    contender::{self, Contender},
    quantity::Quantity,
};
use wgpu_activations::{
    ElementType,
    bench::record::{Kind, Row},
    family::families,
};

/// The sources and who is compared in them.
pub(super) struct View<'a> {
    pub(super) sources: &'a [Source],
    pub(super) contenders: Vec<Contender<'a>>,
}

/// Rows of one kind, element type and direction: what one chart can hold.
pub(super) struct Panel<'a> {
    pub(super) dtype: &'a str,
    pub(super) direction: Direction,
    /// One per operation, in the catalogue's order.
    pub(super) groups: Vec<Group<'a>>,
}

/// One operation as each contender did it, at one size.
pub(super) struct Group<'a> {
    /// The operation, with its pass where the panel's direction does not tell it.
    pub(super) label: String,
    /// The row of each contender, where it has one at this size.
    pub(super) rows: Vec<Option<&'a Row>>,
    /// Whether each contender has rows, whatever their sizes.
    measured: Vec<bool>,
}

/// An operation over several sizes.
pub(super) struct Sweep<'a> {
    pub(super) title: String,
    pub(super) dtype: &'a str,
    pub(super) direction: Direction,
    /// The rows of each contender whose results were right, by size.
    pub(super) lines: Vec<Vec<&'a Row>>,
}

/// Which way an operation goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Direction {
    Neither,
    /// From x to y.
    Forward,
    /// From the gradient of y to that of x.
    Backward,
}

impl Direction {
    fn of(pass: &str) -> Self {
        match pass {
            "-" => Self::Neither,
            "backward" => Self::Backward,
            _ => Self::Forward,
        }
    }

    /// The word for it; none for neither.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Neither => "",
            Self::Forward => "forward",
            Self::Backward => "backward",
        }
    }
}

/// What rows of several sizes and contenders have in common, in the order in which it is shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    dtype: (usize, &'a str),
    direction: Direction,
    op: (usize, &'a str),
    pass: &'a str,
}

impl<'a> Key<'a> {
    fn of(row: &'a Row) -> Self {
        let mut dtypes = ElementType::ALL.iter();
        let dtype = dtypes.position(|dtype| dtype.name() == row.dtype);
        let before = names_and_titles().take_while(|(name, _)| *name != row.op);
        Self {
            dtype: (dtype.unwrap_or(usize::MAX), &row.dtype),
            direction: Direction::of(&row.pass),
            op: (before.count(), &row.op),
            pass: &row.pass,
        }
    }
}

fn names_and_titles() -> impl Iterator<Item = (&'static str, &'static str)> {
    families().map(|family| {
        let entry = family.entry();
        (entry.name, entry.title)
    })
}

/// An operation's name as prose writes it; its own name where the catalogue does not know it.
pub(super) fn title(op: &str) -> &str {
    let found = names_and_titles().find(|(name, _)| *name == op);
    found.map_or(op, |(_, title)| title)
}

/// An operation and its pass: `GELU, backward`.
pub(super) fn title_and_pass(op: &str, pass: &str) -> String {
    match pass {
        "-" => title(op).to_owned(),
        pass => format!("{}, {pass}", title(op)),
    }
}

/// An element type and a direction: `f32, forward`.
pub(super) fn block_title(dtype: &str, direction: Direction) -> String {
    match direction {
        Direction::Neither => dtype.to_owned(),
        direction => format!("{dtype}, {}", direction.word()),
    }
}

impl<'a> View<'a> {
    pub(super) fn new(sources: &'a [Source]) -> Self {
        Self {
            sources,
            contenders: contender::all(sources),
        }
    }

    /// Every row with the place of its file, in the files' order.
    pub(super) fn rows(&self) -> impl Iterator<Item = (usize, &'a Row)> + use<'a> {
        let sources = self.sources.iter().enumerate();
        sources.flat_map(|(index, source)| source.run.rows.iter().map(move |row| (index, row)))
    }

    /// The contenders that a row of the file `source` belongs to.
    pub(super) fn owners<'b>(
        &'b self,
        source: usize,
        row: &'b Row,
    ) -> impl Iterator<Item = (usize, &'b Contender<'a>)> {
        let contenders = self.contenders.iter().enumerate();
        contenders.filter(move |(_, contender)| contender.owns(source, row))
    }

    /// The rows of `kind`, each operation at the largest size at which most contenders did well.
    pub(super) fn panels(&self, kind: Kind) -> Vec<Panel<'a>> {
        let mut panels: Vec<Panel<'a>> = Vec::new();
        for (key, rows) in self.by_key(kind) {
            let (dtype, direction) = (key.dtype.1, key.direction);
            let group = self.group(key, &rows);
            match panels.last_mut() {
                Some(last) if (last.dtype, last.direction) == (dtype, direction) => {
                    last.groups.push(group);
                }
                _ => panels.push(Panel {
                    dtype,
                    direction,
                    groups: vec![group],
                }),
            }
        }
        panels
    }

    /// The operations of `kind` with rows at two sizes or more.
    pub(super) fn sweeps(&self, kind: Kind) -> Vec<Sweep<'a>> {
        let mut sweeps = Vec::new();
        for (key, rows) in self.by_key(kind) {
            let mut lines = vec![Vec::new(); self.contenders.len()];
            for &(source, row) in rows.iter().filter(|(_, row)| row.timed().is_some()) {
                for (owner, _) in self.owners(source, row) {
                    lines[owner].push(row);
                }
            }
            for line in &mut lines {
                line.sort_by_key(|row| row.input_bytes);
            }
            let sizes = lines.iter().flatten().map(|row| row.input_bytes);
            if sizes.collect::<HashSet<_>>().len() > 1 {
                sweeps.push(Sweep {
                    title: title_and_pass(key.op.1, key.pass),
                    dtype: key.dtype.1,
                    direction: key.direction,
                    lines,
                });
            }
        }
        sweeps
    }

    fn by_key(&self, kind: Kind) -> BTreeMap<Key<'a>, Vec<(usize, &'a Row)>> {
        let mut by_key = BTreeMap::<_, Vec<_>>::new();
        for (source, row) in self.rows().filter(|(_, row)| row.kind == kind) {
            by_key.entry(Key::of(row)).or_default().push((source, row));
        }
        by_key
    }

    fn group(&self, key: Key<'a>, rows: &[(usize, &'a Row)]) -> Group<'a> {
        let mut measured = vec![false; self.contenders.len()];
        for &(source, row) in rows {
            for (owner, _) in self.owners(source, row) {
                measured[owner] = true;
            }
        }
        let mut best = (0, 0, 0);
        let mut chosen = Vec::new();
        for (_, candidate) in rows {
            let same_shape = rows.iter().filter(|(_, row)| row.shape == candidate.shape);
            let mut picked = vec![None; self.contenders.len()];
            for &(source, row) in same_shape {
                for (owner, _) in self.owners(source, row) {
                    picked[owner].get_or_insert(row);
                }
            }
            let there = || picked.iter().flatten();
            let well = there().filter(|row| row.timed().is_some()).count();
            let rank = (well, there().count(), candidate.input_bytes);
            if rank > best {
                (best, chosen) = (rank, picked);
            }
        }
        let told = key.pass == key.direction.word() || key.direction == Direction::Neither;
        let pass = if told { "-" } else { key.pass };
        Group {
            label: title_and_pass(key.op.1, pass),
            rows: chosen,
            measured,
        }
    }
}

impl<'a> Group<'a> {
    /// What stands where `contender` has no number.
    pub(super) fn words(&self, contender: usize, quantity: Quantity) -> &'static str {
        match self.rows[contender] {
            Some(row) => quantity.words(row),
            None if self.measured[contender] => "not at this size",
            None => "not measured",
        }
    }

    /// A row, as all are alike in operation and size.
    pub(super) fn sample(&self) -> Option<&'a Row> {
        self.rows.iter().copied().flatten().next()
    }
}

impl Panel<'_> {
    /// The contenders that have rows of any of its operations, whatever their sizes.
    pub(super) fn present(&self) -> Vec<usize> {
        let contenders = self.groups.first().map_or(0, |group| group.measured.len());
        let here = |index: &usize| self.groups.iter().any(|group| group.measured[*index]);
        (0..contenders).filter(here).collect()
    }

    /// Its rows, of whatever contender.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        let rows = self.groups.iter().flat_map(|group| &group.rows);
        rows.flatten().copied()
    }
}

/// The size of the inputs, if that is the same for all operations.
pub(super) fn common_bytes(panels: &[Panel<'_>]) -> Option<u64> {
    let groups = panels.iter().flat_map(|panel| &panel.groups);
    let mut sizes = groups.filter_map(|group| Some(group.sample()?.input_bytes));
    let first = sizes.next()?;
    sizes.all(|size| size == first).then_some(first)
}

/// The samples of a row, fewest and most; none if nothing was timed.
pub(super) fn samples(panels: &[Panel<'_>]) -> Option<(usize, usize)> {
    let timed = panels.iter().flat_map(Panel::rows).filter_map(Row::timed);
    let counts = timed.map(|times| times.rounds_ns.iter().map(Vec::len).sum::<usize>());
    let ranges = counts.map(|count| (count, count));
    ranges.reduce(|(low, high), (count, _)| (count.min(low), count.max(high)))
}
