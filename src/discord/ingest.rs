//! From the gateway to the services, in the gateway's order: what happens in followed channels goes to the [`Intake`], what may break follows to the [`Upkeep`].
//!
//! ```text
//! shard ─► collector (in order, filtered in memory) ─► queue ─► batches ─► Intake::record, one transaction each
//!                                                        └────► changes ─► Upkeep::reflect, which asks Discord
//! ```

use std::sync::Arc;
use std::time::Duration;

use poise::serenity_prelude as serenity;
use serenity::Event;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::domain::activity::Origin;
use crate::service::catch_up::Shard;
use crate::service::intake::{Intake, SourceEvent};
use crate::service::upkeep::{Change, Upkeep};

use super::convert;
use super::ids::IntoDomain;

/// How many events one transaction takes at most.
const BATCH: usize = 256;
/// How long to wait before a batch that the database didn't take is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// What the collector lets through.
pub(super) enum Incoming {
    /// A session begins on this shard: what was posted before is not reported in it, and is read now. Stands before all events of the session.
    Began(Shard),
    /// Something in a followed channel.
    Event(Box<SourceEvent>),
    /// Something that may have broken follows.
    Change(Change),
}

/// Looks at each event, on the shard's own task: quick, without a query. Most are of no concern.
pub(super) fn extract(intake: &Intake, upkeep: &Upkeep, event: &Event) -> Vec<Incoming> {
    match event {
        Event::MessageCreate(created) => posted(intake, &created.message).into_iter().collect(),
        Event::MessageUpdate(_) => Vec::new(),
        Event::MessageDelete(deleted) => {
            deletion(intake, deleted.channel_id, deleted.message_id).into_iter().collect()
        }
        Event::MessageDeleteBulk(deleted) => {
            deleted.ids.iter().filter_map(|message| deletion(intake, deleted.channel_id, *message)).collect()
        }
        Event::ChannelDelete(deleted) => {
            let channel = deleted.channel.id.into_domain();
            concerning(upkeep, channel, Change::ChannelDeleted(channel))
        }
        Event::WebhookUpdate(changed) => {
            let channel = changed.channel_id.into_domain();
            concerning(upkeep, channel, Change::WebhooksChanged(channel))
        }
        // `unavailable` means an outage: the bot is still a member.
        Event::GuildDelete(left) if !left.guild.unavailable => {
            vec![Incoming::Change(Change::GuildLeft(left.guild.id.into_domain()))]
        }
        _ => Vec::new(),
    }
}

fn concerning(upkeep: &Upkeep, channel: crate::domain::ids::ChannelId, change: Change) -> Vec<Incoming> {
    if upkeep.concerns(channel) { vec![Incoming::Change(change)] } else { Vec::new() }
}

/// A message, if it is to be mirrored.
pub(super) fn posted(intake: &Intake, message: &serenity::Message) -> Option<Incoming> {
    let channel = message.channel_id.into_domain();
    if !intake.follows(channel) || !convert::is_post(message.kind) || intake.is_own(convert::poster(message))
    {
        return None;
    }
    let guild = message.guild_id?;
    Some(Incoming::Event(Box::new(SourceEvent::Posted {
        origin: Origin::Message { channel, message: message.id.into_domain() },
        source: channel,
        author: Some(message.author.id.into_domain()),
        content: convert::content(message, guild),
    })))
}

fn deletion(intake: &Intake, channel: serenity::ChannelId, message: serenity::MessageId) -> Option<Incoming> {
    let channel = channel.into_domain();
    intake.follows(channel).then(|| {
        let origin = Origin::Message { channel, message: message.into_domain() };
        Incoming::Event(Box::new(SourceEvent::Deleted { origin }))
    })
}

/// The two ends of the way from the shards to the services.
pub(super) fn queue() -> (UnboundedSender<Incoming>, UnboundedReceiver<Incoming>) {
    unbounded_channel()
}

/// Works until the queue's last sender is gone, and what it held is written down.
pub(super) async fn run(mut queue: UnboundedReceiver<Incoming>, intake: Arc<Intake>, upkeep: Arc<Upkeep>) {
    let (changes, work) = unbounded_channel();
    let changing = tokio::spawn(reflect(work, upkeep));
    let mut batch = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        let mut events = Vec::with_capacity(batch.len());
        for incoming in batch.drain(..) {
            match incoming {
                Incoming::Event(event) => events.push(*event),
                Incoming::Began(shard) => {
                    record(&intake, &std::mem::take(&mut events)).await;
                    // What is read meanwhile waits in the queue.
                    if let Err(error) = intake.catch_up(shard).await {
                        tracing::error!(%error, "can't read what was missed");
                    }
                }
                Incoming::Change(change) => {
                    // The other end lives as long as this one.
                    let _ = changes.send(change);
                }
            }
        }
        record(&intake, &events).await;
    }
    changing.abort();
}

/// Writes a batch down, however long the database is away: to go on without it would lose messages.
async fn record(intake: &Intake, events: &[SourceEvent]) {
    if events.is_empty() {
        return;
    }
    metrics::counter!(crate::metrics::EVENTS_READ).increment(events.len() as u64);
    let mut failures = 0_u32;
    while let Err(error) = intake.record(events).await {
        failures += 1;
        // Once at the first failure, then at each doubling.
        if failures.is_power_of_two() {
            tracing::error!(%error, failures, events = events.len(), "events can't be written down; trying again");
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn reflect(mut changes: UnboundedReceiver<Change>, upkeep: Arc<Upkeep>) {
    while let Some(change) = changes.recv().await {
        if let Err(error) = upkeep.reflect(change).await {
            tracing::error!(%error, ?change, "a change at Discord could not be reflected; the next sweep will find it");
        }
    }
}
