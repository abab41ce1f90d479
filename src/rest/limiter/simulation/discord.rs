//! A simulated Discord that counts requests in one of the ways in which servers do.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::super::answer::{AnswerFacts, AnswerKind, Quota};
use crate::rest::error::RateLimitScope;

/// So many requests in so many milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct LimitRule(pub(super) u32, pub(super) u64);

/// The limits as observed: of one webhook, and of all webhooks of a channel.
pub(super) const WEBHOOK: LimitRule = LimitRule(5, 2_000);
pub(super) const CHANNEL: LimitRule = LimitRule(30, 60_000);

/// How requests are counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum CountingMethod {
    /// In windows that begin with their first request.
    Windows,
    /// In windows that begin by the clock.
    Clock,
    /// In the time before each request.
    Sliding,
    /// By tokens that grow back one by one.
    Tokens,
}

/// How Discord tells of a second limit that applies beside the bucket's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum SecondLimit {
    /// There is none.
    None,
    /// Only by a 429 with the scope "shared".
    Shared,
    /// In the headers, under the same name, whenever less is left of it.
    SameName,
    /// The same, under a name of its own.
    OwnName,
}

#[derive(Debug, Clone)]
pub(super) struct LimitRules {
    pub(super) count: CountingMethod,
    pub(super) rule: LimitRule,
    pub(super) second: SecondLimit,
    /// In a second.
    pub(super) global: u32,
}

pub(super) struct SimulatedDiscord {
    laws: LimitRules,
    epoch: Instant,
    buckets: HashMap<u64, (Counter, Counter)>,
    global: Counter,
}

impl SimulatedDiscord {
    pub(super) fn new(laws: LimitRules, epoch: Instant) -> Self {
        Self { laws, epoch, buckets: HashMap::new(), global: Counter::default() }
    }

    pub(super) fn answer(&mut self, webhook: u64, now: Instant) -> AnswerFacts {
        let LimitRules { count, rule, second, global } = self.laws;
        let epoch = self.epoch;
        let refuse = |bucket, quota, wait, scope| {
            let kind = AnswerKind::Limited { retry_after: wait, scope };
            AnswerFacts { bucket, quota, success: false, kind }
        };
        let mut all = self.global.clone();
        if let Err(wait) = all.count(count, LimitRule(global, 1000), now, epoch) {
            return refuse(None, None, wait, RateLimitScope::Global);
        }
        let name = || Some("execute".to_owned());
        let (first, other) = self.buckets.entry(webhook).or_default();
        let mut trial = first.clone();
        let quota = match trial.count(count, rule, now, epoch) {
            Ok(quota) => quota,
            Err(wait) => {
                let quota = Quota { limit: rule.0, remaining: 0, reset_after: wait };
                return refuse(name(), Some(quota), wait, RateLimitScope::User);
            }
        };
        let told = if second == SecondLimit::None {
            quota
        } else {
            match other.count(count, CHANNEL, now, epoch) {
                Ok(told) => told,
                Err(wait) => return refuse(name(), None, wait, RateLimitScope::Shared),
            }
        };
        (*first, self.global) = (trial, all);
        // The headers tell of the limit of which less is left, or that takes longer.
        let tighter = told.remaining <= quota.remaining;
        let (bucket, told) = match second {
            SecondLimit::SameName if tighter => (name(), told),
            SecondLimit::OwnName if tighter => (Some("channel".to_owned()), told),
            _ => (name(), quota),
        };
        AnswerFacts { bucket, quota: Some(told), success: true, kind: AnswerKind::Handled }
    }
}

#[derive(Debug, Default, Clone)]
struct Counter {
    /// Windows: when this one began, and what it has taken. Sliding: the requests that still count. Tokens:
    /// when each will have grown back.
    began: Option<Instant>,
    taken: VecDeque<Instant>,
}

impl Counter {
    /// Counts a request if there is room. Returns what is left and until when, or how long to wait.
    fn count(
        &mut self,
        how: CountingMethod,
        LimitRule(limit, period): LimitRule,
        now: Instant,
        epoch: Instant,
    ) -> Result<Quota, Duration> {
        let period = Duration::from_millis(period);
        let most = usize::try_from(limit).unwrap();
        match how {
            CountingMethod::Windows | CountingMethod::Clock => {
                if self.began.is_none_or(|began| began + period <= now) {
                    let passed = (now - epoch).as_nanos() % period.as_nanos();
                    let begun = now - Duration::from_nanos(u64::try_from(passed).unwrap());
                    self.began = Some(if how == CountingMethod::Clock { begun } else { now });
                    self.taken.clear();
                }
                self.taken.push_back(self.began.unwrap() + period);
            }
            CountingMethod::Sliding => {
                self.taken.retain(|free| *free > now);
                self.taken.push_back(now + period);
            }
            CountingMethod::Tokens => {
                self.taken.retain(|free| *free > now);
                let last = self.taken.back().copied().unwrap_or(now);
                self.taken.push_back(last.max(now) + period / limit);
            }
        }
        if self.taken.len() > most {
            self.taken.pop_back();
            return Err(tell(self.taken[0] - now));
        }
        let remaining = u32::try_from(most - self.taken.len()).unwrap();
        let reset = if how == CountingMethod::Sliding { self.taken[0] } else { *self.taken.back().unwrap() };
        Ok(Quota { limit, remaining, reset_after: tell(reset - now) })
    }
}

/// Discord's times have three places.
fn tell(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_micros().div_ceil(1000)).unwrap())
}
