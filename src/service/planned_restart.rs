//! A planned restart resumes the gateway's sessions: what a clean stop leaves to the next start, and how that
//! uses it.
//!
//! ```text
//! stop:  leave the gateway, session open ─► record everything ─► keep: sessions and what is known in them
//! start: take (they are removed) ─► what is known ─► RESUME ─► what was missed, as events
//! ```
//! A session's number may only cover events that are recorded or will be read again. So nothing is kept if
//! recording was interrupted or something was lost. And sessions are kept only if this process has all
//! shards: otherwise another process may have taken some over, and what it records is newer. A process that
//! begins to listen removes whatever was kept, by any process. So no session is ever resumed twice, and never
//! an older one after a newer one.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::domain::clock::Clock;
use crate::domain::gateway_session::GatewaySession;
use crate::domain::ids::GuildId;
use crate::domain::shards::{Shard, Shards};
use crate::store::{GatewaySessionOwner, KeptGatewaySession, Store};

use super::intake::{Intake, IntakeHandover};
use super::upkeep::Upkeep;
use super::watch::Watched;
use super::watch::snapshot::{KeptTags, KeptThread};
use super::{ServiceError, ServiceParts};

/// How long a session may be resumed. Discord doesn't say how long it knows a session; finding out costs one
/// request.
const LIFE: TimeDelta = TimeDelta::minutes(30);

/// The servers that a shard has named, and how old its session is.
pub type ShardServers = (Vec<GuildId>, Duration);

/// Keeps sessions over a restart, and takes them up again.
pub struct PlannedRestart {
    store: Store,
    clock: Clock,
    watched: Arc<Watched>,
    shards: Shards,
    owner: GatewaySessionOwner,
}

/// What was known in a session. Nothing in it has a default, so data of another version of the program is not
/// used.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionKnowledge {
    guilds: Vec<GuildId>,
    intake: IntakeHandover,
    doubted: Vec<GuildId>,
    threads: Vec<KeptThread>,
    tags: Vec<KeptTags>,
}

impl PlannedRestart {
    /// Planned restarts of this bot, with these shards.
    pub fn new(parts: &ServiceParts, owner: GatewaySessionOwner) -> Self {
        let ServiceParts { store, clock, watched, shards, .. } = parts.clone();
        Self { store, clock, watched, shards, owner }
    }

    /// Takes the sessions that may be resumed, with what was known in them. `told` receives their servers.
    pub async fn take_sessions(
        &self,
        intake: &Intake,
        upkeep: &Upkeep,
        told: impl Fn(Shard, ShardServers),
    ) -> Result<Vec<GatewaySession>, ServiceError> {
        let now = self.clock.now();
        let kept = self.store.take_gateway_sessions(&self.owner, now - LIFE).await?;
        if !self.shards.is_all() {
            return Ok(Vec::new());
        }
        let mut sessions = Vec::new();
        for KeptGatewaySession { session, began_at, knowledge } in kept {
            let known = serde_json::from_str::<SessionKnowledge>(&knowledge);
            let (shard, Ok(known)) = (session.shard, known) else { continue };
            if shard.total != self.shards.total() {
                continue;
            }
            let SessionKnowledge { guilds, intake: kept, doubted, threads, tags } = known;
            told(shard, (guilds, (now - began_at).to_std().unwrap_or_default()));
            self.watched.restore(threads, tags);
            intake.resume(shard, kept);
            doubted.into_iter().for_each(|guild| upkeep.suspect(guild));
            sessions.push(session);
        }
        Ok(sessions)
    }

    /// Keeps sessions that can be resumed, with what is known in them. Keeps none if something that they
    /// brought was neither recorded nor will be read again.
    pub async fn keep_sessions(
        &self,
        sessions: Vec<GatewaySession>,
        intake: &Intake,
        upkeep: &Upkeep,
        told: impl Fn(Shard) -> Option<ShardServers>,
    ) -> Result<usize, ServiceError> {
        let (Some(left), Some(doubted)) = (intake.take_handover(), upkeep.take_suspects()) else {
            return Ok(0);
        };
        if !self.shards.is_all() {
            return Ok(0);
        }
        let now = self.clock.now();
        let (threads, tags) = self.watched.kept();
        let kept = sessions.into_iter().filter_map(|session| {
            let shard = session.shard;
            let (guilds, age) = told(shard)?;
            let known = SessionKnowledge {
                guilds,
                intake: left.of(shard),
                doubted: doubted.iter().filter(|guild| shard.has(**guild)).copied().collect(),
                threads: threads.iter().filter(|thread| shard.has(thread.guild)).copied().collect(),
                tags: tags.iter().filter(|tags| shard.has(tags.guild)).cloned().collect(),
            };
            let knowledge = serde_json::to_string(&known).ok()?;
            Some(KeptGatewaySession { session, began_at: now - TimeDelta::from_std(age).ok()?, knowledge })
        });
        let kept: Vec<KeptGatewaySession> = kept.collect();
        self.store.keep_gateway_sessions(&self.owner, &kept, now).await?;
        Ok(kept.len())
    }
}
