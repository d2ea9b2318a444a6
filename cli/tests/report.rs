//! Reports of result files: what is in each format, and how the page behaves in a browser.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

#[path = "report/browser.rs"]
mod browser;
#[path = "report/command.rs"]
mod command;
#[path = "report/content.rs"]
mod content;
#[path = "report/fixture.rs"]
mod fixture;
#[path = "report/hostile.rs"]
mod hostile;
#[path = "report/look.rs"]
mod look;
#[path = "report/markup.rs"]
mod markup;
