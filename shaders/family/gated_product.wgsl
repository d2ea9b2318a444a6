// Of any f: its value, rounded, times up.
fn product(gate: Real, up: Real, p: Parameter) -> Real { return value_at(gate, p) * up; }
