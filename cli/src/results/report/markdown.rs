//! The tables of a report in Markdown.

use super::{
    page::part::PARTS,
    tables::{self, Table},
    view::{View, block_title},
};
use crate::text::markdown;

pub(super) fn document(view: &View<'_>) -> String {
    let mut text = String::from("# Activation functions: speed and accuracy\n\n");
    for source in view.sources.iter().filter(|source| !source.run.complete) {
        let name = markdown(&source.name);
        text += &format!("**{name} is incomplete: the run did not come to its end.**\n\n");
    }
    text += "GB/s count the bytes that an operation must read and write; each is a median of samples.\n\n";
    section(&mut text, "Overview", [tables::overview(view)]);
    for part in &PARTS {
        let panels = view.panels(part.kind);
        let tables = panels.iter().map(|panel| {
            let title = block_title(panel.dtype, panel.direction);
            tables::panel(view, panel, part.quantity, title)
        });
        section(&mut text, part.title, tables);
    }
    section(&mut text, "Accuracy", tables::accuracy::tables(view));
    section(&mut text, "What did not go well", tables::problems(view));
    let machines = (0..view.sources.len()).flat_map(|source| {
        std::iter::once(tables::machine::facts(view, source))
            .chain(tables::machine::devices(view, source))
    });
    section(&mut text, "Machines and settings", machines);
    text
}

fn section(text: &mut String, title: &str, tables: impl IntoIterator<Item = Table>) {
    let mut tables = tables.into_iter().peekable();
    if tables.peek().is_some() {
        *text += &format!("## {title}\n\n");
    }
    for table in tables {
        *text += &format!("{}\n\n", markdown(&table.caption));
        *text += &line(&table.head);
        *text += &format!("|{}\n", "---|".repeat(table.head.len()));
        for row in &table.rows {
            *text += &line(row);
        }
        text.push('\n');
    }
}

fn line(cells: &[String]) -> String {
    let cell = |cell: &String| format!(" {} |", markdown(&cell.replace('\n', ", ")));
    format!("|{}\n", cells.iter().map(cell).collect::<String>())
}
