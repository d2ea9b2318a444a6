// Gated units of one tensor that holds gate and up: blocks of each in turn, [rows, 2, block], y [rows, block]. `gated_blocks`
// serves blocks of whole vectors, `gated_pairs` blocks of one element, `gated_elements` any. A thread takes a vector of y.
//
// Its arguments are `GatedArguments` of src/family/gated/shader.rs.

override WORKGROUP: u32 = 64u;
override UP_FIRST: bool = false;

struct Place {
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
}

@group(0) @binding(1) var<storage, read> upstream: array<Packed>;       // [y_skip + length]
@group(0) @binding(2) var<storage, read_write> output: array<Packed>;   // y [y_skip + length], or dx
@group(0) @binding(6) var<storage, read_write> terms: array<vec4<f32>>; // [terms_skip + length]

// Workgroups fold into two dimensions past 65,535.
fn thread_index(place: Place) -> u32 {
    return (place.workgroup.y * place.workgroups.x + place.workgroup.x) * WORKGROUP + place.thread;
}

// What lies first and second in the tensor, as gate and up and the other way round.
struct Both { first: vec4<f32>, second: vec4<f32> }
fn gate_in(both: Both) -> vec4<f32> { return select(both.first, both.second, UP_FIRST); }
fn up_in(both: Both) -> vec4<f32> { return select(both.second, both.first, UP_FIRST); }

// Stores the first `count` lanes of a vector of the output.
fn store_first(vector: u32, lanes: Packed, count: u32) {
    if count >= 4u {
        output[vector] = lanes;
    } else if count > 0u {
        let mask = lane_mask(count);
        output[vector] = (lanes & mask) | (output[vector] & ~mask);
    }
}

fn whole_left(vector: u32) -> u32 { return arguments.length - min(vector * 4u, arguments.length); }

@compute @workgroup_size(WORKGROUP)
fn forward(place: Place) {
    let vector = thread_index(place);
    if vector * 4u >= arguments.length { return; }
    let both = both_of(vector);
    let y = product_vector(gate_in(both), up_in(both), parameters_at(vector));
    store_first(arguments.y_skip / 4u + vector, pack(y), whole_left(vector));
}
