// bf16, the upper half of an f32: four lanes are two words, the lower half first.
fn unpack(vector: Packed) -> vec4<f32> { return bitcast<vec4<f32>>(stored(vector)); }
// To nearest, ties to even; NaN stays NaN.
fn pack(lanes: vec4<f32>) -> Packed {
    let bits = bitcast<vec4<u32>>(lanes);
    let rounded = (bits + 0x7fffu + ((bits >> vec4<u32>(16u)) & vec4<u32>(1u))) >> vec4<u32>(16u);
    let nan = (bits & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u);
    let half = select(rounded, (bits >> vec4<u32>(16u)) | vec4<u32>(0x40u), nan);
    return wide(half.xz | (half.yw << vec2<u32>(16u)));
}

// The bits of the first `count` lanes.
fn lane_mask(count: u32) -> Packed {
    let low = select(vec2<u32>(0u), vec2<u32>(0xffffu), vec2<u32>(0u, 2u) < vec2<u32>(count));
    let high = select(vec2<u32>(0u), vec2<u32>(0xffff0000u), vec2<u32>(1u, 3u) < vec2<u32>(count));
    return wide(low | high);
}

// For access by the element: the word that holds it, and its value.
fn word_of(element: u32) -> u32 { return element / 2u; }
fn lane_of(word: u32, element: u32) -> f32 {
    return bitcast<f32>(select(word << 16u, word & 0xffff0000u, (element & 1u) == 1u));
}

// Elements as they are stored, each at the top of a word: to be moved, and compared by bits.
const INFINITY: u32 = 0x7f800000u;
fn stored(vector: Packed) -> vec4<u32> {
    let word = narrow(vector);
    return vec4<u32>(word.x << 16u, word.x & 0xffff0000u, word.y << 16u, word.y & 0xffff0000u);
}
fn from_stored(lanes: vec4<u32>) -> Packed {
    return wide((lanes.xz >> vec2<u32>(16u)) | (lanes.yw & vec2<u32>(0xffff0000u)));
}
fn stored_at(word: u32, element: u32) -> u32 { return select(word << 16u, word & 0xffff0000u, (element & 1u) == 1u); }
