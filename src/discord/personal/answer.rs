//! The answers about a person's own follows, and about what they chose about being followed.

use poise::serenity_prelude as serenity;
use serenity::{ButtonStyle, CreateActionRow, CreateButton, CreateEmbed, EditInteractionResponse};

use crate::domain::follow::TagMode;
use crate::domain::ids::UserId;
use crate::domain::personal::{
    Coverage, Followable, Followee, ListVisibility, MemberFollowing, PersonalFilter, PersonalFollow,
    PersonalOptions, PersonalPolicy, PrivacyChoice,
};
use crate::domain::text;
use crate::service::people::{FollowEnd, PersonalFollowed};

use super::super::reply;
use super::component_id::PersonalPress;

/// How much of a list of tags is shown.
const TAGS: usize = 200;
/// Follows a value that the person didn't choose.
const BY_OPERATOR: &str = " (what my operator chose for everybody)";

/// What is followed, as Discord names it.
pub(in crate::discord) fn followee(followee: Followee) -> String {
    match followee {
        Followee::User(user) => person(user),
        Followee::Channel(channel) => reply::mention(channel),
        Followee::Collection(_) => "that collection".to_owned(),
    }
}

/// A person, as Discord names them.
pub(in crate::discord) fn person(user: UserId) -> String {
    format!("<@{user}>")
}

/// The answer to `/feed follow`.
pub(in crate::discord) fn followed(done: &PersonalFollowed) -> CreateEmbed {
    let (follow, name) = (&done.follow, followee(done.follow.followee));
    let Some(before) = &done.before else {
        let first = done.first.map(|sees| format!("\n\n{}", seen(follow.followee, sees)));
        return reply::done(format!(
            "You follow {name} now. {} Read your feed with `/feed read`.{}",
            what_comes(&follow.options),
            first.unwrap_or_default()
        ));
    };
    if *before == follow.options {
        return reply::info(
            "Nothing to do",
            format!("You follow {name} just like that already. {}", what_comes(&follow.options)),
        );
    }
    reply::done(format!(
        "You follow {name} differently now: {}. {}",
        changes(before, &follow.options).join(" · "),
        what_comes(&follow.options)
    ))
}

/// The answer where somebody is asked first. It is the same however often they are asked, and whatever they
/// answered but a yes.
pub(in crate::discord) fn asked(of: Followee) -> CreateEmbed {
    reply::done(format!(
        "{} wants to be asked first, and sees that you asked. You follow them once they say yes. A no isn't told. `/feed unfollow` takes your request back.",
        followee(of)
    ))
    .title("Asked")
}

/// The answer to *Follow* in a menu: whoever is followed already can be unfollowed.
pub(in crate::discord) fn toggled(done: &PersonalFollowed) -> EditInteractionResponse {
    if done.before.is_none() {
        return EditInteractionResponse::new().embed(followed(done));
    }
    let follow = &done.follow;
    let text = format!(
        "You follow {} already, since <t:{}:R>.",
        followee(follow.followee),
        follow.created_at.timestamp()
    );
    let unfollow = CreateButton::new(PersonalPress::unfollow_id(follow.follower, follow.followee));
    let unfollow = unfollow.label("Unfollow").style(ButtonStyle::Danger);
    EditInteractionResponse::new()
        .embed(reply::info("Followed already", text))
        .components(vec![CreateActionRow::Buttons(vec![unfollow])])
}

/// Says who learns of the follow: once, with the first one.
fn seen(of: Followee, sees: ListVisibility) -> String {
    if !matches!(of, Followee::User(_)) {
        return "Nobody is told, and nobody else can see which channels you follow.".to_owned();
    }
    let others = match sees {
        ListVisibility::Public => "everybody can see whom you follow",
        ListVisibility::Shared => "people who follow you, or whom you follow, can see whom you follow",
        ListVisibility::Hidden => "nobody else can see whom you follow",
    };
    format!(
        "{} isn't told, but can look up who follows them, and {others}; you can change that with `/feed privacy`.",
        followee(of)
    )
}

/// Says which posts a follow brings.
fn what_comes(options: &PersonalOptions) -> String {
    let tags = tags(&options.filter, TAGS);
    let which = match options.filter.mode() {
        _ if tags.is_empty() => String::new(),
        TagMode::Only => format!(" with {tags}"),
        TagMode::Except | TagMode::All => format!(" except those with {tags}"),
    };
    match options.coverage {
        Coverage::Everything => format!("All new messages{which} appear in your feed."),
        Coverage::Posts => format!(
            "New posts{which} appear in your feed: messages that are long, have a link, a file or a poll, or begin a thread. With `what:everything`, short messages appear, too."
        ),
    }
}

/// So much of a filter's tags, escaped.
fn tags(filter: &PersonalFilter, most: usize) -> String {
    let named = filter.tags().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    text::escape(&text::cut(&named, most))
}

/// A mode with so much of its tags.
pub(in crate::discord) fn mode(filter: &PersonalFilter, most: usize) -> String {
    format!("{} {}", filter.mode().as_str(), tags(filter, most)).trim_end().to_owned()
}

fn changes(before: &PersonalOptions, now: &PersonalOptions) -> Vec<String> {
    let mut changes = Vec::new();
    if before.filter != now.filter {
        changes.push(format!("{} → {}", mode(&before.filter, TAGS), mode(&now.filter, TAGS)));
    }
    if before.coverage != now.coverage {
        changes.push(format!("{} → {}", before.coverage.as_str(), now.coverage.as_str()));
    }
    changes
}

/// A follow has ended, or a request.
pub(in crate::discord) fn unfollowed(of: Followee, end: FollowEnd) -> CreateEmbed {
    let name = followee(of);
    reply::done(match end {
        FollowEnd::Ended => format!("You no longer follow {name}. Nothing of it is in your feed any more."),
        FollowEnd::Withdrawn => format!("Your request to follow {name} is taken back."),
    })
}

/// The answer to `/feed mute`.
pub(in crate::discord) fn muted(follow: &PersonalFollow) -> CreateEmbed {
    let name = followee(follow.followee);
    match follow.muted_until {
        Some(until) => reply::done(format!(
            "{name} is muted until <t:{0}:f> (<t:{0}:R>). Your feed hides these posts until then, and you still follow {name}.",
            until.timestamp()
        )),
        None => reply::done(format!("{name} isn't muted. Your feed shows these posts again.")),
    }
}

/// The answer to `/feed privacy`: what somebody chose, and how many follows ended because of it.
pub(in crate::discord) fn privacy(
    choice: PrivacyChoice,
    policy: PersonalPolicy,
    ended: Option<u64>,
) -> CreateEmbed {
    let followable = match (policy.members, choice.followable) {
        (MemberFollowing::Off, _) => "nobody; my operator has switched following people off".to_owned(),
        (_, Some(Followable::Everyone)) => "everyone, except those you block".to_owned(),
        (_, Some(Followable::Asked)) => {
            "everyone who asks and gets your yes, in `/feed followers`".to_owned()
        }
        (_, Some(Followable::Nobody)) => "nobody".to_owned(),
        (MemberFollowing::Open, None) => format!("everyone, except those you block{BY_OPERATOR}"),
        (MemberFollowing::Asked, None) => {
            format!("everyone who asks and gets your yes, in `/feed followers`{BY_OPERATOR}")
        }
        (MemberFollowing::OptIn, None) => {
            format!("nobody, until you choose `followable:everyone`{BY_OPERATOR}")
        }
    };
    let lists = match choice.lists.unwrap_or(policy.lists) {
        ListVisibility::Public => "everybody",
        ListVisibility::Shared => "people who follow you, or whom you follow",
        ListVisibility::Hidden => "only you; people can always see their own followers",
    };
    let counts = if choice.counts_hidden { "only you" } else { "everybody" };
    let mut text = format!(
        "**Who may follow you:** {followable}\n**Who sees whom you follow, and who follows you:** {lists}{}\n**Who sees the numbers:** {counts}",
        if choice.lists.is_some() { "" } else { BY_OPERATOR }
    );
    let Some(ended) = ended else {
        text.push_str("\n\nChange it with the options of this command: `followable`, `lists`, `counts`.");
        return reply::info("Following and you", text);
    };
    match ended {
        0 => {}
        1 => text.push_str("\n\n1 person who followed you doesn't any more."),
        ended => text.push_str(&format!("\n\n{ended} people who followed you don't any more.")),
    }
    reply::done(text).title("Following and you")
}

/// The question before `/feed forget` forgets.
pub(in crate::discord) fn ask_to_forget(owner: UserId) -> EditInteractionResponse {
    let question = "Should I forget you as a reader? You then follow nobody, and nobody follows you. Your feed and its addresses, how far you read it, \
        your choices in `/feed privacy` and your blocks go, too. This can't be undone.\n\n\
        Afterwards, people may follow you again unless you choose `/feed privacy followable:nobody`. \
        What I keep of your own messages is another matter: `/privacy` is for that.";
    let button = |confirmed, label, style| {
        CreateButton::new(PersonalPress::forget_id(owner, confirmed)).label(label).style(style)
    };
    let buttons = CreateActionRow::Buttons(vec![
        button(true, "Forget me as a reader", ButtonStyle::Danger),
        button(false, "Cancel", ButtonStyle::Secondary),
    ]);
    EditInteractionResponse::new().embed(reply::question(question)).components(vec![buttons])
}
