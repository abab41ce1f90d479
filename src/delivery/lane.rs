//! One lane at work: asks what is next, does it, records it, until nothing is left or something makes it wait.

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;

use crate::domain::activity::{Mirror, Showing};
use crate::domain::ids::ChannelId;
use crate::domain::next_step::{Situation, Step, next_step};
use crate::domain::place::Spot;
use crate::rest::{UPLOAD_TIMEOUT, WEBHOOK_REASON};
use crate::store::{Decide, Done, LaneRequest, Lease, Next, StoreError, Turn, Which, Work};

use super::parts;
use super::send::{self, Performed, Sender};
use super::upload;
use super::{LEASE, REQUEST_TIMEOUT, Tools};

/// What surrounds a request: waiting for its turn (a call that waited too long doesn't leave any more), connecting, reading the answer, recording.
const MARGIN: TimeDelta = TimeDelta::seconds(5);
/// When to look again at a lane that another process holds, or that the database did not answer for.
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
}

/// Works on a target's deliveries as long as there is something to do; says when to come back.
pub(super) async fn work(tools: &Tools, target: ChannelId, shutdown: &watch::Receiver<bool>) -> ComeBack {
    match hold(tools, target, shutdown).await {
        Ok(Again::Never) => ComeBack::Woken,
        Ok(Again::At(at)) => ComeBack::At(at),
        Ok(Again::Later) => ComeBack::At(later(tools)),
        Ok(Again::Unlocked) => ComeBack::Unlocked,
        Err(error) => {
            tracing::error!(channel = %target, %error, "a lane stopped at the database");
            ComeBack::At(later(tools))
        }
    }
}

/// Not all at the same moment, so that what fails together isn't tried again together.
fn later(tools: &Tools) -> DateTime<Utc> {
    tools.clock.now() + LATER + LATER * rand::random_range(0..1_000) / 1_000
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

async fn hold(
    tools: &Tools,
    target: ChannelId,
    shutdown: &watch::Receiver<bool>,
) -> Result<Again, StoreError> {
    let Some(Turn { mut next, lease, webhook }) = tools.ledger.ask(request(Which::Free(target))).await else {
        return Ok(Again::Later);
    };
    let Some(mut lease) = lease else { return Ok(not_held(&next)) };
    let mut sender = Sender::new(tools, target, lease.spot, webhook);
    loop {
        let (step, work) = match next {
            Next::Do { step, work } => (step, work),
            Next::Wait(until) => return Ok(Again::At(until)),
            Next::Idle if sender.beside => {
                part(tools, target, lease.spot).await?;
                return Ok(Again::Never);
            }
            other => return Ok(not_held(&other)),
        };
        if *shutdown.borrow() {
            return Ok(stop(tools, lease, step, &work).await);
        }
        // No request is begun that the lease doesn't outlast.
        let (now, longest) = (tools.clock.now(), longest(step, &work));
        if lease.until - now < longest + MARGIN {
            match tools.store.renew_lane(&lease, now + longest + LEASE).await? {
                Some(renewed) => lease = renewed,
                None => return Ok(Again::Later),
            }
        }
        let done = match sender.perform(step, &work).await? {
            Performed::Done(done) => done,
            Performed::Wait(done, until) => return Ok(rest(tools, lease, done, until).await),
        };
        let all_shown = completes(step, &work, &done);
        let recording = LaneRequest { done: Some(done.clone()), all_shown, ..request(Which::Held(lease)) };
        let Some(turn) = tools.ledger.ask(recording).await else { return Ok(Again::Later) };
        let Some(held) = turn.lease else { return lost(tools, &sender, done).await };
        (next, lease) = (turn.next, held);
    }
}

/// Asks what is next in a lane.
fn request(lane: Which) -> LaneRequest<'static> {
    LaneRequest { lane, done: None, all_shown: false, decide: Box::new(decide), rest_until: None }
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
async fn rest(tools: &Tools, lease: Lease, done: Option<Done>, until: DateTime<Utc>) -> Again {
    let decide: Decide<'static> = Box::new(move |_, _| Step::Wait(until));
    let resting = LaneRequest { done, decide, rest_until: Some(until), ..request(Which::Held(lease)) };
    match tools.ledger.ask(resting).await {
        Some(_) => Again::At(until),
        None => Again::Later,
    }
}

/// The program ends: nothing new is begun, and a create that was announced but not sent leaves no doubt behind.
async fn stop(tools: &Tools, lease: Lease, step: Step, work: &Work) -> Again {
    let not_made = match (step, work.in_flight) {
        (Step::Create(_), Some(in_flight)) => Some(Done::NotMade { in_flight }),
        _ => None,
    };
    rest(tools, lease, not_made, tools.clock.now()).await
}

/// Who loses a lane deletes what it just made: the lane's new holder doesn't know of it, and makes it again; unless that has found it already. What it just changed
/// may be older than what the new holder shows there.
async fn lost(tools: &Tools, sender: &Sender<'_>, done: Done) -> Result<Again, StoreError> {
    match done {
        Done::Created { mirror, .. } if tools.store.mirrored(mirror.message).await?.is_none() => {
            tracing::warn!(channel = %mirror.channel, "a lane was lost to another process; its last mirror is taken back");
            sender.take_back(&mirror).await;
        }
        Done::Edited { message, .. } => tools.store.show_again(message).await?,
        _ => {}
    }
    Ok(Again::Later)
}

fn decide(work: &Work, now: DateTime<Utc>) -> Step {
    let step = next_step(Situation {
        activity: &work.activity,
        parts: parts::parts(work).len(),
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

/// Whether all of the newest revision is shown with what was just done: then nothing needs to be looked at, unless there is a newer one.
fn completes(step: Step, work: &Work, done: &Done) -> bool {
    let (touched, made) = match (step, done) {
        (Step::Create(_), Done::Created { .. }) => (None, 1),
        (Step::Edit(..), Done::Edited { message, .. }) => (Some(*message), 0),
        _ => return false,
    };
    let parts = parts::parts(work).len();
    let wanted = |mirror: &Mirror| usize::try_from(mirror.part.0).is_ok_and(|part| part < parts);
    let current =
        |mirror: &Mirror| mirror.revision == work.activity.revision || Some(mirror.message) == touched;
    work.mirrors.len() + made == parts && work.mirrors.iter().all(|mirror| wanted(mirror) && current(mirror))
}

/// A webhook that was there for panels alone goes with the last of them.
async fn part(tools: &Tools, target: ChannelId, spot: Spot) -> Result<(), StoreError> {
    let Some(webhook) = tools.store.take_webhook_beside(target, spot).await? else { return Ok(()) };
    if let Err(error) = tools.rest.delete_webhook(webhook, WEBHOOK_REASON).await {
        tracing::warn!(%webhook, %error, "a webhook that is no longer needed could not be deleted");
    }
    Ok(())
}

/// How long a step may take: files may be large.
fn longest(step: Step, work: &Work) -> TimeDelta {
    let with = |what: fn(&Showing) -> bool| work.content.as_deref().is_some_and(what);
    let span = |duration| TimeDelta::from_std(duration).unwrap_or(LEASE);
    // What begins a post asks for its forum and its webhook first.
    let before = if matches!(step, Step::Create(_)) && work.channel().is_none() { 2 } else { 0 };
    let step = match step {
        Step::Create(_) if with(Showing::has_files) => span(upload::OPENING + UPLOAD_TIMEOUT) + timeout(),
        Step::Create(_) | Step::Edit(..) if with(Showing::has_chart) => span(UPLOAD_TIMEOUT) + timeout(),
        _ => timeout(),
    };
    step + timeout() * before
}

fn timeout() -> TimeDelta {
    TimeDelta::from_std(REQUEST_TIMEOUT).unwrap_or(LEASE)
}
