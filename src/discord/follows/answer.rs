//! The answer to `/follow`, and the question that may come first, with its buttons. The buttons' ids name the
//! question. A restart forgets the question, and a press on its buttons then says so.

use poise::serenity_prelude as serenity;
use serenity::{
    ButtonStyle, ComponentInteraction, CreateActionRow, CreateButton, CreateEmbed, CreateInteractionResponse,
    EditInteractionResponse,
};

use crate::domain::follow::{
    ChannelPair, DeliveryMethod, Follow, FollowId, FollowOptions, FollowState, TagFilter,
};
use crate::domain::text;
use crate::service::{
    ChangedFollow, Confirmed, FollowOutcome, NotNative, Question, QuestionId, Resumed, ServiceError,
};

use super::super::Bot;
use super::super::reply::{self, mention};

/// How much of a list of tags is shown.
const TAGS: usize = 200;

/// The answer to the command.
pub(in crate::discord) fn answer(followed: &FollowOutcome) -> EditInteractionResponse {
    let (embed, buttons) = match followed {
        FollowOutcome::New { follow, earlier } => (reply::done(made(follow, *earlier)), Vec::new()),
        FollowOutcome::Changed(changed) => (reply::done(describe(changed)), Vec::new()),
        FollowOutcome::MadeOwn(follow) => (reply::done(made_own(follow)), Vec::new()),
        FollowOutcome::Repaired(changed) => (reply::done(repaired(changed)), Vec::new()),
        FollowOutcome::Waits(follow) => (reply::done(waits(follow)), Vec::new()),
        FollowOutcome::Asked(question) => return asked(question),
    };
    EditInteractionResponse::new().embed(embed).components(buttons)
}

/// The question whether somebody means to show posts to people who couldn't see them before.
pub(in crate::discord) fn asked(question: &Question) -> EditInteractionResponse {
    EditInteractionResponse::new().embed(reply::question(ask(question.pair))).components(buttons(question))
}

/// The answer to a confirmed question.
fn after_confirmation(confirmed: &Confirmed) -> EditInteractionResponse {
    match confirmed {
        Confirmed::Followed(followed) => answer(followed),
        Confirmed::Resumed(Resumed::Asked(question)) => asked(question),
        Confirmed::Resumed(Resumed::Waits(follow)) => final_answer(reply::done(waits(follow))),
        Confirmed::Resumed(Resumed::Again { follow, was_broken }) => {
            final_answer(reply::done(resumed(follow.id, *was_broken)))
        }
    }
}

/// A follow waits for the moderators of the followed channel.
pub(in crate::discord) fn waits(follow: &Follow) -> String {
    let (source, target) = (mention(follow.pair.source), mention(follow.pair.target));
    format!(
        "{target} will follow {source} (follow {}) once the moderators of {source}'s server approve it. Until then, nothing appears in {target}; `/follows` shows whether it is still waiting.",
        follow.id
    )
}

/// A follow was resumed.
pub(in crate::discord) fn resumed(id: FollowId, was_broken: bool) -> String {
    let again = if was_broken { "resumed, and works again" } else { "resumed" };
    format!("Follow {id} is {again}. What was posted in the meantime won't be sent.")
}

/// Answers a press on one of the question's buttons; `false` where it isn't one.
pub(in crate::discord) async fn answer_press(
    ctx: &serenity::Context,
    bot: &Bot,
    press: &ComponentInteraction,
) -> bool {
    let Some((id, confirmed)) = parse(&press.data.custom_id) else { return false };
    // At once: what follows may take longer than the 3 seconds.
    reply::deliver(press.create_response(ctx, CreateInteractionResponse::Acknowledge).await);
    let done = match reply::of_interaction(press.guild_id, press.user.id, press.channel_id) {
        Err(refusal) => Err(refusal.into()),
        Ok(actor) if confirmed => bot.follows.confirm(actor, id).await.map(|done| after_confirmation(&done)),
        Ok(actor) => {
            bot.follows.decline(actor, id);
            Ok(final_answer(reply::done("Cancelled.")))
        }
    };
    let answer = done.unwrap_or_else(|error| {
        let embed = reply::error(&error, "follow");
        match error {
            ServiceError::Refused(_) => final_answer(embed),
            // The buttons stay, to try again.
            ServiceError::Discord(_) | ServiceError::Store(_) => EditInteractionResponse::new().embed(embed),
        }
    });
    reply::deliver(press.edit_response(ctx, answer).await.map(|_| ()));
    true
}

/// An answer without buttons.
fn final_answer(embed: CreateEmbed) -> EditInteractionResponse {
    EditInteractionResponse::new().embed(embed).components(Vec::new())
}

fn ask(pair: ChannelPair) -> String {
    let (source, target) = (mention(pair.source), mention(pair.target));
    format!(
        "Everyone in this server will be able to read in {target} what is posted in {source}, a channel that most of them can't see. Should {target} follow it?"
    )
}

fn buttons(question: &Question) -> Vec<CreateActionRow> {
    let button = |word: &str, label: &str, style| {
        CreateButton::new(format!("follow:{word}:{}", question.id)).label(label).style(style)
    };
    vec![CreateActionRow::Buttons(vec![
        button("yes", "Follow anyway", ButtonStyle::Danger),
        button("no", "Cancel", ButtonStyle::Secondary),
    ])]
}

/// Reads a button's id: which question, and whether it confirms it.
fn parse(id: &str) -> Option<(QuestionId, bool)> {
    let (word, id) = id.strip_prefix("follow:")?.split_once(':')?;
    let confirmed = match word {
        "yes" => true,
        "no" => false,
        _ => return None,
    };
    Some((id.parse().ok()?, confirmed))
}

fn made(follow: &Follow, earlier: u64) -> String {
    let (source, target) = (mention(follow.pair.source), mention(follow.pair.target));
    let id = follow.id;
    let beginning = match earlier {
        0 => String::new(),
        earlier => format!(", starting with its last {earlier} posts"),
    };
    format!("{target} now follows {source} (follow {id}){beginning}. {}", what_to_expect(follow))
}

fn made_own(follow: &Follow) -> String {
    let (source, target) = (mention(follow.pair.source), mention(follow.pair.target));
    format!(
        "{target} follows {source} by itself now (follow {}): it stays, whatever becomes of the collection that brought it.",
        follow.id
    )
}

fn describe(changed: &ChangedFollow) -> String {
    let follow = &changed.follow;
    let text = format!("Follow {} is changed: {}.", follow.id, changes(changed).join(" · "));
    if follow.state == FollowState::Paused {
        return format!("{text} It is still paused: resume it in `/follows`.");
    }
    if changed.before.delivery == DeliveryMethod::Relay && follow.options.delivery == DeliveryMethod::Native {
        return format!("{text} {}", what_to_expect(follow));
    }
    text
}

fn repaired(changed: &ChangedFollow) -> String {
    let follow = &changed.follow;
    let (source, target) = (mention(follow.pair.source), mention(follow.pair.target));
    let changes = match changes(changed) {
        changes if changes.is_empty() => String::new(),
        changes => format!(" Changed: {}.", changes.join(" · ")),
    };
    format!(
        "Follow {} works again: {target} follows {source}.{changes} {}",
        follow.id,
        what_to_expect(follow)
    )
}

/// What will appear in the target from now on.
fn what_to_expect(follow: &Follow) -> String {
    let (source, target) = (mention(follow.pair.source), mention(follow.pair.target));
    match (follow.options.delivery, &follow.options.filter) {
        (DeliveryMethod::Native, _) => {
            format!("Discord's own following delivers: posts appear once they are published in {source}.")
        }
        (DeliveryMethod::Relay, TagFilter::All) => format!("New posts appear in {target} from now on."),
        (DeliveryMethod::Relay, filter @ TagFilter::Except(_)) => {
            format!("New posts appear in {target} from now on, except those with {}.", tags(filter))
        }
        (DeliveryMethod::Relay, filter @ TagFilter::Only(_)) => {
            format!("From now on, new posts with {} appear in {target}.", tags(filter))
        }
    }
}

fn tags(filter: &TagFilter) -> String {
    text::escape(&text::cut(&filter.tag_list(), TAGS))
}

/// What has changed, each with its former and its present value.
fn changes(changed: &ChangedFollow) -> Vec<String> {
    let (before, now) = (&changed.before, &changed.follow.options);
    let mut changes = Vec::new();
    let mut note = |what: &str, before: &str, now: &str| changes.push(format!("{what} {before} → {now}"));
    if before.filter.mode() != now.filter.mode() {
        note("mode", &mode(before), &mode(now));
    } else if before.filter != now.filter {
        note("tags", &tags(&before.filter), &tags(&now.filter));
    }
    if before.threads != now.threads {
        note("threads", before.threads.as_str(), now.threads.as_str());
    }
    let switch = |on| if on { "on" } else { "off" };
    if before.panels != now.panels {
        note("panels", switch(before.panels), switch(now.panels));
    }
    if before.delivery != now.delivery {
        let why = changed.why_relay.map_or("", why);
        note("delivery", before.delivery.as_str(), &format!("{}{why}", now.delivery.as_str()));
    }
    changes
}

fn mode(options: &FollowOptions) -> String {
    let tags = match &options.filter {
        TagFilter::All => String::new(),
        filter => format!(" {}", tags(filter)),
    };
    format!("{}{tags}", options.filter.mode().as_str())
}

const fn why(not_native: NotNative) -> &'static str {
    match not_native {
        NotNative::Filter => " (a native follow can't filter)",
        NotNative::Threads => " (a native follow has no threads)",
        NotNative::Kinds => " (Discord's own following can't join these channels any more)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back_and_nothing_else() {
        let id: QuestionId = u64::MAX.to_string().parse().unwrap();
        assert_eq!(parse(&format!("follow:yes:{id}")), Some((id, true)));
        assert_eq!(parse(&format!("follow:no:{id}")), Some((id, false)));
        for other in ["", "follow:", "follow:yes", "follow:yes:x", "follow:maybe:1", "follows:yes:1"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
