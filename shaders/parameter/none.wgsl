// An activation without a parameter.
alias Parameter = Real;
fn parameters_at(vector: u32) -> Parameters { return for_all(Real(0.0)); }
fn value_at(x: Real, parameter: Parameter) -> Real { return value(x); }
fn backward_at(x: Real, upstream: Real, parameter: Parameter) -> Real { return backward(x, upstream); }
