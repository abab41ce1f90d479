//! What one person may do and ask in a span of time: changes, which all processes count together, and
//! questions that cost many requests. Follows and panels share it.

use std::mem;
use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::allowance::Allowance;
use crate::domain::clock::Clock;
use crate::domain::ids::UserId;
use crate::domain::lock::lock;
use crate::service::{Refusal, ServiceError};
use crate::store::{CountedAction, Store};

/// The span in which expensive questions are counted, and how many of them one person has in it.
const SPAN: TimeDelta = TimeDelta::minutes(10);
const QUESTIONS: u32 = 30;
/// The same for presses under panels that check what the person may do.
const PRESSES: u32 = 60;

/// What people have done and asked lately.
pub struct UserQuotas {
    store: Store,
    clock: Clock,
    /// How many actions one person has in an hour; `None` for no limit.
    actions: Option<u32>,
    /// Actions that the database still has to give back, since it was away when they failed.
    refunds: Mutex<Vec<CountedAction>>,
    questions: Mutex<Allowance>,
    presses: Mutex<Allowance>,
}

impl UserQuotas {
    /// `actions` in an hour for each person; `None` for no limit.
    pub fn new(store: Store, actions: Option<u32>, clock: Clock) -> Self {
        let [questions, presses] =
            [QUESTIONS, PRESSES].map(|most| Mutex::new(Allowance::within(SPAN, Some(most))));
        Self { store, clock, actions, refunds: Mutex::default(), questions, presses }
    }

    /// Does what a person wants to change, and counts it as one of their actions of this hour. It counts
    /// before the first request, whether it is then done, refused or asked about: all of these cost the same.
    /// It is given back only if it failed through [no fault of theirs](ServiceError::is_outage).
    pub(in crate::service) async fn count_action<T>(
        &self,
        user: UserId,
        action: impl Future<Output = Result<T, ServiceError>>,
    ) -> Result<T, ServiceError> {
        self.counted(user, action, ServiceError::is_outage).await
    }

    /// The same for what costs nobody anything unless it is done: what is refused doesn't count either.
    pub(in crate::service) async fn count_done_action<T>(
        &self,
        user: UserId,
        action: impl Future<Output = Result<T, ServiceError>>,
    ) -> Result<T, ServiceError> {
        self.counted(user, action, |_| true).await
    }

    async fn counted<T>(
        &self,
        user: UserId,
        action: impl Future<Output = Result<T, ServiceError>>,
        is_free: impl Fn(&ServiceError) -> bool,
    ) -> Result<T, ServiceError> {
        let Some(most) = self.actions else { return action.await };
        self.give_back(None).await;
        let counted = self.store.count_action(user, most, self.clock.now()).await?;
        let counted = counted.map_err(Refusal::TooManyActions)?;
        let done = action.await;
        if done.as_ref().is_err_and(is_free) {
            self.give_back(Some(counted)).await;
        }
        done
    }

    /// Gives back an action, and those that could not be given back before.
    async fn give_back(&self, action: Option<CountedAction>) {
        let refunds = || lock(&self.refunds);
        let mut actions = mem::take(&mut *refunds());
        actions.extend(action);
        if !actions.is_empty() && self.store.give_actions_back(&actions).await.is_err() {
            // Whoever asked is told that the database is away, and so is the log.
            refunds().extend(actions);
        }
    }

    /// Spends one of the person's questions that cost many requests.
    pub(in crate::service) fn spend_question(&self, user: UserId) -> Result<(), Refusal> {
        spend(&self.questions, user, self.clock).map_err(Refusal::TooManyQuestions)
    }

    /// Spends one of the person's presses that check what they may do.
    pub(in crate::service) fn spend_press(&self, user: UserId) -> Result<(), Refusal> {
        spend(&self.presses, user, self.clock).map_err(Refusal::TooManyQuestions)
    }
}

/// Spends one unit of an allowance; if none is left, says when the next is free.
fn spend(allowance: &Mutex<Allowance>, user: UserId, clock: Clock) -> Result<(), DateTime<Utc>> {
    lock(allowance).take(user, clock.now())
}
