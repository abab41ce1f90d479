//! One message to 100,000 targets, and a restart while it is delivered.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use tributary_sandbox::Limits;

use crate::bot::Bot;
use crate::database::Database;
use crate::discord::{Others, Stage};
use crate::figure::{Figure, met};
use crate::stats::milliseconds;
use crate::{Failure, Report, Setup, follows};

const TARGETS: usize = 100_000;
/// How long anything may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long the bot delivers before it is killed.
const BEFORE_THE_KILL: Duration = Duration::from_secs(5);
/// How long the rate after the restart is measured.
const AFTER_THE_RESTART: Duration = Duration::from_secs(20);

pub(crate) async fn measure(setup: &Setup, report: &mut Report) -> Result<(), Failure> {
    let database = Database::sqlite(setup)?;
    on(setup, report, database, "SQLite").await?;
    if let Some(server) = setup.postgres.as_ref().filter(|_| !setup.quick) {
        let database = Database::postgres(setup, server).await?;
        on(setup, report, database, "PostgreSQL").await?;
    }
    Ok(())
}

async fn on(setup: &Setup, report: &mut Report, database: Database, name: &str) -> Result<(), Failure> {
    let count = if setup.quick { 1_000 } else { TARGETS };
    let stage = Stage::new(Limits::off()).await?;
    let source = stage.guild.text("source");
    let targets = stage.targets(count)?;
    follows::fill(&database, &stage, &source, &targets).await?;
    let bot = Bot::ready(setup, &stage, &database, &[]).await?;
    let connection = database.connect().await?;

    let (_, posted) = stage.post(&source)?;
    let committed = committed(&connection, count).await?;
    if !stage.wait_for(1, PATIENCE).await {
        return Err(format!("no mirror arrived:\n{}", bot.log()).into());
    }
    tokio::time::sleep(if setup.quick { Duration::from_millis(200) } else { BEFORE_THE_KILL }).await;
    let peak = bot.process().peak()?;
    let written = milliseconds(committed.duration_since(posted));
    let sent = stage.take();
    let first = milliseconds(sent.first().ok_or("mirrors came")?.at.saturating_duration_since(committed));
    report.add(Figure {
        what: format!("one message to {} targets, {name}", thousands(count)),
        against: "–".to_owned(),
        expected: "written in under 2 s, memory under 200 MB, first mirror within 50 ms of the commit"
            .to_owned(),
        got: format!(
            "written in {:.2} s, memory {peak:.0} MB at most, first mirror {first:.0} ms after the commit",
            written / 1000.0
        ),
        ratio: format!("{:.2}; {:.2}; {:.2}", written / 2_000.0, peak / 200.0, first / 50.0),
        met: met(setup.quick, written < 2_000.0 && peak < 200.0 && first < 50.0),
    });
    bot.kill()?;
    let done = sent.len() as u64 + stage.arrived();
    restart(setup, report, &stage, &database, (count as u64).saturating_sub(done), name).await?;
    connection.close().await?;
    database.remove().await
}

async fn restart(
    setup: &Setup,
    report: &mut Report,
    stage: &Stage,
    database: &Database,
    open: u64,
    name: &str,
) -> Result<(), Failure> {
    stage.take();
    stage.take_others();
    let took = stage.took();
    let bot = Bot::start(setup, stage, database, &[])?;
    if open > 0 && !stage.wait_for(1, PATIENCE).await {
        return Err(format!("nothing was sent after the restart:\n{}", bot.log()).into());
    }
    let first = bot.began.elapsed().as_secs_f64();
    let others = stage.take_others();
    let took = stage.took().saturating_sub(took).as_secs_f64();
    let measured = Instant::now();
    let (before, time) =
        (stage.arrived(), if setup.quick { Duration::from_millis(200) } else { AFTER_THE_RESTART });
    stage.wait_for(open, time).await;
    let rate = (stage.arrived() - before) as f64 / measured.elapsed().as_secs_f64();
    let peak = bot.process().peak()?;
    report.add(Figure {
        what: format!(
            "restart with {} open lanes, {name}",
            thousands(if setup.quick { 1_000 } else { TARGETS })
        ),
        against: format!("(of these {open} were left; Discord's answers took {took:.2} s)"),
        expected: "sending again within 5 s; no look-up for lanes without a send in flight".to_owned(),
        got: format!(
            "first mirror after {first:.2} s; before it {}; then {rate:.0}/s; memory {peak:.0} MB at most",
            list(&others)
        ),
        ratio: format!("{:.2} of 5 s", first / 5.0),
        met: met(setup.quick, first < 5.0),
    });
    Ok(())
}

/// The requests that weren't mirrors, for a cell of the table.
fn list(others: &Others) -> String {
    let routes: Vec<String> = others.iter().map(|(route, count)| format!("{count} × `{route}`")).collect();
    if routes.is_empty() { "no other request".to_owned() } else { routes.join(", ") }
}

/// When all deliveries were in the database.
async fn committed(connection: &DatabaseConnection, count: usize) -> Result<Instant, Failure> {
    let began = Instant::now();
    // Cheap, so that asking repeatedly doesn't slow the bot down.
    while number(connection, "SELECT COUNT(*) FROM (SELECT 1 FROM deliveries LIMIT 1) AS d").await? == 0 {
        if began.elapsed() > PATIENCE {
            return Err("nothing was recorded".into());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mut at = Instant::now();
    // One commit adds all of them; if that ever changes, the last one counts.
    while usize::try_from(number(connection, "SELECT COUNT(*) FROM deliveries").await?)? < count {
        at = Instant::now();
        if began.elapsed() > PATIENCE {
            return Err("not all deliveries were recorded".into());
        }
    }
    Ok(at)
}

async fn number(connection: &DatabaseConnection, query: &str) -> Result<i64, Failure> {
    let statement = Statement::from_string(connection.get_database_backend(), query);
    let row = connection.query_one_raw(statement).await?.ok_or("no answer")?;
    Ok(row.try_get_by_index(0)?)
}

fn thousands(count: usize) -> String {
    format!("{},000", count / 1_000)
}
