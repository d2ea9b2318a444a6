//! A bounded cache.

use std::{collections::HashMap, hash::Hash};

/// At most so many values by their keys, of which those that were not asked for lately are dropped.
pub(super) struct Recent<K, V, const MOST: usize> {
    kept: HashMap<K, (V, u64)>,
    /// Counts what is asked for.
    now: u64,
}

impl<K, V, const MOST: usize> Default for Recent<K, V, MOST> {
    fn default() -> Self {
        Self {
            kept: HashMap::new(),
            now: 0,
        }
    }
}

impl<K: Eq + Hash, V: Clone, const MOST: usize> Recent<K, V, MOST> {
    pub(super) fn get(&mut self, key: &K) -> Option<V> {
        self.now += 1;
        let (value, asked) = self.kept.get_mut(key)?;
        *asked = self.now;
        Some(value.clone())
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        if self.kept.len() >= MOST {
            self.halve();
        }
        self.now += 1;
        self.kept.insert(key, (value, self.now));
    }

    pub(super) fn clear(&mut self) {
        self.kept.clear();
    }

    /// Drops the half that was asked for longest ago: half at once, so that it costs each insertion little.
    fn halve(&mut self) {
        let mut asked: Vec<_> = self.kept.values().map(|(_, asked)| *asked).collect();
        let middle = asked.len() / 2;
        let (_, &mut oldest_kept, _) = asked.select_nth_unstable(middle);
        self.kept.retain(|_, (_, asked)| *asked >= oldest_kept);
    }
}

#[cfg(test)]
mod tests {
    use super::Recent;

    #[test]
    fn what_was_asked_for_lately_stays() {
        let mut recent = Recent::<_, _, 4>::default();
        for key in 0..4 {
            recent.insert(key, key);
        }
        assert_eq!(recent.get(&0), Some(0));
        recent.insert(4, 4);
        let kept: Vec<_> = (0..5).filter_map(|key| recent.get(&key)).collect();
        assert_eq!(kept, [0, 3, 4]);
        for key in 5..1000 {
            recent.insert(key, key);
            assert!(recent.kept.len() <= 4 && recent.get(&key).is_some());
        }
        recent.clear();
        assert_eq!(recent.get(&999), None);
    }
}
