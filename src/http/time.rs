//! How times are written: in RFC 3339, which has years of four digits.

use chrono::{DateTime, Datelike, Utc};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// A time that a request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GivenTime(pub(super) DateTime<Utc>);

impl<'de> Deserialize<'de> for GivenTime {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        let time = DateTime::<Utc>::deserialize(value)?;
        // Anything else couldn't be written again.
        match time.year() {
            1..=9_999 => Ok(Self(time)),
            _ => Err(D::Error::custom("a year has four digits")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_have_four_digits() {
        let read = |text: &str| serde_json::from_value::<GivenTime>(text.into()).is_ok();
        for good in ["2026-11-30T12:00:00Z", "9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00Z"] {
            assert!(read(good), "{good}");
        }
        for bad in ["+10000-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00", "-0001-01-01T00:00:00Z", "soon"] {
            assert!(!read(bad), "{bad}");
        }
    }
}
