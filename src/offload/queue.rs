//! What chunks are left for the devices.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, PoisonError},
    thread,
};

use super::{
    chunk::{Chunk, cut_up},
    meter::Meter,
};
use crate::{
    error::{Error, Result},
    family::Cut,
    gpu::{lock, unlocked},
};

/// The chunks that are left, and those under way.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    left: VecDeque<Chunk>,
    under_way: usize,
    devices: usize,
    stopped: Option<Error>,
}

/// See [`Queue::worker`].
pub(super) struct StopOnPanic<'q>(&'q Queue);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stop(Error::Internal("a thread panicked".to_owned()));
        }
    }
}

impl Queue {
    pub(super) fn new(chunks: Vec<Chunk>, devices: usize) -> Self {
        Self {
            state: Mutex::new(State {
                left: chunks.into(),
                under_way: 0,
                devices,
                stopped: None,
            }),
            changed: Condvar::new(),
        }
    }

    /// The next chunk, cut to `most` elements; waits while one that is under way may come back.
    pub(super) fn take(&self, most: usize, cut: Cut) -> Option<Chunk> {
        let mut state = lock(&self.state);
        loop {
            if state.stopped.is_some() {
                return None;
            }
            if let Some(chunk) = state.left.pop_front() {
                state.under_way += 1;
                if chunk.len() <= most {
                    return Some(chunk);
                }
                // What cannot be cut is tried as it is.
                let parts = cut_up(&chunk, most, cut).unwrap_or_default();
                let mut parts = parts.into_iter();
                let first = parts.next();
                parts.rev().for_each(|part| state.left.push_front(part));
                return first.or(Some(chunk));
            }
            if state.under_way == 0 {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn done(&self) {
        self.change(|state| state.under_way -= 1);
    }

    pub(super) fn put_back(&self, chunk: Chunk) {
        self.change(|state| {
            state.under_way -= 1;
            state.left.push_front(chunk);
        });
    }

    /// No more chunks are taken.
    pub(super) fn stop(&self, error: Error) {
        self.change(|state| {
            state.stopped.get_or_insert(error);
        });
    }

    /// What a thread that works on chunks holds on to: should it panic, the queue stops, since nobody will tell of the
    /// chunk that it had, for which other devices would wait.
    pub(super) fn worker(&self) -> StopOnPanic<'_> {
        StopOnPanic(self)
    }

    pub(super) fn lose(&self, device: &str, failure: Error, meter: &Meter<'_>) {
        self.change(|state| {
            state.devices -= 1;
            if state.devices == 0 {
                state.stopped.get_or_insert(failure);
            } else {
                let lost = (device.to_owned(), failure.to_string());
                meter.note(|summary| summary.lost.push(lost));
            }
        });
    }

    pub(super) fn finish(self) -> Result<()> {
        unlocked(self.state).stopped.map_or(Ok(()), Err)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut lock(&self.state));
        self.changed.notify_all();
    }
}
