// a / b for a < 2^30, by f32, since integer division is dear. WGSL lets a quotient be 2.5 ULP off: so there is an estimate,
// a second one of what the first left, and the last unit.
fn quotient(a: u32, b: u32) -> u32 {
    let divisor = f32(b);
    let estimate = i32(f32(a) / divisor);
    let left = i32(a) - estimate * i32(b);
    let second = estimate + i32(floor(f32(left) / divisor));
    let rest = i32(a) - second * i32(b);
    return u32(second + select(0, 1, rest >= i32(b)) - select(0, 1, rest < 0));
}
