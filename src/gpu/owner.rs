//! Whose a buffer, an encoder or a queue is.

use std::{
    fmt::{self, Debug, Write},
    thread,
};

/// Looks at a resource, since another thread may hold a lock for a moment.
const LOOKS: usize = 3;

/// Tries to get that many.
const TRIES: usize = 1000;

/// What the lock guards, in a text that shows it.
const GUARDED: &str = "ErrorSink";

/// Whether `resource` is of `device`.
///
/// wgpu has no call that tells. Each of its instances numbers resources from zero, so handles of two instances may be
/// equal, and a device that is given another's handle reads and overwrites what it has under that number itself, or
/// panics. But every handle holds the lock of the place where its device's errors go, and its text tells whether that
/// lock is taken. wgpu takes it, too, while it writes the device's text: seen from in there, a resource of this device
/// says `<locked>` and any other does not.
///
/// There are no such texts in a browser: there this is true, and the browser checks by itself.
pub(super) fn is_of(resource: &dyn Debug, device: &wgpu::Device) -> bool {
    if cfg!(target_arch = "wasm32") {
        return true;
    }
    (0..TRIES)
        .filter_map(|_| look(resource, device))
        .take(LOOKS)
        .all(|is_locked| is_locked)
}

/// Whether the lock of `resource` is taken while the device's is; `None` if that could not be had.
fn look(resource: &dyn Debug, device: &wgpu::Device) -> Option<bool> {
    let mut inside = Inside {
        resource,
        is_locked: None,
    };
    if write!(inside, "{device:?}").is_ok() {
        thread::yield_now();
    }
    inside.is_locked
}

/// Reads the resource's text where the device's text shows what its lock guards.
struct Inside<'a> {
    resource: &'a dyn Debug,
    is_locked: Option<bool>,
}

impl Write for Inside<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text != GUARDED {
            return Ok(());
        }
        let mut lock = Lock::default();
        // It ends with an error where it has seen the lock.
        let _ = write!(lock, "{:?}", self.resource);
        self.is_locked = Some(lock.is_locked);
        // The rest of the device's text is not needed.
        Err(fmt::Error)
    }
}

/// Looks for the lock in a resource's text, and no further: this is done for every call that records.
#[derive(Default)]
struct Lock {
    /// Whether its name has gone by.
    named: bool,
    is_locked: bool,
}

impl Write for Lock {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        match text {
            "error_sink" => self.named = true,
            "<locked>" => self.is_locked = self.named,
            _ => {}
        }
        // What comes behind the name is the lock, taken or not.
        match self.named && matches!(text, "<locked>" | GUARDED) {
            true => Err(fmt::Error),
            false => Ok(()),
        }
    }
}
