//! The options of a command, as a person fills them in.

use serde_json::{Value, json};

use super::{Channel, Person};
use crate::ids::{ChannelId, RoleId, UserId};

/// One option's value.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Arg {
    /// Text (type 3).
    Text(String),
    /// A whole number (type 4).
    Integer(i64),
    /// True or false (type 5).
    Boolean(bool),
    /// A user (type 6, or 9).
    User(UserId),
    /// A channel (type 7).
    Channel(ChannelId),
    /// A role (type 8, or 9).
    Role(RoleId),
    /// Any number (type 10).
    Number(f64),
}

impl Arg {
    pub(crate) fn fits(&self, kind: u64) -> bool {
        match self {
            Self::Text(_) => kind == 3,
            Self::Integer(_) => matches!(kind, 4 | 10),
            Self::Boolean(_) => kind == 5,
            Self::User(_) => matches!(kind, 6 | 9),
            Self::Channel(_) => kind == 7,
            Self::Role(_) => matches!(kind, 8 | 9),
            Self::Number(_) => kind == 10,
        }
    }

    pub(crate) fn json(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Integer(number) => json!(number),
            Self::Boolean(flag) => json!(flag),
            Self::User(id) => json!(id),
            Self::Channel(id) => json!(id),
            Self::Role(id) => json!(id),
            Self::Number(number) => json!(number),
        }
    }
}

macro_rules! arg_from {
    ($($from:ty => $make:expr;)*) => {$(
        impl From<$from> for Arg {
            fn from(value: $from) -> Self {
                let make: fn($from) -> Arg = $make;
                make(value)
            }
        }
    )*};
}

arg_from! {
    &str => |text| Arg::Text(text.to_owned());
    String => Arg::Text;
    bool => Arg::Boolean;
    i64 => Arg::Integer;
    i32 => |number| Arg::Integer(number.into());
    f64 => Arg::Number;
    ChannelId => Arg::Channel;
    UserId => Arg::User;
    RoleId => Arg::Role;
    &Channel => |channel| Arg::Channel(channel.id());
    &Person => |person| Arg::User(person.id());
}

/// The options of one use of a command: `Options::new().set("channel", &releases).set("panels", true)`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options(pub(crate) Vec<(String, Arg)>);

impl Options {
    /// No options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Fills in one option.
    pub fn set(mut self, name: &str, value: impl Into<Arg>) -> Self {
        self.0.push((name.to_owned(), value.into()));
        self
    }
}

impl From<()> for Options {
    fn from((): ()) -> Self {
        Self::new()
    }
}

impl<A: Into<Arg>, const N: usize> From<[(&str, A); N]> for Options {
    fn from(pairs: [(&str, A); N]) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect())
    }
}

/// One choice that an autocompletion offers.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Choice {
    /// The text that the person reads.
    pub name: String,
    /// The value that is sent when they pick it.
    pub value: Value,
}
