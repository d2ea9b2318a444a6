// Which of more than 256 pieces won: four lanes are four words.
alias Index = vec4<u32>;

fn unpack_index(word: Index) -> vec4<u32> { return word; }
fn pack_index(lanes: vec4<u32>) -> Index { return lanes; }
fn index_at(word: Index, element: u32) -> u32 {
    let pair = select(word.xy, word.zw, (element & 2u) == 2u);
    return select(pair.x, pair.y, (element & 1u) == 1u);
}

// The bits of the first `count` lanes.
fn index_mask(count: u32) -> Index {
    return select(vec4<u32>(0u), vec4<u32>(0xffffffffu), vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(count));
}
