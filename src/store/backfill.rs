//! What a new follow is to show of the time before it.

use chrono::{DateTime, Utc};
use sea_orm::Value;

use super::sql::{Sql, stored};
use super::{SourceEvent, Store, StoreError, activities, gates, matching};
use crate::domain::follow::Follow;
use crate::domain::ids::{ChannelId, UserId};

impl Store {
    /// Owes these posts of its source to this follow alone, as far as it lets them through. What is known of them already stays as it is. Says how many are owed now.
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
        gates::lanes(&*txn, [follow.pair.target]).await?;
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
                let of_it: Vec<_> = tags.iter().map(|tag| (id, tag.as_str())).collect();
                matching::put_tags(&*txn, &of_it).await?;
            }
        }
        let owe = "INSERT INTO deliveries (activity_id, target_channel_id, follow_id, position) \
            SELECT a.id, f.target_channel_id, f.id, a.source_message_id FROM activities a JOIN channel_follows f ON f.id = $1 WHERE NOT a.deleted AND ";
        let owe = Sql::new(owe, [follow.id.0.into()]).then(&matching::wanted()).then(" AND a.origin IN ");
        let owe = owe.list(posts.iter().map(|post| post.origin().to_string()));
        let owed = owe.then(" ON CONFLICT DO NOTHING").execute(&*txn).await?;
        let wake = "UPDATE lanes SET wait_until = NULL WHERE target_channel_id = $1";
        Sql::new(wake, [follow.pair.target.to_db().into()]).execute(&*txn).await?;
        txn.commit().await?;
        Ok(owed)
    }
}
