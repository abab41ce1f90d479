//! Which part of a feed an address of the page means, and the addresses of other parts.

use serde::Deserialize;

use crate::domain::feed::{FeedFilter, FeedPosition, PostContent};
use crate::domain::ids::{ChannelId, GuildId, UserId};
use crate::domain::tags::Tag;
use crate::http::id::Id;
use crate::http::problem::{Problem, ProblemCode};
use crate::service::people::FeedStart;

use super::PATH;

/// Which part of the feed.
#[derive(Debug, Clone, Default, Deserialize)]
pub(in crate::http::pages) struct FeedPageQuery {
    /// What is older than this.
    cursor: Option<String>,
    /// What is newer than this.
    newer: Option<String>,
    unread: Option<String>,
    with: Option<String>,
    author: Option<Id<UserId>>,
    channel: Option<Id<ChannelId>>,
    server: Option<Id<GuildId>>,
    tag: Option<String>,
}

impl FeedPageQuery {
    pub(super) fn start(&self) -> Result<FeedStart, Problem> {
        let position = |text: &str| text.parse::<FeedPosition>().map_err(|_| invalid());
        match (&self.cursor, &self.newer) {
            (None, None) => Ok(FeedStart::Newest),
            (Some(older), None) => Ok(FeedStart::OlderThan(position(older)?)),
            (None, Some(newer)) => Ok(FeedStart::NewerThan(position(newer)?)),
            (Some(_), Some(_)) => Err(invalid()),
        }
    }

    pub(super) fn filter(&self) -> Result<FeedFilter, Problem> {
        let wrong = || Problem::new(ProblemCode::InvalidQuery).with_detail("This is no tag.");
        let tag = self.tag().map(|tag| Tag::hashtag(tag).ok_or_else(wrong)).transpose()?;
        Ok(FeedFilter {
            author: self.author.map(|Id(id)| id),
            channel: self.channel.map(|Id(id)| id),
            server: self.server.map(|Id(id)| id),
            tag: tag.map(|tag| tag.key()),
            content: self.content(),
            ..FeedFilter::default()
        })
    }

    pub(super) fn is_unread(&self) -> bool {
        self.unread.as_deref() == Some("1")
    }

    pub(super) fn content(&self) -> Option<PostContent> {
        self.with.as_deref().and_then(PostContent::parse)
    }

    /// The tag, as somebody wrote it.
    pub(super) fn tag(&self) -> Option<&str> {
        self.tag.as_deref().map(str::trim).filter(|tag| !tag.is_empty())
    }

    /// Whether it begins with the newest.
    pub(super) const fn is_first(&self) -> bool {
        self.cursor.is_none() && self.newer.is_none()
    }

    /// Whether anything is left out.
    pub(super) fn is_filtered(&self) -> bool {
        self.is_unread() || self.content().is_some() || self.is_narrowed()
    }

    /// Whether it is about one author, channel, server or tag.
    pub(super) fn is_narrowed(&self) -> bool {
        self.author.is_some() || self.channel.is_some() || self.server.is_some() || self.tag().is_some()
    }

    /// The same part from the newest on.
    pub(super) fn newest(&self) -> Self {
        Self { cursor: None, newer: None, ..self.clone() }
    }

    pub(super) fn older_than(&self, position: FeedPosition) -> Self {
        Self { cursor: Some(position.to_string()), ..self.newest() }
    }

    pub(super) fn newer_than(&self, position: FeedPosition) -> Self {
        Self { newer: Some(position.to_string()), ..self.newest() }
    }

    pub(super) fn with(&self, content: Option<PostContent>) -> Self {
        Self { with: content.map(|content| content.as_str().to_owned()), ..self.newest() }
    }

    pub(super) fn with_unread(&self, unread: bool) -> Self {
        Self { unread: unread.then(|| "1".to_owned()), ..self.newest() }
    }

    /// Of everybody, everywhere.
    pub(super) fn widened(&self) -> Self {
        Self { author: None, channel: None, server: None, tag: None, ..self.newest() }
    }

    pub(super) fn of_author(&self, author: UserId) -> Self {
        Self { author: Some(Id(author)), ..self.widened() }
    }

    pub(super) fn in_channel(&self, channel: ChannelId) -> Self {
        Self { channel: Some(Id(channel)), ..self.widened() }
    }

    pub(super) fn in_server(&self, server: GuildId) -> Self {
        Self { server: Some(Id(server)), ..self.widened() }
    }

    pub(super) fn of_tag(&self, tag: &str) -> Self {
        Self { tag: Some(tag.to_owned()), ..self.newest() }
    }

    /// Its members but the tag and the place, for a form.
    pub(super) fn hidden_fields(&self) -> Vec<(&'static str, String)> {
        self.newest().fields().into_iter().filter(|(name, _)| *name != "tag").collect()
    }

    /// Its address on this site.
    pub(super) fn address(&self) -> String {
        let encoded = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
        };
        let parts: Vec<String> =
            self.fields().into_iter().map(|(name, value)| format!("{name}={}", encoded(&value))).collect();
        if parts.is_empty() { PATH.to_owned() } else { format!("{PATH}?{}", parts.join("&")) }
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let id = |id: Option<u64>| id.map(|id| id.to_string());
        let all = [
            ("unread", self.is_unread().then(|| "1".to_owned())),
            ("with", self.content().map(|content| content.as_str().to_owned())),
            ("author", id(self.author.map(|Id(author)| author.get()))),
            ("channel", id(self.channel.map(|Id(channel)| channel.get()))),
            ("server", id(self.server.map(|Id(server)| server.get()))),
            ("tag", self.tag().map(ToOwned::to_owned)),
            ("cursor", self.cursor.clone()),
            ("newer", self.newer.clone()),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

fn invalid() -> Problem {
    Problem::new(ProblemCode::InvalidPage)
}
