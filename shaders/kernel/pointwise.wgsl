// Pointwise family: y = value(x) and dx = backward(x, upstream), element by element.
//
// A workgroup takes a tile, two vectors of four lanes per thread, and a thread loads both before it stores
// either; `access/` says which two they are. Workgroups fold into two dimensions past 65,535.
// Whole tiles need no guards, which cost a software adapter a seventh of its speed; what is left at
// the end goes to a pipeline of its own, built with REMAINDER.

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

@group(1) @binding(0) var<uniform> arguments: Arguments;

struct Place {
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
}

fn tile_of(place: Place) -> u32 { return place.workgroup.y * place.workgroups.x + place.workgroup.x; }

// A thread's two vectors; where they lie is a vec2 of their numbers.
struct Two { a: Packed, b: Packed }

fn forward_two(x: Two, at: vec2<u32>) -> Two {
    return Two(forward_vector(x.a, parameters_at(at.x)), forward_vector(x.b, parameters_at(at.y)));
}

fn backward_two(x: Two, upstream: Two, at: vec2<u32>) -> Two {
    return Two(
        backward_vector(x.a, upstream.a, parameters_at(at.x)),
        backward_vector(x.b, upstream.b, parameters_at(at.y)),
    );
}

@compute @workgroup_size(WORKGROUP)
fn forward(place: Place) {
    let at = vectors_of(place);
    store(at, forward_two(x_at(at), at));
}

@compute @workgroup_size(WORKGROUP)
fn forward_in_place(place: Place) {
    let at = vectors_of(place);
    store(at, forward_two(output_at(at), at));
}

@compute @workgroup_size(WORKGROUP)
fn backward_pass(place: Place) {
    let at = vectors_of(place);
    let x = x_at(at);
    store(at, backward_two(x, upstream_at(at), at));
}

// The output holds the upstream gradient and receives dx.
@compute @workgroup_size(WORKGROUP)
fn backward_in_place(place: Place) {
    let at = vectors_of(place);
    let x = x_at(at);
    store(at, backward_two(x, output_at(at), at));
}
