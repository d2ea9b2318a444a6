//! What the command prints, and how.

use std::io::Write;

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

/// One line on stderr that says why the command failed.
pub(super) fn complain(message: &str) {
    line(&format!("error: {message}"));
}

/// One line on stderr that the user should know.
pub(super) fn note(message: &str) {
    line(&format!("note: {message}"));
}

fn line(message: &str) {
    // With stderr gone there is nobody left to tell.
    let _ = writeln!(std::io::stderr().lock(), "{}", on_one_line(message));
}

/// File names and drivers' words may hold line breaks and what would move the cursor.
fn on_one_line(message: &str) -> String {
    let mut line = String::new();
    for character in message.trim_end().chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// Prints text on stdout.
pub(super) fn print(text: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "{text}")
}

/// Prints a value as JSON on stdout.
pub(super) fn print_json(value: &impl Serialize) -> std::io::Result<()> {
    print(&serde_json::to_string_pretty(value)?)
}

/// A table without lines but under its head; it wraps only on a terminal.
pub(super) fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(head.iter().map(|title| title.to_uppercase()));
    table
}

/// A table's text without the blanks around its lines.
pub(super) fn trimmed(table: &Table) -> String {
    let lines: Vec<_> = table
        .lines()
        .map(|line| {
            line.trim_end()
                .strip_prefix(' ')
                .unwrap_or(&line)
                .to_owned()
        })
        .collect();
    lines.join("\n")
}

/// A ULP count: two decimals, powers of ten where they would not help.
pub(super) fn ulp(count: f64) -> String {
    if count < 1e4 {
        format!("{count:.2}")
    } else {
        format!("{count:.0e}")
    }
}

/// A value as a cell of a CSV file (RFC 4180).
pub(super) fn csv_cell(value: &str) -> String {
    if value.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", value.replace('"', "\"\""))
    } else {
        value.to_owned()
    }
}
