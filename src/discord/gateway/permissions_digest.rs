//! What GUILD_CREATE says about who may see what in a server, as a digest. A new session doesn't report what
//! changed before it began; a different digest shows that something did.

use std::fmt::Write;

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::domain::doors::PermissionsDigest;
use crate::domain::ids::{ChannelId, UserId};

use super::frame::{object, parse};
use super::lenient::lenient;

lenient! {
    /// What permissions depend on, in a server, role, channel, overwrite or member.
    struct Fields {
        id: "id",
        kind: "type",
        roles: "roles",
        channels: "channels",
        members: "members",
        user: "user",
        parent_id: "parent_id",
        nsfw: "nsfw",
        permissions: "permissions",
        permission_overwrites: "permission_overwrites",
        allow: "allow",
        deny: "deny",
        timed_out_until: "communication_disabled_until",
    }
}

/// The digest of the server's roles, of these channels, and of the bot's own membership; `None` if one of
/// them can't be read. The order in which Discord lists them doesn't matter.
pub(super) fn digest(
    guild: &RawValue,
    concerns: impl Fn(ChannelId) -> bool,
    is_self: impl Fn(UserId) -> bool,
) -> Option<PermissionsDigest> {
    let guild: Fields<'_> = object(guild.get())?;
    let mut text = lines(guild.roles, |role| {
        Some(format!("role {} {}", written(role.id)?, written(role.permissions)?))
    })?;
    let channels = lines(guild.channels, |channel| {
        let id = written(channel.id)?;
        concerns(id.parse().ok()?).then(|| channel_line(id, channel))
    })?;
    let own = parse::<Vec<&RawValue>>(guild.members)?
        .into_iter()
        .filter_map(|member| object::<Fields<'_>>(member.get()))
        .find(|member| user(member).is_some_and(&is_self))?;
    let mut roles: Vec<&RawValue> = parse(own.roles)?;
    roles.sort_unstable_by_key(|role| role.get());
    text.push_str(&channels);
    for role in roles {
        let _ = writeln!(text, "own {}", role.get());
    }
    let _ = writeln!(text, "until {:?}", written(own.timed_out_until));
    Some(PermissionsDigest::of(Sha256::digest(text.as_bytes()).into()))
}

fn channel_line(id: &str, channel: &Fields<'_>) -> String {
    let (kind, parent) = (written(channel.kind), written(channel.parent_id));
    let overwrites = lines(channel.permission_overwrites, |overwrite| {
        let (id, kind) = (written(overwrite.id)?, written(overwrite.kind));
        Some(format!("  {id} {kind:?} {:?} {:?}", written(overwrite.allow), written(overwrite.deny)))
    });
    let restricted = written(channel.nsfw) == Some("true");
    format!("channel {id} {kind:?} {parent:?} {restricted}\n{}", overwrites.unwrap_or_default())
}

/// A line for each object of a list, sorted; objects with nothing relevant are left out.
fn lines(list: Option<&RawValue>, line: impl Fn(&Fields<'_>) -> Option<String>) -> Option<String> {
    let objects = parse::<Vec<&RawValue>>(list)?.into_iter().filter_map(|one| object(one.get()));
    let mut lines: Vec<String> = objects.filter_map(|one| line(&one)).collect();
    lines.sort_unstable();
    Some(lines.into_iter().fold(String::new(), |all, line| all + &line + "\n"))
}

fn user(member: &Fields<'_>) -> Option<UserId> {
    let user: Fields<'_> = object(member.user?.get())?;
    written(user.id)?.parse().ok()
}

/// A value as Discord wrote it, without quotation marks; `None` if it is missing or null.
fn written(value: Option<&RawValue>) -> Option<&str> {
    Some(value?.get().trim_matches('"')).filter(|text| *text != "null")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn server() -> Value {
        json!({
            "id": "1", "name": "Harbour",
            "roles": [
                { "id": "1", "name": "everyone", "permissions": "1024" },
                { "id": "2", "name": "Bot", "permissions": "536870912" },
            ],
            "channels": [
                { "id": "10", "type": 5, "name": "news", "parent_id": null, "permission_overwrites": [
                    { "id": "1", "type": 0, "allow": "0", "deny": "2048" },
                    { "id": "7", "type": 1, "allow": "2048", "deny": "0" },
                ] },
                { "id": "11", "type": 0, "name": "talk", "permission_overwrites": [] },
            ],
            "members": [
                { "user": { "id": "8" }, "roles": ["2"] },
                { "user": { "id": "9" }, "roles": ["2", "3"], "communication_disabled_until": null },
            ],
        })
    }

    fn digest_of(server: &Value) -> Option<PermissionsDigest> {
        let text = RawValue::from_string(server.to_string()).unwrap();
        digest(&text, |channel| channel.to_string() == "10", |user| user.to_string() == "9")
    }

    #[rstest]
    #[case::a_role("/roles/0/permissions", json!("0"))]
    #[case::an_overwrite("/channels/0/permission_overwrites/0/deny", json!("3072"))]
    #[case::overwrites("/channels/0/permission_overwrites", json!([]))]
    #[case::age("/channels/0/nsfw", json!(true))]
    #[case::kind("/channels/0/type", json!(0))]
    #[case::own_roles("/members/1/roles", json!(["2"]))]
    #[case::timed_out("/members/1/communication_disabled_until", json!("2027-01-01T00:00:00+00:00"))]
    fn what_rights_rest_on_changes_it(#[case] place: &str, #[case] value: Value) {
        assert_ne!(digest_of(&changed(place, value)), digest_of(&server()));
    }

    #[rstest]
    #[case::a_name("/channels/0/name", json!("renamed"))]
    #[case::no_restriction("/channels/0/nsfw", json!(false))]
    #[case::what_nobody_follows("/channels/1/permission_overwrites", json!([{ "id": "1", "type": 0, "deny": "1024" }]))]
    #[case::others("/members/0/roles", json!([]))]
    fn nothing_else_does(#[case] place: &str, #[case] value: Value) {
        assert_eq!(digest_of(&changed(place, value)), digest_of(&server()));
    }

    #[test]
    fn order_does_not_matter() {
        let mut other = server();
        for list in
            ["/roles", "/channels", "/channels/0/permission_overwrites", "/members", "/members/0/roles"]
        {
            other.pointer_mut(list).unwrap().as_array_mut().unwrap().reverse();
        }
        assert_eq!(digest_of(&other), digest_of(&server()));
    }

    #[rstest]
    #[case("/roles")]
    #[case("/channels")]
    #[case("/members")]
    fn what_cannot_be_read_has_none(#[case] place: &str) {
        assert_eq!(digest_of(&changed(place, json!("?"))), None);
    }

    fn changed(place: &str, value: Value) -> Value {
        let mut server = server();
        let (parent, name) = place.rsplit_once('/').unwrap();
        match server.pointer_mut(parent).unwrap() {
            Value::Array(list) => list[name.parse::<usize>().unwrap()] = value,
            object => object[name] = value,
        }
        server
    }
}
