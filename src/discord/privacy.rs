//! The answers to `/privacy`, in words that anybody understands: the people who read them may never have
//! heard of this bot.

use poise::serenity_prelude as serenity;
use serenity::{
    ButtonStyle, ComponentInteraction, CreateActionRow, CreateButton, CreateEmbed, CreateInteractionResponse,
    EditInteractionResponse,
};

use crate::domain::ids::GuildId;
use crate::domain::opt_out::OptOutScope;
use crate::domain::retention::RetentionPeriods;
use crate::domain::{limits, text};
use crate::service::authors::{AuthorRecord, AuthorRequest, AuthorTotals, OptedIn, OptedOut};

use super::ids::IntoDomain;
use super::{Bot, reply};

/// The buttons of the question whether to forget somebody. They are about whoever presses them: nobody else
/// sees them.
const FORGET: &str = "privacy:forget";
const CANCEL: &str = "privacy:cancel";
/// What no choice here can change.
const NATIVE: &str = "Announcement channels can also be followed with Discord's own **Follow** button. I can't change what that copies: ask a moderator there.";

/// Who asks, and when. Ids of interactions and messages share one clock, so the interaction's id tells the
/// time as a message's does.
pub(super) fn asking(
    id: serenity::InteractionId,
    user: serenity::UserId,
    server: Option<serenity::GuildId>,
) -> AuthorRequest {
    AuthorRequest {
        user: user.into_domain(),
        server: server.map(IntoDomain::into_domain),
        at: serenity::MessageId::new(id.get()).into_domain(),
    }
}

/// The answer to `/privacy show`.
pub(super) fn kept(kept: &AuthorRecord, here: Option<GuildId>) -> CreateEmbed {
    let AuthorRecord { of, keeping, opt_outs } = kept;
    let mut lines = vec![
        "I copy what is posted in some channels to the channels that follow them, and show it in the feeds of people who follow you or the channel. This is what I keep of you:"
            .to_owned(),
    ];
    lines.extend(of_messages(of, *keeping));
    lines.extend(of_names(of, *keeping));
    lines.extend(of_reader(of, *keeping));
    lines.extend(of_access(of));
    if of.being_forgotten {
        lines.push("- You asked me to forget you. I'm working on it.".to_owned());
    }
    let out: Vec<String> =
        opt_outs.iter().map(|opt_out| format!("- {}", listed(opt_out.scope, here))).collect();
    if out.is_empty() {
        lines.push("\nYou didn't opt out: what you post in a channel that others follow is copied. `/privacy opt-out` changes that, `/privacy forget` deletes what I have.".to_owned());
    } else {
        lines.push(format!(
            "\nYou opted out, so what you post is not copied:\n{}\n`/privacy opt-in` changes that.",
            out.join("\n")
        ));
    }
    reply::info("What I keep of you", text::cut(&lines.join("\n"), limits::EMBED_DESCRIPTION))
}

/// What is kept of somebody's messages.
fn of_messages(of: &AuthorTotals, keeping: RetentionPeriods) -> Vec<String> {
    let Some(oldest) = of.oldest else { return vec!["- None of your messages.".to_owned()] };
    let most = if of.channels_are_more { "At least " } else { "" };
    vec![
        format!(
            "- Which {} are yours, the oldest from <t:{}:D>. Each is kept for {} after it was posted, so that your edits and deletions reach the copies.",
            counted(of.messages, "message", "messages"),
            oldest.created_at().timestamp(),
            days(keeping.mirrors)
        ),
        format!(
            "- {most}{} {} copies of them.",
            counted(of.channels, "channel", "channels"),
            if of.channels == 1 { "shows" } else { "show" }
        ),
        format!(
            "- The text of {} of them, encrypted; cleared {} after the last copy is made. Texts that a feed can show are kept for {}.",
            of.contents,
            hours(keeping.contents),
            days(keeping.feeds)
        ),
    ]
}

/// Where somebody is named as the one who did something.
fn of_names(of: &AuthorTotals, keeping: RetentionPeriods) -> Vec<String> {
    let mut lines = Vec::new();
    if of.follows > 0 {
        let names = if of.follows == 1 { "names" } else { "name" };
        lines.push(format!(
            "- {} {names} you as the one who set {} up.",
            counted(of.follows, "follow", "follows"),
            if of.follows == 1 { "it" } else { "them" }
        ));
    }
    if of.panels > 0 {
        let names = if of.panels == 1 { "names" } else { "name" };
        lines.push(format!("- {} {names} you.", counted(of.panels, "panel", "panels")));
    }
    if of.changes > 0 {
        lines.push(format!(
            "- {} of follows, panels and settings that you made, for the people who manage the server; deleted after {}.",
            counted(of.changes, "change", "changes"),
            days(keeping.audit)
        ));
    }
    lines
}

/// What is kept of somebody who follows, is followed, or was looked up.
fn of_reader(of: &AuthorTotals, keeping: RetentionPeriods) -> Vec<String> {
    let mut lines = Vec::new();
    if of.has_profile {
        lines.push(
            "- Your name and picture, as Discord shows them to everybody, and what you chose with `/feed privacy`."
                .to_owned(),
        );
    }
    if of.following > 0 {
        lines.push(format!(
            "- That you follow {}.",
            counted(of.following, "person, channel or collection", "people, channels and collections")
        ));
    }
    if of.followers > 0 {
        lines.push(format!("- That {} you.", counted(of.followers, "person follows", "people follow")));
    }
    if of.blocked > 0 {
        lines.push(format!("- That you blocked {}.", counted(of.blocked, "person", "people")));
    }
    if of.feed > 0 {
        lines.push(format!(
            "- Your feed: which {} it may show you. It goes back {}.",
            counted(of.feed, "message", "messages"),
            days(keeping.feeds)
        ));
    }
    lines
}

/// What lets somebody in at the web pages.
fn of_access(of: &AuthorTotals) -> Option<String> {
    let sessions = (of.sessions > 0)
        .then(|| format!("{} in which you are signed in", counted(of.sessions, "browser", "browsers")));
    let tokens = (of.tokens > 0).then(|| format!("{} of yours", counted(of.tokens, "token", "tokens")));
    let kept: Vec<String> = [sessions, tokens].into_iter().flatten().collect();
    (!kept.is_empty())
        .then(|| format!("- At my web pages: {}. `/dashboard` leads there.", kept.join(" and ")))
}

/// The answer to `/privacy opt-out`.
pub(super) fn opted_out(done: OptedOut) -> CreateEmbed {
    match done {
        OptedOut::Now(scope) => reply::done(format!(
            "Your messages are no longer copied {}. The copies that exist are being deleted; with many messages, that takes a while. \
             Replies of others show yours as deleted.\n\n{NATIVE}\n\n`/privacy opt-in` changes it back. Copies that were deleted don't come back.",
            name(scope)
        )),
        OptedOut::Before(scope) => reply::info(
            "Nothing to do",
            format!("You have opted out {} already: your messages are not copied.\n\n{NATIVE}", name(scope)),
        ),
        OptedOut::NoServer => no_server("opt-out"),
    }
}

/// The answer to `/privacy opt-in`.
pub(super) fn opted_in(done: OptedIn) -> CreateEmbed {
    match done {
        OptedIn::Now(scope) => reply::done(format!(
            "What you post from now on is copied again {}. Copies that were deleted don't come back.",
            name(scope)
        )),
        OptedIn::Before(scope) => reply::info(
            "Nothing to do",
            format!("You hadn't opted out {}: what you post is copied.", name(scope)),
        ),
        OptedIn::OutEverywhere => reply::question(
            "You have opted out everywhere, and that includes this server. Use `/privacy opt-in where:everywhere` to be copied again.",
        ),
        OptedIn::NoServer => no_server("opt-in"),
    }
}

/// The question before `/privacy forget` forgets.
pub(super) fn ask_to_forget() -> EditInteractionResponse {
    let question = "Should I forget you? I delete all copies of your messages, and your name on follows, panels and in copies of others' messages. \
        Your own messages stay where you posted them.\n\n\
        You then follow nobody, and nobody follows you. Your feed, your choices in `/feed privacy` and your blocks go, too. \
        You are signed out of my web pages, and your API tokens stop working. This can't be undone.\n\n\
        What you post afterwards is copied as before, and people may follow you again. If you don't want your messages copied, use `/privacy opt-out` first: I remember it when I forget the rest.";
    let button = |id, label, style| CreateButton::new(id).label(label).style(style);
    let buttons = CreateActionRow::Buttons(vec![
        button(FORGET, "Forget me", ButtonStyle::Danger),
        button(CANCEL, "Cancel", ButtonStyle::Secondary),
    ]);
    EditInteractionResponse::new().embed(reply::question(question)).components(vec![buttons])
}

/// Answers a press on one of the question's buttons; `false` where it isn't one.
pub(super) async fn answer_press(ctx: &serenity::Context, bot: &Bot, press: &ComponentInteraction) -> bool {
    let confirmed = match press.data.custom_id.as_str() {
        FORGET => true,
        CANCEL => false,
        _ => return false,
    };
    reply::deliver(press.create_response(ctx, CreateInteractionResponse::Acknowledge).await);
    let answer = if confirmed {
        match bot.authors.forget(asking(press.id, press.user.id, press.guild_id)).await {
            Ok(true) => reply::done(format!(
                "I'm forgetting you. The copies of your messages are being deleted; with many messages, that takes a while.\n\n{NATIVE}"
            )),
            Ok(false) => reply::info(
                "Nothing to do",
                "I'm forgetting you already. With many messages, that takes a while.",
            ),
            Err(error) => {
                // The buttons stay, to try again.
                let embed = reply::error(&error, "privacy forget");
                let answer = EditInteractionResponse::new().embed(embed);
                reply::deliver(press.edit_response(ctx, answer).await.map(|_| ()));
                return true;
            }
        }
    } else {
        reply::done("Cancelled. Nothing was forgotten.")
    };
    let answer = EditInteractionResponse::new().embed(answer).components(Vec::new());
    reply::deliver(press.edit_response(ctx, answer).await.map(|_| ()));
    true
}

fn no_server(word: &str) -> CreateEmbed {
    reply::question(format!(
        "This isn't a server. Use `/privacy {word} where:everywhere`, or run the command in the server that you mean."
    ))
}

/// Where a choice applies, within a sentence.
fn name(scope: OptOutScope) -> String {
    match scope {
        OptOutScope::Everywhere => "everywhere".to_owned(),
        OptOutScope::Server(_) => "from this server's channels".to_owned(),
    }
}

/// Where a choice applies, in a list that may be read in another server.
fn listed(scope: OptOutScope, here: Option<GuildId>) -> String {
    match scope {
        OptOutScope::Everywhere => "Everywhere".to_owned(),
        OptOutScope::Server(guild) if Some(guild) == here => "In this server".to_owned(),
        OptOutScope::Server(guild) => format!("In the server with the id {guild}"),
    }
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn days(span: chrono::TimeDelta) -> String {
    counted(span.num_days().unsigned_abs(), "day", "days")
}

fn hours(span: chrono::TimeDelta) -> String {
    counted(span.num_hours().unsigned_abs(), "hour", "hours")
}
