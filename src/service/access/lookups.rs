//! What look-ups of channels that people name may cost. A link or a number may be of anything: of servers that the bot isn't in nothing is asked, what was hidden or missing is
//! remembered for a while, and look-ups that found nothing have a budget for each person and each server, since Discord counts refusals.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::allowance::Allowance;
use crate::domain::clock::Clock;
use crate::domain::ids::{ChannelId, GuildId, UserId};

use super::keystrokes::Keystrokes;
use crate::service::upkeep::{GatewayView, Membership};
use crate::service::{Actor, Refusal};

/// In which span failed look-ups are counted, and how many of them a person and a server have in it.
const SPAN: TimeDelta = TimeDelta::minutes(10);
const PERSONS: u32 = 20;
const SERVERS: u32 = 60;
/// How long it is remembered that a channel was hidden or missing.
const REMEMBERED: TimeDelta = TimeDelta::minutes(2);
/// The same for somebody who runs a command: they may have mended it meanwhile.
const COMMANDS_REMEMBERED: TimeDelta = TimeDelta::seconds(20);
/// How many of these are remembered.
const MOST: usize = 10_000;

/// Why a channel was not found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum Absent {
    /// The bot doesn't see it.
    Hidden,
    /// There is none.
    Gone,
}

/// For what a channel is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum Purpose {
    /// A command, or a press.
    Command,
    /// To complete what is being typed: once a keystroke.
    Completion,
}

impl Purpose {
    const fn remembered(self) -> TimeDelta {
        match self {
            Self::Command => COMMANDS_REMEMBERED,
            Self::Completion => REMEMBERED,
        }
    }
}

/// What is known of look-ups that failed.
pub struct Lookups {
    gateway: Arc<dyn GatewayView>,
    clock: Clock,
    memory: Mutex<Memory>,
    /// What was found for what people are typing.
    pub(in crate::service) keystrokes: Keystrokes,
}

struct Memory {
    absent: HashMap<ChannelId, (Absent, DateTime<Utc>)>,
    people: Allowance<UserId>,
    servers: Allowance<GuildId>,
}

impl Lookups {
    /// Nothing has been looked up yet. The gateway tells which servers the bot is in.
    pub fn new(gateway: Arc<dyn GatewayView>, clock: Clock) -> Self {
        let memory = Memory {
            absent: HashMap::new(),
            people: Allowance::within(SPAN, Some(PERSONS)),
            servers: Allowance::within(SPAN, Some(SERVERS)),
        };
        Self { gateway, clock, memory: Mutex::new(memory), keystrokes: Keystrokes::default() }
    }

    /// Who may see what has changed in a server.
    pub(in crate::service) fn doors_changed(&self, guild: GuildId) {
        self.keystrokes.forget(guild, self.clock.now());
    }

    /// Whether the bot surely isn't in a server.
    pub(in crate::service) fn is_elsewhere(&self, guild: GuildId) -> bool {
        self.gateway.membership(guild) == Membership::NotMember
    }

    /// What needn't be asked. Refuses where too many look-ups of this person, or in this server, found nothing.
    pub(in crate::service) fn foresee(
        &self,
        actor: Actor,
        channel: ChannelId,
        purpose: Purpose,
    ) -> Result<Option<Absent>, Refusal> {
        if let Some(absent) = self.remembered(channel, purpose) {
            return Ok(Some(absent));
        }
        let (now, mut memory) = (self.clock.now(), self.memory());
        let Memory { people, servers, .. } = &mut *memory;
        let free = people.next_free(actor.user, now).max(servers.next_free(actor.guild, now));
        free.map_or(Ok(None), |free| Err(Refusal::TooManyLookups(free)))
    }

    /// That a channel was hidden or missing a while ago.
    pub(in crate::service) fn remembered(&self, channel: ChannelId, purpose: Purpose) -> Option<Absent> {
        let (absent, at) = self.memory().absent.get(&channel).copied()?;
        (self.clock.now() < at + purpose.remembered()).then_some(absent)
    }

    /// A look-up found nothing. It counts, unless the bot itself knew of that channel.
    pub(in crate::service) fn note(&self, actor: Actor, channel: ChannelId, absent: Absent, counts: bool) {
        let (now, mut memory) = (self.clock.now(), self.memory());
        if memory.absent.len() >= MOST {
            memory.absent.retain(|_, (_, at)| now < *at + REMEMBERED);
        }
        if memory.absent.len() >= MOST {
            memory.absent.clear();
        }
        memory.absent.insert(channel, (absent, now));
        if counts {
            // Several at the same time may be one too many.
            let _ = memory.people.take(actor.user, now);
            let _ = memory.servers.take(actor.guild, now);
        }
    }

    /// A channel is there: somebody may have let the bot see it.
    pub(in crate::service) fn note_there(&self, channel: ChannelId) {
        self.memory().absent.remove(&channel);
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
