//! Repairs follows that broke because the bot lacked permissions, once it has them again.

use rand::seq::SliceRandom;
use tokio::time::Instant;

use crate::domain::doors::{ChannelFacts, CheckedChannels, FollowVerdict};
use crate::domain::follow::{BrokenReason, Door, Follow, FollowId, FollowState};
use crate::domain::ids::{ChannelId, GuildId};
use crate::domain::lock::lock;
use crate::service::ServiceError;
use crate::service::access::{Access, ChannelLookup, GuildChannel};
use crate::store::StoreError;

use super::Upkeep;
use super::permissions::PermissionCheck;

/// How many follows one check may repair; the others wait for the next.
const MOST_REPAIRED: usize = 50;

impl Upkeep {
    /// Lets follows go on that the bot can serve again, some at a time. Whether nothing is left to do.
    pub(super) async fn repair_follows(&self, check: &mut PermissionCheck<'_>) -> bool {
        let mut repairable = std::mem::take(&mut check.repairable);
        // So that all have their turn, even if the first ones fail every time.
        repairable.shuffle(&mut rand::rng());
        repairable.retain(|follow| self.may_try(follow.id));
        let more = repairable.len() > MOST_REPAIRED;
        repairable.truncate(MOST_REPAIRED);
        for follow in repairable {
            match self.repair_follow(check, &follow).await {
                Ok(true) => self.note_success(follow.id),
                Ok(false) => self.note_failure(follow.id),
                Err(error) => {
                    self.note_failure(follow.id);
                    tracing::warn!(follow = follow.id.0, %error, "a follow can't go on yet");
                }
            }
        }
        !more && !check.unstopped
    }

    pub(super) fn may_try(&self, follow: FollowId) -> bool {
        !lock(&self.failing).waits(&follow, Instant::now())
    }

    pub(super) fn note_failure(&self, follow: FollowId) {
        lock(&self.failing).fail(follow, Instant::now());
    }

    pub(super) fn note_success(&self, follow: FollowId) {
        lock(&self.failing).forget(&follow);
    }

    /// The bot has the permissions again. The follow goes on if everything else is in order. Whether it does,
    /// or never will.
    async fn repair_follow(
        &self,
        check: &mut PermissionCheck<'_>,
        follow: &Follow,
    ) -> Result<bool, ServiceError> {
        let source = self.facts_anywhere(check, follow.source_guild, follow.source_root()).await?;
        let target = self.facts_anywhere(check, follow.guild, follow.target_root()).await?;
        let (Some(source), Some(target)) = (source, target) else { return Ok(false) };
        let ends = CheckedChannels { source: Some(&source), target: Some(&target) };
        match ends.judge(follow) {
            FollowVerdict::Broken(..) => return Ok(false),
            FollowVerdict::Exposed => return self.pause_exposed(check, follow).await.map(|()| true),
            FollowVerdict::Stands => {}
        }
        let lost = [BrokenReason::WebhookDeleted, BrokenReason::WebhookMoved].map(FollowState::Broken);
        if lost.contains(&follow.state)
            && let Some(webhook) = follow.webhook
            && self.replace_webhook(follow.guild, follow.target_root(), webhook).await?.is_err()
        {
            return Ok(false);
        }
        let door = if follow.crosses_servers() { source.door() } else { Some(Door::Own) };
        let Some(door) = door else { return Ok(false) };
        match self.parts.store.resume_mended(follow.guild, follow.id, door, self.parts.clock.now()).await {
            Ok(Some(follow)) => {
                tracing::info!(follow = follow.id.0, "follow goes on: the bot has the permissions again");
                (self.parts.wake)(vec![follow.pair.target]);
                Ok(true)
            }
            Ok(None) | Err(StoreError::Closed | StoreError::Blocked | StoreError::NotServed) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// What is known about a channel of any server.
    async fn facts_anywhere(
        &self,
        check: &mut PermissionCheck<'_>,
        guild: GuildId,
        root: ChannelId,
    ) -> Result<Option<ChannelFacts>, ServiceError> {
        if guild == check.guild {
            return self.facts(check, root).await;
        }
        for _ in 0..3 {
            check.budget.request().await;
        }
        // So that a refusal there counts towards that server.
        let rest = self.parts.rest.of_server(guild);
        let mut access = Access::new(&rest, self.parts.clock);
        let ChannelLookup::Seen(channel) = access.find(root).await? else {
            check.budget.charge_refusal();
            return Ok(None);
        };
        let audience = self.parts.store.audience(root).await?;
        let place = GuildChannel { channel, guild };
        Ok(Some(access.channel_facts(self.parts.identity.user, &place, audience).await?))
    }
}
