//! What results of maxout may differ from the reference by, and who may have won them.

use super::reference::winner;
use crate::accuracy::bound::Bound;

/// Of affine maps: relative to the sum of the terms' magnitudes. Pooling gives the very element.
pub(super) const SHARE: f64 = 1e-6;

/// The values that compete for one result, each with what it may be off by.
pub(super) struct Contest(pub(super) Vec<Bound>);

/// The infinity that a value may be in f32.
fn overflow(value: &Bound) -> Option<f64> {
    let farthest = value.expected.abs() + value.allowed;
    (farthest > f64::from(f32::MAX)).then(|| f64::INFINITY.copysign(value.expected))
}

/// Who gets the gradient of a result.
pub(super) struct Verdict {
    pub(super) winner: usize,
    /// Who else may have won, where the device does not say.
    pub(super) rivals: Vec<usize>,
}

impl Contest {
    /// The largest, and its place: the first of equal ones, the first NaN before any number.
    pub(super) fn best(&self) -> (f64, u32) {
        winner(self.0.iter().map(|value| value.expected))
    }

    /// What the largest may be off by.
    pub(super) fn allowed(&self) -> f64 {
        self.0.iter().map(|value| value.allowed).fold(0.0, f64::max)
    }

    /// Whether `piece` is the winner, or as close to it as what both may be off by.
    pub(super) fn may_be_won_by(&self, piece: u32) -> bool {
        let (most, best) = self.best();
        let of = |piece: u32| self.0.get(piece as usize);
        let (Some(best), Some(named)) = (of(best), of(piece).filter(|_| piece != best)) else {
            return piece == best;
        };
        let off = best.allowed + named.allowed;
        let alike = named.expected == most
            || named.expected.is_nan() && most.is_nan()
            || overflow(best).is_some_and(|infinity| overflow(named) == Some(infinity));
        off > 0.0 && (alike || (named.expected - most).abs() <= off)
    }

    /// Who won: `chosen` where the device says so, none if that is wrong.
    pub(super) fn verdict(&self, chosen: Option<u32>) -> Option<Verdict> {
        let winner = chosen.unwrap_or(self.best().1);
        let rivals = match chosen {
            Some(_) => 0..0,
            None => 0..self.0.len() as u32,
        };
        let rivals = rivals.filter(|piece| *piece != winner && self.may_be_won_by(*piece));
        self.may_be_won_by(winner).then(|| Verdict {
            winner: winner as usize,
            rivals: rivals.map(|piece| piece as usize).collect(),
        })
    }
}

/// The winners of contests.
pub(super) fn choose(contests: impl Iterator<Item = Contest>) -> Vec<u32> {
    contests.map(|contest| contest.best().1).collect()
}

/// Whether each of `chosen` may have won.
pub(super) fn chose_right(contests: impl Iterator<Item = Contest>, chosen: &[u32]) -> Vec<bool> {
    let pairs = contests.zip(chosen);
    pairs
        .map(|(contest, piece)| contest.may_be_won_by(*piece))
        .collect()
}

/// A result that is exactly so.
pub(super) const fn exact(expected: f64) -> Bound {
    Bound {
        expected,
        allowed: 0.0,
    }
}

/// Beside the wrong winner nothing is right.
pub(super) const WRONG: Bound = exact(f64::NAN);

#[cfg(test)]
mod tests {
    use super::{Bound, Contest};

    fn contest(values: &[f64], allowed: f64) -> Contest {
        let bounds = values.iter().map(|&expected| Bound { expected, allowed });
        Contest(bounds.collect())
    }

    fn may_win(contest: &Contest) -> Vec<u32> {
        let pieces = 0..contest.0.len() as u32 + 1;
        pieces
            .filter(|piece| contest.may_be_won_by(*piece))
            .collect()
    }

    #[test]
    fn exact_values_have_one_winner() {
        for (values, winner) in [
            (&[1.0, 3.0, 3.0][..], 1),
            (&[1.0, f64::NAN, f64::NAN], 1),
            (&[f64::INFINITY; 2], 0),
        ] {
            assert_eq!(may_win(&contest(values, 0.0)), [winner]);
        }
    }

    #[test]
    fn values_that_are_the_same_infinity_in_f32_may_win() {
        for (values, winners) in [
            (&[-2.2e40, -1.7e40][..], &[0, 1][..]),
            (&[1.7e40, 2.2e40, 1.0], &[0, 1]),
            (&[-2.2e40, 1.7e40], &[1]),
            (&[-2.2e40, -1.7e38], &[1]),
        ] {
            assert_eq!(may_win(&contest(values, 1.0)), winners);
        }
    }

    #[test]
    fn close_values_may_win() {
        let contest = contest(&[1.0, 1.5, 2.0], 0.25);
        assert_eq!((contest.best(), contest.allowed()), ((2.0, 2), 0.25));
        assert_eq!(may_win(&contest), [1, 2]);
        let verdict = |chosen| contest.verdict(chosen).map(|it| (it.winner, it.rivals));
        assert_eq!(verdict(None), Some((2, vec![1])));
        assert_eq!(verdict(Some(1)), Some((1, Vec::new())));
        assert_eq!([verdict(Some(0)), verdict(Some(3))], [None, None]);
    }
}
