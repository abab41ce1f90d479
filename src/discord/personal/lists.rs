//! What somebody follows, and who follows them, ten on a page.

use poise::serenity_prelude as serenity;
use serenity::{
    ButtonStyle, CreateActionRow, CreateAllowedMentions, CreateButton, CreateEmbed, CreateEmbedFooter,
    CreateSelectMenu, CreateSelectMenuKind, CreateSelectMenuOption, EditInteractionResponse,
};

use crate::domain::ids::UserId;
use crate::domain::paging::{Cursor, LongPage, PageSize, PageStart};
use crate::domain::personal::{Followee, PersonList, Profile};
use crate::domain::text;
use crate::service::ServiceError;
use crate::service::people::{NamedFollow, PersonEntry};

use super::super::{Bot, reply};
use super::answer;
use super::component_id::{OwnList, PageSide, followee_text};

/// How many rows a page has.
const ROWS: u8 = 10;
/// How much of a list of tags is shown in a row.
const TAGS: usize = 60;
/// How long a menu's option may be (Discord).
const OPTION: usize = 100;

/// A page of a list, below what came of a press.
pub(in crate::discord) async fn answer(
    bot: &Bot,
    owner: UserId,
    list: OwnList,
    cursor: Cursor,
    said: Option<CreateEmbed>,
) -> Result<EditInteractionResponse, ServiceError> {
    let (start, size) = (PageStart::At(cursor), PageSize::new(ROWS).unwrap_or_default());
    let (embed, components) = match list {
        OwnList::Following => {
            let page = bot.people.named_follows(owner, start, size).await?;
            (following(&page), following_components(&page, owner, cursor))
        }
        OwnList::Followers => {
            let of = PersonList::FollowersOf(owner);
            let page = bot.people.people(Some(owner), of, start, size).await?;
            let beside = beside(bot, owner).await?;
            (followers(&page), follower_components(&page, owner, cursor).into_iter().chain(beside).collect())
        }
        OwnList::Requests => {
            let of = PersonList::RequestsTo(owner);
            let page = bot.people.people(Some(owner), of, start, size).await?;
            (requests(&page), request_components(&page, owner, cursor))
        }
        OwnList::Blocked => {
            let of = PersonList::BlockedBy(owner);
            let page = bot.people.people(Some(owner), of, start, size).await?;
            (blocked(&page), blocked_components(&page, owner, cursor))
        }
    };
    Ok(EditInteractionResponse::new()
        .embeds(said.into_iter().chain([embed]).collect())
        .components(components)
        .allowed_mentions(CreateAllowedMentions::new()))
}

fn following(page: &LongPage<NamedFollow>) -> CreateEmbed {
    if page.items.is_empty() {
        return empty(
            page.total,
            "You follow nothing yet",
            "Follow a person or a channel with `/feed follow`, or hold (on a computer: right-click) somebody's name and choose Apps → Follow.",
        );
    }
    let rows: Vec<String> = page.items.iter().enumerate().map(|(at, row)| followed_row(at, row)).collect();
    let what = if page.total == 1 { "follow" } else { "follows" };
    listed(format!("Your {} {what}", page.total), &rows, page.has_newer || page.has_older)
}

fn followed_row(at: usize, row: &NamedFollow) -> String {
    let (follow, options) = (&row.follow, &row.follow.options);
    let what = row.profile.as_ref().map_or_else(|| answer::followee(follow.followee), named);
    let muted = follow.muted_until.map(|until| format!(" · muted until <t:{0}:f>", until.timestamp()));
    format!(
        "**{}.** {what}\n{} · {} · since <t:{}:R>{}",
        at + 1,
        options.coverage.as_str(),
        answer::mode(&options.filter, TAGS),
        follow.created_at.timestamp(),
        muted.unwrap_or_default()
    )
}

fn followers(page: &LongPage<PersonEntry>) -> CreateEmbed {
    if page.items.is_empty() {
        return empty(page.total, "Nobody follows you yet", "Choose who may with `/feed privacy`.");
    }
    let row = |(at, entry): (usize, &PersonEntry)| {
        let mutual = entry.relationship.is_some_and(|relationship| relationship.is_following);
        let mutual = if mutual { " · you follow them, too" } else { "" };
        let since = entry.listed.since.timestamp();
        format!("**{}.** {} · since <t:{since}:R>{mutual}", at + 1, named(&entry.listed.profile))
    };
    let rows: Vec<String> = page.items.iter().enumerate().map(row).collect();
    let what = if page.total == 1 { "follower" } else { "followers" };
    listed(format!("Your {} {what}", page.total), &rows, page.has_newer || page.has_older)
}

fn requests(page: &LongPage<PersonEntry>) -> CreateEmbed {
    let title = match page.total {
        1 => "1 person asks to follow you".to_owned(),
        total => format!("{total} people ask to follow you"),
    };
    of_people(page, title, "Nobody asks to follow you", "asked")
}

fn blocked(page: &LongPage<PersonEntry>) -> CreateEmbed {
    let title = match page.total {
        1 => "You blocked 1 person".to_owned(),
        total => format!("You blocked {total} people"),
    };
    of_people(page, title, "You have blocked nobody", "blocked")
}

fn of_people(page: &LongPage<PersonEntry>, title: String, none: &str, since: &str) -> CreateEmbed {
    if page.items.is_empty() {
        return empty(page.total, none, "`/feed followers` shows who follows you.");
    }
    let row = |(at, entry): (usize, &PersonEntry)| {
        let then = entry.listed.since.timestamp();
        format!("**{}.** {} · {since} <t:{then}:R>", at + 1, named(&entry.listed.profile))
    };
    let rows: Vec<String> = page.items.iter().enumerate().map(row).collect();
    listed(title, &rows, page.has_newer || page.has_older)
}

fn empty(total: u64, title: &str, text: &str) -> CreateEmbed {
    if total > 0 {
        return reply::info("Nothing on this page", "What was here is gone. Please run the command again.");
    }
    reply::info(title, text)
}

fn listed(title: String, rows: &[String], is_part: bool) -> CreateEmbed {
    let embed = reply::info(title, rows.join("\n"));
    if is_part { embed.footer(CreateEmbedFooter::new("Newest first")) } else { embed }
}

/// A person's names, escaped.
fn named(profile: &Profile) -> String {
    let (name, username) = (text::escape(profile.name()), text::escape(&profile.username));
    if profile.name() == profile.username {
        format!("**{name}**")
    } else {
        format!("**{name}** ({username})")
    }
}

/// The same where Discord renders nothing.
fn plainly_named(profile: &Profile) -> String {
    if profile.name() == profile.username {
        return profile.username.clone();
    }
    format!("{} ({})", profile.name(), profile.username)
}

fn following_components(page: &LongPage<NamedFollow>, owner: UserId, cursor: Cursor) -> Vec<CreateActionRow> {
    let option = |(at, row): (usize, &NamedFollow)| {
        let what = match (&row.profile, row.follow.followee) {
            (Some(profile), _) => plainly_named(profile),
            (None, Followee::User(_)) => "a person".to_owned(),
            (None, Followee::Channel(_)) => "the channel with this number".to_owned(),
            (None, Followee::Collection(_)) => "the collection with this number".to_owned(),
        };
        menu_option(at, &what, followee_text(row.follow.followee))
    };
    let options: Vec<_> = page.items.iter().enumerate().map(option).collect();
    let menu = menu(OwnList::Following.remove_id(owner, cursor), "Unfollow …", options);
    let numbers = page.items.iter().map(|row| row.follow.id.0);
    menu.into_iter().chain(pages(OwnList::Following, owner, page, numbers)).collect()
}

/// The people of a page, as options of a menu.
fn options(page: &LongPage<PersonEntry>) -> Vec<CreateSelectMenuOption> {
    let option = |(at, entry): (usize, &PersonEntry)| {
        let profile = &entry.listed.profile;
        menu_option(at, &plainly_named(profile), profile.user.to_string())
    };
    page.items.iter().enumerate().map(option).collect()
}

fn follower_components(page: &LongPage<PersonEntry>, owner: UserId, cursor: Cursor) -> Vec<CreateActionRow> {
    let options = options(page);
    let list = OwnList::Followers;
    let remove = menu(list.remove_id(owner, cursor), "Remove a follower …", options.clone());
    let block = menu(OwnList::block_id(owner), "Remove and block a follower …", options);
    let numbers = page.items.iter().map(|entry| entry.listed.number);
    remove.into_iter().chain(block).chain(pages(list, owner, page, numbers)).collect()
}

fn request_components(page: &LongPage<PersonEntry>, owner: UserId, cursor: Cursor) -> Vec<CreateActionRow> {
    let (list, options) = (OwnList::Requests, options(page));
    let accept = menu(OwnList::accept_id(owner, cursor), "Accept a request …", options.clone());
    let decline = menu(list.remove_id(owner, cursor), "Decline a request …", options);
    let numbers = page.items.iter().map(|entry| entry.listed.number);
    accept.into_iter().chain(decline).chain(pages(list, owner, page, numbers)).collect()
}

fn blocked_components(page: &LongPage<PersonEntry>, owner: UserId, cursor: Cursor) -> Vec<CreateActionRow> {
    let list = OwnList::Blocked;
    let unblock = menu(list.remove_id(owner, cursor), "Unblock …", options(page));
    let numbers = page.items.iter().map(|entry| entry.listed.number);
    unblock.into_iter().chain(pages(list, owner, page, numbers)).collect()
}

/// The buttons that lead from one's followers to who asks and who is blocked, where there is anybody.
async fn beside(bot: &Bot, owner: UserId) -> Result<Option<CreateActionRow>, ServiceError> {
    let one = PageSize::new(1).unwrap_or_default();
    let mut buttons = Vec::new();
    for (list, of, label) in [
        (OwnList::Requests, PersonList::RequestsTo(owner), "Requests"),
        (OwnList::Blocked, PersonList::BlockedBy(owner), "Blocked"),
    ] {
        let start = PageStart::At(Cursor::Newest);
        let total = bot.people.people(Some(owner), of, start, one).await?.total;
        if total > 0 {
            let button = CreateButton::new(list.page_id(owner, PageSide::Newer, Cursor::Newest));
            let style = if list == OwnList::Requests { ButtonStyle::Primary } else { ButtonStyle::Secondary };
            buttons.push(button.label(format!("{label} ({total})")).style(style));
        }
    }
    Ok((!buttons.is_empty()).then_some(CreateActionRow::Buttons(buttons)))
}

fn menu_option(at: usize, what: &str, value: String) -> CreateSelectMenuOption {
    CreateSelectMenuOption::new(text::cut(&format!("{}. {what}", at + 1), OPTION), value)
}

fn menu(id: String, placeholder: &str, options: Vec<CreateSelectMenuOption>) -> Option<CreateActionRow> {
    if options.is_empty() {
        return None;
    }
    let menu = CreateSelectMenu::new(id, CreateSelectMenuKind::String { options });
    Some(CreateActionRow::SelectMenu(menu.placeholder(placeholder)))
}

/// The buttons that lead to the pages beside this one.
fn pages<T>(
    list: OwnList,
    owner: UserId,
    page: &LongPage<T>,
    mut numbers: impl DoubleEndedIterator<Item = i64>,
) -> Option<CreateActionRow> {
    if !page.has_newer && !page.has_older {
        return None;
    }
    let first = numbers.next();
    let last = numbers.next_back().or(first);
    let newer = first.map_or(Cursor::Newest, Cursor::NewerThan);
    let older = last.map_or(Cursor::Newest, Cursor::OlderThan);
    let button = |side, cursor, label: &str, enabled: bool| {
        let button = CreateButton::new(list.page_id(owner, side, cursor)).label(label);
        button.style(ButtonStyle::Secondary).disabled(!enabled)
    };
    Some(CreateActionRow::Buttons(vec![
        button(PageSide::Newer, newer, "◀ Newer", page.has_newer),
        button(PageSide::Older, older, "Older ▶", page.has_older),
    ]))
}
