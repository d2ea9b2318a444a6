// Gate and up as they are.
fn gate_of(gate: Real, limit: Real) -> Real { return gate; }
fn up_of(up: Real, limit: Real) -> Real { return up; }
fn gate_opens(gate: Real, limit: Real) -> Bool { return Bool(true); }
fn up_opens(up: Real, limit: Real) -> Bool { return Bool(true); }
