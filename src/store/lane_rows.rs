//! The rows of lanes, many at a time: read behind their gates, taken, and written.
//!
//! Lanes that are held are locked first, in ascending order, as all gates are. Those that are to be taken are then locked only where nobody else has them locked: nothing
//! is waited for any more, so that two processes which hear of the same work don't hold each other up.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{DbErr, FromQueryResult};

use super::connect::Write;
use super::sql::{Kind, Sql, Table, cell, stored};
use super::webhooks::{self, SealedWebhook};
use super::{Done, LaneWebhook, Lease, Store, StoreError, gates};
use crate::domain::activity::{DeliveryId, InFlight, Part, Revision};
use crate::domain::ids::{ChannelId, GuildId, MessageId, WebhookId};
use crate::domain::place::Spot;

/// The changeable part of a lane's row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lane {
    pub(super) mark: Option<InFlight>,
    /// Before this time the create in flight may still be performed: it can't be settled yet.
    pub(super) settle_at: Option<DateTime<Utc>>,
    pub(super) wait_until: Option<DateTime<Utc>>,
    /// The newest message that was made, wherever it stands.
    pub(super) newest: Option<MessageId>,
    /// When its holder's lease ends.
    pub(super) lease_until: Option<DateTime<Utc>>,
}

impl Lane {
    /// Notes what was done in the lane, as far as it is about the lane itself.
    pub(super) fn note(&mut self, done: &Done) {
        if let Done::InDoubt { in_flight, settle_at } = done
            && self.mark == Some(*in_flight)
        {
            self.settle_at = Some(stored(*settle_at));
        }
        if let Done::Created { mirror, .. } = done {
            self.newest = self.newest.max(Some(mirror.message));
        }
        self.mark.take_if(|mark| done.answers(*mark));
        self.settle_at = self.settle_at.filter(|_| self.mark.is_some());
    }
}

/// What became of a lane that was to be taken.
pub(super) enum Taken {
    /// It is held now.
    Held { lease: Box<Lease>, lane: Box<Lane>, webhook: Result<Option<LaneWebhook>, StoreError> },
    /// There is nothing to do in it.
    Idle,
    /// Another process holds it.
    Elsewhere,
    /// It is free, but somebody's transaction is writing to it.
    Locked,
    /// Its row was missing, and is there now: it can be had.
    Made,
}

#[derive(FromQueryResult)]
struct Row {
    target_channel_id: i64,
    epoch: i64,
    lease_until: Option<DateTime<Utc>>,
    wait_until: Option<DateTime<Utc>>,
    in_flight_delivery_id: Option<i64>,
    in_flight_part: Option<i32>,
    in_flight_revision: Option<i32>,
    in_flight_after_id: Option<i64>,
    in_flight_webhook_id: Option<i64>,
    settle_at: Option<DateTime<Utc>>,
    newest_id: Option<i64>,
    parent_id: Option<i64>,
    forum: bool,
    webhook_id: Option<i64>,
    webhook_token: Option<Vec<u8>>,
    /// The target's server; read where the lane is taken.
    guild_id: Option<i64>,
}

const COLUMNS: &str = "target_channel_id, epoch, lease_until, wait_until, in_flight_delivery_id, in_flight_part, \
    in_flight_revision, in_flight_after_id, in_flight_webhook_id, settle_at, newest_id, parent_id, forum, webhook_id, webhook_token";

/// Whether a lane has work, or a webhook that may not be needed any more.
const WANTED: &str = "(l.in_flight_delivery_id IS NOT NULL OR l.webhook_id IS NOT NULL OR EXISTS (\
    SELECT 1 FROM deliveries d WHERE d.target_channel_id = l.target_channel_id AND d.state = 'due'))";

/// The server of this target, as far as a follow into it tells, or one that was removed and has left something to do.
pub(super) fn server_of(target: &str) -> String {
    format!(
        "COALESCE((SELECT MIN(f.guild_id) FROM channel_follows f WHERE f.target_channel_id = {target}), \
         (SELECT d.former_guild_id FROM deliveries d WHERE d.target_channel_id = {target} AND d.state = 'due' \
         AND d.former_guild_id IS NOT NULL LIMIT 1))"
    )
}

/// Whether the bot has left this target's server: nothing is asked there, and what is owed waits until it is back or the server is forgotten.
pub(super) fn is_left(target: &str) -> String {
    format!("EXISTS (SELECT 1 FROM left_guilds g WHERE g.guild_id = {})", server_of(target))
}

impl Row {
    fn lane(&self) -> Result<Lane, StoreError> {
        let part = self.in_flight_part.zip(self.in_flight_revision).zip(self.in_flight_after_id);
        let mark = match (self.in_flight_delivery_id, part) {
            (Some(delivery), Some(((part, revision), after))) => Some(InFlight {
                delivery: DeliveryId(delivery),
                part: Part(part),
                revision: Revision(revision),
                after: MessageId::from_db(after)?,
                webhook: self.in_flight_webhook_id.map(WebhookId::from_db).transpose()?,
            }),
            _ => None,
        };
        Ok(Lane {
            mark,
            settle_at: self.settle_at,
            wait_until: self.wait_until,
            newest: self.newest_id.map(MessageId::from_db).transpose()?,
            lease_until: self.lease_until,
        })
    }

    fn lease(&self, owner: &str, until: DateTime<Utc>) -> Result<Lease, StoreError> {
        let target = ChannelId::from_db(self.target_channel_id)?;
        let spot = Spot::from_parts(self.parent_id.map(ChannelId::from_db).transpose()?, self.forum);
        let server = self.guild_id.map(GuildId::from_db).transpose()?;
        Ok(Lease { target, spot, server, owner: owner.to_owned(), epoch: self.epoch, until })
    }
}

/// Takes the gates of lanes and reads their rows, as far as they are still these leases'.
pub(super) async fn held(
    txn: &Write,
    leases: &[&Lease],
) -> Result<HashMap<ChannelId, Result<Lane, StoreError>>, StoreError> {
    if leases.is_empty() {
        return Ok(HashMap::new());
    }
    let columns = [("target", Kind::Number), ("owner", Kind::Text), ("number", Kind::Number)];
    let rows = leases
        .iter()
        .map(|lease| [lease.target.to_db().into(), lease.owner.as_str().into(), lease.epoch.into()]);
    let lock = if gates::are_locks(&**txn) { " ORDER BY target_channel_id FOR UPDATE OF l" } else { "" };
    let query = Sql::new(format!("SELECT {COLUMNS}, CAST(NULL AS BIGINT) AS guild_id FROM "), [])
        .table(&**txn, Table::new(columns, rows))
        .then(" CROSS JOIN lanes l WHERE target_channel_id = t.target AND lease_owner = t.owner AND epoch = t.number")
        .then(lock);
    let rows: Vec<Row> = query.rows_of(&**txn).await?;
    rows.into_iter().map(|row| Ok((ChannelId::from_db(row.target_channel_id)?, row.lane()))).collect()
}

impl Store {
    /// Takes lanes that have work and that nobody holds, or whose holder's lease has ended.
    ///
    /// What this owner itself holds is taken too: a process works on a lane at most once at a time, so that is a hold whose end the database didn't learn of.
    pub(super) async fn take(
        &self,
        txn: &Write,
        targets: &[ChannelId],
        owner: &str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<HashMap<ChannelId, Result<Taken, StoreError>>, StoreError> {
        if targets.is_empty() {
            return Ok(HashMap::new());
        }
        let table = || Table::numbers("target", targets.iter().map(|target| target.to_db()));
        let locks = gates::are_locks(&**txn);
        let lock = if locks { " ORDER BY l.target_channel_id FOR UPDATE OF l SKIP LOCKED" } else { "" };
        let values = [owner.into(), stored(until).into(), stored(now).into()];
        let take = "UPDATE lanes SET lease_owner = $1, lease_until = $2, epoch = epoch + 1 \
            WHERE target_channel_id IN (SELECT l.target_channel_id FROM ";
        let (left, server) = (is_left("t.target"), server_of("lanes.target_channel_id"));
        let which = format!(
            " CROSS JOIN lanes l WHERE l.target_channel_id = t.target \
             AND (l.lease_until IS NULL OR l.lease_until <= $3 OR l.lease_owner = $1) AND {WANTED} AND NOT {left}{lock}) RETURNING {COLUMNS}, {server} AS guild_id"
        );
        let rows: Vec<Row> =
            Sql::new(take, values).table(&**txn, table()).then(&which).rows_of(&**txn).await?;
        let mut taken = HashMap::new();
        let missed = if rows.len() < targets.len() { missed(txn, table(), now).await? } else { Vec::new() };
        for (target, what) in missed {
            taken.insert(ChannelId::from_db(target)?, Ok(what));
        }
        let through = webhooks::into(&**txn, rows.iter().map(|row| row.target_channel_id)).await?;
        for mut row in rows {
            let beside = row.webhook_id.zip(row.webhook_token.take());
            let beside = beside.map(|(id, token)| SealedWebhook { id, token });
            let webhook = self.open_lane_webhook(through.get(&row.target_channel_id), beside);
            let held = (|| {
                let (lease, lane) = (Box::new(row.lease(owner, stored(until))?), Box::new(row.lane()?));
                Ok(Taken::Held { lease, lane, webhook })
            })();
            taken.insert(ChannelId::from_db(row.target_channel_id)?, held);
        }
        Ok(taken)
    }
}

#[derive(FromQueryResult)]
struct Missed {
    target: i64,
    missing: bool,
    lease_until: Option<DateTime<Utc>>,
}

/// What is the matter with those of these lanes that have work: of those that were taken just now the same is said as of those of others. A lane whose row was removed gets it
/// again.
async fn missed(txn: &Write, targets: Table<1>, now: DateTime<Utc>) -> Result<Vec<(i64, Taken)>, DbErr> {
    let query =
        Sql::new("SELECT t.target, (l.target_channel_id IS NULL) AS missing, l.lease_until FROM ", []);
    let left = is_left("t.target");
    let query = query.table(&**txn, targets).then(&format!(
        " LEFT JOIN lanes l ON l.target_channel_id = t.target WHERE NOT {left} AND (l.in_flight_delivery_id IS NOT NULL \
         OR EXISTS (SELECT 1 FROM deliveries d WHERE d.target_channel_id = t.target AND d.state = 'due'))"
    ));
    let rows: Vec<Missed> = query.rows_of(&**txn).await?;
    let missing: Vec<i64> = rows.iter().filter(|row| row.missing).map(|row| row.target).collect();
    if !missing.is_empty() {
        let insert = Sql::new("INSERT INTO lanes (target_channel_id) SELECT t.target FROM ", []);
        let insert = insert.table(&**txn, Table::numbers("target", missing));
        insert.then(" WHERE TRUE ORDER BY 1 ON CONFLICT DO NOTHING").execute(&**txn).await?;
    }
    let what = |row: &Missed| match row.lease_until {
        Some(until) if until > now => Taken::Elsewhere,
        _ if row.missing => Taken::Made,
        _ => Taken::Locked,
    };
    Ok(rows.iter().map(|row| (row.target, what(row))).collect())
}

/// Writes down how these lanes are now; those without a time for the lease's end are given back.
pub(super) async fn write(txn: &Write, lanes: impl Iterator<Item = (ChannelId, Lane)>) -> Result<(), DbErr> {
    let number = |name| (name, Kind::Number);
    let time = |name| (name, Kind::Time);
    let columns = [
        number("target"),
        time("wait"),
        number("delivery"),
        number("part"),
        number("revision"),
        number("after"),
        number("through"),
        time("settle"),
        number("newest"),
        time("lease"),
    ];
    let rows = lanes.map(|(target, lane)| {
        let mark = lane.mark;
        [
            target.to_db().into(),
            lane.wait_until.map(cell).into(),
            mark.map(|mark| mark.delivery.0).into(),
            mark.map(|mark| mark.part.0).into(),
            mark.map(|mark| mark.revision.0).into(),
            mark.map(|mark| mark.after.to_db()).into(),
            mark.and_then(|mark| mark.webhook).map(WebhookId::to_db).into(),
            lane.settle_at.map(cell).into(),
            lane.newest.map(MessageId::to_db).into(),
            lane.lease_until.map(cell).into(),
        ]
    });
    let rows = Table::new(columns, rows);
    if rows.is_empty() {
        return Ok(());
    }
    let update = "UPDATE lanes SET wait_until = t.wait, in_flight_delivery_id = t.delivery, in_flight_part = t.part, \
        in_flight_revision = t.revision, in_flight_after_id = t.after, in_flight_webhook_id = t.through, settle_at = t.settle, newest_id = t.newest, \
        lease_until = t.lease, lease_owner = CASE WHEN t.lease IS NULL THEN NULL ELSE lease_owner END FROM ";
    let update = Sql::new(update, []).table(&**txn, rows).then(" WHERE target_channel_id = t.target");
    update.execute(&**txn).await?;
    Ok(())
}
