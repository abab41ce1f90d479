//! `/feed`.

use std::sync::Arc;

use poise::serenity_prelude as serenity;

use crate::domain::account::TokenName;
use crate::domain::audit::Via;
use crate::domain::digest::{DigestPeriod, DigestSchedule, parse_time_zone, time_zones_like};
use crate::domain::follow::TagMode;
use crate::domain::ids::UserId;
use crate::domain::paging::Cursor;
use crate::domain::personal::{Coverage, Followable, Followee, ListVisibility, PrivacyChange};
use crate::service::people::{FeedStart, PersonalOutcome, PersonalWish, chosen_followee};
use crate::service::{PersonalRefusal, ServiceError};

use super::super::ids::IntoDomain;
use super::super::options::{DigestChoice, MuteSpan, OrOperators};
use super::super::personal::component_id::{FeedScreen, OwnList};
use super::super::personal::{answer, digests, links, lists, page, send};
use super::super::{Bot, Context, reply};

/// The hour of digests for which nobody chose one.
const HOUR: u8 = 8;
/// How many suggestions Discord takes.
const CHOICES: usize = 25;

/// Follow people and channels, and read what they post in one place
///
/// For everyone, in servers and in direct messages. Your feed is yours alone: only you see these answers. It
/// shows posts from the people and channels you follow. A post appears only while you can read it in Discord
/// yourself.
#[poise::command(
    slash_command,
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel",
    subcommands(
        "read",
        "follow",
        "unfollow",
        "mute",
        "following",
        "followers",
        "privacy",
        "link",
        "digest",
        "forget"
    ),
    subcommand_required
)]
pub(super) async fn feed(_: Context<'_>) -> Result<(), ServiceError> {
    Ok(())
}

/// Read your feed
///
/// Five posts a page, the newest first, each with a link to it. A blue dot marks what you haven't marked as
/// read. **Mark as read** marks the page and everything older.
///
/// Example: `/feed read unread:True`
#[poise::command(slash_command)]
async fn read(
    ctx: Context<'_>,
    #[description = "Only what this person posted"] from: Option<serenity::UserId>,
    #[description = "Only what was posted in this channel"] channel: Option<serenity::ChannelId>,
    #[description = "Only what you haven't marked as read (default: false)"] unread: Option<bool>,
) -> Result<(), ServiceError> {
    let screen = FeedScreen {
        owner: own_id(ctx),
        from: from.map(IntoDomain::into_domain),
        channel: channel.map(IntoDomain::into_domain),
        unread: unread.unwrap_or_default(),
        start: FeedStart::Newest,
    };
    let answer = page::answer(ctx.data(), screen, None).await?;
    send(ctx.framework.serenity_context, &ctx.interaction.token, answer).await;
    Ok(())
}

/// Follow a person or a channel, or change how you follow them
///
/// New posts appear in your feed from now on, wherever you can read them. If you follow them already, this
/// changes the options that you give. Somebody who wants to be asked first is, and you follow them once they
/// say yes. Your own menu is quicker: hold (on a computer: right-click) a name or a message, then Apps.
///
/// With `what:posts`, short messages are left out: what comes is long, or has a link, a file or a poll, or
/// begins a thread. `tags` are `#hashtags`, or a forum's own tags if you follow a forum.
///
/// Example: `/feed follow member:@Carol mode:except tags:#games`
#[poise::command(slash_command)]
async fn follow(
    ctx: Context<'_>,
    #[description = "The person to follow"] member: Option<serenity::UserId>,
    #[description = "Or the channel to follow"] channel: Option<serenity::ChannelId>,
    #[description = "Which posts: all, all except those with the tags, or only those (default: all)"]
    mode: Option<TagMode>,
    #[description = "Tags for the modes except and only, separated by commas"] tags: Option<String>,
    #[description = "How much: posts, or everything, which also has short messages (default: posts)"]
    what: Option<Coverage>,
) -> Result<(), ServiceError> {
    let followee = chosen(member, channel)?;
    let wish = PersonalWish { mode, tags, coverage: what };
    let done = ctx.data().people.follow_as_wished(own_id(ctx), Via::Command, followee, &wish).await?;
    let answer = match done {
        PersonalOutcome::Followed(done) => answer::followed(&done),
        PersonalOutcome::Asked => answer::asked(followee),
    };
    reply::embed(ctx, answer).await;
    Ok(())
}

/// Stop following a person or a channel
///
/// Their posts leave your feed at once. They aren't told. It also takes back that you asked somebody.
/// `/feed following` has a menu for what you can't choose here.
///
/// Example: `/feed unfollow member:@Carol`
#[poise::command(slash_command)]
async fn unfollow(
    ctx: Context<'_>,
    #[description = "The person you follow"] member: Option<serenity::UserId>,
    #[description = "Or the channel you follow"] channel: Option<serenity::ChannelId>,
) -> Result<(), ServiceError> {
    let followee = chosen(member, channel)?;
    let end = ctx.data().people.unfollow(own_id(ctx), followee).await?;
    reply::embed(ctx, answer::unfollowed(followee, end)).await;
    Ok(())
}

/// Hide a person or a channel from your feed for a while
///
/// You still follow them. Posts from that time appear when it is over.
///
/// Example: `/feed mute for:1d channel:#chat`
#[poise::command(slash_command)]
async fn mute(
    ctx: Context<'_>,
    #[rename = "for"]
    #[description = "For how long"]
    span: MuteSpan,
    #[description = "The person you follow"] member: Option<serenity::UserId>,
    #[description = "Or the channel you follow"] channel: Option<serenity::ChannelId>,
) -> Result<(), ServiceError> {
    let followee = chosen(member, channel)?;
    let follow = ctx.data().people.mute_for(own_id(ctx), followee, span.length()).await?;
    reply::embed(ctx, answer::muted(&follow)).await;
    Ok(())
}

/// Show whom and what you follow
///
/// The newest first, with a menu to unfollow.
///
/// Example: `/feed following`
#[poise::command(slash_command)]
async fn following(ctx: Context<'_>) -> Result<(), ServiceError> {
    list(ctx, OwnList::Following).await
}

/// Show who follows you or asks to, and remove or block them
///
/// The newest first. Somebody you remove can follow you again; somebody you block can't. Neither is told.
/// Buttons lead to those who ask to follow you, and to those whom you blocked.
///
/// Example: `/feed followers`
#[poise::command(slash_command)]
async fn followers(ctx: Context<'_>) -> Result<(), ServiceError> {
    list(ctx, OwnList::Followers).await
}

/// Choose who may follow you, and who sees whom you follow
///
/// Without options, shows what you chose. With `followable:asked`, people ask you first, and `/feed
/// followers` has their requests. With `followable:nobody`, those who follow you stop. People can always see
/// their own followers. `operator` leaves a choice to whoever runs this bot.
///
/// Example: `/feed privacy lists:hidden counts:False`
#[poise::command(slash_command)]
async fn privacy(
    ctx: Context<'_>,
    #[description = "Who may follow you: everyone, who asked and got a yes, or nobody"] followable: Option<
        OrOperators<Followable>,
    >,
    #[description = "Who sees whom you follow and who follows you: public, shared (those people), or hidden"]
    lists: Option<OrOperators<ListVisibility>>,
    #[description = "Whether others see the numbers"] counts: Option<bool>,
) -> Result<(), ServiceError> {
    let (people, user) = (&ctx.data().people, own_id(ctx));
    let change = PrivacyChange {
        followable: followable.map(|OrOperators(chosen)| chosen),
        lists: lists.map(|OrOperators(chosen)| chosen),
        counts_hidden: counts.map(|shown| !shown),
    };
    let (choice, ended) = if change.is_empty() {
        (people.privacy(user).await?, None)
    } else {
        let (choice, ended) = people.change_privacy(user, change).await?;
        (choice, Some(ended))
    };
    reply::embed(ctx, answer::privacy(choice, people.policy(), ended)).await;
    Ok(())
}

/// Read your feed in a program that reads Atom, RSS or JSON Feed
///
/// With a name, makes a private address for one such program, and shows it once. Without, lists the addresses
/// that there are, with a menu to revoke them. Whoever has an address can read your feed, so give each
/// program one of its own. There are addresses only if the bot's operator has switched the web pages on.
///
/// Example: `/feed link name:phone`
#[poise::command(slash_command)]
async fn link(
    ctx: Context<'_>,
    #[description = "What you call it, to know it again: the program or the device"]
    #[min_length = 1]
    #[max_length = 50]
    name: Option<String>,
) -> Result<(), ServiceError> {
    let (bot, user) = (ctx.data(), own_id(ctx));
    let Some(accounts) = &bot.accounts else {
        reply::embed(ctx, links::off()).await;
        return Ok(());
    };
    let made = match name {
        Some(name) => {
            let name = TokenName::parse(&name).ok_or(PersonalRefusal::FeedLinkName)?;
            let (secret, link) = bot.people.create_feed_link(user, Via::Command, name).await?;
            Some(links::made(accounts, &secret, &link))
        }
        None => None,
    };
    let answer = links::answer(bot, user, made).await?;
    reply::deliver(reply::send(ctx, answer).await);
    Ok(())
}

/// Get what is new in your feed by direct message, every day or week
///
/// At the hour that you choose, with at most ten of the newest posts that you haven't read. Nothing is sent
/// if nothing is new. The first one comes at once, so that you see whether Discord lets me write to you.
/// Without options, shows what you set. A weekly one comes on Mondays.
///
/// Example: `/feed digest every:day hour:8 timezone:Europe/Berlin`
#[poise::command(slash_command)]
async fn digest(
    ctx: Context<'_>,
    #[description = "How often: day, week, or off"] every: Option<DigestChoice>,
    #[description = "At which hour of the day, 0 to 23 (default: 8)"]
    #[min = 0]
    #[max = 23]
    hour: Option<u8>,
    #[description = "In which time zone, such as Europe/Berlin (default: UTC)"]
    #[autocomplete = "complete_time_zone"]
    timezone: Option<String>,
) -> Result<(), ServiceError> {
    let (people, user) = (&ctx.data().people, own_id(ctx));
    let before = people.digest(user).await?;
    let schedule = before.as_ref().map(|digest| digest.schedule);
    let every = match (every, schedule) {
        (Some(DigestChoice::Off), _) => {
            let ended = people.remove_digest(user).await?;
            reply::embed(ctx, digests::ended(ended)).await;
            return Ok(());
        }
        (Some(DigestChoice::Every(period)), _) => period,
        (None, Some(schedule)) if hour.is_some() || timezone.is_some() => schedule.every,
        (None, None) if hour.is_some() || timezone.is_some() => DigestPeriod::Day,
        (None, _) => {
            reply::embed(ctx, digests::shown(before.as_ref())).await;
            return Ok(());
        }
    };
    let zone = match timezone {
        Some(name) => parse_time_zone(&name).ok_or(PersonalRefusal::UnknownTimeZone)?,
        None => schedule.map(|schedule| schedule.time_zone).unwrap_or_default(),
    };
    let hour = hour.or(schedule.map(|schedule| schedule.hour)).unwrap_or(HOUR);
    let wanted = DigestSchedule { every, hour: hour.min(23), time_zone: zone };
    let digest = people.set_digest(user, wanted).await?;
    reply::embed(ctx, digests::set(&digest)).await;
    Ok(())
}

async fn complete_time_zone(
    _: poise::ApplicationContext<'_, Arc<Bot>, ServiceError>,
    typed: &str,
) -> serenity::CreateAutocompleteResponse {
    let zones = time_zones_like(typed, CHOICES).into_iter();
    zones.fold(serenity::CreateAutocompleteResponse::new(), |answer, zone| {
        answer.add_string_choice(zone, zone)
    })
}

/// Have me forget you as a reader
///
/// Asks first. Your follows, your followers, your feed and how far you read it, your choices and your blocks
/// are deleted, and the addresses of your feed and your digest end. `/privacy forget` is about your own
/// messages, and deletes all of this, too.
///
/// Example: `/feed forget`
#[poise::command(slash_command)]
async fn forget(ctx: Context<'_>) -> Result<(), ServiceError> {
    reply::deliver(reply::send(ctx, answer::ask_to_forget(own_id(ctx))).await);
    Ok(())
}

/// Who runs the command.
pub(super) fn own_id(ctx: Context<'_>) -> UserId {
    ctx.interaction.user.id.into_domain()
}

fn chosen(
    member: Option<serenity::UserId>,
    channel: Option<serenity::ChannelId>,
) -> Result<Followee, PersonalRefusal> {
    chosen_followee(member.map(IntoDomain::into_domain), channel.map(IntoDomain::into_domain))
}

async fn list(ctx: Context<'_>, list: OwnList) -> Result<(), ServiceError> {
    let answer = lists::answer(ctx.data(), own_id(ctx), list, Cursor::Newest, None).await?;
    reply::deliver(reply::send(ctx, answer).await);
    Ok(())
}
