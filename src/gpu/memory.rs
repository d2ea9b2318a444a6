//! Device memory, pooled: a new buffer is cleared by wgpu on first use, an old one is not.
//!
//! What is asked for again and again is kept, what was asked for once hardly: programs whose sizes vary
//! from call to call would otherwise fill the device with buffers of sizes that never return.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use super::lock;

/// Bytes kept for reuse; beyond that the longest free goes back to the driver.
const KEPT: u64 = if cfg!(target_arch = "wasm32") {
    112 << 20 // A phone ends pages that take much.
} else {
    512 << 20
};

/// Of these, bytes of sizes that were asked for once only, beside the last that was freed.
const KEPT_ONCE: u64 = 32 << 20;

/// A buffer that stays free for so many takes is dropped, a size not asked for by so many is forgotten.
const LATELY: u64 = 4096;

/// Takes from one search for such buffers and sizes to the next.
const SWEEP: u64 = LATELY / 4;

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

/// The pool of a device.
#[derive(Default)]
pub(super) struct Memory {
    free: Mutex<Free<FreeBuffer>>,
}

/// A buffer that nobody uses.
struct FreeBuffer(Option<wgpu::Buffer>);

impl FreeBuffer {
    fn into_used(mut self) -> Option<wgpu::Buffer> {
        self.0.take()
    }
}

/// Browsers free no memory for a dropped handle before they collect garbage.
#[cfg(target_arch = "wasm32")]
impl Drop for FreeBuffer {
    fn drop(&mut self) {
        if let Some(buffer) = &self.0 {
            buffer.destroy();
        }
    }
}

impl Memory {
    /// A buffer of `size` bytes, from the pool or new.
    pub(super) fn take(self: &Arc<Self>, device: &wgpu::Device, size: u64) -> Allocation {
        let pooled = lock(&self.free).take(size).and_then(FreeBuffer::into_used);
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
        lock(&self.free).give_back(buffer.size(), FreeBuffer(Some(buffer)));
    }

    pub(super) fn trim(&self) {
        *lock(&self.free) = Free::default();
    }
}

/// Free buffers by size. Time is counted in takes, so that the same calls keep the same buffers.
struct Free<B> {
    sizes: HashMap<u64, Size<B>>,
    /// Bytes of all free buffers.
    bytes: u64,
    /// Of these, those of sizes that were asked for once only.
    bytes_once: u64,
    /// Takes so far.
    now: u64,
    /// Buffers given back so far: their order.
    freed: u64,
}

/// What is known of a size.
struct Size<B> {
    /// When it was asked for last.
    asked: u64,
    /// Whether it was asked for more than once.
    again: bool,
    /// The longest free first.
    free: VecDeque<Pooled<B>>,
}

impl<B> Size<B> {
    fn new(asked: u64) -> Self {
        Self {
            asked,
            again: false,
            free: VecDeque::new(),
        }
    }
}

struct Pooled<B> {
    buffer: B,
    /// When it was given back.
    since: u64,
    /// Its place among all that were.
    order: u64,
}

impl<B> Default for Free<B> {
    fn default() -> Self {
        Self {
            sizes: HashMap::new(),
            bytes: 0,
            bytes_once: 0,
            now: 0,
            freed: 0,
        }
    }
}

impl<B> Free<B> {
    /// The buffer of `size` bytes that was freed last.
    fn take(&mut self, size: u64) -> Option<B> {
        self.now += 1;
        if self.now.is_multiple_of(SWEEP) {
            self.sweep();
        }
        let known = match self.sizes.entry(size) {
            Entry::Occupied(entry) => {
                let known = entry.into_mut();
                if !known.again {
                    known.again = true;
                    self.bytes_once -= size * known.free.len() as u64;
                }
                known
            }
            Entry::Vacant(entry) => entry.insert(Size::new(self.now)),
        };
        known.asked = self.now;
        let pooled = known.free.pop_back()?;
        self.bytes -= size;
        Some(pooled.buffer)
    }

    /// Keeps `buffer`, and drops what is too much.
    fn give_back(&mut self, size: u64, buffer: B) {
        if size > KEPT {
            return;
        }
        self.freed += 1;
        let (now, order) = (self.now, self.freed);
        // Forgotten if the tensor lived long.
        let known = self.sizes.entry(size).or_insert_with(|| Size::new(now));
        known.free.push_back(Pooled {
            buffer,
            since: now,
            order,
        });
        self.bytes += size;
        if !known.again {
            self.bytes_once += size;
        }
        while self.bytes_once > KEPT_ONCE && self.drop_oldest(|known| !known.again) {}
        while self.bytes > KEPT && self.drop_oldest(|_| true) {}
    }

    /// Drops the longest free buffer of the sizes that `which` picks, but for the one freed last.
    fn drop_oldest(&mut self, which: impl Fn(&Size<B>) -> bool) -> bool {
        let oldest = self
            .sizes
            .iter()
            .filter(|(_, known)| which(known))
            .filter_map(|(&size, known)| Some((known.free.front()?.order, size)))
            .min()
            .filter(|&(order, _)| order != self.freed);
        let Some((_, size)) = oldest else {
            return false;
        };
        if let Some(known) = self.sizes.get_mut(&size) {
            known.free.pop_front();
            self.bytes -= size;
            if !known.again {
                self.bytes_once -= size;
            }
        }
        true
    }

    /// Drops buffers that nobody took lately and forgets sizes that nobody asked for.
    fn sweep(&mut self) {
        let lately = self.now.saturating_sub(LATELY);
        self.sizes.retain(|&size, known| {
            let before = known.free.len();
            known.free.retain(|pooled| pooled.since >= lately);
            let dropped = size * (before - known.free.len()) as u64;
            self.bytes -= dropped;
            if !known.again {
                self.bytes_once -= dropped;
            }
            known.asked >= lately || !known.free.is_empty()
        });
    }
}

/// The buffer of a tensor and its clones. Goes back to the pool when dropped, unless it is the caller's own or the
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

    /// Whether the buffer is the caller's own.
    pub(crate) fn is_foreign(&self) -> bool {
        self.home.is_none()
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

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// Takes and frees one buffer of each size; how many of them were new.
    fn round(free: &mut Free<()>, sizes: impl Iterator<Item = u64>) -> usize {
        let taken: Vec<_> = sizes.map(|size| (size, free.take(size))).collect();
        let new = taken.iter().filter(|(_, found)| found.is_none()).count();
        for (size, _) in taken {
            free.give_back(size, ());
        }
        new
    }

    fn total(free: &Free<()>) -> u64 {
        let of_size = |(size, known): (&u64, &Size<()>)| size * known.free.len() as u64;
        free.sizes.iter().map(of_size).sum()
    }

    #[test]
    fn sizes_that_never_return_are_hardly_kept() {
        let mut free = Free::default();
        for index in 0..20_000 {
            round(&mut free, std::iter::once(MIB + 256 * index));
            assert!(free.bytes <= KEPT_ONCE, "{index}: {} bytes", free.bytes);
            assert_eq!(free.bytes, total(&free));
        }
        assert!(free.sizes.len() as u64 <= LATELY + SWEEP + 1);
    }

    #[test]
    fn steady_use_allocates_in_the_first_rounds_only() {
        // Few and small, and more than is kept of what is new.
        for (sizes, step) in [(1, 256), (40, 256), (40, MIB / 4), (800, 256)] {
            let mut free = Free::default();
            let all = || (1..=sizes).map(move |index| MIB / 2 + index * step);
            for number in 0..20 {
                let new = match number % 2 {
                    0 => round(&mut free, all()),
                    _ => all()
                        .map(|size| round(&mut free, std::iter::once(size)))
                        .sum(),
                };
                assert!(
                    number < 2 || new == 0,
                    "{sizes} sizes, round {number}: {new} new"
                );
                assert_eq!(free.bytes, total(&free));
                assert!(free.bytes <= KEPT);
            }
        }
    }

    #[test]
    fn one_large_buffer_is_kept() {
        let mut free = Free::default();
        assert_eq!(round(&mut free, std::iter::once(KEPT)), 1);
        assert_eq!(round(&mut free, std::iter::once(KEPT)), 0);
        assert_eq!(round(&mut free, std::iter::once(KEPT + 1)), 1);
        assert_eq!(free.bytes, KEPT);
    }

    #[test]
    fn the_longest_free_goes_first() {
        let mut free = Free::default();
        let sizes = [100 * MIB, 200 * MIB, 300 * MIB];
        for size in [sizes, sizes].concat() {
            round(&mut free, std::iter::once(size));
        }
        // 600 MiB are too many.
        assert!(free.take(sizes[0]).is_none());
        assert!(free.take(sizes[1]).is_some());
        assert!(free.take(sizes[2]).is_some());
        assert_eq!((free.bytes, total(&free)), (0, 0));
    }

    #[test]
    fn what_nobody_takes_any_more_is_dropped() {
        let mut free = Free::default();
        // A hundred at once, twice; then one at a time.
        for _ in 0..2 {
            round(&mut free, std::iter::repeat_n(MIB, 100));
        }
        assert_eq!(free.bytes, 100 * MIB);
        for _ in 0..LATELY + SWEEP {
            assert_eq!(round(&mut free, std::iter::once(MIB)), 0);
        }
        assert_eq!(free.bytes, MIB);
    }
}
