//! What the gateway tells of threads and of the tags of forums, for the [`Intake`]. Of those that nobody follows, nothing is copied.

use poise::serenity_prelude as serenity;
use serde_json::Value;
use serenity::{ChannelType, GuildChannel};

use crate::service::intake::{Intake, Report, Told};
use crate::service::upkeep::{Change, Upkeep};
use crate::service::watch::SeenThread;

use super::ids::IntoDomain;
use super::ingest::Queues;

/// The forums and active threads of a server.
pub(super) fn in_server(queues: &Queues, intake: &Intake, guild: &serenity::Guild) {
    guild.channels.values().for_each(|channel| tags(intake, channel));
    guild.threads.iter().for_each(|thread| seen(queues, intake, guild.id, thread, Told::Listed));
}

/// The tags that a forum offers.
pub(super) fn tags(intake: &Intake, channel: &GuildChannel) {
    let id = channel.id.into_domain();
    // Media channels (16), too, which the library doesn't know.
    let forum = matches!(channel.kind, ChannelType::Forum | ChannelType::Unknown(16));
    if forum && intake.wants_tags(id) {
        let tags = channel.available_tags.iter();
        intake.tags_offered(id, tags.map(|tag| (tag.id.into_domain(), tag.name.clone())));
    }
}

/// A thread, as it is now.
pub(super) fn seen(
    queues: &Queues,
    intake: &Intake,
    guild: serenity::GuildId,
    thread: &GuildChannel,
    told: Told,
) {
    let Some(parent) = thread.parent_id.map(IntoDomain::into_domain) else { return };
    let id = thread.id.into_domain();
    if !intake.wants_thread(id, parent) {
        return;
    }
    let thread = SeenThread {
        id,
        parent,
        guild: guild.into_domain(),
        title: thread.name.clone(),
        tags: thread.applied_tags.iter().map(|tag| tag.into_domain()).collect(),
        private: thread.kind == ChannelType::PrivateThread,
        last_message: thread.last_message_id.map(IntoDomain::into_domain),
    };
    if let Some(report) = intake.thread_seen(thread, told) {
        queues.report(report);
    }
}

/// The same as Discord sent it, where the library couldn't read it.
pub(super) fn unread(queues: &Queues, intake: &Intake, thread: &Value, told: Told) {
    if let Some(report) = intake.thread_read(thread, told) {
        queues.report(report);
    }
}

/// A thread is gone. Of one that is read, all that comes before is written down first.
pub(super) fn deleted(
    queues: &Queues,
    intake: &Intake,
    upkeep: &Upkeep,
    thread: &serenity::PartialGuildChannel,
) {
    let (id, parent) = (thread.id.into_domain(), thread.parent_id.into_domain());
    if intake.wants_thread(id, parent) {
        queues.report(intake.thread_deleted(id, parent, thread.guild_id.into_domain()));
    } else {
        queues.change(upkeep, id, Change::ChannelDeleted(id));
    }
}

/// The threads of channels that the bot may see only now.
pub(super) fn synced(queues: &Queues, intake: &Intake, synced: &serenity::ThreadListSyncEvent) {
    synced.threads.iter().for_each(|thread| seen(queues, intake, synced.guild_id, thread, Told::Listed));
    let channels = synced.channel_ids.as_ref();
    let channels = channels.map(|channels| channels.iter().map(|channel| channel.into_domain()).collect());
    queues.report(Report::Opened { guild: synced.guild_id.into_domain(), channels });
}
