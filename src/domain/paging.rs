//! Pages of lists that go from the newest back.
//!
//! A page begins at a cursor, which keeps its place while items come and go, or has a number, which people
//! can count with. A cursor's text is handed out to programs: they give it back as it is, and need not know
//! what it says.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// Where a page begins. By the number of a row, so that it keeps its place while rows come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// With the newest.
    Newest,
    /// After the item with this number, further back.
    OlderThan(i64),
    /// It ends before that item.
    NewerThan(i64),
}

/// A text that is no cursor of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor")]
pub struct InvalidCursor;

impl fmt::Display for Cursor {
    /// 12 letters, digits, `-` and `_`: what it is (one byte) and the number (eight).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, id) = match self {
            Self::Newest => (0, 0_i64),
            Self::OlderThan(id) => (1, *id),
            Self::NewerThan(id) => (2, *id),
        };
        let mut bytes = [what; 9];
        if let Some(number) = bytes.last_chunk_mut() {
            *number = id.to_be_bytes();
        }
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let mut bytes = [0; 9];
        // A longer text doesn't fit, and a shorter one fills less.
        let length = BASE64_URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).map_err(|_| InvalidCursor)?;
        let [what, number @ ..] = bytes;
        match (length, what, i64::from_be_bytes(number)) {
            (9, 0, 0) => Ok(Self::Newest),
            (9, 1, id) if id > 0 => Ok(Self::OlderThan(id)),
            (9, 2, id) if id > 0 => Ok(Self::NewerThan(id)),
            _ => Err(InvalidCursor),
        }
    }
}

/// Which page of a list is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageStart {
    /// The one that begins here.
    At(Cursor),
    /// The one with this number; the first is 1.
    Number(NonZeroU64),
}

impl From<Cursor> for PageStart {
    fn from(cursor: Cursor) -> Self {
        Self::At(cursor)
    }
}

/// How many items a page has at most: 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(u8);

impl PageSize {
    /// The most.
    pub const MOST: u8 = 100;

    /// A size; `None` out of bounds.
    pub const fn new(size: u8) -> Option<Self> {
        if size >= 1 && size <= Self::MOST { Some(Self(size)) } else { None }
    }

    /// The number itself.
    pub const fn get(self) -> u64 {
        self.0 as u64
    }

    /// How many pages of this size so many items fill.
    pub const fn pages_of(self, items: u64) -> u64 {
        items.div_ceil(self.get())
    }
}

impl Default for PageSize {
    /// 20, where nobody says how many.
    fn default() -> Self {
        Self(20)
    }
}

/// A page of a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// How many there are on all pages.
    pub total: u64,
    /// How many are newer than those on this page: the index of the first one.
    pub newer: u64,
}

impl<T> Page<T> {
    /// Whether there is a newer page.
    pub const fn has_newer(&self) -> bool {
        self.newer > 0
    }

    /// Whether there is an older page.
    pub const fn has_older(&self) -> bool {
        self.newer + (self.items.len() as u64) < self.total
    }

    /// The same page of what its items become.
    pub fn with<U>(&self, items: Vec<U>) -> Page<U> {
        Page { items, total: self.total, newer: self.newer }
    }
}

/// A page of a list that may be so long that nobody counts what is newer than the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LongPage<T> {
    /// What is on it, newest first.
    pub items: Vec<T>,
    /// How many there are on all pages.
    pub total: u64,
    /// Whether there is a newer page.
    pub has_newer: bool,
    /// Whether there is an older page.
    pub has_older: bool,
}

impl<T> LongPage<T> {
    /// The same page of what its items become.
    pub fn with<U>(&self, items: Vec<U>) -> LongPage<U> {
        LongPage { items, total: self.total, has_newer: self.has_newer, has_older: self.has_older }
    }
}

impl<T> From<Page<T>> for LongPage<T> {
    fn from(page: Page<T>) -> Self {
        let (has_newer, has_older) = (page.has_newer(), page.has_older());
        Self { items: page.items, total: page.total, has_newer, has_older }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cursors() -> impl Strategy<Value = Cursor> {
        let id = 1..=i64::MAX;
        prop_oneof![
            Just(Cursor::Newest),
            id.clone().prop_map(Cursor::OlderThan),
            id.prop_map(Cursor::NewerThan)
        ]
    }

    proptest! {
        #[test]
        fn a_cursor_comes_back_as_it_was(cursor in cursors()) {
            let text = cursor.to_string();
            prop_assert_eq!(text.len(), 12);
            prop_assert!(text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)));
            prop_assert_eq!(text.parse(), Ok(cursor));
        }

        #[test]
        fn no_text_does_harm_and_each_cursor_has_one_text(text in "\\PC{0,40}|[A-Za-z0-9_=+/-]{0,20}|A[A-Za-z0-9_-]{11}") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string(), text);
            }
        }

        #[test]
        fn no_bytes_make_a_number_that_no_row_has(bytes in any::<[u8; 9]>()) {
            match BASE64_URL_SAFE_NO_PAD.encode(bytes).parse() {
                Ok(Cursor::OlderThan(id) | Cursor::NewerThan(id)) => prop_assert!(id > 0),
                Ok(Cursor::Newest) => prop_assert_eq!(bytes, [0; 9]),
                Err(InvalidCursor) => {}
            }
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let cut = &Cursor::OlderThan(7).to_string()[..11];
        let longer = format!("{}A", Cursor::Newest);
        for text in ["", "1", "AAAAAAAAAAAA=", "AQAAAAAAAAAA", "AwAAAAAAAAAB", "Af__________", cut, &longer] {
            assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{text}");
        }
    }

    #[test]
    fn a_page_has_one_to_a_hundred_items() {
        assert_eq!([0, 1, 100, 101].map(|size| PageSize::new(size).is_some()), [false, true, true, false]);
        let size = PageSize::new(20).unwrap();
        assert_eq!([0, 1, 20, 21].map(|items| size.pages_of(items)), [0, 1, 1, 2]);
    }
}
