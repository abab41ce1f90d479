//! SQL that SeaORM's builder can't say, or can't say readably: one text for both databases, with `$1`, `$2` …
//! in it, which SQLite understands as PostgreSQL does.
//!
//! # Times
//! SQLite has no type for times; SeaORM stores them as RFC 3339 text, always in UTC and written `+00:00`. Such
//! texts sort as the times do, although the fraction is left out when it is zero: where two texts part, `+`
//! (the end of the shorter) sorts below `.` and every digit. That, and being readable in any database tool, is
//! why they aren't stored as numbers. All times pass through [`stored`], so that both databases keep
//! microseconds and give back what they were given.
//!
//! # Tables
//! A statement about many rows takes them as one value ([`Table`], JSON), not as many: so its text stays the same, and the
//! database plans it once, however many rows there are.

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult, QueryResult, Statement, Value};

use super::StoreError;
use crate::domain::ids::ChannelId;

/// A statement and its values.
pub(super) struct Sql {
    text: String,
    values: Vec<Value>,
}

impl Sql {
    /// A statement whose `$1`, `$2` … are these values.
    pub(super) fn new(text: impl Into<String>, values: impl IntoIterator<Item = Value>) -> Self {
        Self { text: text.into(), values: values.into_iter().collect() }
    }

    /// Adds more text.
    pub(super) fn then(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// Adds a value.
    pub(super) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self.text.push_str(&format!("${}", self.values.len()));
        self
    }

    /// Adds a list in parentheses, as `IN` and `VALUES` take it. An empty one matches nothing.
    pub(super) fn list<T: Into<Value>>(mut self, values: impl IntoIterator<Item = T>) -> Self {
        self.text.push('(');
        let first = self.values.len();
        for value in values {
            if self.values.len() > first {
                self.text.push_str(", ");
            }
            self = self.bind(value);
        }
        if self.values.len() == first {
            self.text.push_str("NULL");
        }
        self.text.push(')');
        self
    }

    /// Adds rows of values, each in parentheses, separated by commas.
    pub(super) fn rows(mut self, rows: impl IntoIterator<Item = Vec<Value>>) -> Self {
        for (index, row) in rows.into_iter().enumerate() {
            if index > 0 {
                self.text.push_str(", ");
            }
            self = self.list(row);
        }
        self
    }

    /// Adds a table, named `t`, to a `FROM`.
    pub(super) fn table<const N: usize>(mut self, db: &impl ConnectionTrait, table: Table<N>) -> Self {
        let postgres = db.get_database_backend() == DbBackend::Postgres;
        let columns =
            table.columns.iter().enumerate().map(|(index, (name, kind))| match kind.of_postgres() {
                kind if postgres => format!("(e.value->>{index})::{kind} AS {name}"),
                _ => format!("e.value->>{index} AS {name}"),
            });
        let columns: Vec<String> = columns.collect();
        let columns = columns.join(", ");
        self.values.push(serde_json::Value::Array(table.rows).to_string().into());
        let value = self.values.len();
        self.text.push_str(&match postgres {
            true => format!("(SELECT {columns} FROM jsonb_array_elements(${value}::jsonb) AS e(value)) AS t"),
            false => format!("(SELECT {columns} FROM json_each(${value}) AS e) AS t"),
        });
        self
    }

    fn on(self, db: &impl ConnectionTrait) -> Statement {
        Statement::from_sql_and_values(db.get_database_backend(), self.text, self.values)
    }

    /// Runs it; how many rows it changed.
    pub(super) async fn execute(self, db: &impl ConnectionTrait) -> Result<u64, DbErr> {
        Ok(db.execute_raw(self.on(db)).await?.rows_affected())
    }

    /// Its first row.
    pub(super) async fn row(self, db: &impl ConnectionTrait) -> Result<Option<QueryResult>, DbErr> {
        db.query_one_raw(self.on(db)).await
    }

    /// Its rows, as they are.
    pub(super) async fn all(self, db: &impl ConnectionTrait) -> Result<Vec<QueryResult>, DbErr> {
        db.query_all_raw(self.on(db)).await
    }

    /// Its rows.
    pub(super) async fn rows_of<T: FromQueryResult>(
        self,
        db: &impl ConnectionTrait,
    ) -> Result<Vec<T>, DbErr> {
        let rows = db.query_all_raw(self.on(db)).await?;
        rows.iter().map(|row| T::from_query_result(row, "")).collect()
    }

    /// Its rows, each with the number in its first column.
    pub(super) async fn keyed_rows(
        self,
        db: &impl ConnectionTrait,
    ) -> Result<Vec<(i64, QueryResult)>, DbErr> {
        let rows = db.query_all_raw(self.on(db)).await?;
        rows.into_iter().map(|row| Ok((row.try_get_by_index(0)?, row))).collect()
    }

    /// The first column of its rows, a number.
    pub(super) async fn numbers(self, db: &impl ConnectionTrait) -> Result<Vec<i64>, DbErr> {
        let rows = db.query_all_raw(self.on(db)).await?;
        rows.iter().map(|row| row.try_get_by_index(0)).collect()
    }
}

/// What a column of a table holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Number,
    Text,
    Time,
}

impl Kind {
    const fn of_postgres(self) -> &'static str {
        match self {
            Self::Number => "bigint",
            Self::Text => "text",
            Self::Time => "timestamptz",
        }
    }
}

/// Rows that a statement takes as one value.
pub(super) struct Table<const N: usize> {
    columns: [(&'static str, Kind); N],
    rows: Vec<serde_json::Value>,
}

impl<const N: usize> Table<N> {
    /// Whether there are no rows.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// A table of these columns and rows. Times are given as [`cell`]s.
    pub(super) fn new(
        columns: [(&'static str, Kind); N],
        rows: impl IntoIterator<Item = [serde_json::Value; N]>,
    ) -> Self {
        Self { columns, rows: rows.into_iter().map(|row| serde_json::Value::Array(row.into())).collect() }
    }
}

impl Table<1> {
    /// A table of numbers, in a column of this name.
    pub(super) fn numbers(name: &'static str, numbers: impl IntoIterator<Item = i64>) -> Self {
        Self::new([(name, Kind::Number)], numbers.into_iter().map(|number| [number.into()]))
    }
}

/// A time in a table, as it is stored.
pub(super) fn cell(time: DateTime<Utc>) -> String {
    stored(time).to_rfc3339_opts(SecondsFormat::AutoSi, false)
}

/// Channels that the database kept.
pub(super) fn channel_ids(numbers: impl IntoIterator<Item = i64>) -> Result<Vec<ChannelId>, StoreError> {
    Ok(numbers.into_iter().map(ChannelId::from_db).collect::<Result<_, _>>()?)
}

/// A time as it is stored: whole microseconds, the finest that PostgreSQL keeps.
pub(super) fn stored(time: DateTime<Utc>) -> DateTime<Utc> {
    time.trunc_subsecs(6)
}

#[cfg(test)]
mod tests {
    use chrono::{SecondsFormat, TimeDelta};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The property that comparisons on SQLite rest on; the format is sqlx's.
        #[test]
        fn texts_sort_as_times_do(seconds in 0..4_000_000_000_i64, a in 0..3_000_000_i64, b in 0..3_000_000_i64) {
            let time = |micros| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds) + TimeDelta::microseconds(micros);
            let text = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::AutoSi, false);
            for (a, b) in [(a, b), (a / 1000 * 1000, b), (a / 1_000_000 * 1_000_000, b)] {
                prop_assert_eq!(time(a).cmp(&time(b)), text(time(a)).cmp(&text(time(b))));
            }
        }
    }
}
