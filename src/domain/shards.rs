//! Shards: the connections among which Discord divides the servers, and which of them belong to one process.

use std::fmt;
use std::str::FromStr;

use super::ids::GuildId;
use super::text;

/// How many shards there can be in all. More than Discord has ever needed, and few enough for two bytes.
const MOST: u32 = 65_535;

/// One of the connections among which Discord divides the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shard {
    /// Which, from 0.
    pub id: u32,
    /// Of how many.
    pub total: u32,
}

impl Shard {
    /// Whether a server's events come through this connection. Discord: "Sharding", by the server's number.
    pub fn has(self, guild: GuildId) -> bool {
        number_of(guild, self.total) == u64::from(self.id)
    }
}

/// The shards of one process: consecutive ones, at least one, of all that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shards {
    first: u32,
    /// The last, which is one of them.
    last: u32,
    total: u32,
}

/// Why a text names no shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShardsError {
    /// It isn't `FIRST..LAST/ALL` or `ONE/ALL`.
    #[error("is neither FIRST..LAST/ALL nor ONE/ALL")]
    Malformed,
    /// No shards at all, or more than there can be.
    #[error("has a number of shards in all that can't be: 1 to {MOST} can")]
    Total,
    /// The last shard comes before the first.
    #[error("ends before it begins")]
    Backwards,
    /// The shards are numbered from 0.
    #[error("names shard {named}, but the shards of {total} are 0 to {}", total - 1)]
    Beyond {
        /// The shard.
        named: u32,
        /// Of how many.
        total: u32,
    },
}

impl Shards {
    /// From the first to the last, both included, of so many.
    ///
    /// # Errors
    /// See [`ShardsError`].
    pub const fn new(first: u32, last: u32, total: u32) -> Result<Self, ShardsError> {
        if total == 0 || total > MOST {
            Err(ShardsError::Total)
        } else if last < first {
            Err(ShardsError::Backwards)
        } else if last >= total {
            Err(ShardsError::Beyond { named: last, total })
        } else {
            Ok(Self { first, last, total })
        }
    }

    /// All shards, if there are so many. At least one.
    pub fn all(total: u32) -> Self {
        let total = total.clamp(1, MOST);
        Self { first: 0, last: total - 1, total }
    }

    /// Each of these shards.
    pub fn each(self) -> impl Iterator<Item = Shard> {
        (self.first..=self.last).map(move |id| Shard { id, total: self.total })
    }

    /// How many these are.
    pub const fn count(self) -> u32 {
        self.last - self.first + 1
    }

    /// The number of the first.
    pub const fn first(self) -> u32 {
        self.first
    }

    /// The number of the last, which is one of them.
    pub const fn last(self) -> u32 {
        self.last
    }

    /// How many there are in all, those of other processes included.
    pub const fn total(self) -> u32 {
        self.total
    }

    /// Whether these are all shards, so that no other process has servers.
    pub const fn is_all(self) -> bool {
        self.count() == self.total
    }

    /// Whether shard 0 is among them. Its process does what is done once for all.
    pub const fn keeps_house(self) -> bool {
        self.first == 0
    }

    /// Whether a server's events come through one of them.
    pub fn has(self, guild: GuildId) -> bool {
        (u64::from(self.first)..=u64::from(self.last)).contains(&number_of(guild, self.total))
    }
}

fn number_of(guild: GuildId, total: u32) -> u64 {
    (guild.get() >> 22) % u64::from(total.max(1))
}

impl fmt::Display for Shards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last, total } = self;
        if first == last { write!(f, "{first}/{total}") } else { write!(f, "{first}..{last}/{total}") }
    }
}

impl FromStr for Shards {
    type Err = ShardsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| text::number(text).ok_or(ShardsError::Malformed);
        let (range, total) = text.trim().split_once('/').ok_or(ShardsError::Malformed)?;
        let (first, last) = range.split_once("..").unwrap_or((range, range));
        Self::new(number(first)?, number(last)?, number(total)?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_operators_write_is_read() {
        for (text, first, last, total) in
            [("0..3/16", 0, 3, 16), ("5/16", 5, 5, 16), (" 0/1 ", 0, 0, 1), ("12..15/16", 12, 15, 16)]
        {
            assert_eq!(text.parse(), Shards::new(first, last, total), "{text}");
            assert!(text.parse::<Shards>().is_ok(), "{text}");
        }
        assert!(Shards::all(0).is_all() && Shards::all(16).is_all() && Shards::all(3).keeps_house());
        assert!(!"1..3/4".parse::<Shards>().unwrap().keeps_house());
    }

    #[test]
    fn what_is_wrong_is_said() {
        for text in
            ["", "3", "0..3", "0...3/4", "a/4", "-1/4", "+1/4", "0..=3/4", "0-3/16", "0..3/16/2", "../4"]
        {
            assert_eq!(text.parse::<Shards>(), Err(ShardsError::Malformed), "{text}");
        }
        assert_eq!("0/0".parse::<Shards>(), Err(ShardsError::Total));
        assert_eq!("0/65536".parse::<Shards>(), Err(ShardsError::Total));
        assert_eq!("3..1/4".parse::<Shards>(), Err(ShardsError::Backwards));
        let beyond = "0..4/4".parse::<Shards>().unwrap_err();
        assert_eq!(beyond.to_string(), "names shard 4, but the shards of 4 are 0 to 3");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(total in 1..=MOST, one: u32, other: u32) {
            let (first, last) = ((one % total).min(other % total), (one % total).max(other % total));
            let shards = Shards::new(first, last, total).unwrap();
            prop_assert_eq!(shards.to_string().parse(), Ok(shards));
            prop_assert_eq!(shards.each().count() as u32, shards.count());
        }

        #[test]
        fn each_server_has_one_place(guild in 1..u64::MAX, total in 1..100_u32, cut: u32) {
            let guild = GuildId::new(guild >> 1 | 1).unwrap();
            prop_assert_eq!(Shards::all(total).each().filter(|shard| shard.has(guild)).count(), 1);
            let cut = cut % total;
            let former = Shards::new(0, cut, total).unwrap();
            prop_assert_eq!(former.has(guild), former.each().any(|shard| shard.has(guild)));
            if cut + 1 < total {
                let latter = Shards::new(cut + 1, total - 1, total).unwrap();
                prop_assert!(former.has(guild) != latter.has(guild));
            }
        }

        #[test]
        fn whatever_is_written_is_read_or_refused(text in "[0-9./]{0,12}") {
            if let Ok(shards) = text.parse::<Shards>() {
                prop_assert!(shards.first() <= shards.last() && shards.last() < shards.total());
            }
        }
    }
}
