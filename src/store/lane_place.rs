//! What is known of the place where a delivery is to be shown.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use super::connect::Write;
use super::lane_pick::Candidate;
use super::lane_work::Surroundings;
use super::sql::Sql;
use super::{Cipher, StoreError};
use crate::domain::activity::{Origin, Showing};
use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::domain::message::Content;

#[derive(FromQueryResult)]
struct EndsRow {
    source_guild_id: i64,
    guild_id: i64,
    is_active: bool,
    broken_reason: Option<String>,
    updated_at: DateTime<Utc>,
}

/// What a delivery needs to know of its follow.
struct Ends {
    /// The source's server and the target's.
    servers: (GuildId, GuildId),
    paused_since: Option<DateTime<Utc>>,
}

#[derive(FromQueryResult)]
struct Standing {
    channel_id: i64,
    message_id: i64,
}

#[derive(FromQueryResult)]
struct Above {
    origin: String,
    author_id: Option<i64>,
    content: Option<Vec<u8>>,
}

/// Reads it. What a deletion needs is nothing.
pub(super) async fn surroundings(
    txn: &Write,
    cipher: &Cipher,
    target: ChannelId,
    row: &Candidate,
    content: Option<&Showing>,
) -> Result<Surroundings, StoreError> {
    let Some(content) = content else { return Ok(Surroundings::default()) };
    let follow = match row.follow_id {
        Some(follow) => ends(txn, follow).await?,
        None => None,
    };
    let (servers, paused_since) = follow.map_or((None, None), |ends| (Some(ends.servers), ends.paused_since));
    let Some(content) = content.as_message() else {
        return Ok(Surroundings { servers, paused_since, ..Surroundings::default() });
    };
    let answered = match &content.reply {
        Some(reply) => {
            let origin = Origin::Message { channel: reply.channel, message: reply.message };
            standing(txn, target, origin).await?
        }
        None => None,
    };
    // A name is given with the creation only.
    let namesake = row.shown_revision.is_none() && namesake(txn, cipher, target, row, content).await?;
    Ok(Surroundings { servers, answered, namesake, paused_since })
}

async fn ends(txn: &Write, follow: i64) -> Result<Option<Ends>, StoreError> {
    let query = "SELECT source_guild_id, guild_id, is_active, broken_reason, updated_at FROM channel_follows WHERE id = $1";
    let row = Sql::new(query, [follow.into()]).rows_of::<EndsRow>(&**txn).await?.pop();
    let ends = |row: EndsRow| {
        let servers = (GuildId::from_db(row.source_guild_id)?, GuildId::from_db(row.guild_id)?);
        let paused = !row.is_active && row.broken_reason.is_none();
        Ok(Ends { servers, paused_since: paused.then_some(row.updated_at) })
    };
    row.map(ends).transpose()
}

/// The first part of what shows this origin in the target.
async fn standing(
    txn: &Write,
    target: ChannelId,
    origin: Origin,
) -> Result<Option<(ChannelId, MessageId)>, StoreError> {
    let query = "SELECT m.channel_id, m.message_id FROM activities a \
        JOIN deliveries d ON d.activity_id = a.id JOIN mirrors m ON m.delivery_id = d.id \
        WHERE a.origin = $1 AND d.target_channel_id = $2 ORDER BY m.part LIMIT 1";
    let values = [origin.to_string().into(), target.to_db().into()];
    let row = Sql::new(query, values).rows_of::<Standing>(&**txn).await?.pop();
    let ids = |row: Standing| Ok((ChannelId::from_db(row.channel_id)?, MessageId::from_db(row.message_id)?));
    row.map(ids).transpose()
}

/// Whether the mirror above is by another author with the same name. Asked of the database, so that a create that was in doubt is recognised by
/// the name that it was given.
async fn namesake(
    txn: &Write,
    cipher: &Cipher,
    target: ChannelId,
    row: &Candidate,
    content: &Content,
) -> Result<bool, StoreError> {
    let query = "SELECT a.origin, a.author_id, a.content FROM mirrors m \
        JOIN deliveries d ON d.id = m.delivery_id JOIN activities a ON a.id = d.activity_id \
        WHERE m.channel_id = $1 AND m.delivery_id <> $2 ORDER BY m.message_id DESC LIMIT 1";
    let values = [target.to_db().into(), row.id.into()];
    let Some(above) = Sql::new(query, values).rows_of::<Above>(&**txn).await?.pop() else { return Ok(false) };
    let (Some(sealed), false) = (above.content, above.author_id == row.author_id) else { return Ok(false) };
    let origin: Origin = above.origin.parse().map_err(|_| StoreError::Unreadable("origin"))?;
    Ok(cipher.open_content(origin, &sealed)?.author() == content.author)
}
