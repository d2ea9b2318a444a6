// Gate up to the limit, and up clamped to both sides of it, plus 1. Where they are clamped no gradient passes.
fn gate_of(gate: Real, limit: Real) -> Real { return select(gate, limit, gate > limit); }
fn up_of(up: Real, limit: Real) -> Real { return clamp(up, -limit, limit) + 1.0; }
fn gate_opens(gate: Real, limit: Real) -> Bool { return gate <= limit; }
fn up_opens(up: Real, limit: Real) -> Bool { return (abs(up) <= limit) | is_nan(up); }
