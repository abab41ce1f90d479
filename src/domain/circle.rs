//! Finds circles: somebody else's bot or webhook copies mirrors back into the source, so that they are
//! mirrored again, without end.
//!
//! Equal messages alone prove nothing: a build bot repeats itself, and so do people in a raid. What
//! distinguishes a circle is its cause: each copy needs the mirror before it. So once bots or webhooks have
//! repeated the same content [`SUSPICIOUS`] times in quick succession, the next copy is *quarantined*: it is
//! recorded, but delivered to nobody.
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
//! People's messages are never quarantined, and neither is anything else that is posted meanwhile.

mod copy_group;
mod fingerprint;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use self::copy_group::{CircleStage, CopyGroup, CopyHandling};
pub use self::fingerprint::{Fingerprint, fingerprint};
use super::activity::Origin;
use super::follow::FollowId;
use super::ids::ChannelId;

/// How many copies of a message by bots or webhooks are suspicious. The last of them is quarantined.
pub const SUSPICIOUS: u32 = 5;
/// How long after a message a copy of it belongs to the same circle.
const LINK: TimeDelta = TimeDelta::seconds(20);
/// How many messages of a source are remembered, and for how many contents copies are counted.
const REMEMBERED: usize = 32;
const GROUPS: usize = 16;

/// A message that was posted in a source.
#[derive(Debug)]
pub struct SourcePost {
    /// The source.
    pub source: ChannelId,
    /// The message.
    pub origin: Origin,
    /// When it was seen.
    pub at: DateTime<Utc>,
    /// Whether a bot or a webhook posted it.
    pub by_app: bool,
    /// What it says.
    pub fingerprint: Fingerprint,
}

/// What to do about messages that were quarantined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CircleAction {
    /// Find out to which follows this message is delivered, and [answer](CircleDetector::test) with them.
    FindFollows {
        /// Which group of copies.
        group: CopyGroupId,
        /// The message.
        origin: Origin,
    },
    /// Deliver a message to these follows alone.
    ReleaseTo {
        /// Which group of copies.
        group: CopyGroupId,
        /// The message.
        origin: Origin,
        /// The follows.
        follows: Vec<FollowId>,
    },
    /// Deliver messages to all who follow.
    Release(Vec<Origin>),
    /// Break this follow, whose mirrors come back into its source.
    Break(FollowId),
}

/// Names a group of messages of one source that say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CopyGroupId {
    source: ChannelId,
    number: u64,
}

#[derive(Debug, Default)]
struct Source {
    recent: VecDeque<(DateTime<Utc>, Fingerprint)>,
    groups: Vec<CopyGroup>,
}

/// Watches sources for circles.
#[derive(Debug, Default)]
pub struct CircleDetector {
    sources: HashMap<ChannelId, Source>,
    numbers: u64,
    actions: VecDeque<CircleAction>,
}

impl CircleDetector {
    /// Notes a message that was posted. Whether it is to be quarantined.
    pub fn observe(&mut self, posting: SourcePost) -> bool {
        let SourcePost { source, origin, at, by_app, fingerprint } = posting;
        if fingerprint.is_empty() {
            return false;
        }
        let watched = self.sources.entry(source).or_default();
        watched.recent.retain(|(seen, _)| at - *seen <= LINK);
        let group = watched.groups.iter_mut().find(|group| by_app && fingerprint.repeats(&group.fingerprint));
        let quarantined = match group {
            Some(group) => {
                let handling = group.take_copy(origin, at, &fingerprint, &mut self.actions);
                handling == CopyHandling::Quarantined
            }
            None if by_app && watched.recent.iter().any(|(_, earlier)| fingerprint.repeats(earlier)) => {
                self.numbers += 1;
                watched.groups.push(CopyGroup::new(self.numbers, fingerprint.clone(), at, origin));
                false
            }
            None => false,
        };
        if watched.groups.len() > GROUPS {
            // Groups that hold something end by themselves.
            if let Some(oldest) = watched.groups.iter().position(CopyGroup::is_idle) {
                watched.groups.remove(oldest);
            }
        }
        watched.recent.push_back((at, fingerprint));
        while watched.recent.len() > REMEMBERED {
            watched.recent.pop_front();
        }
        quarantined
    }

    /// Whether something is being investigated, so that [`tick`](Self::tick) is to be called soon.
    pub fn is_busy(&self) -> bool {
        !self.actions.is_empty() || self.busy().next().is_some()
    }

    /// The groups of which mirrors may still be on their way, each with the messages that these show. While
    /// that is so, nothing that is posted proves anything, and [`delay`](Self::delay) is to be called.
    pub fn awaiting_mirrors(&self, now: DateTime<Utc>) -> Vec<(CopyGroupId, Vec<Origin>)> {
        let awaiting_mirrors = self.busy().filter_map(|(id, group)| match &group.stage {
            CircleStage::Quiet { arrived_at, .. } if now < *arrived_at => {
                Some((id, group.passed.iter().copied().collect()))
            }
            CircleStage::Testing { .. } => {
                Some((id, group.quarantined.last().copied().into_iter().collect()))
            }
            _ => None,
        });
        awaiting_mirrors.collect()
    }

    /// Notes that mirrors of a group aren't shown yet. Whatever waits for their effects waits from now on.
    pub fn delay(&mut self, group: CopyGroupId, now: DateTime<Utc>) {
        if let Some(group) = self.group(group) {
            group.delay(now);
        }
    }

    /// The follows to which the newest quarantined message of a group is delivered.
    pub fn test(&mut self, id: CopyGroupId, follows: Vec<FollowId>, now: DateTime<Utc>) {
        let Self { sources, actions, .. } = self;
        let groups = sources.get_mut(&id.source).map(|source| &mut source.groups);
        let group = groups.and_then(|all| all.iter_mut().find(|group| group.number == id.number));
        if let Some(group) = group.filter(|group| matches!(group.stage, CircleStage::Finding)) {
            group.begin_test(id, follows, now, actions);
        }
    }

    /// Goes on with the investigations. Returns what to do next.
    pub fn tick(&mut self, now: DateTime<Utc>) -> Vec<CircleAction> {
        let Self { sources, actions, .. } = self;
        for (source, watched) in sources.iter_mut() {
            for group in &mut watched.groups {
                group.advance(CopyGroupId { source: *source, number: group.number }, now, actions);
            }
        }
        self.forget_idle(now);
        self.actions.drain(..).collect()
    }

    /// Notes actions that couldn't be done, so that the next tick returns them again.
    pub fn repeat(&mut self, actions: impl IntoIterator<Item = CircleAction>) {
        self.actions.extend(actions);
    }

    fn forget_idle(&mut self, now: DateTime<Utc>) {
        self.sources.retain(|_, source| {
            source.groups.retain(|group| match group.stage {
                CircleStage::Counting => now - group.last_at <= LINK,
                CircleStage::Cleared { until } => now <= until,
                _ => true,
            });
            !source.groups.is_empty() || source.recent.back().is_some_and(|(at, _)| now - *at <= LINK)
        });
    }

    fn busy(&self) -> impl Iterator<Item = (CopyGroupId, &CopyGroup)> {
        let all = self.sources.iter().flat_map(|(source, watched)| {
            watched.groups.iter().map(|group| (CopyGroupId { source: *source, number: group.number }, group))
        });
        all.filter(|(_, group)| !group.is_idle())
    }

    fn group(&mut self, id: CopyGroupId) -> Option<&mut CopyGroup> {
        let groups = &mut self.sources.get_mut(&id.source)?.groups;
        groups.iter_mut().find(|group| group.number == id.number)
    }
}
