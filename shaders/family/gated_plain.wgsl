// Gate and up as they are.
fn gate_of(gate: Real) -> Real { return gate; }
fn up_of(up: Real) -> Real { return up; }
fn gate_opens(gate: Real) -> Bool { return Bool(true); }
fn up_opens(up: Real) -> Bool { return Bool(true); }
