//! What the audit says about panels. What is written in one is not part of it.

use sea_orm::{ConnectionTrait, FromQueryResult};
use serde_json::{Value, json};

use super::panels::{PanelChange, seconds};
use crate::domain::audit::{AuditAction, AuditEntry, AuditSubject};
use crate::domain::ids::GuildId;
use crate::domain::panel::{Panel, PanelId};
use crate::store::StoreError;
use crate::store::db::sql::Sql;

#[derive(FromQueryResult)]
struct ChangedPanelRow {
    id: i64,
    guild_id: i64,
}

/// An entry about this panel.
pub(super) fn entry(panel: &Panel, action: AuditAction, detail: Value) -> AuditEntry {
    AuditEntry { guild: Some(panel.guild), action, subject: AuditSubject::Panel(panel.id), detail }
}

/// Runs a statement that returns `id` and `guild_id` of the panels that it changed, and the entries about
/// them.
pub(in crate::store) async fn change(
    txn: &impl ConnectionTrait,
    statement: Sql,
    action: AuditAction,
) -> Result<Vec<AuditEntry>, StoreError> {
    let rows: Vec<ChangedPanelRow> = statement.rows_of(txn).await?;
    let entry = |row: ChangedPanelRow| {
        let (guild, subject) = (GuildId::from_db(row.guild_id)?, AuditSubject::Panel(PanelId(row.id)));
        Ok(AuditEntry { guild: Some(guild), action, subject, detail: json!({}) })
    };
    rows.into_iter().map(entry).collect()
}

impl PanelChange {
    /// The entry about this change of a panel, unless it stays as it is: what changes, and from which
    /// interval to which, in seconds.
    pub(super) fn entry(&self, panel: &Panel) -> Option<AuditEntry> {
        let parts = [
            ("title", self.title != panel.title),
            ("config", self.config != panel.config),
            ("refresh", self.refresh != panel.refresh),
        ];
        let changed: Vec<&str> =
            parts.iter().filter(|(_, changes)| *changes).map(|(name, _)| *name).collect();
        let mut detail = json!({ "changed": changed });
        if self.refresh != panel.refresh {
            detail["refresh"] = json!([seconds(panel.refresh), seconds(self.refresh)]);
        }
        (!changed.is_empty()).then(|| entry(panel, AuditAction::PanelChanged, detail))
    }
}
