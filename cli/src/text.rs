//! What the command prints, and how.

use std::{
    io::{IsTerminal, Write},
    time::Duration,
};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::Result;
use wgpu_activations::bench::record::{Kind, Row};

/// One line on stderr that says why the command failed.
pub(super) fn complain(message: &str) {
    tell(&format!("error: {message}"));
}

/// One line on stderr that the user should know.
pub(super) fn note(message: &str) {
    tell(&format!("note: {message}"));
}

/// One line on stderr.
pub(super) fn tell(message: &str) {
    // With stderr gone there is nobody left to tell.
    let _ = writeln!(
        std::io::stderr().lock(),
        "{}",
        on_one_line(message.trim_end())
    );
}

/// Whether a character would move the cursor, or turn the text that follows.
fn moves(character: char) -> bool {
    let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || turns
}

/// Text with each character that `is` says written by `write`.
fn escaped(text: &str, is: impl Fn(char) -> bool, write: impl Fn(char) -> String) -> String {
    let escape = |character: char| match is(character) {
        true => write(character),
        false => character.to_string(),
    };
    text.chars().map(escape).collect()
}

fn by_number(character: char) -> String {
    character.escape_default().collect()
}

/// Names of files, names in them and drivers' words may hold line breaks and what would move the cursor.
pub(super) fn on_one_line(text: &str) -> String {
    escaped(text, moves, by_number)
}

/// Prints lines on stdout.
pub(super) fn print(text: &str) -> Result {
    let text = escaped(text, |c| c != '\n' && moves(c), by_number);
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}

/// Prints a value as JSON on stdout.
pub(super) fn print_json(value: &impl Serialize) -> Result {
    let text = serde_json::to_string_pretty(value).map_err(std::io::Error::from)?;
    // JSON writes numbers of four digits.
    let by_number = |character| format!("\\u{:04x}", u32::from(character));
    print(&escaped(&text, |c| c != '\n' && moves(c), by_number))
}

/// Text without what Markdown or HTML would take for markup.
pub(super) fn markdown(text: &str) -> String {
    let is = |character: char| character.is_control() || "&<>\\`*_[]|~#!$".contains(character);
    escaped(text, is, |character| match character {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        _ if character.is_control() => " ".to_owned(),
        _ => format!("\\{character}"),
    })
}

/// Prints a table without lines on stdout; it wraps only on a terminal.
pub(super) fn print_table<T>(rows: &[T], columns: &[Column<T>]) -> Result {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    let table = fill(table, rows, columns, on_one_line);
    // Without the blanks around its lines.
    let lines = table.lines().map(|line| {
        let line = line.trim_end();
        line.strip_prefix(' ').unwrap_or(line).to_owned()
    });
    print(&lines.collect::<Vec<_>>().join("\n"))
}

/// Shows on stderr what is going on, if that is a terminal.
pub(super) fn spinner() -> ProgressBar {
    ticking(ProgressBar::new_spinner(), 200)
}

/// Shows on stderr how far things are, if that is a terminal.
pub(super) fn bar(steps: u64) -> ProgressBar {
    let bar = styled(steps, "{wide_bar} {percent}% {eta} left  {msg}");
    ticking(bar, 500)
}

/// A bar that moves only when it is told to.
pub(super) fn styled(steps: u64, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(steps).with_style(style)
}

fn ticking(progress: ProgressBar, milliseconds: u64) -> ProgressBar {
    if std::io::stderr().is_terminal() {
        progress.enable_steady_tick(Duration::from_millis(milliseconds));
    }
    progress
}

/// A column of a table: its title and what it says of a row.
pub(super) struct Column<T> {
    pub(super) title: &'static str,
    pub(super) cell: fn(&T) -> String,
    pub(super) aligned: CellAlignment,
    /// Whether it is left out where it says the same of all rows, or nothing: `-`.
    pub(super) may_go: bool,
}

impl<T> Column<T> {
    pub(super) const fn words(title: &'static str, cell: fn(&T) -> String) -> Self {
        Self {
            title,
            cell,
            aligned: CellAlignment::Left,
            may_go: false,
        }
    }

    pub(super) const fn numbers(title: &'static str, cell: fn(&T) -> String) -> Self {
        Self {
            aligned: CellAlignment::Right,
            ..Self::words(title, cell)
        }
    }

    /// A column that is left out where it tells nothing apart.
    pub(super) const fn may_go(self) -> Self {
        Self {
            may_go: true,
            ..self
        }
    }

    /// What the column says of all rows, if it says the same of all that it says anything of.
    pub(super) fn common(&self, rows: &[T]) -> Option<String> {
        let mut said = rows.iter().map(self.cell).filter(|cell| cell != "-");
        let first = said.next().unwrap_or_default();
        said.all(|cell| cell == first).then_some(first)
    }
}

/// A table with a cell for each row and column, `written` as the table takes it.
pub(super) fn fill<T>(
    mut table: Table,
    rows: &[T],
    columns: &[Column<T>],
    written: fn(&str) -> String,
) -> Table {
    let told = |column: &&Column<T>| !(column.may_go && column.common(rows).is_some());
    let columns: Vec<_> = columns.iter().filter(told).collect();
    table.set_header(columns.iter().map(|column| column.title.to_uppercase()));
    for row in rows {
        table.add_row(columns.iter().map(|column| written(&(column.cell)(row))));
    }
    for (index, column) in columns.iter().enumerate() {
        if let Some(filled) = table.column_mut(index) {
            filled.set_cell_alignment(column.aligned);
        }
    }
    table
}

/// The text, or `none` where there is none.
pub(super) fn or(text: String, none: &str) -> String {
    if text.is_empty() {
        none.to_owned()
    } else {
        text
    }
}

/// So many things: "1 row", "2 rows".
pub(super) fn several(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// The name that JSON has for a variant.
pub(super) fn name(variant: impl Serialize) -> String {
    let name = serde_json::to_value(variant).ok();
    let name = name.as_ref().and_then(serde_json::Value::as_str);
    name.unwrap_or_default().to_owned()
}

/// A ULP count: two decimals, powers of ten where they would not help.
pub(super) fn ulp(count: f64) -> String {
    match count {
        ..1e4 => format!("{count:.2}"),
        _ => format!("{count:.0e}"),
    }
}

/// A column of a CSV file: its title and what it says of a row.
pub(super) type CsvColumn<T> = (&'static str, fn(&T) -> String);

/// Rows as a CSV file (RFC 4180), its lines ended by `end`.
pub(super) fn csv<T>(rows: &[T], columns: &[CsvColumn<T>], end: &str) -> String {
    let quoted = |cell: String| {
        if cell.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell
        }
    };
    let line = |cells: Vec<String>| cells.join(",") + end;
    let head = columns.iter().map(|(title, _)| (*title).to_owned());
    let of_row = |row| line(columns.iter().map(|(_, cell)| quoted(cell(row))).collect());
    line(head.collect()) + &rows.iter().map(of_row).collect::<String>()
}

/// The operation, and that it is not on the device where it is not.
pub(super) fn title(row: &Row) -> String {
    match row.kind {
        Kind::Offload => format!("{} offload", row.op),
        _ => row.op.clone(),
    }
}

/// A size as it is written on the command line.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes}B"),
        1024..0x10_0000 => format!("{}KiB", bytes >> 10),
        0x10_0000..0x4000_0000 => format!("{}MiB", bytes >> 20),
        _ => format!("{}GiB", bytes >> 30),
    }
}

pub(super) fn time(ns: f64) -> String {
    match ns {
        ..1e3 => format!("{ns:.0} ns"),
        ..1e6 => format!("{:.1} us", ns / 1e3),
        ..1e9 => format!("{:.2} ms", ns / 1e6),
        _ => format!("{:.2} s", ns / 1e9),
    }
}
