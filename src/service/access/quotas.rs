//! What one person may do and ask in a span of time: what they change, and questions that cost many requests. Follows and panels share it.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::allowance::Allowance;
use crate::domain::clock::Clock;
use crate::domain::ids::UserId;

use crate::service::{Refusal, ServiceError};

/// In which span expensive questions are counted, and how many one person has in it.
const SPAN: TimeDelta = TimeDelta::minutes(10);
const QUESTIONS: u32 = 30;
/// The same of presses under panels that ask what the person may do.
const PRESSES: u32 = 60;

/// What people have done and asked lately.
pub struct Actions {
    actions: Mutex<Allowance>,
    questions: Mutex<Allowance>,
    presses: Mutex<Allowance>,
    clock: Clock,
}

impl Actions {
    /// Nobody has done anything yet.
    pub fn new(allowance: Allowance, clock: Clock) -> Self {
        let [questions, presses] =
            [QUESTIONS, PRESSES].map(|most| Mutex::new(Allowance::within(SPAN, Some(most))));
        Self { actions: Mutex::new(allowance), questions, presses, clock }
    }

    /// Does what a person wants to change, as one of their actions of this hour. It counts before the first request, whether it is then done, refused or asked about: all of these cost the same.
    /// Only what failed through [no fault of theirs](ServiceError::is_outage) is given back.
    pub(in crate::service) async fn count<T>(
        &self,
        user: UserId,
        action: impl Future<Output = Result<T, ServiceError>>,
    ) -> Result<T, ServiceError> {
        take(&self.actions, user, self.clock).map_err(Refusal::TooManyActions)?;
        let done = action.await;
        if done.as_ref().is_err_and(ServiceError::is_outage) {
            self.actions.lock().unwrap_or_else(PoisonError::into_inner).give_back(user);
        }
        done
    }

    /// Takes one of the person's questions that cost many requests.
    pub(in crate::service) fn ask(&self, user: UserId) -> Result<(), Refusal> {
        take(&self.questions, user, self.clock).map_err(Refusal::TooManyQuestions)
    }

    /// Takes one of the person's presses that ask what they may do.
    pub(in crate::service) fn press(&self, user: UserId) -> Result<(), Refusal> {
        take(&self.presses, user, self.clock).map_err(Refusal::TooManyQuestions)
    }
}

/// Takes one of what a person has; where none is left, says when the next is free.
fn take(allowance: &Mutex<Allowance>, user: UserId, clock: Clock) -> Result<(), DateTime<Utc>> {
    allowance.lock().unwrap_or_else(PoisonError::into_inner).take(user, clock.now())
}
