// What is summed is x itself: a function for reductions whose gradient of a parameter is the sum of x.
alias Parameter = f32;
fn value(x: f32, parameter: Parameter) -> f32 { return x; }
fn backward(x: f32, upstream: f32, parameter: Parameter) -> f32 { return upstream; }
alias Terms = f32;
fn terms(x: f32, upstream: f32, parameter: Parameter) -> Terms { return x; }
