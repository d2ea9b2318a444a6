// What each channel has: the function says what that is.
@group(0) @binding(3) var<storage, read> parameters: array<Parameter>; // [channels]

fn parameter_of(channel: u32) -> Parameter { return parameters[channel]; }
fn value_at(x: f32, parameter: Parameter) -> f32 { return value(x, parameter); }
fn backward_at(x: f32, upstream: f32, parameter: Parameter) -> f32 { return backward(x, upstream, parameter); }
