//! What the gateway reports about threads, for the [`Intake`]. Nothing is copied of those that nobody
//! follows, as long as nobody follows people.
//!
//! [`Intake`]: crate::service::intake::Intake

use serde_json::value::RawValue;

use crate::domain::ids::{ChannelId, GuildId};
use crate::service::intake::{GatewayEvent, ThreadNotice};

use super::events::Fields;
use super::frame::value;
use super::ingest::Ingest;

impl Ingest {
    /// A thread as it is now; in this server, unless it names its own.
    pub(super) fn thread(&self, thread: &RawValue, guild: Option<GuildId>, told: ThreadNotice) -> Option<()> {
        let fields = Fields::of(thread);
        let id = fields.id()?;
        let intake = &self.sinks.intake;
        let wanted =
            fields.parent().map_or_else(|| intake.wants(id), |parent| intake.wants_thread(id, parent));
        // Where people are followed, what they post in any thread may be wanted.
        if !wanted && !intake.wants_authors() {
            return Some(());
        }
        let seen = intake.read_thread(&value(thread), fields.guild().or(guild)?)?;
        let event = if wanted { intake.thread_seen(seen, told) } else { intake.author_thread_seen(seen) };
        if let Some(event) = event {
            self.send(event);
        }
        Some(())
    }

    /// A server's active threads, from a list of them.
    pub(super) fn threads_of(&self, guild: GuildId, fields: &Fields<'_>) {
        for thread in fields.threads() {
            // One that can't be read is found by the reading of its channel.
            let _ = self.thread(thread, Some(guild), ThreadNotice::Listed);
        }
    }

    /// A thread is gone. If it is being read, everything before that is written down first.
    pub(super) fn thread_deleted(&self, fields: &Fields<'_>) -> Option<()> {
        let id: ChannelId = fields.id()?;
        match self.sinks.intake.thread_deleted(id, fields.parent(), fields.guild()) {
            Some(event) => self.send(event),
            None => self.note_channel_deleted(id),
        }
        if let Some(guild) = fields.guild() {
            self.forget_visibility(guild);
        }
        Some(())
    }

    /// The threads of channels that the bot couldn't see until now.
    pub(super) fn threads_synced(&self, fields: &Fields<'_>) -> Option<()> {
        let guild = fields.guild()?;
        self.threads_of(guild, fields);
        self.send(GatewayEvent::Opened { guild, channels: fields.channel_ids() });
        Some(())
    }
}
