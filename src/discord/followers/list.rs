//! The list of a channel's followers as an embed, with the menus that pick one and the buttons that decide on
//! it. A component's id holds all that a press needs.

use std::fmt::Write;

use poise::serenity_prelude as serenity;
use serenity::{
    ButtonStyle, CreateActionRow, CreateButton, CreateEmbed, CreateSelectMenu, CreateSelectMenuKind,
    CreateSelectMenuOption,
};

use crate::domain::follow::{BrokenReason, FollowId, FollowState};
use crate::domain::ids::{ChannelId, GuildId};
use crate::domain::text;
use crate::service::{ChannelView, Follower, FollowerPage, FollowersInServer};

use super::super::channel_name::{HIDDEN, plain, shown};
use super::super::reply::{self, mention};

/// How much of an embed's 4096 units the lines may take; the rest is for the text around them.
const ROOM: usize = 3_300;
/// How much of a server's name is shown.
const NAME: usize = 40;
/// How many options a menu takes (Discord).
const OPTIONS: usize = 25;
/// How long an option's label may be (Discord).
const LABEL: usize = 100;

/// What a button or a menu of the list asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::discord) enum FollowerListPress {
    /// Show the list again.
    Back,
    /// Show the follower that was picked.
    Pick,
    /// Unblock the server that was picked.
    Unblock,
    /// Approve this request: the follow begins.
    Approve(FollowId),
    /// Decline this request.
    Decline(FollowId),
    /// Remove this follower.
    Remove(FollowId),
    /// Block this follower's server, which ends all its follows.
    Block(FollowId),
}

impl FollowerListPress {
    fn id(self, channel: ChannelId) -> String {
        let (word, follow) = match self {
            Self::Back => ("back", None),
            Self::Pick => ("pick", None),
            Self::Unblock => ("unblock", None),
            Self::Approve(id) => ("approve", Some(id)),
            Self::Decline(id) => ("decline", Some(id)),
            Self::Remove(id) => ("remove", Some(id)),
            Self::Block(id) => ("block", Some(id)),
        };
        let follow = follow.map(|id| format!(":{}", id.0)).unwrap_or_default();
        format!("followers:{word}:{channel}{follow}")
    }

    /// Reads a component's id, with the channel of the list; `None` for one that doesn't belong to this list.
    pub(in crate::discord) fn parse(id: &str) -> Option<(Self, ChannelId)> {
        let mut parts = id.strip_prefix("followers:")?.split(':');
        let (word, channel, follow) = (parts.next()?, parts.next()?.parse().ok()?, parts.next());
        let follow = follow.and_then(|id| id.parse().ok()).map(FollowId);
        let press = match (word, follow) {
            ("back", None) => Self::Back,
            ("pick", _) => Self::Pick,
            ("unblock", None) => Self::Unblock,
            ("approve", Some(id)) => Self::Approve(id),
            ("decline", Some(id)) => Self::Decline(id),
            ("remove", Some(id)) => Self::Remove(id),
            ("block", Some(id)) => Self::Block(id),
            _ => return None,
        };
        Some((press, channel))
    }
}

/// The list itself.
pub(in crate::discord) fn embed(page: &FollowerPage, channel: ChannelId) -> CreateEmbed {
    let title = match page.total {
        0 => "No followers".to_owned(),
        1 => "1 follower".to_owned(),
        total => format!("{total} followers"),
    };
    let mut text = if page.total == 0 {
        format!("No channel follows {} through me yet.", mention(channel))
    } else {
        format!("Channels that follow {}:\n{}", mention(channel), list(page).trim_end())
    };
    for said in [waiting(page), blocked(page), notify(page)].into_iter().flatten() {
        let _ = write!(text, "\n\n{said}");
    }
    reply::info(title, text)
}

/// As many lines as fit, one for each server.
fn list(page: &FollowerPage) -> String {
    let mut text = String::new();
    let mut unshown = page.more;
    for followers in &page.servers {
        let line = line(followers);
        if text::units(&text) + text::units(&line) > ROOM {
            unshown += count(followers);
        } else {
            let _ = writeln!(text, "{line}");
        }
    }
    if unshown > 0 {
        let _ = writeln!(text, "… and {unshown} more.");
    }
    text
}

/// How many channels of a server are followers.
fn count(followers: &FollowersInServer) -> u64 {
    u64::try_from(followers.seen.len() + followers.unseen).unwrap_or(u64::MAX)
}

fn line(followers: &FollowersInServer) -> String {
    let FollowersInServer { server, seen, unseen } = followers;
    let server = server.as_deref().map_or_else(|| "A server that I left".to_owned(), text::escape);
    let mut channels: Vec<String> = seen.iter().map(shown).collect();
    match (unseen, seen.len()) {
        (0, _) => {}
        (1, 0) => channels.push("a channel that you can't see".to_owned()),
        (count, 0) => channels.push(format!("{count} channels that you can't see")),
        (count, _) => channels.push(format!("{count} more that you can't see")),
    }
    format!("**{server}** ({}): {}", count(followers), channels.join(", "))
}

fn waiting(page: &FollowerPage) -> Option<String> {
    let servers = counted(page.waiting.iter().map(|follower| follower.server.as_deref()));
    match page.waiting.len() {
        0 => None,
        1 => Some(format!("🕓 1 channel is waiting for approval: {servers}.")),
        count => Some(format!("🕓 {count} channels are waiting for approval: {servers}.")),
    }
}

fn blocked(page: &FollowerPage) -> Option<String> {
    let servers = counted(page.blocked.iter().map(|(_, name)| name.as_deref()));
    (!page.blocked.is_empty()).then(|| format!("⛔ Blocked: {servers}."))
}

fn notify(page: &FollowerPage) -> Option<String> {
    let notify = page.publication.notify.filter(|_| page.publication.notify_refused)?;
    Some(format!(
        "⚠️ I can't post in {} any more, so nobody is told about requests and new followers. Let me post there, then choose it with `/publish notify:` again.",
        mention(notify)
    ))
}

/// The names of up to ten servers.
fn counted<'a>(servers: impl Iterator<Item = Option<&'a str>>) -> String {
    const FEW: usize = 10;
    let mut names: Vec<String> = Vec::new();
    for server in servers {
        let name = server_name(server);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let more = names.len().saturating_sub(FEW);
    names.truncate(FEW);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}

fn server_name(server: Option<&str>) -> String {
    server.map_or_else(|| "a server that I am not in".to_owned(), |name| text::escape(&text::cut(name, NAME)))
}

/// The menus, where there is something to pick.
pub(in crate::discord) fn components(page: &FollowerPage, channel: ChannelId) -> Vec<CreateActionRow> {
    let mut rows = Vec::new();
    let mut menu = |id: String, options: Vec<CreateSelectMenuOption>, placeholder: &str| {
        if !options.is_empty() {
            let menu = CreateSelectMenu::new(id, CreateSelectMenuKind::String { options });
            rows.push(CreateActionRow::SelectMenu(menu.placeholder(placeholder)));
        }
    };
    let pick = FollowerListPress::Pick.id(channel);
    let waiting = page.waiting.iter().map(option).collect();
    menu(format!("{pick}:0"), waiting, "Approve or decline a request …");
    for (number, some) in (1..).zip(page.outside.chunks(OPTIONS)) {
        let placeholder = match number {
            1 => "Remove or block a follower …",
            _ => "… or one of these",
        };
        menu(format!("{pick}:{number}"), some.iter().map(option).collect(), placeholder);
    }
    let blocked = page.blocked.iter().map(|(guild, name)| {
        let label = name.clone().unwrap_or_else(|| format!("Server {guild}, which I am not in"));
        CreateSelectMenuOption::new(text::cut(&label, LABEL), guild.to_string())
    });
    menu(FollowerListPress::Unblock.id(channel), blocked.collect(), "Unblock a server …");
    rows
}

fn option(follower: &Follower) -> CreateSelectMenuOption {
    CreateSelectMenuOption::new(text::cut(&label(follower), LABEL), follower.follow.id.0.to_string())
}

fn label(follower: &Follower) -> String {
    let server = follower.server.as_deref().unwrap_or("A server that I left");
    let channel = match &follower.channel {
        ChannelView::Hidden { .. } => HIDDEN.to_owned(),
        channel => plain(channel),
    };
    format!("{} {server}: {channel}", follower.follow.id)
}

/// Reads the follower that was picked in a menu.
pub(in crate::discord) fn picked_follower(value: &str) -> Option<FollowId> {
    value.parse().ok().map(FollowId)
}

/// Reads the server that was picked in the menu of blocked servers.
pub(in crate::discord) fn picked_server(value: &str) -> Option<GuildId> {
    value.parse().ok()
}

/// One follower, with the buttons to decide on it.
pub(in crate::discord) fn follower(
    follower: &Follower,
    channel: ChannelId,
) -> (CreateEmbed, Vec<CreateActionRow>) {
    let id = follower.follow.id;
    let waits = follower.follow.state == FollowState::Broken(BrokenReason::AwaitingApproval);
    let title = format!("{} {id}", if waits { "Request" } else { "Follower" });
    let does = if waits { "asks to follow" } else { "follows" };
    let server = server_name(follower.server.as_deref());
    let since = follower.follow.created_at.timestamp();
    let channel_name = match &follower.channel {
        ChannelView::Hidden { .. } => format!("*{HIDDEN}*"),
        channel => shown(channel),
    };
    let text = format!(
        "{channel_name} of **{server}** {does} {}, since <t:{since}:R>.\n\nBlocking its server ends all its follows of this server's channels and prevents new ones.",
        mention(follower.follow.pair.source)
    );
    let button = |press: FollowerListPress, label: &str, style| {
        CreateButton::new(press.id(channel)).label(label).style(style)
    };
    let mut buttons = if waits {
        vec![
            button(FollowerListPress::Approve(id), "Approve", ButtonStyle::Success),
            button(FollowerListPress::Decline(id), "Decline", ButtonStyle::Danger),
        ]
    } else {
        vec![button(FollowerListPress::Remove(id), "Remove", ButtonStyle::Danger)]
    };
    buttons.push(button(FollowerListPress::Block(id), "Block server", ButtonStyle::Danger));
    buttons.push(button(FollowerListPress::Back, "Back", ButtonStyle::Secondary));
    (reply::info(title, text), vec![CreateActionRow::Buttons(buttons)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back_and_nothing_else() {
        let channel = ChannelId::new(u64::MAX >> 1).unwrap();
        let id = FollowId(i64::MAX);
        for press in [
            FollowerListPress::Back,
            FollowerListPress::Pick,
            FollowerListPress::Unblock,
            FollowerListPress::Approve(id),
            FollowerListPress::Decline(id),
            FollowerListPress::Remove(id),
            FollowerListPress::Block(id),
        ] {
            assert!(press.id(channel).len() <= 100);
            assert_eq!(FollowerListPress::parse(&press.id(channel)), Some((press, channel)));
        }
        for other in
            ["", "followers:", "followers:back", "followers:remove:1", "followers:back:x", "follows:back:1"]
        {
            assert_eq!(FollowerListPress::parse(other), None, "{other}");
        }
    }
}
