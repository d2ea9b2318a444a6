// What the speed of pooling is measured against: reads STREAMS parts of a tensor side by side and
// writes the OR of their words.
//
// Its arguments are `StreamArguments` of src/kernel/baseline.rs.

override WORKGROUP: u32 = 64u;
override STREAMS: u32 = 4u;

@group(0) @binding(0) var<storage, read> x: array<Packed>;             // [STREAMS, vectors]
@group(0) @binding(2) var<storage, read_write> output: array<Packed>;  // [vectors]

struct Place {
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
}

@compute @workgroup_size(WORKGROUP)
fn streams(place: Place) {
    // Workgroups fold into two dimensions past 65,535.
    let index = (place.workgroup.y * place.workgroups.x + place.workgroup.x) * WORKGROUP + place.thread;
    if index >= arguments.vectors { return; }
    var all = x[index];
    for (var stream = 1u; stream < STREAMS; stream++) { all |= x[stream * arguments.vectors + index]; }
    output[index] = all;
}
