// The pointwise kernel with nothing to compute: what the speed of the others is measured against. It
// moves words: forward one stream to another, backward two to one, the OR of them.
alias Parameters = u32;
fn parameters_at(vector: u32) -> Parameters { return 0u; }
fn forward_vector(x: Packed, parameters: Parameters) -> Packed { return x; }
fn backward_vector(x: Packed, upstream: Packed, parameters: Parameters) -> Packed { return x | upstream; }
