//! Mentions, as they can be read where nobody knows the ids: a server shows `<@1>` of a stranger as a broken
//! number. In the source's own server, they stay as they are. Each request says that they ping nobody.

use std::borrow::Cow;

use crate::domain::message::Names;

use super::{RenderContext, words};
use crate::domain::text::markup;

/// What mentions are called in a target.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mentions<'a> {
    /// `None` where Discord shows their names itself.
    names: Option<&'a Names>,
}

impl<'a> Mentions<'a> {
    /// In the source's own server.
    #[cfg(test)]
    pub(super) const HERE: Self = Self { names: None };

    pub(super) fn new(names: &'a Names, context: &RenderContext) -> Self {
        Self { names: (!context.same_server).then_some(names) }
    }

    /// Always as names, for places without formatting, where nothing is a mention.
    pub(super) const fn always(names: &'a Names) -> Self {
        Self { names: Some(names) }
    }

    /// The text with its mentions as names, except in code, where Discord shows them as they are written.
    pub(super) fn named<'t>(self, text: &'t str) -> Cow<'t, str> {
        let Some(names) = self.names else { return Cow::Borrowed(text) };
        if !text.contains('<') {
            return Cow::Borrowed(text);
        }
        let mut named = String::with_capacity(text.len());
        for (code, piece) in markup::pieces(text) {
            if code { named.push_str(piece) } else { name_all(piece, names, &mut named) }
        }
        Cow::Owned(named)
    }
}

fn name_all(text: &str, names: &Names, to: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(['<', '\\']) {
        to.push_str(&rest[..at]);
        rest = &rest[at..];
        let known = rest.starts_with('<').then(|| mention(rest, names)).flatten();
        let length = match known {
            Some((name, length)) => {
                to.push_str(&name);
                length
            }
            None => {
                // What is escaped is no mention.
                let escaped =
                    rest.starts_with('\\') && rest[1..].starts_with(|c: char| c.is_ascii_punctuation());
                let length = if escaped { 2 } else { 1 };
                to.push_str(&rest[..length]);
                length
            }
        };
        rest = &rest[length..];
    }
    to.push_str(rest);
}

/// The name for the mention at the start of a text, and the mention's length in bytes.
fn mention(rest: &str, names: &Names) -> Option<(String, usize)> {
    // Discord: a command's name has at most three parts of 32 characters.
    let mut signs = rest.char_indices().skip(1).take(140).take_while(|(_, c)| *c != '<');
    let end = signs.find(|(_, c)| *c == '>')?.0;
    let inner = &rest[1..end];
    let called = |sign: &str, name: Option<&String>, unknown: &str| {
        let name = name.map(|name| words::plain(name, words::LONGEST_NAME)).filter(|name| !name.is_empty());
        format!("{sign}{}", name.as_deref().unwrap_or(unknown))
    };
    let name = if let Some(role) = inner.strip_prefix("@&").filter(|id| is_id(id)) {
        called("@", role.parse().ok().and_then(|id| names.roles.get(&id)), "unknown role")
    } else if let Some(person) =
        inner.strip_prefix('@').map(|id| id.strip_prefix('!').unwrap_or(id)).filter(|id| is_id(id))
    {
        called("@", person.parse().ok().and_then(|id| names.people.get(&id)), "unknown person")
    } else if let Some(channel) = inner.strip_prefix('#').filter(|id| is_id(id)) {
        called("#", channel.parse().ok().and_then(|id| names.channels.get(&id)), "unknown channel")
    } else if let Some(place) = inner.strip_prefix("id:") {
        place_name(place)?.to_owned()
    } else {
        let (command, id) = inner.strip_prefix('/')?.rsplit_once(':')?;
        let command = Some(words::plain(command, 100)).filter(|command| is_id(id) && !command.is_empty())?;
        format!("/{command}")
    };
    Some((name, end + 1))
}

fn is_id(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Discord: "Guild Navigation Types".
fn place_name(place: &str) -> Option<&'static str> {
    match place.split_once(':').map_or(place, |(place, _)| place) {
        "customize" => Some("Channels & Roles"),
        "browse" => Some("Browse Channels"),
        "guide" | "home" => Some("Server Guide"),
        "linked-roles" => Some("Linked Roles"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn names() -> Names {
        let mut names = Names::default();
        names.people.insert("1".parse().unwrap(), "Ada_L".to_owned());
        names.people.insert("9".parse().unwrap(), "\u{200B}".to_owned());
        names.roles.insert("2".parse().unwrap(), "Crew".to_owned());
        names.channels.insert("3".parse().unwrap(), "news".to_owned());
        names
    }

    #[rstest]
    #[case("Hi <@1>, <@!1>!", "Hi @Ada\\_L, @Ada\\_L!")]
    #[case("<@&2> in <#3>", "@Crew in #news")]
    #[case("<@7> <@&7> <#7> <@9>", "@unknown person @unknown role #unknown channel @unknown person")]
    #[case("</remind me:12> <id:customize> <id:linked-roles:5>", "/remind me Channels & Roles Linked Roles")]
    #[case(
        "<t:1700000000:R> <:wave:1> <a:wave:1> <https://e.com>",
        "<t:1700000000:R> <:wave:1> <a:wave:1> <https://e.com>"
    )]
    #[case("`<@1>` <@1> ```\n<#3>\n``` \\<@1>", "`<@1>` @Ada\\_L ```\n<#3>\n``` \\<@1>")]
    #[case("||a ` b|| <@1> `", "||a ` b|| @Ada\\_L `")]
    #[case("<<@1> <@> <@x> <", "<@Ada\\_L <@> <@x> <")]
    #[case("<@99999999999999999999>", "@unknown person")]
    fn are_named(#[case] text: &str, #[case] named: &str) {
        let names = names();
        assert_eq!(Mentions { names: Some(&names) }.named(text), named);
        assert_eq!(Mentions { names: None }.named(text), text);
    }
}
