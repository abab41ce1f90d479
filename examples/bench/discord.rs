//! The sandbox, in this process, and what it saw: when each mirror arrived, and what else was requested.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tributary_sandbox::{
    Channel, Config, Effect, Exchange, Fault, Guild, GuildId, Limits, Permissions, Person, Sandbox,
    SeenWebhook,
};

use crate::Failure;

/// The route that mirrors arrive on.
const EXECUTE: &str = "/webhooks/{webhook}/{token}";
/// Discord allows no more channels in a server.
const CHANNELS: usize = 500;
/// What messages say after their number: about as much as people write.
const WORDS: &str = "The lamp at the end of the pier is lit again, and boats from the east see it in time. \
    Thanks to all who held the ladder; the next watch begins at eight.";

/// A webhook's message that was accepted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    /// When it was posted.
    pub(crate) at: Instant,
    /// The number that its text begins with.
    pub(crate) number: u64,
}

/// A channel with a webhook of the bot's.
pub(crate) struct Target {
    pub(crate) hook: SeenWebhook,
    pub(crate) guild: GuildId,
}

/// Requests by method and route: how many of each.
pub(crate) type Others = BTreeMap<String, u64>;

/// What the bot requested from Discord.
#[derive(Debug, Default)]
struct Seen {
    arrivals: Mutex<Vec<Arrival>>,
    arrived: AtomicU64,
    /// The last body of a mirror.
    body: Mutex<String>,
    /// When a request was answered with 429.
    refused: Mutex<Vec<Instant>>,
    /// Requests that weren't mirrors, counted by method and route.
    others: Mutex<Others>,
    /// How long the sandbox took to answer them all, in microseconds.
    took: AtomicU64,
}

impl Seen {
    fn see(&self, exchange: &Exchange) {
        let mirror = exchange.method == "POST" && exchange.route == Some(EXECUTE);
        self.took.fetch_add(u64::try_from(exchange.took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        if exchange.status == 429 {
            lock(&self.refused).push(Instant::now());
        } else if !mirror {
            let route = format!("{} {}", exchange.method, exchange.route.unwrap_or("elsewhere"));
            *lock(&self.others).entry(route).or_default() += 1;
        } else if exchange.status == 200 {
            let request = exchange.request.as_ref();
            let text = request.and_then(|request| request["content"].as_str()).unwrap_or_default();
            // What the bare loop posts has no number.
            let Some(number) = text.split(' ').next().and_then(|word| word.parse().ok()) else { return };
            if self.arrived.fetch_add(1, Ordering::Relaxed) == 0 {
                *lock(&self.body) = request.map(ToString::to_string).unwrap_or_default();
            }
            lock(&self.arrivals).push(Arrival { at: Instant::now(), number });
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A Discord with a server where somebody posts.
pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    pub(crate) guild: Guild,
    pub(crate) admin: Person,
    seen: Arc<Seen>,
    next: AtomicU64,
}

/// How long the sandbox waits for something: a start with very many sources takes minutes.
const PATIENCE: Duration = Duration::from_secs(600);

impl Stage {
    pub(crate) async fn new(limits: Limits) -> Result<Self, Failure> {
        let seen = Arc::new(Seen::default());
        let watching = Arc::clone(&seen);
        let config = Config {
            limits,
            exchange_log: 0,
            patience: PATIENCE,
            observer: Some(Arc::new(move |exchange| watching.see(exchange))),
            ..Config::default()
        };
        let sandbox = Sandbox::start(config).await?;
        let guild = sandbox.create_guild("Harbour");
        let admin = guild.member("Admin", Permissions::MANAGE_CHANNELS);
        Ok(Self { sandbox, guild, admin, seen, next: AtomicU64::new(1) })
    }

    /// This many targets, in as many servers as they need.
    pub(crate) fn targets(&self, count: usize) -> Result<Vec<Target>, Failure> {
        let mut targets = Vec::with_capacity(count);
        while targets.len() < count {
            let guild = self.sandbox.create_guild(&format!("Town {}", targets.len()));
            let hooks = guild.create_targets("target", CHANNELS.min(count - targets.len()))?;
            targets.extend(hooks.into_iter().map(|hook| Target { hook, guild: guild.id() }));
        }
        Ok(targets)
    }

    /// Makes each request to a webhook take this long, on top of what the machine takes.
    pub(crate) fn latency(&self, time: Duration) {
        self.sandbox.fault(Fault::on("*", "/webhooks/**", Effect::Delay(time)).forever());
    }

    /// Posts the next numbered message. Returns its number, and when it was posted.
    pub(crate) fn post(&self, source: &Channel) -> Result<(u64, Instant), Failure> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let at = Instant::now();
        self.admin.post(source, format!("{number} {WORDS}"))?;
        Ok((number, at))
    }

    /// How many mirrors have arrived since they were last taken.
    pub(crate) fn arrived(&self) -> u64 {
        self.seen.arrived.load(Ordering::Relaxed)
    }

    /// Waits until this many mirrors have arrived. Returns whether they did in time.
    pub(crate) async fn wait_for(&self, count: u64, patience: Duration) -> bool {
        let began = Instant::now();
        while self.arrived() < count {
            if began.elapsed() > patience {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        true
    }

    /// All mirrors since they were last taken, in the order of their arrival.
    pub(crate) fn take(&self) -> Vec<Arrival> {
        let mut arrivals = lock(&self.seen.arrivals);
        self.seen.arrived.store(0, Ordering::Relaxed);
        std::mem::take(&mut arrivals)
    }

    /// A body like a mirror's, whose text doesn't begin with a number.
    pub(crate) fn body(&self) -> String {
        let body = lock(&self.seen.body).clone();
        if body.is_empty() {
            return serde_json::json!({ "content": format!("bare {WORDS}"), "username": "Admin" })
                .to_string();
        }
        body.replacen("\"content\":\"", "\"content\":\"bare ", 1)
    }

    /// When requests were answered with 429.
    pub(crate) fn refused(&self) -> Vec<Instant> {
        lock(&self.seen.refused).clone()
    }

    /// The requests that weren't mirrors, since they were last taken.
    pub(crate) fn take_others(&self) -> Others {
        std::mem::take(&mut lock(&self.seen.others))
    }

    /// How long the sandbox took to answer all requests.
    pub(crate) fn took(&self) -> Duration {
        Duration::from_micros(self.seen.took.load(Ordering::Relaxed))
    }
}
