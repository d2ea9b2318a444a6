// Sums of terms(x, upstream, parameter): the gradients of parameters.
@group(0) @binding(0) var<storage, read> x: array<Packed>;        // [skip + length]
@group(0) @binding(1) var<storage, read> upstream: array<Packed>; // [skip + length]

alias Partial = Terms;

struct Item { x: Packed, upstream: Packed }
fn item(vector: u32) -> Item { return Item(x[vector], upstream[vector]); }
fn item_at(element: u32, last: u32) -> Item {
    let second = min(element + 1u, last);
    let third = min(element + 2u, last);
    let fourth = min(element + 3u, last);
    return Item(
        pack(vec4<f32>(x_lane(element), x_lane(second), x_lane(third), x_lane(fourth))),
        pack(vec4<f32>(
            upstream_lane(element), upstream_lane(second), upstream_lane(third), upstream_lane(fourth),
        )),
    );
}
fn x_lane(element: u32) -> f32 { return unpack(x[element / 4u])[element % 4u]; }
fn upstream_lane(element: u32) -> f32 { return unpack(upstream[element / 4u])[element % 4u]; }

alias Context = Parameters;
fn context(channel: vec4<u32>) -> Context { return parameters_of(channel); }

alias Lanes = Partials;
fn begin(first: Item) -> Lanes { return Lanes(Terms(), Terms(), Terms(), Terms()); }

fn alone(a: Item, known: Context) -> Partials {
    let x = unpack(a.x);
    let g = unpack(a.upstream);
    return Partials(
        term(x.x, g.x, known.x), term(x.y, g.y, known.y), term(x.z, g.z, known.z), term(x.w, g.w, known.w),
    );
}
// NaN in x or upstream makes the term NaN.
fn term(x: f32, upstream: f32, parameter: Parameter) -> Terms {
    let product = terms(x, upstream, parameter);
    return select(select(product, Terms(upstream), is_nan(upstream)), Terms(x), is_nan(x));
}

fn sum(a: Partials, b: Partials) -> Partials { return Partials(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w); }
fn add_one(lanes: Lanes, a: Item, known: Context) -> Lanes { return sum(lanes, alone(a, known)); }
fn add_four(lanes: Lanes, a: Item, b: Item, c: Item, d: Item, known: Context) -> Lanes {
    return sum(lanes, sum(sum(alone(a, known), alone(b, known)), sum(alone(c, known), alone(d, known))));
}

fn finish(lanes: Lanes) -> Partials { return lanes; }
fn join(a: Partial, b: Partial) -> Partial { return a + b; }

// No walk is taken again.
fn beyond(a: Partials) -> bool { return false; }
fn use_small_numbers(small: bool) {}
fn mended(a: Partials, again: Partials) -> Partials { return a; }
