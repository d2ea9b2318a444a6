// Count, mean and M2, the sum of squared deviations from the mean.
//
// The mean is a sum of two numbers, one of the elements and the mean of the deviations from it, so that what is taken
// from the mean keeps the digits that it has. A constant channel has deviations of exactly 0.
@group(0) @binding(0) var<storage, read> x: array<Packed>; // [skip + length]

// The mean is mean + rest; M2 is held as m2.wgsl says.
struct Partial { count: f32, mean: f32, m2: f32, rest: f32 }

const STEEP = 1.12589991e15; // deviations from here on are squared by 2^-80 of them

// What elements are multiplied by: SMALL where a walk is taken again whose M2 has left f32's range.
var<private> scale: f32 = 1.0;

alias Item = vec4<f32>;
fn item(vector: u32) -> Item { return scaled(unpack(x[vector])); }
// By bits, to keep Mesa 22.3 from merging the product with the differences that follow.
fn scaled(lanes: vec4<f32>) -> vec4<f32> {
    if scale == 1.0 { return lanes; }
    let bits = bitcast<vec4<u32>>(lanes * scale);
    let least = max(bits & vec4<u32>(0x7fffffffu), vec4<u32>(1u));
    return bitcast<vec4<f32>>(least | (bits & vec4<u32>(0x80000000u)));
}
fn item_at(element: u32, last: u32) -> Item {
    return vec4<f32>(
        lane(element), lane(min(element + 1u, last)), lane(min(element + 2u, last)), lane(min(element + 3u, last)),
    );
}
fn lane(element: u32) -> f32 { return item(element / 4u)[element % 4u]; }

alias Context = u32;
fn context(channel: vec4<u32>) -> Context { return 0u; }

struct Lanes { count: f32, mean: vec4<f32>, rest: vec4<f32>, m2: vec4<f32> }
fn begin(first: Item) -> Lanes { return Lanes(0.0, first, vec4<f32>(0.0), vec4<f32>(0.0)); }
fn deviation(a: Item, lanes: Lanes) -> vec4<f32> { return (a - lanes.mean) - lanes.rest; }

fn add_one(lanes: Lanes, a: Item, known: Context) -> Lanes {
    let count = lanes.count + 1.0;
    let d = deviation(a, lanes);
    let share = d / count;
    return Lanes(count, lanes.mean, lanes.rest + share, lanes.m2 + d * (d - share));
}

// With S the sum of the four's deviations and Q that of their squares: mean += S / n, M2 += Q - S^2 / n.
fn add_four(lanes: Lanes, a: Item, b: Item, c: Item, d: Item, known: Context) -> Lanes {
    let e = deviation(a, lanes);
    let f = deviation(b, lanes);
    let g = deviation(c, lanes);
    let h = deviation(d, lanes);
    let count = lanes.count + 4.0;
    let sum = (e + f) + (g + h);
    let share = sum * (1.0 / count);
    let squares = (e * e + f * f) + (g * g + h * h);
    return Lanes(count, lanes.mean, lanes.rest + share, lanes.m2 + (squares - sum * share));
}

// Of elements as they are scaled.
fn partial_of(count: f32, mean: f32, m2: f32, rest: f32) -> Partial {
    if scale == 1.0 { return Partial(count, mean, m2, rest); }
    return Partial(count, mean * LARGE, -m2, rest * LARGE);
}

fn finish(lanes: Lanes) -> Partials {
    return Partials(
        partial_of(lanes.count, lanes.mean.x, lanes.m2.x, lanes.rest.x),
        partial_of(lanes.count, lanes.mean.y, lanes.m2.y, lanes.rest.y),
        partial_of(lanes.count, lanes.mean.z, lanes.m2.z, lanes.rest.z),
        partial_of(lanes.count, lanes.mean.w, lanes.m2.w, lanes.rest.w),
    );
}

fn alone(a: Item, known: Context) -> Partials {
    return Partials(
        partial_of(1.0, a.x, 0.0, 0.0), partial_of(1.0, a.y, 0.0, 0.0),
        partial_of(1.0, a.z, 0.0, 0.0), partial_of(1.0, a.w, 0.0, 0.0),
    );
}

// Whether an M2 has left f32's range, or there is NaN or infinity among the elements, and what to do about it: to take
// the walk again with smaller numbers, for the lanes that need it.
fn is_beyond(a: Partial) -> bool { return (bitcast<u32>(a.m2) & 0x7f800000u) == 0x7f800000u; }
fn beyond(a: Partials) -> bool { return is_beyond(a.x) || is_beyond(a.y) || is_beyond(a.z) || is_beyond(a.w); }
fn use_small_numbers(small: bool) { scale = select(1.0, SMALL, small); }
fn mended(a: Partials, again: Partials) -> Partials {
    var lanes = a;
    if is_beyond(a.x) { lanes.x = again.x; }
    if is_beyond(a.y) { lanes.y = again.y; }
    if is_beyond(a.z) { lanes.z = again.z; }
    if is_beyond(a.w) { lanes.w = again.w; }
    return lanes;
}

// Chan, Golub, LeVeque 1979. The element that lies nearer to its mean goes on: an outlier in front does no harm.
fn join(a: Partial, b: Partial) -> Partial {
    if b.count == 0.0 { return a; }
    if a.count == 0.0 { return b; }
    let count = a.count + b.count;
    let share = b.count / count;
    let mean = select(b.mean, a.mean, abs(a.rest) <= abs(b.rest));
    let from_mean = (a.mean - mean) + a.rest;
    let delta = ((b.mean - mean) + b.rest) - from_mean;
    var m2 = a.m2 + b.m2 + delta * share * delta * a.count;
    if min(a.m2, b.m2) < 0.0 || max(a.m2, b.m2) > LARGE || abs(delta) > STEEP {
        let d = delta * SMALL;
        m2 = -(small_m2(a.m2) + small_m2(b.m2) + d * share * d * a.count);
    }
    return Partial(count, mean, m2, from_mean + delta * share);
}

// 2^-160 of an M2.
fn small_m2(m2: f32) -> f32 { return select(times_twice(m2, SMALL), -m2, m2 < 0.0); }
