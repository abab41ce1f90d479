//! Calls that list threads.

use serde::Deserialize;

use crate::domain::ids::{ChannelId, GuildId};
use crate::rest::Rest;
use crate::rest::call::{Call, Verb};
use crate::rest::error::RestError;
use crate::rest::limiter::MajorParameter;
use crate::rest::model::Channel;
use crate::rest::model::lenient;

/// The most archived threads in one answer. Discord: 100.
const ARCHIVE_PAGE: u8 = 100;

/// A page of threads.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ThreadPage {
    /// The threads.
    #[serde(deserialize_with = "lenient::list")]
    pub threads: Vec<Channel>,
    /// Whether there may be more.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub has_more: bool,
}

impl Rest {
    /// The threads of a server that aren't archived, of all channels, as far as the bot sees them: `GET
    /// /guilds/{guild}/threads/active`.
    pub async fn active_threads(&self, guild: GuildId) -> Result<Vec<Channel>, RestError> {
        let template = "/guilds/{guild}/threads/active";
        let page: ThreadPage =
            self.read(Call::new(Verb::Get, template, MajorParameter::Guild(guild), &[guild.get()])).await?;
        Ok(page.threads)
    }

    /// The archived threads of a channel without private ones, the most recently archived first; with
    /// `before`, those that were archived before that time (RFC 3339): `GET
    /// /channels/{channel}/threads/archived/public`. Needs Read Message History.
    pub async fn archived_threads(
        &self,
        channel: ChannelId,
        before: Option<&str>,
    ) -> Result<ThreadPage, RestError> {
        let template = "/channels/{channel}/threads/archived/public";
        let call = Call::new(Verb::Get, template, MajorParameter::Channel(channel), &[channel.get()]);
        let call = call.query("limit", ARCHIVE_PAGE);
        self.read(match before {
            Some(before) => call.query("before", before),
            None => call,
        })
        .await
    }
}
