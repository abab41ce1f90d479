//! Up to where people have read their feeds.

use crate::domain::ids::{MessageId, UserId};
use crate::store::db::sql::Sql;
use crate::store::{Store, StoreError};

impl Store {
    /// The newest message that a person has marked as read; `None` if they never did.
    pub async fn feed_mark(&self, user: UserId) -> Result<Option<MessageId>, StoreError> {
        let query = "SELECT seen_position FROM feed_marks WHERE user_id = $1";
        let found = Sql::new(query, [user.to_db().into()]).numbers(&self.db).await?;
        Ok(found.first().map(|mark| MessageId::from_db(*mark)).transpose()?)
    }

    /// Marks everything up to this message as read. A mark never moves back.
    pub async fn move_feed_mark(&self, user: UserId, to: MessageId) -> Result<(), StoreError> {
        let insert = "INSERT INTO feed_marks (user_id, seen_position) VALUES ($1, $2) ON CONFLICT (user_id) \
            DO UPDATE SET seen_position = CASE WHEN excluded.seen_position > feed_marks.seen_position \
            THEN excluded.seen_position ELSE feed_marks.seen_position END";
        let txn = self.write().await?;
        Sql::new(insert, [user.to_db().into(), to.to_db().into()]).execute(&*txn).await?;
        txn.commit().await
    }
}
