//! Discord's rate limits: windows, buckets, and the headers that report them.
//!
//! Windows are fixed and start with their first request. Webhooks have two: one per webhook, and one that all
//! webhooks of the receiving channel share. The numbers are configurable, since Discord doesn't guarantee
//! any.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::time::{Duration, Instant};

use crate::faults::LimitScope;

/// This many requests within this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How many requests a window allows.
    pub requests: u32,
    /// How long a window is.
    pub per: Duration,
}

impl Quota {
    /// `requests` within `seconds`.
    pub const fn new(requests: u32, seconds: u64) -> Self {
        Self { requests, per: Duration::from_secs(seconds) }
    }
}

/// The limits of a sandbox. `None` means no limit, and no headers.
#[derive(Clone, Debug)]
pub struct Limits {
    /// All requests of the bot, and of each address that doesn't send the bot's token (interactions are
    /// exempt).
    pub global: Option<Quota>,
    /// Executions of one webhook.
    pub webhook: Option<Quota>,
    /// Executions of all webhooks of one channel.
    pub webhook_channel: Option<Quota>,
    /// Edits and deletions of one webhook's messages.
    pub webhook_messages: Option<Quota>,
    /// Messages sent to one channel.
    pub messages: Option<Quota>,
    /// Crossposts in one channel.
    pub crossposts: Option<Quota>,
    /// Every other route, by channel, guild or webhook.
    pub other: Option<Quota>,
}

impl Limits {
    /// No limits at all.
    pub fn off() -> Self {
        Self {
            global: None,
            webhook: None,
            webhook_channel: None,
            webhook_messages: None,
            messages: None,
            crossposts: None,
            other: None,
        }
    }

    /// The limits that Discord has been observed to enforce.
    pub fn real() -> Self {
        Self {
            global: Some(Quota::new(50, 1)),
            webhook: Some(Quota::new(5, 2)),
            webhook_channel: Some(Quota::new(30, 60)),
            webhook_messages: Some(Quota::new(5, 2)),
            messages: Some(Quota::new(5, 5)),
            crossposts: Some(Quota::new(10, 3600)),
            other: Some(Quota::new(10, 2)),
        }
    }
}

/// The kinds of buckets; each route names its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Bucket {
    Webhook,
    WebhookMessages,
    Messages,
    Crossposts,
    Other,
    /// Interaction callbacks and answers, which are exempt from the global limit.
    Interaction,
}

/// The buckets that one request draws on.
#[derive(Clone, Debug)]
pub(crate) struct Draw {
    pub(crate) bucket: Bucket,
    /// Route and major parameters.
    pub(crate) key: String,
    /// The channel that a webhook's execution arrives in.
    pub(crate) webhook_channel: Option<u64>,
    /// Sent with the bot's token; other requests are counted by their address.
    pub(crate) authorized: bool,
}

/// An answer's bucket headers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standing {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    pub(crate) reset_after: Duration,
    pub(crate) bucket: String,
}

/// A refused draw.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exceeded {
    pub(crate) scope: LimitScope,
    pub(crate) retry_after: Duration,
    pub(crate) standing: Option<Standing>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    start: Instant,
    used: u32,
}

#[derive(Debug)]
pub(crate) struct RateLimiter {
    limits: Limits,
    windows: HashMap<String, Window>,
}

impl RateLimiter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, windows: HashMap::new() }
    }

    /// Replaces the limits; all windows start over.
    pub(crate) fn set(&mut self, limits: Limits) {
        *self = Self::new(limits);
    }

    /// Takes one request from its buckets, or says how long to wait. A refused request takes nothing.
    pub(crate) fn draw(&mut self, draw: &Draw, now: Instant) -> Result<Option<Standing>, Exceeded> {
        let global = self.limits.global.filter(|_| draw.bucket != Bucket::Interaction);
        let everything = if draw.authorized { "everything of the bot" } else { "everything of the address" };
        if let Some(quota) = global
            && let Err(retry_after) = self.room(everything, quota, now)
        {
            return Err(Exceeded { scope: LimitScope::Global, retry_after, standing: None });
        }
        let mut parts: Vec<(String, Quota, LimitScope)> = Vec::new();
        let own = match draw.bucket {
            Bucket::Webhook => self.limits.webhook,
            Bucket::WebhookMessages => self.limits.webhook_messages,
            Bucket::Messages => self.limits.messages,
            Bucket::Crossposts => self.limits.crossposts,
            Bucket::Other => self.limits.other,
            Bucket::Interaction => None,
        };
        parts.extend(own.map(|quota| (draw.key.clone(), quota, LimitScope::User)));
        if let (Some(channel), Some(quota)) = (draw.webhook_channel, self.limits.webhook_channel) {
            parts.push((format!("webhooks of channel {channel}"), quota, LimitScope::Shared));
        }
        for (key, quota, scope) in &parts {
            if let Err(retry_after) = self.room(key, *quota, now) {
                let standing = Some(self.standing(&draw.key, key, *quota, now));
                return Err(Exceeded { scope: *scope, retry_after, standing });
            }
        }
        if global.is_some() {
            self.take(everything);
        }
        for (key, _, _) in &parts {
            self.take(key);
        }
        let tightest = parts
            .iter()
            .map(|(key, quota, _)| self.standing(&draw.key, key, *quota, now))
            .min_by_key(|standing| (standing.remaining, std::cmp::Reverse(standing.reset_after)));
        Ok(tightest)
    }

    fn room(&mut self, key: &str, quota: Quota, now: Instant) -> Result<(), Duration> {
        let window = self.windows.entry(key.to_owned()).or_insert(Window { start: now, used: 0 });
        let age = now.saturating_duration_since(window.start);
        if age >= quota.per || window.used == 0 {
            *window = Window { start: now, used: 0 };
        } else if window.used >= quota.requests {
            return Err(quota.per - age);
        }
        Ok(())
    }

    fn take(&mut self, key: &str) {
        if let Some(window) = self.windows.get_mut(key) {
            window.used += 1;
        }
    }

    fn standing(&self, bucket: &str, key: &str, quota: Quota, now: Instant) -> Standing {
        let (used, age) = self
            .windows
            .get(key)
            .map_or((0, Duration::ZERO), |w| (w.used, now.saturating_duration_since(w.start)));
        let mut hasher = DefaultHasher::new();
        bucket.split('|').next().unwrap_or_default().hash(&mut hasher);
        Standing {
            limit: quota.requests,
            remaining: quota.requests.saturating_sub(used),
            reset_after: quota.per.saturating_sub(age),
            bucket: format!("{:016x}", hasher.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(id: u32) -> Draw {
        Draw {
            bucket: Bucket::Webhook,
            key: format!("execute|{id}"),
            webhook_channel: Some(9),
            authorized: false,
        }
    }

    #[test]
    fn a_webhook_takes_five_in_two_seconds() {
        let mut limiter = RateLimiter::new(Limits::real());
        let start = Instant::now();
        let remaining: Vec<u32> = (0..5)
            .map(|_| limiter.draw(&webhook(1), start).expect("room").expect("headers").remaining)
            .collect();
        assert_eq!(remaining, [4, 3, 2, 1, 0]);
        let refused = limiter.draw(&webhook(1), start + Duration::from_millis(500)).expect_err("full");
        assert_eq!(refused.scope, LimitScope::User);
        assert_eq!(refused.retry_after, Duration::from_millis(1500));
        assert!(limiter.draw(&webhook(1), start + Duration::from_secs(2)).is_ok());
    }

    #[test]
    fn a_channels_webhooks_share_thirty_a_minute() {
        let mut limiter = RateLimiter::new(Limits::real());
        let start = Instant::now();
        for id in 0..6 {
            for _ in 0..5 {
                limiter.draw(&webhook(id), start).expect("room");
            }
        }
        let refused = limiter.draw(&webhook(7), start + Duration::from_secs(10)).expect_err("full");
        assert_eq!(refused.scope, LimitScope::Shared);
        assert_eq!(refused.retry_after, Duration::from_secs(50));
    }

    #[test]
    fn the_global_limit_holds_every_route_but_interactions() {
        let mut limiter = RateLimiter::new(Limits { global: Some(Quota::new(2, 1)), ..Limits::off() });
        let now = Instant::now();
        let any = |key: &str| Draw {
            bucket: Bucket::Other,
            key: key.to_owned(),
            webhook_channel: None,
            authorized: true,
        };
        assert_eq!(limiter.draw(&any("a"), now), Ok(None));
        assert_eq!(limiter.draw(&any("b"), now), Ok(None));
        assert_eq!(limiter.draw(&any("c"), now).expect_err("full").scope, LimitScope::Global);
        let callback = Draw { bucket: Bucket::Interaction, ..any("d") };
        assert_eq!(limiter.draw(&callback, now), Ok(None));
        let by_webhook = Draw { authorized: false, ..any("e") };
        assert_eq!(limiter.draw(&by_webhook, now), Ok(None), "counted by its address");
    }
}
