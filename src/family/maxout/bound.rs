//! What results of maxout may differ from the reference by, and who may have won them.

use super::reference::winner;
use crate::{accuracy::bound::Bound, family::Sum};

/// Of affine maps: relative to the sum of the terms' magnitudes. Pooling gives the very element.
pub(super) const SHARE: f64 = 1e-6;

/// A sum of terms, computed in f32.
pub(super) fn of_sum(sum: Sum) -> Bound {
    Bound {
        expected: sum.value,
        allowed: SHARE * sum.magnitude + sum.off + f64::from(f32::MIN_POSITIVE),
    }
}

/// The values that compete for one result, each with what it may be off by.
pub(super) struct Contest(Vec<Bound>);

/// Who gets the gradient of a result.
pub(super) struct Verdict {
    pub(super) winner: usize,
    /// Who else may have won, where the device does not say.
    pub(super) rivals: Vec<usize>,
}

impl Contest {
    pub(super) fn new(values: impl Iterator<Item = Bound>) -> Self {
        Self(values.collect())
    }

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
        let alike = named.expected == most || named.expected.is_nan() && most.is_nan();
        off > 0.0 && (alike || (named.expected - most).abs() <= off)
    }

    /// Who won: `chosen` where the device says so, none if that is wrong.
    pub(super) fn verdict(&self, chosen: Option<u32>) -> Option<Verdict> {
        let Some(chosen) = chosen else {
            let (_, winner) = self.best();
            let others = (0..self.0.len() as u32).filter(|piece| *piece != winner);
            let rivals = others.filter(|piece| self.may_be_won_by(*piece));
            return Some(Verdict {
                winner: winner as usize,
                rivals: rivals.map(|piece| piece as usize).collect(),
            });
        };
        self.may_be_won_by(chosen).then(|| Verdict {
            winner: chosen as usize,
            rivals: Vec::new(),
        })
    }
}

/// Beside the wrong winner nothing is right.
pub(super) const WRONG: Bound = Bound {
    expected: f64::NAN,
    allowed: 0.0,
};

#[cfg(test)]
mod tests {
    use super::{Bound, Contest};

    fn contest(values: &[f64], allowed: f64) -> Contest {
        let bounds = values.iter().map(|&expected| Bound { expected, allowed });
        Contest::new(bounds)
    }

    #[test]
    fn exact_values_have_one_winner() {
        let won = |values: &[f64]| {
            let contest = contest(values, 0.0);
            let pieces = 0..values.len() as u32 + 1;
            pieces
                .filter(|piece| contest.may_be_won_by(*piece))
                .collect::<Vec<_>>()
        };
        assert_eq!(won(&[1.0, 3.0, 3.0]), [1]);
        assert_eq!(won(&[1.0, f64::NAN, f64::NAN]), [1]);
        assert_eq!(won(&[f64::INFINITY; 2]), [0]);
    }

    #[test]
    fn close_values_may_win() {
        let contest = contest(&[1.0, 1.5, 2.0], 0.25);
        assert_eq!((contest.best(), contest.allowed()), ((2.0, 2), 0.25));
        assert!(contest.may_be_won_by(1) && !contest.may_be_won_by(0));
        let own = contest.verdict(None).map(|own| (own.winner, own.rivals));
        assert_eq!(own, Some((2, vec![1])));
        let chosen = contest.verdict(Some(1)).map(|it| (it.winner, it.rivals));
        assert_eq!(chosen, Some((1, Vec::new())));
        assert!(contest.verdict(Some(0)).is_none() && contest.verdict(Some(3)).is_none());
    }
}
