//! Inputs that find errors.

use half::{bf16, f16};

use crate::element::ElementType;

/// Inputs at which activations go wrong: special values, the edges of f32, where exponentials
/// overflow or vanish, where functions saturate, where slopes cross zero; both signs of each.
///
/// ```
/// use wgpu_activations::accuracy::inputs::grid;
///
/// let grid = grid();
/// assert_eq!(grid.len(), 78);
/// assert!(grid.contains(&f32::MAX) && grid.iter().any(|x| x.is_nan()));
/// ```
pub fn grid() -> Vec<f32> {
    const MAGNITUDES: [f32; 33] = [
        0.0, 1e-45, 1e-30, 1e-20, 1e-8, 1e-4, 0.125, 0.5, 0.752, 0.7517916, 1.0, 1.192, 1.1924568,
        1.278, 1.2784645, 5.3, 5.5, 10.0, 11.09, 12.9, 13.0, 17.4, 20.0, 44.0, 87.3, 88.7, 88.8,
        91.9, 104.0, 1e4, 1e13, 1e30, 3e38,
    ];
    const NORMAL: f32 = f32::MIN_POSITIVE;
    let edges = [NORMAL.next_down(), NORMAL, f32::MAX, f32::INFINITY];
    let magnitudes = MAGNITUDES.into_iter().chain(edges);
    let signed = magnitudes.flat_map(|magnitude| [magnitude, -magnitude]);
    let nans = [0x7fc0_0000, 0xffc0_0000, 0x7f80_0001, 0xffff_ffff].map(f32::from_bits);
    signed.chain(nans).collect()
}

/// Pseudo-random words, the same for the same seed (SplitMix64).
///
/// ```
/// use wgpu_activations::accuracy::inputs::words;
///
/// assert!(words(1).take(1000).eq(words(1).take(1000)));
/// assert_ne!(words(1).next(), words(2).next());
/// ```
pub fn words(seed: u64) -> impl Iterator<Item = u32> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 32) as u32
    })
}

/// The inputs that a check of one element takes: every bit pattern of a 16-bit type; of f32 the grid, random bit
/// patterns, and random numbers where activations bend.
///
/// ```
/// use wgpu_activations::{ElementType, accuracy::inputs::patterns};
///
/// assert_eq!(patterns(ElementType::F16).len(), 65_536);
/// assert!(patterns(ElementType::F32).contains(&f64::from(f32::MIN_POSITIVE)));
/// ```
pub fn patterns(element: ElementType) -> Vec<f64> {
    let every_bits = |number: fn(u16) -> f64| (0..=u16::MAX).map(number).collect();
    match element {
        ElementType::F16 => every_bits(|bits| f16::from_bits(bits).to_f64()),
        ElementType::Bf16 => every_bits(|bits| bf16::from_bits(bits).to_f64()),
        ElementType::F32 => {
            const RANDOM: usize = 1 << 17;
            let patterns = words(1).take(RANDOM).map(f32::from_bits);
            let bends = words(2).take(RANDOM).enumerate().map(|(index, word)| {
                let reach = [1.0, 20.0, 110.0][index % 3];
                (word as i32 as f32 / i32::MAX as f32) * reach
            });
            let all = grid().into_iter().chain(patterns).chain(bends);
            all.map(f64::from).collect()
        }
    }
}

/// Upstream gradients: mostly of everyday size, one in eight of any finite bit pattern.
pub fn gradients(len: usize) -> Vec<f64> {
    words(3)
        .take(len)
        .map(|word| {
            let any = f32::from_bits(word.rotate_left(7));
            if word.is_multiple_of(8) && any.is_finite() {
                f64::from(any)
            } else {
                f64::from(word as i32) / f64::from(1 << 29)
            }
        })
        .collect()
}
