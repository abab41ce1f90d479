//! SQL that SeaORM's builder can't express, or can't express readably: one text for both databases, with
//! `$1`, `$2` … in it, which SQLite understands as PostgreSQL does.
//!
//! # Times
//! SQLite has no type for times; SeaORM stores them as RFC 3339 text, always in UTC and written `+00:00`.
//! Such texts sort as the times do, although the fraction is left out when it is zero: at the first
//! difference, `+` (the end of the shorter text) sorts below `.` and every digit. For this reason, and
//! because they can be read in any database tool, they aren't stored as numbers. All times pass through
//! [`stored`], so that both databases keep microseconds and give back what they were given.
//!
//! # Tables
//! A statement about many rows takes them as one value ([`Table`], JSON) instead of many. Its text stays the
//! same, and the database plans it once, however many rows there are. There is no other way to pass a set:
//! databases limit the number of a statement's values (32,766 on SQLite, 65,535 on PostgreSQL), but not the
//! size of one.
//!
//! On PostgreSQL, a set of numbers is an array, not JSON. Of an array, the planner knows how many numbers
//! there are. Of JSON, it assumes 100. For that many it may rather read a whole table than look them up by
//! an index: with a million follows, that cost a quarter of a second for each message.

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult, QueryResult, Statement, Value};

use crate::domain::ids::ChannelId;
use crate::store::StoreError;

/// A statement and its values.
pub(in crate::store) struct Sql {
    pieces: Vec<Piece>,
    values: Vec<Value>,
}

/// A part of a statement.
enum Piece {
    Text(String),
    /// A table named `t`, which is the value of this number.
    Table(Rows, usize),
}

/// A table's columns and rows.
struct Rows {
    columns: Vec<(&'static str, Kind)>,
    rows: Vec<serde_json::Value>,
}

impl Rows {
    /// Its only column, if that holds numbers.
    fn numbers(&self) -> Option<&'static str> {
        match self.columns.as_slice() {
            [(name, Kind::Number)] => Some(name),
            _ => None,
        }
    }

    /// The table in a statement for this database, in which it is the value of this number.
    fn text(&self, value: usize, postgres: bool) -> String {
        if let Some(name) = self.numbers().filter(|_| postgres) {
            return format!("(SELECT e.value AS {name} FROM unnest(${value}::bigint[]) AS e(value)) AS t");
        }
        let columns = self.columns.iter().enumerate();
        let columns: Vec<String> =
            columns.map(|(index, (name, kind))| kind.select(index, name, postgres)).collect();
        let columns = columns.join(", ");
        match postgres {
            true => format!("(SELECT {columns} FROM jsonb_array_elements(${value}::jsonb) AS e(value)) AS t"),
            false => format!("(SELECT {columns} FROM json_each(${value}) AS e) AS t"),
        }
    }

    /// That value.
    fn value(self, postgres: bool) -> Value {
        if self.numbers().is_none() || !postgres {
            return serde_json::Value::Array(self.rows).to_string().into();
        }
        let number = |row: &serde_json::Value| match &row[0] {
            serde_json::Value::Null => "NULL".to_owned(),
            number => number.to_string(),
        };
        format!("{{{}}}", self.rows.iter().map(number).collect::<Vec<_>>().join(",")).into()
    }
}

impl Sql {
    /// A statement whose `$1`, `$2` … are these values.
    pub(in crate::store) fn new(text: impl Into<String>, values: impl IntoIterator<Item = Value>) -> Self {
        Self { pieces: vec![Piece::Text(text.into())], values: values.into_iter().map(storable).collect() }
    }

    /// Adds more text.
    pub(in crate::store) fn then(mut self, text: &str) -> Self {
        match self.pieces.last_mut() {
            Some(Piece::Text(last)) => last.push_str(text),
            _ => self.pieces.push(Piece::Text(text.to_owned())),
        }
        self
    }

    /// Adds a value.
    pub(in crate::store) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(storable(value.into()));
        let value = format!("${}", self.values.len());
        self.then(&value)
    }

    /// Adds a set in parentheses, for `IN`. An empty set contains nothing.
    pub(in crate::store) fn list<T: Cell>(self, values: impl IntoIterator<Item = T>) -> Self {
        let set = Table::new([("value", T::KIND)], values.into_iter().map(|value| [value.json()]));
        self.then("(SELECT t.value FROM ").rows(set).then(")")
    }

    /// Adds a table, named `t`, to a `FROM`.
    pub(in crate::store) fn table<const N: usize>(self, _: &impl ConnectionTrait, table: Table<N>) -> Self {
        self.rows(table)
    }

    /// The same.
    pub(in crate::store) fn rows<const N: usize>(mut self, table: Table<N>) -> Self {
        // It is written once the database is known.
        self.values.push(Value::String(None));
        let rows = Rows { columns: table.columns.into(), rows: table.rows };
        self.pieces.push(Piece::Table(rows, self.values.len()));
        self
    }

    fn on(mut self, db: &impl ConnectionTrait) -> Statement {
        let backend = db.get_database_backend();
        let postgres = backend == DbBackend::Postgres;
        let mut text = String::new();
        for piece in self.pieces {
            match piece {
                Piece::Text(piece) => text.push_str(&piece),
                Piece::Table(rows, value) => {
                    text.push_str(&rows.text(value, postgres));
                    if let Some(place) = self.values.get_mut(value - 1) {
                        *place = rows.value(postgres);
                    }
                }
            }
        }
        Statement::from_sql_and_values(backend, text, self.values)
    }

    /// Runs it. Returns how many rows it changed.
    pub(in crate::store) async fn execute(self, db: &impl ConnectionTrait) -> Result<u64, DbErr> {
        Ok(db.execute_raw(self.on(db)).await?.rows_affected())
    }

    /// Its first row.
    pub(in crate::store) async fn row(self, db: &impl ConnectionTrait) -> Result<Option<QueryResult>, DbErr> {
        db.query_one_raw(self.on(db)).await
    }

    /// Its rows, as they are.
    pub(in crate::store) async fn all(self, db: &impl ConnectionTrait) -> Result<Vec<QueryResult>, DbErr> {
        db.query_all_raw(self.on(db)).await
    }

    /// Its rows.
    pub(in crate::store) async fn rows_of<T: FromQueryResult>(
        self,
        db: &impl ConnectionTrait,
    ) -> Result<Vec<T>, DbErr> {
        let rows = db.query_all_raw(self.on(db)).await?;
        rows.iter().map(|row| T::from_query_result(row, "")).collect()
    }

    /// Its rows, each with the number from its first column.
    pub(in crate::store) async fn keyed_rows(
        self,
        db: &impl ConnectionTrait,
    ) -> Result<Vec<(i64, QueryResult)>, DbErr> {
        let rows = db.query_all_raw(self.on(db)).await?;
        rows.into_iter().map(|row| Ok((row.try_get_by_index(0)?, row))).collect()
    }

    /// The numbers in the first column of its rows.
    pub(in crate::store) async fn numbers(self, db: &impl ConnectionTrait) -> Result<Vec<i64>, DbErr> {
        let rows = db.query_all_raw(self.on(db)).await?;
        rows.iter().map(|row| row.try_get_by_index(0)).collect()
    }
}

/// How many rows one statement looks for, and one transaction deletes, where there may be very many.
pub(in crate::store) const CHUNK: i64 = 1_000;

/// What a column of a table holds.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) enum Kind {
    Number,
    Text,
    Time,
    Flag,
    Real,
    /// Passed as hexadecimal digits, as JSON has no bytes.
    Bytes,
}

impl Kind {
    /// The column of this index, under this name.
    fn select(self, index: usize, name: &str, postgres: bool) -> String {
        let kind = match self {
            Self::Bytes if postgres => return format!("decode(e.value->>{index}, 'hex') AS {name}"),
            Self::Bytes => return format!("unhex(e.value->>{index}) AS {name}"),
            _ if !postgres => return format!("e.value->>{index} AS {name}"),
            Self::Number => "bigint",
            Self::Text => "text",
            Self::Time => "timestamptz",
            Self::Flag => "boolean",
            Self::Real => "double precision",
        };
        format!("(e.value->>{index})::{kind} AS {name}")
    }
}

/// What a set can hold.
pub(in crate::store) trait Cell {
    /// As a column.
    const KIND: Kind;
    /// As a value in it.
    fn json(self) -> serde_json::Value;
}

impl Cell for i64 {
    const KIND: Kind = Kind::Number;

    fn json(self) -> serde_json::Value {
        self.into()
    }
}

impl Cell for &str {
    const KIND: Kind = Kind::Text;

    fn json(self) -> serde_json::Value {
        self.into()
    }
}

impl Cell for String {
    const KIND: Kind = Kind::Text;

    fn json(self) -> serde_json::Value {
        self.into()
    }
}

/// Rows that a statement takes as one value.
pub(in crate::store) struct Table<const N: usize> {
    columns: [(&'static str, Kind); N],
    rows: Vec<serde_json::Value>,
}

impl<const N: usize> Table<N> {
    /// Whether there are no rows.
    pub(in crate::store) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// A table of these columns and rows. Times are given as [`cell`]s.
    pub(in crate::store) fn new(
        columns: [(&'static str, Kind); N],
        rows: impl IntoIterator<Item = [serde_json::Value; N]>,
    ) -> Self {
        let row = |row: [serde_json::Value; N]| serde_json::Value::Array(row.map(storable_cell).into());
        Self { columns, rows: rows.into_iter().map(row).collect() }
    }
}

impl Table<1> {
    /// A table of numbers, in a column of this name.
    pub(in crate::store) fn numbers(name: &'static str, numbers: impl IntoIterator<Item = i64>) -> Self {
        Self::new([(name, Kind::Number)], numbers.into_iter().map(|number| [number.into()]))
    }
}

/// PostgreSQL stores this character in no text, and refuses the whole statement. It is removed from
/// everything that is written.
const NUL: char = '\0';

fn storable(mut value: Value) -> Value {
    if let Value::String(Some(text)) = &mut value
        && text.contains(NUL)
    {
        text.retain(|c| c != NUL);
    }
    value
}

fn storable_cell(mut cell: serde_json::Value) -> serde_json::Value {
    if let serde_json::Value::String(text) = &mut cell
        && text.contains(NUL)
    {
        text.retain(|c| c != NUL);
    }
    cell
}

/// A time in a table, as it is stored.
pub(in crate::store) fn cell(time: DateTime<Utc>) -> String {
    stored(time).to_rfc3339_opts(SecondsFormat::AutoSi, false)
}

/// Bytes in a table.
pub(in crate::store) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)]));
    bytes.iter().flat_map(digits).collect()
}

/// Channel ids from the database.
pub(in crate::store) fn channel_ids(
    numbers: impl IntoIterator<Item = i64>,
) -> Result<Vec<ChannelId>, StoreError> {
    Ok(numbers.into_iter().map(ChannelId::from_db).collect::<Result<_, _>>()?)
}

/// The same, each once and in ascending order.
pub(in crate::store) fn distinct_channels(mut numbers: Vec<i64>) -> Result<Vec<ChannelId>, StoreError> {
    numbers.sort_unstable();
    numbers.dedup();
    channel_ids(numbers)
}

/// A time as it is stored: whole microseconds, the finest that PostgreSQL keeps.
pub(in crate::store) fn stored(time: DateTime<Utc>) -> DateTime<Utc> {
    time.trunc_subsecs(6)
}

#[cfg(test)]
mod tests {
    use chrono::{SecondsFormat, TimeDelta};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Comparisons on SQLite rely on this property. The format is sqlx's.
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
