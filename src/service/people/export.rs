//! Everything that is kept of a person, for that person.

use crate::domain::digest::Digest;
use crate::domain::feed_link::FeedLink;
use crate::domain::ids::{MessageId, UserId};
use crate::domain::paging::{Cursor, PageSize, PageStart};
use crate::domain::personal::{PersonalFollow, Profile};
use crate::service::ServiceError;
use crate::store::{AuthorTotals, PersonalRecords};

use super::People;

/// How many follows are read at once.
const AT_ONCE: u8 = 100;

/// Everything that is kept of a person, but for sessions and tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonExport {
    /// As Discord described them; `None` if they neither follow nor are followed.
    pub profile: Option<Profile>,
    /// What they follow, the newest first.
    pub follows: Vec<PersonalFollow>,
    /// Up to where they read their feed.
    pub read_to: Option<MessageId>,
    /// The addresses of their feed.
    pub links: Vec<FeedLink>,
    /// Their digest.
    pub digest: Option<Digest>,
    /// Followers, blocks, actions and changes.
    pub records: PersonalRecords,
    /// How much is kept of their messages.
    pub totals: AuthorTotals,
}

impl People {
    /// Everything that is kept of this person, but for sessions and tokens.
    pub async fn export(&self, user: UserId) -> Result<PersonExport, ServiceError> {
        let mut follows: Vec<PersonalFollow> = Vec::new();
        let (mut start, size) = (Cursor::Newest, PageSize::new(AT_ONCE).unwrap_or_default());
        loop {
            let page = self.store.personal_follows(user, None, PageStart::At(start), size).await?;
            let has_older = page.has_older;
            follows.extend(page.items);
            match follows.last().filter(|_| has_older) {
                Some(last) => start = Cursor::OlderThan(last.id.0),
                None => break,
            }
        }
        Ok(PersonExport {
            profile: self.store.profile(user).await?,
            follows,
            read_to: self.store.feed_mark(user).await?,
            links: self.store.feed_links_of(user).await?,
            digest: self.store.digest(user).await?,
            records: self.store.personal_records(user).await?,
            totals: self.store.author_totals(user).await?,
        })
    }
}
