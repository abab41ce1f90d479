//! A busy server that nobody follows: what its messages cost the bot, compared with a bare client of the same
//! library on the same stream.

use std::time::{Duration, Instant};

use tributary_sandbox::Limits;

use crate::bot::Bot;
use crate::client::Client;
use crate::database::Database;
use crate::discord::Stage;
use crate::figure::{Figure, met};
use crate::stats::Sorted;
use crate::{Failure, Report, Setup, follows};

const RATE: u64 = 5_000;
/// The messages of this much time are posted together.
const TICK: Duration = Duration::from_millis(10);
/// How long the last ones take to be read.
const REST: Duration = Duration::from_secs(1);

pub(crate) async fn measure(setup: &Setup, report: &mut Report) -> Result<(), Failure> {
    let stage = Stage::new(Limits::off()).await?;
    let database = Database::sqlite(setup)?;
    let followed = stage.guild.text("followed");
    follows::fill(&database, &stage, &followed, &stage.targets(1)?).await?;
    let channels: Vec<_> = (0..20).map(|number| stage.guild.text(&format!("talk-{number}"))).collect();
    let bot = Bot::ready(setup, &stage, &database, &[]).await?;
    let client = Client::start(&stage)?;
    tokio::time::sleep(Duration::from_secs(2)).await;

    let (seconds, runs) = if setup.quick { (1, 1) } else { (15, 4) };
    let (mut ours, mut theirs, mut ratios, mut rates) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        let before = (bot.process().cpu()?, client.process().cpu()?);
        let rate = talk(&stage, &channels, Duration::from_secs(seconds)).await?;
        tokio::time::sleep(REST).await;
        let mine = (bot.process().cpu()? - before.0).as_secs_f64();
        let its = (client.process().cpu()? - before.1).as_secs_f64();
        ours.push(mine / seconds as f64 * 100.0);
        theirs.push(its / seconds as f64 * 100.0);
        ratios.push(mine / its);
        rates.push(rate);
    }
    let (ours, theirs, ratios) = (Sorted::new(ours), Sorted::new(theirs), Sorted::new(ratios));
    report.add(Figure {
        what: "a busy server that nobody follows, 5,000 messages/s".to_owned(),
        against: format!("CPU of a bare serenity client: {:.1} % of a core", theirs.median()),
        expected: "at most 0.16 ×".to_owned(),
        got: format!("{:.1} % of a core, at {:.0} messages/s", ours.median(), Sorted::new(rates).median()),
        ratio: format!("{:.2} × ({:.2}–{:.2})", ratios.median(), ratios.least(), ratios.most()),
        met: met(setup.quick, ratios.median() <= 0.16),
    });
    database.remove().await
}

/// Posts for this long. Returns how many messages a second it achieved.
async fn talk(
    stage: &Stage,
    channels: &[tributary_sandbox::Channel],
    time: Duration,
) -> Result<f64, Failure> {
    let began = Instant::now();
    let mut clock = tokio::time::interval(TICK);
    let mut posted = 0;
    while began.elapsed() < time {
        clock.tick().await;
        let due = (began.elapsed().as_secs_f64() * RATE as f64) as u64;
        while posted < due {
            stage.post(&channels[usize::try_from(posted)? % channels.len()])?;
            posted += 1;
        }
    }
    Ok(posted as f64 / began.elapsed().as_secs_f64())
}
