// An activation over the four lanes of a vector at once. NaN passes through, whatever the activation does.
alias Parameters = Parameter;
fn for_all(p: Parameter) -> Parameters { return p; }

fn forward_vector(packed_x: Packed, p: Parameters) -> Packed {
    let x = unpack(packed_x);
    return pack(select(value_at(x, p), x, is_nan(x)));
}

fn backward_vector(packed_x: Packed, packed_upstream: Packed, p: Parameters) -> Packed {
    let x = unpack(packed_x);
    let g = unpack(packed_upstream);
    let dx = select(backward_at(x, g, p), g, is_nan(g));
    return pack(select(dx, x, is_nan(x)));
}
