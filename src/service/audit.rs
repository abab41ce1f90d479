//! Who changed what in a server, for whoever manages it, as far as they may know it. Records name channels
//! and tags of follows that not everybody there can see: what the lists hide from a person, this hides, too.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::domain::account::ApiTokenId;
use crate::domain::audit::{AuditAction, AuditEntry, AuditRecord, AuditSubject, Via};
use crate::domain::ids::{ChannelId, UserId};
use crate::domain::paging::PageSize;
use crate::domain::permissions::Permissions;
use crate::domain::tags::Tag;
use crate::store::AuditFilter;

use super::access::{Access, ChannelSight};
use super::{Actor, FollowService, ServiceError};

/// The members of a record's detail that name channels.
const CHANNELS: [&str; 4] = ["source", "target", "channel", "notify"];

/// A recorded change, as far as the person who reads it may know it.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditedChange {
    /// Its number: a later one has a higher number.
    pub id: i64,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// Who made it; `None` for the system, and for a person who was forgotten.
    pub actor: Option<UserId>,
    /// In which way that person acted; `None` for the system.
    pub via: Option<Via>,
    /// The token, if it is one of the reader's own.
    pub token: Option<ApiTokenId>,
    /// What was done.
    pub action: AuditAction,
    /// What was changed; `None` for a channel that the reader can't see.
    pub subject: Option<AuditSubject>,
    /// A JSON object: from what to what. In place of what the reader may not know, there is null.
    pub detail: Value,
}

/// A page of a server's audit.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditPage {
    /// Newest first.
    pub changes: Vec<AuditedChange>,
    /// The number before which the next page begins; `None` on the last one.
    pub next: Option<i64>,
}

impl FollowService {
    /// What was changed in this server, newest first, from before the record of that number on. That takes
    /// Manage Server in the server as a whole.
    #[tracing::instrument(skip_all, fields(server = %actor.guild))]
    pub async fn audit(
        &self,
        actor: Actor,
        filter: AuditFilter,
        before: Option<i64>,
        size: PageSize,
    ) -> Result<AuditPage, ServiceError> {
        let rest = self.on_behalf_of(actor);
        let mut access = self.reading_access(&rest, actor).await?;
        access.require_in_server(actor, Permissions::MANAGE_GUILD).await?;
        let records = self.parts.store.audit_of(actor.guild, filter, before, size.get() + 1).await?;
        let (records, next) = cut_page(records, size);
        access
            .prefetch_known(actor.guild, records.iter().flat_map(|record| named(&record.entry)).collect())
            .await?;
        let mut changes = Vec::with_capacity(records.len());
        for record in records {
            changes.push(access.audited_change(actor, record).await?);
        }
        Ok(AuditPage { changes, next })
    }
}

impl Access<'_> {
    async fn audited_change(
        &mut self,
        actor: Actor,
        record: AuditRecord,
    ) -> Result<AuditedChange, ServiceError> {
        let AuditRecord { id, at, actor: person, via, entry } = record;
        let subject = match entry.subject {
            AuditSubject::Channel(channel) if !self.may_know(actor, channel).await? => None,
            subject => Some(subject),
        };
        let token = match via {
            Some(Via::Api(token)) if person == Some(actor.user) => Some(token),
            _ => None,
        };
        let detail = self.known_detail(actor, entry.detail).await?;
        Ok(AuditedChange { id, at, actor: person, via, token, action: entry.action, subject, detail })
    }

    /// A record's detail without what the person may not know.
    async fn known_detail(&mut self, actor: Actor, mut detail: Value) -> Result<Value, ServiceError> {
        let Some(members) = detail.as_object_mut() else { return Ok(detail) };
        let source = members.get("source").and_then(channel);
        let sight = match source {
            Some(source) => Some(self.look(actor, source).await?),
            None => None,
        };
        for name in CHANNELS {
            for value in members.get_mut(name).into_iter().flat_map(leaves) {
                let Some(named) = channel(value) else { continue };
                if !self.may_know(actor, named).await? {
                    *value = Value::Null;
                }
            }
        }
        if let Some(server) = members.get_mut("server")
            && matches!(sight, Some(ChannelSight::Hidden))
        {
            *server = Value::Null;
        }
        let Some(tags) = members.get_mut("tags") else { return Ok(detail) };
        // What a follow filters by reveals what is posted in its source.
        match sight.and_then(ChannelSight::visible) {
            Some(place) => {
                let forum = self.forum_of(&place.channel).await?;
                for value in leaves(tags) {
                    let Tag::Forum { id, .. } = Tag::from_key(value.as_str().unwrap_or_default(), None)
                    else {
                        continue;
                    };
                    let offered = forum.iter().flat_map(|forum| &forum.available_tags);
                    let name = offered.filter(|tag| tag.id == id).map(|tag| tag.name.as_str().into()).next();
                    *value = name.unwrap_or(Value::Null);
                }
            }
            None => *tags = Value::Null,
        }
        Ok(detail)
    }

    /// Whether lists would tell this person which channel it is: they see it, or it was deleted.
    async fn may_know(&mut self, actor: Actor, channel: ChannelId) -> Result<bool, ServiceError> {
        Ok(!matches!(self.look(actor, channel).await?, ChannelSight::Hidden))
    }
}

/// The records of a page, of which one more was asked for, and the number before which the next one begins.
pub(super) fn cut_page(mut records: Vec<AuditRecord>, size: PageSize) -> (Vec<AuditRecord>, Option<i64>) {
    let shown = usize::from(u8::try_from(size.get()).unwrap_or(u8::MAX));
    let has_more = records.len() > shown;
    records.truncate(shown);
    let next = records.last().filter(|_| has_more).map(|last| last.id);
    (records, next)
}

/// The channels that a record names.
fn named(entry: &AuditEntry) -> BTreeSet<ChannelId> {
    let mut detail = entry.detail.clone();
    let members = CHANNELS.into_iter().filter_map(|name| Some(detail.get_mut(name)?.take()));
    let subject = match entry.subject {
        AuditSubject::Channel(channel) => Some(channel),
        AuditSubject::Follow(_)
        | AuditSubject::Panel(_)
        | AuditSubject::Server(_)
        | AuditSubject::Session(_)
        | AuditSubject::Token(_)
        | AuditSubject::Collection(_)
        | AuditSubject::FeedLink(_) => None,
    };
    let texts = |mut value: Value| {
        leaves(&mut value).into_iter().filter_map(|leaf| channel(leaf)).collect::<Vec<_>>()
    };
    members.flat_map(texts).chain(subject).collect()
}

/// The channel that a member's value stands for.
fn channel(value: &Value) -> Option<ChannelId> {
    value.as_str()?.parse().ok()
}

/// A value that isn't a list, or those in a list and its lists: a change is written as `[before, now]`.
fn leaves(value: &mut Value) -> Vec<&mut Value> {
    match value {
        Value::Array(values) => values.iter_mut().flat_map(leaves).collect(),
        value => vec![value],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::follow::FollowId;

    #[test]
    fn all_channels_of_a_record_are_found() {
        let channels = |subject, detail| {
            let action = AuditAction::FollowChanged;
            let named = named(&AuditEntry { guild: None, action, subject, detail });
            named.into_iter().map(|channel| channel.get()).collect::<Vec<_>>()
        };
        let follow = AuditSubject::Follow(FollowId(7));
        assert_eq!(
            channels(follow, json!({ "source": "1", "target": "2", "server": "3", "tags": ["4"] })),
            [1, 2]
        );
        assert_eq!(channels(follow, json!({ "notify": [null, "5"], "follows": 6 })), [5]);
        let channel = AuditSubject::Channel(ChannelId::new(9).unwrap());
        assert_eq!(channels(channel, json!({ "channel": ["1", "2"] })), [1, 2, 9]);
        assert_eq!(channels(channel, json!({})), [9]);
    }
}
