// One parameter per channel, a number or what else the activation makes of it.
@group(0) @binding(3) var<storage, read> parameters: array<Parameter>; // [channels]

// Those of four lanes.
struct Parameters { x: Parameter, y: Parameter, z: Parameter, w: Parameter }

fn parameters_of(channel: vec4<u32>) -> Parameters {
    return Parameters(parameters[channel.x], parameters[channel.y], parameters[channel.z], parameters[channel.w]);
}

fn value_at(x: f32, parameter: Parameter) -> f32 { return value(x, parameter); }
fn backward_at(x: f32, upstream: f32, parameter: Parameter) -> f32 { return backward(x, upstream, parameter); }
