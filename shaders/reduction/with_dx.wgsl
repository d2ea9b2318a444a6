// Beside the sums dx = backward(x, upstream), from the same reading of both.
@group(0) @binding(5) var<storage, read_write> dx: array<Packed>; // [skip + length]

fn visit(vector: u32, a: Item, known: Context) { dx[vector] = backward_vector(a.x, a.upstream, known); }

// Only the first `count` lanes exist.
fn visit_first(vector: u32, a: Item, known: Context, count: u32) {
    let mask = lane_mask(count);
    dx[vector] = (backward_vector(a.x, a.upstream, known) & mask) | (dx[vector] & ~mask);
}
