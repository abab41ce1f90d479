//! People as Discord describes them. That is kept for a day; that an id is unknown, for ten minutes.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;

use crate::domain::ids::UserId;
use crate::domain::lock::lock;
use crate::domain::personal::{PrivacyChoice, Profile};
use crate::service::{PersonalRefusal, ServiceError};

use super::People;

/// How long what Discord says of a person is trusted.
const FRESH: TimeDelta = TimeDelta::days(1);
/// The code of the refusal to look anybody else up for now.
const TOO_MANY: &str = "too_many_unknown_users";
/// How many people wait at most to be asked about again because somebody saw them in a list.
const MOST_WAITING: usize = 500;
/// How long it is at least between two of these questions.
const PACE: Duration = Duration::from_millis(200);
/// How long it is remembered that there is no such person.
const ABSENT: TimeDelta = TimeDelta::minutes(10);

impl People {
    /// This person's profile. If it is missing or old, Discord is asked on behalf of somebody who is signed
    /// in; a guest gets what is stored.
    ///
    /// # Errors
    /// [`PersonalRefusal::UnknownUser`] if there is nobody with this id, or a bot has it.
    pub(super) async fn profile_for(
        &self,
        asker: Option<UserId>,
        user: UserId,
    ) -> Result<Profile, ServiceError> {
        let known = self.store.profile(user).await?;
        let now = self.clock.now();
        let is_fresh = |profile: &Profile| profile.checked_at > now - FRESH;
        match (known, asker) {
            (Some(known), None) => Ok(known),
            (Some(known), Some(_)) if is_fresh(&known) => Ok(known),
            (Some(known), Some(asker)) => match self.ask(asker, user, known.privacy).await {
                // What was known yesterday is good enough while Discord doesn't answer, or isn't asked.
                Err(error) if error.is_outage() || error.code() == TOO_MANY => Ok(known),
                asked => asked,
            },
            (None, None) => Err(PersonalRefusal::UnknownUser.into()),
            (None, Some(asker)) => self.ask(asker, user, PrivacyChoice::default()).await,
        }
    }

    /// Asks Discord who this is, and notes it.
    async fn ask(
        &self,
        asker: UserId,
        user: UserId,
        privacy: PrivacyChoice,
    ) -> Result<Profile, ServiceError> {
        let now = self.clock.now();
        if lock(&self.absent).get(&user, now).is_some() {
            return Err(PersonalRefusal::UnknownUser.into());
        }
        if let Some(free) = lock(&self.unknown).next_free(&asker, now) {
            return Err(PersonalRefusal::TooManyUnknown(free).into());
        }
        let Some(profile) = self.ask_discord(user, privacy).await? else {
            // Of several at the same time, some may exceed the allowance.
            let _ = lock(&self.unknown).take(asker, now);
            return Err(PersonalRefusal::UnknownUser.into());
        };
        Ok(profile)
    }

    /// Asks Discord who this is, and notes it. Somebody who is gone from there takes their follows along.
    async fn ask_discord(
        &self,
        user: UserId,
        privacy: PrivacyChoice,
    ) -> Result<Option<Profile>, ServiceError> {
        let now = self.clock.now();
        let found = self.rest.of_program().user(user).await?;
        let Some(found) = found.filter(|found| !found.bot) else {
            lock(&self.absent).put(user, (), now + ABSENT, now);
            self.store.drop_profile(user, now).await?;
            return Ok(None);
        };
        let profile = Profile {
            user,
            username: found.username,
            display_name: found.global_name,
            avatar: found.avatar,
            checked_at: now,
            privacy,
        };
        self.store.note_profile(&profile).await?;
        Ok(Some(profile))
    }

    /// Has Discord asked again, in the background, about those who are shown and of whom it was last asked
    /// long ago.
    pub(super) fn refresh_shown<'a>(&self, shown: impl IntoIterator<Item = &'a Profile>) {
        let now = self.clock.now();
        let stale = shown.into_iter().filter(|profile| profile.checked_at <= now - FRESH);
        let mut waiting = lock(&self.stale);
        for profile in stale {
            if waiting.len() < MOST_WAITING {
                waiting.insert(profile.user);
            }
        }
        if !waiting.is_empty() {
            self.shown.notify_one();
        }
    }

    /// Asks again about people who were shown, one by one, for as long as it is awaited.
    pub async fn keep_names(self: Arc<Self>) {
        loop {
            let next = lock(&self.stale).iter().next().copied();
            let Some(user) = next else {
                self.shown.notified().await;
                continue;
            };
            if let Err(error) = self.refresh(user).await {
                tracing::debug!(%error, "a person's name could not be refreshed");
            }
            // Afterwards, so that nobody is asked about twice at the same time.
            lock(&self.stale).remove(&user);
            tokio::time::sleep(PACE).await;
        }
    }

    async fn refresh(&self, user: UserId) -> Result<(), ServiceError> {
        let Some(known) = self.store.profile(user).await? else { return Ok(()) };
        if known.checked_at <= self.clock.now() - FRESH {
            self.ask_discord(user, known.privacy).await?;
        }
        Ok(())
    }
}
