// Maxout over affine maps, y[n, m] = max over i of (sum over d of x[n, d] W[i, d, m] + b[i, m]), and its
// gradients, which go to the map that won alone.
//
// Rows of every tensor are padded with zeros to whole vectors. What the maps give is never stored: a
// thread holds four rows by four columns of it, map after map. Sums run in blocks of 32 terms and runs
// of 32 blocks, so that rounding errors stay few.
//
// Its arguments are `AffineArguments` of src/family/maxout/shader.rs.

// Of sums along a row, in vectors.
const BLOCK: u32 = 8u;
const RUN: u32 = 256u;
// Of sums over rows.
const ROW_BLOCK: u32 = 32u;
const ROW_RUN: u32 = 1024u;

const F32_INFINITY: u32 = 0x7f800000u;

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> x: array<Packed>;                   // [rows, inputs]
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;           // [pieces, inputs x 4, outputs]; in backward_x [pieces, outputs x 4, inputs]
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;             // [pieces, outputs]
@group(0) @binding(3) var<storage, read_write> output: array<Packed>;        // y [rows, outputs] or dx [rows, inputs]
@group(0) @binding(4) var<storage, read_write> winners: array<Index>;        // [rows, outputs]
@group(0) @binding(5) var<storage, read> known_winners: array<Index>;        // [rows, outputs]
@group(0) @binding(6) var<storage, read> upstream: array<Packed>;            // [rows, outputs]
@group(0) @binding(7) var<storage, read_write> partials: array<vec4<f32>>;   // [splits, pieces, inputs x 4 + 4, outputs]
@group(0) @binding(8) var<storage, read> known_partials: array<vec4<f32>>;   // the same
@group(0) @binding(9) var<storage, read_write> sums: array<vec4<f32>>;       // [pieces, inputs x 4 + 4, outputs]

struct Place {
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
}

// Workgroups fold into two dimensions past 65,535.
fn thread_index(place: Place) -> u32 {
    return (place.workgroup.y * place.workgroups.x + place.workgroup.x) * WORKGROUP + place.thread;
}

// Four rows, or four inputs, by four columns.
struct Tile { a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32> }

fn no_tile() -> Tile {
    return Tile(vec4<f32>(0.0), vec4<f32>(0.0), vec4<f32>(0.0), vec4<f32>(0.0));
}

fn plus(s: Tile, t: Tile) -> Tile { return Tile(s.a + t.a, s.b + t.b, s.c + t.c, s.d + t.d); }

// Four terms of a row's sum, one for each lane of x.
fn row_terms(x: vec4<f32>, w: Tile) -> vec4<f32> {
    return (x.x * w.a + x.y * w.b) + (x.z * w.c + x.w * w.d);
}

// Where each of the thread's four rows begins; beyond the last it is the last.
fn starts(row: u32, pitch: u32, skip: u32) -> vec4<u32> {
    let rows = min(vec4<u32>(row) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(arguments.rows - 1u));
    return vec4<u32>(skip) + rows * pitch;
}

// What a map gives for four rows and four columns.
fn affine(rows: vec4<u32>, piece: u32, column: u32) -> Tile {
    let step = arguments.outputs;
    let first = piece * arguments.inputs * 4u * step + column;
    var total = no_tile();
    for (var run = 0u; run < arguments.inputs; run += RUN) {
        var sum = no_tile();
        for (var block = run; block < min(run + RUN, arguments.inputs); block += BLOCK) {
            var part = no_tile();
            for (var d = block; d < min(block + BLOCK, arguments.inputs); d++) {
                let at = first + d * 4u * step;
                let w = Tile(weight[at], weight[at + step], weight[at + 2u * step], weight[at + 3u * step]);
                part.a += row_terms(unpack(x[rows.x + d]), w);
                part.b += row_terms(unpack(x[rows.y + d]), w);
                part.c += row_terms(unpack(x[rows.z + d]), w);
                part.d += row_terms(unpack(x[rows.w + d]), w);
            }
            sum = plus(sum, part);
        }
        total = plus(total, sum);
    }
    let b = bias[piece * step + column];
    return plus(total, Tile(b, b, b, b));
}

fn finish(row: u32, column: u32, best: Best) {
    if row >= arguments.rows { return; }
    let at = arguments.y_skip + row * arguments.outputs + column;
    output[at] = pack(bitcast<vec4<f32>>(best.lanes));
    winners[at] = pack_index(best.pieces);
}

fn better_of(best: Best, lanes: vec4<f32>, piece: u32) -> Best {
    return better(best, bitcast<vec4<u32>>(lanes), piece, F32_INFINITY);
}

@compute @workgroup_size(WORKGROUP)
fn forward(place: Place) {
    let index = thread_index(place);
    let row = index / arguments.outputs * 4u;
    let column = index % arguments.outputs;
    if row >= arguments.rows { return; }
    let rows = starts(row, arguments.inputs, arguments.x_skip);
    var a = none_yet();
    var b = none_yet();
    var c = none_yet();
    var d = none_yet();
    for (var piece = 0u; piece < arguments.pieces; piece++) {
        let tile = affine(rows, piece, column);
        a = better_of(a, tile.a, piece);
        b = better_of(b, tile.b, piece);
        c = better_of(c, tile.c, piece);
        d = better_of(d, tile.d, piece);
    }
    finish(row, column, a);
    finish(row + 1u, column, b);
    finish(row + 2u, column, c);
    finish(row + 3u, column, d);
}

// dx[n, d] = sum over m of upstream[n, m] W[winner[n, m], d, m]: a thread takes one row and four inputs,
// whose weights lie side by side in W transposed.
@compute @workgroup_size(WORKGROUP)
fn backward_x(place: Place) {
    let index = thread_index(place);
    let row = index / arguments.inputs;
    let input = index % arguments.inputs;
    if row >= arguments.rows { return; }
    let start = arguments.y_skip + row * arguments.outputs;
    var total = vec4<f32>(0.0);
    for (var run = 0u; run < arguments.outputs; run += RUN) {
        var sum = vec4<f32>(0.0);
        for (var block = run; block < min(run + RUN, arguments.outputs); block += BLOCK) {
            var part = vec4<f32>(0.0);
            for (var m = block; m < min(block + BLOCK, arguments.outputs); m++) {
                let g = unpack(upstream[start + m]);
                let columns = vec4<u32>(m * 4u) + vec4<u32>(0u, 1u, 2u, 3u);
                let maps = unpack_index(known_winners[start + m]) * (arguments.outputs * 4u) + columns;
                let at = maps * arguments.inputs + vec4<u32>(input);
                part += row_terms(g, Tile(weight[at.x], weight[at.y], weight[at.z], weight[at.w]));
            }
            sum += part;
        }
        total += sum;
    }
    output[arguments.x_skip + row * arguments.inputs + input] = pack(total);
}

// Upstream times each of four inputs, where the map has won.
fn outer_terms(x: vec4<f32>, g: vec4<f32>, won: vec4<bool>) -> Tile {
    let zero = vec4<f32>(0.0);
    return Tile(
        select(zero, x.x * g, won), select(zero, x.y * g, won),
        select(zero, x.z * g, won), select(zero, x.w * g, won),
    );
}

// Sums over rows of x[n, d] upstream[n, m] where a map has won: a thread takes four inputs by four
// columns of one map over the rows of its split. Behind the inputs comes one that is 1, for the bias.
@compute @workgroup_size(WORKGROUP)
fn backward_weight(place: Place) {
    let index = thread_index(place);
    let column = index % arguments.outputs;
    let tiles = arguments.inputs + 1u;
    let input = index / arguments.outputs % tiles;
    let map = index / arguments.outputs / tiles; // of all splits
    let split = map / arguments.pieces;
    let piece = map - split * arguments.pieces;
    if split >= arguments.splits { return; }
    let is_bias = input == arguments.inputs;
    let end = min((split + 1u) * arguments.per_split, arguments.rows);
    var total = no_tile();
    for (var run = split * arguments.per_split; run < end; run += ROW_RUN) {
        var sum = no_tile();
        for (var block = run; block < min(run + ROW_RUN, end); block += ROW_BLOCK) {
            var part = no_tile();
            for (var row = block; row < min(block + ROW_BLOCK, end); row++) {
                let y = arguments.y_skip + row * arguments.outputs + column;
                let from_x = arguments.x_skip + row * arguments.inputs + input;
                let lanes = unpack(x[select(from_x, arguments.x_skip, is_bias)]);
                let one = vec4<f32>(1.0, 0.0, 0.0, 0.0);
                let won = unpack_index(known_winners[y]) == vec4<u32>(piece);
                part = plus(part, outer_terms(select(lanes, one, is_bias), unpack(upstream[y]), won));
            }
            sum = plus(sum, part);
        }
        total = plus(total, sum);
    }
    let at = (map * tiles + input) * 4u * arguments.outputs + column;
    partials[at] = total.a;
    partials[at + arguments.outputs] = total.b;
    partials[at + 2u * arguments.outputs] = total.c;
    partials[at + 3u * arguments.outputs] = total.d;
}

@compute @workgroup_size(WORKGROUP)
fn merge(place: Place) {
    let index = thread_index(place);
    let pitch = arguments.pieces * (arguments.inputs + 1u) * 4u * arguments.outputs;
    if index >= pitch { return; }
    var sum = vec4<f32>(0.0);
    for (var block = 0u; block < arguments.splits; block += ROW_BLOCK) {
        var part = vec4<f32>(0.0);
        for (var split = block; split < min(block + ROW_BLOCK, arguments.splits); split++) {
            part += known_partials[split * pitch + index];
        }
        sum += part;
    }
    if arguments.add == 1u { sum += sums[index]; }
    sums[index] = sum;
}
