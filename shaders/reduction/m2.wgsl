// How an M2, a sum of squared deviations, is held that may leave f32's range: as -2^-160 of itself.
const SMALL = 8.27180613e-25; // 2^-80
const LARGE = 1.20892582e24;  // 2^80

// x factor^2, for a factor whose square is no f32: by bits in between, lest a compiler squares it.
fn times_twice(x: f32, factor: f32) -> f32 {
    let once = bitcast<u32>(x * factor);
    return bitcast<f32>(max(once, 1u)) * factor;
}
