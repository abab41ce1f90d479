//! From the message to its mirror, at 20 messages a second, if each request takes 50 ms.

use std::collections::HashMap;
use std::time::Duration;

use tributary_sandbox::{Channel, Limits};

use crate::bare::Bare;
use crate::bot::Bot;
use crate::database::Database;
use crate::discord::Stage;
use crate::figure::{Figure, met};
use crate::stats::{Sorted, milliseconds};
use crate::{Failure, Report, Setup, follows};

const LATENCY: Duration = Duration::from_millis(50);
/// Messages are spread over this many sources, each with so many targets: at this latency, a single lane
/// sends 20 a second at most.
const SOURCES: usize = 10;
const TARGETS: usize = 2;
/// Between two messages: 20 a second.
const PAUSE: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn measure(setup: &Setup, report: &mut Report) -> Result<(), Failure> {
    let stage = Stage::new(Limits::off()).await?;
    let database = Database::sqlite(setup)?;
    let mut sources: Vec<Channel> = Vec::new();
    for number in 0..SOURCES {
        let source = stage.guild.text(&format!("source-{number}"));
        follows::fill(&database, &stage, &source, &stage.targets(TARGETS)?).await?;
        sources.push(source);
    }
    let bot = Bot::ready(setup, &stage, &database, &[]).await?;
    stage.latency(LATENCY);
    let mut bare = Bare::start(&stage, 1)?;
    let requests = if setup.quick { 5 } else { 40 };
    let before = bare.post(&stage.body(), requests, 1)?.median;
    let messages: u64 = if setup.quick { 20 } else { 1_200 };

    let mut posted = HashMap::new();
    let mut clock = tokio::time::interval(PAUSE);
    for turn in 0..messages {
        clock.tick().await;
        let (number, at) = stage.post(&sources[usize::try_from(turn)? % SOURCES])?;
        posted.insert(number, at);
    }
    if !stage.wait_for(messages * TARGETS as u64, PATIENCE).await {
        return Err(format!("only {} mirrors arrived:\n{}", stage.arrived(), bot.log()).into());
    }
    let arrivals = stage.take();
    let trip = before.min(bare.post(&stage.body(), requests, 1)?.median);
    let lag = |arrival: &crate::discord::Arrival| {
        posted.get(&arrival.number).map(|at| milliseconds(arrival.at.duration_since(*at)) - trip)
    };
    let lags = Sorted::new(arrivals.iter().filter_map(lag).collect());
    report.add(Figure {
        what: "lag message → mirror at 20 messages/s".to_owned(),
        against: format!("the API's own latency: {trip:.1} ms"),
        expected: "p99 under 20 ms above it".to_owned(),
        got: format!("p50 {:.1} ms, p99 {:.1} ms above it", lags.median(), lags.quantile(0.99)),
        ratio: format!("{:.2} of 20 ms", lags.quantile(0.99) / 20.0),
        met: met(setup.quick, lags.quantile(0.99) < 20.0),
    });
    report.lags = Some(lags);
    drop(bot);
    database.remove().await
}
