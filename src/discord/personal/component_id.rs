//! The ids of the buttons and menus below `/feed`'s answers. An id holds all that a press needs, so that it
//! works after a restart, too, and whose answer it is: only that person's presses count.

use std::fmt;

use crate::domain::ids::{ChannelId, UserId};
use crate::domain::paging::Cursor;
use crate::domain::personal::{Followee, FolloweeKind};
use crate::service::people::FeedStart;

/// Which part of whose feed is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::discord) struct FeedScreen {
    /// Whose.
    pub(in crate::discord) owner: UserId,
    /// Only what this person wrote.
    pub(in crate::discord) from: Option<UserId>,
    /// Only what was posted here.
    pub(in crate::discord) channel: Option<ChannelId>,
    /// Only what isn't marked as read.
    pub(in crate::discord) unread: bool,
    /// Where the page begins.
    pub(in crate::discord) start: FeedStart,
}

/// One of a person's own lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::discord) enum OwnList {
    /// What they follow.
    Following,
    /// Their followers.
    Followers,
    /// Who asks to follow them.
    Requests,
    /// Whom they blocked.
    Blocked,
}

/// What somebody does below an answer of `/feed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::discord) enum PersonalPress {
    /// Shows another page of the feed.
    Page(FeedScreen),
    /// Marks the feed as read up to the beginning of the page.
    Mark(FeedScreen),
    /// Shows another page of a list.
    List(OwnList, Cursor),
    /// Unfollows what was chosen in the menu, removes that follower, declines that request, or unblocks.
    Remove(OwnList, Cursor),
    /// Lets whoever was chosen in the menu follow, who asked.
    Accept(Cursor),
    /// Removes and blocks the follower who was chosen in the menu.
    Block,
    /// Ends a follow.
    Unfollow(Followee),
    /// Lets somebody follow again.
    Unblock(UserId),
    /// Revokes the address that was chosen in the menu.
    RevokeLink,
    /// Forgets the person as a reader, or doesn't.
    Forget(bool),
}

/// The button beside another one that leads to the same place must have another id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::discord) enum PageSide {
    Newer,
    Older,
}

impl PageSide {
    const fn word(self) -> &'static str {
        match self {
            Self::Newer => "newer",
            Self::Older => "older",
        }
    }
}

impl OwnList {
    const fn word(self) -> &'static str {
        match self {
            Self::Following => "following",
            Self::Followers => "followers",
            Self::Requests => "requests",
            Self::Blocked => "blocked",
        }
    }

    const ALL: [Self; 4] = [Self::Following, Self::Followers, Self::Requests, Self::Blocked];

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.word() == word)
    }

    /// The id of a button that leads to another page.
    pub(in crate::discord) fn page_id(self, owner: UserId, side: PageSide, cursor: Cursor) -> String {
        format!("feed:{}:{owner}:{}:{cursor}", side.word(), self.word())
    }

    /// The id of the menu that grants a request.
    pub(in crate::discord) fn accept_id(owner: UserId, cursor: Cursor) -> String {
        format!("feed:accept:{owner}:{cursor}")
    }

    /// The id of the menu that ends a follow, a request or a block.
    pub(in crate::discord) fn remove_id(self, owner: UserId, cursor: Cursor) -> String {
        format!("feed:remove:{owner}:{}:{cursor}", self.word())
    }

    /// The id of the menu that blocks a follower.
    pub(in crate::discord) fn block_id(owner: UserId) -> String {
        format!("feed:block:{owner}")
    }
}

impl FeedScreen {
    /// The same feed from elsewhere on.
    pub(in crate::discord) const fn starting(self, start: FeedStart) -> Self {
        Self { start, ..self }
    }

    /// The id of a button that leads here.
    pub(in crate::discord) fn page_id(self, side: PageSide) -> String {
        self.id(side.word())
    }

    /// The id of the button that marks as read what is here and further back.
    pub(in crate::discord) fn mark_id(self) -> String {
        self.id("read")
    }

    fn id(self, word: &str) -> String {
        let Self { owner, from, channel, unread, start } = self;
        let (from, channel) = (from.map_or(0, UserId::get), channel.map_or(0, ChannelId::get));
        let unread = u8::from(unread);
        format!("feed:{word}:{owner}:{from}:{channel}:{unread}{}", StartText(start))
    }

    fn parse<'a>(owner: UserId, parts: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        let from = match parts.next()? {
            "0" => None,
            id => Some(id.parse().ok()?),
        };
        let channel = match parts.next()? {
            "0" => None,
            id => Some(id.parse().ok()?),
        };
        let (unread, start) = parts.next()?.split_at_checked(1)?;
        let unread = match unread {
            "0" => false,
            "1" => true,
            _ => return None,
        };
        Some(Self { owner, from, channel, unread, start: parse_start(start)? })
    }
}

/// Where a page begins, as ids have it. What no button leads to is the newest page.
struct StartText(FeedStart);

impl fmt::Display for StartText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            FeedStart::At(position) => write!(f, "a{position}"),
            FeedStart::OlderThan(position) => write!(f, "o{position}"),
            FeedStart::NewerThan(position) => write!(f, "y{position}"),
            FeedStart::Newest | FeedStart::OlderThanActivity(_) | FeedStart::Skip(_) => f.write_str("n"),
        }
    }
}

fn parse_start(text: &str) -> Option<FeedStart> {
    match text.split_at_checked(1)? {
        ("n", "") => Some(FeedStart::Newest),
        ("a", position) => position.parse().ok().map(FeedStart::At),
        ("o", position) => position.parse().ok().map(FeedStart::OlderThan),
        ("y", position) => position.parse().ok().map(FeedStart::NewerThan),
        _ => None,
    }
}

/// A followee in an id, and as the value of a menu's option: its kind and its number.
pub(in crate::discord) fn followee_text(followee: Followee) -> String {
    format!("{}-{}", followee.kind().as_str(), followee.to_db())
}

/// Reads [`followee_text`].
pub(in crate::discord) fn parse_followee(text: &str) -> Option<Followee> {
    let (kind, id) = text.split_once('-')?;
    Followee::from_db(FolloweeKind::parse(kind)?, id.parse().ok()?)
}

impl PersonalPress {
    /// The id of the button that ends a follow.
    pub(in crate::discord) fn unfollow_id(owner: UserId, followee: Followee) -> String {
        format!("feed:unfollow:{owner}:{}", followee_text(followee))
    }

    /// The id of the button that lets somebody follow again.
    pub(in crate::discord) fn unblock_id(owner: UserId, blocked: UserId) -> String {
        format!("feed:unblock:{owner}:{blocked}")
    }

    /// The id of the menu that revokes an address of the feed.
    pub(in crate::discord) fn revoke_link_id(owner: UserId) -> String {
        format!("feed:revoke:{owner}")
    }

    /// The ids of the buttons that confirm, or don't, that the person is forgotten.
    pub(in crate::discord) fn forget_id(owner: UserId, confirmed: bool) -> String {
        format!("feed:forget:{owner}:{}", if confirmed { "yes" } else { "no" })
    }

    /// Whose answer a component belongs to, and what it does; `None` for one of another command.
    pub(in crate::discord) fn parse(id: &str) -> Option<(UserId, Self)> {
        let mut parts = id.strip_prefix("feed:")?.split(':');
        let (word, owner) = (parts.next()?, parts.next()?.parse().ok()?);
        let press = match word {
            "newer" | "older" => {
                let mut list = parts.clone();
                if let Some(list_name) = list.next().and_then(OwnList::parse) {
                    let cursor = list.next()?.parse().ok()?;
                    parts = list;
                    Self::List(list_name, cursor)
                } else {
                    Self::Page(FeedScreen::parse(owner, &mut parts)?)
                }
            }
            "read" => Self::Mark(FeedScreen::parse(owner, &mut parts)?),
            "remove" => Self::Remove(OwnList::parse(parts.next()?)?, parts.next()?.parse().ok()?),
            "accept" => Self::Accept(parts.next()?.parse().ok()?),
            "block" => Self::Block,
            "revoke" => Self::RevokeLink,
            "unfollow" => Self::Unfollow(parse_followee(parts.next()?)?),
            "unblock" => Self::Unblock(parts.next()?.parse().ok()?),
            "forget" => Self::Forget(match parts.next()? {
                "yes" => true,
                "no" => false,
                _ => return None,
            }),
            _ => return None,
        };
        parts.next().is_none().then_some((owner, press))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::activity::ActivityId;
    use crate::domain::feed::FeedPosition;
    use crate::domain::ids::MessageId;

    fn owner() -> UserId {
        UserId::new(u64::MAX >> 1).unwrap()
    }

    #[test]
    fn ids_of_the_feed_are_read_back_and_fit() {
        let position =
            FeedPosition { message: MessageId::from_db(i64::MAX).unwrap(), activity: ActivityId(i64::MAX) };
        let starts = [
            FeedStart::Newest,
            FeedStart::At(position),
            FeedStart::OlderThan(position),
            FeedStart::NewerThan(position),
        ];
        for start in starts {
            for (from, channel) in [(None, None), (Some(owner()), ChannelId::new(u64::MAX >> 1).ok())] {
                for unread in [false, true] {
                    let screen = FeedScreen { owner: owner(), from, channel, unread, start };
                    for side in [PageSide::Newer, PageSide::Older] {
                        let id = screen.page_id(side);
                        assert!(id.len() <= 100, "{id}");
                        assert_eq!(PersonalPress::parse(&id), Some((owner(), PersonalPress::Page(screen))));
                    }
                    let marks = PersonalPress::Mark(screen);
                    assert_eq!(PersonalPress::parse(&screen.mark_id()), Some((owner(), marks)));
                }
            }
        }
    }

    #[test]
    fn the_other_ids_are_read_back_and_nothing_else() {
        let read = |id: String| {
            assert!(id.len() <= 100, "{id}");
            PersonalPress::parse(&id).map(|(of, press)| {
                assert_eq!(of, owner());
                press
            })
        };
        for list in OwnList::ALL {
            for cursor in [Cursor::Newest, Cursor::OlderThan(i64::MAX), Cursor::NewerThan(7)] {
                for side in [PageSide::Newer, PageSide::Older] {
                    let page = read(list.page_id(owner(), side, cursor));
                    assert_eq!(page, Some(PersonalPress::List(list, cursor)));
                }
                assert_eq!(read(list.remove_id(owner(), cursor)), Some(PersonalPress::Remove(list, cursor)));
                let accept = read(OwnList::accept_id(owner(), cursor));
                assert_eq!(accept, Some(PersonalPress::Accept(cursor)));
            }
        }
        assert_eq!(read(OwnList::block_id(owner())), Some(PersonalPress::Block));
        for followee in [Followee::User(owner()), Followee::Channel(ChannelId::new(5).unwrap())] {
            let id = PersonalPress::unfollow_id(owner(), followee);
            assert_eq!(read(id), Some(PersonalPress::Unfollow(followee)));
        }
        assert_eq!(read(PersonalPress::unblock_id(owner(), owner())), Some(PersonalPress::Unblock(owner())));
        assert_eq!(read(PersonalPress::revoke_link_id(owner())), Some(PersonalPress::RevokeLink));
        for yes in [true, false] {
            assert_eq!(read(PersonalPress::forget_id(owner(), yes)), Some(PersonalPress::Forget(yes)));
        }
        for id in [
            "",
            "feed:",
            "feed:read:1",
            "feed:read:1:0:0:2n",
            "feed:read:1:0:0:0x",
            "feed:read:1:0:0:0n:1",
            "feed:newer:1:followers",
            "feed:newer:1:followers:x",
            "feed:unfollow:1:user-0",
            "feed:unfollow:1:guild-1",
            "feed:forget:1:maybe",
            "feed:forget:0:yes",
            "follows:newer:1:0:0:0n",
        ] {
            assert_eq!(PersonalPress::parse(id), None, "{id}");
        }
    }
}
