//! What an answer changes: in its bucket, in the global limit, in the fuse, and at the edge gate.

use std::time::Instant;

use super::{BucketId, BucketQueues, InFlightRequest};
use crate::rest::error::RateLimitScope;
use crate::rest::limiter::PermitId;
use crate::rest::limiter::answer::{AnswerFacts, AnswerKind};
use crate::rest::limiter::refusals::LimitPause;

impl BucketQueues {
    /// Records an answer. For a 429: how long it holds.
    pub(in crate::rest::limiter) fn record_answer(
        &mut self,
        permit: PermitId,
        received: Instant,
        answer: &AnswerFacts,
    ) -> Option<LimitPause> {
        let sent = self.sent.remove(&permit)?;
        self.global_limit(sent.key.token).record_answer(sent.at, received, answer);
        let id = match (&answer.bucket, answer.kind) {
            // Only what the route's own bucket says tells its name.
            (
                Some(name),
                AnswerKind::Handled
                | AnswerKind::Invalid
                | AnswerKind::Limited { scope: RateLimitScope::User, .. },
            ) => self.apply_name(sent, name, received),
            _ => sent.queue,
        };
        let pause = self.record_in_bucket(id, sent, received, answer);
        self.record_in_fuse(sent, received, answer.kind);
        self.record_at_edge(sent, received, answer);
        let global_pause = self.record_global_hold(sent, received, answer.kind);
        self.notify_first(id, sent);
        // Where only this bucket is refused like that, others' answers don't end the wait.
        pause.max(global_pause)
    }

    /// Records an answer in its bucket, which may be another one than the request was sent for.
    fn record_in_bucket(
        &mut self,
        id: BucketId,
        sent: InFlightRequest,
        received: Instant,
        answer: &AnswerFacts,
    ) -> Option<LimitPause> {
        let elsewhere = id != sent.queue;
        let lessons = self.queues.get(&sent.queue).filter(|_| elsewhere).map(|queue| queue.bucket.lessons());
        let (mut pause, mut exceeded_known_limit) = (None, false);
        if let Some(queue) = self.queues.get_mut(&id) {
            let bucket = &mut queue.bucket;
            match answer.kind {
                // What isn't a success and names no limit may come from something in front of Discord, and
                // says nothing of Discord's limits.
                AnswerKind::Handled | AnswerKind::Invalid | AnswerKind::ServerError
                    if answer.quota.is_none() && !answer.success =>
                {
                    bucket.record_lost(received);
                }
                AnswerKind::RefusedByEdge => bucket.record_lost(received),
                AnswerKind::Handled | AnswerKind::Invalid | AnswerKind::ServerError => {
                    bucket.record_answer(sent.at, received, answer.quota);
                }
                AnswerKind::Limited { scope: RateLimitScope::Global, retry_after } => {
                    pause = Some(bucket.record_global_429((sent.at, received), retry_after));
                }
                AnswerKind::Limited { retry_after, scope } => {
                    let times = (sent.at, received);
                    let (held, exceeded) = bucket.record_429(times, retry_after, scope, answer.quota);
                    (pause, exceeded_known_limit) = (Some(held), exceeded);
                }
            }
            if let Some(lessons) = lessons {
                bucket.learn_from(lessons);
            }
        }
        if exceeded_known_limit {
            self.global_limit(sent.key.token).distrust(received);
        }
        pause
    }

    /// Counts what can lead to a ban.
    fn record_in_fuse(&mut self, sent: InFlightRequest, received: Instant, kind: AnswerKind) {
        match kind {
            AnswerKind::Limited { scope: RateLimitScope::Shared, .. }
            | AnswerKind::Handled
            | AnswerKind::ServerError => {}
            AnswerKind::Invalid | AnswerKind::RefusedByEdge | AnswerKind::Limited { .. } => {
                self.fuse.count(sent.key.requester, received);
            }
        }
    }

    /// Closes the edge gate after a refusal that isn't Discord's own, and opens it after Discord's own
    /// answer.
    fn record_at_edge(&mut self, sent: InFlightRequest, received: Instant, answer: &AnswerFacts) {
        match answer.kind {
            AnswerKind::RefusedByEdge => self.gate.record_refusal(sent.key.major, sent.at, received),
            AnswerKind::Handled | AnswerKind::Invalid if answer.is_genuine() => {
                self.gate.record_answer(sent.key.major);
            }
            AnswerKind::Handled
            | AnswerKind::Invalid
            | AnswerKind::ServerError
            | AnswerKind::Limited { .. } => {}
        }
    }

    /// Holds everything after a global 429.
    fn record_global_hold(
        &mut self,
        sent: InFlightRequest,
        received: Instant,
        kind: AnswerKind,
    ) -> Option<LimitPause> {
        match kind {
            AnswerKind::Limited { scope: RateLimitScope::Global, retry_after } => {
                let held = self.global_refusals.record_refusal(sent.at, received, retry_after);
                self.global_pause = self.global_pause.max(Some(received + held.wait));
                return Some(held);
            }
            AnswerKind::Handled | AnswerKind::Invalid => self.global_refusals.end(),
            AnswerKind::ServerError | AnswerKind::RefusedByEdge | AnswerKind::Limited { .. } => {}
        }
        None
    }
}
