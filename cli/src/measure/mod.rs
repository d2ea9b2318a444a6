//! Measuring in a process of its own.

pub mod facts;
mod supervisor;
mod worker;

pub(crate) use supervisor::Supervisor;
pub(crate) use worker::serve;
