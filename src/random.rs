//! Random words from a counter: Threefry-4x32 with 20 rounds, from Salmon, Moraes, Dror and Shaw,
//! "Parallel random numbers: as easy as 1, 2, 3" (SC 2011, <https://doi.org/10.1145/2063384.2063405>).
//!
//! A word depends on the seed, on what it is for and on its place, and on nothing drawn before it:
//! any thread of any machine gets the same one. `shaders/random.wgsl` draws the same words.

/// What words are drawn for, a number that who draws them declares: streams of the same seed share no words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream(pub u32);

/// A sequence of random words in blocks of four.
///
/// ```
/// use wgpu_activations::random::{Random, Stream};
///
/// let random = Random::new(7, Stream(3));
/// assert_eq!(random.word(6), random.block(1, 0)[2]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Random {
    key: [u32; 4],
}

impl Random {
    /// The words of `seed` for `stream`.
    pub const fn new(seed: u64, stream: Stream) -> Self {
        Self {
            key: [low(seed), high(seed), stream.0, 0],
        }
    }

    /// Block `index`; further ones of the same index by `draw`.
    pub const fn block(&self, index: u64, draw: u32) -> [u32; 4] {
        threefry([low(index), high(index), draw, 0], self.key)
    }

    /// Word `index` of all first draws.
    pub const fn word(&self, index: u64) -> u32 {
        self.block(index / 4, 0)[(index % 4) as usize]
    }

    /// The words of all first draws, from the first on.
    pub fn words(self) -> impl Iterator<Item = u32> {
        (0..=u64::MAX).flat_map(move |index| self.block(index, 0))
    }
}

const fn low(word: u64) -> u32 {
    word as u32
}

const fn high(word: u64) -> u32 {
    (word >> 32) as u32
}

/// Bits by which the first and the second pair are rotated, round by round.
const ROTATIONS: [[u32; 2]; 8] = [
    [10, 26],
    [11, 21],
    [13, 27],
    [23, 5],
    [6, 20],
    [17, 11],
    [25, 10],
    [18, 20],
];

const ROUNDS: usize = 20;

/// The block of `counter` under `key`.
pub const fn threefry(counter: [u32; 4], key: [u32; 4]) -> [u32; 4] {
    let parity = 0x1bd1_1bda ^ key[0] ^ key[1] ^ key[2] ^ key[3];
    let schedule = [key[0], key[1], key[2], key[3], parity];
    let mut x = add_key(counter, schedule, 0);
    let mut round = 0;
    while round < ROUNDS {
        let [first, second] = ROTATIONS[round % 8];
        // Odd rounds mix each even word with the other pair's odd one.
        let (one, three) = if round % 2 == 0 { (1, 3) } else { (3, 1) };
        x[0] = x[0].wrapping_add(x[one]);
        x[one] = x[one].rotate_left(first) ^ x[0];
        x[2] = x[2].wrapping_add(x[three]);
        x[three] = x[three].rotate_left(second) ^ x[2];
        round += 1;
        if round % 4 == 0 {
            x = add_key(x, schedule, round / 4);
        }
    }
    x
}

/// Adds four of the five words of the key, beginning with word `count`, and `count` to the last.
const fn add_key(mut x: [u32; 4], schedule: [u32; 5], count: usize) -> [u32; 4] {
    let mut lane = 0;
    while lane < 4 {
        x[lane] = x[lane].wrapping_add(schedule[(count + lane) % 5]);
        lane += 1;
    }
    x[3] = x[3].wrapping_add(count as u32);
    x
}
