//! Requests to follow people who want to be asked. Whoever asked learns of a yes only.

use crate::domain::ids::UserId;
use crate::domain::personal::{Followee, PersonalFollow};
use crate::service::{PersonalRefusal, ServiceError};

use super::People;

impl People {
    /// Says yes to somebody who asked: they follow from now on.
    pub async fn accept_request(
        &self,
        user: UserId,
        follower: UserId,
    ) -> Result<PersonalFollow, ServiceError> {
        // Before the follow is stored, so that no post is missed in between.
        self.watched.add_author(user);
        let accepted = self.store.accept_follow_request(user, follower, self.policy, self.clock.now());
        let follow = accepted.await?.ok_or(PersonalRefusal::NotAsked)?;
        self.tell_peers(Followee::User(user)).await;
        Ok(follow)
    }

    /// Says no to somebody who asked. They aren't told.
    pub async fn decline_request(&self, user: UserId, follower: UserId) -> Result<(), ServiceError> {
        match self.store.decline_follow_request(user, follower, self.clock.now()).await? {
            true => Ok(()),
            false => Err(PersonalRefusal::NotAsked.into()),
        }
    }
}
