//! The transaction in which somebody changes something.

use std::ops::Deref;

use sea_orm::{ConnectionTrait, DbErr};
use serde_json::{Value, json};

use crate::domain::audit::{AuditAction, AuditEntry, ChangeStamp, ChangedBy, Via, follow_entries};
use crate::domain::follow::Follow;
use crate::domain::ids::{GuildId, UserId};
use crate::store::db::connect::Write;
use crate::store::db::sql::{Kind, Sql, Table, stored};
use crate::store::{Store, StoreError};

/// How many records one statement adds.
const AT_ONCE: usize = 1_000;

/// A transaction that changes what the audit covers; rolled back when dropped.
pub(in crate::store) struct AuditedWrite {
    txn: Write,
    stamp: ChangeStamp,
}

impl Store {
    /// A transaction of somebody who changes something.
    pub(in crate::store) async fn audited_write(
        &self,
        stamp: ChangeStamp,
    ) -> Result<AuditedWrite, StoreError> {
        Ok(AuditedWrite { txn: self.write().await?, stamp })
    }
}

impl AuditedWrite {
    /// Commits it, with a record of what changed: one for each entry, none where nothing did.
    pub(in crate::store) async fn commit(
        self,
        changed: impl IntoIterator<Item = AuditEntry>,
    ) -> Result<(), StoreError> {
        let entries: Vec<AuditEntry> = changed.into_iter().collect();
        for entries in entries.chunks(AT_ONCE) {
            record(&*self.txn, self.stamp, entries).await?;
        }
        self.txn.commit().await
    }

    /// The same for a change of a follow, which is as given here.
    pub(in crate::store) async fn commit_follow(
        self,
        follow: Option<&Follow>,
        action: AuditAction,
        detail: &Value,
    ) -> Result<(), StoreError> {
        let by = self.stamp.by;
        self.commit(follow.into_iter().flat_map(|follow| follow_entries(by, follow, action, detail))).await
    }
}

impl Deref for AuditedWrite {
    type Target = Write;

    fn deref(&self) -> &Write {
        &self.txn
    }
}

async fn record(txn: &impl ConnectionTrait, stamp: ChangeStamp, entries: &[AuditEntry]) -> Result<(), DbErr> {
    let row = |entry: &AuditEntry| {
        let (actor, via, token) = match stamp.by.as_seen_in(entry.guild) {
            ChangedBy::System => (None, "system", None),
            ChangedBy::Oneself { user, via } | ChangedBy::Person { user, via, .. } => {
                (Some(user), via.as_str(), token(via))
            }
        };
        let (kind, subject) = entry.subject.parts();
        [
            json!(entry.guild.map(GuildId::to_db)),
            json!(actor.map(UserId::to_db)),
            json!(via),
            json!(token),
            json!(entry.action.as_str()),
            json!(kind),
            json!(subject),
            json!(entry.detail.to_string()),
        ]
    };
    let columns = [
        ("guild_id", Kind::Number),
        ("actor_id", Kind::Number),
        ("via", Kind::Text),
        ("token_id", Kind::Number),
        ("action", Kind::Text),
        ("subject_kind", Kind::Text),
        ("subject_id", Kind::Number),
        ("detail", Kind::Text),
    ];
    let table = Table::new(columns, entries.iter().map(row));
    let names = columns.map(|(name, _)| name).join(", ");
    let insert = format!("INSERT INTO audit (at, {names}) SELECT ");
    let insert = Sql::new(insert, []).bind(stored(stamp.at));
    insert.then(&format!(", {names} FROM ")).rows(table).execute(txn).await?;
    Ok(())
}

/// The token with which somebody acts.
const fn token(via: Via) -> Option<i64> {
    match via {
        Via::Api(token) => Some(token.0),
        Via::Command | Via::Web => None,
    }
}
