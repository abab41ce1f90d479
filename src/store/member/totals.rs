//! How much is kept of a person, to be shown to that person.

use sea_orm::FromQueryResult;

use crate::domain::ids::{MessageId, UserId};
use crate::store::db::sql::Sql;
use crate::store::{Store, StoreError};

/// How many of somebody's messages are checked to count where they are shown.
const LOOKED_AT: i64 = 10_000;

/// What is kept of a person, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AuthorTotals {
    /// Their messages.
    pub messages: u64,
    /// The oldest of these.
    pub oldest: Option<MessageId>,
    /// How many of these are still kept with their content.
    pub contents: u64,
    /// In how many channels the newest of them are shown.
    pub channels: u64,
    /// There are more messages than were checked for that.
    pub channels_are_more: bool,
    /// Follows that name them.
    pub follows: u64,
    /// Panels that name them.
    pub panels: u64,
    /// Whether their name and picture, and what they chose about being followed, are kept.
    pub has_profile: bool,
    /// How many people, channels and collections they follow.
    pub following: u64,
    /// How many people follow them.
    pub followers: u64,
    /// How many people they keep from following them.
    pub blocked: u64,
    /// Messages that are candidates for their feed.
    pub feed: u64,
    /// Browsers in which they are signed in.
    pub sessions: u64,
    /// Their API tokens.
    pub tokens: u64,
    /// Changes that the audit says they made.
    pub changes: u64,
    /// They asked to be forgotten, and that is under way.
    pub being_forgotten: bool,
}

#[derive(FromQueryResult)]
struct AuthorTotalsRow {
    messages: i64,
    oldest: Option<i64>,
    contents: i64,
    channels: i64,
    follows: i64,
    panels: i64,
    profiles: i64,
    following: i64,
    followers: i64,
    blocked: i64,
    feed: i64,
    sessions: i64,
    tokens: i64,
    changes: i64,
    requests: i64,
}

impl Store {
    /// How much is kept of this person.
    pub async fn author_totals(&self, user: UserId) -> Result<AuthorTotals, StoreError> {
        let query = "SELECT (SELECT COUNT(*) FROM activities WHERE author_id = $1) AS messages, \
            (SELECT MIN(source_message_id) FROM activities WHERE author_id = $1) AS oldest, \
            (SELECT COUNT(*) FROM activities WHERE author_id = $1 AND content IS NOT NULL) AS contents, \
            (SELECT COUNT(DISTINCT d.target_channel_id) FROM deliveries d WHERE d.activity_id IN \
                (SELECT id FROM activities WHERE author_id = $1 ORDER BY id DESC LIMIT $3) \
                AND EXISTS (SELECT 1 FROM mirrors m WHERE m.delivery_id = d.id)) AS channels, \
            (SELECT COUNT(*) FROM channel_follows WHERE created_by = $1) AS follows, \
            (SELECT COUNT(*) FROM panels WHERE created_by = $1 OR config LIKE $2) AS panels, \
            (SELECT COUNT(*) FROM profiles WHERE user_id = $1 AND username <> '') AS profiles, \
            (SELECT COUNT(*) FROM personal_follows WHERE follower_id = $1) AS following, \
            (SELECT COUNT(*) FROM personal_follows WHERE followee_kind = 'user' AND followee_id = $1) AS followers, \
            (SELECT COUNT(*) FROM personal_blocks WHERE user_id = $1) AS blocked, \
            (SELECT COUNT(*) FROM feed_items WHERE user_id = $1) AS feed, \
            (SELECT COUNT(*) FROM web_sessions WHERE user_id = $1) AS sessions, \
            (SELECT COUNT(*) FROM api_tokens WHERE user_id = $1) AS tokens, \
            (SELECT COUNT(*) FROM audit WHERE actor_id = $1) AS changes, \
            (SELECT COUNT(*) FROM forget_requests WHERE user_id = $1) AS requests";
        let named = format!("%{{\"user\":\"{user}\"}}%");
        let values = [user.to_db().into(), named.into(), LOOKED_AT.into()];
        let rows: Vec<AuthorTotalsRow> = Sql::new(query, values).rows_of(&self.db).await?;
        let row = rows.into_iter().next().ok_or(StoreError::Unreadable("counts"))?;
        Ok(AuthorTotals {
            messages: row.messages.unsigned_abs(),
            oldest: row.oldest.map(MessageId::from_db).transpose()?,
            contents: row.contents.unsigned_abs(),
            channels: row.channels.unsigned_abs(),
            channels_are_more: row.messages > LOOKED_AT,
            follows: row.follows.unsigned_abs(),
            panels: row.panels.unsigned_abs(),
            has_profile: row.profiles > 0,
            following: row.following.unsigned_abs(),
            followers: row.followers.unsigned_abs(),
            blocked: row.blocked.unsigned_abs(),
            feed: row.feed.unsigned_abs(),
            sessions: row.sessions.unsigned_abs(),
            tokens: row.tokens.unsigned_abs(),
            changes: row.changes.unsigned_abs(),
            being_forgotten: row.requests > 0,
        })
    }
}
