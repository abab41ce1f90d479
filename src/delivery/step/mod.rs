//! One step of a lane: doing it at Discord, and reading what came of it as something to record.
//!
//! ```text
//! lane ─► attempt ─► StepRunner::run ─┬─ create ─┐  (render, post, files, panel)
//!            ▲                        ├─ edit    │
//!            │                        ├─ delete  ├─► Discord ─► outcome: the table ─► webhook: replace it,
//!            │                        └─ settle ─┘                   │                or break its follows
//!            └────────────── StepOutcome ◄───────────────────────────┘
//! ```
//! [`outcome`] says what each answer of Discord's means for a delivery; [`attempt`] turns that, and whatever
//! else can happen to a step, into a record. [`settle`] finds out whether a create without an answer made its
//! message, and [`retract`] removes messages that must not stay.

pub(super) mod attempt;
mod create;
mod delete;
mod edit;
pub(super) mod file_limits;
mod files;
pub(super) mod forum_cache;
mod outcome;
mod panel;
mod post;
pub(super) mod render;
pub(super) mod retract;
mod settle;
mod webhook;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::activity::{DeliveryEnding, Mirror};
use crate::domain::ids::{ChannelId, MessageId};
use crate::domain::next_step::Step;
use crate::domain::place::TargetKind;
use crate::domain::retry::AttemptFailure;
use crate::domain::webhook::WebhookCredentials;
use crate::metrics as names;
use crate::rest::WebhookAccess;
use crate::store::{LaneWebhook, StepResult, StoreError, Work};

use super::LaneTools;

/// What came of a step. Whatever is neither a success nor an end nor a limit is an attempt that failed.
pub(super) enum StepOutcome {
    /// It succeeded, or there is nothing more to do: this is recorded.
    Done(StepResult),
    /// It failed. A create surely made nothing.
    Failed(AttemptFailure),
    /// Nobody knows whether a create made its message.
    InDoubt,
    /// A limit holds up the whole lane until that time: nothing was tried.
    Limited(DateTime<Utc>),
}

/// Does the steps of a held lane.
pub(super) struct StepRunner<'a> {
    pub(super) tools: &'a LaneTools,
    pub(super) target: ChannelId,
    pub(super) webhook: Option<WebhookCredentials>,
    /// Whether that webhook belongs to no relay follow, but is there for panels alone.
    pub(super) is_panel_webhook: bool,
    /// What the target is.
    pub(super) target_kind: TargetKind,
}

impl<'a> StepRunner<'a> {
    /// A runner for a target, with its webhook as the database knows it.
    pub(super) fn new(
        tools: &'a LaneTools,
        target: ChannelId,
        target_kind: TargetKind,
        webhook: Option<LaneWebhook>,
    ) -> Self {
        let mut runner = Self { tools, target, webhook: None, is_panel_webhook: false, target_kind };
        runner.set_webhook(webhook);
        runner
    }

    /// Does one step.
    async fn run(&mut self, step: Step, work: &Work) -> Result<StepOutcome, StoreError> {
        let found_late = self.find_webhook(work).await?;
        let mirror = |message: MessageId| work.mirrors.iter().find(|mirror| mirror.message == message);
        match step {
            Step::Create(part) => match work.in_flight {
                // Only the webhook that is written down with a create may carry it, and there was none then.
                // A lane that is taken anew knows it.
                Some(_) if found_late => Ok(StepOutcome::Limited(self.now())),
                Some(in_flight) => self.create(work, in_flight, part).await,
                None => Ok(self.end(work, DeliveryEnding::Refused)),
            },
            Step::Edit(message, _) => match mirror(message) {
                Some(mirror) if panel::is_panel(work) => self.edit_panel(work, mirror).await,
                Some(mirror) => self.edit(work, mirror).await,
                None => Ok(self.end(work, DeliveryEnding::Refused)),
            },
            Step::Delete(message) => match mirror(message) {
                Some(mirror) => self.delete(work, mirror).await,
                None => Ok(self.end(work, DeliveryEnding::Refused)),
            },
            Step::Settle(in_flight) => self.settle(work, in_flight).await,
            // The store answers these by itself.
            Step::Wait(until) => Ok(StepOutcome::Limited(until)),
            Step::Rest | Step::End(_) => Ok(StepOutcome::Limited(self.now())),
        }
    }

    /// Finds the webhook that the lane lacked when it was taken, and says whether there is one now. A broken
    /// follow's webhook isn't the lane's, and a follow may go on while the lane is held.
    async fn find_webhook(&mut self, work: &Work) -> Result<bool, StoreError> {
        if self.webhook.is_some() || !work.follow_active {
            return Ok(false);
        }
        self.reload_webhook().await?;
        Ok(self.webhook.is_some())
    }

    /// Takes the lane's webhook as the database knows it now.
    async fn reload_webhook(&mut self) -> Result<(), StoreError> {
        self.set_webhook(self.tools.store.lane_webhook(self.target).await?);
        Ok(())
    }

    fn set_webhook(&mut self, known: Option<LaneWebhook>) {
        self.is_panel_webhook = known.as_ref().is_some_and(|known| known.panels_only);
        self.webhook = known.map(|known| known.webhook);
    }

    /// Ends a delivery.
    fn end(&self, work: &Work, ending: DeliveryEnding) -> StepOutcome {
        count_outcome(ending.as_str());
        StepOutcome::Done(StepResult::Ended { delivery: work.delivery.id, ending })
    }

    /// The webhook that made this mirror, if it is the one that the lane has.
    fn webhook_of(&self, mirror: &Mirror) -> Option<&WebhookCredentials> {
        self.webhook.as_ref().filter(|webhook| webhook.id == mirror.webhook)
    }

    /// Whether the operator is to be warned of this. Each follow is warned of once a day.
    fn should_warn(&self, work: &Work, what: &'static str) -> bool {
        self.tools.warnings.is_due((work.follow, work.target, what), self.now())
    }

    fn now(&self) -> DateTime<Utc> {
        self.tools.clock.now()
    }
}

const fn webhook_access(webhook: &WebhookCredentials) -> WebhookAccess<'_> {
    WebhookAccess { id: webhook.id, token: &webhook.token }
}

/// Counts what came of a step.
pub(super) fn count_outcome(outcome: &'static str) {
    metrics::counter!(names::DELIVERIES, "outcome" => outcome).increment(1);
}

fn time_delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::days(1))
}
