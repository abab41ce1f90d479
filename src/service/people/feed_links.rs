//! Private addresses at which programs read somebody's feed: made, listed, revoked by their owners, and
//! opened.

use crate::domain::account::TokenName;
use crate::domain::audit::Via;
use crate::domain::feed::FeedFilter;
use crate::domain::feed_link::{FeedLink, FeedLinkId, LINKED_POSTS, NewFeedLink};
use crate::domain::ids::UserId;
use crate::domain::secret::WebSecret;
use crate::service::{PersonalRefusal, ServiceError};

use super::{FeedPage, FeedRequest, FeedStart, People};

impl People {
    /// Makes an address of somebody's feed. Its secret can be read only here and now.
    pub async fn create_feed_link(
        &self,
        user: UserId,
        via: Via,
        name: TokenName,
    ) -> Result<(WebSecret, FeedLink), ServiceError> {
        let secret = WebSecret::new(rand::random());
        let new = NewFeedLink { hash: secret.hash(), user, name };
        let stored = self.store.add_feed_link(&new, via, self.clock.now()).await?;
        let link = stored.ok_or(PersonalRefusal::TooManyFeedLinks)?;
        Ok((secret, link))
    }

    /// The addresses of somebody's feed, the newest first, without their secrets.
    pub async fn feed_links(&self, user: UserId) -> Result<Vec<FeedLink>, ServiceError> {
        Ok(self.store.feed_links_of(user).await?)
    }

    /// Revokes one of them. Returns whether there was one.
    pub async fn revoke_feed_link(
        &self,
        user: UserId,
        link: FeedLinkId,
        via: Via,
    ) -> Result<bool, ServiceError> {
        Ok(self.store.revoke_feed_link(user, link, via, self.clock.now()).await?)
    }

    /// Recognises an address by its secret, and notes that it was used today. `None` if there is none (any
    /// more).
    pub async fn use_feed_link(&self, secret: &WebSecret) -> Result<Option<FeedLink>, ServiceError> {
        Ok(self.store.use_feed_link(secret.hash(), self.clock.now()).await?)
    }

    /// What somebody reads at an address: the newest that they may see now.
    pub async fn linked_feed(&self, link: &FeedLink) -> Result<FeedPage, ServiceError> {
        let request = FeedRequest {
            user: link.user,
            via: Via::Web,
            filter: FeedFilter::default(),
            unread: false,
            start: FeedStart::Newest,
            limit: LINKED_POSTS,
        };
        self.feed(request).await
    }
}
