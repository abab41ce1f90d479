//! What one person may do and ask in a span of time: what they change, and questions that cost many requests. Follows and panels share it.

use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;

use crate::domain::allowance::Allowance;
use crate::domain::clock::Clock;
use crate::domain::ids::UserId;

use super::Refusal;

/// In which span expensive questions are counted, and how many one person has in it.
const SPAN: TimeDelta = TimeDelta::minutes(10);
const QUESTIONS: u32 = 30;

/// What people have done and asked lately.
pub struct Actions {
    actions: Mutex<Allowance>,
    questions: Mutex<Allowance>,
    clock: Clock,
}

impl Actions {
    /// Nobody has done anything yet.
    pub fn new(allowance: Allowance, clock: Clock) -> Self {
        let questions = Mutex::new(Allowance::within(SPAN, Some(QUESTIONS)));
        Self { actions: Mutex::new(allowance), questions, clock }
    }

    /// Takes one of the person's actions of this hour. It is given back unless it is [kept](Action::keep).
    pub(super) fn take(&self, user: UserId) -> Result<Action<'_>, Refusal> {
        let mut actions = self.actions.lock().unwrap_or_else(PoisonError::into_inner);
        actions.take(user, self.clock.now()).map_err(Refusal::TooManyActions)?;
        Ok(Action { actions: self, user, kept: false })
    }

    /// Takes one of the person's questions that cost many requests.
    pub(super) fn ask(&self, user: UserId) -> Result<(), Refusal> {
        let mut questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        questions.take(user, self.clock.now()).map_err(Refusal::TooManyQuestions)
    }
}

/// One of a person's actions of this hour, given back when it turns out that nothing was done.
pub(super) struct Action<'a> {
    actions: &'a Actions,
    user: UserId,
    kept: bool,
}

impl Action<'_> {
    /// Something was done: the action counts.
    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Action<'_> {
    fn drop(&mut self) {
        if !self.kept {
            let mut actions = self.actions.actions.lock().unwrap_or_else(PoisonError::into_inner);
            actions.give_back(self.user);
        }
    }
}
