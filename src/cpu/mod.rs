//! Computing on the processor: lanes of f32 by the formulas of the shaders, in vectors of whatever the processor has.
//!
//! `math.rs` and `activation/` are the twins of `shaders/bits.wgsl`, `shaders/math.wgsl` and `shaders/activation/`, made
//! of them by a test: `UPDATE_TWINS=1 cargo test --test twins`. So a result has the same bits here and on an adapter that
//! rounds as IEEE 754 says. Compilers make vectors of the loops in `kernel.rs`, once for each instruction set, of which
//! the best that the processor has is taken when the program runs: SSE2, AVX2 or AVX-512, NEON, or simd128 of WebAssembly
//! that is compiled for it.

#[allow(unused_imports, unused_variables)]
pub(crate) mod activation;
pub(crate) mod blocks;
pub(crate) mod channels;
pub(crate) mod kernel;
#[allow(dead_code)]
pub(crate) mod lane;
#[allow(dead_code, clippy::approx_constant, clippy::excessive_precision)]
pub(crate) mod math;
pub(crate) mod rows;
mod slice;

use std::{
    error::Error as _,
    sync::{Arc, OnceLock},
};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, Result};

pub(crate) use slice::elements;
pub use slice::{Slice, SliceMut};

/// The processor as a device: how many threads it computes with.
///
/// ```
/// use wgpu_activations::{Activation, cpu::Cpu};
///
/// let cpu = Cpu::with_threads(2)?;
/// let x = [-1.0f32, 0.0, 1.0, 2.0];
/// let mut y = [0.0; 4];
/// cpu.forward(&Activation::RELU.into(), &[4], &x, &mut y)?;
/// assert_eq!(y, [0.0, 0.0, 1.0, 2.0]);
/// assert_eq!(cpu.threads(), 2);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cpu {
    pool: Option<Arc<ThreadPool>>,
}

impl Cpu {
    /// With the threads of rayon's global pool, or of the pool that a call is made in: one for each of the processor's
    /// where nothing else was asked for.
    pub fn new() -> Self {
        Self::default()
    }

    /// With so many threads of its own. Results do not depend on how many there are.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] where the system has no threads left.
    pub fn with_threads(threads: usize) -> Result<Self> {
        let pool = ThreadPoolBuilder::new().num_threads(threads.max(1)).build();
        let pool = pool
            .map_err(|error| Error::Internal(format!("cannot start {threads} threads: {error}")))?;
        Ok(Self {
            pool: Some(Arc::new(pool)),
        })
    }

    /// How many threads compute.
    pub fn threads(&self) -> usize {
        match &self.pool {
            Some(pool) => pool.current_num_threads(),
            None => rayon::current_num_threads(),
        }
    }

    /// The instruction set whose vectors are used: `AVX-512`.
    ///
    /// ```
    /// println!("{}", wgpu_activations::cpu::Cpu::instructions());
    /// ```
    pub fn instructions() -> &'static str {
        let found = format!("{:?}", pulp::Arch::new());
        match found.split("(").next().unwrap_or_default() {
            "V4" => "AVX-512",
            "V3" => "AVX2",
            "Neon" => "NEON",
            _ if cfg!(target_arch = "x86_64") => "SSE2",
            _ => "scalar",
        }
    }

    /// Does `work` on these threads.
    ///
    /// # Errors
    ///
    /// As [`expect_threads`].
    pub(crate) fn run<R: Send>(&self, work: impl FnOnce() -> Result<R> + Send) -> Result<R> {
        match &self.pool {
            Some(pool) => pool.install(work),
            None => expect_threads().and_then(|()| work()),
        }
    }
}

/// Starts the threads of rayon's global pool where nothing has started them yet: where rayon itself does and cannot, it
/// panics.
///
/// # Errors
///
/// [`Error::Internal`] where the system has no threads left.
pub(crate) fn expect_threads() -> Result<()> {
    if cfg!(target_arch = "wasm32") {
        // There rayon makes do with the one that asks.
        return Ok(());
    }
    static STARTED: OnceLock<std::result::Result<(), String>> = OnceLock::new();
    let started = STARTED.get_or_init(|| {
        // Only what the system says has a source; that the pool is there is none.
        let error = ThreadPoolBuilder::new().build_global().err();
        let system = error.as_ref().and_then(|error| error.source());
        system.map_or(Ok(()), |error| Err(error.to_string()))
    });
    started.clone().map_err(|reason| {
        Error::Internal(format!(
            "cannot start the threads that compute on the processor: {reason}; end other processes, or set \
             RAYON_NUM_THREADS=1"
        ))
    })
}
