//! What one intake hands over to the next across a planned restart, so that a gateway session can be resumed:
//! the sources that need not be read again.
//!
//! By then, everything that came from the gateway is recorded, except what waits behind a reading. Sources
//! with such events are left out of the handover, so they are read again.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::domain::ids::{ChannelId, GuildId};
use crate::domain::lock::lock;
use crate::domain::shards::Shard;

use super::batch::Batch;
use super::dispatch::CompletedReading;
use super::event_queue::ReceivedEvent;
use super::sources::SourceStates;
use super::{GatewayEvent, Intake};

/// What the next intake must know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::service) struct IntakeHandover {
    /// Sources of which everything up to the last event is written down, with their servers.
    pub(super) current: Vec<(ChannelId, GuildId)>,
    /// Servers that have an outage.
    pub(super) away: Vec<GuildId>,
}

impl IntakeHandover {
    /// The part of it that concerns a shard.
    pub(in crate::service) fn of(&self, shard: Shard) -> Self {
        let current = self.current.iter().filter(|(_, guild)| shard.has(*guild)).copied().collect();
        let away = self.away.iter().filter(|guild| shard.has(**guild)).copied().collect();
        Self { current, away }
    }
}

/// What an intake begins with, and what it hands over.
#[derive(Debug, Default)]
pub(super) struct HandoverSlot {
    /// What it received, for these shards.
    before: Vec<(Shard, IntakeHandover)>,
    /// What it hands over, once it has ended by itself.
    after: Option<IntakeHandover>,
}

impl Intake {
    /// Continues where another intake ended, for a shard whose session may be resumed. It must be called
    /// before [`run`](Intake::run).
    pub(in crate::service) fn resume(&self, shard: Shard, kept: IntakeHandover) {
        lock(&self.handover).before.push((shard, kept));
    }

    /// What it hands over, unless it was interrupted.
    pub(in crate::service) fn take_handover(&self) -> Option<IntakeHandover> {
        lock(&self.handover).after.take()
    }

    /// Applies what was handed over. Sources that aren't current are read now: no new session will request
    /// it.
    pub(super) fn resume_from_handover(&self, sources: &mut SourceStates) {
        let before = std::mem::take(&mut lock(&self.handover).before);
        for (shard, mut kept) in before {
            // The others have lost their last follow.
            kept.current.retain(|(source, _)| self.watched.is_followed(*source));
            sources.resume(kept);
            for (source, guild) in self.watched.sources_of(|guild| shard.has(guild)) {
                if !sources.is_away(guild) {
                    sources.ensure_current(source, guild);
                }
            }
        }
    }

    /// No more events come. Records what waits behind a reading if a later reading wouldn't show it: a
    /// history lacks what was deleted, and only its newest messages are compared.
    pub(super) fn accept_last_events(
        &self,
        sources: &mut SourceStates,
        completed: &mut VecDeque<CompletedReading>,
        batch: &mut Batch,
    ) {
        let waiting = completed
            .iter_mut()
            .flat_map(CompletedReading::take_before_read)
            .chain(sources.take_all_waiting());
        let waiting: Vec<ReceivedEvent> = waiting.collect();
        for ReceivedEvent { event, .. } in waiting {
            if matches!(
                event,
                GatewayEvent::Deleted { .. } | GatewayEvent::ThreadEnded(_) | GatewayEvent::Edited(_)
            ) {
                self.accept_at_end(event, sources, batch);
            }
        }
    }

    /// No more events come: hands over what the next intake must know.
    pub(super) fn hand_over(&self, mut sources: SourceStates) {
        let root = |channel| self.watched.root_of(channel).map(|(root, _)| root);
        // A message that is still loading is completed by an update that nobody would recognise, and
        // requested readings haven't begun yet.
        let loading = self.reader.loading.channels(self.clock.now()).into_iter().filter_map(root);
        let asked: Vec<ChannelId> = lock(&self.requested.sources).iter().map(|(source, _)| *source).collect();
        loading.chain(asked).for_each(|source| sources.mark_source_unread(source));
        lock(&self.handover).after = Some(sources.into_handover(root));
    }
}
