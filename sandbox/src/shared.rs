//! What all parts share: the world behind its lock, faults, limits, the log, and the bell that rings on every
//! change.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::config::Observer;
use crate::exchange::Exchange;
use crate::faults::Faults;
use crate::limits::RateLimiter;
use crate::lock::lock;
use crate::world::World;

/// Counts of requests over the sandbox's life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// All REST requests.
    pub requests: u64,
    /// Answers 429, whatever their scope.
    pub rate_limited: u64,
    /// What Discord counts towards its ban: 401, 403, and 429 unless its scope is `shared`.
    pub invalid: u64,
    /// Requests to routes that the sandbox doesn't know.
    pub unknown_routes: u64,
    /// IDENTIFY commands on the gateway.
    pub identifies: u64,
    /// Successful RESUME commands on the gateway.
    pub resumes: u64,
    /// Requests that would open a socket to the gateway.
    pub gateway_tries: u64,
}

#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    pub(crate) faults: Faults,
    pub(crate) limiter: Mutex<RateLimiter>,
    log: Mutex<Log>,
    bell: watch::Sender<u64>,
    shutdown: watch::Sender<bool>,
}

struct Log {
    exchanges: VecDeque<Exchange>,
    capacity: usize,
    counts: Counts,
    observer: Option<Observer>,
    last: Instant,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("counts", &self.counts).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(world: World) -> Self {
        let log = Log {
            exchanges: VecDeque::new(),
            capacity: world.config.exchange_log,
            counts: Counts::default(),
            observer: world.config.observer.clone(),
            last: Instant::now(),
        };
        let limiter = Mutex::new(RateLimiter::new(world.config.limits.clone()));
        Self {
            world: Mutex::new(world),
            faults: Faults::default(),
            limiter,
            log: Mutex::new(log),
            bell: watch::channel(0).0,
            shutdown: watch::channel(false).0,
        }
    }

    /// Looks at the world.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&lock(&self.world))
    }

    /// Changes the world, and rings the bell.
    pub(crate) fn write<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let result = change(&mut lock(&self.world));
        self.ring();
        result
    }

    /// Wakes everyone who waits for a change.
    pub(crate) fn ring(&self) {
        self.bell.send_modify(|count| *count += 1);
    }

    pub(crate) fn listen(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }

    pub(crate) fn shut_down(&self) {
        self.shutdown.send_replace(true);
        self.write(|world| world.gateway.hang_up());
    }

    pub(crate) fn shutdown_signal(&self) -> watch::Receiver<bool> {
        self.shutdown.subscribe()
    }

    /// Remembers an exchange, counts it, and shows it to the observer.
    pub(crate) fn record(&self, exchange: Exchange, shared_limit: bool) {
        let observer = {
            let mut log = lock(&self.log);
            log.last = Instant::now();
            log.counts.requests += 1;
            log.counts.rate_limited += u64::from(exchange.status == 429);
            log.counts.invalid +=
                u64::from(matches!(exchange.status, 401 | 403) || (exchange.status == 429 && !shared_limit));
            log.counts.unknown_routes += u64::from(exchange.route.is_none());
            if log.capacity > 0 {
                if log.exchanges.len() >= log.capacity {
                    log.exchanges.pop_front();
                }
                log.exchanges.push_back(exchange.clone());
            }
            log.observer.clone()
        };
        if let Some(observer) = observer {
            observer(&exchange);
        }
        self.ring();
    }

    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        lock(&self.log).exchanges.iter().cloned().collect()
    }

    pub(crate) fn counts(&self) -> Counts {
        let mut counts = lock(&self.log).counts;
        (counts.identifies, counts.resumes, counts.gateway_tries) = self.read(|world| world.gateway.starts());
        counts
    }

    /// How long ago the last request arrived.
    pub(crate) fn quiet_for(&self) -> Duration {
        lock(&self.log).last.elapsed()
    }
}
