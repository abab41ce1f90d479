//! What a new follow is to show of the time before it.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::Value;

use super::connect::Write;
use super::deliveries::WAKE;
use super::event_effects::insert_deliveries;
use super::sql::{Sql, channel_ids, stored};
use super::{SourceEvent, Store, StoreError, activities, gates, matching};
use crate::domain::activity::Origin;
use crate::domain::follow::Follow;
use crate::domain::ids::{ChannelId, UserId};

impl Store {
    /// Owes these posts of its source to this follow alone, as far as it lets them through. What is known of them already stays as it is. One that the gateway's
    /// event will only tell of later is owed to all followers, as that then finds it known. Says how many are owed to this follow now.
    pub async fn backfill(
        &self,
        follow: &Follow,
        posts: &[SourceEvent],
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        if posts.is_empty() {
            return Ok(0);
        }
        let txn = self.write().await?;
        gates::sources(&*txn, [follow.pair.source]).await?;
        let unread = unread(&txn, posts).await?;
        let mut targets = vec![follow.pair.target];
        if !unread.is_empty() {
            targets.extend(followers(&txn, posts).await?);
        }
        gates::lanes(&*txn, targets).await?;
        let mut new = Vec::new();
        for post in posts {
            let SourceEvent::Posted { origin, source, author, content } = post else { continue };
            // While nobody needed it, only that it was there was kept.
            let insert = "INSERT INTO activities \
                (origin, kind, source_channel_id, source_message_id, author_id, content, created_at, thread_id, place, digest) \
                VALUES ($1, 'message', $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (origin) DO UPDATE \
                SET content = excluded.content, digest = excluded.digest, settled_at = NULL \
                WHERE activities.content IS NULL AND NOT activities.deleted RETURNING id";
            let values = [
                origin.to_string().into(),
                source.to_db().into(),
                origin.message().to_db().into(),
                author.map(UserId::to_db).into(),
                self.cipher.seal_content(*origin, content).into(),
                stored(now).into(),
                Value::BigInt(activities::thread_of(*origin, Some(*source)).map(ChannelId::to_db)),
                activities::place(content).as_str().into(),
                self.cipher.digest(*origin, content).into(),
            ];
            let tags = activities::keys(content);
            for id in Sql::new(insert, values).numbers(&*txn).await? {
                new.extend(Some(id).filter(|_| unread.contains(origin)));
                let of_it: Vec<_> = tags.iter().map(|tag| (id, tag.as_str())).collect();
                matching::put_tags(&*txn, &of_it).await?;
            }
        }
        let owe = "INSERT INTO deliveries (activity_id, target_channel_id, follow_id, position) \
            SELECT a.id, f.target_channel_id, f.id, a.source_message_id FROM activities a JOIN channel_follows f ON f.id = $1 WHERE NOT a.deleted AND ";
        let owe = Sql::new(owe, [follow.id.0.into()]).then(&matching::wanted()).then(" AND a.origin IN ");
        let owe = owe.list(posts.iter().map(|post| post.origin().to_string()));
        let owed = owe.then(" ON CONFLICT DO NOTHING").execute(&*txn).await?;
        let mut woken = insert_deliveries(&txn, &new).await?;
        woken.push(follow.pair.target.to_db());
        Sql::new(WAKE, []).list(woken).execute(&*txn).await?;
        txn.commit().await?;
        Ok(owed)
    }
}

/// Those of these posts that nothing is known of yet, and which are newer than what was read of their channel.
async fn unread(txn: &Write, posts: &[SourceEvent]) -> Result<HashSet<Origin>, StoreError> {
    let query = "SELECT channel_id, seen_message_id FROM channels WHERE seen_message_id IS NOT NULL AND channel_id IN ";
    let channels: BTreeSet<i64> = posts.iter().map(|post| post.origin().channel().to_db()).collect();
    let mut seen = HashMap::new();
    for (channel, row) in Sql::new(query, []).list(channels).keyed_rows(&**txn).await? {
        seen.insert(channel, row.try_get_by_index::<i64>(1)?);
    }
    let newer = |origin: &Origin| {
        seen.get(&origin.channel().to_db()).is_some_and(|seen| *seen < origin.message().to_db())
    };
    let newer: HashMap<String, Origin> = posts
        .iter()
        .map(SourceEvent::origin)
        .filter(newer)
        .map(|origin| (origin.to_string(), origin))
        .collect();
    if newer.is_empty() {
        return Ok(HashSet::new());
    }
    let query = Sql::new("SELECT origin FROM activities WHERE origin IN ", []);
    let mut known = HashSet::new();
    for row in query.list(newer.keys().map(String::as_str)).all(&**txn).await? {
        known.insert(row.try_get_by_index::<String>(0)?);
    }
    Ok(newer.into_iter().filter(|(text, _)| !known.contains(text)).map(|(_, origin)| origin).collect())
}

/// The targets of all who follow these posts' sources and threads.
async fn followers(txn: &Write, posts: &[SourceEvent]) -> Result<Vec<ChannelId>, StoreError> {
    let ends = |post: &SourceEvent| post.source().into_iter().chain([post.origin().channel()]);
    let sources: BTreeSet<i64> = posts.iter().flat_map(ends).map(ChannelId::to_db).collect();
    let query = "SELECT target_channel_id FROM channel_follows WHERE is_active AND delivery = 'relay' AND source_channel_id IN ";
    channel_ids(Sql::new(query, []).list(sources).numbers(&**txn).await?)
}
