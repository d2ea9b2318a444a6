// What the speed of reductions is measured against: reads a tensor, or two, as they do, column by
// column, and leaves the OR of all words that a thread has seen.
//
// Its arguments are `ReadArguments` of src/kernel/baseline.rs.

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> x: array<Packed>;           // [rows, vectors]
@group(0) @binding(1) var<storage, read> upstream: array<Packed>;    // [rows, vectors]
@group(0) @binding(2) var<storage, read_write> seen: array<Packed>;  // [rows / walk, vectors]

struct Place {
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
}

// Workgroups fold into two dimensions past 65,535.
fn thread_index(place: Place) -> u32 {
    return (place.workgroup.y * place.workgroups.x + place.workgroup.x) * WORKGROUP + place.thread;
}

@compute @workgroup_size(WORKGROUP)
fn read_one(place: Place) {
    let index = thread_index(place);
    let split = index / arguments.vectors;
    let first = split * arguments.walk;
    if first >= arguments.rows { return; }
    let step = arguments.vectors;
    let end = min(first + arguments.walk, arguments.rows) * step;
    var vector = first * step + (index - split * step);
    var all = Packed();
    for (; vector + 3u * step < end; vector += 4u * step) {
        all |= (x[vector] | x[vector + step]) | (x[vector + 2u * step] | x[vector + 3u * step]);
    }
    for (; vector < end; vector += step) { all |= x[vector]; }
    seen[index] = all;
}

@compute @workgroup_size(WORKGROUP)
fn read_two(place: Place) {
    let index = thread_index(place);
    let split = index / arguments.vectors;
    let first = split * arguments.walk;
    if first >= arguments.rows { return; }
    let step = arguments.vectors;
    let end = min(first + arguments.walk, arguments.rows) * step;
    var vector = first * step + (index - split * step);
    var all = Packed();
    for (; vector + step < end; vector += 2u * step) {
        all |= (x[vector] | x[vector + step]) | (upstream[vector] | upstream[vector + step]);
    }
    for (; vector < end; vector += step) { all |= x[vector] | upstream[vector]; }
    seen[index] = all;
}
