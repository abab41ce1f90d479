//! The ways to buckets: by route, and by Discord's name for them, which only answers tell; and forgetting those that nobody uses.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Bucket, BucketId, Key, Major, Queue, Queues, Route, Sent, Ticket};

/// How often a bucket is looked at, whether it is still used; and how many at once, so that nobody waits while all are.
const LOOK_EVERY: Duration = Duration::from_secs(4);
const LOOK_AT: usize = 4;

impl Queues {
    /// The bucket of a route: the one it had, or the one that the route's known name leads to, or a new one.
    pub(super) fn find(&mut self, Key { route, major, .. }: Key, now: Instant) -> BucketId {
        if let Some(id) = self.by_route.get(&(route, major)) {
            return *id;
        }
        let name = self.names.get(&route).cloned();
        let known = name.clone().and_then(|name| self.by_name.get(&(name, major)).copied());
        let id = known.unwrap_or_else(|| self.open(name, major, now));
        self.lead((route, major), id);
        id
    }

    /// From now on, this route leads to that bucket.
    fn lead(&mut self, (route, major): (Route, Major), id: BucketId) {
        self.by_route.insert((route, major), id);
        if let Some(queue) = self.queues.get_mut(&id).filter(|queue| !queue.routes.contains(&route)) {
            queue.routes.push(route);
        }
    }

    fn open(&mut self, name: Option<Arc<str>>, major: Major, now: Instant) -> BucketId {
        let id = BucketId(self.number());
        if let Some(name) = &name {
            self.by_name.insert((name.clone(), major), id);
        }
        let (bucket, line, routes) = (Bucket::new(now), VecDeque::new(), Vec::new());
        self.queues.insert(id, Queue { bucket, line, major, routes, name });
        self.looks.push_back((now + LOOK_EVERY, id));
        id
    }

    /// Moves a route, with whoever waits for it, to the bucket of this name, and says which that is.
    pub(super) fn rename(&mut self, sent: Sent, name: &str, now: Instant) -> BucketId {
        let Key { route, major, .. } = sent.key;
        let name: Arc<str> = Arc::from(name);
        self.names.insert(route, name.clone());
        let Some(old) = self.queues.get_mut(&sent.queue) else { return sent.queue };
        if old.name.as_ref() == Some(&name) {
            self.lead((route, major), sent.queue);
            return sent.queue;
        }
        let known = self.by_name.get(&(name.clone(), major)).copied();
        if known.is_none() && old.name.is_none() {
            // The first answer: now it has a name.
            old.name = Some(name.clone());
            self.by_name.insert((name, major), sent.queue);
            return sent.queue;
        }
        let id = known.unwrap_or_else(|| self.open(Some(name), major, now));
        self.lead((route, major), id);
        self.carry((route, major), sent.queue, id);
        id
    }

    /// All that has to do with the route moves from one bucket to another: who waits, in the order in which they came, and what is in flight, this
    /// request included.
    fn carry(&mut self, (route, major): (Route, Major), from: BucketId, to: BucketId) {
        let (Some(mut old), Some(mut new)) = (self.queues.remove(&from), self.queues.remove(&to)) else {
            return;
        };
        old.bucket.returned();
        new.bucket.sent();
        let concerned = |key: Key| key.route == route && key.major == major;
        for sent in self.sent.values_mut().filter(|sent| sent.queue == from && concerned(sent.key)) {
            sent.queue = to;
            old.bucket.returned();
            new.bucket.sent();
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
        self.rung.extend(old.line.front());
        self.queues.insert(from, old);
        self.queues.insert(to, new);
    }

    /// Forgets unused buckets, a few at a time.
    pub(super) fn sweep(&mut self, now: Instant) {
        for _ in 0..LOOK_AT {
            let Some((_, id)) = self.looks.pop_front_if(|(due, _)| *due <= now) else { return };
            let Some(queue) = self.queues.get(&id) else { continue };
            if !queue.line.is_empty() || !queue.bucket.idle(now) {
                self.looks.push_back((now + LOOK_EVERY, id));
                continue;
            }
            let Some(Queue { major, routes, name, .. }) = self.queues.remove(&id) else { continue };
            for route in routes {
                forget(&mut self.by_route, &(route, major), id);
            }
            if let Some(name) = name {
                forget(&mut self.by_name, &(name, major), id);
            }
        }
    }
}

/// Takes the way to a bucket out, unless it leads to another by now.
fn forget<K: Eq + Hash>(ways: &mut HashMap<K, BucketId>, key: &K, id: BucketId) {
    if ways.get(key) == Some(&id) {
        ways.remove(key);
    }
}
