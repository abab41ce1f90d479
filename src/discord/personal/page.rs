//! A page of somebody's feed: an embed for each post, so that nothing in a post reaches beyond it.

use poise::serenity_prelude as serenity;
use serenity::{
    ButtonStyle, CreateActionRow, CreateAllowedMentions, CreateButton, CreateEmbed, CreateEmbedAuthor,
    CreateEmbedFooter, EditInteractionResponse,
};

use crate::domain::audit::Via;
use crate::domain::feed::FeedFilter;
use crate::domain::ids::MessageId;
use crate::domain::paging::{Cursor, PageSize, PageStart};
use crate::domain::rendering::preview_post;
use crate::domain::text;
use crate::service::ServiceError;
use crate::service::people::{FeedPage, FeedRequest, FeedStart, ShownPost};

use super::super::{Bot, reply};
use super::component_id::{FeedScreen, PageSide};

/// How many posts a page has.
const POSTS: usize = 5;
/// How much of a post's text is shown, in units.
const TEXT: usize = 300;
/// How much of a server's name is shown (Discord: 100 characters), so that a page fits into one message.
const SERVER: usize = 50;

/// The page, below what came of a press.
pub(in crate::discord) async fn answer(
    bot: &Bot,
    screen: FeedScreen,
    said: Option<CreateEmbed>,
) -> Result<EditInteractionResponse, ServiceError> {
    let request = FeedRequest {
        user: screen.owner,
        via: Via::Command,
        filter: FeedFilter { author: screen.from, channel: screen.channel, ..FeedFilter::default() },
        unread: screen.unread,
        start: screen.start,
        limit: POSTS,
    };
    let page = bot.people.feed(request).await?;
    let mut embeds: Vec<CreateEmbed> = said.into_iter().collect();
    if page.posts.is_empty() {
        embeds.push(nothing(bot, &page, screen).await?);
    } else {
        let last = page.posts.len() - 1;
        let shown = page.posts.iter().enumerate().map(|(at, shown)| {
            let embed = post(shown, page.seen);
            if at == last { embed.footer(CreateEmbedFooter::new(place(&page))) } else { embed }
        });
        embeds.extend(shown);
    }
    Ok(EditInteractionResponse::new()
        .embeds(embeds)
        .components(components(&page, screen, bot.accounts.as_ref().map(|accounts| accounts.feed_page())))
        .allowed_mentions(CreateAllowedMentions::new()))
}

/// The answer if there is no post to show.
async fn nothing(bot: &Bot, page: &FeedPage, screen: FeedScreen) -> Result<CreateEmbed, ServiceError> {
    let (title, text) = if !page.is_complete {
        (
            "Nothing here",
            "I can't reach Discord for all of your servers at the moment. Please try again in a minute.",
        )
    } else if page.total > 0 {
        ("Nothing more", "There is nothing further back.")
    } else if screen.unread {
        ("All read", "You have read everything. `/feed read` shows it again.")
    } else if screen.from.is_some() || screen.channel.is_some() {
        ("Nothing here", "Your feed has nothing like that. `/feed read` without options shows all of it.")
    } else if follows_nothing(bot, screen).await? {
        (
            "Your feed is empty",
            "You don't follow anybody yet. Follow a person or a channel with `/feed follow`, or hold (on a computer: right-click) somebody's name and choose Apps → Follow.",
        )
    } else {
        (
            "Your feed is empty",
            "New posts from the people and channels you follow appear here. `/feed following` lists them.",
        )
    };
    Ok(reply::info(title, text))
}

async fn follows_nothing(bot: &Bot, screen: FeedScreen) -> Result<bool, ServiceError> {
    let newest = PageStart::At(Cursor::Newest);
    let page = bot.people.own_follows(screen.owner, None, newest, PageSize::default()).await?;
    Ok(page.total == 0)
}

/// One post. What its author wrote comes last, so that nothing of it runs into the lines of the bot.
fn post(shown: &ShownPost, seen: Option<MessageId>) -> CreateEmbed {
    let ShownPost { post, server_name, .. } = shown;
    let mark = if is_unread(shown, seen) { "🔵 " } else { "" };
    let place = reply::mention(post.thread.unwrap_or(post.source));
    let server = text::escape(&text::cut(server_name, SERVER));
    let (when, edited) = (post.posted_at().timestamp(), if post.edited { " · edited" } else { "" });
    let head = format!("{mark}{place} · {server} · <t:{when}:R>{edited} · [Open]({})", post.link());
    let Some(content) = &post.content else {
        return reply::item(format!("{head}\n*I don't keep what this said any more. Open it to read it.*"));
    };
    let preview = preview_post(content, TEXT);
    let title = preview.title.map_or_else(String::new, |title| format!("**{title}**\n"));
    let author = CreateEmbedAuthor::new(preview.author);
    let author = match preview.avatar {
        Some(avatar) => author.icon_url(avatar),
        None => author,
    };
    let embed = reply::item(format!("{head}\n{title}{}", preview.text)).author(author);
    match preview.picture {
        Some(picture) => embed.image(picture),
        None => embed,
    }
}

fn is_unread(shown: &ShownPost, seen: Option<MessageId>) -> bool {
    seen.is_none_or(|seen| shown.post.position.message > seen)
}

/// Which of all posts are on this page, counted from 1.
fn place(page: &FeedPage) -> String {
    let (first, last) = (page.newer + 1, page.newer + page.posts.len());
    let range = if first == last { first.to_string() } else { format!("{first}–{last}") };
    let more = if page.is_total_exact { "" } else { " or more" };
    let lacks = if page.is_complete { "" } else { " · some servers can't be reached at the moment" };
    format!("{range} of {}{more}, newest first{lacks}", page.total.max(last))
}

fn components(page: &FeedPage, screen: FeedScreen, web: Option<String>) -> Vec<CreateActionRow> {
    let first = page.posts.first();
    if first.is_none() && page.newer == 0 {
        return Vec::new();
    }
    let newer = first.map_or(FeedStart::Newest, |first| FeedStart::NewerThan(first.post.position));
    let older = page.next.map_or(FeedStart::Newest, FeedStart::OlderThan);
    let button = |id: String, label: &str, style, enabled: bool| {
        CreateButton::new(id).label(label).style(style).disabled(!enabled)
    };
    let plain = ButtonStyle::Secondary;
    let mut row = vec![
        button(screen.starting(newer).page_id(PageSide::Newer), "◀ Newer", plain, page.newer > 0),
        button(screen.starting(older).page_id(PageSide::Older), "Older ▶", plain, page.next.is_some()),
    ];
    if let Some(first) = first {
        let marks = screen.starting(FeedStart::At(first.post.position)).mark_id();
        row.push(button(marks, "Mark as read", ButtonStyle::Primary, is_unread(first, page.seen)));
    }
    row.extend(web.map(|web| CreateButton::new_link(web).label("Open in browser")));
    vec![CreateActionRow::Buttons(row)]
}
