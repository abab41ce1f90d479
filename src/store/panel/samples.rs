//! Numbers over time, for the charts of panels: a series has a name and one value at a time.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use crate::store::db::sql::{Kind, Sql, Table, cell, stored};
use crate::store::{Store, StoreError};

/// A number at a time.
#[derive(Debug, Clone, PartialEq, FromQueryResult)]
pub struct Sample {
    /// The series.
    pub series: String,
    /// The time.
    pub at: DateTime<Utc>,
    /// The value.
    pub value: f64,
}

impl Store {
    /// Adds a value to each of these series. Values that aren't finite are left out; a second value for the
    /// same time is ignored.
    pub async fn add_samples(&self, values: &[(String, f64)], at: DateTime<Utc>) -> Result<(), StoreError> {
        let finite = values.iter().filter(|(_, value)| value.is_finite());
        let rows = finite.map(|(series, value)| [series.as_str().into(), cell(at).into(), (*value).into()]);
        let columns = [("series", Kind::Text), ("at", Kind::Time), ("value", Kind::Real)];
        let rows = Table::new(columns, rows);
        if rows.is_empty() {
            return Ok(());
        }
        let insert = "INSERT INTO samples (series, at, value) SELECT t.series, t.at, t.value FROM ";
        let insert = Sql::new(insert, []).rows(rows).then(" WHERE TRUE ON CONFLICT DO NOTHING");
        insert.execute(&self.db).await?;
        Ok(())
    }

    /// The values of these series since that time, oldest first.
    pub async fn samples(&self, series: &[String], since: DateTime<Utc>) -> Result<Vec<Sample>, StoreError> {
        let query = Sql::new(
            "SELECT series, at, value FROM samples WHERE at >= $1 AND series IN ",
            [stored(since).into()],
        );
        let query = query.list(series.iter().map(String::as_str)).then(" ORDER BY at");
        Ok(query.rows_of(&self.db).await?)
    }

    /// Forgets the values older than that time, of the series whose names begin with this prefix.
    pub async fn forget_samples(&self, prefix: &str, before: DateTime<Utc>) -> Result<(), StoreError> {
        // Ordinary letters, digits, `:` and `.`: nothing that LIKE would interpret.
        let delete = "DELETE FROM samples WHERE series LIKE $1 AND at < $2";
        Sql::new(delete, [format!("{prefix}%").into(), stored(before).into()]).execute(&self.db).await?;
        Ok(())
    }
}
