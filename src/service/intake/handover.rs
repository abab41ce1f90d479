//! What one intake leaves to the next over a planned restart, so that a session of the gateway can go on: which sources need not be read again.
//!
//! All that was taken from the gateway is written down by then, except what waits behind a reading. That is read again: whatever waits leaves its source out of
//! those that need not be.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::domain::ids::{ChannelId, GuildId};
use crate::domain::lock::lock;
use crate::domain::shards::Shard;

use super::batch::Batch;
use super::dispatch::ReadSource;
use super::report_queue::Received;
use super::sources::Held;
use super::{Intake, Report};

/// What the next intake has to know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::service) struct Kept {
    /// Sources of which everything up to the last event is written down, with their servers.
    pub(super) current: Vec<(ChannelId, GuildId)>,
    /// Servers that have an outage.
    pub(super) away: Vec<GuildId>,
}

impl Kept {
    /// As much of it as a shard has to do with.
    pub(in crate::service) fn of(&self, shard: Shard) -> Self {
        let current = self.current.iter().filter(|(_, guild)| shard.has(*guild)).copied().collect();
        let away = self.away.iter().filter(|guild| shard.has(**guild)).copied().collect();
        Self { current, away }
    }
}

/// What an intake begins with, and what it leaves.
#[derive(Debug, Default)]
pub(super) struct Handover {
    /// What was left to it, of these shards.
    before: Vec<(Shard, Kept)>,
    /// What it leaves, once it has ended by itself.
    after: Option<Kept>,
}

impl Intake {
    /// Goes on where another left off, for a shard whose session may go on. To be called before it runs.
    pub(in crate::service) fn resume(&self, shard: Shard, kept: Kept) {
        lock(&self.handover).before.push((shard, kept));
    }

    /// What it leaves to another, unless it was cut off.
    pub(in crate::service) fn left(&self) -> Option<Kept> {
        lock(&self.handover).after.take()
    }

    /// Takes up what was left to this one. What isn't current is read now: no session that begins would have it read.
    pub(super) fn take_over(&self, held: &mut Held) {
        let before = std::mem::take(&mut lock(&self.handover).before);
        for (shard, mut kept) in before {
            // Nobody followed the others any more.
            kept.current.retain(|(source, _)| self.watched.is_followed(*source));
            held.resume(kept);
            for (source, guild) in self.watched.sources_of(|guild| shard.has(guild)) {
                if !held.is_away(guild) {
                    held.catch_up(source, guild);
                }
            }
        }
    }

    /// No more reports come: what waits behind a reading, and a reading that comes later wouldn't show, is written down
    /// now. A history lacks what was deleted, and is compared with the newest messages only.
    pub(super) fn take_last_words(
        &self,
        held: &mut Held,
        read: &mut VecDeque<ReadSource>,
        batch: &mut Batch,
    ) {
        let waiting = read.iter_mut().flat_map(ReadSource::take_before_read).chain(held.take_all_waiting());
        let waiting: Vec<Received> = waiting.collect();
        for Received { report, .. } in waiting {
            if matches!(report, Report::Deleted { .. } | Report::ThreadEnded(_) | Report::Edited(_)) {
                self.take_at_last(report, held, batch);
            }
        }
    }

    /// No more reports come: leaves to another what it has to know.
    pub(super) fn leave(&self, mut held: Held) {
        let root = |channel| self.watched.root_of(channel).map(|(root, _)| root);
        // What is said at last is only told by an update of what nobody would know any more; and what was asked for hasn't begun yet.
        let loading = self.reader.loading.channels(self.clock.now()).into_iter().filter_map(root);
        let asked: Vec<ChannelId> = lock(&self.asked.sources).iter().map(|(source, _)| *source).collect();
        loading.chain(asked).for_each(|source| held.outdate(source));
        lock(&self.handover).after = Some(held.leave(root));
    }
}
