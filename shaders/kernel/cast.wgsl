// Elements of 16 bits as f32, and back, rounded to nearest. A thread takes one vector of four lanes.
// `arguments` are those of src/kernel/cast.rs.

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> x: array<Packed>;                   // [length]
@group(0) @binding(1) var<storage, read_write> wide_y: array<vec4<f32>>;     // [length]
@group(0) @binding(2) var<storage, read> wide_x: array<vec4<f32>>;           // [length]
@group(0) @binding(3) var<storage, read_write> y: array<Packed>;             // [length]

struct Place {
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
}

// Workgroups fold into two dimensions past 65,535.
fn vector_of(place: Place) -> u32 {
    return (place.workgroup.y * place.workgroups.x + place.workgroup.x) * WORKGROUP + place.thread;
}

@compute @workgroup_size(WORKGROUP)
fn to_f32(place: Place) {
    let vector = vector_of(place);
    if vector * 4u < arguments.length { wide_y[vector] = unpack(x[vector]); }
}

@compute @workgroup_size(WORKGROUP)
fn from_f32(place: Place) {
    let vector = vector_of(place);
    if vector * 4u >= arguments.length { return; }
    // Lanes beyond the last element may be a caller's.
    let mask = lane_mask(arguments.length - vector * 4u);
    y[vector] = (pack(wide_x[vector]) & mask) | (y[vector] & ~mask);
}
