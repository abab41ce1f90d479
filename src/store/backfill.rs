//! What a new follow is to show of the time before it.

use chrono::{DateTime, Utc};

use super::sql::{Sql, stored};
use super::{SourceEvent, Store, StoreError, gates};
use crate::domain::follow::Follow;
use crate::domain::ids::UserId;

impl Store {
    /// Owes these posts of its source to this follow alone. What is known of them already stays as it is.
    pub async fn backfill(
        &self,
        follow: &Follow,
        posts: &[SourceEvent],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        if posts.is_empty() {
            return Ok(());
        }
        let txn = self.write().await?;
        gates::sources(&*txn, [follow.pair.source]).await?;
        gates::lanes(&*txn, [follow.pair.target]).await?;
        for post in posts {
            let SourceEvent::Posted { origin, source, author, content } = post else { continue };
            // While nobody needed it, only that it was there was kept.
            let insert = "INSERT INTO activities \
                (origin, kind, source_channel_id, source_message_id, author_id, content, created_at) \
                VALUES ($1, 'message', $2, $3, $4, $5, $6) ON CONFLICT (origin) DO UPDATE \
                SET content = excluded.content WHERE activities.content IS NULL AND NOT activities.deleted";
            let values = [
                origin.to_string().into(),
                source.to_db().into(),
                origin.message().to_db().into(),
                author.map(UserId::to_db).into(),
                self.cipher.seal_content(*origin, content).into(),
                stored(now).into(),
            ];
            Sql::new(insert, values).execute(&*txn).await?;
        }
        let owe = "INSERT INTO deliveries (activity_id, target_channel_id, follow_id, position) \
            SELECT id, $1, $2, source_message_id FROM activities WHERE NOT deleted AND origin IN ";
        let owe = Sql::new(owe, [follow.pair.target.to_db().into(), follow.id.0.into()]);
        let owe = owe.list(posts.iter().map(|post| post.origin().to_string()));
        owe.then(" ON CONFLICT DO NOTHING").execute(&*txn).await?;
        let wake = "UPDATE lanes SET wait_until = NULL WHERE target_channel_id = $1";
        Sql::new(wake, [follow.pair.target.to_db().into()]).execute(&*txn).await?;
        txn.commit().await
    }
}
