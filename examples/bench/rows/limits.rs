//! Discord's real limits: how much of what they allow the bot delivers, and how often it is told to wait.

use std::time::Duration;

use tributary_sandbox::Limits;

use crate::bot::Bot;
use crate::database::Database;
use crate::discord::Stage;
use crate::figure::{Figure, met};
use crate::{Failure, Report, Setup, follows};

/// Discord: 30 a minute through all webhooks of a channel.
const CHANNEL_A_MINUTE: f64 = 30.0;
/// Discord: 50 a second for a bot, or for an address without a bot's token.
const BOT_A_SECOND: f64 = 50.0;
/// How long the bot must have been silent; its requests on startup wait for limits, too.
const QUIET: Duration = Duration::from_millis(2_500);
/// By then, the first answers have shown what the limits are.
const FIRST_ANSWERS: Duration = Duration::from_secs(3);

pub(crate) async fn measure(setup: &Setup, report: &mut Report) -> Result<(), Failure> {
    // Few enough to stay below the limit for all of them together, and too many for that.
    for (targets, name) in [(20, "30 a minute a channel"), (500, "50/s of one address")] {
        let (targets, minutes) = if setup.quick { (targets / 10, 0.03) } else { (targets, setup.minutes) };
        report.add(run(setup, targets, name, minutes).await?);
    }
    Ok(())
}

async fn run(setup: &Setup, targets: usize, name: &str, minutes: f64) -> Result<Figure, Failure> {
    let stage = Stage::new(Limits::real()).await?;
    let source = stage.guild.text("source");
    let database = Database::sqlite(setup)?;
    follows::fill(&database, &stage, &source, &stage.targets(targets)?).await?;
    let bot = Bot::ready(setup, &stage, &database, &[]).await?;
    // The requests on startup don't count.
    stage.sandbox.wait_quiet(if setup.quick { Duration::ZERO } else { QUIET }).await;
    let each = (minutes.ceil() + 1.0) * CHANNEL_A_MINUTE;
    for _ in 0..each as u64 {
        stage.post(&source)?;
    }
    let time = Duration::from_secs_f64(minutes * 60.0);
    tokio::time::sleep(time).await;
    drop(bot);
    // Discord's minutes start with the first request.
    let arrivals = stage.take();
    let first = arrivals.first().ok_or("no mirror arrived")?.at;
    let within = arrivals.iter().filter(|arrival| arrival.at.duration_since(first) < time).count() as f64;
    let refused = stage.refused();
    let late = refused.iter().filter(|at| at.duration_since(first) > FIRST_ANSWERS).count();
    let by_channels = targets as f64 * CHANNEL_A_MINUTE * minutes.ceil();
    let allowed = by_channels.min(BOT_A_SECOND * time.as_secs_f64());
    let share = within / allowed;
    let figure = Figure {
        what: format!("Discord's real limits, {targets} targets: {name}"),
        against: format!("what they allow in {minutes:.0} minutes: {allowed:.0}"),
        expected: "98 %, no 429 after the first answers".to_owned(),
        got: format!(
            "{within:.0}; 429s: {} in the first {} s, {late} later",
            refused.len() - late,
            FIRST_ANSWERS.as_secs()
        ),
        ratio: format!("{:.1} %", share * 100.0),
        met: met(setup.quick, share >= 0.98 && late == 0),
    };
    database.remove().await?;
    Ok(figure)
}
