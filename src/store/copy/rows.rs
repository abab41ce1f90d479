//! A row of SQLite as PostgreSQL's COPY reads it: one line, tabs between the values, `\N` for none.

use std::io::Write;

use sea_orm::sqlx::sqlite::{SqliteRow, SqliteValueRef};
use sea_orm::sqlx::{Decode, Row, Sqlite, TypeInfo, ValueRef};

use super::tables::Column;

/// The type of a column, as PostgreSQL sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueKind {
    /// Whole numbers.
    Whole,
    /// Numbers with a fraction.
    Real,
    /// Yes or no: 0 or 1 in SQLite.
    Flag,
    /// Texts, and times: SQLite has them as text that PostgreSQL reads.
    Text,
    /// Bytes.
    Bytes,
}

/// This column's value doesn't fit its type.
#[derive(Debug)]
pub(super) struct Unfit(pub(super) String);

impl ValueKind {
    /// The kind of a column with this type; `None` for types that the schema doesn't use.
    pub(super) fn of(postgres: &str) -> Option<Self> {
        match postgres {
            "bigint" | "integer" => Some(Self::Whole),
            "double precision" => Some(Self::Real),
            "boolean" => Some(Self::Flag),
            "text" | "character varying" | "timestamp with time zone" => Some(Self::Text),
            "bytea" => Some(Self::Bytes),
            _ => None,
        }
    }
}

/// Writes a row with the values of these columns, in their order.
pub(super) fn write(row: &SqliteRow, columns: &[Column], line: &mut Vec<u8>) -> Result<(), Unfit> {
    for (index, column) in columns.iter().enumerate() {
        if index > 0 {
            line.push(b'\t');
        }
        let unfit = || Unfit(column.name.clone());
        let value = row.try_get_raw(index).map_err(|_| unfit())?;
        if value.is_null() {
            line.extend_from_slice(b"\\N");
        } else {
            write_value(value, column.kind, line).ok_or_else(unfit)?;
        }
    }
    line.push(b'\n');
    Ok(())
}

fn write_value(value: SqliteValueRef<'_>, kind: ValueKind, line: &mut Vec<u8>) -> Option<()> {
    // SQLite would convert any value to any type; a value that doesn't fit must not become a 0.
    let class = value.type_info().name().to_owned();
    match (kind, class.as_str()) {
        (ValueKind::Whole, "INTEGER") => write!(line, "{}", decode::<i64>(value)?).ok(),
        (ValueKind::Flag, "INTEGER") => {
            line.push(if decode::<i64>(value)? == 0 { b'f' } else { b't' });
            Some(())
        }
        (ValueKind::Real, "REAL" | "INTEGER") => write!(line, "{}", decode::<f64>(value)?).ok(),
        (ValueKind::Text, "TEXT") => {
            escape(decode::<&str>(value)?, line);
            Some(())
        }
        (ValueKind::Bytes, "BLOB") => {
            line.extend_from_slice(b"\\\\x");
            decode::<&[u8]>(value)?.iter().try_for_each(|byte| write!(line, "{byte:02x}")).ok()
        }
        _ => None,
    }
}

fn decode<'r, T: Decode<'r, Sqlite>>(value: SqliteValueRef<'r>) -> Option<T> {
    T::decode(value).ok()
}

fn escape(text: &str, line: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'\\' => line.extend_from_slice(b"\\\\"),
            b'\t' => line.extend_from_slice(b"\\t"),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            byte => line.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_ends_its_value() {
        let mut line = Vec::new();
        escape("a\tb\nc\r\\N é", &mut line);
        assert_eq!(String::from_utf8(line).unwrap(), "a\\tb\\nc\\r\\\\N é");
    }
}
