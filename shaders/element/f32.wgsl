// f32: four lanes are four words.
fn unpack(vector: Packed) -> vec4<f32> { return bitcast<vec4<f32>>(narrow(vector)); }
fn pack(lanes: vec4<f32>) -> Packed { return wide(bitcast<vec4<u32>>(lanes)); }

// The bits of the first `count` lanes.
fn lane_mask(count: u32) -> Packed {
    return wide(select(vec4<u32>(0u), vec4<u32>(0xffffffffu), vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(count)));
}

// For access by the element: the word that holds it, and its value.
fn word_of(element: u32) -> u32 { return element; }
fn lane_of(word: u32, element: u32) -> f32 { return bitcast<f32>(word); }

// Elements as they are stored, each at the top of a word: to be moved, and compared by bits.
const INFINITY: u32 = 0x7f800000u;
fn stored(vector: Packed) -> vec4<u32> { return narrow(vector); }
fn from_stored(lanes: vec4<u32>) -> Packed { return wide(lanes); }
fn stored_at(word: u32, element: u32) -> u32 { return word; }
