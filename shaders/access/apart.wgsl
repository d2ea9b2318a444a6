// A thread's two vectors are a workgroup's width apart: neighbouring threads touch neighbouring memory.
//
// With REMAINDER, for what whole tiles leave, the last vector may be partial: its lanes beyond the end
// keep what the output holds.
override REMAINDER: bool = false;

@group(0) @binding(0) var<storage, read> x: array<Packed>;             // [length]
@group(0) @binding(1) var<storage, read> upstream: array<Packed>;      // [length]
@group(0) @binding(2) var<storage, read_write> output: array<Packed>;  // [length]

fn vectors_of(place: Place) -> vec2<u32> {
    let tile = tile_of(place) + select(0u, arguments.tiles, REMAINDER);
    let first = tile * (2u * WORKGROUP) + place.thread;
    return vec2<u32>(first, first + WORKGROUP);
}

// The nearest vectors that exist, for loads.
fn within(at: vec2<u32>) -> vec2<u32> {
    if REMAINDER { return min(at, vec2<u32>((arguments.length - 1u) / 4u)); }
    return at;
}

fn x_at(at: vec2<u32>) -> Two { return Two(x[within(at).x], x[within(at).y]); }
fn upstream_at(at: vec2<u32>) -> Two { return Two(upstream[within(at).x], upstream[within(at).y]); }
fn output_at(at: vec2<u32>) -> Two { return Two(output[within(at).x], output[within(at).y]); }

fn store(at: vec2<u32>, lanes: Two) {
    store_one(at.x, lanes.a);
    store_one(at.y, lanes.b);
}

fn store_one(vector: u32, lanes: Packed) {
    let whole = arguments.length / 4u;
    if !REMAINDER || vector < whole {
        output[vector] = lanes;
    } else if vector == whole && vector * 4u < arguments.length {
        let mask = lane_mask(arguments.length - vector * 4u);
        output[vector] = (lanes & mask) | (output[vector] & ~mask);
    }
}
