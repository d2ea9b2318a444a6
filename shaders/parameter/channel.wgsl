// One parameter per channel of the tensor seen as [outer, channels, inner].
@group(0) @binding(3) var<storage, read> parameters: array<f32>; // [channels]

// The parameters of the four lanes of a vector: two divisions for the first lane, the others
// follow by carrying.
fn parameters_at(vector: u32) -> vec4<f32> {
    let place = vector * 4u + arguments.inner_start;
    let plane = place / arguments.inner;
    var inner = place - plane * arguments.inner;
    var channel = (plane + arguments.channel_start) % arguments.channels;
    let first = parameters[channel];
    advance(&inner, &channel);
    let second = parameters[channel];
    advance(&inner, &channel);
    let third = parameters[channel];
    advance(&inner, &channel);
    return vec4<f32>(first, second, third, parameters[channel]);
}

fn advance(inner: ptr<function, u32>, channel: ptr<function, u32>) {
    let wraps = *inner + 1u == arguments.inner;
    *inner = select(*inner + 1u, 0u, wraps);
    let next = select(*channel, *channel + 1u, wraps);
    *channel = select(next, 0u, next == arguments.channels);
}

fn value_at(x: f32, parameter: f32) -> f32 { return value(x, parameter); }
fn backward_at(x: f32, upstream: f32, parameter: f32) -> f32 { return backward(x, upstream, parameter); }
