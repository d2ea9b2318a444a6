//! How far results were from the reference.

use super::{column, words};
use wgpu_activations::bench::record::{Accuracy, Kind, Row, Status};

use crate::results::report::{
    number,
    table::Table,
    view::{View, title},
};

/// The largest errors, an element type a table.
pub(in crate::results::report) fn tables(view: &View<'_>) -> Vec<Table> {
    let mut tables = Vec::new();
    for kind in [Kind::Kernel, Kind::Offload] {
        let mut keys: Vec<(&str, &str, &str)> = Vec::new();
        for panel in view.panels(kind) {
            for group in &panel.groups {
                keys.extend(
                    group
                        .sample()
                        .map(|row| (panel.dtype, &*row.op, group.pass)),
                );
            }
        }
        let mut dtypes: Vec<_> = keys.iter().map(|(dtype, ..)| *dtype).collect();
        dtypes.dedup();
        for dtype in dtypes {
            let keys = keys.iter().filter(|key| key.0 == dtype);
            tables.extend(of_type(
                view,
                kind,
                dtype,
                keys.map(|key| (key.1, key.2)).collect(),
            ));
        }
    }
    tables
}

fn of_type(view: &View<'_>, kind: Kind, dtype: &str, keys: Vec<(&str, &str)>) -> Option<Table> {
    let of = |index: usize, op: &str, pass: &str| -> Vec<&Row> {
        let wanted =
            |row: &Row| (row.kind, &*row.op, &*row.pass, &*row.dtype) == (kind, op, pass, dtype);
        let owned = |source, row: &Row| view.contenders[index].owns(source, row) && wanted(row);
        let rows = view.rows().filter(|(source, row)| owned(*source, row));
        rows.map(|(_, row)| row).collect()
    };
    let looked_at = |index: &usize| {
        let mut keys = keys.iter();
        keys.any(|(op, pass)| {
            of(*index, op, pass)
                .iter()
                .any(|row| row.accuracy.is_some())
        })
    };
    let shown: Vec<_> = (0..view.contenders.len()).filter(looked_at).collect();
    if shown.is_empty() {
        return None;
    }
    let mut head = words(&["Operation", "Pass"]);
    head.extend(shown.iter().map(|&index| column(view, index)));
    let rows = keys.iter().map(|(op, pass)| {
        let mut cells = vec![title(op).to_owned(), (*pass).to_owned()];
        cells.extend(shown.iter().map(|&index| error(&of(index, op, pass))));
        cells
    });
    let place = if kind == Kind::Offload {
        ", from host memory and back"
    } else {
        ""
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
    let accuracies: Vec<&Accuracy> = rows
        .iter()
        .filter_map(|row| row.accuracy.as_ref())
        .collect();
    if accuracies.is_empty() {
        let bad = rows.iter().find(|row| row.status != Status::Ok);
        return bad
            .map_or("not looked at", |row| row.status.name())
            .to_owned();
    }
    let largest = |of: fn(&Accuracy) -> f64| accuracies.iter().map(|&a| of(a)).fold(0.0, f64::max);
    let failed: u64 = accuracies
        .iter()
        .fold(0, |sum, a| sum.saturating_add(a.failed));
    let share = number::fraction(largest(|a| a.worst_of_allowed));
    let mut text = format!(
        "{} ULP\n{share} of allowed",
        number::ulp(largest(|a| a.worst_ulp))
    );
    if failed > 0 || rows.iter().any(|row| row.status == Status::Wrong) {
        text = format!("wrong: {text}, {} elements too far", number::count(failed));
    }
    text
}
