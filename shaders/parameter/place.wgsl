// The channels of a vector's lanes where the tensor is [outer, channels, inner]: two divisions for
// the first lane, the others follow by carrying.
fn parameters_at(vector: u32) -> Parameters {
    let place = vector * 4u + arguments.inner_start;
    let plane = place / arguments.inner;
    var inner = place - plane * arguments.inner;
    var channel = (plane + arguments.channel_start) % arguments.channels;
    var channels = vec4<u32>(channel);
    advance(&inner, &channel);
    channels.y = channel;
    advance(&inner, &channel);
    channels.z = channel;
    advance(&inner, &channel);
    channels.w = channel;
    return parameters_of(channels);
}

fn advance(inner: ptr<function, u32>, channel: ptr<function, u32>) {
    let wraps = *inner + 1u == arguments.inner;
    *inner = select(*inner + 1u, 0u, wraps);
    let next = select(*channel, *channel + 1u, wraps);
    *channel = select(next, 0u, next == arguments.channels);
}
