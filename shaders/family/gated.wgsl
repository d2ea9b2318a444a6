// Gated units: y = f(gate) up, and the gradients of both, over Real.
//
// `gated` is f(gate) up, `gate_of` and `up_of` are what a unit makes of the two before, and `opens` says where what it
// makes of them follows them. f brings `value_at` and `backward_at`; `limit_of` is where the unit clamps, if it does.

// NaN passes through, whatever the functions do.
fn product_at(gate: Real, up: Real, p: Parameter) -> Real {
    let y = select(gated(gate_of(gate, limit_of(p)), up_of(up, limit_of(p)), p), up, is_nan(up));
    return select(y, gate, is_nan(gate));
}

// A product of two as what a slope is to be applied to, and what the result is to be multiplied by: 1s, unless the
// product leaves f32's range or nearly does, from where a slope may bring it back. Then the first is 2^127, or 2^64 times
// the product.
struct Factors { first: Real, second: Real, third: Real }
fn factors(a: Real, b: Real) -> Factors {
    const HALF_DOWN = 5.42101086e-20; // 2^-64
    const HALF_UP = 1.8446744e19; // 2^64
    let all = a * b;
    let beyond = is_special(all) & !is_nan(all);
    let tiny = abs(all) < Real(1e-30);
    let small = abs(a) < Real(1.0);
    let raised = select(a, a * HALF_UP, small) * select(b * HALF_UP, b, small);
    return Factors(
        select(select(all, raised, tiny), Real(1.70141183e38), beyond),
        select(select(Real(1.0), Real(HALF_DOWN), tiny), kept(a * HALF_DOWN) * (b * HALF_DOWN), beyond),
        select(Real(1.0), Real(2.0), beyond),
    );
}

fn restored(x: Real, g: Factors) -> Real { return select((x * g.second) * g.third, g.first, is_nan(g.first)); }

// With respect to the gate: upstream up f'(gate).
fn gate_gradient_at(gate: Real, up: Real, upstream: Real, p: Parameter) -> Real {
    let g = factors(upstream, up_of(up, limit_of(p)));
    let slope = restored(backward_at(gate_of(gate, limit_of(p)), g.first, p), g);
    let d = select(select(Real(0.0), slope, gate_opens(gate, limit_of(p))), up, is_nan(up));
    return select(select(d, upstream, is_nan(upstream)), gate, is_nan(gate));
}

// With respect to up: upstream f(gate).
fn up_gradient_at(gate: Real, up: Real, upstream: Real, p: Parameter) -> Real {
    let d = select(Real(0.0), gated(gate_of(gate, limit_of(p)), upstream, p), up_opens(up, limit_of(p)));
    return select(select(d, upstream, is_nan(upstream)), gate, is_nan(gate));
}
