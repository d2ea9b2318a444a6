//! Integer division by f32 on an adapter whose quotients are as far off as WGSL allows.

use libtest_mimic::{Failed, Trial};

use crate::common::{Device, run_kernel};

const QUOTIENT: &str = include_str!("../../shaders/quotient.wgsl");

/// Divisors from 1 on, as many as channels or pieces that anyone has.
const DIVISORS: usize = 4096;

/// For each divisor: all elements that columns begin with, then numbers up to 2^30, those beside multiples of the divisor
/// among them. What is wrong is counted.
const KERNEL: &str = "
    @group(0) @binding(0) var<storage, read_write> wrong: array<u32>;

    fn off(a: u32, b: u32) -> u32 { return select(0u, 1u, quotient(a, b) != a / b); }

    @compute @workgroup_size(64) fn divide(@builtin(global_invocation_id) thread: vec3<u32>) {
        let b = thread.x + 1u;
        var count = 0u;
        for (var a = 0u; a < 16384u; a += 4u) { count += off(a, b); }
        for (var i = 0u; i < 256u; i++) {
            let a = ((thread.x * 256u + i) * 2654435761u) >> 2u;
            let multiple = a / b * b;
            count += off(a, b) + off(multiple, b) + off(max(multiple, 1u) - 1u, b);
        }
        wrong[thread.x] = count;
    }";

pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    if !device.trusted() {
        return Vec::new();
    }
    vec![device.trial("quotient", quotients)]
}

/// As the adapter divides, and two units up or down.
fn quotients(device: &Device) -> Result<(), Failed> {
    const DIVISION: &str = " / divisor";
    assert_eq!(QUOTIENT.matches(DIVISION).count(), 2);
    for units in [0, 2, -2] {
        // Two units and a half of the quotient; where it is 0, it is exact.
        let inexact = format!(
            "fn inexact(q: f32) -> f32 {{
                return select(bitcast<f32>(bitcast<i32>(q) + ({units})), q, q == 0.0);
            }}"
        );
        let source = QUOTIENT
            .replace("f32(a) / divisor", "inexact(f32(a) / divisor)")
            .replace("f32(left) / divisor", "inexact(f32(left) / divisor)");
        assert_eq!(source.matches("inexact(").count(), 2);
        let tensor = device.gpu.upload(&[1.0f32; DIVISORS], [DIVISORS])?;
        run_kernel(
            &tensor,
            &[KERNEL, &inexact, &source].concat(),
            DIVISORS as u32 / 64,
        );
        let wrong: Vec<f32> = tensor.download()?;
        let first = wrong.iter().position(|count| count.to_bits() != 0);
        if let Some(first) = first {
            let count = wrong[first].to_bits();
            return Err(format!("{units} units off: {count} by {}", first + 1).into());
        }
    }
    Ok(())
}
