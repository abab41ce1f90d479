//! The list of a server's follows as an embed, with the buttons that page it and the menu that changes one
//! follow. A component's id holds all that a press needs, so that it works after a restart, too.

use std::fmt::Write;

use poise::serenity_prelude as serenity;
use serenity::{
    ButtonStyle, CreateActionRow, CreateButton, CreateEmbed, CreateEmbedFooter, CreateSelectMenu,
    CreateSelectMenuKind, CreateSelectMenuOption,
};

use crate::domain::follow::{BrokenReason, FollowId, FollowState, TagFilter};
use crate::domain::ids::ChannelId;
use crate::domain::paging::Cursor;
use crate::domain::{limits, text};
use crate::service::{FollowListItem, FollowPage};

use super::super::channel_name::{plain, shown};
use super::super::reply;
use super::super::report::because;
use super::collected;

/// How much of a follow's tags.
const TAGS: usize = 60;
/// How much of a deleted tag (Discord: a forum's tag has 20 characters).
const TAG: usize = 20;
/// How many deleted tags are named.
const MOST_DELETED: usize = 2;

/// What the list shows: all of the server's follows or one channel's, and which page of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::discord) struct ListPage {
    pub(in crate::discord) channel: Option<ChannelId>,
    pub(in crate::discord) cursor: Cursor,
}

/// What a button or a menu of the list asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::discord) enum FollowListPress {
    /// Show this page.
    ShowPage(ListPage),
    /// Do what was chosen in the menu, then show this page again.
    Act(ListPage),
}

/// What the menu can do with a follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::discord) enum FollowAction {
    Pause(FollowId),
    Resume(FollowId),
    Remove(FollowId),
    /// Show what became of the last messages.
    LastMessages(FollowId),
}

impl ListPage {
    fn id(self, kind: &str) -> String {
        let channel = self.channel.map_or(0, ChannelId::get);
        match self.cursor {
            Cursor::Newest => format!("follows:{kind}:{channel}:n"),
            Cursor::OlderThan(id) => format!("follows:{kind}:{channel}:o{id}"),
            Cursor::NewerThan(id) => format!("follows:{kind}:{channel}:y{id}"),
        }
    }
}

impl FollowListPress {
    /// Reads a component's id; `None` for one that doesn't belong to this list.
    pub(in crate::discord) fn parse(id: &str) -> Option<Self> {
        let mut parts = id.strip_prefix("follows:")?.split(':');
        let (kind, channel, cursor) = (parts.next()?, parts.next()?, parts.next()?);
        let channel = if channel == "0" { None } else { Some(channel.parse().ok()?) };
        let cursor = match cursor.split_at_checked(1)? {
            ("n", "") => Cursor::Newest,
            ("o", id) => Cursor::OlderThan(id.parse().ok()?),
            ("y", id) => Cursor::NewerThan(id.parse().ok()?),
            _ => return None,
        };
        let page = ListPage { channel, cursor };
        match (kind, parts.next()) {
            ("newer" | "older" | "back", None) => Some(Self::ShowPage(page)),
            ("act", None) => Some(Self::Act(page)),
            _ => None,
        }
    }
}

impl FollowAction {
    /// Reads the value of a menu's option.
    pub(in crate::discord) fn parse(value: &str) -> Option<Self> {
        let (word, id) = value.split_once(':')?;
        let id = FollowId(id.parse().ok()?);
        match word {
            "pause" => Some(Self::Pause(id)),
            "resume" => Some(Self::Resume(id)),
            "remove" => Some(Self::Remove(id)),
            "last" => Some(Self::LastMessages(id)),
            _ => None,
        }
    }
}

/// The list itself.
pub(in crate::discord) fn embed(page: &FollowPage, shown: ListPage) -> CreateEmbed {
    let title = match page.total {
        0 => "No follows".to_owned(),
        1 => "1 follow".to_owned(),
        total => format!("{total} follows"),
    };
    if page.rows.is_empty() && page.collections.is_empty() {
        let text = match shown.channel {
            _ if page.total > 0 => "There is nothing on this page any more. Run `/follows` again.".to_owned(),
            Some(channel) => {
                format!(
                    "{} follows nothing, and no channel of this server follows it.",
                    reply::mention(channel)
                )
            }
            None => "This server follows nothing yet. Start with `/follow`.".to_owned(),
        };
        return reply::info(title, text);
    }
    let head = shown.channel.map(|channel| format!("Follows from or into {}:", reply::mention(channel)));
    let blocks: Vec<String> = head.into_iter().chain(blocks(page)).collect();
    let text = blocks.join("\n\n");
    let embed = reply::info(title, text::cut(&text, limits::EMBED_DESCRIPTION));
    if page.newer == 0 && page.older() == 0 {
        return embed;
    }
    embed.footer(CreateEmbedFooter::new(format!("{} of {}, newest first", range(page), page.total)))
}

/// First the follows that people made, then each collection with the follows that come from it.
fn blocks(page: &FollowPage) -> Vec<String> {
    let from = |row: &&FollowListItem| row.follow.collection_follow;
    let known = |id| page.collections.iter().any(|collection| collection.follow.id == id);
    let alone = page.rows.iter().filter(|row| !from(row).is_some_and(known)).map(describe);
    let of_collections = page.collections.iter().flat_map(|collection| {
        let rows = page.rows.iter().filter(|row| from(row) == Some(collection.follow.id));
        std::iter::once(collected::line(collection)).chain(rows.map(describe))
    });
    alone.chain(of_collections).collect()
}

/// Which of all follows are on this page, counted from 1.
fn range(page: &FollowPage) -> String {
    let first = page.newer + 1;
    let last = page.total.saturating_sub(page.older());
    if first == last { format!("{first}") } else { format!("{first}–{last}") }
}

fn describe(row: &FollowListItem) -> String {
    let follow = &row.follow;
    let state = match follow.state {
        FollowState::Active => "🟢 active",
        FollowState::Paused => "⏸️ paused",
        FollowState::Broken(BrokenReason::AwaitingApproval) => "🕓 waiting for approval",
        FollowState::Broken(_) => "🔴 broken",
    };
    let delivery = follow.options.delivery.as_str();
    let filter = filter(row);
    let threads = row.threads.map_or_else(String::new, |threads| format!(" · threads {}", threads.as_str()));
    let panels = if follow.options.panels { "" } else { " · no panels" };
    let since = follow.created_at.timestamp();
    let mut text = format!(
        "**{}** {} → {}\n{state} · {delivery} · {filter}{threads}{panels} · made <t:{since}:R>",
        follow.id,
        shown(&row.source),
        shown(&row.target)
    );
    if let Some(trouble) = follow.trouble() {
        let _ = write!(text, "\n> {trouble}");
    } else if !row.tags.deleted.is_empty() {
        let _ = write!(text, "\n> {}", deleted_tags(row));
    }
    if row.waits.is_some() && follow.state == FollowState::Active {
        let _ = write!(text, "\n> ⏳ Posts are waiting{}.", because(row.waits));
    }
    text
}

/// The mode, with the present names of the tags.
fn filter(row: &FollowListItem) -> String {
    let mode = row.follow.options.filter.mode().as_str();
    let there = Some(row.tags.there.join(", ")).filter(|tags| !tags.is_empty());
    let there = there.map(|tags| text::escape(&text::cut(&tags, TAGS)));
    let hidden = row.tags.said_of_hidden().map(|hidden| format!("*{hidden}*"));
    match there.into_iter().chain(hidden).collect::<Vec<_>>().join(", ") {
        tags if tags.is_empty() => mode.to_owned(),
        tags => format!("{mode} {tags}"),
    }
}

/// Which tags were deleted, and what that means.
fn deleted_tags(row: &FollowListItem) -> String {
    let deleted = &row.tags.deleted;
    let name = |name: &String| format!("~~{}~~", text::escape(&text::cut(name, TAG)));
    let more = (deleted.len() > MOST_DELETED).then(|| format!("and {} more", deleted.len() - MOST_DELETED));
    let names: Vec<String> = deleted.iter().take(MOST_DELETED).map(name).chain(more).collect();
    let word = if deleted.len() == 1 { "tag" } else { "tags" };
    let meaning = match (&row.follow.options.filter, row.tags.there.is_empty()) {
        (TagFilter::Only(_), true) => "So nothing comes through any more: choose other tags with `/follow`.",
        (TagFilter::Only(_), false) => "Posts with the other tags still come through.",
        (_, true) => "So nothing is left out any more.",
        (_, false) => "Posts with the other tags are still left out.",
    };
    format!("⚠️ {word} deleted in the source: {}. {meaning}", names.join(", "))
}

/// The menu and the paging buttons of a page, where there is something to choose.
pub(in crate::discord) fn components(page: &FollowPage, shown: ListPage) -> Vec<CreateActionRow> {
    let mut rows = Vec::new();
    if !page.rows.is_empty() {
        let options = page.rows.iter().flat_map(options).collect();
        let menu = CreateSelectMenu::new(shown.id("act"), CreateSelectMenuKind::String { options });
        rows.push(CreateActionRow::SelectMenu(
            menu.placeholder("Look into, pause, resume or remove a follow …"),
        ));
    }
    if page.newer > 0 || page.older() > 0 {
        let page_id = |cursor, kind| ListPage { cursor, ..shown }.id(kind);
        let newer = page.rows.first().map_or(Cursor::Newest, |row| Cursor::NewerThan(row.follow.id.0));
        let older = page.rows.last().map_or(Cursor::Newest, |row| Cursor::OlderThan(row.follow.id.0));
        rows.push(CreateActionRow::Buttons(vec![
            button(page_id(newer, "newer"), "◀ Newer", page.newer > 0),
            button(page_id(older, "older"), "Older ▶", page.older() > 0),
        ]));
    }
    rows
}

/// The button that leads back to the list from what is shown in its place.
pub(in crate::discord) fn back_button(shown: ListPage) -> CreateActionRow {
    CreateActionRow::Buttons(vec![button(shown.id("back"), "◀ Back to the list", true)])
}

fn button(id: String, label: &str, enabled: bool) -> CreateButton {
    CreateButton::new(id).label(label).style(ButtonStyle::Secondary).disabled(!enabled)
}

/// The menu's options for a follow. A follow whose channel was deleted can only be removed.
fn options(row: &FollowListItem) -> Vec<CreateSelectMenuOption> {
    let id = row.follow.id;
    let ends = format!("{} → {}", plain(&row.source), plain(&row.target));
    let change = match row.follow.state {
        FollowState::Active => Some(("Pause", "pause")),
        FollowState::Broken(BrokenReason::SourceDeleted | BrokenReason::TargetDeleted) => None,
        FollowState::Paused | FollowState::Broken(_) => Some(("Resume", "resume")),
    };
    let options = [("Last ten messages", "last")].into_iter().chain(change).chain([("Remove", "remove")]);
    let option = |(word, value)| {
        CreateSelectMenuOption::new(format!("{word} {id}"), format!("{value}:{}", id.0))
            .description(text::cut(&ends, 100))
    };
    options.map(option).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back_and_nothing_else() {
        for cursor in [Cursor::Newest, Cursor::OlderThan(7), Cursor::NewerThan(i64::MAX)] {
            for channel in [None, ChannelId::new(u64::MAX >> 1).ok()] {
                let page = ListPage { channel, cursor };
                assert!(page.id("older").len() <= 100);
                assert_eq!(FollowListPress::parse(&page.id("older")), Some(FollowListPress::ShowPage(page)));
                assert_eq!(FollowListPress::parse(&page.id("back")), Some(FollowListPress::ShowPage(page)));
                assert_eq!(FollowListPress::parse(&page.id("act")), Some(FollowListPress::Act(page)));
            }
        }
        for id in [
            "",
            "follows:",
            "follows:older:0:x7",
            "follows:older:0:",
            "follows:older:x:n",
            "follows:older:0:n:1",
            "panel:older:0:n",
        ] {
            assert_eq!(FollowListPress::parse(id), None, "{id}");
        }
        assert_eq!(FollowAction::parse("remove:12"), Some(FollowAction::Remove(FollowId(12))));
        assert_eq!(FollowAction::parse("remove:x"), None);
    }
}
