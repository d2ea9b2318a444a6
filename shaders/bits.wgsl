// What arithmetic cannot be trusted with, by bits: compilers may assume that NaN does not occur.

const LARGEST: f32 = 3.40282346e38;

fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

// Whether x is infinite or NaN.
fn is_special(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) == 0x7f800000u; }

// x with infinities replaced by the largest finite values, so that 0 x is 0.
fn finite(x: f32) -> f32 { return clamp(x, -LARGEST, LARGEST); }
