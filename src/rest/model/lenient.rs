//! Reading Discord's answers without losing the whole for a part: what can't be read is left out.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::domain::permissions::Permissions;

/// The value, or its default where it is missing, null or of another form.
pub(in crate::rest) fn or_default<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    d: D,
) -> Result<T, D::Error> {
    let value = Value::deserialize(d)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

/// The elements that can be read; none where there is no list.
pub(in crate::rest) fn list<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    d: D,
) -> Result<Vec<T>, D::Error> {
    let Value::Array(values) = Value::deserialize(d)? else { return Ok(Vec::new()) };
    Ok(values.into_iter().filter_map(|value| serde_json::from_value(value).ok()).collect())
}

/// A set of flags, as a number or as a decimal text; none where it is neither.
pub(in crate::rest) fn flags<'de, D: Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
    let value = Value::deserialize(d)?;
    Ok(value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_default())
}

/// The number of a kind, 0 where none is given; `u16::MAX` for what no kind can be.
pub(in crate::rest) fn kind<'de, D: Deserializer<'de>>(d: D) -> Result<u16, D::Error> {
    let value = Value::deserialize(d)?;
    let number = value.as_u64().and_then(|number| u16::try_from(number).ok());
    Ok(if value.is_null() { 0 } else { number.unwrap_or(u16::MAX) })
}

/// Permissions, which Discord writes as a decimal text. An unreadable set is an error: nobody gets by without
/// it.
pub(in crate::rest) fn permissions<'de, D: Deserializer<'de>>(d: D) -> Result<Permissions, D::Error> {
    let bits = match Value::deserialize(d)? {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_u64(),
        _ => None,
    };
    bits.map(Permissions::from_bits_retain)
        .ok_or_else(|| serde::de::Error::custom("not a set of permissions"))
}
