// Two more tensors of the vectors that `apart.wgsl` gives a thread.
@group(0) @binding(4) var<storage, read> third: array<Packed>;                // [length]
@group(0) @binding(5) var<storage, read_write> second_output: array<Packed>;  // [length]

fn third_at(at: vec2<u32>) -> Two { return Two(third[within(at).x], third[within(at).y]); }

fn store_second(at: vec2<u32>, lanes: Two) {
    store_second_one(at.x, lanes.a);
    store_second_one(at.y, lanes.b);
}

fn store_second_one(vector: u32, lanes: Packed) {
    let whole = arguments.length / 4u;
    if !REMAINDER || vector < whole {
        second_output[vector] = lanes;
    } else if vector == whole && vector * 4u < arguments.length {
        let mask = lane_mask(arguments.length - vector * 4u);
        second_output[vector] = (lanes & mask) | (second_output[vector] & ~mask);
    }
}
