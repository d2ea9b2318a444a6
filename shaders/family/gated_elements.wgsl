// Blocks of any length, element by element.
@group(0) @binding(0) var<storage, read> x: array<u32>; // packed elements

fn x_element(element: u32) -> f32 { return lane_of(x[word_of(element)], element); }

// Where the first of the two elements lies that element `place` of y is of.
fn first_of(place: u32) -> u32 {
    let within = min(place, arguments.length - 1u);
    return arguments.x_skip + within + quotient(within, arguments.block) * arguments.block;
}

fn both_of(vector: u32) -> Both {
    let at = vec4<u32>(
        first_of(vector * 4u), first_of(vector * 4u + 1u), first_of(vector * 4u + 2u), first_of(vector * 4u + 3u),
    );
    let behind = at + vec4<u32>(arguments.block);
    return Both(
        vec4<f32>(x_element(at.x), x_element(at.y), x_element(at.z), x_element(at.w)),
        vec4<f32>(x_element(behind.x), x_element(behind.y), x_element(behind.z), x_element(behind.w)),
    );
}

// For element `place` of x: its gate, its up, its upstream gradient, and 1 where it is the first of the two.
fn known_of(place: u32) -> vec4<f32> {
    let within = min(place, 2u * arguments.length - 1u);
    let blocks = quotient(within, arguments.block);
    let row = blocks / 2u;
    let of_y = row * arguments.block + within - blocks * arguments.block;
    let first = first_of(of_y);
    let g = arguments.y_skip + of_y;
    return vec4<f32>(
        x_element(first), x_element(first + arguments.block), unpack(upstream[g / 4u])[g % 4u],
        select(1.0, 0.0, (blocks & 1u) == 1u),
    );
}

// A thread takes a vector of dx, since two may share a word of memory.
@compute @workgroup_size(WORKGROUP)
fn backward_pass(place: Place) {
    let vector = thread_index(place);
    let count = 2u * arguments.length - min(vector * 4u, 2u * arguments.length);
    if count == 0u { return; }
    let known = transpose(mat4x4<f32>(
        known_of(vector * 4u), known_of(vector * 4u + 1u), known_of(vector * 4u + 2u), known_of(vector * 4u + 3u),
    ));
    let both = Both(known[0], known[1]);
    let gate = gate_in(both);
    let up = up_in(both);
    let p = parameters_at(vector);
    let is_gate = (known[3] == vec4<f32>(1.0)) != vec4<bool>(UP_FIRST);
    let dx = select(
        up_gradient_vector(gate, up, known[2], p), gate_gradient_vector(gate, up, known[2], p), is_gate,
    );
    store_first(arguments.x_skip / 4u + vector, pack(dx), count);
}
