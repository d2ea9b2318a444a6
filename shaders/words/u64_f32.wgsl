// A vector of four f32 in a buffer: two words of 64 bits, the first half lower. Where a load costs as much
// as it moves words, that is half of it.
alias Packed = vec2<u64>;

fn narrow(vector: Packed) -> vec4<u32> {
    return vec4<u32>(u32(vector.x), u32(vector.x >> 32u), u32(vector.y), u32(vector.y >> 32u));
}
fn wide(words: vec4<u32>) -> Packed {
    return vec2<u64>(u64(words.x) | (u64(words.y) << 32u), u64(words.z) | (u64(words.w) << 32u));
}

// Two vectors that lie side by side.
alias Pair = vec4<u64>;

fn pair(first: Packed, second: Packed) -> Pair { return vec4<u64>(first, second); }
fn first(vectors: Pair) -> Packed { return vectors.xy; }
fn second(vectors: Pair) -> Packed { return vectors.zw; }
