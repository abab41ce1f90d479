//! What looking up channels that people name may cost. A link or a number may stand for anything, and Discord
//! counts refusals. So nothing is asked about servers that the bot isn't in, hidden and missing channels are
//! remembered for a while, and each person and each server has a budget for look-ups that find nothing.

use std::sync::{Arc, Mutex, MutexGuard};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::allowance::Allowance;
use crate::domain::clock::Clock;
use crate::domain::expiring::ExpiringMap;
use crate::domain::ids::{ChannelId, GuildId, UserId};
use crate::domain::lock::lock;
use crate::service::gateway_view::{GatewayView, Membership};
use crate::service::{Actor, Refusal};

use super::keystrokes::Keystrokes;

/// The span in which failed look-ups are counted, and how many of them a person and a server have in it.
const SPAN: TimeDelta = TimeDelta::minutes(10);
const PERSONS: u32 = 20;
const SERVERS: u32 = 60;
/// How long a hidden or missing channel is remembered.
const REMEMBERED: TimeDelta = TimeDelta::minutes(2);
/// The same for a person who runs a command: they may have repaired it meanwhile.
const COMMANDS_REMEMBERED: TimeDelta = TimeDelta::seconds(20);
/// How many of these channels are remembered.
const MOST: usize = 10_000;

/// Why a channel was not found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum AbsentReason {
    /// The bot doesn't see it.
    Hidden,
    /// It doesn't exist.
    Gone,
}

/// Why a channel is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum LookupPurpose {
    /// For a command, or a press.
    Command,
    /// To complete what is being typed: once a keystroke.
    Completion,
    /// For a page, or a program that reads.
    Reading,
}

impl LookupPurpose {
    const fn remembered(self) -> TimeDelta {
        match self {
            Self::Command => COMMANDS_REMEMBERED,
            Self::Completion | Self::Reading => REMEMBERED,
        }
    }

    /// Whether the same is asked many times a minute.
    pub(super) const fn is_frequent(self) -> bool {
        matches!(self, Self::Completion | Self::Reading)
    }
}

/// What is known about look-ups that failed.
pub struct Lookups {
    gateway: Arc<dyn GatewayView>,
    clock: Clock,
    memory: Mutex<LookupMemory>,
    /// What was found out while people were typing.
    pub(super) keystrokes: Keystrokes,
}

struct LookupMemory {
    /// The channels that weren't found, and when that was.
    absent: ExpiringMap<ChannelId, (AbsentReason, DateTime<Utc>), MOST>,
    people: Allowance<UserId>,
    servers: Allowance<GuildId>,
}

impl Lookups {
    /// Nothing has been looked up yet. The gateway tells which servers the bot is in.
    pub fn new(gateway: Arc<dyn GatewayView>, clock: Clock) -> Self {
        let memory = LookupMemory {
            absent: ExpiringMap::default(),
            people: Allowance::within(SPAN, Some(PERSONS)),
            servers: Allowance::within(SPAN, Some(SERVERS)),
        };
        Self { gateway, clock, memory: Mutex::new(memory), keystrokes: Keystrokes::default() }
    }

    /// Drops what keystrokes found out in a server whose permissions have changed.
    pub(in crate::service) fn permissions_changed(&self, guild: GuildId) {
        self.keystrokes.forget(guild, self.clock.now());
    }

    /// Whether the bot surely isn't in a server.
    pub(in crate::service) fn is_elsewhere(&self, guild: GuildId) -> bool {
        self.gateway.membership(guild) == Membership::NotMember
    }

    /// Whether a channel is known to be absent, so that nothing needs to be asked. Refuses where too many
    /// look-ups of this person, or in this server, found nothing.
    pub(super) fn check(
        &self,
        actor: Actor,
        channel: ChannelId,
        purpose: LookupPurpose,
    ) -> Result<Option<AbsentReason>, Refusal> {
        if let Some(absent) = self.remembered(channel, purpose) {
            return Ok(Some(absent));
        }
        let (now, memory) = (self.clock.now(), self.memory());
        let LookupMemory { people, servers, .. } = &*memory;
        let free = people.next_free(&actor.user, now).max(servers.next_free(&actor.guild, now));
        free.map_or(Ok(None), |free| Err(Refusal::TooManyLookups(free)))
    }

    /// Whether a channel was hidden or missing a short while ago.
    pub(super) fn remembered(&self, channel: ChannelId, purpose: LookupPurpose) -> Option<AbsentReason> {
        let now = self.clock.now();
        let (absent, at) = self.memory().absent.get(&channel, now).copied()?;
        (now < at + purpose.remembered()).then_some(absent)
    }

    /// Notes a look-up that found nothing. It counts, unless the bot itself knew of that channel.
    pub(super) fn note_absent(&self, actor: Actor, channel: ChannelId, absent: AbsentReason, counts: bool) {
        let (now, mut memory) = (self.clock.now(), self.memory());
        memory.absent.put(channel, (absent, now), now + REMEMBERED, now);
        if counts {
            // Of several look-ups at the same time, some may exceed the budget.
            let _ = memory.people.take(actor.user, now);
            let _ = memory.servers.take(actor.guild, now);
        }
    }

    /// Notes that a channel was found: somebody may have let the bot see it.
    pub(super) fn note_present(&self, channel: ChannelId) {
        self.memory().absent.remove(&channel);
    }

    fn memory(&self) -> MutexGuard<'_, LookupMemory> {
        lock(&self.memory)
    }
}
