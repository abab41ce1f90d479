//! How sentences for people who use commands are told to people who use the API: without Discord's markup,
//! and in the API's words.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat};

use crate::domain::text;

/// What people do with commands, and what it is in the API. Whoever writes a sentence that names a command or
/// its options adds it here; a test finds what is missing.
const WORDS: &[(&str, &str)] = &[
    // Follows.
    (
        "Run this in the channel that should receive the posts, or name it with `into`.",
        "Name the channel that should receive the posts as targetChannelId.",
    ),
    (
        "Right-click the channel, choose Copy Link, and paste it as `link`. A channel id works, too.",
        "Copy the channel's link in Discord, or give the channel's id as sourceChannelId.",
    ),
    (", but paused. Resume it in `/follows`.", ", but paused. Resume the follow that followId names."),
    (" `/follows` shows it.", " The follow is the one that followId names."),
    (" `/follows` shows those that are left.", ""),
    ("Resume the follow in `/follows` first", "Resume the follow first"),
    ("Give tags with `tags`, separated by commas.", "Name it in tags."),
    (
        "Choose one of these with `mode`, or leave `tags` out.",
        "Choose one of these as mode, or leave tags out.",
    ),
    (
        "Run this command there. To follow a channel of another server, paste its link as `link`.",
        "Name that server in the path.",
    ),
    ("Use `relay`, or leave `delivery` out.", "Choose `relay` as delivery, or leave delivery out."),
    (" with `/unfollow`, choose another channel with `into`,", ", choose another targetChannelId,"),
    ("or choose another channel with `into`", "or choose another targetChannelId"),
    (" (`/follows` shows them)", ""),
    ("Run `/follow` with `delivery:relay` for it.", "Change its delivery to `relay`."),
    ("Run `/follow` again", "Make it again"),
    // Who may follow a channel.
    ("can open it with `/publish`", "can open it by its audience"),
    ("unless it is opened with `/publish`", "unless it is opened by its audience"),
    ("Ask its admins to `/publish` it", "Ask its admins to open it"),
    ("Choose a text channel with `notify`.", "Choose a text channel as notifyChannelId."),
    // People and feeds: these sentences are part of the API's contract.
    ("You can't follow yourself.", "cannot follow yourself"),
    ("You are already following this person.", "already following this user"),
    ("You aren't following that.", "follow relationship not found"),
    ("I can't find that person.", "user not found"),
    ("This person can't be followed.", "this user can't be followed"),
    ("That person doesn't follow you.", "follower not found"),
    ("This person keeps that private.", "counts are hidden"),
    (
        " Write it like `Europe/Berlin`; the command suggests some as you type.",
        " Write it like Europe/Berlin.",
    ),
    ("I can't find that post in your feed.", "activity not found"),
    ("That person isn't asking to follow you, or not any more.", "follow request not found"),
    // Followers.
    (" `/followers` shows those that are left.", ""),
    (
        "Open it with `/publish` first, then approve the request in `/followers`.",
        "Open it by its audience first, then approve the request.",
    ),
    ("Unblock it in `/followers` first.", "Unblock it first."),
    // Collections.
    ("end that with `/unfollow collection:` first", "end its follow of the collection first"),
    ("isn't followed there. `/follows` shows what this server follows.", "isn't followed by that follow."),
    ("Remove the channel from that with `/collection remove`", "Remove the channel from that"),
    (" with `/unfollow collection:`", " collection"),
    ("follow its channel by itself with `/follow`", "make a follow of its channel"),
    ("follow it by itself: `/follow` asks first.", "make a follow of it, which has to be confirmed."),
    ("Somebody who can may follow it by itself with `/follow`.", "Somebody who can may make a follow of it."),
    ("should end it with `/unfollow`, and follow the collection anew", "should end it and make it anew"),
    ("End it with `/unfollow`, and follow the collection anew.", "End it and make it anew."),
    ("Follow it by itself with `/follow`, which says which.", "Make a follow of it, which says which."),
    ("Follow it by itself with `/follow`.", "Make a follow of it."),
    // Panels.
    ("Choose one of those that `/panel create` offers.", "/api/v1/panel-kinds lists them."),
    (
        " with `/panel delete`, or move one to another channel with `/panel move`",
        ", or move one to another channel",
    ),
    (" with `/panel delete` (`/panel list` shows them)", ""),
    (
        "Choose one of those that are offered; `/panel list` shows them all.",
        "The list of the server's panels has them all.",
    ),
    ("A panel's interval must be between 1 and 1440 minutes.", "A panel's refreshSeconds is 60 to 86400."),
    ("then use `/panel refresh`", "then refresh it"),
    ("`/panel refresh` posts it again", "Refreshing it posts it again"),
    ("Change it with `/panel edit`.", "Change its config."),
    ("or ask for `/panel refresh`", "or have it refreshed"),
];

/// A sentence of a refusal, as programs get it.
pub(in crate::http) fn for_programs(sentence: &str) -> String {
    let reworded = WORDS.iter().fold(Cow::Borrowed(sentence), |sentence, (words, others)| {
        if sentence.contains(words) { sentence.replace(words, others).into() } else { sentence }
    });
    plain(&reworded)
}

/// A sentence without Discord's markup: `**bold**` loses its asterisks, `<#id>` becomes `channel id`, and
/// `<t:seconds:R>` a time in RFC 3339.
pub(in crate::http) fn plain(sentence: &str) -> String {
    let mut plain = String::with_capacity(sentence.len());
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once('<') {
        plain.push_str(before);
        rest = after;
        match after.split_once('>').and_then(|(inside, after)| Some((words(inside)?, after))) {
            Some((words, after)) => {
                plain.push_str(&words);
                rest = after;
            }
            None => plain.push('<'),
        }
    }
    plain.push_str(rest);
    plain.replace("**", "")
}

/// What stands between `<` and `>`, in words; `None` if it isn't markup.
fn words(inside: &str) -> Option<String> {
    if let Some(id) = inside.strip_prefix('#') {
        return text::number(id).map(|id: u64| format!("channel {id}"));
    }
    let seconds = inside.strip_prefix("t:")?.split(':').next().and_then(text::number)?;
    let time = DateTime::from_timestamp(seconds, 0)?;
    Some(format!("at {}", time.to_rfc3339_opts(SecondsFormat::Secs, true)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::channel::ChannelKind;
    use crate::domain::collection_follow::GapReason;
    use crate::domain::follow::{BrokenReason, ChannelPair, FollowId, FollowState, TagMode};
    use crate::domain::ids::ChannelId;
    use crate::domain::panel::FieldProblem;
    use crate::domain::permissions::Permissions;
    use crate::domain::personal::PersonalFilterError;
    use crate::service::{CollectionRefusal, ConsentRefusal, PersonalRefusal, Refusal};

    /// What only commands can meet, and programs can't yet.
    const COMMANDS_ONLY: [&str; 12] = [
        "choose_one",
        "servers_only",
        "no_channel",
        "two_channels",
        "not_following",
        "question_too_old",
        "several_panels",
        "too_slow",
        "unseen_thread",
        "notify_and_quiet",
        "no_backfill",
        "collection_and_channel",
    ];

    /// One of each refusal that programs can meet.
    fn refusals() -> Vec<Refusal> {
        use Refusal::*;
        let (channel, at, follow) = (ChannelId::new(7).unwrap(), DateTime::UNIX_EPOCH, FollowId(7));
        let (target, most, kind) = (channel, 9, ChannelKind::Voice);
        let text = || "x".to_owned();
        let already = |paused| AlreadyFollowing { follow, source_channel: channel, target, paused };
        let consent = [
            ConsentRefusal::NotForThisServer,
            ConsentRefusal::StillWaits(follow),
            ConsentRefusal::FollowAnew(follow, BrokenReason::Declined),
            ConsentRefusal::FollowerGone,
            ConsentRefusal::Decided(FollowState::Active),
            ConsentRefusal::FollowerUnready,
            ConsentRefusal::SourceClosed(channel),
            ConsentRefusal::ServerBlocked,
            ConsentRefusal::NotBlocked,
            ConsentRefusal::NotifyKind(kind),
        ];
        let collection = [
            CollectionRefusal::Unknown,
            CollectionRefusal::NameTaken,
            CollectionRefusal::Name,
            CollectionRefusal::Description,
            CollectionRefusal::TooMany,
            CollectionRefusal::ChannelsFull,
            CollectionRefusal::NotCollected(channel),
            CollectionRefusal::AlreadyFollowed(channel),
            CollectionRefusal::UnknownFollow,
            CollectionRefusal::FromCollection(follow),
            CollectionRefusal::IsFollowed,
        ];
        let mut all = vec![
            UnknownServer,
            SelfFollow,
            NotALink,
            already(true),
            already(false),
            NoSuchFollow(follow),
            NotConfirmed(ChannelPair { source: channel, target }),
            Paused(follow),
            TagsMissing(TagMode::Only),
            TagsWithoutMode,
            NoSuchTag { forum: channel, name: text(), offered: vec![text()] },
            NotAHashtag(text()),
            TooManyTags,
            Elsewhere,
            SourceKind { channel, kind },
            TargetKind { channel, kind },
            PublishKind(kind),
            NativeImpossible,
            ForumThreads,
            ThreadThreads,
            PrivateElsewhere,
            PersonMay { channel, permissions: Permissions::MANAGE_CHANNELS },
            PersonMayInServer(Permissions::MANAGE_CHANNELS),
            PersonTimedOut(at),
            AgeRestricted { target },
            BotMay(Vec::new()),
            BotTimedOut { channel, until: at },
            UnknownSource,
            UnknownChannel,
            UnknownMessage,
            UnreadableMessage,
            NotPublished,
            NotPublic,
            NotServed,
            TooManyInto { channel, most },
            TooManyFollowers { channel, most },
            TooManyInServer(most),
            TooManyWebhooks(channel),
            TooManyServerWebhooks,
            TooManyActions(at),
            TooManyQuestions(at),
            TooManyLookups(at),
            Panel(text()),
            PanelForbidden(text()),
            UnknownPanelKind,
            PanelField { field: text(), problem: FieldProblem::Missing },
            PanelKind { channel, kind },
            TooManyPanels { channel, most: 9 },
            TooManyPanelsInServer(most),
            PanelTitle(80),
            PanelRefresh,
            NoSuchPanel,
            PanelGone,
            PanelLeft,
            PanelThere(channel),
            PanelBusy,
            PanelStale,
            PanelRight { own: true, channel },
            AlreadyPaused(follow),
            AlreadyActive(follow),
        ];
        all.extend(BrokenReason::ALL.iter().map(|reason| Broken(follow, *reason)));
        all.extend(BrokenReason::ALL.iter().map(|reason| ConsentRefusal::FollowAnew(follow, *reason).into()));
        all.extend(consent.map(Refusal::from));
        let personal = [
            PersonalRefusal::Oneself,
            PersonalRefusal::AlreadyFollowing,
            PersonalRefusal::NotFollowing,
            PersonalRefusal::UnknownUser,
            PersonalRefusal::NotFollowable,
            PersonalRefusal::NotFollower,
            PersonalRefusal::Full,
            PersonalRefusal::AskedTooMany,
            PersonalRefusal::NotAsked,
            PersonalRefusal::Filter(PersonalFilterError::NothingUnderOnly),
            PersonalRefusal::CountsHidden,
            PersonalRefusal::TooManyUnknown(at),
            PersonalRefusal::UnknownActivity,
            PersonalRefusal::TooManyFeedLinks,
            PersonalRefusal::FeedLinkName,
            PersonalRefusal::DirectMessagesClosed,
            PersonalRefusal::TooManyDigestTrials(at),
            PersonalRefusal::UnknownTimeZone,
        ];
        all.extend(personal.map(Refusal::from));
        all.extend(collection.map(Refusal::from));
        all
    }

    #[test]
    fn programs_are_not_told_of_commands() {
        let refusals = refusals();
        let known: BTreeSet<&str> = refusals.iter().map(Refusal::code).chain(COMMANDS_ONLY).collect();
        let all = [Refusal::CODES, ConsentRefusal::CODES, CollectionRefusal::CODES, PersonalRefusal::CODES]
            .concat();
        let all: BTreeSet<&str> = all.iter().map(|failure| failure.code).collect();
        assert_eq!(known, all, "each refusal is here");
        let gaps = GapReason::ALL.iter().map(|reason| reason.explanation().to_owned());
        for sentence in refusals.iter().map(ToString::to_string).chain(gaps) {
            let told = for_programs(&sentence);
            let words = ["`/", "`link`", "`into`", "`channel`", "`notify`", "`quiet`", "command", "offered"];
            for word in words {
                assert!(!told.contains(word), "{word}: {told}");
            }
            assert!(!told.contains("  ") && told.trim() == told, "{told:?}");
        }
    }

    #[test]
    fn sentences_lose_their_markup() {
        for (sentence, expected) in [
            (
                "I need **View Channel** in <#7>, and <#8>.",
                "I need View Channel in channel 7, and channel 8.",
            ),
            ("<#>, <#x>, <#7", "<#>, <#x>, <#7"),
            ("Try again <t:1796037369:R>.", "Try again at 2026-11-30T11:16:09Z."),
            (
                "a < b > c, <t:x:R>, <t:>, <t:99999999999999999999>",
                "a < b > c, <t:x:R>, <t:>, <t:99999999999999999999>",
            ),
            ("", ""),
        ] {
            assert_eq!(plain(sentence), expected);
        }
    }
}
