// What kernels take that see a tensor as tiles: a workgroup takes a tile, two vectors of four lanes per thread,
// and a thread loads both before it stores either; `access/` has the tensors, and says which two they are.
// Workgroups fold into two dimensions past 65,535.
// Whole tiles need no guards, which cost a software adapter a seventh of its speed; what is left at
// the end goes to a pipeline of its own, built with REMAINDER.
override WORKGROUP: u32 = 256u;

struct Place {
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
}

fn tile_of(place: Place) -> u32 { return place.workgroup.y * place.workgroups.x + place.workgroup.x; }

// A thread's two vectors; where they lie is a vec2 of their numbers.
struct Two { a: Packed, b: Packed }
