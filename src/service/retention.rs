//! Forgets what nobody needs any more, a little at a time: contents, messages that are too old to be followed up, servers that the bot has left, and
//! rows that were left over. What goes, and after how long, is said to people in `docs/privacy.md`.

use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::Instant;

use crate::domain::clock::Clock;
use crate::domain::ids::GuildId;
use crate::domain::retention::Keeping;
use crate::metrics as names;
use crate::rest::{Rest, WEBHOOK_REASON};
use crate::store::{Leftovers, Removed, Store, Untracked};

use super::{Parts, ServiceError};

/// How often it is looked for what can be forgotten.
const EACH: Duration = Duration::from_secs(60 * 60);
/// How often contents are looked at where they are to go as soon as they are delivered.
const AT_ONCE: Duration = Duration::from_secs(60);
/// How long a server is kept after the bot has left it: whoever removed it by mistake finds all follows again.
const LEFT: TimeDelta = TimeDelta::days(7);
/// Forgets.
pub struct Retention {
    store: Store,
    rest: Rest,
    clock: Clock,
    keeping: Keeping,
}

/// What was forgotten at one time.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Gone {
    contents: u64,
    servers: u64,
    leftovers: Leftovers,
}

impl Retention {
    /// The forgetting of these parts.
    pub fn new(parts: Parts, keeping: Keeping) -> Self {
        let Parts { store, rest, clock, .. } = parts;
        Self { store, rest, clock, keeping }
    }

    /// Forgets at once and then again and again, as long as it is let. What fails is tried again the next time.
    pub async fn run(&self) {
        let wait = if self.keeping.contents.is_zero() { AT_ONCE } else { EACH };
        let mut all_at = Instant::now();
        loop {
            let all = Instant::now() >= all_at;
            if all {
                all_at += EACH;
            }
            let mut gone = Gone::default();
            if let Err(error) = self.sweep(all, &mut gone).await {
                tracing::warn!(%error, "what nobody needs any more could not all be forgotten; it is tried again");
            }
            gone.tell();
            tokio::time::sleep(wait).await;
        }
    }

    async fn sweep(&self, all: bool, gone: &mut Gone) -> Result<(), ServiceError> {
        let now = self.clock.now();
        self.store.settle_contents(now).await?;
        gone.contents = self.store.clear_contents(now - self.keeping.contents).await?;
        if !all {
            return Ok(());
        }
        for guild in self.store.left_guilds(now - LEFT).await? {
            match self.forget_guild(guild).await {
                Ok(forgotten) => gone.servers += u64::from(forgotten),
                Err(error) => {
                    tracing::warn!(%guild, %error, "a server that was left can't be forgotten yet");
                }
            }
        }
        gone.leftovers = self.store.forget_leftovers(now, self.keeping.mirrors).await?;
        Ok(())
    }

    /// Forgets a server, unless Discord says that the bot is there after all. Whether it did.
    async fn forget_guild(&self, guild: GuildId) -> Result<bool, ServiceError> {
        match self.rest.guild(guild).await {
            Ok(_) => {
                self.store.guild_back(guild).await?;
                return Ok(false);
            }
            Err(error) if error.is_not_found() || error.is_forbidden() => {}
            Err(error) => return Err(error.into()),
        }
        for removed in self.store.forget_guild(guild).await? {
            self.part(guild, removed).await;
        }
        Ok(true)
    }

    /// A webhook in another server that posted for a follow of the forgotten one, and for no other, goes.
    async fn part(&self, forgotten: GuildId, removed: Removed) {
        let Removed { follow, webhook_still_needed } = removed;
        tracing::info!(follow = follow.id.0, "follow removed with its server");
        let Some(webhook) = follow.webhook.filter(|_| follow.guild != forgotten && !webhook_still_needed)
        else {
            return;
        };
        if let Err(error) = self.rest.delete_webhook(webhook, WEBHOOK_REASON).await {
            tracing::warn!(%webhook, %error, "a webhook that is no longer needed could not be deleted");
        }
    }
}

impl Gone {
    /// Says what went, if anything did, and counts it.
    fn tell(self) {
        let Self { contents, servers, leftovers } = self;
        let Leftovers {
            messages: Untracked { activities: messages, deliveries },
            channels,
            lanes,
            panels,
            samples,
        } = leftovers;
        let counts = [contents, messages, servers, channels, lanes, panels, samples];
        if counts.iter().all(|count| *count == 0) {
            return;
        }
        tracing::info!(
            contents,
            messages,
            deliveries,
            servers,
            channels,
            lanes,
            panels,
            samples,
            "forgot what nobody needs any more"
        );
        for (what, count) in names::FORGOTTEN_THINGS.iter().zip(counts) {
            metrics::counter!(names::FORGOTTEN, "what" => *what).increment(count);
        }
    }
}
