//! The limit that the bot is measured against: a loop that only posts to webhooks, on the same route, with
//! bodies of the same size.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use tributary_sandbox::Sandbox;

use crate::Failure;
use crate::child::{self, Part};
use crate::discord::Stage;
use crate::stats::Sorted;

pub(crate) const PART: &str = "bare";

/// What it should post.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    /// The webhooks' addresses.
    urls: Vec<String>,
    body: String,
    requests: u64,
    /// How many requests are in flight at once.
    concurrency: usize,
}

/// The result.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Done {
    seconds: f64,
    requests: u64,
    /// The median request, in milliseconds.
    pub(crate) median: f64,
}

impl Done {
    /// Requests a second.
    pub(crate) fn rate(self) -> f64 {
        self.requests as f64 / self.seconds
    }
}

/// The loop, waiting in its own process.
pub(crate) struct Bare {
    part: Part,
    sandbox: Sandbox,
    urls: Vec<String>,
}

impl Bare {
    /// A loop over this many webhooks in a server that the bot isn't in, so that they give the bot no work.
    pub(crate) fn start(stage: &Stage, webhooks: usize) -> Result<Self, Failure> {
        let guild = stage.sandbox.create_guild_without_bot("Elsewhere");
        let hooks = guild.create_targets("bare", webhooks)?;
        let base = stage.sandbox.base();
        let url = |hook: tributary_sandbox::SeenWebhook| {
            format!("{base}/api/v10/webhooks/{}/{}?wait=true", hook.id, hook.token.unwrap_or_default())
        };
        let sandbox = stage.sandbox.clone();
        Ok(Self { part: Part::start(PART)?, sandbox, urls: hooks.into_iter().map(url).collect() })
    }

    /// Posts this many times, with so many requests in flight at once, to as many webhooks.
    pub(crate) fn post(&mut self, body: &str, requests: u64, concurrency: usize) -> Result<Done, Failure> {
        let urls = self.urls.iter().take(concurrency).cloned().collect();
        let before = self.sandbox.counts().requests;
        let done = self.part.ask(&Order { urls, body: body.to_owned(), requests, concurrency })?;
        let came = self.sandbox.counts().requests - before;
        if came < requests {
            Err(format!("only {came} of {requests} requests arrived").into())
        } else {
            Ok(done)
        }
    }
}

/// The process's main function.
pub(crate) async fn play() -> Result<(), Failure> {
    let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?;
    while let Some(order) = child::order::<Order>()? {
        child::done(&post(&client, order).await?)?;
    }
    Ok(())
}

async fn post(client: &reqwest::Client, order: Order) -> Result<Done, Failure> {
    let left = Arc::new(AtomicU64::new(order.requests));
    let body = Bytes::from(order.body);
    let began = Instant::now();
    let tasks: Vec<_> = (0..order.concurrency)
        .map(|task| {
            let urls: Vec<String> =
                order.urls.iter().skip(task % order.urls.len()).step_by(order.concurrency).cloned().collect();
            tokio::spawn(lane(client.clone(), urls, body.clone(), Arc::clone(&left)))
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    let seconds = began.elapsed().as_secs_f64();
    Ok(Done { seconds, requests: order.requests, median: Sorted::of(times).median() })
}

/// Makes one request after another, until all are taken.
async fn lane(
    client: reqwest::Client,
    urls: Vec<String>,
    body: Bytes,
    left: Arc<AtomicU64>,
) -> Result<Vec<Duration>, reqwest::Error> {
    let mut times = Vec::new();
    for url in urls.iter().cycle() {
        let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if taken.is_err() {
            break;
        }
        let began = Instant::now();
        let request = client.post(url).header("content-type", "application/json").body(body.clone());
        request.send().await?.error_for_status()?.bytes().await?;
        times.push(began.elapsed());
    }
    Ok(times)
}
