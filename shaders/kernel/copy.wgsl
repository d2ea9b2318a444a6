// Copies, at the launch shape of the pointwise family: what a kernel's speed is measured against.

struct Arguments { length: u32 } // vectors

override WORKGROUP: u32 = 256u;

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4<u32>>;
@group(1) @binding(0) var<uniform> arguments: Arguments;

@compute @workgroup_size(WORKGROUP)
fn copy(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let first = (workgroup.y * workgroups.x + workgroup.x) * (2u * WORKGROUP) + thread;
    let second = first + WORKGROUP;
    let last = arguments.length - 1u;
    let a = x[min(first, last)];
    let b = x[min(second, last)];
    if first < arguments.length { output[first] = a; }
    if second < arguments.length { output[second] = b; }
}
