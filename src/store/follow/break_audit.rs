//! What the audit says about follows that break at once.

use std::collections::HashMap;

use sea_orm::ConnectionTrait;
use serde_json::json;

use super::break_which::BreakWhich;
use super::row::{STATE_WORD, read_state};
use crate::domain::audit::{AuditAction, AuditEntry, AuditSubject, ChangedBy, follow_entries};
use crate::domain::follow::{BrokenReason, Follow, FollowState};
use crate::store::StoreError;
use crate::store::db::sql::Sql;

/// How follows were before they broke, and why they do.
pub(super) struct BreakAudit {
    which: BreakWhich,
    reason: BrokenReason,
    /// The states of those that may not have been active.
    before: HashMap<i64, FollowState>,
}

impl BreakAudit {
    /// Reads how these follows are. Their locks must be held.
    pub(super) async fn read(
        txn: &impl ConnectionTrait,
        which: BreakWhich,
        reason: BrokenReason,
        follows: impl Iterator<Item = i64>,
    ) -> Result<Self, StoreError> {
        let mut before = HashMap::new();
        // Only a decision of the followed side reaches follows that aren't active.
        if reason.is_refusal() {
            let query = format!(
                "SELECT f.id, {STATE_WORD} FROM channel_follows f WHERE NOT f.is_active AND f.id IN "
            );
            for (id, row) in Sql::new(query, []).list(follows).keyed_rows(txn).await? {
                let word: String = row.try_get_by_index(1)?;
                before.insert(id, read_state(&word)?);
            }
        }
        Ok(Self { which, reason, before })
    }

    /// A record for each follow in the audit of its target's server. If somebody of the followed side ended
    /// many at once, their own server's audit has one for all of them.
    pub(super) fn entries(&self, by: ChangedBy, broken: &[Follow]) -> Vec<AuditEntry> {
        let reason = self.reason.as_str();
        let for_all = self.subject_of_many().zip(by.guild());
        let each = if for_all.is_some() { ChangedBy::System } else { by };
        let mut entries: Vec<AuditEntry> = broken
            .iter()
            .flat_map(|follow| {
                let from = self.before.get(&follow.id.0).copied().unwrap_or(FollowState::Active);
                let detail = json!({ "from": from.as_str(), "reason": reason });
                follow_entries(each, follow, AuditAction::FollowBroken, &detail)
            })
            .collect();
        if let Some((subject, guild)) = for_all.filter(|_| !broken.is_empty()) {
            let detail = json!({ "reason": reason, "follows": broken.len() });
            let (guild, action) = (Some(guild), AuditAction::FollowersEnded);
            entries.push(AuditEntry { guild, action, subject, detail });
        }
        entries
    }

    /// What is named where follows end that aren't named one by one.
    const fn subject_of_many(&self) -> Option<AuditSubject> {
        match self.which {
            BreakWhich::CrossServerOf(channel) => Some(AuditSubject::Channel(channel)),
            BreakWhich::OfServer(_, server) => Some(AuditSubject::Server(server)),
            _ => None,
        }
    }
}
