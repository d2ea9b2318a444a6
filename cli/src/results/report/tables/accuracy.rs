//! How far results were from the reference.

use super::{Table, column, words};
use crate::{
    results::report::{
        number,
        view::{Group, Panel, View, title},
    },
    text,
};
use wgpu_activations::bench::record::{Accuracy, Kind, Row, Status};

/// The largest errors, an element type a table.
pub(in crate::results::report) fn tables(view: &View<'_>) -> Vec<Table> {
    let mut tables = Vec::new();
    for kind in [Kind::Kernel, Kind::Offload] {
        let panels = view.panels(kind);
        let types = panels.chunk_by(|a, b| a.dtype == b.dtype);
        tables.extend(types.filter_map(|panels| of_type(view, kind, panels)));
    }
    tables
}

/// The table of panels of one element type.
fn of_type(view: &View<'_>, kind: Kind, panels: &[Panel<'_>]) -> Option<Table> {
    let groups = panels.iter().flat_map(|panel| &panel.groups);
    let samples: Vec<&Row> = groups.filter_map(Group::sample).collect();
    // Rows of a contender that do what a sample does, at whatever size.
    let of = |index: usize, sample: &Row| -> Vec<&Row> {
        let contender = &view.contenders[index];
        let alike = |row: &Row| {
            let what = (row.kind, &row.op, &row.pass, &row.dtype);
            what == (kind, &sample.op, &sample.pass, &sample.dtype)
        };
        let own = view
            .rows()
            .filter(|(source, row)| contender.owns(*source, row));
        own.map(|(_, row)| row).filter(|row| alike(row)).collect()
    };
    let looked_at = |index: &usize| {
        let mut rows = samples.iter().flat_map(|sample| of(*index, sample));
        rows.any(|row| row.accuracy.is_some())
    };
    let shown: Vec<_> = (0..view.contenders.len()).filter(looked_at).collect();
    if shown.is_empty() {
        return None;
    }
    let mut head = words("Operation | Pass");
    head.extend(shown.iter().map(|&index| column(view, index)));
    let rows = samples.iter().map(|sample| {
        let mut cells = vec![title(&sample.op).to_owned(), sample.pass.clone()];
        cells.extend(shown.iter().map(|&index| error(&of(index, sample))));
        cells
    });
    let dtype = panels.first()?.dtype;
    let place = match kind {
        Kind::Offload => ", from host memory and back",
        _ => "",
    };
    Some(Table {
        caption: format!(
            "{dtype}{place}: the largest error over all sizes, in units in the last place and as a \
             fraction of what is allowed there."
        ),
        head,
        names: 2,
        rows: rows.collect(),
    })
}

/// The largest error of rows, and in how many elements it is too large.
fn error(rows: &[&Row]) -> String {
    let accuracies = rows.iter().filter_map(|row| row.accuracy.as_ref());
    let accuracies: Vec<_> = accuracies.collect();
    if accuracies.is_empty() {
        let bad = rows.iter().find(|row| row.status != Status::Ok);
        return bad
            .map_or("not looked at", |row| row.status.name())
            .to_owned();
    }
    let largest = |of: fn(&Accuracy) -> f64| accuracies.iter().map(|&a| of(a)).fold(0.0, f64::max);
    let failed = accuracies.iter().map(|a| a.failed);
    let failed = failed.fold(0, u64::saturating_add);
    let share = number::fraction(largest(|a| a.worst_of_allowed));
    let ulp = text::ulp(largest(|a| a.worst_ulp));
    let mut text = format!("{ulp} ULP\n{share} of allowed");
    if failed > 0 || rows.iter().any(|row| row.status == Status::Wrong) {
        text = format!("wrong: {text}, {} elements too far", number::count(failed));
    }
    text
}
