//! Mentions: what a text names, and whom it may notify.

use serde_json::Value;

use crate::error::FormErrors;
use crate::ids::{RoleId, UserId};
use crate::model::Pinged;
use crate::validate::snowflake;

/// The `allowed_mentions` of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AllowedMentions {
    everyone: bool,
    all_users: bool,
    all_roles: bool,
    users: Vec<UserId>,
    roles: Vec<RoleId>,
    pub(crate) replied_user: bool,
}

impl AllowedMentions {
    /// The default when a request doesn't say: everything may notify.
    pub(crate) fn everything() -> Self {
        Self { everyone: true, all_users: true, all_roles: true, replied_user: true, ..Self::default() }
    }

    /// Reads the field; naming ids and allowing all of the same kind are mutually exclusive (50035).
    pub(crate) fn read(form: &mut FormErrors, value: &Value) -> Self {
        let parse = value.get("parse").and_then(Value::as_array);
        let has = |kind: &str| parse.is_some_and(|list| list.iter().any(|entry| entry == kind));
        let ids = |key: &str| value[key].as_array().cloned().unwrap_or_default();
        let (users, roles) = (ids("users"), ids("roles"));
        for (key, list) in [("users", &users), ("roles", &roles)] {
            if has(key) && !list.is_empty() {
                form.add(
                    "allowed_mentions",
                    "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                    &format!("parse:[\"{key}\"] and {key}: [ids...] are mutually exclusive."),
                );
            }
            if list.len() > 100 {
                form.add(
                    &format!("allowed_mentions.{key}"),
                    "BASE_TYPE_MAX_LENGTH",
                    "Must be 100 or fewer in length.",
                );
            }
        }
        for (i, entry) in parse.into_iter().flatten().enumerate() {
            if !["users", "roles", "everyone"].iter().any(|known| entry == known) {
                form.add(
                    &format!("allowed_mentions.parse.{i}"),
                    "BASE_TYPE_CHOICES",
                    "Value must be one of ('users', 'everyone', 'roles').",
                );
            }
        }
        Self {
            everyone: has("everyone"),
            all_users: has("users"),
            all_roles: has("roles"),
            users: users.iter().filter_map(snowflake).collect(),
            roles: roles.iter().filter_map(snowflake).collect(),
            replied_user: value["replied_user"] == true,
        }
    }

    /// The part of `named` that may be notified.
    pub(crate) fn filter(&self, named: &Pinged) -> Pinged {
        Pinged {
            everyone: named.everyone && self.everyone,
            users: named
                .users
                .iter()
                .copied()
                .filter(|id| self.all_users || self.users.contains(id))
                .collect(),
            roles: named
                .roles
                .iter()
                .copied()
                .filter(|id| self.all_roles || self.roles.contains(id))
                .collect(),
        }
    }
}

/// Everything that a text names: `<@1>`, `<@!1>`, `<@&1>`, `@everyone` and `@here`, outside code.
pub(crate) fn named_in(content: &str) -> Pinged {
    let mut named = Pinged::default();
    // Text between backticks is code, which notifies nobody.
    let fence = if content.contains("```") { "```" } else { "`" };
    let outside = content.split(fence).step_by(2).collect::<Vec<_>>().join(" ");
    named.everyone = outside.contains("@everyone") || outside.contains("@here");
    for part in outside.split("<@").skip(1) {
        let Some((inner, _)) = part.split_once('>') else { continue };
        if let Some(role) = inner.strip_prefix('&') {
            push_new(&mut named.roles, role.parse().ok());
        } else {
            push_new(&mut named.users, inner.trim_start_matches('!').parse().ok());
        }
    }
    named
}

fn push_new<T: PartialEq>(list: &mut Vec<T>, item: Option<T>) {
    if let Some(item) = item
        && !list.contains(&item)
    {
        list.push(item);
    }
}

impl Pinged {
    /// Adds what another version of the message notified.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.everyone |= other.everyone;
        for user in &other.users {
            push_new(&mut self.users, Some(*user));
        }
        for role in &other.roles {
            push_new(&mut self.roles, Some(*role));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_text_names_people_roles_and_everyone_outside_of_code() {
        let named = named_in("hi <@5> and <@!6>, <@&7> @everyone <@5>");
        assert_eq!(
            named,
            Pinged { everyone: true, users: vec![UserId(5), UserId(6)], roles: vec![RoleId(7)] }
        );
        assert_eq!(named_in("`<@5> @everyone`"), Pinged::default());
    }

    #[test]
    fn allowed_mentions_filter() {
        let named = named_in("<@5> <@6> <@&7> @everyone");
        let mut form = FormErrors::default();
        let none = AllowedMentions::read(&mut form, &json!({"parse": []}));
        assert_eq!(none.filter(&named), Pinged::default());
        let one = AllowedMentions::read(&mut form, &json!({"parse": ["roles"], "users": ["6"]}));
        assert_eq!(one.filter(&named).users, [UserId(6)]);
        assert_eq!(one.filter(&named).roles, [RoleId(7)]);
        assert_eq!(AllowedMentions::everything().filter(&named), named);
        assert!(form.finish().is_ok());
        let mut form = FormErrors::default();
        AllowedMentions::read(&mut form, &json!({"parse": ["users"], "users": ["6"]}));
        assert!(form.finish().is_err());
    }
}
