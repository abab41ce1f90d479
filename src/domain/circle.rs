//! Finds circles: somebody else's bot or webhook copies mirrors back into the source, so that they are
//! mirrored again, without end.
//!
//! Equal messages alone prove nothing: a build bot repeats itself, and so do people in a raid. What
//! distinguishes a circle is its cause: each copy needs the mirror before it. So once bots or webhooks have
//! repeated the same content [`SUSPICIOUS`] times in quick succession, the next copy is *held*: it is
//! recorded, but owed to nobody.
//!
//! ```text
//! suspicious ─► quiet: nothing is mirrored ─► a copy comes all the same ─► no circle: everything is released
//!                       │ no copy comes
//!                       ▼
//!              test: released to some targets ─► no copy comes ─► not these: the others are tested next,
//!                       │ a copy comes                            and then everything is released
//!                       ▼
//!              fewer targets, until one is left; after two tests that agree, its follow breaks
//! ```
//! People's messages are never held, and neither is anything else that is posted meanwhile.

mod family;
mod gist;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use self::family::{Family, FamilyStage};
pub use self::gist::{Gist, gist};
use super::activity::Origin;
use super::follow::FollowId;
use super::ids::ChannelId;

/// How many copies of a message by bots or webhooks are suspicious. The last of them is held.
pub const SUSPICIOUS: u32 = 5;
/// How long after a message a copy of it belongs to the same circle.
const LINK: TimeDelta = TimeDelta::seconds(20);
/// How many messages of a source are remembered, and for how many contents copies are counted.
const REMEMBERED: usize = 32;
const FAMILIES: usize = 16;

/// A message that was posted in a source.
#[derive(Debug)]
pub struct Posting {
    /// The source.
    pub source: ChannelId,
    /// The message.
    pub origin: Origin,
    /// When it was seen.
    pub at: DateTime<Utc>,
    /// Whether a bot or a webhook posted it.
    pub by_app: bool,
    /// What it says.
    pub gist: Gist,
}

/// What is to be done about messages that were held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Find out to which follows this message is owed, and [answer](Circles::test) with them.
    FindFollows {
        /// Which family of messages.
        family: FamilyId,
        /// The message.
        origin: Origin,
    },
    /// Owe a message to these follows alone.
    ReleaseTo {
        /// Which family of messages.
        family: FamilyId,
        /// The message.
        origin: Origin,
        /// The follows.
        follows: Vec<FollowId>,
    },
    /// Owe messages to all who follow.
    Release(Vec<Origin>),
    /// Break this follow, whose mirrors come back into its source.
    Break(FollowId),
}

/// Messages of one source that say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FamilyId {
    source: ChannelId,
    number: u64,
}

#[derive(Debug, Default)]
struct Source {
    recent: VecDeque<(DateTime<Utc>, Gist)>,
    families: Vec<Family>,
}

/// Watches sources for circles.
#[derive(Debug, Default)]
pub struct Circles {
    sources: HashMap<ChannelId, Source>,
    numbers: u64,
    actions: VecDeque<Action>,
}

impl Circles {
    /// Notes a message that was posted. Whether it is to be held.
    pub fn observe(&mut self, posting: Posting) -> bool {
        let Posting { source, origin, at, by_app, gist } = posting;
        if gist.is_empty() {
            return false;
        }
        let watched = self.sources.entry(source).or_default();
        watched.recent.retain(|(seen, _)| at - *seen <= LINK);
        let family = watched.families.iter_mut().find(|family| by_app && gist.repeats(&family.gist));
        let held = match family {
            Some(family) => family.take_copy(origin, at, &gist, &mut self.actions),
            None if by_app && watched.recent.iter().any(|(_, earlier)| gist.repeats(earlier)) => {
                self.numbers += 1;
                watched.families.push(Family::new(self.numbers, gist.clone(), at, origin));
                false
            }
            None => false,
        };
        if watched.families.len() > FAMILIES {
            // Groups that hold something end by themselves.
            if let Some(oldest) = watched.families.iter().position(Family::is_idle) {
                watched.families.remove(oldest);
            }
        }
        watched.recent.push_back((at, gist));
        while watched.recent.len() > REMEMBERED {
            watched.recent.pop_front();
        }
        held
    }

    /// Whether something is being investigated, so that [`tick`](Self::tick) is to be called soon.
    pub fn is_busy(&self) -> bool {
        !self.actions.is_empty() || self.busy().next().is_some()
    }

    /// The families of which mirrors may still be on their way, each with the messages that these show. While
    /// that is so, nothing that is posted proves anything, and [`delay`](Self::delay) is to be called.
    pub fn unsettled(&self, now: DateTime<Utc>) -> Vec<(FamilyId, Vec<Origin>)> {
        let unsettled = self.busy().filter_map(|(id, family)| match &family.stage {
            FamilyStage::Quiet { settled, .. } if now < *settled => {
                Some((id, family.passed.iter().copied().collect()))
            }
            FamilyStage::Testing { .. } => Some((id, family.held.last().copied().into_iter().collect())),
            _ => None,
        });
        unsettled.collect()
    }

    /// Notes that mirrors of a family aren't shown yet. Whatever waits for their effects waits from now on.
    pub fn delay(&mut self, family: FamilyId, now: DateTime<Utc>) {
        if let Some(family) = self.family(family) {
            family.delay(now);
        }
    }

    /// The follows to which the newest held message of a family is owed.
    pub fn test(&mut self, id: FamilyId, follows: Vec<FollowId>, now: DateTime<Utc>) {
        let Self { sources, actions, .. } = self;
        let families = sources.get_mut(&id.source).map(|source| &mut source.families);
        let family = families.and_then(|all| all.iter_mut().find(|family| family.number == id.number));
        if let Some(family) = family.filter(|family| matches!(family.stage, FamilyStage::Finding)) {
            family.begin_test(id, follows, now, actions);
        }
    }

    /// Goes on with the investigations. Returns what is to be done next.
    pub fn tick(&mut self, now: DateTime<Utc>) -> Vec<Action> {
        let Self { sources, actions, .. } = self;
        for (source, watched) in sources.iter_mut() {
            for family in &mut watched.families {
                family.advance(FamilyId { source: *source, number: family.number }, now, actions);
            }
        }
        self.forget_idle(now);
        self.actions.drain(..).collect()
    }

    /// Notes actions that couldn't be done, so that the next tick returns them again.
    pub fn repeat(&mut self, actions: impl IntoIterator<Item = Action>) {
        self.actions.extend(actions);
    }

    fn forget_idle(&mut self, now: DateTime<Utc>) {
        self.sources.retain(|_, source| {
            source.families.retain(|family| match family.stage {
                FamilyStage::Counting => now - family.last_at <= LINK,
                FamilyStage::Cleared { until } => now <= until,
                _ => true,
            });
            !source.families.is_empty() || source.recent.back().is_some_and(|(at, _)| now - *at <= LINK)
        });
    }

    fn busy(&self) -> impl Iterator<Item = (FamilyId, &Family)> {
        let all = self.sources.iter().flat_map(|(source, watched)| {
            watched
                .families
                .iter()
                .map(|family| (FamilyId { source: *source, number: family.number }, family))
        });
        all.filter(|(_, family)| !family.is_idle())
    }

    fn family(&mut self, id: FamilyId) -> Option<&mut Family> {
        let families = &mut self.sources.get_mut(&id.source)?.families;
        families.iter_mut().find(|family| family.number == id.number)
    }
}
