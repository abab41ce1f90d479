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

/// Why a text can't be in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FieldProblem {
    /// The form has no such field.
    #[error("There is no such field in this kind of panel.")]
    Unknown,
    /// It is empty.
    #[error("This field must be filled in.")]
    Missing,
    /// It is too long; here is how many characters the field takes.
    #[error("This field takes {0} characters at most.")]
    TooLong(u16),
    /// It has several lines.
    #[error("This field takes a single line.")]
    SeveralLines,
    /// It has characters that no form can hold.
    #[error("This field takes no control characters other than line breaks and tabs.")]
    Control,
}

impl FormField {
    /// Whether this text can be filled in. In Discord, the form itself sees to that.
    fn check(&self, text: &str) -> Result<(), FieldProblem> {
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(FieldProblem::Control);
        }
        if !self.paragraph && text.contains(['\n', '\r']) {
            return Err(FieldProblem::SeveralLines);
        }
        if text.chars().count() > usize::from(self.most) {
            return Err(FieldProblem::TooLong(self.most));
        }
        if self.required && text.trim().is_empty() { Err(FieldProblem::Missing) } else { Ok(()) }
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

    /// A form in which these texts were filled in. All other fields keep what they opened with.
    ///
    /// # Errors
    /// The name of the first field with a problem, and which it is.
    pub fn filled_in(
        fields: &[FormField],
        given: &BTreeMap<String, String>,
    ) -> Result<Self, (String, FieldProblem)> {
        if let Some(unknown) = given.keys().find(|id| fields.iter().all(|field| field.id != id.as_str())) {
            return Err((unknown.clone(), FieldProblem::Unknown));
        }
        let text = |field: &FormField| {
            let text = given.get(field.id).unwrap_or(&field.value);
            field.check(text).map_err(|problem| (field.id.to_owned(), problem))?;
            Ok((field.id, text.clone()))
        };
        Ok(fields.iter().map(text).collect::<Result<Vec<_>, _>>()?.into_iter().collect())
    }
}

impl<K: Into<String>, V: AsRef<str>> FromIterator<(K, V)> for FormAnswers {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(fields: T) -> Self {
        Self(fields.into_iter().map(|(id, value)| (id.into(), value.as_ref().trim().to_owned())).collect())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn fields() -> Vec<FormField> {
        vec![
            FormField::line("name", "Name", 3),
            FormField::paragraph("text", "Text", 10).with("as it was"),
            FormField::paragraph("links", "Links", 10).optional(),
        ]
    }

    fn given(texts: &[(&str, &str)]) -> BTreeMap<String, String> {
        texts.iter().map(|(id, text)| ((*id).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn what_is_not_given_stays() {
        let filled = FormAnswers::filled_in(&fields(), &given(&[("name", " ab")])).unwrap();
        assert_eq!([filled.get("name"), filled.get("text"), filled.get("links")], ["ab", "as it was", ""]);
        let filled = FormAnswers::filled_in(&fields(), &given(&[("name", "ab"), ("text", "a\nb")])).unwrap();
        assert_eq!(filled.get("text"), "a\nb");
    }

    #[rstest]
    #[case(&[], "name", FieldProblem::Missing)]
    #[case(&[("name", " ")], "name", FieldProblem::Missing)]
    #[case(&[("name", "ab"), ("text", "")], "text", FieldProblem::Missing)]
    #[case(&[("name", "abcd")], "name", FieldProblem::TooLong(3))]
    #[case(&[("name", "a\nb")], "name", FieldProblem::SeveralLines)]
    #[case(&[("name", "a\0b")], "name", FieldProblem::Control)]
    #[case(&[("name", "ab"), ("titel", "x")], "titel", FieldProblem::Unknown)]
    fn what_no_form_would_take_is_refused(
        #[case] texts: &[(&str, &str)],
        #[case] field: &str,
        #[case] problem: FieldProblem,
    ) {
        let refused = FormAnswers::filled_in(&fields(), &given(texts)).unwrap_err();
        assert_eq!(refused, (field.to_owned(), problem));
    }

    #[test]
    fn length_is_counted_in_characters() {
        let three = FormAnswers::filled_in(&fields(), &given(&[("name", "🦀🦀🦀")])).unwrap();
        assert_eq!(three.get("name"), "🦀🦀🦀");
    }
}
