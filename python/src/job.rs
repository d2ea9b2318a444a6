//! Long work that Ctrl-C ends.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use pyo3::{exceptions::PyRuntimeError, prelude::*};

/// Work on fewer bytes than this is over before anybody could press a key.
const SHORT: usize = 4 << 20;

/// How often signals are looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Does `work` on so many bytes without the interpreter's lock; longer work as [`watched`].
pub(crate) fn interruptible<T: Send>(
    py: Python<'_>,
    bytes: usize,
    work: impl FnOnce(&AtomicBool) -> T + Send,
) -> PyResult<T> {
    if bytes < SHORT {
        return Ok(py.detach(|| work(&AtomicBool::new(false))));
    }
    watched(py, work, || Ok(()))
}

/// Has a thread of its own do `work`, without the interpreter's lock, while this one looks whether a signal's handler
/// raises, and calls `tell`; where either fails, the flag that `work` is given is set.
pub(crate) fn watched<T: Send>(
    py: Python<'_>,
    work: impl FnOnce(&AtomicBool) -> T + Send,
    tell: impl Fn() -> PyResult<()>,
) -> PyResult<T> {
    let cancel = AtomicBool::new(false);
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(1);
        // For `detach`, which shares what it borrows.
        let receiver = Mutex::new(receiver);
        let cancel = &cancel;
        // Nobody waits any more where the sending fails.
        let work = move || drop(sender.send(work(cancel)));
        let thread = thread::Builder::new().spawn_scoped(scope, work);
        thread
            .map_err(|error| PyRuntimeError::new_err(format!("cannot start a thread: {error}")))?;
        let mut raised = Ok(());
        loop {
            let wait = || {
                let receiver = receiver.lock().unwrap_or_else(PoisonError::into_inner);
                receiver.recv_timeout(LOOK)
            };
            match py.detach(wait) {
                Ok(done) => return raised.and_then(|()| tell()).map(|()| done),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(PyRuntimeError::new_err("a thread ended before its work"));
                }
            }
            if raised.is_ok() {
                raised = py.check_signals().and_then(|()| tell());
                cancel.store(raised.is_err(), Ordering::Relaxed);
            }
        }
    })
}
