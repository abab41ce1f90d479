//! What a new follow shows of the time before it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, Value};

use super::event::followed::FollowedSources;
use super::{event, quotes};
use crate::domain::follow::Follow;
use crate::domain::ids::{ChannelId, MessageId, UserId};
use crate::store::db::locks;
use crate::store::db::sql::{Sql, stored};
use crate::store::follow::matching;
use crate::store::{SourceEvent, Store, StoreError};

impl Store {
    /// Creates deliveries of these posts for this follow alone, if it lets them through. What is known about
    /// them already stays as it is. Returns how many are due now, or will be soon. Up to the point to which
    /// the channel was read, unknown posts were wanted by nobody. Newer posts are about to be recorded, and
    /// delivered to this follow and to all others.
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
        locks::sources(&*txn, [follow.pair.source]).await?;
        locks::lanes(&*txn, [follow.pair.target]).await?;
        let followed = FollowedSources::by(&txn, posts, &HashMap::new()).await?;
        let posts = &*quotes::without_deleted(&txn, posts, &followed).await?;
        let mut newer = Vec::new();
        for post in posts {
            let SourceEvent::Posted { origin, source, author, content } = post else { continue };
            if followed.withholds(post, None) {
                continue;
            }
            let known_up_to = "SELECT COALESCE((SELECT seen_message_id FROM channels WHERE channel_id = $1), \
                (SELECT threads_from_id FROM channels WHERE channel_id = $2))";
            let channels = [origin.channel().to_db().into(), source.to_db().into()];
            let row = Sql::new(known_up_to, channels).row(&*txn).await?;
            let seen: Option<i64> = row.map(|row| row.try_get_by_index(0)).transpose()?.flatten();
            let is_newer = seen.is_some_and(|seen| origin.message().to_db() > seen);
            newer.extend(is_newer.then(|| origin.to_string()));
            // While nobody needed the content, only the message's existence was kept.
            let insert = "INSERT INTO activities \
                (origin, kind, source_channel_id, source_message_id, author_id, content, created_at, thread_id, place, digest, \
                quoted_message_id, quoted_author_id) SELECT $1, 'message', $2, $3, $4, $5, $6, $7, $8, $9, $11, $12 WHERE NOT $10 OR EXISTS (SELECT 1 FROM activities WHERE origin = $1) ON CONFLICT (origin) DO UPDATE \
                SET content = excluded.content, digest = excluded.digest, quoted_message_id = excluded.quoted_message_id, \
                quoted_author_id = excluded.quoted_author_id, settled_at = NULL \
                WHERE activities.content IS NULL AND NOT activities.deleted RETURNING id";
            let values = [
                origin.to_string().into(),
                source.to_db().into(),
                origin.message().to_db().into(),
                author.map(UserId::to_db).into(),
                self.cipher.seal_content(*origin, content).into(),
                stored(now).into(),
                Value::BigInt(event::thread_of(*origin, Some(*source)).map(ChannelId::to_db)),
                event::place(content).as_str().into(),
                self.cipher.digest(*origin, content).into(),
                is_newer.into(),
                quotes::quoted_by(content).map(MessageId::to_db).into(),
                quotes::author_quoted_by(content).map(UserId::to_db).into(),
            ];
            let tags = event::keys(content);
            for id in Sql::new(insert, values).numbers(&*txn).await? {
                let of_it: Vec<_> = tags.iter().map(|tag| (id, tag.as_str())).collect();
                matching::put_tags(&*txn, &of_it).await?;
            }
        }
        let create = "INSERT INTO deliveries (activity_id, target_channel_id, follow_id, position) \
            SELECT a.id, f.target_channel_id, f.id, a.source_message_id FROM activities a JOIN channel_follows f ON f.id = $1 WHERE NOT a.deleted AND ";
        let create =
            Sql::new(create, [follow.id.0.into()]).then(&matching::wanted()).then(" AND a.origin IN ");
        let wanted = || {
            let wanted = posts.iter().filter(|post| !followed.withholds(post, None));
            wanted.map(|post| post.origin().to_string())
        };
        create.list(wanted()).then(" ON CONFLICT DO NOTHING").execute(&*txn).await?;
        // A post that was recorded since the follow was stored is due there already.
        let due = "SELECT a.id FROM deliveries d JOIN activities a ON a.id = d.activity_id WHERE d.follow_id = $1 AND a.origin IN ";
        let due = Sql::new(due, [follow.id.0.into()]).list(wanted()).numbers(&*txn).await?;
        let all_newer = newer.len();
        let not_yet = all_newer.saturating_sub(count_known(&*txn, newer).await?);
        let wake = "UPDATE lanes SET wait_until = NULL WHERE target_channel_id = $1";
        Sql::new(wake, [follow.pair.target.to_db().into()]).execute(&*txn).await?;
        txn.commit().await?;
        Ok(u64::try_from(due.len() + not_yet).unwrap_or_default())
    }
}

/// How many of these origins are known.
async fn count_known(txn: &impl ConnectionTrait, origins: Vec<String>) -> Result<usize, StoreError> {
    let query = Sql::new("SELECT id FROM activities WHERE origin IN ", []).list(origins);
    Ok(query.numbers(txn).await?.len())
}
