//! What is remembered for a while. Other people decide how much comes in, so memory needs a bound as well as
//! a time: entries that have ended are dropped, and where there are too many, the one that ends first goes.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use chrono::{DateTime, Utc};

/// A map whose entries end at a set time. It holds at most `MOST` of them (one or more). Time comes in from
/// outside with each call; `T` is what it is measured in.
#[derive(Debug)]
pub struct ExpiringMap<K, V, const MOST: usize, T = DateTime<Utc>> {
    entries: HashMap<K, Entry<V, T>>,
    /// The keys in the order in which their entries end.
    ends: BTreeMap<(T, u64), K>,
    /// How many entries were ever put in, to tell those apart that end at the same time.
    puts: u64,
}

#[derive(Debug)]
struct Entry<V, T> {
    value: V,
    /// When it ends, and the number with which it was put in.
    end: (T, u64),
}

impl<K, V, const MOST: usize, T> Default for ExpiringMap<K, V, MOST, T> {
    fn default() -> Self {
        Self { entries: HashMap::new(), ends: BTreeMap::new(), puts: 0 }
    }
}

impl<K: Clone + Eq + Hash, V, const MOST: usize, T: Copy + Ord> ExpiringMap<K, V, MOST, T> {
    /// The value of a key, if it hasn't ended by now.
    pub fn get(&self, key: &K, now: T) -> Option<&V> {
        self.entries.get(key).filter(|entry| now < entry.end.0).map(|entry| &entry.value)
    }

    /// Puts in a value, which ends at that time, in place of the key's former one. Drops what has ended by
    /// now, and what ends first if there are too many.
    pub fn put(&mut self, key: K, value: V, until: T, now: T) {
        self.remove(&key);
        while self.first_end().is_some_and(|end| end <= now || self.entries.len() >= MOST) {
            self.pop_first();
        }
        let end = (until, self.puts);
        self.puts += 1;
        self.ends.insert(end, key.clone());
        self.entries.insert(key, Entry { value, end });
    }

    /// Removes a key. Returns its value, also if it has ended and wasn't dropped yet.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let entry = self.entries.remove(key)?;
        self.ends.remove(&entry.end);
        Some(entry.value)
    }

    /// Removes what ends first, whether it has ended or not.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        let (_, key) = self.ends.pop_first()?;
        let entry = self.entries.remove(&key)?;
        Some((key, entry.value))
    }

    /// Everything that hasn't ended by now, in the order in which it ends.
    pub fn iter(&self, now: T) -> impl Iterator<Item = (&K, &V)> {
        let left = self.ends.iter().filter(move |((end, _), _)| now < *end);
        left.filter_map(|(_, key)| Some((key, &self.entries.get(key)?.value)))
    }

    /// All values, also those that have ended and weren't dropped yet, in no order.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.values_mut().map(|entry| &mut entry.value)
    }

    fn first_end(&self) -> Option<T> {
        self.ends.first_key_value().map(|((end, _), _)| *end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Small = ExpiringMap<u8, u32, 3, u32>;

    fn keys(map: &Small, now: u32) -> Vec<u8> {
        map.iter(now).map(|(key, _)| *key).collect()
    }

    #[test]
    fn an_entry_ends_at_its_time() {
        let mut map = Small::default();
        map.put(1, 10, 5, 0);
        assert_eq!((map.get(&1, 4), map.get(&1, 5)), (Some(&10), None));
        assert_eq!((map.remove(&1), map.remove(&1), map.get(&1, 4)), (Some(10), None, None));
    }

    #[test]
    fn what_ends_first_goes_where_there_are_too_many() {
        let mut map = Small::default();
        for (key, until) in [(1, 9), (2, 7), (3, 8), (4, 7)] {
            map.put(key, 0, until, 0);
        }
        assert_eq!(keys(&map, 0), [4, 3, 1]);
        map.put(4, 1, 20, 0);
        assert_eq!(keys(&map, 0), [3, 1, 4], "the place of a key's former value is free");
        map.put(5, 0, 20, 8);
        map.put(6, 0, 20, 8);
        assert_eq!(keys(&map, 8), [4, 5, 6], "3 had ended");
        assert_eq!(map.pop_first(), Some((4, 1)));
    }

    proptest! {
        /// Beside a list in which everything is looked for one by one.
        #[test]
        fn it_is_as_a_plain_list_would_be(
            steps in prop::collection::vec((0u8..6, 0u32..12, 0u32..3, any::<bool>()), 0..60),
        ) {
            let (mut map, mut list, mut now) = (Small::default(), Vec::<(u8, u32, u32)>::new(), 0);
            for (value, (key, lasts, passes, removes)) in (0..).zip(steps) {
                now += passes;
                let found = list.iter().position(|entry| entry.0 == key).map(|at| list.remove(at));
                let found = found.filter(|entry| now < entry.2).map(|entry| entry.1);
                prop_assert_eq!(map.get(&key, now).copied(), found);
                if removes {
                    map.remove(&key);
                    prop_assert_eq!(map.get(&key, now), None);
                    continue;
                }
                list.retain(|entry| now < entry.2);
                if list.len() == 3 {
                    // The first of those that end first, as they were put in.
                    let ends = list.iter().map(|entry| entry.2).min();
                    let first = list.iter().position(|entry| Some(entry.2) == ends);
                    first.map(|first| list.remove(first));
                }
                list.push((key, value, now + lasts));
                map.put(key, value, now + lasts, now);
                prop_assert!(map.entries.len() <= 3);
                prop_assert_eq!(map.entries.len(), map.ends.len());
                let mut left = list.iter().filter(|entry| now < entry.2).map(|entry| (entry.0, entry.1));
                let mut kept: Vec<_> = map.iter(now).map(|(key, value)| (*key, *value)).collect();
                kept.sort_unstable();
                prop_assert_eq!(kept.len(), left.clone().count());
                prop_assert!(left.all(|entry| kept.contains(&entry)));
            }
        }
    }
}
