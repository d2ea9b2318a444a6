// Pointwise family with a parameter per channel where the channels lie innermost.
//
// The tensor is a matrix whose rows hold a whole number of outer rows and of vectors. A thread owns
// one vector of columns, keeps its parameters in registers and takes ROWS rows, without a loop or a
// guard, which cost a software adapter dear. The rows left over go to a pipeline of their own, built
// with REMAINDER, whose last vector may be partial: its lanes beyond the end keep what the output holds.
//
// Its arguments are `ColumnArguments` of src/wgsl.rs.

override WORKGROUP: u32 = 64u;
override REMAINDER: bool = false;
override RAGGED: bool = true; // whether a workgroup may reach beyond the row
override ROWS: u32 = 16u; // 4, 8 or 16

@group(0) @binding(0) var<storage, read> x: array<Packed>;             // [skip + length]
@group(0) @binding(1) var<storage, read> upstream: array<Packed>;      // [skip + length]
@group(0) @binding(2) var<storage, read_write> output: array<Packed>;  // [skip + length]

// Workgroups: columns along x, groups of rows along y.
struct Place {
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
}

fn column_of(place: Place) -> u32 { return place.workgroup.x * WORKGROUP + place.thread; }

fn known_of(column: u32) -> Parameters {
    let element = column * 4u;
    let first = element - quotient(element, arguments.channels) * arguments.channels;
    let second = next(first);
    let third = next(second);
    return parameters_of(vec4<u32>(first, second, third, next(third)));
}

fn next(channel: u32) -> u32 { return select(channel + 1u, 0u, channel + 1u == arguments.channels); }

// The thread's first vector.
fn first_of(place: Place, column: u32) -> u32 {
    let split = select(place.workgroup.y, arguments.splits, REMAINDER);
    return arguments.skip + split * ROWS * arguments.vectors + column;
}

// Where the whole vectors end.
fn end() -> u32 { return arguments.skip + arguments.length / 4u; }

// The lanes of the vector behind the thread's whole ones: 0 unless the tensor ends in it.
fn lanes_left(vector: u32) -> u32 { return select(0u, arguments.length % 4u, vector == end()); }

fn store_first(vector: u32, lanes: Packed, count: u32) {
    let mask = lane_mask(count);
    output[vector] = (lanes & mask) | (output[vector] & ~mask);
}

fn forward_four(v: u32, known: Parameters) {
    let step = arguments.vectors;
    let a = x[v];
    let b = x[v + step];
    let c = x[v + 2u * step];
    let d = x[v + 3u * step];
    output[v] = forward_vector(a, known);
    output[v + step] = forward_vector(b, known);
    output[v + 2u * step] = forward_vector(c, known);
    output[v + 3u * step] = forward_vector(d, known);
}

@compute @workgroup_size(WORKGROUP)
fn forward(place: Place) {
    let column = column_of(place);
    if RAGGED && column >= arguments.vectors { return; }
    let known = known_of(column);
    var v = first_of(place, column);
    if REMAINDER {
        for (; v < end(); v += arguments.vectors) { output[v] = forward_vector(x[v], known); }
        let count = lanes_left(v);
        if count > 0u { store_first(v, forward_vector(x[v], known), count); }
    } else {
        forward_four(v, known);
        if ROWS > 4u { forward_four(v + 4u * arguments.vectors, known); }
        if ROWS > 8u {
            forward_four(v + 8u * arguments.vectors, known);
            forward_four(v + 12u * arguments.vectors, known);
        }
    }
}

fn forward_in_place_four(v: u32, known: Parameters) {
    let step = arguments.vectors;
    let a = output[v];
    let b = output[v + step];
    let c = output[v + 2u * step];
    let d = output[v + 3u * step];
    output[v] = forward_vector(a, known);
    output[v + step] = forward_vector(b, known);
    output[v + 2u * step] = forward_vector(c, known);
    output[v + 3u * step] = forward_vector(d, known);
}

@compute @workgroup_size(WORKGROUP)
fn forward_in_place(place: Place) {
    let column = column_of(place);
    if RAGGED && column >= arguments.vectors { return; }
    let known = known_of(column);
    var v = first_of(place, column);
    if REMAINDER {
        for (; v < end(); v += arguments.vectors) { output[v] = forward_vector(output[v], known); }
        let count = lanes_left(v);
        if count > 0u { store_first(v, forward_vector(output[v], known), count); }
    } else {
        forward_in_place_four(v, known);
        if ROWS > 4u { forward_in_place_four(v + 4u * arguments.vectors, known); }
        if ROWS > 8u {
            forward_in_place_four(v + 8u * arguments.vectors, known);
            forward_in_place_four(v + 12u * arguments.vectors, known);
        }
    }
}

fn backward_two(v: u32, known: Parameters) {
    let w = v + arguments.vectors;
    let a = x[v];
    let b = x[w];
    let g = upstream[v];
    let h = upstream[w];
    output[v] = backward_vector(a, g, known);
    output[w] = backward_vector(b, h, known);
}

fn backward_four(v: u32, known: Parameters) {
    backward_two(v, known);
    backward_two(v + 2u * arguments.vectors, known);
}

@compute @workgroup_size(WORKGROUP)
fn backward_pass(place: Place) {
    let column = column_of(place);
    if RAGGED && column >= arguments.vectors { return; }
    let known = known_of(column);
    var v = first_of(place, column);
    if REMAINDER {
        for (; v < end(); v += arguments.vectors) { output[v] = backward_vector(x[v], upstream[v], known); }
        let count = lanes_left(v);
        if count > 0u { store_first(v, backward_vector(x[v], upstream[v], known), count); }
    } else {
        backward_four(v, known);
        if ROWS > 4u { backward_four(v + 4u * arguments.vectors, known); }
        if ROWS > 8u {
            backward_four(v + 8u * arguments.vectors, known);
            backward_four(v + 12u * arguments.vectors, known);
        }
    }
}

fn backward_in_place_two(v: u32, known: Parameters) {
    let w = v + arguments.vectors;
    let a = x[v];
    let b = x[w];
    let g = output[v];
    let h = output[w];
    output[v] = backward_vector(a, g, known);
    output[w] = backward_vector(b, h, known);
}

fn backward_in_place_four(v: u32, known: Parameters) {
    backward_in_place_two(v, known);
    backward_in_place_two(v + 2u * arguments.vectors, known);
}

// The output holds the upstream gradient and receives dx.
@compute @workgroup_size(WORKGROUP)
fn backward_in_place(place: Place) {
    let column = column_of(place);
    if RAGGED && column >= arguments.vectors { return; }
    let known = known_of(column);
    var v = first_of(place, column);
    if REMAINDER {
        for (; v < end(); v += arguments.vectors) { output[v] = backward_vector(x[v], output[v], known); }
        let count = lanes_left(v);
        if count > 0u { store_first(v, backward_vector(x[v], output[v], known), count); }
    } else {
        backward_in_place_four(v, known);
        if ROWS > 4u { backward_in_place_four(v + 4u * arguments.vectors, known); }
        if ROWS > 8u {
            backward_in_place_four(v + 8u * arguments.vectors, known);
            backward_in_place_four(v + 12u * arguments.vectors, known);
        }
    }
}
