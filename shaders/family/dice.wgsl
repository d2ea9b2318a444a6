// Dice (Deep Interest Network, KDD 2018): x (p + (1 - p) alpha), p the sigmoid of x brought to mean 0
// and variance 1 within its channel.
struct Parameter {
    mean: f32, // mean + rest
    rest: f32,
    inverse: f32, // 1 / sqrt(variance + epsilon)
    alpha: f32,
    mean_k: f32,  // of the gradient through the statistics, for a backward pass; 0 where they are given
    mean_kz: f32,
}

fn normalised(x: f32, p: Parameter) -> f32 { return ((x - p.mean) - p.rest) * p.inverse; }

// The sigmoid s, and 1 - s without what cancels; NaN where the statistics are.
fn shares_of(z: f32) -> vec2<f32> {
    let both = sigmoids(z);
    return select(vec2<f32>(both.plus, both.minus), vec2<f32>(z), is_nan(z));
}

fn value(x: f32, p: Parameter) -> f32 {
    let z = normalised(x, p);
    let share = select(sigmoid(z), z, is_nan(z));
    return x * (share + (1.0 - share) * p.alpha);
}

// k = upstream (1 - alpha) v, v = x s (1 - s), the gradient with respect to z.
fn through_z(v: f32, upstream: f32, alpha: f32) -> f32 {
    let factors = enlarging_last(1.0 - alpha, upstream);
    return factors.first * v * factors.last;
}

// upstream (alpha + (1 - alpha) s) + r (k - mean k - z mean(k z)).
fn backward(x: f32, upstream: f32, p: Parameter) -> f32 {
    let z = normalised(x, p);
    let shares = shares_of(z);
    let k = through_z(x * shares.x * shares.y, upstream, p.alpha);
    return upstream * (p.alpha + (1.0 - p.alpha) * shares.x) + p.inverse * (k - p.mean_k - finite(z) * p.mean_kz);
}

// k and k z, whose means the backward pass needs, and the gradient of alpha.
alias Terms = vec3<f32>;
fn terms(x: f32, upstream: f32, p: Parameter) -> Terms {
    let z = normalised(x, p);
    let e = exp_minus_product(z, 1.0);
    let k = select(through_z(times_sigmoids(x, e), upstream, p.alpha), z, is_nan(z));
    return Terms(k, k * z, of_alpha(x, upstream, z, e));
}

// upstream x (1 - s), whose tail f32 need not hold: what is not small comes first.
fn of_alpha(x: f32, upstream: f32, z: f32, e: Exponential) -> f32 {
    let both = (abs(upstream) < 1.0) & (abs(x) > 1.0);
    let term = times_sigmoid(select(upstream, upstream * x, both), z <= 0.0, e);
    return select(term * select(x, 1.0, both), z, is_nan(z));
}
