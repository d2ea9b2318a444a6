//! Count, mean and sum of squared deviations per channel.

use crate::error::{Error, Result};

/// Count, mean and M2, the sum of squared deviations from the mean, of each channel of a tensor.
///
/// Those of parts of a tensor merge into those of the whole, so that shards computed apart, on
/// whatever device, combine:
///
/// ```
/// use wgpu_activations::Moments;
///
/// // Two channels, [outer, channels].
/// let first = Moments::of(&[1.0, 10.0, 3.0, 10.0], 2, 1)?;
/// let second = Moments::of(&[5.0, 10.0], 2, 1)?;
/// let all = first.merge(&second)?;
/// assert_eq!(all.count(), 3);
/// assert_eq!(all.mean(), [3.0, 10.0]);
/// assert_eq!(all.unbiased_variance(), [4.0, 0.0]);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    count: u64,
    mean: Vec<f64>,
    m2: Vec<f64>,
}

impl Moments {
    /// The moments of `count` elements in each channel: the inverse of [`Moments::into_parts`].
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if there are not as many sums as means.
    pub fn new(count: u64, mean: Vec<f64>, m2: Vec<f64>) -> Result<Self> {
        same_channels(&mean, &m2)?;
        Ok(Self { count, mean, m2 })
    }

    /// Those of `x` seen as [outer, channels, inner], in two passes: the definition. A channel that holds NaN or an
    /// infinity has moments of NaN.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if x is not a whole number of channels x inner.
    pub fn of(x: &[f64], channels: usize, inner: usize) -> Result<Self> {
        let row = channels.saturating_mul(inner);
        let rows = x.len().checked_div(row).unwrap_or(0);
        if rows * row != x.len() {
            return Err(Error::LengthMismatch {
                shape: vec![rows, channels, inner],
                expected: rows * row,
                found: x.len(),
            });
        }
        let count = rows * inner;
        let channel = |index: usize| index / inner % channels;
        // From the first element, so that a constant channel has exactly its mean.
        let first: Vec<_> = (0..channels)
            .map(|channel| x.get(channel * inner).copied().unwrap_or(0.0))
            .collect();
        let mut mean = vec![0.0; channels];
        for (index, x) in x.iter().enumerate() {
            mean[channel(index)] += x - first[channel(index)];
        }
        for (mean, first) in mean.iter_mut().zip(&first) {
            *mean = first + *mean / count.max(1) as f64;
            if mean.is_infinite() {
                *mean = f64::NAN;
            }
        }
        let mut m2 = vec![0.0; channels];
        for (index, x) in x.iter().enumerate() {
            m2[channel(index)] += (x - mean[channel(index)]).powi(2);
        }
        Self::new(count as u64, mean, m2)
    }

    /// Elements in each channel.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Mean of each channel.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// M2 of each channel: the sum of squared deviations from its mean.
    pub fn m2(&self) -> &[f64] {
        &self.m2
    }

    /// Count, mean and M2: what to store or to send. [`Moments::new`] takes them back.
    ///
    /// ```
    /// use wgpu_activations::Moments;
    ///
    /// let moments = Moments::of(&[1.0, 10.0, 3.0, 10.0], 2, 1)?;
    /// let (count, mean, m2) = moments.clone().into_parts();
    /// assert_eq!(m2, [2.0, 0.0]);
    /// assert_eq!(Moments::new(count, mean, m2)?, moments);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    pub fn into_parts(self) -> (u64, Vec<f64>, Vec<f64>) {
        (self.count, self.mean, self.m2)
    }

    /// M2 / count of each channel; NaN where there are no elements.
    pub fn variance(&self) -> Vec<f64> {
        self.m2.iter().map(|m2| m2 / self.count as f64).collect()
    }

    /// M2 / (count - 1) of each channel, the estimate of the variance that the elements were drawn
    /// from; NaN for one element.
    pub fn unbiased_variance(&self) -> Vec<f64> {
        let degrees = self.count as f64 - 1.0;
        self.m2.iter().map(|m2| m2 / degrees).collect()
    }

    /// The moments of both parts together (Chan, Golub, LeVeque: Updating Formulae and a Pairwise
    /// Algorithm for Computing Sample Variances, 1979).
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if they have not as many channels, [`Error::Argument`] if they count more than 2^64 - 1
    /// elements together.
    pub fn merge(&self, other: &Self) -> Result<Self> {
        same_channels(&self.mean, &other.mean)?;
        if other.count == 0 {
            return Ok(self.clone());
        }
        let count = self.count.checked_add(other.count);
        let count = count.ok_or_else(|| Error::Argument {
            op: "moments".to_owned(),
            argument: format!("counts {} and {}", self.count, other.count),
            reason: "together they are beyond 2^64 - 1; merge parts of tensors that exist"
                .to_owned(),
        })?;
        let channels = |of: &Self| -> Vec<_> {
            let count = of.count as f64;
            let pairs = of.mean.iter().zip(&of.m2);
            pairs.map(|(&mean, &m2)| (count, (mean, m2))).collect()
        };
        let pairs = channels(self).into_iter().zip(channels(other));
        let (mean, m2) = pairs.map(|(a, b)| merge_channel(a, b)).unzip();
        Self::new(count, mean, m2)
    }
}

/// Mean and M2 of both parts of a channel together, each given behind its count, not both 0.
pub(crate) fn merge_channel(
    (a, (mean, m2)): (f64, (f64, f64)),
    (b, (other_mean, other_m2)): (f64, (f64, f64)),
) -> (f64, f64) {
    let share = b / (a + b);
    let delta = other_mean - mean;
    let joined = mean + delta * share;
    // That of a channel which holds an infinity is not known.
    let joined = if joined.is_infinite() {
        f64::NAN
    } else {
        joined
    };
    (joined, m2 + other_m2 + delta * delta * share * a)
}

fn same_channels(a: &[f64], b: &[f64]) -> Result<()> {
    if a.len() == b.len() {
        return Ok(());
    }
    Err(Error::LengthMismatch {
        shape: vec![a.len()],
        expected: a.len(),
        found: b.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::Moments;
    use crate::error::{Error, Result};

    #[test]
    fn counts_beyond_all_numbers_are_refused() -> Result<()> {
        let of = |count| Moments::new(count, vec![1.0], vec![0.0]);
        assert_eq!(of(u64::MAX - 1)?.merge(&of(1)?)?.count(), u64::MAX);
        let error = of(u64::MAX)?.merge(&of(1)?).err();
        assert!(matches!(error, Some(Error::Argument { .. })), "{error:?}");
        Ok(())
    }
}
