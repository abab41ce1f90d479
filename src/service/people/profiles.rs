//! People as Discord describes them. That is kept for a day; that an id is unknown, for ten minutes.

use chrono::TimeDelta;

use crate::domain::ids::UserId;
use crate::domain::lock::lock;
use crate::domain::personal::{PrivacyChoice, Profile};
use crate::service::{PersonalRefusal, ServiceError};

use super::People;

/// How long what Discord says of a person is trusted.
const FRESH: TimeDelta = TimeDelta::days(1);
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
                // What was known yesterday is good enough while Discord doesn't answer.
                Err(error) if error.is_outage() => Ok(known),
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
        let found = self.rest.of_program().user(user).await?;
        let Some(found) = found.filter(|found| !found.bot) else {
            lock(&self.absent).put(user, (), now + ABSENT, now);
            // Of several at the same time, some may exceed the allowance.
            let _ = lock(&self.unknown).take(asker, now);
            // Somebody who is gone from Discord takes their follows along.
            self.store.forget_profile(user).await?;
            return Err(PersonalRefusal::UnknownUser.into());
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
        Ok(profile)
    }
}
