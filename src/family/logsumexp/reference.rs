//! Log-sum-exp of one row, in f64.

use crate::family::softmax::reference::Row;

/// ln(sum of e^x), which is NaN beside NaN, +infinity beside +infinity, and -infinity of nothing else.
///
/// ```
/// use wgpu_activations::family::logsumexp::reference::forward;
///
/// assert_eq!(forward(&[3.0, 3.0]), 3.0 + 2f64.ln());
/// assert_eq!(forward(&[1e300, 0.0]), 1e300);
/// assert_eq!(forward(&[]), f64::NEG_INFINITY);
/// assert!(forward(&[f64::INFINITY, f64::NAN]).is_nan());
/// ```
pub fn forward(x: &[f64]) -> f64 {
    let row = Row::of(x);
    if row.most.is_infinite() {
        return row.most;
    }
    row.most + row.rest.ln_1p()
}

/// The gradient with respect to each element, g e^x / sum of e^x: NaN throughout a row with NaN or +infinity, or of
/// -infinity alone, as the shares of softmax are.
///
/// ```
/// use wgpu_activations::family::logsumexp::reference::backward;
///
/// assert_eq!(backward(&[3.0, 3.0], 1.0), [0.5, 0.5]);
/// assert!(backward(&[f64::INFINITY, 0.0], 1.0).iter().all(|dx| dx.is_nan()));
/// ```
pub fn backward(x: &[f64], upstream: f64) -> Vec<f64> {
    let row = Row::of(x);
    if row.most.is_infinite() {
        return vec![f64::NAN; x.len()];
    }
    let shares = x.iter().map(|x| (x - row.most).exp() / (1.0 + row.rest));
    shares.map(|share| upstream * share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_the_slope() {
        let x = [0.5, -1.25, 3.0, 2.75];
        for (index, dx) in backward(&x, 0.75).into_iter().enumerate() {
            let at = |step: f64| {
                let mut x = x;
                x[index] += step;
                forward(&x)
            };
            let slope = 0.75 * (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!((dx - slope).abs() < 1e-9, "{index}: {dx}, {slope}");
        }
    }
}
