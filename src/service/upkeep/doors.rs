//! The look at who may see what in a server, and what becomes of its follows: those whose source is open no more, or which the bot can't serve any more,
//! break; those that would make public what wasn't are paused; those that broke because the bot lacked permissions go on when it has them again.
//! What the rules are, the domain says; this gathers what they rest on.

use std::collections::{HashMap, HashSet};

use crate::domain::doors::{ChannelFacts, Ends, Verdict};
use crate::domain::follow::{
    Audience, BrokenReason, Delivery, Door, Exposure, Follow, FollowId, FollowState,
};
use crate::domain::ids::{ChannelId, GuildId};
use crate::domain::permissions::Permissions;
use crate::rest::WEBHOOK_REASON;
use crate::rest::model::Channel;
use crate::service::ServiceError;
use crate::service::access::{Access, Found as Looked, Place};
use crate::store::{BreakWhich, Found, StoreError};

use super::Upkeep;
use super::budget::Budget;

/// How many follows are read at once.
const PAGE: u64 = 1_000;
/// How many follows of one look may be mended that need questions of their own; the others wait for the next.
const MOST_MENDED: usize = 50;

/// A look at a server.
struct DoorLook<'a> {
    guild: GuildId,
    access: Access<'a>,
    /// Who may follow its channels, of those for which that was chosen.
    audiences: HashMap<ChannelId, Audience>,
    /// The servers that it has blocked.
    blocked: HashSet<GuildId>,
    /// What is known of its channels; nothing of those that it doesn't list.
    facts: HashMap<ChannelId, Option<ChannelFacts>>,
    budget: &'a Budget,
    /// What was broken already.
    broken: HashSet<BreakWhich>,
    mended: usize,
}

impl Upkeep {
    /// Looks at who may see what in a server, as something told that this changed.
    pub(super) async fn look_at_doors(&self, guild: GuildId) -> Result<(), ServiceError> {
        self.event_budget.request().await;
        let rest = self.rest.of_server(guild);
        let channels = rest.guild_channels(guild).await?;
        // The server, with its roles, and the bot as its member: each is asked for once.
        self.event_budget.request().await;
        self.event_budget.request().await;
        let access = Access::new(&rest, self.clock);
        if !self.check_doors(access, guild, channels, &self.event_budget).await? {
            self.doubt(guild);
        }
        Ok(())
    }

    /// Compares follows with who may see what in a server, whose channels are these. Whether there was time for all.
    pub(super) async fn check_doors<'a>(
        &self,
        mut access: Access<'a>,
        guild: GuildId,
        channels: impl IntoIterator<Item = Channel>,
        budget: &'a Budget,
    ) -> Result<bool, ServiceError> {
        let first = self.store.follows_touching(guild, FollowId(0), PAGE).await?;
        if first.is_empty() {
            return Ok(true);
        }
        access.know(guild, channels);
        if access.guild(guild).await?.is_none() {
            return Ok(false);
        }
        let audiences = self.store.audiences(guild).await?;
        let blocked = self.store.blocked_followers(guild).await?.into_iter().collect();
        let (facts, broken) = (HashMap::new(), HashSet::new());
        let mut look = DoorLook { guild, access, audiences, blocked, facts, budget, broken, mended: 0 };
        let mut follows = first;
        while let Some(last) = follows.last().map(|follow| follow.id) {
            for follow in &follows {
                self.check_door(&mut look, follow).await?;
            }
            follows = self.store.follows_touching(guild, last, PAGE).await?;
        }
        Ok(look.mended <= MOST_MENDED)
    }

    async fn check_door(&self, look: &mut DoorLook<'_>, follow: &Follow) -> Result<(), ServiceError> {
        let own = |guild| guild == look.guild;
        let (of_source, of_target) = (own(follow.source_guild), own(follow.guild));
        let blocked = FollowState::Broken(BrokenReason::Blocked);
        if of_source && look.blocked.contains(&follow.guild) && follow.state != blocked {
            // Whoever blocked it was cut off.
            return self.break_door(look, follow, BrokenReason::Blocked, Permissions::empty()).await;
        }
        let source = if of_source { self.facts(look, follow.source_root()).await? } else { None };
        let target = if of_target { self.facts(look, follow.target_root()).await? } else { None };
        let ends = Ends { source: source.as_ref(), target: target.as_ref() };
        match follow.state {
            FollowState::Paused => Ok(()),
            FollowState::Active => match ends.judge(follow) {
                Verdict::Stands => self.note(look, follow, &ends).await,
                Verdict::Broken(reason, lacking) => self.break_door(look, follow, reason, lacking).await,
                Verdict::Exposed => self.stop_exposed(look, follow).await,
            },
            FollowState::Broken(_) => match ends.lacking_now(follow) {
                Some(lacking) if lacking.is_empty() && !follow.lacking.is_empty() => {
                    self.mend_door(look, follow).await
                }
                Some(lacking) if !lacking.is_empty() => self.note(look, follow, &ends).await,
                Some(_) | None => Ok(()),
            },
        }
    }

    /// What is known of a channel of the server; nothing where it isn't listed.
    async fn facts(
        &self,
        look: &mut DoorLook<'_>,
        root: ChannelId,
    ) -> Result<Option<ChannelFacts>, ServiceError> {
        if let Some(known) = look.facts.get(&root) {
            return Ok(*known);
        }
        let facts = match look.access.known(root) {
            Some(channel) => {
                let audience = look.audiences.get(&root).copied().unwrap_or(Audience::Nobody);
                let place = Place { channel, guild: look.guild };
                Some(look.access.facts(self.identity.user, &place, audience).await?)
            }
            None => None,
        };
        look.facts.insert(root, facts);
        Ok(facts)
    }

    /// Writes down what was found, where that is new.
    async fn note(
        &self,
        look: &mut DoorLook<'_>,
        follow: &Follow,
        ends: &Ends<'_>,
    ) -> Result<(), ServiceError> {
        let lacking = ends.lacking_now(follow).unwrap_or(follow.lacking);
        // What a thread makes public, its channel doesn't tell.
        let threads = follow.source_parent.is_some() || follow.spot.parent().is_some();
        let within = ends.makes_public() == Some(false) && !threads;
        let exposure = match follow.exposure {
            Exposure::Meant if within => Exposure::None,
            known => known,
        };
        let found = Found { exposure, lacking, source_restricted: ends.is_restricted(follow) };
        let known = (follow.exposure, follow.lacking, follow.source_restricted);
        if (found.exposure, found.lacking, found.source_restricted) == known {
            return Ok(());
        }
        let tell = follow.state == FollowState::Active && !lacking.is_empty() && lacking != follow.lacking;
        tracing::debug!(follow = follow.id.0, guild = %look.guild, "something about a follow is new");
        Ok(self.store.note_found(follow, found, tell).await?)
    }

    /// Breaks this follow, and all others of the same channel that break for the same reason.
    async fn break_door(
        &self,
        look: &mut DoorLook<'_>,
        follow: &Follow,
        reason: BrokenReason,
        lacking: Permissions,
    ) -> Result<(), ServiceError> {
        let (source, target) = (follow.source_root(), follow.target_root());
        let which = match reason {
            BrokenReason::Unpublished => BreakWhich::CrossServerOf(source),
            BrokenReason::Blocked => BreakWhich::OfServer(follow.source_guild, follow.guild),
            BrokenReason::NoAnnouncement => BreakWhich::NativeSource(source),
            BrokenReason::SourceForbidden => BreakWhich::RelaySource(source),
            BrokenReason::TargetForbidden => BreakWhich::RelayTarget(target),
            _ => BreakWhich::Follow(follow.id),
        };
        if !look.broken.insert(which) {
            return Ok(());
        }
        for broken in self.store.break_lacking(which, reason, lacking, self.clock.now()).await? {
            tracing::warn!(follow = broken.id.0, reason = reason.as_str(), "follow broken");
            self.stop_native(look, &broken).await;
        }
        Ok(())
    }

    /// Discord's own following goes on until its webhook goes.
    async fn stop_native(&self, look: &DoorLook<'_>, follow: &Follow) {
        let native = follow.options.delivery == Delivery::Native;
        let Some(webhook) = follow.follower_webhook.filter(|_| native) else { return };
        look.budget.request().await;
        if let Err(error) = self.rest.of_server(look.guild).delete_webhook(webhook, WEBHOOK_REASON).await {
            tracing::warn!(follow = follow.id.0, %error, "a native follow that broke could not be stopped");
        }
    }

    /// Pauses a follow that would make public what wasn't.
    async fn stop_exposed(&self, look: &mut DoorLook<'_>, follow: &Follow) -> Result<(), ServiceError> {
        // A private thread is seen by those invited, whoever sees its channel.
        if follow.spot.parent().is_some() {
            look.budget.request().await;
            let Looked::Seen(channel) = look.access.find(follow.pair.target).await? else { return Ok(()) };
            let place = Place { channel, guild: follow.guild };
            if !look.access.everyone_sees(&place).await? {
                return Ok(());
            }
        }
        let stopped = self.store.stop_exposed(follow.guild, follow.id, self.clock.now()).await?;
        if let Some(stopped) = stopped {
            tracing::warn!(follow = follow.id.0, "follow paused: it would make public what isn't");
            self.stop_native(look, &stopped).await;
            (self.wake)(vec![follow.pair.target]);
        }
        Ok(())
    }

    /// The bot has what it lacked: the follow goes on, if all else is as it must be.
    async fn mend_door(&self, look: &mut DoorLook<'_>, follow: &Follow) -> Result<(), ServiceError> {
        if follow.crosses_servers() {
            look.mended += 1;
            if look.mended > MOST_MENDED {
                return Ok(());
            }
        }
        let source = self.facts_anywhere(look, follow.source_guild, follow.source_root()).await?;
        let target = self.facts_anywhere(look, follow.guild, follow.target_root()).await?;
        let (Some(source), Some(target)) = (source, target) else { return Ok(()) };
        let ends = Ends { source: Some(&source), target: Some(&target) };
        match ends.judge(follow) {
            Verdict::Broken(..) => return Ok(()),
            Verdict::Exposed => return self.stop_exposed(look, follow).await,
            Verdict::Stands => {}
        }
        let lost = [BrokenReason::WebhookDeleted, BrokenReason::WebhookMoved].map(FollowState::Broken);
        if lost.contains(&follow.state)
            && let Some(webhook) = follow.webhook
            && self.mend(follow.guild, follow.target_root(), webhook).await?.is_err()
        {
            return Ok(());
        }
        let door = if follow.crosses_servers() { source.door() } else { Some(Door::Own) };
        let Some(door) = door else { return Ok(()) };
        match self.store.resume_mended(follow.guild, follow.id, door, self.clock.now()).await {
            Ok(Some(follow)) => {
                tracing::info!(follow = follow.id.0, "follow goes on: the bot has the permissions again");
                (self.wake)(vec![follow.pair.target]);
                Ok(())
            }
            Ok(None) | Err(StoreError::Closed | StoreError::Blocked) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// What is known of a channel, of whichever server.
    async fn facts_anywhere(
        &self,
        look: &mut DoorLook<'_>,
        guild: GuildId,
        root: ChannelId,
    ) -> Result<Option<ChannelFacts>, ServiceError> {
        if guild == look.guild {
            return self.facts(look, root).await;
        }
        for _ in 0..3 {
            look.budget.request().await;
        }
        let Looked::Seen(channel) = look.access.find(root).await? else { return Ok(None) };
        let audience = self.store.audience(root).await?;
        let place = Place { channel, guild };
        Ok(Some(look.access.facts(self.identity.user, &place, audience).await?))
    }
}
