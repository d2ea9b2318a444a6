//! The command `activations`, driven from outside as a user would.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

#[path = "cli/bench.rs"]
mod bench;
#[path = "cli/check.rs"]
mod check;
#[path = "cli/environment.rs"]
mod environment;
#[path = "cli/families.rs"]
mod families;
#[path = "cli/gated.rs"]
mod gated;
#[path = "cli/grad.rs"]
mod grad;
#[path = "cli/lists.rs"]
mod lists;
#[path = "cli/memory.rs"]
mod memory;
#[path = "cli/outputs.rs"]
mod outputs;
#[path = "cli/plot.rs"]
mod plot;
#[path = "cli/refused.rs"]
mod refused;
#[path = "cli/run.rs"]
mod run;
#[path = "cli/sandbox.rs"]
mod sandbox;
#[path = "cli/several.rs"]
mod several;
#[path = "cli/stream.rs"]
mod stream;
#[path = "cli/tune.rs"]
mod tune;
