//! One lane at work: asks what is next, does it, records it, until nothing is left or something makes it wait.

use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;
use tracing::Instrument;

use crate::domain::activity::Revision;
use crate::domain::ids::{ChannelId, GuildId};
use crate::domain::next_step::{Situation, Step, next_step};
use crate::rest::WEBHOOK_REASON;
use crate::store::{Done, Lease, Next, StoreError, Turn, Which, Work};

use super::Base;
use super::batcher::Request;
use super::step::attempt::{self, Came, attempt};
use super::step::create::{self as send, Sender};
use super::step::render as parts;
use super::step::sizes::FileSizes;

/// When to look again at a lane that another process holds, or whose request the ledger could not write down.
const LATER: TimeDelta = TimeDelta::seconds(5);

/// When the engine comes back to a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ComeBack {
    /// When it is woken.
    Woken,
    /// At that time.
    At(DateTime<Utc>),
    /// Soon, and each time a little later: somebody's transaction is writing to it.
    Unlocked,
    /// After a pause, which grows: the lane itself can't be worked on.
    Failed,
}

/// Works on a target's deliveries as long as there is something to do; says when to come back.
pub(super) async fn work(base: &Base, target: ChannelId, shutdown: &watch::Receiver<bool>) -> ComeBack {
    let span = tracing::debug_span!("lane", lane = %target);
    match hold(base, target, shutdown).instrument(span).await {
        Ok(Again::Never) => ComeBack::Woken,
        Ok(Again::At(at)) => ComeBack::At(at),
        Ok(Again::Later) => ComeBack::At(later(base)),
        Ok(Again::Unlocked) => ComeBack::Unlocked,
        Err(error) => {
            tracing::error!(channel = %target, %error, "a lane stopped at the database");
            ComeBack::Failed
        }
    }
}

/// Not all at the same moment, so that what fails together isn't tried again together.
fn later(base: &Base) -> DateTime<Utc> {
    base.clock.now() + LATER + LATER * rand::random_range(0..1_000) / 1_000
}

/// When a lane is looked at again.
enum Again {
    Never,
    At(DateTime<Utc>),
    /// Another process has it now, or the database didn't answer.
    Later,
    /// Somebody's transaction is writing to it.
    Unlocked,
}

async fn hold(base: &Base, target: ChannelId, shutdown: &watch::Receiver<bool>) -> Result<Again, StoreError> {
    let Some(turn) = base.ledger.ask(Request::next(Which::Free(target))).await else {
        return Ok(Again::Later);
    };
    attempt::say(target, &turn);
    let Turn { mut next, lease, webhook, .. } = turn;
    let Some(mut lease) = lease else { return Ok(not_held(&next)) };
    let server = lease.server;
    let (tools, guard) = base.under(lease.clone());
    let mut sender = Sender::new(&tools, target, lease.spot, webhook);
    loop {
        let (step, work) = match next {
            Next::Do { step, work } => (step, work),
            Next::Wait(until) => return Ok(Again::At(until)),
            Next::Idle if sender.beside => {
                part(base, &lease).await?;
                return Ok(Again::Never);
            }
            other => return Ok(not_held(&other)),
        };
        if *shutdown.borrow() {
            return Ok(stop(base, lease, step, &work).await);
        }
        let came = attempt(&mut sender, step, &work).await;
        // Where it was lost, the database says so again.
        lease = guard.lease().unwrap_or(lease);
        let done = match came {
            Came::On(done) => done,
            Came::Wait(done, until) => return Ok(rest(base, lease, done, until).await),
        };
        let shown = shown(&work, &base.sizes, &done);
        let webhook = sender.webhook.as_ref().map(|webhook| webhook.id);
        let recording =
            Request { done: Some(done.clone()), shown, webhook, ..Request::next(Which::Held(lease)) };
        let Some(turn) = base.ledger.ask(recording).await else { return Ok(Again::Later) };
        attempt::say(target, &turn);
        let Some(held) = turn.lease else { return lost(base, server, &sender, step, done).await };
        guard.put(Some(held.clone()));
        (next, lease) = (turn.next, held);
    }
}

/// What to do about a lane that isn't held.
fn not_held(next: &Next) -> Again {
    match next {
        Next::Wait(until) => Again::At(*until),
        Next::Idle => Again::Never,
        Next::Locked => Again::Unlocked,
        Next::Elsewhere | Next::LostLease | Next::Do { .. } => Again::Later,
    }
}

/// Records what was done and gives the lane back: nothing can be sent before that time.
async fn rest(base: &Base, lease: Lease, done: Option<Done>, until: DateTime<Utc>) -> Again {
    let resting = Request { done, rest_until: Some(until), ..Request::next(Which::Held(lease)) };
    let target = resting.lane.target();
    match base.ledger.ask(resting).await {
        Some(turn) => {
            attempt::say(target, &turn);
            Again::At(until)
        }
        None => Again::Later,
    }
}

/// The program ends: nothing new is begun, and a create that was announced but not sent leaves no doubt behind.
async fn stop(base: &Base, lease: Lease, step: Step, work: &Work) -> Again {
    let not_made = match (step, work.in_flight) {
        (Step::Create(_), Some(in_flight)) => Some(Done::NotBegun { in_flight }),
        _ => None,
    };
    rest(base, lease, not_made, base.clock.now()).await
}

/// A process that lost its lane takes back the message that it just made: the lane's new holder makes it again, unless it has found the message and adopted it. What
/// it just changed may be older than what the new holder shows there. What it only found is left to the new holder to find.
async fn lost(
    base: &Base,
    server: Option<GuildId>,
    sender: &Sender<'_>,
    step: Step,
    done: Done,
) -> Result<Again, StoreError> {
    match (step, done) {
        (Step::Create(_), Done::Created { mirror, .. }) => {
            let tools = base.without_lease(server);
            let sender = Sender { tools: &tools, webhook: sender.webhook.clone(), ..*sender };
            if sender.take_back(&mirror).await? {
                tracing::warn!(channel = %mirror.channel, "a lane was lost to another process; its last mirror is taken back");
            }
        }
        (_, Done::Edited { message, .. }) => base.store.show_again(message).await?,
        _ => {}
    }
    Ok(Again::Later)
}

/// Names a delivery's next step.
pub(super) fn decide(work: &Work, sizes: &FileSizes, now: DateTime<Utc>) -> Step {
    if let Some(in_flight) = work.in_flight {
        // Nothing has to be rendered for that: what can't be rendered is settled, too.
        return Step::Settle(in_flight);
    }
    let step = next_step(Situation {
        activity: &work.activity,
        parts: parts::parts(work, sizes.limit(work)).len(),
        delivery: &work.delivery,
        mirrors: &work.mirrors,
        in_flight: work.in_flight,
        now,
    });
    if let Step::End(ending) = step {
        send::count(ending.as_str());
    }
    step
}

/// The revision that all parts show with what was just done, or a newer one: where that is the newest, nothing needs to be looked at.
fn shown(work: &Work, sizes: &FileSizes, done: &Done) -> Option<Revision> {
    // What panicked when it was decided upon does so again: it is looked at once more then.
    let parts = catch_unwind(AssertUnwindSafe(|| parts::parts(work, sizes.limit(work)).len())).ok()?;
    done.shows(&work.mirrors, parts)
}

/// A webhook that was there for panels alone goes with the last of them.
async fn part(base: &Base, lease: &Lease) -> Result<(), StoreError> {
    let (target, spot) = (lease.target, lease.spot);
    let Some(webhook) = base.store.take_webhook_beside(target, spot).await? else { return Ok(()) };
    if let Err(error) = base.discord.without_lease(lease.server).delete_webhook(webhook, WEBHOOK_REASON).await
    {
        tracing::warn!(%webhook, %error, "a webhook that is no longer needed could not be deleted");
    }
    Ok(())
}
