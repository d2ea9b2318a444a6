// Blocks of whole vectors.
@group(0) @binding(0) var<storage, read> x: array<Packed>; // [x_skip + 2 length]

// The first of the two vectors that a vector of y is of.
fn first_of(vector: u32) -> u32 {
    let block = arguments.block / 4u;
    return arguments.x_skip / 4u + vector + quotient(vector, block) * block;
}

fn both_of(vector: u32) -> Both {
    let first = first_of(vector);
    return Both(unpack(x[first]), unpack(x[first + arguments.block / 4u]));
}

fn store_both(vector: u32, both: Both) {
    let first = first_of(vector);
    output[first] = pack(both.first);
    output[first + arguments.block / 4u] = pack(both.second);
}
