// Count, mean and M2, the sum of squared deviations from the mean.
//
// The mean is a sum of two numbers, one of the elements and the mean of the deviations from it, so that what is taken
// from the mean keeps the digits that it has. A constant channel has deviations of exactly 0.
@group(0) @binding(0) var<storage, read> x: array<Packed>; // [skip + length]

struct Partial { count: f32, mean: f32, m2: f32, rest: f32 } // the mean is mean + rest

alias Item = vec4<f32>;
fn item(vector: u32) -> Item { return unpack(x[vector]); }
fn item_at(element: u32, last: u32) -> Item {
    return vec4<f32>(
        lane(element), lane(min(element + 1u, last)), lane(min(element + 2u, last)), lane(min(element + 3u, last)),
    );
}
fn lane(element: u32) -> f32 { return unpack(x[element / 4u])[element % 4u]; }

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

fn finish(lanes: Lanes) -> Partials {
    return Partials(
        Partial(lanes.count, lanes.mean.x, lanes.m2.x, lanes.rest.x),
        Partial(lanes.count, lanes.mean.y, lanes.m2.y, lanes.rest.y),
        Partial(lanes.count, lanes.mean.z, lanes.m2.z, lanes.rest.z),
        Partial(lanes.count, lanes.mean.w, lanes.m2.w, lanes.rest.w),
    );
}

fn alone(a: Item, known: Context) -> Partials {
    return Partials(
        Partial(1.0, a.x, 0.0, 0.0), Partial(1.0, a.y, 0.0, 0.0),
        Partial(1.0, a.z, 0.0, 0.0), Partial(1.0, a.w, 0.0, 0.0),
    );
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
    return Partial(count, mean, a.m2 + b.m2 + delta * share * delta * a.count, from_mean + delta * share);
}

