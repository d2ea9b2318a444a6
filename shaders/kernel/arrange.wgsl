// Elements laid out anew: y[a, b, c] is the element of x at offset + a strides.x + b strides.y
// + c strides.z, and 0 where b or c is beyond what x has. Pads rows to whole vectors, cuts them back,
// transposes. A thread writes one vector of four lanes.
//
// Its arguments are `ArrangeArguments` of src/kernel/arrange.rs.

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> x: array<u32>;                // packed elements
@group(0) @binding(1) var<storage, read_write> output: array<Packed>;  // y [a, b, c]

struct Place {
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
}

fn element_at(place: u32) -> u32 {
    let row = place / arguments.c;
    let c = place - row * arguments.c;
    let a = row / arguments.b;
    let b = row - a * arguments.b;
    let there = place < arguments.count && b < arguments.b_there && c < arguments.c_there;
    let from_x = arguments.offset + a * arguments.stride_a + b * arguments.stride_b + c * arguments.stride_c;
    let element = select(arguments.offset, from_x, there);
    return select(0u, stored_at(x[word_of(element)], element), there);
}

@compute @workgroup_size(WORKGROUP)
fn arrange(place: Place) {
    // Workgroups fold into two dimensions past 65,535.
    let index = (place.workgroup.y * place.workgroups.x + place.workgroup.x) * WORKGROUP + place.thread;
    let first = index * 4u;
    if first >= arguments.count { return; }
    let lanes = from_stored(vec4<u32>(
        element_at(first), element_at(first + 1u), element_at(first + 2u), element_at(first + 3u),
    ));
    let mask = lane_mask(arguments.count - first);
    let vector = arguments.y_skip + index;
    output[vector] = (lanes & mask) | (output[vector] & ~mask);
}
