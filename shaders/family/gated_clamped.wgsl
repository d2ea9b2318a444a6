// Gate up to the limit, and up clamped to both sides of it, plus 1. Where they are clamped no gradient passes.
fn gate_of(gate: Real) -> Real { return select(gate, Real(arguments.limit), gate > Real(arguments.limit)); }
fn up_of(up: Real) -> Real { return clamp(up, Real(-arguments.limit), Real(arguments.limit)) + 1.0; }
fn gate_opens(gate: Real) -> Bool { return gate <= Real(arguments.limit); }
fn up_opens(up: Real) -> Bool { return (abs(up) <= Real(arguments.limit)) | is_nan(up); }
