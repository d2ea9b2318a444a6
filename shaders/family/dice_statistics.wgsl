// What Dice knows of each channel: from the moments of a batch, which also move the running
// statistics, or from the running statistics; and the means that its backward pass needs.
//
// Its arguments are `StatisticsArguments` of src/family/dice/shader.rs.

struct Moments { count: f32, mean: f32, m2: f32, rest: f32 } // as `Partial` of shaders/reduction/moments.wgsl
struct Parameter { mean: f32, rest: f32, inverse: f32, alpha: f32, mean_k: f32, mean_kz: f32 }

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> moments: array<Moments>;                // [channels]
@group(0) @binding(1) var<storage, read> alpha: array<f32>;                      // [channels]
@group(0) @binding(2) var<storage, read_write> parameters: array<Parameter>;     // [channels]
@group(0) @binding(3) var<storage, read_write> running_mean: array<f32>;         // [channels]
@group(0) @binding(4) var<storage, read_write> running_variance: array<f32>;     // [channels]
@group(0) @binding(5) var<storage, read> sums: array<vec3<f32>>;                 // [channels]
@group(0) @binding(6) var<storage, read_write> alpha_gradient: array<f32>;       // [channels]

struct Place {
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
}

// Workgroups fold into two dimensions past 65,535.
fn channel_of(place: Place) -> u32 {
    return (place.workgroup.y * place.workgroups.x + place.workgroup.x) * WORKGROUP + place.thread;
}

fn of_batch(batch: Moments, alpha: f32) -> Parameter {
    let large = batch.m2 < 0.0;
    let epsilon = select(arguments.epsilon, times_twice(arguments.epsilon, SMALL), large);
    let inverse = 1.0 / sqrt(abs(batch.m2) / batch.count + epsilon);
    return Parameter(batch.mean, batch.rest, inverse * select(1.0, SMALL, large), alpha, 0.0, 0.0);
}

// M2 over a count.
fn variance_of(m2: f32, count: f32) -> f32 { return select(m2 / count, times_twice(-m2 / count, LARGE), m2 < 0.0); }

@compute @workgroup_size(WORKGROUP)
fn from_batch(place: Place) {
    let c = channel_of(place);
    if c >= arguments.channels { return; }
    parameters[c] = of_batch(moments[c], alpha[c]);
}

@compute @workgroup_size(WORKGROUP)
fn from_running(place: Place) {
    let c = channel_of(place);
    if c >= arguments.channels { return; }
    let inverse = 1.0 / sqrt(running_variance[c] + arguments.epsilon);
    parameters[c] = Parameter(running_mean[c], 0.0, inverse, alpha[c], 0.0, 0.0);
}

// As from_batch, and running = (1 - momentum) running + momentum batch.
@compute @workgroup_size(WORKGROUP)
fn train(place: Place) {
    let c = channel_of(place);
    if c >= arguments.channels { return; }
    let batch = moments[c];
    parameters[c] = of_batch(batch, alpha[c]);
    let variance = variance_of(batch.m2, select(batch.count - 1.0, batch.count, arguments.biased == 1u));
    let kept = 1.0 - arguments.momentum;
    running_mean[c] = kept * running_mean[c] + arguments.momentum * (batch.mean + batch.rest);
    running_variance[c] = kept * running_variance[c] + arguments.momentum * variance;
}

@compute @workgroup_size(WORKGROUP)
fn through_batch(place: Place) {
    let c = channel_of(place);
    if c >= arguments.channels { return; }
    let count = moments[c].count;
    var with_means = of_batch(moments[c], alpha[c]);
    with_means.mean_k = sums[c].x / count;
    with_means.mean_kz = sums[c].y / count;
    parameters[c] = with_means;
    alpha_gradient[c] = sums[c].z;
}

@compute @workgroup_size(WORKGROUP)
fn alpha_of_sums(place: Place) {
    let c = channel_of(place);
    if c >= arguments.channels { return; }
    alpha_gradient[c] = sums[c].z;
}
