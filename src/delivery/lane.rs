//! One lane at work: asks what is next, does it, records it, until nothing is left or something makes it wait.

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;

use crate::domain::activity::Showing;
use crate::domain::ids::ChannelId;
use crate::domain::next_step::{Situation, Step, next_step};
use crate::domain::place::Spot;
use crate::rest::{UPLOAD_TIMEOUT, WEBHOOK_REASON};
use crate::store::{Done, Lease, Next, StoreError, Work};

use super::parts;
use super::send::{self, Performed, Sender};
use super::upload;
use super::{LEASE, REQUEST_TIMEOUT, Tools};

/// What surrounds a request: connecting, reading the answer, recording.
const MARGIN: TimeDelta = TimeDelta::seconds(5);
/// When to look again at a lane that another process holds, or that the database did not answer for.
const LATER: TimeDelta = TimeDelta::seconds(5);

/// Works on a target's deliveries as long as there is something to do; says when to come back, if at all.
pub(super) async fn work(
    tools: &Tools,
    target: ChannelId,
    shutdown: &watch::Receiver<bool>,
) -> Option<DateTime<Utc>> {
    match hold(tools, target, shutdown).await {
        Ok(again) => again,
        Err(error) => {
            tracing::error!(channel = %target, %error, "a lane stopped at the database");
            Some(tools.clock.now() + LATER)
        }
    }
}

async fn hold(
    tools: &Tools,
    target: ChannelId,
    shutdown: &watch::Receiver<bool>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let now = tools.clock.now();
    let Some(mut lease) = tools.store.claim_lane(target, &tools.owner, now, now + LEASE).await? else {
        return Ok(Some(now + LATER));
    };
    let again = match advance(tools, &mut lease, shutdown).await {
        Ok(again) => again,
        Err(error) => {
            // Best effort: otherwise the lease simply ends.
            let _ = tools.store.release_lane(&lease, None).await;
            return Err(error);
        }
    };
    match again {
        Again::Never { beside } => {
            tools.store.release_lane(&lease, None).await?;
            if beside {
                part(tools, target, lease.spot).await?;
            }
        }
        Again::At(at) => drop(tools.store.release_lane(&lease, Some(at)).await?),
        Again::Lost => {}
    }
    Ok(match again {
        Again::At(at) => Some(at),
        Again::Never { .. } => None,
        Again::Lost => Some(tools.clock.now() + LATER),
    })
}

/// A webhook that was there for panels alone goes with the last of them.
async fn part(tools: &Tools, target: ChannelId, spot: Spot) -> Result<(), StoreError> {
    let Some(webhook) = tools.store.take_webhook_beside(target, spot).await? else { return Ok(()) };
    if let Err(error) = tools.rest.delete_webhook(webhook, WEBHOOK_REASON).await {
        tracing::warn!(%webhook, %error, "a webhook that is no longer needed could not be deleted");
    }
    Ok(())
}

/// When a lane that was held is looked at again.
enum Again {
    Never {
        /// It has a webhook for panels alone, which may not be needed any more.
        beside: bool,
    },
    At(DateTime<Utc>),
    /// Another process has it now.
    Lost,
}

async fn advance(
    tools: &Tools,
    lease: &mut Lease,
    shutdown: &watch::Receiver<bool>,
) -> Result<Again, StoreError> {
    let mut sender = Sender::new(tools, lease.target, lease.spot).await?;
    let mut done: Option<Done> = None;
    loop {
        let now = tools.clock.now();
        let recording = done.clone();
        let next = tools.store.advance(lease, recording, now, &mut |work| decide(work, now)).await?;
        let (step, work) = match next {
            Next::Do { step, work } => (step, work),
            Next::Wait(until) => return Ok(Again::At(until)),
            Next::Idle => return Ok(Again::Never { beside: sender.beside }),
            Next::LostLease => return lost(tools, &sender, done).await,
        };
        if *shutdown.borrow() {
            return stop(tools, lease, step, &work).await;
        }
        // No request is begun that the lease doesn't outlast.
        let (now, longest) = (tools.clock.now(), longest(step, &work));
        if lease.until - now < longest + MARGIN {
            match tools.store.renew_lane(lease, now + longest + LEASE).await? {
                Some(renewed) => *lease = renewed,
                None => return Ok(Again::Lost),
            }
        }
        match sender.perform(step, &work).await? {
            Performed::Done(what) => done = Some(what),
            Performed::Wait(what, until) => {
                tools.store.advance(lease, what, tools.clock.now(), &mut |_| Step::Wait(until)).await?;
                return Ok(Again::At(until));
            }
        }
    }
}

/// The program ends: nothing new is begun, and a create that was announced but not sent leaves no doubt behind.
async fn stop(tools: &Tools, lease: &Lease, step: Step, work: &Work) -> Result<Again, StoreError> {
    let now = tools.clock.now();
    if let (Step::Create(_), Some(in_flight)) = (step, work.in_flight) {
        tools.store.advance(lease, Some(Done::NotMade { in_flight }), now, &mut |_| Step::Wait(now)).await?;
    }
    Ok(Again::At(now))
}

/// Who loses a lane deletes what it just made: the lane's new holder doesn't know of it, and makes it again; unless that has found it already. What it just changed
/// may be older than what the new holder shows there.
async fn lost(tools: &Tools, sender: &Sender<'_>, done: Option<Done>) -> Result<Again, StoreError> {
    match done {
        Some(Done::Created { mirror, .. }) if tools.store.mirrored(mirror.message).await?.is_none() => {
            tracing::warn!(channel = %mirror.channel, "a lane was lost to another process; its last mirror is taken back");
            sender.take_back(&mirror).await;
        }
        Some(Done::Edited { message, .. }) => tools.store.show_again(message).await?,
        _ => {}
    }
    Ok(Again::Lost)
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

/// How long a step may take: files may be large.
fn longest(step: Step, work: &Work) -> TimeDelta {
    let with = |what: fn(&Showing) -> bool| work.content.as_ref().is_some_and(what);
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
