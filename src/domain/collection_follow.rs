//! Channels that follow collections: which follows come of it, and what keeps them in step.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::choice::choice;
use super::follow::{DeliveryMethod, FollowId, TagMode, ThreadScope};
use super::ids::{ChannelId, GuildId, UserId};
use super::personal::CollectionId;

/// The number of a channel's follow of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CollectionFollowId(pub i64);

/// What was chosen for all channels of a collection. What is `None` is the usual for each of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CollectionFollowOptions {
    /// Which posts.
    pub mode: Option<TagMode>,
    /// The tags for it, as they were typed.
    pub tags: Option<String>,
    /// Which of the sources' threads.
    pub threads: Option<ThreadScope>,
    /// How; `None` for native where that is possible.
    pub delivery: Option<DeliveryMethod>,
    /// Whether panels are shown, too.
    pub panels: Option<bool>,
}

/// A channel follows a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionFollow {
    /// Its number.
    pub id: CollectionFollowId,
    /// The collection; `None` once it ended, until what came from it is taken down.
    pub collection: Option<CollectionId>,
    /// The server of both.
    pub guild: GuildId,
    /// The channel that receives.
    pub target: ChannelId,
    /// What was chosen for it.
    pub options: CollectionFollowOptions,
    /// In whose name the channels are followed; `None` once that person is forgotten.
    pub created_by: Option<UserId>,
    /// When it was set up.
    pub created_at: DateTime<Utc>,
    /// How often it, or its collection, has changed.
    pub revision: i64,
    /// Up to which of these changes its follows are in step.
    pub synced_revision: i64,
}

impl CollectionFollow {
    /// Whether its follows are as they should be, as far as they can be.
    pub const fn is_in_step(&self) -> bool {
        self.collection.is_some() && self.revision == self.synced_revision
    }
}

choice! {
    /// Why a channel of a collection isn't followed.
    GapReason {
        /// It would show a private channel's posts to others, and nobody said yes to that.
        Confirmation = "confirmation",
        /// Whoever set the follow up can't read the channel, or it doesn't exist.
        Unreadable = "unreadable",
        /// Whoever set the follow up lacks a permission in the target, or isn't there any more.
        PersonLacks = "person_lacks",
        /// Whoever set the follow up is forgotten.
        NobodyLeft = "nobody_left",
        /// The bot lacks a permission.
        BotLacks = "bot_lacks",
        /// The channel's server doesn't let it be followed from here.
        Closed = "closed",
        /// The channel is age-restricted, and the target isn't.
        AgeRestricted = "age_restricted",
        /// The channel can't be followed with the options that were chosen.
        Options = "options",
        /// That kind of channel can't follow, or be followed.
        Kind = "kind",
        /// A limit is reached.
        Limit = "limit",
        /// Discord refused it.
        Refused = "refused",
    }
}

impl GapReason {
    /// What is wrong and what can be done, as a sentence.
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::Confirmation => {
                "Most people can't see it, and would read its posts here. If you mean that, follow it by itself: `/follow` asks first."
            }
            Self::Unreadable => {
                "Whoever set this up can't read it, or it doesn't exist. Somebody who can may follow it by itself with `/follow`."
            }
            Self::PersonLacks => {
                "Whoever set this up may no longer change what this channel follows. Somebody who may should end it with `/unfollow`, and follow the collection anew."
            }
            Self::NobodyLeft => {
                "Whoever set this up was forgotten. End it with `/unfollow`, and follow the collection anew."
            }
            Self::BotLacks => {
                "I lack permissions there or here. Follow it by itself with `/follow`, which says which."
            }
            Self::Closed => "It isn't open to this server.",
            Self::AgeRestricted => "It is age-restricted, and this channel isn't.",
            Self::Options => "The options of this follow don't fit it. Follow it by itself with `/follow`.",
            Self::Kind => "Channels of its kind can't be followed here.",
            Self::Limit => "There are as many follows or webhooks as there may be.",
            Self::Refused => "Discord refused it. It is tried again every hour.",
        }
    }
}

/// A channel of a followed collection that isn't followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FollowGap {
    /// The channel.
    pub channel: ChannelId,
    /// Why.
    pub reason: GapReason,
}

/// A follow into the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresentFollow {
    /// Its number.
    pub id: FollowId,
    /// Its source.
    pub source: ChannelId,
    /// From which collection's follow it comes; `None` if somebody made it by hand.
    pub from: Option<CollectionFollowId>,
}

/// The channels that a target should follow because of one collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedChannels {
    /// The collection's follow.
    pub by: CollectionFollowId,
    /// The collection's channels.
    pub channels: Vec<ChannelId>,
}

/// One step that brings a target's follows closer to its collections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncStep {
    /// No collection has this channel any more: the follow ends.
    End {
        /// The follow.
        follow: FollowId,
        /// From which collection's follow it came.
        from: CollectionFollowId,
    },
    /// Another collection has the channel: the follow comes from that one now.
    Pass {
        /// The follow.
        follow: FollowId,
        /// From which collection's follow it came.
        from: CollectionFollowId,
        /// From which it comes now.
        to: CollectionFollowId,
    },
    /// The channel should be followed.
    Make {
        /// The channel.
        source: ChannelId,
        /// Because of which collection's follow.
        by: CollectionFollowId,
    },
}

/// What must happen so that a target follows the channels of its collections, each once, and nothing else
/// but what people let it follow by hand. Follows made by hand stay as they are. A channel never follows
/// itself. Of several collections with one channel, the one that was followed first brings it.
pub fn steps_into(target: ChannelId, present: &[PresentFollow], wanted: &[WantedChannels]) -> Vec<SyncStep> {
    let mut brings: BTreeMap<ChannelId, BTreeSet<CollectionFollowId>> = BTreeMap::new();
    for one in wanted {
        for channel in one.channels.iter().filter(|channel| **channel != target) {
            brings.entry(*channel).or_default().insert(one.by);
        }
    }
    let mut steps = Vec::new();
    for follow in present {
        let bringing = brings.remove(&follow.source).unwrap_or_default();
        let Some(from) = follow.from.filter(|from| !bringing.contains(from)) else { continue };
        steps.push(match bringing.first() {
            Some(to) => SyncStep::Pass { follow: follow.id, from, to: *to },
            None => SyncStep::End { follow: follow.id, from },
        });
    }
    let missing = brings.into_iter().filter_map(|(source, by)| Some((source, by.first().copied()?)));
    steps.extend(missing.map(|(source, by)| SyncStep::Make { source, by }));
    steps
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TARGET: u64 = 5;

    fn channel(id: u64) -> ChannelId {
        ChannelId::new(id).unwrap()
    }

    /// Something that people do, or that happens to the program.
    #[derive(Debug, Clone, Copy)]
    enum Deed {
        Collect(usize, u64),
        Drop(usize, u64),
        Follow(usize),
        Unfollow(usize),
        FollowByHand(u64),
        UnfollowByHand(u64),
        /// The follows are brought into step; the process dies after so many steps.
        Sync(usize),
    }

    fn deed() -> impl Strategy<Value = Deed> {
        let (list, source) = (0..3_usize, 1..8_u64);
        prop_oneof![
            (list.clone(), source.clone()).prop_map(|(list, source)| Deed::Collect(list, source)),
            (list.clone(), source.clone()).prop_map(|(list, source)| Deed::Drop(list, source)),
            list.clone().prop_map(Deed::Follow),
            list.prop_map(Deed::Unfollow),
            source.clone().prop_map(Deed::FollowByHand),
            source.prop_map(Deed::UnfollowByHand),
            (0..4_usize).prop_map(Deed::Sync),
        ]
    }

    /// Three collections and one target.
    #[derive(Default)]
    struct Model {
        lists: [BTreeSet<u64>; 3],
        followed: [Option<CollectionFollowId>; 3],
        by_hand: BTreeSet<u64>,
        rows: Vec<PresentFollow>,
        last: i64,
    }

    impl Model {
        fn steps(&self) -> Vec<SyncStep> {
            let wanted = self.followed.iter().zip(&self.lists).filter_map(|(by, list)| {
                let channels = list.iter().copied().map(channel).collect();
                by.map(|by| WantedChannels { by, channels })
            });
            steps_into(channel(TARGET), &self.rows, &wanted.collect::<Vec<_>>())
        }

        fn sync(&mut self, most: usize) {
            for step in self.steps().into_iter().take(most) {
                let of = |id: FollowId, from: CollectionFollowId| {
                    move |row: &PresentFollow| row.id == id && row.from == Some(from)
                };
                match step {
                    SyncStep::End { follow, from } => self.rows.retain(|row| !of(follow, from)(row)),
                    SyncStep::Pass { follow, from, to } => {
                        let row = self.rows.iter_mut().find(|row| of(follow, from)(row));
                        row.expect("it is there").from = Some(to);
                    }
                    SyncStep::Make { source, by } => self.add(source, Some(by)),
                }
            }
        }

        fn add(&mut self, source: ChannelId, from: Option<CollectionFollowId>) {
            assert!(self.rows.iter().all(|row| row.source != source), "a pair is unique");
            self.last += 1;
            self.rows.push(PresentFollow { id: FollowId(self.last), source, from });
        }

        fn apply(&mut self, deed: Deed) {
            match deed {
                Deed::Collect(list, source) => drop(self.lists[list].insert(source)),
                Deed::Drop(list, source) => drop(self.lists[list].remove(&source)),
                Deed::Follow(list) => {
                    self.last += 1;
                    self.followed[list].get_or_insert(CollectionFollowId(self.last));
                }
                Deed::Unfollow(list) => self.followed[list] = None,
                Deed::FollowByHand(source) if source == TARGET => {}
                Deed::FollowByHand(source) => {
                    self.by_hand.insert(source);
                    match self.rows.iter_mut().find(|row| row.source == channel(source)) {
                        Some(row) => row.from = None,
                        None => self.add(channel(source), None),
                    }
                }
                Deed::UnfollowByHand(source) => {
                    if self.by_hand.remove(&source) {
                        self.rows.retain(|row| row.source != channel(source));
                    }
                }
                Deed::Sync(most) => self.sync(most),
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_followed_is_what_should_be(deeds in proptest::collection::vec(deed(), 0..60)) {
            let mut model = Model::default();
            for deed in deeds {
                model.apply(deed);
                let kept: BTreeSet<u64> =
                    model.rows.iter().filter(|row| row.from.is_none()).map(|row| row.source.get()).collect();
                prop_assert_eq!(&kept, &model.by_hand, "what was made by hand stays");
            }
            model.sync(usize::MAX);
            prop_assert_eq!(model.steps(), vec![], "then there is nothing left to do");
            let followed = model.followed.iter().zip(&model.lists).filter(|(by, _)| by.is_some());
            let mut expected: BTreeSet<u64> = followed.flat_map(|(_, list)| list.iter().copied()).collect();
            expected.remove(&TARGET);
            expected.extend(&model.by_hand);
            let there: BTreeSet<u64> = model.rows.iter().map(|row| row.source.get()).collect();
            prop_assert_eq!(there, expected);
            prop_assert!(model.rows.iter().all(|row| row.from.is_none_or(|from| {
                let by = model.followed.iter().position(|by| *by == Some(from));
                by.is_some_and(|list| model.lists[list].contains(&row.source.get()))
            })), "each comes from a collection that has it");
        }
    }

    #[test]
    fn a_channel_of_two_collections_is_passed_on() {
        let [first, second] = [1, 2].map(CollectionFollowId);
        let row = PresentFollow { id: FollowId(7), source: channel(1), from: Some(first) };
        let wanted = |by, channels: &[u64]| WantedChannels {
            by,
            channels: channels.iter().copied().map(channel).collect(),
        };
        let both = [wanted(first, &[1]), wanted(second, &[1, TARGET])];
        assert_eq!(steps_into(channel(TARGET), &[row], &both), []);
        let pass = SyncStep::Pass { follow: FollowId(7), from: first, to: second };
        assert_eq!(steps_into(channel(TARGET), &[row], &both[1..]), [pass]);
        let end = SyncStep::End { follow: FollowId(7), from: first };
        assert_eq!(steps_into(channel(TARGET), &[row], &[]), [end]);
    }
}
