//! Records the messages that lanes have created.

use std::collections::HashMap;

use sea_orm::DbErr;
use serde_json::Value;

use super::retractions::RETRACTED;
use crate::domain::activity::{DeliveryId, Mirror};
use crate::store::db::connect::Write;
use crate::store::db::sql::{Kind, Sql, Table};

/// Why a message isn't recorded as a mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unrecorded {
    /// Another message already shows the same part.
    Doubled,
    /// The process that created it retracts it.
    Retracted,
}

/// Recording the same message again changes nothing. Returns the deliveries whose message can't be recorded.
pub(super) async fn insert_mirrors(
    txn: &Write,
    created: &[(DeliveryId, &Mirror)],
) -> Result<HashMap<DeliveryId, Unrecorded>, DbErr> {
    if created.is_empty() {
        return Ok(HashMap::new());
    }
    let [message, channel, webhook, delivery, part, revision, files] =
        ["message", "channel", "webhook", "delivery", "part", "revision", "files"]
            .map(|name| (name, Kind::Number));
    let columns = [message, channel, webhook, delivery, part, revision, files, ("file_ids", Kind::Text)];
    let rows = || {
        created.iter().map(|(delivery, mirror)| {
            [
                mirror.message.to_db().into(),
                mirror.channel.to_db().into(),
                mirror.webhook.to_db().into(),
                delivery.0.into(),
                mirror.part.0.into(),
                mirror.revision.0.into(),
                mirror.files.len().into(),
                file_ids(&mirror.files),
            ]
        })
    };
    let insert = "INSERT INTO mirrors (message_id, channel_id, webhook_id, delivery_id, part, revision, files, file_ids) \
        SELECT t.message, t.channel, t.webhook, t.delivery, t.part, t.revision, t.files, t.file_ids FROM ";
    let insert = Sql::new(insert, []).table(&**txn, Table::new(columns, rows()));
    let insert = insert.then(&format!(" WHERE NOT {RETRACTED} ON CONFLICT DO NOTHING"));
    let inserted = insert.execute(&**txn).await?;
    if usize::try_from(inserted) == Ok(created.len()) {
        return Ok(HashMap::new());
    }
    let query = Sql::new(format!("SELECT t.delivery, {RETRACTED} AS retracted FROM "), []);
    let query = query.table(&**txn, Table::new(columns, rows())).then(
        " WHERE NOT EXISTS (SELECT 1 FROM mirrors m \
         WHERE m.message_id = t.message AND m.delivery_id = t.delivery AND m.part = t.part)",
    );
    let mut refused = HashMap::new();
    for (delivery, row) in query.keyed_rows(&**txn).await? {
        let why = if row.try_get_by_index(1)? { Unrecorded::Retracted } else { Unrecorded::Doubled };
        refused.insert(DeliveryId(delivery), why);
    }
    Ok(refused)
}

/// The ids of files, as they are stored; null if there are none.
pub(super) fn file_ids(files: &[u64]) -> Value {
    let ids: Vec<String> = files.iter().map(u64::to_string).collect();
    if ids.is_empty() { Value::Null } else { ids.join(",").into() }
}
