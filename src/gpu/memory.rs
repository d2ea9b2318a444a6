//! Device memory, pooled: a new buffer is cleared by wgpu on first use, an old one is not.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use super::lock;

/// Bytes kept for reuse; what is freed beyond that goes back to the driver.
const KEPT: u64 = 512 << 20;

const USAGE: wgpu::BufferUsages = wgpu::BufferUsages::STORAGE
    .union(wgpu::BufferUsages::COPY_SRC)
    .union(wgpu::BufferUsages::COPY_DST);

/// `bytes` rounded up to whole vectors of 16 bytes, and at least one.
pub(crate) const fn padded(bytes: u64) -> u64 {
    if bytes == 0 {
        16
    } else {
        bytes.next_multiple_of(16)
    }
}

/// Free buffers by size.
#[derive(Default)]
pub(super) struct Memory {
    free: Mutex<Free>,
}

#[derive(Default)]
struct Free {
    by_size: HashMap<u64, Vec<wgpu::Buffer>>,
    bytes: u64,
}

impl Memory {
    /// A buffer of `size` bytes, from the pool or new.
    pub(super) fn take(self: &Arc<Self>, device: &wgpu::Device, size: u64) -> Allocation {
        let pooled = {
            let mut free = lock(&self.free);
            let found = free.by_size.get_mut(&size).and_then(Vec::pop);
            if found.is_some() {
                free.bytes -= size;
            }
            found
        };
        let buffer = pooled.unwrap_or_else(|| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("tensor"),
                size,
                usage: USAGE,
                mapped_at_creation: false,
            })
        });
        Allocation {
            buffer,
            home: Some(self.clone()),
            exposed: AtomicBool::new(false),
        }
    }

    fn give_back(&self, buffer: wgpu::Buffer) {
        let size = buffer.size();
        let mut free = lock(&self.free);
        if free.bytes + size <= KEPT {
            free.bytes += size;
            free.by_size.entry(size).or_default().push(buffer);
        }
    }

    pub(super) fn trim(&self) {
        *lock(&self.free) = Free::default();
    }
}

/// A tensor's buffer. Goes back to the pool when dropped, unless it is the caller's own or the
/// caller may have recorded commands on it that are yet to be submitted.
pub(crate) struct Allocation {
    pub(crate) buffer: wgpu::Buffer,
    home: Option<Arc<Memory>>,
    exposed: AtomicBool,
}

impl Allocation {
    /// A buffer of the caller's own.
    pub(crate) fn foreign(buffer: wgpu::Buffer) -> Self {
        Self {
            buffer,
            home: None,
            exposed: AtomicBool::new(true),
        }
    }

    /// Keeps the buffer out of the pool from now on.
    pub(crate) fn expose(&self) {
        self.exposed.store(true, Ordering::Relaxed);
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        if let Some(home) = self.home.take()
            && !*self.exposed.get_mut()
        {
            home.give_back(self.buffer.clone());
        }
    }
}
