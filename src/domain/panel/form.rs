//! Forms that people fill in (Discord: "Modals"), with at most five texts.

use std::collections::BTreeMap;

/// How many fields a form may have (Discord: 5 rows of one text each).
pub const MOST_FIELDS: usize = 5;
/// How long a form's title may be (Discord: 1–45 characters).
pub const LONGEST_TITLE: usize = 45;
/// How long a field's label may be (Discord: 1–45 characters).
pub const LONGEST_LABEL: usize = 45;
/// How long a field's grey example may be (Discord: at most 100 characters).
pub const LONGEST_PLACEHOLDER: usize = 100;
/// How long a field's text may be (Discord: at most 4000 characters).
pub const LONGEST_VALUE: u16 = 4000;

/// A form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// The action that submitting it asks the panel's kind for; at most 60 characters.
    pub action: String,
    /// Its title.
    pub title: String,
    /// One to five.
    pub fields: Vec<FormField>,
}

/// A text to fill in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormField {
    /// Its name in [`FormAnswers`].
    pub id: &'static str,
    /// Its label.
    pub label: String,
    /// A grey example.
    pub placeholder: String,
    /// The text that it opens with.
    pub value: String,
    /// Whether it takes several lines.
    pub paragraph: bool,
    /// Whether it must be filled in.
    pub required: bool,
    /// How many characters it takes at most.
    pub most: u16,
}

impl FormField {
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

    /// With a text to open with.
    pub fn with(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }
}

/// What was filled in, by the fields' names; trimmed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormAnswers(BTreeMap<String, String>);

impl FormAnswers {
    /// The text of a field; empty if it was left empty or doesn't exist.
    pub fn get(&self, id: &str) -> &str {
        self.0.get(id).map_or("", String::as_str)
    }
}

impl<K: Into<String>, V: AsRef<str>> FromIterator<(K, V)> for FormAnswers {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(fields: T) -> Self {
        Self(fields.into_iter().map(|(id, value)| (id.into(), value.as_ref().trim().to_owned())).collect())
    }
}
