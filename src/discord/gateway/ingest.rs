//! Passes one shard's events on to the services, in the gateway's order: what happens in followed channels to
//! the [`Intake`], what may break follows to the [`Upkeep`], what people ask for to the [`Desk`].
//!
//! This runs on the shard's own task, so it is quick and asks nobody: most events don't matter.
//!
//! [`Intake`]: crate::service::intake::Intake
//! [`Upkeep`]: crate::service::upkeep::Upkeep

use std::sync::Arc;

use serde_json::Value;
use serde_json::value::RawValue;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;

use crate::domain::channel::ChannelKind;
use crate::domain::ids::{ChannelId, GuildId, MessageId, UserId};
use crate::domain::shards::Shard;
use crate::metrics as names;
use crate::service::intake::{EventSender, GatewayEvent, ThreadNotice};
use crate::service::upkeep::DiscordChange;

use super::Sinks;
use super::connection::Sent;
use super::desk::Desk;
use super::events::Fields;
use super::frame::value;
use super::permissions_digest;

/// Where the shards send events. Only followed channels' events arrive here.
#[derive(Clone)]
pub(super) struct Queues {
    pub(super) events: EventSender,
    pub(super) changes: UnboundedSender<DiscordChange>,
}

/// Takes the events of one shard.
pub(super) struct Ingest {
    pub(super) shard: Shard,
    pub(super) sinks: Sinks,
    pub(super) queues: Queues,
    pub(super) desk: Arc<Desk>,
    /// Where tasks run that this starts: not on the reading thread.
    pub(super) main_runtime: Handle,
}

impl Ingest {
    /// Takes an event, whatever it contains. One that lacks required fields is counted.
    pub(super) fn take(&self, event: &str, data: &RawValue, sent: Sent) {
        let fields = || Fields::of(data);
        let taken = match event {
            "MESSAGE_CREATE" => self.message(&fields(), data, GatewayEvent::Posted),
            "MESSAGE_UPDATE" => self.message(&fields(), data, GatewayEvent::Edited),
            "MESSAGE_DELETE" => self.message_deleted(&fields()),
            "MESSAGE_DELETE_BULK" => self.messages_deleted(&fields()),
            "CHANNEL_UPDATE" => self.channel_updated(&fields()),
            "CHANNEL_DELETE" => self.channel_deleted(&fields()),
            "THREAD_CREATE" => self.thread(data, None, ThreadNotice::Created),
            "THREAD_UPDATE" => self.thread_updated(&fields(), data),
            "THREAD_DELETE" => self.thread_deleted(&fields()),
            "THREAD_LIST_SYNC" => self.threads_synced(&fields()),
            "WEBHOOKS_UPDATE" => self.webhooks_changed(&fields()),
            "GUILD_CREATE" => self.guild_there(&fields(), data),
            "GUILD_DELETE" => self.guild_gone(&fields()),
            "GUILD_UPDATE" => fields().id().and_then(|guild| self.note_permissions_changed(guild)),
            "GUILD_ROLE_CREATE" | "GUILD_ROLE_UPDATE" | "GUILD_ROLE_DELETE" => {
                fields().guild().and_then(|guild| self.note_permissions_changed(guild))
            }
            "GUILD_MEMBER_UPDATE" => self.member_updated(&fields()),
            "INTERACTION_CREATE" => {
                self.desk.answer(data, sent);
                Some(())
            }
            "READY" => {
                self.session_began(&fields());
                Some(())
            }
            "RESUMED" => {
                tracing::info!(shard = self.shard.id, "gateway session resumed");
                self.sinks.state.connected(self.shard);
                // Everything that was missed has been told by now.
                self.sinks.intake.session_resumed(self.shard);
                Some(())
            }
            _ => Some(()),
        };
        if taken.is_none() {
            metrics::counter!(names::EVENTS_UNREADABLE, "event" => event.to_owned()).increment(1);
        }
    }

    /// Whether messages of this channel matter, whoever wrote them.
    pub(super) fn wants(&self, channel: ChannelId) -> bool {
        self.sinks.intake.concerns_messages(channel)
    }

    /// Whether messages of this person matter, wherever they are; `None` if nobody's do.
    pub(super) fn wants_author(&self) -> Option<impl Fn(UserId) -> bool> {
        let intake = &self.sinks.intake;
        intake.wants_authors().then_some(move |author| intake.wants_author(author))
    }

    pub(super) fn send(&self, event: GatewayEvent) {
        self.queues.events.send(event);
    }

    pub(super) fn change(&self, channel: ChannelId, change: DiscordChange) {
        if self.sinks.upkeep.concerns(channel) {
            let _ = self.queues.changes.send(change);
        }
    }

    fn session_began(&self, ready: &Fields<'_>) {
        let guilds = ready.guilds();
        let servers = guilds.as_ref().map_or(0, Vec::len);
        tracing::info!(shard = self.shard.id, servers, "connected to the gateway");
        for guild in guilds.iter().flatten() {
            self.sinks.upkeep.admits(*guild);
        }
        self.sinks.intake.session_began(self.shard);
        self.sinks.state.session_began(self.shard, guilds);
        self.sinks.upkeep.session_began(self.shard);
        self.send(GatewayEvent::Connected(self.shard));
    }

    fn message(
        &self,
        fields: &Fields<'_>,
        data: &RawValue,
        event: impl FnOnce(Value) -> GatewayEvent,
    ) -> Option<()> {
        let by_followed = || {
            let author = self.wants_author().zip(fields.author());
            author.is_some_and(|(wants, author)| wants(author))
        };
        let channel = fields.channel()?;
        if self.wants(channel) {
            self.send(event(value(data)));
        } else if by_followed() {
            // Whatever happens to it next matters, too.
            self.sinks.intake.note_author_post(channel);
            self.send(event(value(data)));
        }
        Some(())
    }

    fn message_deleted(&self, fields: &Fields<'_>) -> Option<()> {
        let message = fields.id()?;
        self.panel_message_gone(message);
        self.deletion(fields.channel()?, message);
        Some(())
    }

    fn messages_deleted(&self, fields: &Fields<'_>) -> Option<()> {
        let messages = fields.messages()?;
        messages.iter().for_each(|message| self.panel_message_gone(*message));
        let channel = fields.channel()?;
        messages.into_iter().for_each(|message| self.deletion(channel, message));
        Some(())
    }

    fn deletion(&self, channel: ChannelId, message: MessageId) {
        if self.wants(channel) {
            self.send(GatewayEvent::Deleted { channel, message });
        }
    }

    /// Notices when a panel's message is deleted.
    fn panel_message_gone(&self, message: MessageId) {
        let panels = &self.sinks.bot.panels;
        let Some(panel) = panels.shown_by(message) else { return };
        let panels = Arc::clone(panels);
        // The next look at the panel finds it too.
        self.main_runtime.spawn(async move {
            if let Err(error) = panels.message_deleted(panel, message).await {
                tracing::warn!(panel = panel.0, %error, "the deletion of a panel's message could not be written down");
            }
        });
    }

    fn channel_updated(&self, channel: &Fields<'_>) -> Option<()> {
        let id = channel.id()?;
        self.tags(id, channel);
        if let Some(guild) = channel.guild() {
            self.sinks.intake.permissions_changed(guild);
            self.forget_visibility(guild);
        }
        // The channels of a category may take their overwrites from it.
        if self.sinks.upkeep.concerns(id) || channel.kind() == Some(ChannelKind::Category) {
            self.note_permissions_changed(channel.guild()?)?;
        }
        Some(())
    }

    fn thread_updated(&self, fields: &Fields<'_>, thread: &RawValue) -> Option<()> {
        let id: ChannelId = fields.id()?;
        if let Some(guild) = fields.guild() {
            // It may be private now.
            self.forget_visibility(guild);
            if self.sinks.upkeep.concerns(id) {
                self.note_permissions_changed(guild)?;
            }
        }
        self.thread(thread, None, ThreadNotice::Updated)
    }

    /// Of all members, only the bot matters; without the members intent, Discord reports no other.
    fn member_updated(&self, fields: &Fields<'_>) -> Option<()> {
        if self.sinks.upkeep.is_self(fields.user()?) {
            self.note_permissions_changed(fields.guild()?)?;
        }
        Some(())
    }

    /// Who may see what in a server may have changed.
    fn note_permissions_changed(&self, guild: GuildId) -> Option<()> {
        self.forget_visibility(guild);
        if self.sinks.upkeep.concerns_server(guild) {
            self.sinks.intake.permissions_changed(guild);
            let _ = self.queues.changes.send(self.sinks.upkeep.permissions_changed(guild));
        }
        Some(())
    }

    /// What was found out about who may see what in a server is forgotten, here and in other processes.
    pub(super) fn forget_visibility(&self, guild: GuildId) {
        self.sinks.bot.follows.permissions_changed(guild);
        if let Some(change) = self.sinks.upkeep.visibility_changed(guild) {
            let _ = self.queues.changes.send(change);
        }
    }

    /// A channel or thread is gone for everybody who may remember it.
    pub(super) fn note_channel_deleted(&self, channel: ChannelId) {
        if self.sinks.upkeep.concerns(channel) || self.wants(channel) {
            let _ = self.queues.changes.send(DiscordChange::ChannelDeleted(channel));
        }
    }

    /// The tags that a forum offers.
    fn tags(&self, id: ChannelId, channel: &Fields<'_>) {
        let intake = &self.sinks.intake;
        if intake.wants_tags(id)
            && let Some(tags) = channel.tags()
        {
            intake.tags_offered(id, tags);
        }
    }

    fn channel_deleted(&self, fields: &Fields<'_>) -> Option<()> {
        let channel = fields.id()?;
        // Before its threads are forgotten.
        self.note_channel_deleted(channel);
        self.sinks.intake.channel_deleted(channel);
        if let Some(guild) = fields.guild() {
            self.forget_visibility(guild);
        }
        Some(())
    }

    fn webhooks_changed(&self, fields: &Fields<'_>) -> Option<()> {
        let (guild, channel) = (fields.guild()?, fields.channel()?);
        self.change(channel, DiscordChange::WebhooksChanged { guild, channel });
        Some(())
    }

    fn guild_there(&self, fields: &Fields<'_>, data: &RawValue) -> Option<()> {
        let guild: GuildId = fields.id()?;
        self.sinks.state.joined(guild);
        if !self.sinks.upkeep.admits(guild) {
            return Some(());
        }
        if let Some(back) = self.sinks.upkeep.note_present(guild) {
            let _ = self.queues.changes.send(back);
        }
        // In an outage, nothing is told of its channels.
        if !fields.is_unavailable()
            && let Some(channels) = fields.channels()
        {
            let known: Vec<(ChannelId, Fields<'_>)> =
                channels.into_iter().filter_map(|channel| Some((channel.id()?, channel))).collect();
            self.sinks.upkeep.compare_channels(guild, |id| known.iter().any(|(known, _)| *known == id));
            known.iter().for_each(|(id, channel)| self.tags(*id, channel));
            self.compare_permissions(guild, data);
        }
        self.threads_of(guild, fields);
        self.send(GatewayEvent::There(guild));
        Some(())
    }

    /// Who may see what in a server, as GUILD_CREATE reports it in full.
    fn compare_permissions(&self, guild: GuildId, data: &RawValue) {
        let upkeep = &self.sinks.upkeep;
        if upkeep.concerns_server(guild) {
            let digest = permissions_digest::digest(
                data,
                |channel| upkeep.concerns(channel),
                |user| upkeep.is_self(user),
            );
            upkeep.compare_permissions(guild, digest);
        }
    }

    fn guild_gone(&self, fields: &Fields<'_>) -> Option<()> {
        let guild = fields.id()?;
        if fields.is_unavailable() {
            // An outage: the bot is still a member.
            self.send(GatewayEvent::Away(guild));
        } else {
            self.sinks.state.left(guild);
            self.forget_visibility(guild);
            self.sinks.bot.admission.departed(guild);
            let _ = self.queues.changes.send(self.sinks.upkeep.note_left(guild));
        }
        Some(())
    }
}
