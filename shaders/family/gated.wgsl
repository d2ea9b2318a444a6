// Gated units: y = f(gate) up, and the gradients of both, over Real.
//
// `gated` is f(gate) up, `gate_of` and `up_of` are what a unit makes of the two before, and `opens` says where what it
// makes of them follows them. f brings `value_at` and `backward_at`.

// NaN passes through, whatever the functions do.
fn product_at(gate: Real, up: Real, p: Parameter) -> Real {
    let y = select(gated(gate_of(gate), up_of(up), p), up, is_nan(up));
    return select(y, gate, is_nan(gate));
}

// A product of two, as a number and what it is still to be multiplied by: 1, unless the product leaves f32's range, from
// where a slope may bring it back.
struct Factors { first: Real, last: Real }
fn factors(a: Real, b: Real) -> Factors {
    let all = a * b;
    let beyond = is_special(all) & !is_nan(all);
    let second_is_large = abs(b) > abs(a);
    return Factors(
        select(all, select(a, b, second_is_large), beyond),
        select(Real(1.0), select(b, a, second_is_large), beyond),
    );
}

// With respect to the gate: upstream up f'(gate).
fn gate_gradient_at(gate: Real, up: Real, upstream: Real, p: Parameter) -> Real {
    let g = factors(upstream, up_of(up));
    let slope = select(backward_at(gate_of(gate), g.first, p) * g.last, g.first, is_nan(g.first));
    let d = select(select(Real(0.0), slope, gate_opens(gate)), up, is_nan(up));
    return select(select(d, upstream, is_nan(upstream)), gate, is_nan(gate));
}

// With respect to up: upstream f(gate).
fn up_gradient_at(gate: Real, up: Real, upstream: Real, p: Parameter) -> Real {
    let d = select(Real(0.0), gated(gate_of(gate), upstream, p), up_opens(up));
    return select(select(d, upstream, is_nan(upstream)), gate, is_nan(gate));
}
