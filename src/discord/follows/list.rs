//! The list of a server's follows as an embed, with the buttons that page it and the menu that changes one. What a button needs to know stands in its id, so
//! that it works after a restart too.

use std::fmt::Write;

use poise::serenity_prelude as serenity;
use serenity::{
    ButtonStyle, CreateActionRow, CreateButton, CreateEmbed, CreateEmbedFooter, CreateSelectMenu,
    CreateSelectMenuKind, CreateSelectMenuOption,
};

use crate::domain::follow::{BrokenReason, FollowId, FollowState, TagFilter};
use crate::domain::ids::ChannelId;
use crate::domain::{limits, text};
use crate::service::{ChannelView, Cursor, FollowListItem, FollowPage};

use super::super::reply;
use super::super::report::because;

/// How much of a name from another server is shown (Discord: 100 characters), so that a page fits into one embed.
const NAME: usize = 40;
/// How much of a follow's tags.
const TAGS: usize = 60;
/// How much of one that was deleted (Discord: a forum's tag has 20 characters).
const TAG: usize = 20;
/// How many of these are named.
const MOST_DELETED: usize = 2;

/// What the list shows: all of the server's follows or one channel's, and which page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::discord) struct View {
    pub(in crate::discord) channel: Option<ChannelId>,
    pub(in crate::discord) cursor: Cursor,
}

/// What a button or a menu of the list asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::discord) enum Press {
    /// Show this page.
    Turn(View),
    /// Do what was chosen, then show this page again.
    Change(View),
}

/// What the menu does with a follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::discord) enum Act {
    Pause(FollowId),
    Resume(FollowId),
    Remove(FollowId),
    /// Show what became of the last messages.
    Last(FollowId),
}

impl View {
    fn id(self, kind: &str) -> String {
        let channel = self.channel.map_or(0, ChannelId::get);
        match self.cursor {
            Cursor::Newest => format!("follows:{kind}:{channel}:n"),
            Cursor::OlderThan(FollowId(id)) => format!("follows:{kind}:{channel}:o{id}"),
            Cursor::NewerThan(FollowId(id)) => format!("follows:{kind}:{channel}:y{id}"),
        }
    }
}

impl Press {
    /// Reads a component's id; `None` for one that isn't of this list.
    pub(in crate::discord) fn parse(id: &str) -> Option<Self> {
        let mut parts = id.strip_prefix("follows:")?.split(':');
        let (kind, channel, cursor) = (parts.next()?, parts.next()?, parts.next()?);
        let channel = if channel == "0" { None } else { Some(channel.parse().ok()?) };
        let number = |text: &str| text.parse().ok().map(FollowId);
        let cursor = match cursor.split_at_checked(1)? {
            ("n", "") => Cursor::Newest,
            ("o", id) => Cursor::OlderThan(number(id)?),
            ("y", id) => Cursor::NewerThan(number(id)?),
            _ => return None,
        };
        let view = View { channel, cursor };
        match (kind, parts.next()) {
            ("newer" | "older" | "back", None) => Some(Self::Turn(view)),
            ("act", None) => Some(Self::Change(view)),
            _ => None,
        }
    }
}

impl Act {
    /// Reads the value of a choice.
    pub(in crate::discord) fn parse(value: &str) -> Option<Self> {
        let (word, id) = value.split_once(':')?;
        let id = FollowId(id.parse().ok()?);
        match word {
            "pause" => Some(Self::Pause(id)),
            "resume" => Some(Self::Resume(id)),
            "remove" => Some(Self::Remove(id)),
            "last" => Some(Self::Last(id)),
            _ => None,
        }
    }
}

/// The list itself.
pub(in crate::discord) fn embed(page: &FollowPage, view: View) -> CreateEmbed {
    let title = match page.total {
        0 => "No follows".to_owned(),
        1 => "1 follow".to_owned(),
        total => format!("{total} follows"),
    };
    if page.rows.is_empty() {
        let text = match view.channel {
            _ if page.total > 0 => "There is nothing on this page any more. Run `/follows` again.".to_owned(),
            Some(channel) => {
                format!(
                    "{} follows nothing, and no channel of this server follows it.",
                    reply::mention(channel)
                )
            }
            None => "This server follows nothing yet. `/follow` begins.".to_owned(),
        };
        return reply::info(title, text);
    }
    let head = view.channel.map(|channel| format!("Those from or into {}:", reply::mention(channel)));
    let blocks: Vec<String> = head.into_iter().chain(page.rows.iter().map(describe)).collect();
    let text = blocks.join("\n\n");
    let embed = reply::info(title, text::cut(&text, limits::EMBED_DESCRIPTION));
    if page.newer == 0 && page.older() == 0 {
        return embed;
    }
    embed.footer(CreateEmbedFooter::new(format!("{} of {}, newest first", span(page), page.total)))
}

/// Which of all follows stand on this page, counted from 1.
fn span(page: &FollowPage) -> String {
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
    if row.held.is_some() && follow.state == FollowState::Active {
        let _ = write!(text, "\n> ⏳ Posts wait{}.", because(row.held));
    }
    text
}

/// The mode, with the tags as they are called now.
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

/// Which tags there are no more, and what that means.
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

/// The menu and the paging buttons of a page, as far as there is something to choose.
pub(in crate::discord) fn components(page: &FollowPage, view: View) -> Vec<CreateActionRow> {
    let mut rows = Vec::new();
    if !page.rows.is_empty() {
        let options = page.rows.iter().flat_map(choices).collect();
        let menu = CreateSelectMenu::new(view.id("act"), CreateSelectMenuKind::String { options });
        rows.push(CreateActionRow::SelectMenu(
            menu.placeholder("Look into, pause, resume or remove a follow …"),
        ));
    }
    if page.newer > 0 || page.older() > 0 {
        let turn = |cursor, kind| View { cursor, ..view }.id(kind);
        let newer = page.rows.first().map_or(Cursor::Newest, |row| Cursor::NewerThan(row.follow.id));
        let older = page.rows.last().map_or(Cursor::Newest, |row| Cursor::OlderThan(row.follow.id));
        rows.push(CreateActionRow::Buttons(vec![
            button(turn(newer, "newer"), "◀ Newer", page.newer > 0),
            button(turn(older, "older"), "Older ▶", page.older() > 0),
        ]));
    }
    rows
}

/// The way from something else that stands in the list's place back to it.
pub(in crate::discord) fn way_back(view: View) -> CreateActionRow {
    CreateActionRow::Buttons(vec![button(view.id("back"), "◀ Back to the list", true)])
}

fn button(id: String, label: &str, enabled: bool) -> CreateButton {
    CreateButton::new(id).label(label).style(ButtonStyle::Secondary).disabled(!enabled)
}

/// What can be done with a follow. One whose channel was deleted can only go.
fn choices(row: &FollowListItem) -> Vec<CreateSelectMenuOption> {
    let id = row.follow.id;
    let ends = format!("{} → {}", plain(&row.source), plain(&row.target));
    let change = match row.follow.state {
        FollowState::Active => Some(("Pause", "pause")),
        FollowState::Broken(BrokenReason::SourceDeleted | BrokenReason::TargetDeleted) => None,
        FollowState::Paused => Some(("Resume", "resume")),
        FollowState::Broken(_) => Some(("Try again (resume)", "resume")),
    };
    let options = [("Last ten messages", "last")].into_iter().chain(change).chain([("Remove", "remove")]);
    let option = |(word, value)| {
        CreateSelectMenuOption::new(format!("{word} {id}"), format!("{value}:{}", id.0))
            .description(text::cut(&ends, 100))
    };
    options.map(option).collect()
}

/// A channel in a text that Discord renders.
pub(in crate::discord) fn shown(end: &ChannelView) -> String {
    match end {
        ChannelView::Here { channel, .. } => reply::mention(*channel),
        ChannelView::Elsewhere { name, server, .. } => {
            format!("#{} in {}", text::escape(&text::cut(name, NAME)), text::escape(&text::cut(server, NAME)))
        }
        ChannelView::Hidden => "*a channel that you can't see*".to_owned(),
        ChannelView::Deleted(id) => format!("*deleted channel* `{id}`"),
    }
}

/// A channel in a text where Discord renders nothing.
pub(in crate::discord) fn plain(end: &ChannelView) -> String {
    match end {
        ChannelView::Here { name, .. } => format!("#{name}"),
        ChannelView::Elsewhere { name, server, .. } => format!("#{name} in {server}"),
        ChannelView::Hidden => "a channel that you can't see".to_owned(),
        ChannelView::Deleted(id) => format!("deleted channel {id}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back_and_nothing_else() {
        for cursor in [Cursor::Newest, Cursor::OlderThan(FollowId(7)), Cursor::NewerThan(FollowId(i64::MAX))]
        {
            for channel in [None, ChannelId::new(u64::MAX >> 1).ok()] {
                let view = View { channel, cursor };
                assert!(view.id("older").len() <= 100);
                assert_eq!(Press::parse(&view.id("older")), Some(Press::Turn(view)));
                assert_eq!(Press::parse(&view.id("back")), Some(Press::Turn(view)));
                assert_eq!(Press::parse(&view.id("act")), Some(Press::Change(view)));
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
            assert_eq!(Press::parse(id), None, "{id}");
        }
        assert_eq!(Act::parse("remove:12"), Some(Act::Remove(FollowId(12))));
        assert_eq!(Act::parse("remove:x"), None);
    }
}
