//! What chunks are left for the devices.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use super::{
    chunk::{Chunk, cut_up},
    meter::Meter,
};
use crate::{
    error::{Error, Result},
    family::Cut,
    gpu::Gpu,
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
        let mut state = self.lock();
        loop {
            if state.stopped.is_some() {
                return None;
            }
            if let Some(chunk) = state.left.pop_front() {
                state.under_way += 1;
                let parts = if chunk.len() > most {
                    // What cannot be cut is tried as it is.
                    cut_up(&chunk, most, cut).unwrap_or_default()
                } else {
                    Vec::new()
                };
                let mut parts = parts.into_iter();
                let first = parts.next().unwrap_or(chunk);
                for part in parts.rev() {
                    state.left.push_front(part);
                }
                return Some(first);
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

    /// One device less.
    pub(super) fn lose(&self, gpu: &Gpu, failure: Error, meter: &Meter<'_>) {
        self.change(|state| {
            state.devices -= 1;
            if state.devices == 0 {
                state.stopped.get_or_insert(failure);
            } else {
                meter.lost(gpu, &failure);
            }
        });
    }

    pub(super) fn finish(self) -> Result<()> {
        let state = self
            .state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        state.stopped.map_or(Ok(()), Err)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
