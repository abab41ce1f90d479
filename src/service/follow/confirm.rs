//! The question before everybody can read what most could not: kept in memory until it is answered, or too old.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::follow::{FollowId, Pair};
use crate::domain::ids::{GuildId, UserId};

use super::pause::Resumed;
use super::{Ends, Followed};
use crate::service::access::Access;
use crate::service::{Actor, FollowRequest, Follows, Refusal, ServiceError};

/// How long a question waits: as long as its answer may be edited (Discord: an interaction's token lives 15 minutes).
const PATIENCE: TimeDelta = TimeDelta::minutes(15);
/// How many questions one person may leave open; the oldest is forgotten for another.
const MOST: usize = 5;

/// A question's number: random, so that nobody guesses another's.
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

/// Whether a follow is meant that makes public what wasn't.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// To answer it by.
    pub id: QuestionId,
    /// What would follow what.
    pub pair: Pair,
}

/// What was asked for, and by whom.
struct Asked {
    user: UserId,
    guild: GuildId,
    what: Asking,
    at: DateTime<Utc>,
}

/// What a person wants to do, if they mean it.
#[derive(Debug, Clone)]
pub(in crate::service) enum Asking {
    /// Make a follow, or change one.
    Follow(FollowRequest),
    /// Resume this one.
    Resume(FollowId),
}

/// What came of a confirmed question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmed {
    /// A follow was made or changed.
    Followed(Followed),
    /// A follow was resumed.
    Resumed(Resumed),
}

/// The questions that nobody has answered yet.
#[derive(Default)]
pub(in crate::service) struct Questions(Mutex<HashMap<QuestionId, Asked>>);

impl Questions {
    fn put(&self, id: QuestionId, asked: Asked, now: DateTime<Utc>) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, asked| now < asked.at + PATIENCE);
        let mut theirs: Vec<_> = open.iter().filter(|(_, other)| other.user == asked.user).collect();
        theirs.sort_by_key(|(_, asked)| asked.at);
        let oldest = theirs.first().filter(|_| theirs.len() >= MOST).map(|(id, _)| **id);
        if let Some(oldest) = oldest {
            open.remove(&oldest);
        }
        open.insert(id, asked);
    }

    /// A question of this person's in this server, which is then answered.
    fn take(&self, id: QuestionId, actor: Actor, now: DateTime<Utc>) -> Option<Asked> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = open.get(&id)?;
        let theirs = asked.user == actor.user && asked.guild == actor.guild;
        let asked = if theirs { open.remove(&id)? } else { return None };
        (now < asked.at + PATIENCE).then_some(asked)
    }
}

impl Follows {
    /// Asks whether this is meant.
    pub(in crate::service) fn ask(&self, actor: Actor, pair: Pair, what: Asking) -> Question {
        let id = QuestionId(rand::random());
        let now = self.clock.now();
        self.questions.put(id, Asked { user: actor.user, guild: actor.guild, what, at: now }, now);
        Question { id, pair }
    }

    /// It is meant: everything else is looked at anew. The question was counted as an action, and its answer isn't.
    pub async fn confirm(&self, actor: Actor, question: QuestionId) -> Result<Confirmed, ServiceError> {
        let asked = self.questions.take(question, actor, self.clock.now()).ok_or(Refusal::QuestionTooOld)?;
        let confirmed = match asked.what.clone() {
            Asking::Follow(request) => self.follow_as(actor, request, true).await.map(Confirmed::Followed),
            Asking::Resume(id) => self.resume_as(actor, id, true).await.map(Confirmed::Resumed),
        };
        if confirmed.as_ref().is_err_and(ServiceError::is_outage) {
            // So that it can be pressed again.
            self.questions.put(question, asked, self.clock.now());
        }
        confirmed
    }

    /// It isn't meant.
    pub fn decline(&self, actor: Actor, question: QuestionId) {
        self.questions.take(question, actor, self.clock.now());
    }
}

impl Access<'_> {
    /// Whether everybody in the target's server could read what not everybody in the source's can.
    pub(in crate::service) async fn makes_public(&mut self, ends: &Ends) -> Result<bool, ServiceError> {
        Ok(!self.everyone_reads(&ends.source).await? && self.everyone_sees(&ends.target).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ChannelId;
    use crate::service::SourceChoice;

    fn actor(user: u64, guild: u64) -> Actor {
        Actor {
            user: UserId::new(user).unwrap(),
            guild: GuildId::new(guild).unwrap(),
            channel: ChannelId::new(1).unwrap(),
        }
    }

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    fn ask(questions: &Questions, id: u64, minutes: i64) {
        let [source, target] = [1, 2].map(|id| ChannelId::new(id).unwrap());
        let request = FollowRequest::new(SourceChoice::Chosen(source), target).unwrap();
        let Actor { user, guild, .. } = actor(1, 1);
        let what = Asking::Follow(request);
        questions.put(QuestionId(id), Asked { user, guild, what, at: at(minutes) }, at(minutes));
    }

    #[test]
    fn a_question_is_answered_once_in_time_by_who_was_asked() {
        let questions = Questions::default();
        ask(&questions, 7, 0);
        assert!(questions.take(QuestionId(7), actor(2, 1), at(1)).is_none());
        assert!(questions.take(QuestionId(7), actor(1, 2), at(1)).is_none());
        assert!(questions.take(QuestionId(7), actor(1, 1), at(1)).is_some());
        assert!(questions.take(QuestionId(7), actor(1, 1), at(1)).is_none());
        ask(&questions, 8, 0);
        assert!(questions.take(QuestionId(8), actor(1, 1), at(15)).is_none());
    }

    #[test]
    fn the_oldest_is_forgotten_for_too_many() {
        let questions = Questions::default();
        for id in 0..6 {
            ask(&questions, id, i64::try_from(id).unwrap());
        }
        let open = |id| questions.take(QuestionId(id), actor(1, 1), at(6)).is_some();
        assert_eq!([0, 1, 5].map(open), [false, true, true]);
        ask(&questions, 9, 60);
        assert!(!open(2), "what is too old doesn't stay in memory");
    }
}
