// Which of up to 256 pieces won: four lanes are one word.
alias Index = u32;

fn unpack_index(word: Index) -> vec4<u32> {
    return (vec4<u32>(word) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(0xffu);
}
fn pack_index(lanes: vec4<u32>) -> Index {
    return lanes.x | (lanes.y << 8u) | (lanes.z << 16u) | (lanes.w << 24u);
}
fn index_at(word: Index, element: u32) -> u32 { return (word >> ((element & 3u) * 8u)) & 0xffu; }

// The bits of the first `count` lanes.
fn index_mask(count: u32) -> Index {
    return pack_index(select(vec4<u32>(0u), vec4<u32>(0xffu), vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(count)));
}
