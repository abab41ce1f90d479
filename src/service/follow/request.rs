//! What a person asks for with `/follow` and `/unfollow`, read from what they typed.

use crate::domain::channel::{ChannelLink, parse_channel_link};
use crate::domain::collection_follow::CollectionFollowId;
use crate::domain::follow::{ChannelPair, DeliveryMethod, FollowId, TagMode, ThreadScope};
use crate::domain::ids::{ChannelId, GuildId};

use crate::service::error::Refusal;

/// Which source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceChoice {
    /// Chosen from this server's channels, among those that the person sees.
    Chosen(ChannelId),
    /// Pasted as a link or an id: it may be anywhere, and may not exist.
    Linked(ChannelLink),
}

impl SourceChoice {
    /// Takes exactly one of a chosen channel and a pasted link.
    pub fn new(channel: Option<ChannelId>, link: Option<&str>) -> Result<Self, Refusal> {
        match (channel, link) {
            (Some(channel), None) => Ok(Self::Chosen(channel)),
            (None, Some(link)) => parse_channel_link(link).map(Self::Linked).ok_or(Refusal::NotALink),
            (None, None) => Err(Refusal::NoChannel),
            (Some(_), Some(_)) => Err(Refusal::TwoChannels),
        }
    }

    /// The channel, however it was named.
    pub const fn id(self) -> ChannelId {
        match self {
            Self::Chosen(id) | Self::Linked(ChannelLink { channel: id, .. }) => id,
        }
    }

    /// The server that a link names.
    pub const fn named_server(self) -> Option<GuildId> {
        match self {
            Self::Chosen(_) => None,
            Self::Linked(link) => link.guild,
        }
    }
}

/// What a person asks for with `/unfollow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnfollowRequest {
    /// What is followed, and where it is received.
    pub pair: ChannelPair,
}

impl UnfollowRequest {
    /// Reads the options. The target is the one given, otherwise the one that an offered choice names,
    /// otherwise the channel in which the command was run.
    pub fn new(
        channel: Option<ChannelId>,
        link: Option<&str>,
        into: Option<ChannelId>,
        here: ChannelId,
    ) -> Result<Self, Refusal> {
        let (source, named) = match (channel, link.and_then(Self::read_choice)) {
            (None, Some(pair)) => (pair.source, Some(pair.target)),
            _ => (SourceChoice::new(channel, link)?.id(), None),
        };
        let target = into.or(named).unwrap_or(here);
        if source == target {
            return Err(Refusal::SelfFollow);
        }
        Ok(Self { pair: ChannelPair { source, target } })
    }

    /// What a choice of the autocompletion stands for: the source alone if the target is the intended one
    /// anyway.
    pub fn choice(pair: ChannelPair, meant: ChannelId) -> String {
        if pair.target == meant {
            pair.source.to_string()
        } else {
            format!("{}→{}", pair.source, pair.target)
        }
    }

    fn read_choice(text: &str) -> Option<ChannelPair> {
        let (source, target) = text.trim().split_once('→')?;
        Some(ChannelPair { source: source.parse().ok()?, target: target.parse().ok()? })
    }
}

/// How posts should be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryChoice {
    /// Native if Discord can do everything that was chosen, otherwise relay.
    Auto,
    /// This one.
    Fixed(DeliveryMethod),
}

/// The most posts that a follow can begin with.
pub const MOST_BACKFILL: u8 = 50;

/// A follow as a person asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowRequest {
    /// What to follow.
    pub source: SourceChoice,
    /// Where to receive it.
    pub target: ChannelId,
    /// What is chosen for it.
    pub options: OptionsRequest,
    /// How many of the source's last posts are shown at once, at most [`MOST_BACKFILL`].
    pub backfill: u8,
    /// The follow that should change. If it is gone meanwhile, none is made in its place.
    pub only: Option<FollowId>,
    /// The collection's follow that brings it; `None` if a person asks for this very follow.
    pub collection: Option<CollectionFollowId>,
}

/// What a person chooses for a follow. Options that aren't given stay as they are; a new follow gets the
/// usual ones.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OptionsRequest {
    /// Which posts.
    pub mode: Option<TagMode>,
    /// The tags for it, as they were typed: their meaning depends on the source.
    pub tags: Option<String>,
    /// Which of the source's threads.
    pub threads: Option<ThreadScope>,
    /// How.
    pub delivery: Option<DeliveryChoice>,
    /// Whether panels are shown, too.
    pub panels: Option<bool>,
}

impl FollowRequest {
    /// Asks for the pair, with no options.
    pub fn new(source: SourceChoice, target: ChannelId) -> Result<Self, Refusal> {
        if source.id() == target {
            return Err(Refusal::SelfFollow);
        }
        let options = OptionsRequest::default();
        Ok(Self { source, target, options, backfill: 0, only: None, collection: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_names_its_target_where_another_is_meant() {
        let [source, target, here] = [1, 2, 3].map(|id| ChannelId::new(id).unwrap());
        let pair = ChannelPair { source, target };
        let read = |link: &str, into| UnfollowRequest::new(None, Some(link), into, here).map(|it| it.pair);
        assert_eq!(read(&UnfollowRequest::choice(pair, here), None), Ok(pair));
        assert_eq!(read(&UnfollowRequest::choice(pair, target), Some(target)), Ok(pair));
        assert_eq!(read("1", None), Ok(ChannelPair { source, target: here }));
        assert_eq!(read("1→2", Some(here)), Ok(ChannelPair { source, target: here }));
        assert_eq!(read("1→x", None), Err(Refusal::NotALink));
    }

    #[test]
    fn one_source_is_named_in_one_way() {
        let channel = ChannelId::new(7).ok();
        assert_eq!(SourceChoice::new(None, None), Err(Refusal::NoChannel));
        assert_eq!(SourceChoice::new(channel, Some("7")), Err(Refusal::TwoChannels));
        assert_eq!(SourceChoice::new(None, Some("news")), Err(Refusal::NotALink));
        assert_eq!(
            SourceChoice::new(None, Some("<#7>")).ok(),
            channel.map(|channel| SourceChoice::Linked(ChannelLink { channel, guild: None }))
        );
    }
}
