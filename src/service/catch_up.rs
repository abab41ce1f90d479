//! What was posted in followed sources while nobody listened: read from Discord when a gateway session begins, before the session's own events.

use futures_util::StreamExt;

use crate::domain::activity::Origin;
use crate::domain::ids::{GuildId, MessageId};
use crate::domain::message::{Content, is_post, unshown};
use crate::rest::model::{Message, User};
use crate::rest::{HISTORY_PAGE, RestError};
use crate::store::{SourceEvent, SourceToRead};

use super::ServiceError;
use super::intake::{Intake, Poster};

/// How many sources are read at the same time.
const AT_ONCE: usize = 8;
/// How many pages of a source are read at most: what is beyond is too old to be news.
const PAGES: usize = 50;
/// Discord: "Message Flags", `SUPPRESS_EMBEDS` and `SUPPRESS_NOTIFICATIONS`.
const SUPPRESS_EMBEDS: u64 = 1 << 2;
const SUPPRESS_NOTIFICATIONS: u64 = 1 << 12;

/// The servers of one shard. Discord: shard = (server id >> 22) % shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 0.
    pub id: u32,
    /// Of how many, at least 1.
    pub of: u32,
}

impl Shard {
    fn serves(self, guild: GuildId) -> bool {
        (guild.get() >> 22) % u64::from(self.of.max(1)) == u64::from(self.id)
    }
}

impl Intake {
    /// Reads every source of this shard from where it was read to, and writes down what was posted since. A source that can't be read is passed
    /// over: why that is, the sweep over all follows finds out.
    pub async fn catch_up(&self, shard: Shard) -> Result<(), ServiceError> {
        let sources = self.store.sources_to_read().await?;
        let sources = sources.into_iter().filter(|source| shard.serves(source.guild));
        let mut reading = futures_util::stream::iter(
            sources.map(|source| async move { (source, self.read(source).await) }),
        )
        .buffer_unordered(AT_ONCE);
        while let Some((source, read)) = reading.next().await {
            match read {
                Ok(0) => {}
                Ok(posts) => tracing::info!(channel = %source.channel, posts, "read what was missed"),
                Err(ServiceError::Discord(error)) if error.is_forbidden() || error.is_not_found() => {}
                Err(error) => {
                    tracing::error!(channel = %source.channel, %error, "can't read what was missed; it may stay so");
                }
            }
        }
        Ok(())
    }

    /// How many posts were written down.
    async fn read(&self, source: SourceToRead) -> Result<usize, ServiceError> {
        let (mut after, mut posts) = (source.after, 0);
        for _ in 0..PAGES {
            let page = self.page(source, after).await?;
            let events: Vec<SourceEvent> =
                page.iter().filter_map(|message| self.posted(message, source.guild)).collect();
            self.record(&events).await?;
            posts += events.len();
            match page.last() {
                Some(last) if page.len() == usize::from(HISTORY_PAGE) => after = last.id,
                _ => break,
            }
        }
        Ok(posts)
    }

    async fn page(&self, source: SourceToRead, after: MessageId) -> Result<Vec<Message>, RestError> {
        self.rest.messages_after(source.channel, after, HISTORY_PAGE).await
    }

    fn posted(&self, message: &Message, guild: GuildId) -> Option<SourceEvent> {
        let poster = Poster {
            author: message.author.id,
            application: message.application_id,
            webhook: message.webhook_id,
        };
        if !is_post(message.kind) || self.is_own(poster) {
            return None;
        }
        Some(SourceEvent::Posted {
            origin: Origin::Message { channel: message.channel_id, message: message.id },
            source: message.channel_id,
            author: Some(message.author.id),
            content: content(message, guild),
        })
    }
}

/// What a mirror of a message shows. A history doesn't tell the server's own nicknames and avatars.
fn content(message: &Message, guild: GuildId) -> Content {
    let author = &message.author;
    let own = message.embeds.iter().filter(|embed| embed.kind == "rich" || embed.kind.is_empty());
    Content {
        author: author.global_name.clone().unwrap_or_else(|| author.username.clone()),
        avatar_url: Some(avatar(author)),
        text: message.content.clone(),
        embeds: own.map(|embed| embed.embed.clone()).collect(),
        unshown: unshown(message.attachments.len(), message.sticker_items.len(), message.poll.is_some()),
        silent: message.flags & SUPPRESS_NOTIFICATIONS != 0,
        embeds_suppressed: message.flags & SUPPRESS_EMBEDS != 0,
        link: format!("https://discord.com/channels/{guild}/{}/{}", message.channel_id, message.id),
    }
}

/// Discord: "Image Formatting".
fn avatar(user: &User) -> String {
    match &user.avatar {
        Some(hash) => {
            let form = if hash.starts_with("a_") { "gif" } else { "webp" };
            format!("https://cdn.discordapp.com/avatars/{}/{hash}.{form}?size=1024", user.id)
        }
        None => format!("https://cdn.discordapp.com/embed/avatars/{}.png", (user.id.get() >> 22) % 6),
    }
}
