//! Sparsemax and hardmax of one row, in f64.

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The nearest distribution.
    Sparsemax,
    /// 1 at the first of the largest elements, 0 elsewhere.
    Hardmax,
}

impl Form {
    /// `sparsemax` or `hardmax`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sparsemax => "sparsemax",
            Self::Hardmax => "hardmax",
        }
    }
}

/// What a row's results depend on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// The largest element.
    pub most: f64,
    /// The threshold below it: from -1 to 0, NaN where nothing is a distribution.
    pub threshold: f64,
}

impl Row {
    /// Of these elements, by sorting them (Held, Wolfe, Crowder, 1974).
    ///
    /// ```
    /// use wgpu_activations::family::sparsemax::reference::Row;
    ///
    /// assert_eq!(Row::of(&[1.0, 1.0]), Row { most: 1.0, threshold: -0.5 });
    /// assert_eq!(Row::of(&[3.0, 1.0]).threshold, -1.0);
    /// ```
    pub fn of(x: &[f64]) -> Self {
        let most = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if x.iter().any(|x| x.is_nan()) || most.is_infinite() {
            return Self {
                most,
                threshold: f64::NAN,
            };
        }
        let mut sorted: Vec<_> = x.iter().map(|x| x - most).collect();
        sorted.sort_by(|a, b| b.total_cmp(a));
        let mut sum = 0.0;
        let mut threshold = -1.0;
        for (index, x) in sorted.into_iter().enumerate() {
            if index > 0 && x <= threshold {
                break;
            }
            sum += x;
            threshold = (sum - 1.0) / (index + 1) as f64;
        }
        Self { most, threshold }
    }

    /// The share of x.
    pub fn share(&self, x: f64) -> f64 {
        match self.threshold.is_nan() {
            true => f64::NAN,
            false => self.over(x).max(0.0),
        }
    }

    /// What x is above the threshold.
    pub fn over(&self, x: f64) -> f64 {
        (x - self.most) - self.threshold
    }
}

/// y of one row: NaN throughout a row with NaN, and sparsemax of infinities or of nothing but -infinity, too.
///
/// ```
/// use wgpu_activations::family::sparsemax::reference::{Form, forward};
///
/// assert_eq!(forward(Form::Sparsemax, &[0.5, 0.25, -2.0]), [0.625, 0.375, 0.0]);
/// assert_eq!(forward(Form::Hardmax, &[0.5, 0.5, -2.0]), [1.0, 0.0, 0.0]);
/// ```
pub fn forward(form: Form, x: &[f64]) -> Vec<f64> {
    match form {
        Form::Sparsemax => {
            let row = Row::of(x);
            x.iter().map(|x| row.share(*x)).collect()
        }
        Form::Hardmax => {
            if x.iter().any(|x| x.is_nan()) {
                return vec![f64::NAN; x.len()];
            }
            let mut y = vec![0.0; x.len()];
            let larger = |best: usize, at: usize| if x[at] > x[best] { at } else { best };
            if let Some(first) = (0..x.len()).reduce(larger) {
                y[first] = 1.0;
            }
            y
        }
    }
}

/// The gradient with respect to each element. Sparsemax: upstream less its mean, for the elements above the threshold;
/// hardmax, which jumps: 0. Rows without results have NaN.
///
/// ```
/// use wgpu_activations::family::sparsemax::reference::{Form, backward};
///
/// assert_eq!(backward(Form::Sparsemax, &[0.5, 0.25, -2.0], &[1.0, 0.0, 5.0]), [0.5, -0.5, 0.0]);
/// assert_eq!(backward(Form::Hardmax, &[0.5, 0.25], &[1.0, 2.0]), [0.0, 0.0]);
/// ```
pub fn backward(form: Form, x: &[f64], upstream: &[f64]) -> Vec<f64> {
    match form {
        Form::Sparsemax => gradients(&Row::of(x), x, upstream, 0.0),
        Form::Hardmax => {
            let nothing = if x.iter().any(|x| x.is_nan()) {
                f64::NAN
            } else {
                0.0
            };
            vec![nothing; x.len()]
        }
    }
}

/// Sparsemax's, where elements count from `least` above the threshold on.
pub(super) fn gradients(row: &Row, x: &[f64], upstream: &[f64], least: f64) -> Vec<f64> {
    if row.threshold.is_nan() {
        return vec![f64::NAN; x.len()];
    }
    let counts = |x: f64| row.over(x) > least;
    let pairs = || x.iter().zip(upstream);
    let above = || pairs().filter(|(x, _)| counts(**x));
    let mean = above().map(|(_, g)| g).sum::<f64>() / above().count().max(1) as f64;
    let dx = pairs().map(|(x, g)| if counts(*x) { g - mean } else { 0.0 });
    dx.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_the_slope() {
        let (x, g) = ([0.5, 0.25, -0.1, -3.0], [0.75, -1.0, 0.5, 2.0]);
        let value = |x: &[f64]| -> f64 {
            let y = forward(Form::Sparsemax, x);
            y.iter().zip(g).map(|(y, g)| y * g).sum()
        };
        for (index, dx) in backward(Form::Sparsemax, &x, &g).into_iter().enumerate() {
            let at = |step: f64| {
                let mut x = x;
                x[index] += step;
                value(&x)
            };
            let slope = (at(1e-6) - at(-1e-6)) / 2e-6;
            assert!((dx - slope).abs() < 1e-9, "{index}: {dx}, {slope}");
        }
    }

    #[test]
    fn a_distribution_is_itself() {
        let x = [0.5, 0.0, 0.375, 0.125];
        assert_eq!(forward(Form::Sparsemax, &x), x);
    }
}
