// Pointwise family: y = value(x) and dx = backward(x, upstream), element by element.
//
// A workgroup takes a tile, two vectors of four lanes per thread a workgroup's width apart, and a
// thread loads both before it stores either. Workgroups fold into two dimensions past 65,535.
// Whole tiles need no guards, which cost a software adapter a seventh of its speed; what is left at
// the end goes to a pipeline of its own, built with REMAINDER, whose last vector may be partial: its
// lanes beyond the end keep what the output holds.

struct Arguments {
    length: u32,        // elements
    parameter: f32,     // where one serves the whole tensor
    channels: u32,      // for one per channel: the tensor is [outer, channels, inner],
    inner: u32,
    channel_start: u32, // and this piece of it starts at this channel
    inner_start: u32,   // and place within the channel
    tiles: u32,         // tiles before the remainder
}

override WORKGROUP: u32 = 256u;
override REMAINDER: bool = false;

@group(0) @binding(0) var<storage, read> x: array<Packed>;             // [length]
@group(0) @binding(1) var<storage, read> upstream: array<Packed>;      // [length]
@group(0) @binding(2) var<storage, read_write> output: array<Packed>;  // [length]
@group(1) @binding(0) var<uniform> arguments: Arguments;

struct Place {
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
}

// The thread's first vector; its second comes WORKGROUP later.
fn first_vector(place: Place) -> u32 {
    let workgroup = place.workgroup.y * place.workgroups.x + place.workgroup.x;
    let tile = workgroup + select(0u, arguments.tiles, REMAINDER);
    return tile * (2u * WORKGROUP) + place.thread;
}

// The nearest vector that exists, for loads.
fn within(vector: u32) -> u32 {
    if REMAINDER { return min(vector, (arguments.length - 1u) / 4u); }
    return vector;
}

fn store(vector: u32, lanes: Packed) {
    let whole = arguments.length / 4u;
    if !REMAINDER || vector < whole {
        output[vector] = lanes;
    } else if vector == whole && vector * 4u < arguments.length {
        let mask = lane_mask(arguments.length - vector * 4u);
        output[vector] = (lanes & mask) | (output[vector] & ~mask);
    }
}

@compute @workgroup_size(WORKGROUP)
fn forward(place: Place) {
    let first = first_vector(place);
    let second = first + WORKGROUP;
    let a = x[within(first)];
    let b = x[within(second)];
    store(first, forward_vector(a, parameters_at(within(first))));
    store(second, forward_vector(b, parameters_at(within(second))));
}

@compute @workgroup_size(WORKGROUP)
fn forward_in_place(place: Place) {
    let first = first_vector(place);
    let second = first + WORKGROUP;
    let a = output[within(first)];
    let b = output[within(second)];
    store(first, forward_vector(a, parameters_at(within(first))));
    store(second, forward_vector(b, parameters_at(within(second))));
}

@compute @workgroup_size(WORKGROUP)
fn backward_pass(place: Place) {
    let first = first_vector(place);
    let second = first + WORKGROUP;
    let a = x[within(first)];
    let b = x[within(second)];
    let g = upstream[within(first)];
    let h = upstream[within(second)];
    store(first, backward_vector(a, g, parameters_at(within(first))));
    store(second, backward_vector(b, h, parameters_at(within(second))));
}

// The output holds the upstream gradient and receives dx.
@compute @workgroup_size(WORKGROUP)
fn backward_in_place(place: Place) {
    let first = first_vector(place);
    let second = first + WORKGROUP;
    let a = x[within(first)];
    let b = x[within(second)];
    let g = output[within(first)];
    let h = output[within(second)];
    store(first, backward_vector(a, g, parameters_at(within(first))));
    store(second, backward_vector(b, h, parameters_at(within(second))));
}
