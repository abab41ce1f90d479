//! Refusals of what stands before Discord: 401 and 403 that aren't Discord's own, for a while and mostly for everything. Each counts towards Discord's ban of the address,
//! and asking on would bring the fuse, which stops everybody. So what was refused that way waits, and one request at a time tries whether it is over. What wasn't
//! refused goes on: it may be one server's or one channel's matter.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::Major;

/// How long until the first try, and at most between two.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(5);
/// After this time without a refusal, nothing is known any more.
const FORGET: Duration = Duration::from_secs(600);

#[derive(Debug, Default)]
pub(super) struct Gate {
    /// What was refused since it closed.
    refused: HashSet<Major>,
    /// How often it was tried in vain.
    tries: u32,
    last: Option<Instant>,
    /// When the next of those may try.
    next_try: Option<Instant>,
}

impl Gate {
    /// Until when this waits, if it does.
    pub(super) fn holds(&self, major: Major, now: Instant) -> Option<Instant> {
        self.next_try.filter(|next| *next > now && self.refused.contains(&major))
    }

    /// A request leaves. If it is a try, the others wait for what comes of it.
    pub(super) fn sent(&mut self, major: Major, now: Instant) {
        if self.refused.contains(&major) {
            self.next_try = Some(now + self.pause());
        }
    }

    /// A request that was sent then was refused.
    pub(super) fn refused(&mut self, major: Major, sent: Instant, received: Instant) {
        if self.last.is_some_and(|last| received.saturating_duration_since(last) > FORGET) {
            *self = Self::default();
        }
        // Those that were under way together count once.
        if self.last.is_none_or(|last| sent >= last) {
            self.tries = self.tries.saturating_add(1);
            self.last = Some(received);
        }
        self.refused.insert(major);
        self.next_try = self.next_try.max(Some(received + self.pause()));
    }

    /// Discord itself answered. Where that had been refused, it is over.
    pub(super) fn answered(&mut self, major: Major) {
        if self.refused.contains(&major) {
            *self = Self::default();
        }
    }

    fn pause(&self) -> Duration {
        (FIRST * (1 << self.tries.saturating_sub(1).min(8))).min(LONGEST)
    }
}
