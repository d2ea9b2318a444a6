// Maxout over groups of channels: y is the largest of its pieces, dx is upstream at the piece that won
// and 0 at the others.
//
// Either layout is the middle axis of [rows, pieces, span]: of adjacent channels a group is a row, of
// strided ones an outer place. Five ways through it, a thread taking one vector of four lanes of y:
//   streams  span is whole vectors, and so is each piece
//   runs     the same, eight threads taking up to 64 vectors side by side, piece after piece: on
//            software adapters, which run eight threads at a time, reads would else jump to and fro
//            within a page, where caches do not foresee them
//   groups   span is 1 and the pieces of four groups are whole vectors, turned in registers
//   vectors  the same in a backward pass, a thread taking one vector of dx, of two groups or within one:
//            where neighbouring threads run at once, and best write neighbouring memory
//   lanes    any other, element by element; in the backward pass a thread takes a vector of dx
// Indices count vectors in all but the last, which counts elements. Where a row is more than a binding
// holds, its pieces come in several dispatches, CONTINUED after the first.
//
// Its arguments are `PoolingArguments` of src/family/maxout/shader.rs.

override WORKGROUP: u32 = 64u;
override PIECES: u32 = 0u; // their number where it is built in, which lets compilers unroll; else 0
override BLOCKS: u32 = 8u; // vectors that a thread of a run takes, 1 to 8
override CONTINUED: bool = false;

@group(0) @binding(0) var<storage, read> input: array<Packed>;             // x [rows, pieces, span] or upstream [rows, span]
@group(0) @binding(1) var<storage, read> input_words: array<u32>;          // the same for access by the element
@group(0) @binding(2) var<storage, read_write> output: array<Packed>;      // y [rows, span] or dx [rows, pieces, span]
@group(0) @binding(3) var<storage, read_write> winners: array<Index>;      // [rows, span]
@group(0) @binding(4) var<storage, read> known_winners: array<Index>;      // [rows, span]

struct Place {
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
}

// Workgroups fold into two dimensions past 65,535.
fn thread_index(place: Place) -> u32 {
    return (place.workgroup.y * place.workgroups.x + place.workgroup.x) * WORKGROUP + place.thread;
}

fn pieces() -> u32 { return select(arguments.pieces, PIECES, PIECES > 0u); }

fn x_of(index: u32) -> u32 {
    return arguments.x_skip + index + quotient(index, arguments.span) * arguments.jump;
}

fn best_so_far(index: u32) -> Best {
    if !CONTINUED { return none_yet(); }
    let lanes = stored(output[index]);
    return Best(lanes, order_of(lanes, INFINITY), unpack_index(winners[index]));
}

fn finish(index: u32, best: Best) {
    output[index] = from_stored(best.lanes);
    winners[index] = pack_index(best.pieces);
}

@compute @workgroup_size(WORKGROUP)
fn forward_streams(place: Place) {
    let index = thread_index(place);
    if index >= arguments.count { return; }
    let x = x_of(index);
    var best = best_so_far(arguments.y_skip + index);
    for (var piece = 0u; piece < pieces(); piece++) {
        best = better(best, stored(input[x + piece * arguments.stride]), arguments.first_piece + piece, INFINITY);
    }
    finish(arguments.y_skip + index, best);
}

// The vectors of a run that a thread has, eight apart, so that eight threads read side by side.
struct Run { a: Best, b: Best, c: Best, d: Best, e: Best, f: Best, g: Best, h: Best }

fn block_so_far(y: u32, block: u32) -> Best {
    if block >= BLOCKS { return none_yet(); }
    return best_so_far(y + block * 8u);
}

fn better_block(best: Best, x: u32, block: u32, piece: u32) -> Best {
    if block >= BLOCKS { return best; }
    return better(best, stored(input[x + block * 8u]), piece, INFINITY);
}

fn finish_block(y: u32, block: u32, best: Best) {
    if block < BLOCKS { finish(y + block * 8u, best); }
}

@compute @workgroup_size(WORKGROUP)
fn forward_runs(place: Place) {
    let thread = thread_index(place);
    let index = thread / 8u * (8u * BLOCKS) + thread % 8u;
    if index >= arguments.count { return; }
    let x = x_of(index);
    let y = arguments.y_skip + index;
    var run = Run(
        block_so_far(y, 0u), block_so_far(y, 1u), block_so_far(y, 2u), block_so_far(y, 3u),
        block_so_far(y, 4u), block_so_far(y, 5u), block_so_far(y, 6u), block_so_far(y, 7u),
    );
    for (var i = 0u; i < pieces(); i++) {
        let at = x + i * arguments.stride;
        let piece = arguments.first_piece + i;
        run = Run(
            better_block(run.a, at, 0u, piece), better_block(run.b, at, 1u, piece),
            better_block(run.c, at, 2u, piece), better_block(run.d, at, 3u, piece),
            better_block(run.e, at, 4u, piece), better_block(run.f, at, 5u, piece),
            better_block(run.g, at, 6u, piece), better_block(run.h, at, 7u, piece),
        );
    }
    finish_block(y, 0u, run.a);
    finish_block(y, 1u, run.b);
    finish_block(y, 2u, run.c);
    finish_block(y, 3u, run.d);
    finish_block(y, 4u, run.e);
    finish_block(y, 5u, run.f);
    finish_block(y, 6u, run.g);
    finish_block(y, 7u, run.h);
}

@compute @workgroup_size(WORKGROUP)
fn forward_groups(place: Place) {
    let index = thread_index(place);
    if index >= arguments.count { return; }
    let x = arguments.x_skip + index * pieces();
    var best = none_yet();
    if PIECES == 2u {
        let a = stored(input[x]);
        let b = stored(input[x + 1u]);
        best = better(best, vec4<u32>(a.xz, b.xz), 0u, INFINITY);
        best = better(best, vec4<u32>(a.yw, b.yw), 1u, INFINITY);
    } else if PIECES == 3u {
        let a = stored(input[x]);
        let b = stored(input[x + 1u]);
        let c = stored(input[x + 2u]);
        best = better(best, vec4<u32>(a.xw, b.z, c.y), 0u, INFINITY);
        best = better(best, vec4<u32>(a.y, b.xw, c.z), 1u, INFINITY);
        best = better(best, vec4<u32>(a.z, b.y, c.xw), 2u, INFINITY);
    } else {
        let vectors = pieces() / 4u; // of a group
        for (var v = 0u; v < vectors; v++) {
            let a = stored(input[x + v]);
            let b = stored(input[x + vectors + v]);
            let c = stored(input[x + 2u * vectors + v]);
            let d = stored(input[x + 3u * vectors + v]);
            best = better(best, vec4<u32>(a.x, b.x, c.x, d.x), 4u * v, INFINITY);
            best = better(best, vec4<u32>(a.y, b.y, c.y, d.y), 4u * v + 1u, INFINITY);
            best = better(best, vec4<u32>(a.z, b.z, c.z, d.z), 4u * v + 2u, INFINITY);
            best = better(best, vec4<u32>(a.w, b.w, c.w, d.w), 4u * v + 3u, INFINITY);
        }
    }
    finish(arguments.y_skip + index, best);
}

// Lanes outside the elements from `skip` on share the place of the nearest inside.
fn within(element: u32, skip: u32) -> u32 {
    return clamp(element, skip, skip + arguments.count - 1u) - skip;
}

fn x_at(element: u32) -> u32 { return stored_at(input_words[word_of(element)], element); }

@compute @workgroup_size(WORKGROUP)
fn forward_lanes(place: Place) {
    let vector = arguments.y_skip / 4u + thread_index(place);
    let first = vector * 4u;
    let end = arguments.y_skip + arguments.count;
    if first >= end { return; }
    let x = vec4<u32>(
        x_of(within(first, arguments.y_skip)), x_of(within(first + 1u, arguments.y_skip)),
        x_of(within(first + 2u, arguments.y_skip)), x_of(within(first + 3u, arguments.y_skip)),
    );
    var best = best_so_far(vector);
    for (var piece = 0u; piece < pieces(); piece++) {
        let at = x + vec4<u32>(piece * arguments.stride);
        let lanes = vec4<u32>(x_at(at.x), x_at(at.y), x_at(at.z), x_at(at.w));
        best = better(best, lanes, arguments.first_piece + piece, INFINITY);
    }
    // Lanes outside keep what is there.
    let before = max(arguments.y_skip, first) - first;
    let mask = lane_mask(end - first) & ~lane_mask(before);
    output[vector] = (from_stored(best.lanes) & mask) | (output[vector] & ~mask);
    let won = index_mask(end - first) & ~index_mask(before);
    winners[vector] = (pack_index(best.pieces) & won) | (winners[vector] & ~won);
}

fn where_won(upstream: vec4<u32>, winner: vec4<u32>, piece: vec4<u32>) -> Packed {
    return from_stored(select(vec4<u32>(0u), upstream, winner == piece));
}

@compute @workgroup_size(WORKGROUP)
fn backward_streams(place: Place) {
    let index = thread_index(place);
    if index >= arguments.count { return; }
    let g = stored(input[arguments.y_skip + index]);
    let winner = unpack_index(known_winners[arguments.y_skip + index]);
    let x = x_of(index);
    for (var piece = 0u; piece < pieces(); piece++) {
        output[x + piece * arguments.stride] = where_won(g, winner, vec4<u32>(arguments.first_piece + piece));
    }
}

@compute @workgroup_size(WORKGROUP)
fn backward_groups(place: Place) {
    let index = thread_index(place);
    if index >= arguments.count { return; }
    let g = stored(input[arguments.y_skip + index]);
    let winner = unpack_index(known_winners[arguments.y_skip + index]);
    let x = arguments.x_skip + index * pieces();
    if PIECES == 2u {
        let both = vec4<u32>(0u, 1u, 0u, 1u);
        output[x] = where_won(g.xxyy, winner.xxyy, both);
        output[x + 1u] = where_won(g.zzww, winner.zzww, both);
    } else if PIECES == 3u {
        output[x] = where_won(g.xxxy, winner.xxxy, vec4<u32>(0u, 1u, 2u, 0u));
        output[x + 1u] = where_won(g.yyzz, winner.yyzz, vec4<u32>(1u, 2u, 0u, 1u));
        output[x + 2u] = where_won(g.zwww, winner.zwww, vec4<u32>(2u, 0u, 1u, 2u));
    } else {
        let vectors = pieces() / 4u; // of a group
        for (var v = 0u; v < vectors; v++) {
            let four = vec4<u32>(4u * v) + vec4<u32>(0u, 1u, 2u, 3u);
            output[x + v] = where_won(g.xxxx, winner.xxxx, four);
            output[x + vectors + v] = where_won(g.yyyy, winner.yyyy, four);
            output[x + 2u * vectors + v] = where_won(g.zzzz, winner.zzzz, four);
            output[x + 3u * vectors + v] = where_won(g.wwww, winner.wwww, four);
        }
    }
}

@compute @workgroup_size(WORKGROUP)
fn backward_vectors(place: Place) {
    let vector = thread_index(place); // of dx, from the first
    if vector >= arguments.count * pieces() { return; }
    let first = arguments.y_skip * 4u;
    if PIECES == 2u {
        let y = first + vector * 2u;
        let winner = vec4<u32>(index_at(known_winners[y / 4u], y), index_at(known_winners[y / 4u], y + 1u), 0u, 0u);
        let g = vec2<u32>(stored_at(input_words[word_of(y)], y), stored_at(input_words[word_of(y + 1u)], y + 1u));
        output[arguments.x_skip + vector] = where_won(g.xxyy, winner.xxyy, vec4<u32>(0u, 1u, 0u, 1u));
    } else {
        let group = vector / (pieces() / 4u);
        let y = first + group;
        let winner = vec4<u32>(index_at(known_winners[y / 4u], y));
        let g = vec4<u32>(stored_at(input_words[word_of(y)], y));
        let four = vec4<u32>(4u * vector - group * pieces()) + vec4<u32>(0u, 1u, 2u, 3u);
        output[arguments.x_skip + vector] = where_won(g, winner, four);
    }
}

// What dx is at an element, given as its place from the first on.
fn dx_at(place: u32) -> u32 {
    let row = quotient(place, arguments.span * pieces());
    let in_row = place - row * arguments.span * pieces();
    let piece = quotient(in_row, arguments.span);
    let y = arguments.y_skip + row * arguments.span + in_row - piece * arguments.span;
    let wins = index_at(known_winners[y / 4u], y) == arguments.first_piece + piece;
    return select(0u, stored_at(input_words[word_of(y)], y), wins);
}

@compute @workgroup_size(WORKGROUP)
fn backward_lanes(place: Place) {
    let vector = arguments.x_skip / 4u + thread_index(place);
    let first = vector * 4u;
    let end = arguments.x_skip + arguments.count;
    if first >= end { return; }
    let lanes = from_stored(vec4<u32>(
        dx_at(within(first, arguments.x_skip)), dx_at(within(first + 1u, arguments.x_skip)),
        dx_at(within(first + 2u, arguments.x_skip)), dx_at(within(first + 3u, arguments.x_skip)),
    ));
    let mask = lane_mask(end - first) & ~lane_mask(max(arguments.x_skip, first) - first);
    output[vector] = (lanes & mask) | (output[vector] & ~mask);
}
