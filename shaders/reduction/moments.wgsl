// Count, mean and M2, the sum of squared deviations from the mean.
//
// Deviations are taken from the running mean, which starts at the first element: a constant channel
// has deviations of exactly 0, and an outlier in front does no harm.
@group(0) @binding(0) var<storage, read> x: array<Packed>; // [skip + length]

struct Partial { count: f32, mean: f32, m2: f32, unused: f32 }

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

struct Lanes { count: f32, mean: vec4<f32>, m2: vec4<f32> }
fn begin(first: Item) -> Lanes { return Lanes(0.0, first, vec4<f32>(0.0)); }

fn add_one(lanes: Lanes, a: Item, known: Context) -> Lanes {
    let count = lanes.count + 1.0;
    let d = a - lanes.mean;
    let mean = lanes.mean + d / count;
    return Lanes(count, mean, lanes.m2 + d * (a - mean));
}

// With S the sum of the four's deviations and Q that of their squares: mean += S / n, M2 += Q - S^2 / n.
fn add_four(lanes: Lanes, a: Item, b: Item, c: Item, d: Item, known: Context) -> Lanes {
    let e = a - lanes.mean;
    let f = b - lanes.mean;
    let g = c - lanes.mean;
    let h = d - lanes.mean;
    let count = lanes.count + 4.0;
    let sum = (e + f) + (g + h);
    let share = sum * (1.0 / count);
    let squares = (e * e + f * f) + (g * g + h * h);
    return Lanes(count, lanes.mean + share, lanes.m2 + (squares - sum * share));
}

fn finish(lanes: Lanes) -> Partials {
    return Partials(
        Partial(lanes.count, lanes.mean.x, lanes.m2.x, 0.0),
        Partial(lanes.count, lanes.mean.y, lanes.m2.y, 0.0),
        Partial(lanes.count, lanes.mean.z, lanes.m2.z, 0.0),
        Partial(lanes.count, lanes.mean.w, lanes.m2.w, 0.0),
    );
}

fn alone(a: Item, known: Context) -> Partials {
    return Partials(
        Partial(1.0, a.x, 0.0, 0.0), Partial(1.0, a.y, 0.0, 0.0),
        Partial(1.0, a.z, 0.0, 0.0), Partial(1.0, a.w, 0.0, 0.0),
    );
}

// Chan, Golub, LeVeque 1979.
fn join(a: Partial, b: Partial) -> Partial {
    if b.count == 0.0 { return a; }
    if a.count == 0.0 { return b; }
    let count = a.count + b.count;
    let share = b.count / count;
    let delta = b.mean - a.mean;
    return Partial(count, a.mean + delta * share, a.m2 + b.m2 + delta * share * delta * a.count, 0.0);
}

