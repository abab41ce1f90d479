//! The API, with 10,000 follows in the server that is asked about and 1,000,000 in all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tributary_sandbox::{Channel, Limits, Permissions};

use crate::bot::{Bot, free_address};
use crate::database::Database;
use crate::discord::Stage;
use crate::figure::{Figure, met};
use crate::program::Program;
use crate::stats::{Sorted, milliseconds};
use crate::{Failure, Report, Setup, follows};

/// Sources and targets of the server; each target follows each source.
const SOURCES: usize = 25;
const TARGETS: usize = 400;
/// Other servers, each with as many follows.
const OTHERS: usize = 99;
/// New sources, each followed by some targets.
const NEW: usize = 20;
/// Mirrored meanwhile: between two messages of one source with two targets.
const PAUSE: Duration = Duration::from_millis(50);
/// How many programs read at once.
const READERS: u16 = 20;
/// How many reads they make together in a second.
const READS: u32 = 1_000;
const PATIENCE: Duration = Duration::from_secs(60);
/// The bot reads all sources after its start; nothing is measured before nobody has asked Discord anything
/// for so long.
const SILENCE: Duration = Duration::from_secs(5);
/// Between two follows that are made: together, they take less than what Discord allows in a second.
const BREATH: Duration = Duration::from_millis(250);

/// What is expected of each kind of request: its 95th percentile, in milliseconds.
const EXPECTED: [(&str, f64); 3] = [("read", 10.0), ("list", 20.0), ("create", 30.0)];

pub(crate) async fn measure(setup: &Setup, report: &mut Report) -> Result<(), Failure> {
    on(setup, report, Database::sqlite(setup)?, "SQLite").await?;
    if let Some(server) = &setup.postgres {
        on(setup, report, Database::postgres(setup, server).await?, "PostgreSQL").await?;
    }
    Ok(())
}

/// The server, and who asks about it.
struct Scene {
    stage: Stage,
    busy: Channel,
    targets: Vec<Channel>,
    new: Vec<Channel>,
    path: String,
}

impl Scene {
    async fn new(setup: &Setup, database: &Database) -> Result<Self, Failure> {
        let stage = Stage::new(Limits::off()).await?;
        let busy = stage.guild.text("busy");
        follows::fill(database, &stage, &busy, &stage.targets(2)?).await?;
        let texts =
            |name: &str, count| (0..count).map(|n| stage.guild.text(&format!("{name}-{n}"))).collect();
        let (sources, targets, new): (Vec<Channel>, Vec<Channel>, Vec<Channel>) =
            (texts("source", SOURCES), texts("target", TARGETS), texts("new", NEW));
        let ids = |channels: &[Channel]| channels.iter().map(|channel| channel.id()).collect::<Vec<_>>();
        follows::fill_square(database, stage.guild.id(), &ids(&sources), &ids(&targets)).await?;
        let others = if setup.quick { 1 } else { OTHERS };
        for other in 0..others {
            let guild = stage.sandbox.create_guild(&format!("Other {other}"));
            let channels = guild.create_targets("channel", SOURCES + TARGETS)?;
            let ids: Vec<_> = channels.iter().map(|hook| hook.channel).collect();
            follows::fill_square(database, guild.id(), &ids[..SOURCES], &ids[SOURCES..]).await?;
        }
        let path = format!("/api/v1/servers/{}/follows", stage.guild.id());
        Ok(Self { stage, busy, targets, new, path })
    }
}

async fn on(setup: &Setup, report: &mut Report, database: Database, name: &str) -> Result<(), Failure> {
    let scene = Scene::new(setup, &database).await?;
    let web = free_address()?;
    let address = web.to_string();
    let settings = [
        ("WEB_ADDR", address.as_str()),
        ("API_REQUESTS_PER_MINUTE", "10000000"),
        ("FOLLOWS_PER_SERVER", "0"),
        ("FOLLOWS_PER_TARGET", "0"),
    ];
    let bot = Bot::ready(setup, &scene.stage, &database, &settings).await?;
    let member =
        scene.stage.guild.member("Reader", Permissions::MANAGE_CHANNELS | Permissions::MANAGE_MESSAGES);
    let program = Program::sign_in(&member, &scene.targets[0], web).await?;
    let counts = if setup.quick { [20, 5, 5] } else { [1_000, 300, NEW * 10] };
    scene.stage.sandbox.wait_quiet(SILENCE).await;
    let got = [
        read(&scene, &program, counts[0]).await?,
        list(&scene, &program, counts[1]).await?,
        create(&scene, &program, counts[2]).await?,
    ];
    for ((what, most), times) in EXPECTED.into_iter().zip(got) {
        let p95 = times.quantile(0.95);
        report.add(Figure {
            what: format!("API: {what}, 10,000 follows in the server, 1,000,000 in all, {name}"),
            against: "–".to_owned(),
            expected: format!("p95 under {most} ms"),
            got: format!("p50 {:.1} ms, p95 {p95:.1} ms", times.median()),
            ratio: format!("{:.2} of {most} ms", p95 / most),
            met: met(setup.quick, p95 < most),
        });
    }
    report.add(beside(setup, &scene, &program, name).await?);
    drop(bot);
    database.remove().await
}

/// Numbers of the server's own follows, all over the table.
fn number(turn: usize) -> usize {
    3 + turn * 7_919 % (SOURCES * TARGETS)
}

async fn read(scene: &Scene, program: &Program, count: usize) -> Result<Sorted, Failure> {
    let mut times = Vec::new();
    for turn in 0..count {
        times.push(program.get(&format!("{}/{}", scene.path, number(turn))).await?);
    }
    Ok(Sorted::of(times))
}

async fn list(scene: &Scene, program: &Program, count: usize) -> Result<Sorted, Failure> {
    let mut times = Vec::new();
    for turn in 0..count {
        let filter = ["", "&state=broken", "&delivery=relay"][turn % 3];
        let page = 1 + turn * 31 % 100;
        times.push(program.get(&format!("{}?page={page}{filter}", scene.path)).await?);
    }
    Ok(Sorted::of(times))
}

async fn create(scene: &Scene, program: &Program, count: usize) -> Result<Sorted, Failure> {
    let mut times = Vec::new();
    for turn in 0..count {
        let (source, target) = (scene.new[turn % NEW].id(), scene.targets[turn / NEW].id());
        let body = json!({ "sourceChannelId": source.to_string(), "targetChannelId": target.to_string() });
        times.push(program.post(&scene.path, &body).await?);
        tokio::time::sleep(BREATH).await;
    }
    Ok(Sorted::of(times))
}

/// The 99th percentile of the time from a message to its mirror, in milliseconds.
async fn lag(scene: &Scene, messages: u64) -> Result<f64, Failure> {
    scene.stage.take();
    let mut posted = std::collections::HashMap::new();
    let mut clock = tokio::time::interval(PAUSE);
    for _ in 0..messages {
        clock.tick().await;
        let (number, at) = scene.stage.post(&scene.busy)?;
        posted.insert(number, at);
    }
    if !scene.stage.wait_for(messages * 2, PATIENCE).await {
        return Err(format!("only {} mirrors arrived", scene.stage.arrived()).into());
    }
    let arrivals = scene.stage.take();
    let lag = |arrival: &crate::discord::Arrival| {
        posted.get(&arrival.number).map(|at| milliseconds(arrival.at.duration_since(*at)))
    };
    Ok(Sorted::new(arrivals.iter().filter_map(lag).collect()).quantile(0.99))
}

/// 1,000 reads a second, while messages are mirrored.
async fn beside(setup: &Setup, scene: &Scene, program: &Program, name: &str) -> Result<Figure, Failure> {
    let messages = if setup.quick { 20 } else { 400 };
    let alone = lag(scene, messages).await?;
    let (done, began) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let readers: Vec<_> = (0..READERS)
        .map(|reader| {
            let (program, done) = (program.clone(), Arc::clone(&done));
            let path = scene.path.clone();
            tokio::spawn(async move {
                let mut turn = usize::from(reader);
                let mut clock = tokio::time::interval(Duration::from_secs(1) / (READS / u32::from(READERS)));
                clock.tick().await;
                while program.get(&format!("{path}/{}", number(turn))).await.is_ok() {
                    done.fetch_add(1, Ordering::Relaxed);
                    turn += usize::from(READERS);
                    clock.tick().await;
                }
            })
        })
        .collect();
    let beside = lag(scene, messages).await?;
    let rate = done.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64();
    readers.iter().for_each(tokio::task::JoinHandle::abort);
    Ok(Figure {
        what: format!("API: reads beside 20 messages/s to 2 targets, {name}"),
        against: format!("p99 lag without reads: {alone:.1} ms"),
        expected: "1,000 reads/s, and 2 ms added to the p99 lag".to_owned(),
        got: format!("{rate:.0} reads/s, p99 lag {beside:.1} ms"),
        ratio: format!("{:.2} of 1,000/s; {:+.1} ms", rate / f64::from(READS), beside - alone),
        met: met(setup.quick, rate >= 0.99 * f64::from(READS) && beside - alone <= 2.0),
    })
}
