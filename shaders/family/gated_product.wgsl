// Of any f: its value, rounded, times up.
fn gated(gate: Real, up: Real, p: Parameter) -> Real { return value_at(gate, p) * up; }
