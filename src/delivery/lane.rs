//! One lane at work: it claims its target, asks what is next, does it, and records it, until nothing is left
//! or something makes it wait.

use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;
use tracing::Instrument;

use crate::domain::activity::Revision;
use crate::domain::ids::{ChannelId, GuildId};
use crate::domain::next_step::{Situation, Step, next_step};
use crate::rest::WEBHOOK_REASON;
use crate::store::{LaneAnswer, LaneRef, Lease, NextAction, StepResult, StoreError, Work};

use super::DeliveryContext;
use super::batcher::BatchedRequest;
use super::step::attempt::{AttemptOutcome, log_failed_attempts, run_step};
use super::step::file_limits::FileLimits;
use super::step::{StepRunner, count_outcome, render};

/// When to look again at a lane that another process holds, or whose request couldn't be written down.
const LATER: TimeDelta = TimeDelta::seconds(5);

/// When the engine comes back to a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextVisit {
    /// When it is woken.
    WhenWoken,
    /// At that time.
    At(DateTime<Utc>),
    /// Soon, and each time a little later: somebody's transaction is writing to it.
    WhenUnlocked,
    /// After a pause, which grows: the lane itself can't be worked on.
    AfterFailure,
}

impl NextVisit {
    /// In a while, because another process has the lane now or the database didn't answer. Lanes come back at
    /// different moments, so that what failed together isn't tried again together.
    fn later(context: &DeliveryContext) -> Self {
        Self::At(context.clock.now() + LATER + LATER * rand::random_range(0..1_000) / 1_000)
    }

    /// What to do about a lane that isn't held.
    fn without_lane(context: &DeliveryContext, next: &NextAction) -> Self {
        match next {
            NextAction::Wait(until) => Self::At(*until),
            NextAction::Idle => Self::WhenWoken,
            NextAction::Locked => Self::WhenUnlocked,
            NextAction::Elsewhere | NextAction::LostLease | NextAction::Do { .. } => Self::later(context),
        }
    }
}

/// Works on a target's deliveries as long as there is something to do. Says when to come back.
pub(super) async fn run(
    context: &DeliveryContext,
    target: ChannelId,
    shutdown: &watch::Receiver<bool>,
) -> NextVisit {
    let span = tracing::debug_span!("lane", lane = %target);
    match work(context, target, shutdown).instrument(span).await {
        Ok(next_visit) => next_visit,
        Err(error) => {
            tracing::error!(channel = %target, %error, "a lane stopped at the database");
            NextVisit::AfterFailure
        }
    }
}

async fn work(
    context: &DeliveryContext,
    target: ChannelId,
    shutdown: &watch::Receiver<bool>,
) -> Result<NextVisit, StoreError> {
    let Some(turn) = context.batcher.ask(BatchedRequest::next(LaneRef::Unclaimed(target))).await else {
        return Ok(NextVisit::later(context));
    };
    log_failed_attempts(target, &turn);
    let LaneAnswer { mut next, lease, webhook, .. } = turn;
    let Some(mut lease) = lease else { return Ok(NextVisit::without_lane(context, &next)) };
    let server = lease.server;
    let (tools, guard) = context.with_lease(lease.clone());
    let mut runner = StepRunner::new(&tools, target, lease.target_kind, webhook);
    loop {
        let (step, work) = match next {
            NextAction::Do { step, work } => (step, work),
            NextAction::Wait(until) => return Ok(NextVisit::At(until)),
            NextAction::Idle if runner.is_panel_webhook => {
                remove_panel_webhook(context, &lease).await?;
                return Ok(NextVisit::WhenWoken);
            }
            other => return Ok(NextVisit::without_lane(context, &other)),
        };
        if *shutdown.borrow() {
            return Ok(stop(context, lease, step, &work).await);
        }
        let outcome = run_step(&mut runner, step, &work).await;
        // Where the lease was lost, the database says so again.
        lease = guard.lease().unwrap_or(lease);
        let done = match outcome {
            AttemptOutcome::Record(done) => done,
            AttemptOutcome::RecordAndWait(done, until) => {
                return Ok(give_back(context, lease, done, until).await);
            }
        };
        let shown = shown(&work, &context.file_limits, &done);
        let webhook = runner.webhook.as_ref().map(|webhook| webhook.id);
        let recording = BatchedRequest {
            done: Some(done.clone()),
            shown,
            webhook,
            ..BatchedRequest::next(LaneRef::Claimed(lease))
        };
        let Some(turn) = context.batcher.ask(recording).await else { return Ok(NextVisit::later(context)) };
        log_failed_attempts(target, &turn);
        let Some(held) = turn.lease else {
            return undo_after_lost_lease(context, server, &runner, step, done).await;
        };
        guard.set(Some(held.clone()));
        (next, lease) = (turn.next, held);
    }
}

/// Records what was done, and gives the lane back: nothing can be sent before that time.
async fn give_back(
    context: &DeliveryContext,
    lease: Lease,
    done: Option<StepResult>,
    until: DateTime<Utc>,
) -> NextVisit {
    let request =
        BatchedRequest { done, rest_until: Some(until), ..BatchedRequest::next(LaneRef::Claimed(lease)) };
    let target = request.lane.target();
    match context.batcher.ask(request).await {
        Some(turn) => {
            log_failed_attempts(target, &turn);
            NextVisit::At(until)
        }
        None => NextVisit::later(context),
    }
}

/// Stops because the program ends. A create that was announced but not sent leaves no doubt behind.
async fn stop(context: &DeliveryContext, lease: Lease, step: Step, work: &Work) -> NextVisit {
    let not_made = match (step, work.in_flight) {
        (Step::Create(_), Some(in_flight)) => Some(StepResult::NotBegun { in_flight }),
        _ => None,
    };
    give_back(context, lease, not_made, context.clock.now()).await
}

/// Retracts what a process did just before it learned that it had lost its lane.
///
/// A message that it made is deleted, because the lane's new holder makes it again, unless the new holder has
/// found and adopted it. A message that it changed may be older now than what the new holder shows there, so
/// it is shown anew. A message that it only found is left to the new holder to find.
async fn undo_after_lost_lease(
    context: &DeliveryContext,
    server: Option<GuildId>,
    runner: &StepRunner<'_>,
    step: Step,
    done: StepResult,
) -> Result<NextVisit, StoreError> {
    match (step, done) {
        (Step::Create(_), StepResult::Created { mirror, .. }) => {
            let tools = context.without_lease(server);
            let runner = StepRunner { tools: &tools, webhook: runner.webhook.clone(), ..*runner };
            if runner.retract(&mirror).await? {
                tracing::warn!(channel = %mirror.channel, "a lane was lost to another process; its last mirror is retracted");
            }
        }
        (_, StepResult::Edited { message, .. }) => context.store.show_again(message).await?,
        _ => {}
    }
    Ok(NextVisit::later(context))
}

/// Names a delivery's next step.
pub(super) fn decide_step(work: &Work, file_limits: &FileLimits, now: DateTime<Utc>) -> Step {
    if let Some(in_flight) = work.in_flight {
        // Settling needs no rendering. So what can't be rendered is settled, too.
        return Step::Settle(in_flight);
    }
    let step = next_step(Situation {
        activity: &work.activity,
        parts: render::payloads(work, file_limits.limit(work)).len(),
        delivery: &work.delivery,
        mirrors: &work.mirrors,
        in_flight: work.in_flight,
        now,
    });
    if let Step::End(ending) = step {
        count_outcome(ending.as_str());
    }
    step
}

/// The revision that all parts show with what was just done, or a newer one. Where that is the newest
/// revision, nothing more needs to be looked at.
fn shown(work: &Work, file_limits: &FileLimits, done: &StepResult) -> Option<Revision> {
    // What panicked when it was decided upon does so again: then the delivery is looked at once more.
    let render = || render::payloads(work, file_limits.limit(work)).len();
    let parts = catch_unwind(AssertUnwindSafe(render)).ok()?;
    done.shows(&work.mirrors, parts)
}

/// Removes a webhook that was there for panels alone, after the last of them has gone.
async fn remove_panel_webhook(context: &DeliveryContext, lease: &Lease) -> Result<(), StoreError> {
    let (target, target_kind) = (lease.target, lease.target_kind);
    let Some(webhook) = context.store.take_panel_webhook(target, target_kind).await? else { return Ok(()) };
    let rest = context.discord.unguarded(lease.server);
    if let Err(error) = rest.delete_webhook(webhook, WEBHOOK_REASON).await {
        tracing::warn!(%webhook, %error, "a webhook that is no longer needed could not be deleted");
    }
    Ok(())
}
