//! How the delivery report looks: a line for each follower that the person sees, the others counted; where a mirror comes from; and the last messages of one follow.

use std::collections::BTreeMap;
use std::fmt::Write;

use chrono::{DateTime, Utc};
use poise::serenity_prelude as serenity;
use serde_json::Value;
use serenity::{CreateEmbed, EditInteractionResponse};

use crate::domain::follow::{DeliveryMethod, Follow, FollowState, TagFilter, ThreadScope};
use crate::domain::report::{DeliveryVerdict, LeftOut, WaitReason};
use crate::domain::text;
use crate::service::{
    Actor, DeliveryReport, DeliveryStatus, FollowerStatuses, LastMessages, MessageReach, MirrorMaker,
    MirrorOrigin, NotMirrored, RecentMessage,
};

use super::follows::list::shown;
use super::{Bot, reply};

/// What the command is called in Discord's menu, and in the log.
pub(super) const NAME: &str = "Delivery report";
/// What the lines may take of an embed's 4096 units; the rest is for what stands around them.
const ROOM: usize = 3_300;
/// How much of a message is shown in the list of the last ones.
const BEGINNING: usize = 40;
/// How much of a follow's tags is shown.
const TAGS: usize = 80;

/// The answer to who asks about this message, given in Discord's own form.
pub(super) async fn answer(bot: &Bot, actor: Actor, message: Value) -> EditInteractionResponse {
    let embed = match bot.follows.report(actor, message).await {
        Ok(report) => reply::info(NAME, describe(&report)),
        Err(error) => reply::error(&error, NAME),
    };
    EditInteractionResponse::new().embed(embed)
}

fn describe(report: &DeliveryReport) -> String {
    let mut blocks = vec![format!("[This message]({}) was posted {}.", report.link, ago(report.posted_at))];
    blocks.extend(report.from.as_ref().map(came_from));
    match &report.to {
        MessageReach::Followers(followers) => blocks.extend(goes_to(followers)),
        // That nobody follows the mirror's channel needs no words.
        MessageReach::Nobody(NotMirrored::NotFollowed { former: 0 }) if report.from.is_some() => {}
        MessageReach::Nobody(nobody) => blocks.push(alone(*nobody)),
    }
    blocks.join("\n\n")
}

fn alone(nobody: NotMirrored) -> String {
    match nobody {
        NotMirrored::NotFollowed { former: 0 } => {
            "No channel follows this one through me, so it appears nowhere else. `/follow` changes that.".to_owned()
        }
        NotMirrored::NotFollowed { former } => format!("No channel follows this one through me. {}", left_behind(former)),
        NotMirrored::System => {
            "This is one of Discord's own messages (a join, a boost, a pin or the like). I don't mirror these.".to_owned()
        }
        NotMirrored::Own => "I posted this myself, and what I post is not mirrored.".to_owned(),
        NotMirrored::Forgotten => {
            "This is one of my mirrors, but I no longer track it: it is too old, or its original was forgotten. Edits and deletions don't reach it any more.".to_owned()
        }
    }
}

fn left_behind(former: u64) -> String {
    match former {
        1 => "It still stands in 1 channel that followed this one before.".to_owned(),
        former => format!("It still stands in {former} channels that followed this one before."),
    }
}

/// Where a mirror comes from.
fn came_from(from: &MirrorOrigin) -> String {
    let source = shown(&from.source);
    let posted = ago(from.posted_at);
    let mut text = match &from.by {
        MirrorMaker::Notice => return format!("It is a note of mine: messages of {source} were missed."),
        MirrorMaker::Relay { author, .. } => {
            format!("It is my mirror of what **{}** posted in {source} {posted}", text::escape(author))
        }
        MirrorMaker::Discord => {
            format!("It is a copy that Discord's own following made of what was posted in {source} {posted}")
        }
    };
    match &from.original {
        _ if from.deleted => text.push_str("; the original was deleted."),
        Some(link) => {
            let _ = write!(text, ": [the original]({link}).");
        }
        None => text.push('.'),
    }
    if let MirrorMaker::Relay { part, parts, verdict, .. } = &from.by {
        if *parts > 1 {
            let _ = write!(text, " It is part {part} of {parts}.");
        }
        text.push_str(verdict.map_or("", freshness));
    }
    let _ = write!(text, "\n{}", brought_by(from.follow.as_ref(), &from.by));
    text
}

/// How a mirror stands to its original.
const fn freshness(verdict: DeliveryVerdict) -> &'static str {
    match verdict {
        DeliveryVerdict::Shown => " It shows the newest version.",
        DeliveryVerdict::Updating => " An edit is on its way.",
        DeliveryVerdict::Outdated => " It shows an older version.",
        DeliveryVerdict::Removing => " It is about to be removed.",
        DeliveryVerdict::Left => " It could not be removed.",
        _ => "",
    }
}

fn brought_by(follow: Option<&Follow>, by: &MirrorMaker) -> String {
    match (follow, by) {
        (None, MirrorMaker::Discord) => "No follow that I know of brought it.".to_owned(),
        (None, _) => {
            "The follow that brought it was removed, so edits and deletions don't reach it any more."
                .to_owned()
        }
        (Some(follow), _) => match follow.state {
            FollowState::Active => format!("Follow {} brought it.", follow.id),
            FollowState::Paused => format!("Follow {} brought it; it is paused now.", follow.id),
            FollowState::Broken(reason) => {
                format!("Follow {} brought it; it is broken now. {}", follow.id, reason.explanation())
            }
        },
    }
}

/// The followers, as many as fit; the others are counted.
fn goes_to(followers: &FollowerStatuses) -> Vec<String> {
    let mut rest = followers.rest.clone();
    let (mut lines, mut used, mut counted) = (Vec::new(), 0, followers.counted);
    for line in &followers.lines {
        let target = shown(&line.target);
        let text = format!(
            "{} {target} · {} · {}",
            sign(&line.status),
            line.follow.id,
            status(&line.follow, &line.status)
        );
        used += text::units(&text) + 1;
        if used <= ROOM {
            lines.push(text);
        } else {
            *rest.entry(line.status.verdict).or_default() += 1;
            counted = true;
        }
    }
    let what = if followers.panel { "This panel in" } else { "In" };
    let mut blocks = Vec::new();
    if !lines.is_empty() {
        blocks.push(format!("{what} the channels that follow this one:\n{}", lines.join("\n")));
    }
    if !rest.is_empty() {
        blocks.push(count(&rest, counted, lines.is_empty()));
    }
    if followers.former > 0 {
        blocks.push(left_behind(followers.former));
    }
    blocks
}

/// Those without a line of their own.
fn count(rest: &BTreeMap<DeliveryVerdict, u64>, counted: bool, alone: bool) -> String {
    let mut by_word: Vec<(&str, u64)> = Vec::new();
    for (verdict, count) in rest {
        match by_word.iter_mut().find(|(word, _)| *word == in_short(*verdict)) {
            Some((_, sum)) => *sum += count,
            None => by_word.push((in_short(*verdict), *count)),
        }
    }
    let total: u64 = rest.values().sum();
    let counts: Vec<String> = by_word.iter().map(|(word, count)| format!("{count} {word}")).collect();
    let channels = match (total, alone) {
        (1, true) => "1 channel follows",
        (1, false) => "And 1 channel",
        (_, true) => &format!("{total} channels follow"),
        (_, false) => &format!("And {total} channels"),
    };
    let which = match (counted, alone) {
        (true, _) => ", counted without their names: ",
        (false, true) => " this one that you can't see: ",
        (false, false) => " that you can't see: ",
    };
    format!("{channels}{which}{}.", counts.join(", "))
}

/// The last messages of a follow.
pub(super) fn last(last: &LastMessages) -> CreateEmbed {
    let LastMessages { follow, source, target, messages } = last;
    let title = match messages.len() {
        0 => format!("No messages of follow {}", follow.id),
        1 => format!("Last message of follow {}", follow.id),
        count => format!("Last {count} messages of follow {}", follow.id),
    };
    let head = format!("{} → {}", shown(source), shown(target));
    let text = if messages.is_empty() {
        none_to_show(last)
    } else {
        messages.iter().map(|message| recent(follow, message)).collect::<Vec<_>>().join("\n")
    };
    reply::info(title, text::cut(&format!("{head}\n\n{text}"), crate::domain::limits::EMBED_DESCRIPTION))
}

fn recent(follow: &Follow, message: &RecentMessage) -> String {
    let when = ago(message.posted_at);
    let beginning = message.beginning.as_ref().map(|text| text::escape(&text::cut(text, BEGINNING)));
    let label = beginning
        .filter(|text| !text.contains(['[', ']']) && !text.contains("://"))
        .unwrap_or_else(|| "original".to_owned());
    let original = message.original.as_ref().map_or(String::new(), |link| format!(" · [{label}]({link})"));
    format!("{} {when}{original} · {}", sign(&message.status), status(follow, &message.status))
}

/// Why there is nothing in the list.
fn none_to_show(last: &LastMessages) -> String {
    let LastMessages { follow, source, .. } = last;
    let known = match follow.options.delivery {
        DeliveryMethod::Native => format!("Discord's own following delivers this, and I can't read {} for you.", shown(source)),
        DeliveryMethod::Relay => "I know of no message there: nothing was posted since it is followed, or what was is no longer tracked.".to_owned(),
    };
    match follow.state {
        FollowState::Active => known,
        FollowState::Paused => format!("{known} The follow is paused."),
        FollowState::Broken(reason) => format!("{known} The follow is broken. {}", reason.explanation()),
    }
}

/// A time that goes on counting in Discord's client.
fn ago(time: DateTime<Utc>) -> String {
    format!("<t:{}:R>", time.timestamp())
}

const fn sign(status: &DeliveryStatus) -> &'static str {
    match status.verdict {
        DeliveryVerdict::Shown | DeliveryVerdict::Updating | DeliveryVerdict::Outdated => "✅",
        DeliveryVerdict::Waiting => "⏳",
        DeliveryVerdict::Published | DeliveryVerdict::MaybePublished | DeliveryVerdict::Unpublished => "📣",
        DeliveryVerdict::LeftOut(LeftOut::Tags) => "🏷️",
        DeliveryVerdict::LeftOut(LeftOut::Threads) => "🧵",
        DeliveryVerdict::LeftOut(LeftOut::Panels) => "📋",
        DeliveryVerdict::Paused => "⏸️",
        DeliveryVerdict::Broken(_) => "🔴",
        DeliveryVerdict::Before | DeliveryVerdict::Missed => "🕰️",
        DeliveryVerdict::Removing
        | DeliveryVerdict::Deleted
        | DeliveryVerdict::Left
        | DeliveryVerdict::TakenBack => "🗑️",
        DeliveryVerdict::Withheld => "🙈",
        DeliveryVerdict::RemovedByHand => "✋",
        DeliveryVerdict::Refused => "❌",
        DeliveryVerdict::GaveUp => "⌛",
        DeliveryVerdict::Unknown => "❔",
    }
}

/// What became of a message, where many have the same fate.
const fn in_short(verdict: DeliveryVerdict) -> &'static str {
    match verdict {
        DeliveryVerdict::Shown | DeliveryVerdict::Updating | DeliveryVerdict::Outdated => "shown",
        DeliveryVerdict::Waiting => "waiting",
        DeliveryVerdict::Published | DeliveryVerdict::MaybePublished => "delivered by Discord itself",
        DeliveryVerdict::Unpublished => "for when it is published",
        DeliveryVerdict::LeftOut(LeftOut::Tags) => "left out by mode",
        DeliveryVerdict::LeftOut(LeftOut::Threads) => "without threads",
        DeliveryVerdict::LeftOut(LeftOut::Panels) => "without panels",
        DeliveryVerdict::Paused => "paused",
        DeliveryVerdict::Broken(_) => "broken",
        DeliveryVerdict::Before => "made after it was posted",
        DeliveryVerdict::Missed => "resting when it was posted",
        DeliveryVerdict::Removing => "about to be removed",
        DeliveryVerdict::Deleted | DeliveryVerdict::TakenBack => "removed",
        DeliveryVerdict::Left => "not removable",
        DeliveryVerdict::Withheld => "kept back for its author",
        DeliveryVerdict::RemovedByHand => "removed by hand",
        DeliveryVerdict::Refused => "refused by Discord",
        DeliveryVerdict::GaveUp => "given up",
        DeliveryVerdict::Unknown => "unknown to me",
    }
}

/// What became of a message in one follow, and why.
fn status(follow: &Follow, status: &DeliveryStatus) -> String {
    let links = links(&status.links);
    match status.verdict {
        DeliveryVerdict::Shown => links,
        DeliveryVerdict::Updating => format!("{links}, an edit is on its way{}", because(status.wait)),
        DeliveryVerdict::Outdated => format!("{links}, without its last edit{}", resting(follow)),
        DeliveryVerdict::Waiting => format!("waiting{}", because(status.wait)),
        DeliveryVerdict::Published => "published, so Discord's own following copies it".to_owned(),
        DeliveryVerdict::MaybePublished => {
            "published; Discord's own following copies it if that was after this follow was made".to_owned()
        }
        DeliveryVerdict::Unpublished => "appears once it is published".to_owned(),
        DeliveryVerdict::LeftOut(LeftOut::Tags) => left_out(follow, status),
        DeliveryVerdict::LeftOut(LeftOut::Threads) => match follow.options.threads {
            ThreadScope::Starter => {
                "left out: of threads, this follow takes only what they begin with".to_owned()
            }
            ThreadScope::None | ThreadScope::All => "left out: this follow takes no threads".to_owned(),
        },
        DeliveryVerdict::LeftOut(LeftOut::Panels) => "left out: this follow takes no panels".to_owned(),
        DeliveryVerdict::Paused => "paused: nothing is sent".to_owned(),
        DeliveryVerdict::Broken(reason) => format!("broken. {}", reason.explanation()),
        DeliveryVerdict::Before => "posted before this follow was made".to_owned(),
        DeliveryVerdict::Missed => {
            "not sent: this follow rested or had other options when it was posted".to_owned()
        }
        DeliveryVerdict::Removing => format!("about to be removed{}", because(status.wait)),
        DeliveryVerdict::Deleted => "deleted".to_owned(),
        DeliveryVerdict::Left => format!("deleted, but {links} still stands{}", resting(follow)),
        DeliveryVerdict::Withheld => "not mirrored: its author doesn't want that".to_owned(),
        DeliveryVerdict::TakenBack => {
            "taken back: its tags have changed, and this follow leaves it out now".to_owned()
        }
        DeliveryVerdict::RemovedByHand => "removed here by hand; it doesn't come back".to_owned(),
        DeliveryVerdict::Refused => "refused by Discord, so it is not tried again".to_owned(),
        DeliveryVerdict::GaveUp => "given up after many failed attempts".to_owned(),
        DeliveryVerdict::Unknown => {
            "unknown to me: it is no longer tracked, or I couldn't read here when it was posted".to_owned()
        }
    }
}

fn links(links: &[String]) -> String {
    let named = |(at, link): (usize, &String)| match at {
        0 => format!("[shown]({link})"),
        at => format!("[{}]({link})", at + 1),
    };
    if links.is_empty() {
        return "shown".to_owned();
    }
    links.iter().enumerate().map(named).collect::<Vec<_>>().join(" ")
}

/// Which rule of the follow's mode leaves it out.
fn left_out(follow: &Follow, status: &DeliveryStatus) -> String {
    let tags = text::escape(&text::cut(&status.tags.join(", "), TAGS));
    match &follow.options.filter {
        TagFilter::All => "left out by its tags".to_owned(),
        TagFilter::Only(_) => format!("left out: mode `only` {tags}, and it has none of them"),
        TagFilter::Except(_) => format!("left out: mode `except`, and it has {tags}"),
    }
}

/// Why an edit or a deletion doesn't arrive.
const fn resting(follow: &Follow) -> &'static str {
    match follow.state {
        FollowState::Active => ": Discord refused it",
        FollowState::Paused => ": this follow is paused",
        FollowState::Broken(_) => ": this follow is broken",
    }
}

/// Why something waits, and until when.
pub(super) fn because(wait: Option<WaitReason>) -> String {
    let until = |time: Option<DateTime<Utc>>, word: &str| {
        time.map_or(String::new(), |time| format!("{word}{}", ago(time)))
    };
    match wait {
        None | Some(WaitReason::Soon) => String::new(),
        Some(WaitReason::Sending) => ": Discord has it right now".to_owned(),
        Some(WaitReason::Doubt(time)) => {
            format!(": it isn't clear whether Discord took it, I look {}", ago(time))
        }
        Some(WaitReason::Failed(attempts, time)) => {
            let times = if attempts == 1 { "1 attempt" } else { &format!("{attempts} attempts") };
            format!(": {times} failed{}", until(time, ", the next one is "))
        }
        Some(WaitReason::Behind(1, time)) => format!(": 1 earlier message goes first{}", until(time, ", ")),
        Some(WaitReason::Behind(ahead, time)) => {
            format!(": {ahead} earlier messages go first{}", until(time, ", "))
        }
        Some(WaitReason::Limited(time)) => {
            format!(": Discord's rate limit asks for patience, it goes on {}", ago(time))
        }
    }
}
