//! How buckets are found: by route, and by Discord's name for them, which only answers tell. Buckets that
//! nobody uses are forgotten.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{
    Bucket, BucketId, BucketQueue, BucketQueues, InFlightRequest, LimitKey, MajorParameter, Route, Ticket,
};

/// How often each bucket is checked for whether it is still used, and how many buckets are checked at once,
/// so that nobody waits while all of them are.
const CHECK_EVERY: Duration = Duration::from_secs(4);
const CHECKS_AT_ONCE: usize = 4;

impl BucketQueues {
    /// The bucket of a route: the one that it had, or the one that the route's known name leads to, or a new
    /// one.
    pub(super) fn bucket_of(&mut self, LimitKey { route, major, .. }: LimitKey, now: Instant) -> BucketId {
        if let Some(id) = self.by_route.get(&(route, major)) {
            return *id;
        }
        let name = self.names.get(&route).cloned();
        let known = name.clone().and_then(|name| self.by_name.get(&(name, major)).copied());
        let id = known.unwrap_or_else(|| self.open_bucket(name, major, now));
        self.link_route((route, major), id);
        id
    }

    /// From now on, this route leads to that bucket.
    fn link_route(&mut self, (route, major): (Route, MajorParameter), id: BucketId) {
        self.by_route.insert((route, major), id);
        if let Some(queue) = self.queues.get_mut(&id).filter(|queue| !queue.routes.contains(&route)) {
            queue.routes.push(route);
        }
    }

    fn open_bucket(&mut self, name: Option<Arc<str>>, major: MajorParameter, now: Instant) -> BucketId {
        let id = BucketId(self.next_number());
        if let Some(name) = &name {
            self.by_name.insert((name.clone(), major), id);
        }
        let (bucket, line, routes) = (Bucket::new(now), VecDeque::new(), Vec::new());
        self.queues.insert(id, BucketQueue { bucket, line, major, routes, name });
        self.expiry_checks.push_back((now + CHECK_EVERY, id));
        id
    }

    /// Moves a route, with the tickets that wait for it, to the bucket of this name. Returns that bucket.
    pub(super) fn apply_name(&mut self, sent: InFlightRequest, name: &str, now: Instant) -> BucketId {
        let LimitKey { route, major, .. } = sent.key;
        let name: Arc<str> = Arc::from(name);
        self.names.insert(route, name.clone());
        let Some(old) = self.queues.get_mut(&sent.queue) else { return sent.queue };
        if old.name.as_ref() == Some(&name) {
            self.link_route((route, major), sent.queue);
            return sent.queue;
        }
        let known = self.by_name.get(&(name.clone(), major)).copied();
        if known.is_none() && old.name.is_none() {
            // The first answer: now the bucket has a name.
            old.name = Some(name.clone());
            self.by_name.insert((name, major), sent.queue);
            return sent.queue;
        }
        let id = known.unwrap_or_else(|| self.open_bucket(Some(name), major, now));
        self.link_route((route, major), id);
        self.move_route((route, major), sent.queue, id);
        id
    }

    /// Moves everything that has to do with a route from one bucket to another: the tickets that wait, in the
    /// order in which they came, and what is in flight, the request that was just answered included.
    fn move_route(&mut self, (route, major): (Route, MajorParameter), from: BucketId, to: BucketId) {
        let (Some(mut old), Some(mut new)) = (self.queues.remove(&from), self.queues.remove(&to)) else {
            return;
        };
        old.bucket.record_unsent();
        new.bucket.record_sent();
        let concerned = |key: LimitKey| key.route == route && key.major == major;
        for sent in self.sent.values_mut().filter(|sent| sent.queue == from && concerned(sent.key)) {
            sent.queue = to;
            old.bucket.record_unsent();
            new.bucket.record_sent();
        }
        for ticket in std::mem::take(&mut old.line) {
            match self.waiting.get_mut(&ticket).filter(|waiting| concerned(waiting.key)) {
                Some(waiting) => {
                    waiting.queue = to;
                    new.line.push_back(ticket);
                }
                None => old.line.push_back(ticket),
            }
        }
        let urgency = |ticket: &Ticket| self.waiting.get(ticket).map(|waiting| waiting.key.urgency);
        new.line.make_contiguous().sort_unstable_by_key(|ticket| (urgency(ticket), *ticket));
        self.notified.extend(old.line.front());
        self.queues.insert(from, old);
        self.queues.insert(to, new);
    }

    /// Forgets unused buckets, a few at a time.
    pub(super) fn forget_unused(&mut self, now: Instant) {
        for _ in 0..CHECKS_AT_ONCE {
            let Some((_, id)) = self.expiry_checks.pop_front_if(|(due, _)| *due <= now) else { return };
            let Some(queue) = self.queues.get(&id) else { continue };
            if !queue.line.is_empty() || !queue.bucket.is_forgettable(now) {
                self.expiry_checks.push_back((now + CHECK_EVERY, id));
                continue;
            }
            let Some(BucketQueue { major, routes, name, .. }) = self.queues.remove(&id) else { continue };
            for route in routes {
                unlink(&mut self.by_route, &(route, major), id);
            }
            if let Some(name) = name {
                unlink(&mut self.by_name, &(name, major), id);
            }
        }
    }
}

/// Removes a link to a bucket, unless it leads to another one by now.
fn unlink<K: Eq + Hash>(links: &mut HashMap<K, BucketId>, key: &K, id: BucketId) {
    if links.get(key) == Some(&id) {
        links.remove(key);
    }
}
