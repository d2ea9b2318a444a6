//! Measuring in a process of its own.

pub mod facts;
mod supervisor;
mod worker;

use std::time::Duration;

pub(crate) use supervisor::Supervisor;
pub(crate) use worker::serve;

/// How long a measuring process may say nothing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);
