// Parameters per channel, those of four lanes.
fn parameters_of(channel: vec4<u32>) -> Parameters {
    return Parameters(
        parameter_of(channel.x), parameter_of(channel.y), parameter_of(channel.z), parameter_of(channel.w),
    );
}
