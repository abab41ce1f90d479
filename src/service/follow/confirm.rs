//! The question that comes before everyone can read what most people could not. It is kept in memory until it
//! is answered or too old.

use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::expiring::ExpiringMap;
use crate::domain::follow::{ChannelPair, FollowId};
use crate::domain::ids::{GuildId, UserId};
use crate::domain::lock::lock;

use super::pause::Resumed;
use super::{FollowChannels, FollowOutcome};
use crate::service::access::Access;
use crate::service::{Actor, FollowRequest, FollowService, Refusal, ServiceError};

/// How long a question stays open: as long as its message may be edited (Discord: an interaction's token
/// lives for 15 minutes).
const PATIENCE: TimeDelta = TimeDelta::minutes(15);
/// How many questions one person may leave open; one more replaces the oldest.
const MOST: usize = 5;
/// How many questions of all people together stay open; one more replaces the oldest.
const ALL: usize = 10_000;

/// A question's number. It is random, so that nobody can guess another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct QuestionId(u64);

impl fmt::Display for QuestionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for QuestionId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Whether the person really means a follow that makes something public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// The number to answer it by.
    pub id: QuestionId,
    /// What would follow what.
    pub pair: ChannelPair,
}

/// What was asked for, and by whom.
struct PendingQuestion {
    user: UserId,
    guild: GuildId,
    what: PendingAction,
    at: DateTime<Utc>,
}

/// What a person wants to do, and has yet to confirm.
#[derive(Debug, Clone)]
pub(in crate::service) enum PendingAction {
    /// Make a follow, or change one.
    Follow(FollowRequest),
    /// Resume this follow.
    Resume(FollowId),
}

/// What came of a confirmed question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmed {
    /// A follow was made or changed.
    Followed(FollowOutcome),
    /// A follow was resumed.
    Resumed(Resumed),
}

/// The questions that nobody has answered yet.
#[derive(Default)]
pub(in crate::service) struct Questions(Mutex<ExpiringMap<QuestionId, PendingQuestion, ALL>>);

impl Questions {
    fn add(&self, id: QuestionId, asked: PendingQuestion, now: DateTime<Utc>) {
        let mut open = lock(&self.0);
        let theirs: Vec<_> = open.iter(now).filter(|(_, other)| other.user == asked.user).collect();
        // They come oldest first.
        let oldest = theirs.first().filter(|_| theirs.len() >= MOST).map(|(id, _)| **id);
        if let Some(oldest) = oldest {
            open.remove(&oldest);
        }
        let until = asked.at + PATIENCE;
        open.put(id, asked, until, now);
    }

    /// Closes a question of this person in this server, and returns it.
    fn answer(&self, id: QuestionId, actor: Actor, now: DateTime<Utc>) -> Option<PendingQuestion> {
        let mut open = lock(&self.0);
        let asked = open.get(&id, now)?;
        let theirs = asked.user == actor.user && asked.guild == actor.guild;
        theirs.then(|| open.remove(&id)).flatten()
    }
}

impl FollowService {
    /// Asks the person to confirm this.
    ///
    /// # Errors
    /// [`Refusal::NotConfirmed`] from the web, where they confirm by asking once more.
    pub(in crate::service) fn ask_to_confirm(
        &self,
        actor: Actor,
        pair: ChannelPair,
        what: PendingAction,
    ) -> Result<Question, Refusal> {
        if actor.channel.is_none() {
            return Err(Refusal::NotConfirmed(pair));
        }
        let id = QuestionId(rand::random());
        let now = self.parts.clock.now();
        self.questions.add(id, PendingQuestion { user: actor.user, guild: actor.guild, what, at: now }, now);
        Ok(Question { id, pair })
    }

    /// The person confirms. Everything else is checked again. The question was counted as an action, so its
    /// answer isn't.
    #[tracing::instrument(skip_all, fields(server = %actor.guild, follow = tracing::field::Empty))]
    pub async fn confirm(&self, actor: Actor, question: QuestionId) -> Result<Confirmed, ServiceError> {
        let asked =
            self.questions.answer(question, actor, self.parts.clock.now()).ok_or(Refusal::QuestionTooOld)?;
        let confirmed = match asked.what.clone() {
            PendingAction::Follow(request) => {
                self.follow_as(actor, request, true).await.map(Confirmed::Followed)
            }
            PendingAction::Resume(id) => self.resume_as(actor, id, true).await.map(Confirmed::Resumed),
        };
        if confirmed.as_ref().is_err_and(ServiceError::is_outage) {
            // So that the button can be pressed again.
            self.questions.add(question, asked, self.parts.clock.now());
        }
        confirmed
    }

    /// The person doesn't want it.
    pub fn decline(&self, actor: Actor, question: QuestionId) {
        self.questions.answer(question, actor, self.parts.clock.now());
    }
}

impl Access<'_> {
    /// Whether everyone in the target's server could read something that not everyone in the source's server
    /// can read.
    pub(in crate::service) async fn makes_public(
        &mut self,
        ends: &FollowChannels,
    ) -> Result<bool, ServiceError> {
        Ok(!self.everyone_reads(&ends.source).await? && self.everyone_sees(&ends.target).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::Via;
    use crate::domain::ids::ChannelId;
    use crate::service::SourceChoice;

    fn actor(user: u64, guild: u64) -> Actor {
        Actor {
            user: UserId::new(user).unwrap(),
            guild: GuildId::new(guild).unwrap(),
            channel: ChannelId::new(1).ok(),
            via: Via::Command,
        }
    }

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    fn ask(questions: &Questions, id: u64, minutes: i64) {
        let [source, target] = [1, 2].map(|id| ChannelId::new(id).unwrap());
        let request = FollowRequest::new(SourceChoice::Chosen(source), target).unwrap();
        let Actor { user, guild, .. } = actor(1, 1);
        let what = PendingAction::Follow(request);
        questions.add(QuestionId(id), PendingQuestion { user, guild, what, at: at(minutes) }, at(minutes));
    }

    #[test]
    fn a_question_is_answered_once_in_time_by_who_was_asked() {
        let questions = Questions::default();
        ask(&questions, 7, 0);
        assert!(questions.answer(QuestionId(7), actor(2, 1), at(1)).is_none());
        assert!(questions.answer(QuestionId(7), actor(1, 2), at(1)).is_none());
        assert!(questions.answer(QuestionId(7), actor(1, 1), at(1)).is_some());
        assert!(questions.answer(QuestionId(7), actor(1, 1), at(1)).is_none());
        ask(&questions, 8, 0);
        assert!(questions.answer(QuestionId(8), actor(1, 1), at(15)).is_none());
    }

    #[test]
    fn the_oldest_is_forgotten_for_too_many() {
        let questions = Questions::default();
        for id in 0..6 {
            ask(&questions, id, i64::try_from(id).unwrap());
        }
        let open = |id| questions.answer(QuestionId(id), actor(1, 1), at(6)).is_some();
        assert_eq!([0, 1, 5].map(open), [false, true, true]);
        ask(&questions, 9, 60);
        assert!(!open(2), "what is too old doesn't stay in memory");
    }

    #[test]
    fn many_people_leave_only_so_many_open() {
        let questions = Questions::default();
        ask(&questions, 0, 0);
        let add = |id: usize| {
            let id = u64::try_from(id).unwrap();
            let Actor { user, guild, .. } = actor(id + 1, 1);
            let what = PendingAction::Resume(FollowId(1));
            questions.add(QuestionId(id), PendingQuestion { user, guild, what, at: at(1) }, at(1));
        };
        (1..=ALL).for_each(add);
        let open = |id: usize, user| {
            let id = u64::try_from(id).unwrap();
            questions.answer(QuestionId(id), actor(user, 1), at(2)).is_some()
        };
        assert_eq!([open(0, 1), open(1, 2), open(ALL, u64::try_from(ALL).unwrap() + 1)], [false, true, true]);
    }
}
