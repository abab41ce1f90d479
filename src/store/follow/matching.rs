//! Which follows let an activity through, by where in its source it was posted and by its tags. The database
//! decides, for all followers of a source in one statement.
//!
//! In these conditions, `a` is the activity and `f` the follow.

use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};

use crate::store::StoreError;
use crate::store::db::connect::Write;
use crate::store::db::sql::{Kind, Sql, Table};
use crate::store::lane::deliveries::{BEGUN, SET_DUE, wake_for};

/// A follow of the thread itself gets all of it; a follow of its channel gets what it asks for.
pub(in crate::store) const REACHES: &str =
    "(f.source_channel_id = a.thread_id OR a.place = 'source' OR f.threads = 'all' OR f.threads = a.place)";

/// One of the follow's tags is among the activity's.
pub(in crate::store) const TAGGED: &str = "EXISTS (SELECT 1 FROM channel_follow_tags t JOIN activity_tags g ON g.tag = t.tag \
    WHERE t.follow_id = f.id AND g.activity_id = a.id)";

/// The follow may carry the activity: from another server's announcement channel that nobody opened, only
/// what is published.
pub(super) const OPEN: &str = "(NOT f.published_only OR a.kind <> 'message' OR EXISTS (SELECT 1 FROM activity_tags p \
    WHERE p.activity_id = a.id AND p.tag = '!published'))";

/// A tag of published messages. No hashtag and no forum tag is spelled like it.
pub(in crate::store) const PUBLISHED: &str = "!published";

/// The activities with each channel whose follows they may concern, after [`followers_of`].
pub(in crate::store) const FROM_FOLLOWERS: &str = "FROM reaching r JOIN activities a ON a.id = r.id \
    JOIN channel_follows f ON f.source_channel_id = r.source ";

/// The follow lets the activity through.
pub(in crate::store) fn wanted() -> String {
    format!("{OPEN} AND {REACHES} AND (f.mode = 'all' OR (f.mode = 'only') = {TAGGED})")
}

/// Begins a statement: `reaching` contains these activities, each with its source and, if it was posted in a
/// thread, also with that thread.
pub(in crate::store) fn followers_of(activities: &[i64]) -> Sql {
    let of = "WITH reaching AS (SELECT id, source_channel_id AS source FROM activities WHERE id IN ";
    let sql = Sql::new(of, []).list(activities.iter().copied());
    let sql = sql.then(
        " UNION ALL SELECT id, thread_id AS source FROM activities WHERE thread_id IS NOT NULL AND id IN ",
    );
    sql.list(activities.iter().copied()).then(") ")
}

#[derive(FromQueryResult)]
struct TagRow {
    activity_id: i64,
    tag: String,
}

/// The tags of these activities.
pub(in crate::store) async fn tags_of(
    db: &impl ConnectionTrait,
    activities: Vec<i64>,
) -> Result<Vec<(i64, String)>, DbErr> {
    let query = Sql::new("SELECT activity_id, tag FROM activity_tags WHERE activity_id IN ", []);
    let rows: Vec<TagRow> = query.list(activities).rows_of(db).await?;
    Ok(rows.into_iter().map(|row| (row.activity_id, row.tag)).collect())
}

/// Adds tags to activities.
pub(in crate::store) async fn put_tags(db: &impl ConnectionTrait, tags: &[(i64, &str)]) -> Result<(), DbErr> {
    if tags.is_empty() {
        return Ok(());
    }
    let rows = tags.iter().map(|(id, tag)| [(*id).into(), (*tag).into()]);
    let rows = Table::new([("id", Kind::Number), ("tag", Kind::Text)], rows);
    let insert = "INSERT INTO activity_tags (activity_id, tag) SELECT t.id, t.tag FROM ";
    Sql::new(insert, []).rows(rows).then(" WHERE TRUE ON CONFLICT DO NOTHING").execute(db).await?;
    Ok(())
}

/// What changes about an activity's tags.
pub(in crate::store) struct TagChange {
    pub(in crate::store) added: Vec<String>,
    pub(in crate::store) removed: Vec<String>,
}

impl TagChange {
    /// What it means for the answers under a post: they have its forum tags, but not the hashtags of its
    /// text.
    pub(in crate::store) fn of_post(&self) -> Self {
        let of_forum = |tags: &[String]| tags.iter().filter(|tag| tag.contains(':')).cloned().collect();
        Self { added: of_forum(&self.added), removed: of_forum(&self.removed) }
    }
}

/// The activities whose tags change.
#[derive(Clone, Copy)]
pub(in crate::store) enum Rematch {
    /// One activity's.
    One(i64),
    /// The answers in the thread of this activity, if anything is kept of them.
    AnswersUnder(i64),
}

impl Rematch {
    /// The condition on `a`; `$1` is the number.
    const fn condition(self) -> &'static str {
        match self {
            Self::One(_) => "a.id = $1",
            Self::AnswersUnder(_) => {
                "a.thread_id = (SELECT thread_id FROM activities WHERE id = $1) AND a.place = 'answer' AND NOT a.deleted \
                 AND (a.content IS NOT NULL OR EXISTS (SELECT 1 FROM deliveries k WHERE k.activity_id = a.id))"
            }
        }
    }

    fn sql(self, text: &str) -> Sql {
        let (Self::One(id) | Self::AnswersUnder(id)) = self;
        Sql::new(text, [id.into()])
    }
}

/// Changes the tags of activities. Where a follow no longer lets them through, they are withdrawn; where it
/// does only now, they are delivered. What a follow would have let through before is left alone, or an edit
/// would bring what was posted while it was paused. Returns the targets.
pub(in crate::store) async fn rematch(
    txn: &Write,
    which: Rematch,
    change: &TagChange,
) -> Result<Vec<i64>, StoreError> {
    if change.added.is_empty() && change.removed.is_empty() {
        return Ok(Vec::new());
    }
    let these = format!("SELECT a.id FROM activities a WHERE {}", which.condition());
    let remove = which.sql(&format!("DELETE FROM activity_tags WHERE activity_id IN ({these}) AND tag IN "));
    remove.list(texts(&change.removed)).execute(&**txn).await?;
    let insert =
        which.sql("INSERT INTO activity_tags (activity_id, tag) SELECT a.id, t.tag FROM activities a JOIN ");
    let tags = Table::new([("tag", Kind::Text)], change.added.iter().map(|tag| [tag.as_str().into()]));
    let insert =
        insert.rows(tags).then(&format!(" ON TRUE WHERE {} ON CONFLICT DO NOTHING", which.condition()));
    insert.execute(&**txn).await?;
    let mut targets = withdraw_unwanted(txn, which).await?;
    targets.extend(deliver(txn, which, change).await?);
    if change.added.iter().any(|tag| tag == PUBLISHED) {
        targets.extend(deliver_published(txn, which).await?);
    }
    which.sql(&wake_for(&format!("activity_id IN ({these})"))).execute(&**txn).await?;
    Ok(targets)
}

/// Withdraws what none of the follows through which it could come wants any more.
async fn withdraw_unwanted(txn: &Write, which: Rematch) -> Result<Vec<i64>, StoreError> {
    let unwanted = format!(
        "activity_id IN (SELECT a.id FROM activities a WHERE {0}) AND NOT withdrawn \
         AND EXISTS (SELECT 1 FROM activities a JOIN channel_follows f ON f.id = deliveries.follow_id \
         WHERE a.id = deliveries.activity_id AND {0} AND f.mode <> 'all' AND f.broken_reason IS NULL AND NOT ({1}) \
         AND NOT EXISTS (SELECT 1 FROM channel_follows f WHERE f.target_channel_id = deliveries.target_channel_id \
         AND (f.source_channel_id = a.source_channel_id OR f.source_channel_id = a.thread_id) \
         AND f.is_active AND f.delivery = 'relay' AND {1}))",
        which.condition(),
        wanted()
    );
    withdraw(txn, &unwanted, |text| which.sql(text)).await
}

/// Ends the deliveries that meet this condition if nothing is shown or on its way, and withdraws the others.
/// Returns the targets.
pub(in crate::store) async fn withdraw(
    txn: &Write,
    condition: &str,
    sql: impl Fn(&str) -> Sql,
) -> Result<Vec<i64>, StoreError> {
    let end = format!(
        "UPDATE deliveries SET state = 'ended', outcome = 'withdrawn', wait_until = NULL \
         WHERE state = 'due' AND NOT {BEGUN} AND {condition}"
    );
    sql(&end).execute(&**txn).await?;
    let withdraw = format!(
        "UPDATE deliveries SET withdrawn = TRUE, {SET_DUE} \
         WHERE {BEGUN} AND {condition} RETURNING target_channel_id"
    );
    Ok(sql(&withdraw).numbers(&**txn).await?)
}

/// Creates deliveries of what is wanted only now, to follows that existed before it.
///
/// To try the statement in a shell, replace `$1` by the activity's number, and `$2` and `$3` by the tags that
/// it lost and got, as JSON: `'[["forum:12"], ["news"]]'`.
async fn deliver(txn: &Write, which: Rematch, change: &TagChange) -> Result<Vec<i64>, StoreError> {
    let tags =
        |tags: &[String]| Table::new([("tag", Kind::Text)], tags.iter().map(|tag| [tag.as_str().into()]));
    let insert = which
        .sql("WITH removed AS (SELECT t.tag FROM ")
        .rows(tags(&change.removed))
        .then("), added AS (SELECT t.tag FROM ")
        .rows(tags(&change.added))
        .then(&deliver_wanted_now(which));
    Ok(insert.numbers(&**txn).await?)
}

/// The statement of [`deliver`] after the tags that were `removed` and `added`. By now, `activity_tags` has
/// the new tags.
///
/// A target that follows both a channel and its thread gets one delivery of the activity (`GROUP BY`):
/// PostgreSQL refuses an upsert that touches a row twice.
fn deliver_wanted_now(which: Rematch) -> String {
    let these = which.condition();
    // One of the follow's tags was among the activity's before the change.
    let was_tagged = "EXISTS (SELECT 1 FROM channel_follow_tags t WHERE t.follow_id = f.id AND (
            t.tag IN (SELECT tag FROM removed)
            OR EXISTS (SELECT 1 FROM activity_tags g WHERE g.activity_id = a.id AND g.tag = t.tag)
                AND t.tag NOT IN (SELECT tag FROM added)))";
    let lost_tag = "EXISTS (SELECT 1 FROM channel_follow_tags t
            WHERE t.follow_id = f.id AND t.tag IN (SELECT tag FROM removed))";
    format!(
        "), reaching AS (
            SELECT a.id, a.source_channel_id AS source FROM activities a WHERE {these}
            UNION ALL
            SELECT a.id, a.thread_id AS source FROM activities a WHERE a.thread_id IS NOT NULL AND {these})
        INSERT INTO deliveries (activity_id, target_channel_id, follow_id, position)
        SELECT a.id, f.target_channel_id, MIN(f.id), a.source_message_id {FROM_FOLLOWERS}
        WHERE f.is_active AND f.delivery = 'relay' AND f.created_at <= a.created_at
        AND NOT a.deleted AND a.content IS NOT NULL AND {OPEN} AND {REACHES}
        AND CASE f.mode
            WHEN 'all' THEN FALSE
            WHEN 'only' THEN {TAGGED} AND NOT {was_tagged}
            ELSE NOT {TAGGED} AND {lost_tag}
        END
        GROUP BY a.id, f.target_channel_id, a.source_message_id ORDER BY a.id, MIN(f.id)
        ON CONFLICT (activity_id, target_channel_id) DO UPDATE
        SET follow_id = excluded.follow_id, withdrawn = FALSE, remake = FALSE, shown_revision = NULL, {SET_DUE}
        WHERE deliveries.withdrawn OR deliveries.outcome = 'withdrawn'
        RETURNING target_channel_id"
    )
}

/// Creates deliveries of what was published only now to follows that carry nothing else.
async fn deliver_published(txn: &Write, which: Rematch) -> Result<Vec<i64>, StoreError> {
    let insert = which.sql(&format!(
        "INSERT INTO deliveries (activity_id, target_channel_id, follow_id, position) \
         SELECT a.id, f.target_channel_id, f.id, a.source_message_id FROM activities a \
         JOIN channel_follows f ON f.source_channel_id = a.source_channel_id \
         WHERE {} AND f.published_only AND f.is_active AND f.delivery = 'relay' AND f.created_at <= a.created_at \
         AND NOT a.deleted AND a.content IS NOT NULL AND {} ORDER BY a.id, f.id \
         ON CONFLICT DO NOTHING RETURNING target_channel_id",
        which.condition(),
        wanted()
    ));
    Ok(insert.numbers(&**txn).await?)
}

fn texts(tags: &[String]) -> impl Iterator<Item = &str> {
    tags.iter().map(String::as_str)
}
