//! The private addresses at which programs read somebody's feed.

use poise::serenity_prelude as serenity;
use serenity::{
    CreateActionRow, CreateEmbed, CreateSelectMenu, CreateSelectMenuKind, CreateSelectMenuOption,
    EditInteractionResponse,
};

use crate::domain::feed_link::{FeedFormat, FeedLink};
use crate::domain::ids::UserId;
use crate::domain::secret::WebSecret;
use crate::domain::text;
use crate::service::ServiceError;
use crate::service::accounts::Accounts;

use super::super::{Bot, reply};
use super::component_id::PersonalPress;

/// What is said where there are no addresses.
const OFF: &str = "My operator hasn't switched my web pages on, so your feed has no addresses. Read it here with `/feed read`.";

/// All addresses of somebody's feed, below what came of a command or a press.
pub(in crate::discord) async fn answer(
    bot: &Bot,
    owner: UserId,
    said: Option<CreateEmbed>,
) -> Result<EditInteractionResponse, ServiceError> {
    let links = bot.people.feed_links(owner).await?;
    let list = said.is_none() || links.len() > 1;
    let embeds = said.into_iter().chain(list.then(|| listed(&links))).collect();
    Ok(EditInteractionResponse::new().embeds(embeds).components(menu(owner, &links).into_iter().collect()))
}

/// There are no addresses, because there are no web pages.
pub(in crate::discord) fn off() -> CreateEmbed {
    reply::question(OFF)
}

/// The addresses of a link that was just made: the only place where they can be read.
pub(in crate::discord) fn made(accounts: &Accounts, secret: &WebSecret, link: &FeedLink) -> CreateEmbed {
    let line = |(format, name): (FeedFormat, &str)| {
        format!("**{name}:** `{}`", accounts.feed_address(format, secret))
    };
    let formats = [(FeedFormat::Atom, "Atom"), (FeedFormat::Rss, "RSS"), (FeedFormat::Json, "JSON Feed")];
    let lines: Vec<String> = formats.into_iter().map(line).collect();
    reply::info(
        format!("Your feed for {}", link.name),
        format!(
            "Most readers take any of these. Copy one now: I can't show them again.\n{}\n\nWhoever has one can read your feed until you revoke it with `/feed link`. Keep it like a password.",
            lines.join("\n")
        ),
    )
}

/// One of them was revoked, or was gone already.
pub(in crate::discord) fn revoked(was_there: bool) -> CreateEmbed {
    if was_there {
        reply::done("Revoked. Nothing can be read at that address any more.")
    } else {
        reply::info("Nothing to do", "That address was revoked before.")
    }
}

fn listed(links: &[FeedLink]) -> CreateEmbed {
    if links.is_empty() {
        return reply::info(
            "Your feed has no addresses",
            "Give one a name, as in `/feed link name:phone`, and read your feed in a program that reads Atom, RSS or JSON Feed.",
        );
    }
    let row = |link: &FeedLink| {
        let used = link.used_on.map_or_else(
            || "never used".to_owned(),
            |day| format!("last used on {}", day.format("%-d %B %Y")),
        );
        format!("**{}** · made <t:{}:R> · {used}", text::escape(&link.name), link.created_at.timestamp())
    };
    let rows: Vec<String> = links.iter().map(row).collect();
    reply::info("The addresses of your feed", rows.join("\n"))
}

fn menu(owner: UserId, links: &[FeedLink]) -> Option<CreateActionRow> {
    if links.is_empty() {
        return None;
    }
    let option = |link: &FeedLink| CreateSelectMenuOption::new(link.name.clone(), link.id.0.to_string());
    let options = links.iter().map(option).collect();
    let kind = CreateSelectMenuKind::String { options };
    let menu = CreateSelectMenu::new(PersonalPress::revoke_link_id(owner), kind);
    Some(CreateActionRow::SelectMenu(menu.placeholder("Revoke an address …")))
}
