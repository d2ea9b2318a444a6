// Blocks of one element: gate and up side by side.
@group(0) @binding(0) var<storage, read> x: array<Packed>; // [x_skip + 2 length]

fn first_of(vector: u32) -> u32 { return arguments.x_skip / 4u + 2u * vector; }

fn both_of(vector: u32) -> Both {
    let first = first_of(vector);
    // The last vector may be whole without a second one behind it.
    let a = unpack(x[first]);
    let b = unpack(x[min(first + 1u, (arguments.x_skip + 2u * arguments.length - 1u) / 4u)]);
    return Both(vec4<f32>(a.xz, b.xz), vec4<f32>(a.yw, b.yw));
}

fn store_both(vector: u32, both: Both) {
    let first = first_of(vector);
    let left = 2u * whole_left(vector);
    let a = vec4<f32>(both.first.x, both.second.x, both.first.y, both.second.y);
    let b = vec4<f32>(both.first.z, both.second.z, both.first.w, both.second.w);
    store_first(first, pack(a), min(left, 4u));
    store_first(first + 1u, pack(b), left - min(left, 4u));
}
