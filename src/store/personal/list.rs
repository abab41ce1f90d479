//! Pages of followers and of people who are followed, counts, and what people are to each other.
//!
//! A page finds the numbers of its follows first: an index contains them, in their order. Asked for whole
//! rows, PostgreSQL may walk all follows from the newest back. A page with a number is counted off from the
//! nearer end.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use super::profiles::{PROFILE, ProfileRow};
use super::row::{self, FOLLOW, FollowRow};
use super::visible::{self, NamedPeople};
use crate::domain::ids::{ChannelId, UserId};
use crate::domain::paging::{Cursor, LongPage, PageSize, PageStart};
use crate::domain::personal::{
    FolloweeKind, ListVisibility, PersonCounts, PersonList, PersonalFollow, Profile, Relationship,
};
use crate::store::db::sql::{Sql, channel_ids};
use crate::store::{Store, StoreError};

/// A person in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPerson {
    /// The number of the follow, by which the list is ordered.
    pub number: i64,
    /// Who.
    pub profile: Profile,
    /// Since when the one follows the other.
    pub since: DateTime<Utc>,
}

/// How a list is found.
struct ListSql {
    /// What has its rows `f`.
    from: &'static str,
    /// The condition on them, whose `$1` is the owner.
    condition: &'static str,
    /// The other end.
    other: &'static str,
    /// How many there are.
    count: &'static str,
    /// What tells its rows from those of others, where their numbers don't.
    own: &'static str,
}

/// What holds all personal follows `f`.
const FOLLOWS: &str = "personal_follows f";

const fn sql_of(list: PersonList) -> ListSql {
    match list {
        PersonList::FollowersOf(_) => ListSql {
            from: FOLLOWS,
            condition: "f.followee_kind = 'user' AND f.followee_id = $1",
            other: "f.follower_id",
            count: "SELECT followers FROM followee_counts WHERE followee_kind = 'user' AND followee_id = $1",
            own: "",
        },
        PersonList::FollowedBy(_) => ListSql {
            from: FOLLOWS,
            condition: "f.follower_id = $1 AND f.followee_kind = 'user'",
            other: "f.followee_id",
            count: "SELECT following FROM following_counts WHERE follower_id = $1 AND followee_kind = 'user'",
            own: "",
        },
        PersonList::RequestsTo(_) => ListSql {
            from: "follow_requests f",
            condition: "f.followed_id = $1 AND f.declined_at IS NULL",
            other: "f.follower_id",
            count: "SELECT COUNT(*) FROM follow_requests WHERE followed_id = $1 AND declined_at IS NULL",
            own: "",
        },
        PersonList::RequestsBy(_) => ListSql {
            from: "follow_requests f",
            condition: "f.follower_id = $1 AND NOT f.withdrawn",
            other: "f.followed_id",
            count: "SELECT COUNT(*) FROM follow_requests WHERE follower_id = $1 AND NOT withdrawn",
            own: "",
        },
        // They have no number: the blocked person's is taken.
        PersonList::BlockedBy(_) => ListSql {
            from: "(SELECT blocked_id AS id, user_id, blocked_id, created_at FROM personal_blocks) f",
            condition: "f.user_id = $1",
            other: "f.blocked_id",
            count: "SELECT COUNT(*) FROM personal_blocks WHERE user_id = $1",
            own: "AND f.user_id = $1",
        },
    }
}

#[derive(FromQueryResult)]
struct ListedRow {
    id: i64,
    created_at: DateTime<Utc>,
    #[sea_orm(nested)]
    profile: ProfileRow,
}

/// Where a page is in its list.
struct Span {
    /// What `ORDER BY … LIMIT … OFFSET` finds it.
    sql: String,
    /// The number of a cursor, `$2`.
    than: Option<i64>,
}

impl Span {
    /// The page that begins here, in a list of this many.
    fn of(start: PageStart, size: PageSize, total: u64) -> Self {
        let size = size.get();
        match start {
            PageStart::At(Cursor::Newest) => {
                Self { sql: format!("ORDER BY f.id DESC LIMIT {size}"), than: None }
            }
            PageStart::At(Cursor::OlderThan(than)) => {
                Self { sql: format!("AND f.id < $2 ORDER BY f.id DESC LIMIT {size}"), than: Some(than) }
            }
            PageStart::At(Cursor::NewerThan(than)) => {
                Self { sql: format!("AND f.id > $2 ORDER BY f.id LIMIT {size}"), than: Some(than) }
            }
            PageStart::Number(number) => {
                let before = (number.get() - 1).saturating_mul(size).min(total);
                let after = total - before;
                let rows = size.min(after);
                // As many of the oldest as remain when the newer ones are left out.
                let sql = if after < before {
                    format!("ORDER BY f.id LIMIT {rows} OFFSET {}", after - rows)
                } else {
                    format!("ORDER BY f.id DESC LIMIT {rows} OFFSET {before}")
                };
                Self { sql, than: None }
            }
        }
    }
}

impl Store {
    /// A page of people, those of the newest follows first. With a viewer, who may be a guest, and what holds
    /// for those who chose nothing, only those are named whose own lists the viewer sees. The total counts
    /// all.
    pub async fn people(
        &self,
        list: PersonList,
        seen_by: Option<(Option<UserId>, ListVisibility)>,
        start: PageStart,
        size: PageSize,
    ) -> Result<LongPage<ListedPerson>, StoreError> {
        let (user, ListSql { from, condition, other, count, own }) = (list.owner(), sql_of(list));
        let total = self.count_of(count, user).await?;
        let named = seen_by.map(|(viewer, by_default)| visible::named_for(viewer, by_default));
        // What is left out has no place on any page.
        let rows = match (&named, start) {
            (Some(NamedPeople::AllBut(those)), PageStart::Number(_)) => {
                let left_out =
                    format!("SELECT COUNT(*) FROM {from} WHERE {condition} AND {other} IN ({those})");
                total.saturating_sub(self.count_of(&left_out, user).await?)
            }
            (Some(NamedPeople::Only(_)), _) => i64::MAX.unsigned_abs(),
            _ => total,
        };
        let named = named.map(|named| named.condition(other)).unwrap_or_default();
        let condition = format!("{condition} {named}");
        let Span { sql, than } = Span::of(start, size, rows);
        let query = format!(
            "SELECT f.id, f.created_at, {PROFILE} FROM {from} JOIN profiles p ON p.user_id = {other} \
             WHERE f.id IN (SELECT f.id FROM {from} WHERE {condition} {sql}) {own} ORDER BY f.id DESC"
        );
        let values = [user.to_db().into()].into_iter().chain(than.map(Into::into));
        let rows: Vec<ListedRow> = Sql::new(query, values).rows_of(&self.db).await?;
        let read = |row: ListedRow| {
            Ok(ListedPerson { number: row.id, profile: row.profile.read()?, since: row.created_at })
        };
        let items = rows.into_iter().map(read).collect::<Result<Vec<_>, StoreError>>()?;
        let ends = (items.first().map(|first| first.number), items.last().map(|last| last.number));
        let (has_newer, has_older) = self.neighbours((from, &condition), user, ends, start).await?;
        Ok(LongPage { items, total, has_newer, has_older })
    }

    /// The people whom somebody follows, and the channels in which something of theirs is shown in feeds.
    pub async fn followed_authors(&self) -> Result<(Vec<UserId>, Vec<ChannelId>), StoreError> {
        let authors = "SELECT followee_id FROM followee_counts WHERE followee_kind = 'user'";
        let authors = Sql::new(authors, []).numbers(&self.db).await?;
        let channels =
            "SELECT DISTINCT COALESCE(thread_id, source_channel_id) FROM activities WHERE in_feeds";
        let channels = Sql::new(channels, []).numbers(&self.db).await?;
        let authors = authors.into_iter().map(UserId::from_db).collect::<Result<_, _>>()?;
        Ok((authors, channel_ids(channels)?))
    }

    /// A page of everything that a person follows, or of one kind, the newest first.
    pub async fn personal_follows(
        &self,
        user: UserId,
        kind: Option<FolloweeKind>,
        start: PageStart,
        size: PageSize,
    ) -> Result<LongPage<PersonalFollow>, StoreError> {
        let condition = match kind {
            Some(kind) => format!("f.follower_id = $1 AND f.followee_kind = '{}'", kind.as_str()),
            None => "f.follower_id = $1".to_owned(),
        };
        let count = format!("SELECT COUNT(*) FROM personal_follows f WHERE {condition}");
        let total = self.count_of(&count, user).await?;
        let Span { sql, than } = Span::of(start, size, total);
        let query = format!(
            "SELECT {FOLLOW} FROM personal_follows f \
             WHERE f.id IN (SELECT f.id FROM personal_follows f WHERE {condition} {sql}) ORDER BY f.id DESC"
        );
        let values = [user.to_db().into()].into_iter().chain(than.map(Into::into));
        let rows: Vec<FollowRow> = Sql::new(query, values).rows_of(&self.db).await?;
        let ends = (rows.first().map(|first| first.id), rows.last().map(|last| last.id));
        let items = row::follows(&self.db, rows).await?;
        let (has_newer, has_older) = self.neighbours((FOLLOWS, &condition), user, ends, start).await?;
        Ok(LongPage { items, total, has_newer, has_older })
    }

    /// Whether there are newer and older follows than those on a page.
    async fn neighbours(
        &self,
        (from, condition): (&str, &str),
        user: UserId,
        (first, last): (Option<i64>, Option<i64>),
        start: PageStart,
    ) -> Result<(bool, bool), StoreError> {
        // Without items, only what the page began after can be beside it.
        let (first, last) = match (first, last, start) {
            (Some(first), Some(last), _) => (first, last),
            (_, _, PageStart::At(Cursor::OlderThan(than) | Cursor::NewerThan(than))) => (than, than),
            (_, _, PageStart::At(Cursor::Newest)) => return Ok((false, false)),
            (_, _, PageStart::Number(number)) => return Ok((number.get() > 1, false)),
        };
        let query = format!(
            "SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM {from} WHERE {condition} AND f.id > $2) THEN 1 ELSE 0 END \
             + CASE WHEN EXISTS (SELECT 1 FROM {from} WHERE {condition} AND f.id < $3) THEN 2 ELSE 0 END AS BIGINT)"
        );
        let found = Sql::new(query, [user.to_db().into(), first.into(), last.into()]);
        let found = found.numbers(&self.db).await?.first().copied().unwrap_or_default();
        Ok((found & 1 != 0, found & 2 != 0))
    }

    async fn count_of(&self, query: &str, user: UserId) -> Result<u64, StoreError> {
        let found = Sql::new(query, [user.to_db().into()]).numbers(&self.db).await?;
        Ok(found.first().map_or(0, |count| count.unsigned_abs()))
    }

    /// How many people follow a person.
    pub async fn follower_count(&self, user: UserId) -> Result<u64, StoreError> {
        self.count_of(sql_of(PersonList::FollowersOf(user)).count, user).await
    }

    /// How many people a person follows.
    pub async fn following_count(&self, user: UserId) -> Result<u64, StoreError> {
        self.count_of(sql_of(PersonList::FollowedBy(user)).count, user).await
    }

    /// Both.
    pub async fn person_counts(&self, user: UserId) -> Result<PersonCounts, StoreError> {
        let (followers, following) = tokio::try_join!(self.follower_count(user), self.following_count(user))?;
        Ok(PersonCounts { followers, following })
    }

    /// How this person and each of these are related; pairs without a relationship are left out.
    pub async fn relationships(
        &self,
        viewer: UserId,
        others: &[UserId],
    ) -> Result<HashMap<UserId, Relationship>, StoreError> {
        let mut found: HashMap<UserId, Relationship> = HashMap::new();
        if others.is_empty() {
            return Ok(found);
        }
        let ids = || others.iter().map(|other| other.to_db());
        let query = "SELECT followee_id, 0 FROM personal_follows WHERE follower_id = $1 AND followee_kind = 'user' \
            AND followee_id IN ";
        let query = Sql::new(query, [viewer.to_db().into()]).list(ids()).then(
            " UNION ALL SELECT follower_id, 1 FROM personal_follows WHERE followee_kind = 'user' \
             AND followee_id = $1 AND follower_id IN ",
        );
        for (other, row) in query.list(ids()).keyed_rows(&self.db).await? {
            let follows_back: i32 = row.try_get_by_index(1)?;
            let relationship = found.entry(UserId::from_db(other)?).or_default();
            match follows_back {
                0 => relationship.is_following = true,
                _ => relationship.is_follower = true,
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whichever end a page is counted off from, it has the same rows.
        #[test]
        fn pages_are_the_same_from_either_end(total in 0_u64..200, number in 1_u64..60, size in 1_u8..=20) {
            let size = PageSize::new(size).unwrap();
            let span = Span::of(PageStart::Number(number.try_into().unwrap()), size, total);
            let words: Vec<&str> = span.sql.split(' ').collect();
            let number_after = |word: &str| -> usize {
                let at = words.iter().position(|one| *one == word).unwrap();
                words[at + 1].parse().unwrap()
            };
            let mut all: Vec<u64> = (0..total).collect();
            if words.contains(&"DESC") {
                all.reverse();
            }
            let mut page: Vec<u64> =
                all.into_iter().skip(number_after("OFFSET")).take(number_after("LIMIT")).collect();
            page.sort_unstable_by(|a, b| b.cmp(a));
            let expected: Vec<u64> = (0..total).rev()
                .skip(usize::try_from((number - 1) * size.get()).unwrap())
                .take(usize::try_from(size.get()).unwrap())
                .collect();
            prop_assert_eq!(page, expected);
            prop_assert!(number_after("OFFSET") as u64 <= total / 2 + size.get());
        }
    }
}
