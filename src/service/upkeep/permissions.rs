//! Checks the permissions in a server, and what they mean for its follows. A follow breaks if its source is
//! no longer open or the bot can no longer serve it. It is paused if it would make something public. It goes
//! on if it broke because the bot lacked permissions that it has again. The rules are in the domain; this
//! gathers the facts for them.

use std::collections::{HashMap, HashSet};

use crate::domain::audit::ChangedBy;
use crate::domain::channel::ChannelKind;
use crate::domain::doors::{ChannelFacts, CheckedChannels, FollowVerdict};
use crate::domain::follow::{
    Audience, BrokenReason, DeliveryMethod, Exposure, Follow, FollowId, FollowState,
};
use crate::domain::ids::{ChannelId, GuildId};
use crate::domain::permissions::Permissions;
use crate::rest::WEBHOOK_REASON;
use crate::rest::model::Channel;
use crate::service::ServiceError;
use crate::service::access::{Access, ChannelLookup, GuildChannel};
use crate::store::{BreakWhich, FollowFindings};

use super::Upkeep;
use super::budget::Budget;

/// How many follows are read at once.
const PAGE: u64 = 1_000;
/// A check ends after this many follows that can't be checked.
const MOST_FAILED: usize = 5;

/// A check of a server.
pub(super) struct PermissionCheck<'a> {
    pub(super) guild: GuildId,
    pub(super) access: Access<'a>,
    /// Who may follow its channels, if somebody has chosen that.
    pub(super) audiences: HashMap<ChannelId, Audience>,
    /// The servers that it has blocked.
    pub(super) blocked: HashSet<GuildId>,
    /// What is known about its channels; `None` for channels that it doesn't list.
    pub(super) facts: HashMap<ChannelId, Option<ChannelFacts>>,
    pub(super) budget: &'a Budget,
    /// What has been broken already.
    pub(super) broken: HashSet<BreakWhich>,
    /// Broken follows that may be able to go on. They are looked at last.
    pub(super) repairable: Vec<Follow>,
    /// Whether one of Discord's own followings could not be stopped.
    pub(super) unstopped: bool,
}

impl Upkeep {
    /// Checks the permissions in a server, because something says that they changed.
    #[tracing::instrument(level = "debug", skip_all, fields(server = %guild))]
    pub(super) async fn check_permissions(&self, guild: GuildId) -> Result<(), ServiceError> {
        self.event_budget.request().await;
        let permissions = self.parts.permissions.begin(guild);
        let rest = self.parts.rest.of_server(guild);
        let channels = rest.guild_channels(guild).await?;
        // For the server with its roles, and for the bot as its member: each is requested once.
        self.event_budget.request().await;
        self.event_budget.request().await;
        let access = Access::new(&rest, self.parts.clock);
        let Some(mut check) = self.check_follows(access, guild, channels, &self.event_budget).await? else {
            return Ok(());
        };
        self.note_permissions(guild, permissions).await?;
        // Follows that take requests to other servers are left to the sweep.
        let (abroad, here): (Vec<_>, Vec<_>) =
            std::mem::take(&mut check.repairable).into_iter().partition(Follow::crosses_servers);
        check.repairable = here;
        if !self.repair_follows(&mut check).await || !abroad.is_empty() {
            self.suspect(guild);
        }
        Ok(())
    }

    /// Compares follows with the permissions in a server, which has these channels, and breaks those that
    /// can't go on. `None` if the bot doesn't see the server.
    ///
    /// # Errors
    /// If some follow could not be checked; all others were.
    pub(super) async fn check_follows<'a>(
        &self,
        mut access: Access<'a>,
        guild: GuildId,
        channels: impl IntoIterator<Item = Channel>,
        budget: &'a Budget,
    ) -> Result<Option<PermissionCheck<'a>>, ServiceError> {
        access.add_channels(guild, channels);
        if access.guild(guild).await?.is_none() {
            return Ok(None);
        }
        let audiences = self.parts.store.audiences(guild).await?;
        let blocked = self.parts.store.blocked_followers(guild).await?.into_iter().collect();
        let mut check = PermissionCheck {
            guild,
            access,
            audiences,
            blocked,
            facts: HashMap::new(),
            budget,
            broken: HashSet::new(),
            repairable: Vec::new(),
            unstopped: false,
        };
        let mut failures = Vec::new();
        let mut follows = self.parts.store.follows_touching(guild, FollowId(0), PAGE).await?;
        while let Some(last) = follows.last().map(|follow| follow.id)
            && failures.len() < MOST_FAILED
        {
            for follow in follows {
                let id = follow.id.0;
                if let Err(error) = self.check_follow(&mut check, follow).await {
                    tracing::warn!(follow = id, %error, "a follow can't be looked at");
                    failures.push(error);
                    if failures.len() >= MOST_FAILED {
                        break;
                    }
                }
            }
            follows = self.parts.store.follows_touching(guild, last, PAGE).await?;
        }
        failures.pop().map_or(Ok(Some(check)), Err)
    }

    async fn check_follow(
        &self,
        check: &mut PermissionCheck<'_>,
        mut follow: Follow,
    ) -> Result<(), ServiceError> {
        let own = |guild| guild == check.guild;
        let (of_source, of_target) = (own(follow.source_guild), own(follow.guild));
        let blocked = FollowState::Broken(BrokenReason::Blocked);
        if of_source && check.blocked.contains(&follow.guild) && follow.state != blocked {
            // The blocking of that server was interrupted.
            return self.break_with_others(check, &follow, BrokenReason::Blocked, Permissions::empty()).await;
        }
        let source = if of_source { self.facts(check, follow.source_root()).await? } else { None };
        let target = if of_target { self.facts(check, follow.target_root()).await? } else { None };
        let ends = CheckedChannels { source: source.as_ref(), target: target.as_ref() };
        if follow.source_private.is_none() && ends.privacy_matters(&follow) {
            follow.source_private = self.is_private(check, &follow).await?;
        }
        match follow.state {
            FollowState::Paused => {
                self.stop_native(check, &follow).await;
                Ok(())
            }
            FollowState::Active => match ends.judge(&follow) {
                FollowVerdict::Stands => self.note(check, &follow, &ends).await,
                FollowVerdict::Broken(reason, lacking) => {
                    self.break_with_others(check, &follow, reason, lacking).await
                }
                FollowVerdict::Exposed => self.pause_exposed(check, &follow).await,
            },
            FollowState::Broken(reason) => {
                if reason.stops_native() {
                    self.stop_native(check, &follow).await;
                }
                match ends.lacking_now(&follow) {
                    Some(lacking) if lacking.is_empty() && !follow.lacking.is_empty() => {
                        check.repairable.push(follow);
                        Ok(())
                    }
                    Some(lacking) if !lacking.is_empty() => self.note(check, &follow, &ends).await,
                    Some(_) | None => Ok(()),
                }
            }
        }
    }

    /// Whether a followed thread is private, which its channel doesn't tell; `None` if it can't be seen.
    async fn is_private(
        &self,
        check: &mut PermissionCheck<'_>,
        follow: &Follow,
    ) -> Result<Option<bool>, ServiceError> {
        check.budget.request().await;
        let ChannelLookup::Seen(thread) = check.access.find(follow.pair.source).await? else {
            return Ok(None);
        };
        let private = thread.kind == ChannelKind::PrivateThread;
        self.parts.store.note_private(follow.id, private).await?;
        Ok(Some(private))
    }

    /// What is known about a channel of the server; `None` if the server doesn't list it.
    pub(super) async fn facts(
        &self,
        check: &mut PermissionCheck<'_>,
        root: ChannelId,
    ) -> Result<Option<ChannelFacts>, ServiceError> {
        if let Some(known) = check.facts.get(&root) {
            return Ok(*known);
        }
        let facts = match check.access.seen_channel(root) {
            Some(channel) => {
                let audience = check.audiences.get(&root).copied().unwrap_or(Audience::Nobody);
                let place = GuildChannel { channel, guild: check.guild };
                Some(check.access.channel_facts(self.parts.identity.user, &place, audience).await?)
            }
            None => None,
        };
        check.facts.insert(root, facts);
        Ok(facts)
    }

    /// Stores what was found, if it is new.
    async fn note(
        &self,
        check: &mut PermissionCheck<'_>,
        follow: &Follow,
        ends: &CheckedChannels<'_>,
    ) -> Result<(), ServiceError> {
        let lacking = ends.lacking_now(follow).unwrap_or(follow.lacking);
        // A channel doesn't tell what its threads make public.
        let threads = follow.source_parent.is_some() || follow.target_kind.parent().is_some();
        let within = ends.makes_public(follow) == Some(false) && !threads;
        let exposure = match follow.exposure {
            Exposure::Meant if within => Exposure::None,
            known => known,
        };
        let found = FollowFindings { exposure, lacking, source_restricted: ends.is_restricted(follow) };
        let known = (follow.exposure, follow.lacking, follow.source_restricted);
        if (found.exposure, found.lacking, found.source_restricted) == known {
            return Ok(());
        }
        let tell = follow.state == FollowState::Active && !lacking.is_empty() && lacking != follow.lacking;
        tracing::debug!(follow = follow.id.0, guild = %check.guild, "something about a follow is new");
        self.parts.store.record_findings(follow, found, tell).await?;
        if found.source_restricted && !follow.source_restricted && follow.guild != check.guild {
            // The other server knows whether its target may show that.
            self.parts.checks.request(follow.guild);
        }
        Ok(())
    }

    /// Breaks this follow, and all others of the same channel that break for the same reason.
    async fn break_with_others(
        &self,
        check: &mut PermissionCheck<'_>,
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
        if !check.broken.insert(which) {
            return Ok(());
        }
        let stamp = ChangedBy::System.at(self.parts.clock.now());
        for broken in self.parts.store.break_lacking(which, reason, lacking, stamp).await? {
            tracing::warn!(follow = broken.id.0, reason = reason.as_str(), "follow broken");
            self.stop_native(check, &broken).await;
        }
        Ok(())
    }

    /// Stops Discord's own following, which goes on until its webhook is deleted. If that fails, the check is
    /// repeated.
    async fn stop_native(&self, check: &mut PermissionCheck<'_>, follow: &Follow) {
        let native = follow.options.delivery == DeliveryMethod::Native;
        let Some(webhook) = follow.follower_webhook.filter(|_| native) else { return };
        if !self.may_try(follow.id) {
            check.unstopped = true;
            return;
        }
        check.budget.request().await;
        // The target's server decides whether the bot may do it.
        let stopped = self.parts.rest.of_server(follow.guild).delete_webhook(webhook, WEBHOOK_REASON).await;
        let noted = match stopped {
            Err(error) if !error.is_not_found() => Err(ServiceError::from(error)),
            _ => self.parts.store.note_stopped(follow.id, webhook).await.map_err(ServiceError::from),
        };
        match noted {
            Ok(()) => self.note_success(follow.id),
            Err(error) => {
                check.unstopped = true;
                check.budget.charge_refusal();
                self.note_failure(follow.id);
                tracing::warn!(follow = follow.id.0, %error, "a native follow that ended could not be stopped yet");
            }
        }
    }

    /// Pauses a follow that would make something public.
    pub(super) async fn pause_exposed(
        &self,
        check: &mut PermissionCheck<'_>,
        follow: &Follow,
    ) -> Result<(), ServiceError> {
        // A private thread is seen only by those invited, whoever sees its channel.
        if follow.target_kind.parent().is_some() {
            check.budget.request().await;
            let ChannelLookup::Seen(channel) = check.access.find(follow.pair.target).await? else {
                return Ok(());
            };
            let place = GuildChannel { channel, guild: follow.guild };
            if !check.access.everyone_sees(&place).await? {
                return Ok(());
            }
        }
        let stopped = self.parts.store.stop_exposed(follow.guild, follow.id, self.parts.clock.now()).await?;
        if let Some(stopped) = stopped {
            tracing::warn!(follow = follow.id.0, "follow paused: it would make public what isn't");
            self.stop_native(check, &stopped).await;
            (self.parts.wake)(vec![follow.pair.target]);
        }
        Ok(())
    }
}
