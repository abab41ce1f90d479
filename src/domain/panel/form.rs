//! What a person fills in (Discord: "Modals"): at most five texts.

use std::collections::BTreeMap;

/// How many fields a form may have (Discord: 5 rows of one text each).
pub const MOST_FIELDS: usize = 5;
/// The length of a form's title (Discord: 1–45 characters).
pub const LONGEST_TITLE: usize = 45;
/// The length of a field's label (Discord: 1–45 characters).
pub const LONGEST_LABEL: usize = 45;
/// The length of a field's grey example (Discord: at most 100 characters).
pub const LONGEST_PLACEHOLDER: usize = 100;
/// How many characters a field takes (Discord: at most 4000).
pub const LONGEST_VALUE: u16 = 4000;

/// A form that is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// What sending it asks for, in the words of the panel's kind; at most 60 characters.
    pub action: String,
    /// Its title.
    pub title: String,
    /// One to five.
    pub fields: Vec<Field>,
}

/// A text to fill in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name in [`Filled`].
    pub id: &'static str,
    /// Its label.
    pub label: String,
    /// A grey example.
    pub placeholder: String,
    /// Its present text.
    pub value: String,
    /// Several lines.
    pub paragraph: bool,
    /// Whether it must be filled in.
    pub required: bool,
    /// How many characters it takes at most.
    pub most: u16,
}

impl Field {
    /// A required line of at most this many characters.
    pub fn line(id: &'static str, label: &str, most: u16) -> Self {
        Self {
            id,
            label: label.to_owned(),
            placeholder: String::new(),
            value: String::new(),
            paragraph: false,
            required: true,
            most,
        }
    }

    /// A required text of several lines.
    pub fn paragraph(id: &'static str, label: &str, most: u16) -> Self {
        Self { paragraph: true, ..Self::line(id, label, most) }
    }

    /// It may stay empty.
    pub fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    /// With a grey example.
    pub fn example(mut self, text: &str) -> Self {
        text.clone_into(&mut self.placeholder);
        self
    }

    /// With a present text.
    pub fn with(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }
}

/// What was filled in, by the fields' names; trimmed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filled(BTreeMap<String, String>);

impl Filled {
    /// The text of a field; empty where it was left empty, or isn't there.
    pub fn get(&self, id: &str) -> &str {
        self.0.get(id).map_or("", String::as_str)
    }
}

impl<K: Into<String>, V: AsRef<str>> FromIterator<(K, V)> for Filled {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(fields: T) -> Self {
        Self(fields.into_iter().map(|(id, value)| (id.into(), value.as_ref().trim().to_owned())).collect())
    }
}
