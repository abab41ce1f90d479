//! `/feed`.

use poise::serenity_prelude as serenity;

use crate::domain::audit::Via;
use crate::domain::follow::TagMode;
use crate::domain::ids::UserId;
use crate::domain::paging::Cursor;
use crate::domain::personal::{Coverage, Followable, Followee, ListVisibility, PrivacyChoice};
use crate::service::people::{FeedStart, PersonalOutcome, PersonalWish, chosen_followee};
use crate::service::{PersonalRefusal, ServiceError};

use super::super::ids::IntoDomain;
use super::super::options::{MuteSpan, OrOperators};
use super::super::personal::component_id::{FeedScreen, OwnList};
use super::super::personal::{answer, lists, page, send};
use super::super::{Context, reply};

/// Follow people and channels, and read what they post in one place
///
/// For everyone, in servers and in direct messages. Your feed is yours alone: only you see these answers. It
/// shows posts from the people and channels you follow. A post appears only while you can read it in Discord
/// yourself.
#[poise::command(
    slash_command,
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel",
    subcommands("read", "follow", "unfollow", "mute", "following", "followers", "privacy", "forget"),
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
    let before = people.privacy(user).await?;
    if followable.is_none() && lists.is_none() && counts.is_none() {
        reply::embed(ctx, answer::privacy(before, people.policy(), None)).await;
        return Ok(());
    }
    let choice = PrivacyChoice {
        followable: followable.map_or(before.followable, |OrOperators(chosen)| chosen),
        lists: lists.map_or(before.lists, |OrOperators(chosen)| chosen),
        counts_hidden: counts.map_or(before.counts_hidden, |shown| !shown),
    };
    let ended = people.set_privacy(user, choice).await?;
    reply::embed(ctx, answer::privacy(choice, people.policy(), Some(ended))).await;
    Ok(())
}

/// Have me forget you as a reader
///
/// Asks first. Your follows, your followers, your feed and how far you read it, your choices and your blocks
/// are deleted. `/privacy forget` is about your own messages, and deletes all of this, too.
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
