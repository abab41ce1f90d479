//! Refusals by something in front of Discord: 401 and 403 that aren't Discord's own, mostly for everything
//! and for a while. Each counts towards Discord's ban of the address, and asking on would blow the fuse,
//! which stops everybody. So what was refused that way waits, and one request at a time tries whether it is
//! over. What wasn't refused goes on: it may be one server's or one channel's problem.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::MajorParameter;

/// How long until the first try, and at most between two tries.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(5);
/// After this time without a refusal, former ones are forgotten.
const FORGET: Duration = Duration::from_secs(600);

#[derive(Debug, Default)]
pub(super) struct EdgeGate {
    /// What was refused since the gate closed.
    refused: HashSet<MajorParameter>,
    /// How many tries failed.
    tries: u32,
    last: Option<Instant>,
    /// When the next try may go.
    next_try: Option<Instant>,
}

impl EdgeGate {
    /// Until when such a call waits, if it has to.
    pub(super) fn closed_until(&self, major: MajorParameter, now: Instant) -> Option<Instant> {
        self.next_try.filter(|next| *next > now && self.refused.contains(&major))
    }

    /// Records that a request leaves. If it is a try, the others wait for its result.
    pub(super) fn record_sent(&mut self, major: MajorParameter, now: Instant) {
        if self.refused.contains(&major) {
            self.next_try = Some(now + self.pause());
        }
    }

    /// Records that a request, sent at that time, was refused.
    pub(super) fn record_refusal(&mut self, major: MajorParameter, sent: Instant, received: Instant) {
        if self.last.is_some_and(|last| received.saturating_duration_since(last) > FORGET) {
            *self = Self::default();
        }
        // Refusals of requests that were in flight together count once.
        if self.last.is_none_or(|last| sent >= last) {
            self.tries = self.tries.saturating_add(1);
            self.last = Some(received);
        }
        self.refused.insert(major);
        self.next_try = self.next_try.max(Some(received + self.pause()));
    }

    /// Records that Discord itself answered. Where that had been refused, the gate opens.
    pub(super) fn record_answer(&mut self, major: MajorParameter) {
        if self.refused.contains(&major) {
            *self = Self::default();
        }
    }

    fn pause(&self) -> Duration {
        (FIRST * (1 << self.tries.saturating_sub(1).min(8))).min(LONGEST)
    }
}
