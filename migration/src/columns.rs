//! The kinds of columns in the tables.

use sea_orm_migration::prelude::*;

/// A number that the database assigns and never reuses (AUTOINCREMENT on SQLite, an identity on PostgreSQL).
pub(crate) fn key(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().auto_increment().primary_key().take()
}

/// A Discord id, or another 64-bit integer.
pub(crate) fn big(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().take()
}

/// The same, nullable.
pub(crate) fn big_or_null(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().take()
}

/// A 32-bit integer.
pub(crate) fn int(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).integer().not_null().take()
}

/// The same, nullable.
pub(crate) fn int_or_null(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).integer().take()
}

/// A boolean with its default.
pub(crate) fn flag(name: &'static str, default: bool) -> ColumnDef {
    ColumnDef::new(name).boolean().not_null().default(default).take()
}

/// A word or a text.
pub(crate) fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().take()
}

/// The same, nullable.
pub(crate) fn text_or_null(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().take()
}

/// Encrypted bytes, nullable.
pub(crate) fn sealed_or_null(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).blob().take()
}

/// A time: `timestamptz` on PostgreSQL, text on SQLite (how those are ordered: `src/store/db/sql.rs`).
pub(crate) fn time(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).timestamp_with_time_zone().not_null().take()
}

/// The same, nullable.
pub(crate) fn time_or_null(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).timestamp_with_time_zone().take()
}

/// An index over these columns, in their order.
pub(crate) fn index(
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
) -> IndexCreateStatement {
    let mut index = Index::create().name(name).table(table).take();
    for column in columns {
        index.col(*column);
    }
    index
}

/// Removes a table with its indexes.
pub(crate) fn drop(table: &'static str) -> TableDropStatement {
    Table::drop().table(table).take()
}
