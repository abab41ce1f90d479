//! From the gateway to the services, in the gateway's order: what happens in followed channels goes to the [`Intake`], what may break follows to the [`Upkeep`].
//!
//! Looked at on the shard's own task, so it is quick and asks nobody: most events are of no concern.

use std::sync::Arc;

use poise::serenity_prelude as serenity;
use serde::Serialize;
use serde_json::Value;
use serenity::Event;
use tokio::sync::mpsc::UnboundedSender;

use crate::domain::ids::ChannelId;
use crate::metrics as names;
use crate::service::intake::{Intake, Report, Reports, Told};
use crate::service::panels::Panels;
use crate::service::upkeep::{Change, Upkeep};

use super::ids::IntoDomain;
use super::threads;

/// The ways from the shards to the services. Only followed channels come here.
#[derive(Clone)]
pub(super) struct Queues {
    pub(super) reports: Reports,
    pub(super) changes: UnboundedSender<Change>,
}

impl Queues {
    pub(super) fn report(&self, report: Report) {
        self.reports.send(report);
    }

    pub(super) fn change(&self, upkeep: &Upkeep, channel: ChannelId, change: Change) {
        if upkeep.concerns(channel) {
            let _ = self.changes.send(change);
        }
    }
}

/// Passes on what concerns a follow.
pub(super) fn pass_on(queues: &Queues, intake: &Intake, upkeep: &Upkeep, event: &Event) {
    match event {
        Event::MessageCreate(created) => {
            message(queues, intake, &created.message, created.message.channel_id, Report::Posted)
        }
        Event::MessageUpdate(updated) => message(queues, intake, updated, updated.channel_id, Report::Edited),
        Event::MessageDelete(deleted) => deletion(queues, intake, deleted.channel_id, deleted.message_id),
        Event::MessageDeleteBulk(deleted) => {
            deleted.ids.iter().for_each(|message| deletion(queues, intake, deleted.channel_id, *message));
        }
        Event::GuildCreate(created) => {
            let guild = created.guild.id.into_domain();
            if let Some(back) = upkeep.there(guild) {
                let _ = queues.changes.send(back);
            }
            // In an outage, nothing is told of its channels.
            if !created.guild.unavailable {
                let channels = &created.guild.channels;
                upkeep
                    .told_of_channels(guild, |id| channels.contains_key(&serenity::ChannelId::new(id.get())));
            }
            threads::in_server(queues, intake, &created.guild);
            queues.report(Report::There(guild));
        }
        Event::ChannelUpdate(updated) => threads::tags(intake, &updated.channel),
        Event::ChannelDelete(deleted) => {
            let channel = deleted.channel.id.into_domain();
            intake.channel_deleted(channel);
            queues.change(upkeep, channel, Change::ChannelDeleted(channel));
        }
        Event::ThreadCreate(created) => {
            threads::seen(queues, intake, created.thread.guild_id, &created.thread, Told::Created);
        }
        Event::ThreadUpdate(updated) => {
            threads::seen(queues, intake, updated.thread.guild_id, &updated.thread, Told::Updated);
        }
        Event::ThreadDelete(deleted) => threads::deleted(queues, intake, upkeep, &deleted.thread),
        Event::ThreadListSync(synced) => threads::synced(queues, intake, synced),
        Event::WebhookUpdate(changed) => {
            let (guild, channel) = (changed.guild_id.into_domain(), changed.channel_id.into_domain());
            queues.change(upkeep, channel, Change::WebhooksChanged { guild, channel });
        }
        // An outage: the bot is still a member.
        Event::GuildDelete(away) if away.guild.unavailable => {
            queues.report(Report::Away(away.guild.id.into_domain()));
        }
        Event::GuildDelete(left) => {
            let _ = queues.changes.send(upkeep.left(left.guild.id.into_domain()));
        }
        Event::Unknown(unknown) => undecoded(queues, intake, unknown),
        _ => {}
    }
}

/// Notices when the message of a panel is deleted.
pub(super) fn watch_panels(panels: &Arc<Panels>, event: &Event) {
    match event {
        Event::MessageDelete(deleted) => panel_message_gone(panels, deleted.message_id),
        Event::MessageDeleteBulk(deleted) => {
            deleted.ids.iter().for_each(|message| panel_message_gone(panels, *message));
        }
        _ => {}
    }
}

fn panel_message_gone(panels: &Arc<Panels>, message: serenity::MessageId) {
    let message = message.into_domain();
    let Some(panel) = panels.shown_by(message) else { return };
    let panels = Arc::clone(panels);
    // The next look at the panel finds it too.
    tokio::spawn(async move {
        if let Err(error) = panels.message_deleted(panel, message).await {
            tracing::warn!(panel = panel.0, %error, "the deletion of a panel's message could not be written down");
        }
    });
}

fn message(
    queues: &Queues,
    intake: &Intake,
    message: &impl Serialize,
    channel: serenity::ChannelId,
    report: impl FnOnce(Value) -> Report,
) {
    if !intake.wants(channel.into_domain()) {
        return;
    }
    match serde_json::to_value(message) {
        Ok(message) => queues.report(report(message)),
        Err(error) => tracing::error!(%error, "a message of the gateway's can't be passed on"),
    }
}

fn deletion(queues: &Queues, intake: &Intake, channel: serenity::ChannelId, message: serenity::MessageId) {
    let channel = channel.into_domain();
    if intake.wants(channel) {
        queues.report(Report::Deleted { channel, message: message.into_domain() });
    }
}

/// An event that the library does not understand arrives as it is. Messages and threads are understood here all the same.
fn undecoded(queues: &Queues, intake: &Intake, unknown: &serenity::UnknownEvent) {
    metrics::counter!(names::EVENTS_UNDECODED, "event" => unknown.kind.clone()).increment(1);
    match unknown.kind.as_str() {
        "THREAD_CREATE" => return threads::unread(queues, intake, &unknown.value, Told::Created),
        "THREAD_UPDATE" => return threads::unread(queues, intake, &unknown.value, Told::Updated),
        _ => {}
    }
    let channel = unknown.value["channel_id"].as_str().and_then(|id| id.parse().ok());
    if !channel.is_some_and(|channel| intake.wants(channel)) {
        return;
    }
    match unknown.kind.as_str() {
        "MESSAGE_CREATE" => queues.report(Report::Posted(unknown.value.clone())),
        "MESSAGE_UPDATE" => queues.report(Report::Edited(unknown.value.clone())),
        _ => {}
    }
}
