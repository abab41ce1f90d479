//! Fills a database with follows, as many commands would have.

use std::fmt::Write;

use sea_orm::ConnectionTrait;
use tributary::domain::audit::ChangedBy;
use tributary::domain::follow::{Audience, PublicationChange};
use tributary::domain::ids::{ChannelId, GuildId, WebhookId};
use tributary::store::Store;
use tributary_sandbox::Channel;
use tributary_sandbox::{ChannelId as SandboxChannel, GuildId as SandboxGuild};

use crate::Failure;
use crate::database::{Database, cipher};
use crate::discord::{Stage, Target};

/// How many rows one statement has.
const ROWS: usize = 500;
const TIME: &str = "'2026-01-01 00:00:00+00:00'";

/// Creates the tables, and a relay follow of the source for each target.
pub(crate) async fn fill(
    database: &Database,
    stage: &Stage,
    source: &Channel,
    targets: &[Target],
) -> Result<(), Failure> {
    let cipher = cipher()?;
    let store = Store::connect(&database.url().to_owned().into(), cipher.clone()).await?;
    store.migrate_up().await?;
    store.check_key().await?;
    // The targets are in other servers, and nothing is mirrored there that isn't opened to them.
    let (home, opened) = (GuildId::new(stage.guild.id().0)?, ChannelId::new(source.id().0)?);
    let open = PublicationChange { audience: Some(Audience::Servers), ..PublicationChange::default() };
    store.set_publication(opened, home, open, ChangedBy::System.at(chrono::DateTime::UNIX_EPOCH)).await?;
    store.close().await?;
    let connection = database.connect().await?;
    let (open, close) = if database.is_postgres() { ("'\\x", "'::bytea") } else { ("x'", "'") };
    let (source, home) = (source.id(), stage.guild.id());
    for some in targets.chunks(ROWS) {
        let (mut follows, mut lanes) = (String::new(), String::new());
        for Target { hook, guild } in some {
            let token = hook.token.clone().unwrap_or_default().into();
            let sealed = cipher.seal_token(WebhookId::new(hook.id.0)?, &token);
            let sealed: String = sealed.iter().map(|byte| format!("{byte:02x}")).collect();
            let (target, comma) = (hook.channel, if follows.is_empty() { "" } else { "," });
            write!(
                follows,
                "{comma}({source},{target},{guild},{home},'relay',{},{open}{sealed}{close},'all',FALSE,TRUE,9,{TIME},{TIME},'none')",
                hook.id
            )?;
            write!(lanes, "{comma}({target})")?;
        }
        let columns = "source_channel_id, target_channel_id, guild_id, source_guild_id, delivery, webhook_id, webhook_token, mode, panels, \
            is_active, created_by, created_at, updated_at, threads";
        connection
            .execute_unprepared(&format!("INSERT INTO channel_follows ({columns}) VALUES {follows}"))
            .await?;
        connection
            .execute_unprepared(&format!("INSERT INTO lanes (target_channel_id) VALUES {lanes}"))
            .await?;
    }
    // SQLite has no statistics about its tables, because the bot never asks it to collect any.
    if database.is_postgres() {
        connection.execute_unprepared("VACUUM ANALYZE").await?;
    }
    Ok(connection.close().await?)
}

/// A paused relay follow of each of these sources into each of these targets, all in one server. As it is
/// paused, nobody looks whether its webhook exists.
pub(crate) async fn fill_square(
    database: &Database,
    guild: SandboxGuild,
    sources: &[SandboxChannel],
    targets: &[SandboxChannel],
) -> Result<(), Failure> {
    let connection = database.connect().await?;
    let (open, close) = if database.is_postgres() { ("'\\x", "'::bytea") } else { ("x'", "'") };
    let cipher = cipher()?;
    let sealed = |target: &SandboxChannel| -> Result<String, Failure> {
        let sealed = cipher.seal_token(WebhookId::new(target.0)?, &"none".to_owned().into());
        Ok(sealed.iter().map(|byte| format!("{byte:02x}")).collect())
    };
    let targets: Vec<(&SandboxChannel, String)> =
        targets.iter().map(|target| Ok((target, sealed(target)?))).collect::<Result<_, Failure>>()?;
    let pairs: Vec<_> =
        sources.iter().flat_map(|source| targets.iter().map(move |target| (source, target))).collect();
    for some in pairs.chunks(ROWS) {
        let row = |(source, (target, token)): &(&SandboxChannel, &(&SandboxChannel, String))| {
            format!(
                "({source},{target},{guild},{guild},'relay',{target},{open}{token}{close},'all',FALSE,FALSE,9,{TIME},{TIME},'none')"
            )
        };
        let rows: Vec<String> = some.iter().map(row).collect();
        let columns = "source_channel_id, target_channel_id, guild_id, source_guild_id, delivery, webhook_id, webhook_token, mode, panels, \
            is_active, created_by, created_at, updated_at, threads";
        let insert = format!("INSERT INTO channel_follows ({columns}) VALUES {}", rows.join(","));
        connection.execute_unprepared(&insert).await?;
    }
    let lanes: Vec<String> = targets.iter().map(|(target, _)| format!("({target})")).collect();
    let insert = format!("INSERT INTO lanes (target_channel_id) VALUES {}", lanes.join(","));
    connection.execute_unprepared(&insert).await?;
    if database.is_postgres() {
        connection.execute_unprepared("ANALYZE").await?;
    }
    Ok(connection.close().await?)
}
